//! Which digest goes with which signature.
//! Source: RFC 5754 §2, §3; RFC 8419 §3.1 (Ed25519 with signed attributes digests with SHA-512).

use aws_lc_rs::digest as aws;

use crate::tlv::{Reader, only, tag, tlv};
use crate::{Error, KeyAlgorithm, SignatureAlgorithm};

/// The digests that a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

/// rsaEncryption (RFC 3370 §3.2): in CMS it stands for PKCS #1 v1.5 with the signer's digest.
const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// id-sha256, id-sha384 and id-sha512 but for their last octet.
const SHA2_ARC: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";

impl Digest {
    /// Reads the content of an AlgorithmIdentifier; parameters are absent or NULL (RFC 5754 §2). `None` when unknown.
    pub(crate) fn from_fields(mut fields: Reader<'_>) -> Option<Self> {
        let last = fields.take(tag::OID)?.content.strip_prefix(SHA2_ARC)?;
        let null = fields.any();
        if null.is_some_and(|value| value.whole != [5, 0]) || !fields.is_empty() {
            return None;
        }
        match last {
            [1] => Some(Self::Sha256),
            [2] => Some(Self::Sha384),
            [3] => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the digest that such a key's signatures use.
    // RFC8419-3.1-sha512
    pub(crate) const fn for_key(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::EcdsaP256 => Self::Sha256,
            KeyAlgorithm::EcdsaP384 => Self::Sha384,
            KeyAlgorithm::Ed25519 => Self::Sha512,
        }
    }

    /// Writes the AlgorithmIdentifier, parameters absent.
    pub(crate) fn der(self) -> Vec<u8> {
        let last = match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        };
        tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[SHA2_ARC, &[last]])])
    }

    /// Digests the message.
    pub(crate) fn of(self, message: &[u8]) -> aws::Digest {
        let algorithm = match self {
            Self::Sha256 => &aws::SHA256,
            Self::Sha384 => &aws::SHA384,
            Self::Sha512 => &aws::SHA512,
        };
        aws::digest(algorithm, message)
    }

    /// Reads a signatureAlgorithm, which must use this digest.
    ///
    /// # Errors
    /// [`Error::CmsDigestAlgorithmMismatch`] (`Untrusted`); those of [`SignatureAlgorithm::from_der`].
    pub(crate) fn signature(self, algorithm: &[u8]) -> Result<SignatureAlgorithm, Error> {
        let oid = only(tag::SEQUENCE, algorithm).and_then(|fields| Reader::new(fields).take(tag::OID));
        if oid.is_some_and(|oid| oid.content == RSA_ENCRYPTION) {
            return Ok(self.rsa());
        }
        let read = SignatureAlgorithm::from_der(algorithm)?;
        if Self::in_signature(read) == self { Ok(read) } else { Err(Error::CmsDigestAlgorithmMismatch) }
    }

    const fn rsa(self) -> SignatureAlgorithm {
        match self {
            Self::Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
            Self::Sha384 => SignatureAlgorithm::RsaPkcs1Sha384,
            Self::Sha512 => SignatureAlgorithm::RsaPkcs1Sha512,
        }
    }

    const fn in_signature(algorithm: SignatureAlgorithm) -> Self {
        use SignatureAlgorithm as S;
        match algorithm {
            S::EcdsaSha256 | S::RsaPkcs1Sha256 | S::RsaPssSha256 => Self::Sha256,
            S::EcdsaSha384 | S::RsaPkcs1Sha384 | S::RsaPssSha384 => Self::Sha384,
            S::EcdsaSha512 | S::RsaPkcs1Sha512 | S::RsaPssSha512 | S::Ed25519 => Self::Sha512,
        }
    }
}
