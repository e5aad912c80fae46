//! COSE_Sign1: the envelope of constrained vouchers and voucher-requests.
//! Source: RFC 9052 §2, §3, §4.2, §4.4; RFC 9053 §2 (algorithms); RFC 9360 §2 (x5bag, x5chain); profile:
//! draft-ietf-anima-constrained-voucher-31 (CBRSKI) §9.2.
//! Does not: decide trust. The caller brings the key, or the certificates to look for it in, judged by `path::verify`.
//! Invariants: a `Verified<CoseSign1>` names its algorithm in the protected header, that algorithm is the one of the
//! key, no critical parameter in it is unknown, and the given key verified its signature.

mod algorithm;
mod read;
mod write;

use std::ops::Range;
use std::sync::OnceLock;

use proto::cbor::{Limits, Writer};

use crate::{Certificate, Error, PublicKey, Unverified, Verified};
use algorithm::Algorithm;

pub use write::{Bags, sign, sign_with};

/// The most octets of a COSE message that is read: 64 KiB; a voucher-request with both chains has about 4.
pub const COSE_BYTES_MAX: usize = 64 * 1024;
/// The most certificates in all headers of one message, as in CMS.
pub const CERTIFICATES_MAX: usize = crate::cms::CERTIFICATES_MAX;
/// The most parameters in one of the two headers: ours; a voucher has two.
pub const HEADER_PARAMETERS_MAX: usize = 16;
/// Depth and number of all items of a message: the certificates and parameters above, and claims beside them.
const LIMITS: Limits = Limits { depth_max: 8, items_max: 256 };

/// The tag of COSE_Sign1 (RFC 9052 §2).
const TAG_SIGN1: u64 = 18;
/// The labels of header parameters (RFC 9052 §3.1, RFC 9360 §2).
mod label {
    pub(super) const ALGORITHM: i64 = 1;
    pub(super) const CRITICAL: i64 = 2;
    pub(super) const X5BAG: i64 = 32;
    pub(super) const X5CHAIN: i64 = 33;
}

/// One signed message and what it carries; it is held once, as received, and its parts are places in it.
#[derive(Clone, Debug)]
pub struct CoseSign1 {
    octets: Vec<u8>,
    is_tagged: bool,
    /// What the byte string of the protected header holds.
    protected: Range<usize>,
    algorithm: Algorithm,
    payload: Range<usize>,
    signature: Range<usize>,
    /// The values of x5bag and x5chain, protected ones first.
    bags: Vec<Range<usize>>,
    /// The unprotected parameters that are no certificates, each a label and a value.
    other_unprotected: Vec<Range<usize>>,
    has_unprotected_bag: bool,
    /// The key that was found to have signed, so that its signature is not checked a second time.
    signed_by: OnceLock<PublicKey>,
}

impl CoseSign1 {
    /// Reads a COSE_Sign1, with its tag or without. A vector that is handed over is kept; a slice is copied once.
    ///
    /// # Errors
    /// [`Error::CoseTooLarge`], [`Error::CoseMalformed`], [`Error::CoseHeaderInvalid`], [`Error::CosePayloadMissing`],
    /// [`Error::CoseAlgorithmMissing`] (all `Malformed`); [`Error::CoseAlgorithmUnsupported`],
    /// [`Error::CoseCriticalUnknown`] (`Unsupported`).
    pub fn parse(octets: impl Into<Vec<u8>>) -> Result<Unverified<Self>, Error> {
        read::sign1(octets.into()).map(Unverified::new)
    }

    /// Returns the signed content.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.part(&self.payload)
    }

    /// Returns the whole message as received.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the certificates that came along in x5bag and x5chain of both headers, in their order, each once; none
    /// is trusted, and those in the unprotected header are not even signed.
    ///
    /// # Errors
    /// [`Error::CoseHeaderInvalid`], [`Error::CoseTooManyCertificates`] (`Malformed`); those of [`Certificate::parse`].
    pub fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        let mut certificates: Vec<Certificate> = Vec::new();
        for bag in &self.bags {
            for der in read::certificates(self.part(bag))? {
                if certificates.iter().any(|earlier| earlier.der() == der) {
                    continue;
                }
                if certificates.len() == CERTIFICATES_MAX {
                    return Err(Error::CoseTooManyCertificates);
                }
                certificates.push(Certificate::parse(der)?);
            }
        }
        Ok(certificates)
    }

    /// Returns the message without x5bag and x5chain in its unprotected header, as a registrar must forward it; octet
    /// for octet as received when there are none. The signature does not cover that header.
    // CBRSKI-6.8-strip-bags
    #[must_use]
    pub fn without_certificates(&self) -> Vec<u8> {
        if !self.has_unprotected_bag {
            return self.octets.clone();
        }
        let mut writer = Writer::new();
        if self.is_tagged {
            writer.tag(TAG_SIGN1);
        }
        writer.array(4).bytes(self.part(&self.protected)).map(self.other_unprotected.len());
        for parameter in &self.other_unprotected {
            writer.raw(self.part(parameter));
        }
        writer.bytes(self.payload()).bytes(self.part(&self.signature));
        writer.into_bytes()
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.octets.get(range.clone()).unwrap_or_default()
    }

    /// Checks the signature over the Sig_structure (RFC 9052 §4.4).
    fn check(&self, key: &PublicKey) -> Result<(), Error> {
        if self.signed_by.get() == Some(key) {
            return Ok(());
        }
        let message = sig_structure(self.part(&self.protected), self.payload());
        self.algorithm.verify(key, &message, self.part(&self.signature))?;
        self.signed_by.get_or_init(|| key.clone());
        Ok(())
    }
}

impl Unverified<CoseSign1> {
    /// Returns the certificates that came along, as [`CoseSign1::certificates`] does; none is trusted.
    ///
    /// # Errors
    /// As [`CoseSign1::certificates`].
    pub fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        self.peek().certificates()
    }

    /// Returns the payload before any signature was checked: only to find the key that must verify it.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        self.peek().payload()
    }

    /// Returns the whole message as received.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.peek().as_bytes()
    }

    /// Finds the first of these certificates whose key made the signature: a message does not say who signed it. To
    /// have signed is all that is shown; whether that one may sign is the caller's to judge.
    pub fn find_signer<'a>(
        &self,
        candidates: impl IntoIterator<Item = &'a Certificate>,
    ) -> Option<&'a Certificate> {
        candidates.into_iter().find(|candidate| self.peek().check(candidate.public_key()).is_ok())
    }

    /// Checks the message with a key that the caller trusts for it.
    ///
    /// # Errors
    /// [`Error::SignatureKeyMismatch`], [`Error::CoseSignatureInvalid`] (`Untrusted`).
    pub fn verify_with_key(self, key: &PublicKey) -> Result<Verified<CoseSign1>, Error> {
        self.peek().check(key)?;
        Ok(self.into_verified())
    }
}

/// Writes what is signed: the context, the protected header, no external data, the payload.
// RFC9052-4.4-sig-structure
fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(4).text("Signature1").bytes(protected).bytes(&[]).bytes(payload);
    writer.into_bytes()
}
