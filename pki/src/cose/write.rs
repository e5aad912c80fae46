//! Writes COSE_Sign1: tagged, deterministic, alg in the protected header and, besides certificates, nothing else.
//! Source: RFC 9052 §4.2, §4.4; RFC 9360 §2; CBRSKI §9.2.

use proto::cbor::Writer;

use super::algorithm::Algorithm;
use super::{CERTIFICATES_MAX, TAG_SIGN1, label, sig_structure};
use crate::{Certificate, Error, Signer};

/// The certificates that go along, in an x5bag of either header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bags<'a> {
    /// Covered by the signature and never stripped: for a pledge that does not know the signer itself.
    pub protected: &'a [Certificate],
    /// Not covered: for those on the way, who look for a chain.
    pub unprotected: &'a [Certificate],
}

/// Signs `payload` without certificates, as a pledge does.
///
/// # Errors
/// [`Error::SigningFailed`] (`Fault`).
pub fn sign(payload: &[u8], signer: &Signer) -> Result<Vec<u8>, Error> {
    sign_with(payload, signer, Bags::default())
}

/// Signs `payload` and adds certificates.
///
/// # Errors
/// [`Error::CoseTooManyCertificates`] (`Malformed`), [`Error::SigningFailed`] (`Fault`).
pub fn sign_with(payload: &[u8], signer: &Signer, bags: Bags<'_>) -> Result<Vec<u8>, Error> {
    if bags.protected.len() + bags.unprotected.len() > CERTIFICATES_MAX {
        return Err(Error::CoseTooManyCertificates);
    }
    let algorithm = Algorithm::for_key(signer.algorithm());
    let protected = protected(algorithm, bags.protected);
    let signature = signer.sign(&sig_structure(&protected, payload))?;
    let signature = algorithm.signature_from_der(signature).ok_or(Error::SigningFailed)?;
    let mut writer = Writer::new();
    writer.tag(TAG_SIGN1).array(4).bytes(&protected).map(usize::from(!bags.unprotected.is_empty()));
    write_bag(&mut writer, bags.unprotected);
    writer.bytes(payload).bytes(&signature);
    Ok(writer.into_bytes())
}

/// Writes the content of the protected header; its keys are in the order of their encodings.
fn protected(algorithm: Algorithm, certificates: &[Certificate]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.map(1 + usize::from(!certificates.is_empty()));
    writer.integer(label::ALGORITHM).integer(algorithm.number());
    write_bag(&mut writer, certificates);
    writer.into_bytes()
}

/// Writes the parameter, or nothing without certificates: a byte string for one, an array for more.
// RFC9360-2-one-or-array
fn write_bag(writer: &mut Writer, certificates: &[Certificate]) {
    match certificates {
        [] => {}
        [one] => _ = writer.integer(label::X5BAG).bytes(one.der()),
        more => {
            writer.integer(label::X5BAG).array(more.len());
            for certificate in more {
                writer.bytes(certificate.der());
            }
        }
    }
}
