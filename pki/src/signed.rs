//! The frame around a certificate, a certification request and a CRL: what is signed, by which algorithm, the signature.
//! Source: RFC 5280 §4.1.1, §5.1.1; RFC 2986 §4.2.
//! Does not: look at what is signed, check a signature.

use crate::tlv::{Reader, bit_string, only, tag, tlv};
use crate::{Error, Signer};

/// The three parts, as they stand in the frame.
pub(crate) struct Signed<'a> {
    /// What is signed, header included.
    pub(crate) message: &'a [u8],
    /// The AlgorithmIdentifier, header included.
    pub(crate) algorithm: &'a [u8],
    /// The octets of the signature.
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes a frame apart that fills the input.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut fields = Reader::new(only(tag::SEQUENCE, der)?);
        let message = fields.take(tag::SEQUENCE)?.whole;
        let algorithm = fields.take(tag::SEQUENCE)?.whole;
        let signature = fields.take(tag::BIT_STRING)?.content.strip_prefix(&[0])?;
        fields.is_empty().then_some(Self { message, algorithm, signature })
    }
}

/// Signs a message and puts the frame around it.
///
/// # Errors
/// [`Error::SigningFailed`] (`Fault`).
pub(crate) fn sign(message: &[u8], signer: &Signer) -> Result<Vec<u8>, Error> {
    let algorithm = signer.signature_algorithm().der().ok_or(Error::SigningFailed)?;
    Ok(tlv(tag::SEQUENCE, &[message, algorithm, &bit_string(&signer.sign(message)?)]))
}
