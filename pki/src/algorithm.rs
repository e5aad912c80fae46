//! Key and signature algorithms: what we make, and what we accept of others.
//! Source: RFC 5480, RFC 5758 (ECDSA), RFC 8410 (Ed25519), RFC 4055 (RSA).
//! Does not: accept SHA-1 or MD5, sign with RSA.

use aws_lc_rs::signature as aws;

use crate::Error;
use crate::tlv::{Reader, only, tag};

/// The kinds of key that we make and sign with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
}

impl KeyAlgorithm {
    /// Lists all, for tests and help texts.
    pub const ALL: [Self; 3] = [Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519];

    /// Returns the signature that such a key makes.
    #[must_use]
    pub const fn signature(self) -> SignatureAlgorithm {
        match self {
            Self::EcdsaP256 => SignatureAlgorithm::EcdsaSha256,
            Self::EcdsaP384 => SignatureAlgorithm::EcdsaSha384,
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
        }
    }

    /// Names the algorithm as configuration files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl core::fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for KeyAlgorithm {
    type Err = Error;

    /// Reads the name that [`KeyAlgorithm::name`] writes.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or(Error::KeyUnsupported)
    }
}

/// The signature algorithms that we verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, 32 octets of salt.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384, 48 octets of salt.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512, 64 octets of salt.
    RsaPssSha512,
}

use SignatureAlgorithm as S;

/// The AlgorithmIdentifiers, each as its whole DER. RSA may come with NULL parameters (RFC 4055 §5) or, from some
/// makers, with none.
const KNOWN: [(&[u8], SignatureAlgorithm); 10] = [
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", S::EcdsaSha256),
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", S::EcdsaSha384),
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", S::EcdsaSha512),
    (b"\x30\x05\x06\x03\x2b\x65\x70", S::Ed25519),
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", S::RsaPkcs1Sha256),
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", S::RsaPkcs1Sha384),
    (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", S::RsaPkcs1Sha512),
    (b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", S::RsaPkcs1Sha256),
    (b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", S::RsaPkcs1Sha384),
    (b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", S::RsaPkcs1Sha512),
];

/// id-RSASSA-PSS (RFC 4055 §3.1).
const RSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// Signature algorithms over SHA-1 and MD5, known so that the refusal can say why.
const BROKEN: [&[u8]; 5] = [
    b"\x2a\x86\x48\xce\x3d\x04\x01",         // ecdsa-with-SHA1
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", // sha1WithRSAEncryption
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", // md5WithRSAEncryption
    b"\x2b\x0e\x03\x02\x1d",                 // sha1WithRSA of the OIW
    b"\x2a\x86\x48\xce\x38\x04\x03",         // dsa-with-SHA1
];

impl SignatureAlgorithm {
    /// Reads an AlgorithmIdentifier, header included.
    ///
    /// # Errors
    /// [`Error::SignatureAlgorithmBroken`] (`Unsupported`) for SHA-1 and MD5;
    /// [`Error::SignatureAlgorithmUnsupported`] (`Unsupported`) for any other that is not listed above.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if let Some((_, algorithm)) = KNOWN.iter().find(|(known, _)| *known == der) {
            return Ok(*algorithm);
        }
        let mut fields = Reader::new(only(tag::SEQUENCE, der).ok_or(Error::SignatureAlgorithmUnsupported)?);
        let oid = fields.take(tag::OID).ok_or(Error::SignatureAlgorithmUnsupported)?.content;
        if BROKEN.contains(&oid) {
            return Err(Error::SignatureAlgorithmBroken);
        }
        if oid == RSA_PSS {
            return pss_from_parameters(fields).ok_or(Error::SignatureAlgorithmUnsupported);
        }
        Err(Error::SignatureAlgorithmUnsupported)
    }

    /// Returns the AlgorithmIdentifier as DER, for those with which we sign; `None` for RSA-PSS, whose parameters
    /// we do not write.
    #[must_use]
    pub fn der(self) -> Option<&'static [u8]> {
        KNOWN.iter().find(|(_, algorithm)| *algorithm == self).map(|(der, _)| *der)
    }
}

/// Reads RSASSA-PSS-params (RFC 4055 §3.1) where hash and mask agree and the salt is as long as the hash.
fn pss_from_parameters(mut fields: Reader<'_>) -> Option<SignatureAlgorithm> {
    let mut parameters = Reader::new(fields.take(tag::SEQUENCE)?.content);
    let hash = only(tag::SEQUENCE, parameters.take(tag::context_constructed(0))?.content)?;
    let mask = only(tag::SEQUENCE, parameters.take(tag::context_constructed(1))?.content)?;
    let salt = only(tag::INTEGER, parameters.take(tag::context_constructed(2))?.content)?;
    let mut mask = Reader::new(mask);
    let is_mgf1 = mask.take(tag::OID)?.content == b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
    let mask_hash = mask.take(tag::SEQUENCE)?.content;
    let hash = Reader::new(hash).take(tag::OID)?.content;
    if !is_mgf1 || Reader::new(mask_hash).take(tag::OID)?.content != hash {
        return None;
    }
    match (hash, salt) {
        (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", [32]) => Some(S::RsaPssSha256),
        (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", [48]) => Some(S::RsaPssSha384),
        (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", [64]) => Some(S::RsaPssSha512),
        _ => None,
    }
}

/// What a public key is, as its SubjectPublicKeyInfo says: the kinds of key that we verify and certify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A point on P-256.
    P256,
    /// A point on P-384.
    P384,
    /// An Ed25519 key.
    Ed25519,
    /// An RSA key of 2048 to 8192 bits.
    Rsa,
}

impl KeyKind {
    /// Chooses the verifier for a signature by such a key; `None` when they do not fit together.
    pub(crate) fn verifier(
        self,
        signature: SignatureAlgorithm,
    ) -> Option<&'static dyn aws::VerificationAlgorithm> {
        Some(match (self, signature) {
            (Self::P256, S::EcdsaSha256) => &aws::ECDSA_P256_SHA256_ASN1,
            (Self::P256, S::EcdsaSha384) => &aws::ECDSA_P256_SHA384_ASN1,
            (Self::P256, S::EcdsaSha512) => &aws::ECDSA_P256_SHA512_ASN1,
            (Self::P384, S::EcdsaSha256) => &aws::ECDSA_P384_SHA256_ASN1,
            (Self::P384, S::EcdsaSha384) => &aws::ECDSA_P384_SHA384_ASN1,
            (Self::P384, S::EcdsaSha512) => &aws::ECDSA_P384_SHA512_ASN1,
            (Self::Ed25519, S::Ed25519) => &aws::ED25519,
            (Self::Rsa, S::RsaPkcs1Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rsa, S::RsaPkcs1Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rsa, S::RsaPkcs1Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
            (Self::Rsa, S::RsaPssSha256) => &aws::RSA_PSS_2048_8192_SHA256,
            (Self::Rsa, S::RsaPssSha384) => &aws::RSA_PSS_2048_8192_SHA384,
            (Self::Rsa, S::RsaPssSha512) => &aws::RSA_PSS_2048_8192_SHA512,
            (Self::P256 | Self::P384 | Self::Ed25519 | Self::Rsa, _) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::tlv;

    #[test]
    fn every_identifier_that_we_write_is_read_back() {
        for key in KeyAlgorithm::ALL {
            let der = key.signature().der().unwrap();
            assert_eq!(SignatureAlgorithm::from_der(der).unwrap(), key.signature());
            assert_eq!(key.name().parse::<KeyAlgorithm>().unwrap(), key);
        }
    }

    #[test]
    fn refuses_sha1_and_md5_by_name() {
        for oid in BROKEN {
            let der = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &[5, 0]]);
            assert!(matches!(SignatureAlgorithm::from_der(&der), Err(Error::SignatureAlgorithmBroken)));
        }
    }

    #[test]
    fn reads_pss_only_when_hash_mask_and_salt_agree() {
        let pss = |hash: u8, mask: u8, salt: u8| {
            let hash_id = |last: u8| {
                let oid = [&b"\x60\x86\x48\x01\x65\x03\x04\x02"[..], &[last]].concat();
                tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[&oid]), &[5, 0]])
            };
            let mgf1 = tlv(tag::OID, &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"]);
            let parameters = tlv(
                tag::SEQUENCE,
                &[
                    &tlv(tag::context_constructed(0), &[&hash_id(hash)]),
                    &tlv(tag::context_constructed(1), &[&tlv(tag::SEQUENCE, &[&mgf1, &hash_id(mask)])]),
                    &tlv(tag::context_constructed(2), &[&[2, 1, salt]]),
                ],
            );
            SignatureAlgorithm::from_der(&tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[RSA_PSS]), &parameters])).ok()
        };
        assert_eq!(pss(1, 1, 32), Some(S::RsaPssSha256));
        assert_eq!(pss(2, 2, 48), Some(S::RsaPssSha384));
        assert_eq!(pss(3, 3, 64), Some(S::RsaPssSha512));
        assert_eq!(pss(1, 2, 32), None);
        assert_eq!(pss(1, 1, 20), None);
    }
}
