//! Public keys: parsed from SubjectPublicKeyInfo, used to verify.
//! Source: RFC 5280 §4.1.2.7; RFC 5480 (P-256, P-384, uncompressed points), RFC 8410, RFC 3279 §2.3.1 (RSA).
//! Does not: hold private keys.
//! Invariants: the algorithm is one that we verify; an RSA modulus has 2048 to 8192 bits.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey};
use proto::{Fingerprint, KeyId};

use crate::algorithm::KeyKind;
use crate::tlv::{Reader, only, tag};
use crate::{Error, SignatureAlgorithm, digest};

/// The most bytes of a SubjectPublicKeyInfo: one of RSA-8192 has 1,062.
const SPKI_BYTES_MAX: usize = 1200;

pub(crate) const P256: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
pub(crate) const P384: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
pub(crate) const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// A public key on P-256 or P-384, an Ed25519 key, or an RSA key of at least 2048 bits. Clones are cheap.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    spki_der: Vec<u8>,
    /// The content of the BIT STRING: a point, 32 octets, or an RSAPublicKey.
    subject_public_key: Vec<u8>,
    key_id: OnceLock<KeyId>,
    /// The key as the provider wants it, for the algorithm first asked for.
    parsed: OnceLock<Option<(SignatureAlgorithm, ParsedPublicKey)>>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Error::KeyMalformed`] (`Malformed`); [`Error::KeyUnsupported`] (`Unsupported`) for another algorithm, curve
    /// or point form; [`Error::KeyTooWeak`] (`Unsupported`) for RSA outside 2048 to 8192 bits.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        if der.len() > SPKI_BYTES_MAX {
            return Err(Error::KeyMalformed);
        }
        let mut fields = Reader::new(only(tag::SEQUENCE, der).ok_or(Error::KeyMalformed)?);
        let algorithm = fields.take(tag::SEQUENCE).ok_or(Error::KeyMalformed)?.content;
        let bits = fields.take(tag::BIT_STRING).ok_or(Error::KeyMalformed)?.content;
        let key = match bits.split_first() {
            Some((0, key)) if fields.is_empty() => key,
            Some(_) | None => return Err(Error::KeyMalformed),
        };
        let kind = kind_of(algorithm, key)?;
        Ok(Self(Arc::new(Inner {
            kind,
            spki_der: der.to_vec(),
            subject_public_key: key.to_vec(),
            key_id: OnceLock::new(),
            parsed: OnceLock::new(),
        })))
    }

    /// Returns the SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki_der
    }

    /// Returns the SHA-1 of the BIT STRING's octets, by which we name keys in certificates (RFC 5280 §4.2.1.2 (1)).
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        self.0.key_id.get_or_init(|| digest::key_id(&self.0.subject_public_key))
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo (the fingerprint of RFC 7469).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        digest::sha256(&self.0.spki_der)
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    /// [`Error::SignatureKeyMismatch`] (`Untrusted`) when such a key makes no such signature;
    /// [`Error::SignatureInvalid`] (`Untrusted`) when the signature is not of this key over this message.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let verifier = self.0.kind.verifier(algorithm).ok_or(Error::SignatureKeyMismatch)?;
        let key = &self.0.subject_public_key;
        let parsed =
            self.0.parsed.get_or_init(|| Some((algorithm, ParsedPublicKey::new(verifier, key).ok()?)));
        match parsed {
            Some((first, parsed)) if *first == algorithm => parsed.verify_sig(message, signature),
            Some(_) => UnparsedPublicKey::new(verifier, key).verify(message, signature),
            None => return Err(Error::SignatureInvalid),
        }
        .map_err(|_| Error::SignatureInvalid)
    }

    /// Checks a signature whose algorithm stands beside it as the DER of an AlgorithmIdentifier.
    ///
    /// # Errors
    /// Those of [`SignatureAlgorithm::from_der`] and [`PublicKey::verify`].
    pub fn verify_der(&self, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.verify(SignatureAlgorithm::from_der(algorithm)?, message, signature)
    }

    /// Returns what kind of key it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    pub(crate) fn subject_public_key(&self) -> &[u8] {
        &self.0.subject_public_key
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki_der == other.0.spki_der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?} {})", self.0.kind, self.fingerprint())
    }
}

fn kind_of(algorithm: &[u8], key: &[u8]) -> Result<KeyKind, Error> {
    match (algorithm, key.len(), key.first()) {
        (P256, 65, Some(4)) => Ok(KeyKind::P256),
        (P384, 97, Some(4)) => Ok(KeyKind::P384),
        (ED25519, 32, _) => Ok(KeyKind::Ed25519),
        (RSA, ..) => rsa(key),
        _ => Err(Error::KeyUnsupported),
    }
}

/// Reads RSAPublicKey far enough to weigh the modulus.
fn rsa(key: &[u8]) -> Result<KeyKind, Error> {
    let mut fields = Reader::new(only(tag::SEQUENCE, key).ok_or(Error::KeyMalformed)?);
    let modulus = fields.take(tag::INTEGER).ok_or(Error::KeyMalformed)?.content;
    fields.take(tag::INTEGER).filter(|_| fields.is_empty()).ok_or(Error::KeyMalformed)?;
    let magnitude = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = match magnitude.first() {
        Some(first) => magnitude.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or_default(),
        None => 0,
    };
    if (2048..=8192).contains(&bits) { Ok(KeyKind::Rsa) } else { Err(Error::KeyTooWeak) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::{bit_string, tlv, unsigned};
    use crate::{KeyAlgorithm, Signer};

    fn rsa_spki(modulus_bytes: usize) -> Vec<u8> {
        let key = tlv(tag::SEQUENCE, &[&unsigned(&vec![0x80; modulus_bytes]), &unsigned(&[1, 0, 1])]);
        tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[RSA]), &bit_string(&key)])
    }

    #[test]
    fn refuses_rsa_below_2048_bits() {
        assert!(PublicKey::from_spki_der(&rsa_spki(256)).is_ok());
        assert!(PublicKey::from_spki_der(&rsa_spki(1024)).is_ok());
        assert!(matches!(PublicKey::from_spki_der(&rsa_spki(255)), Err(Error::KeyTooWeak)));
        assert!(matches!(PublicKey::from_spki_der(&rsa_spki(128)), Err(Error::KeyTooWeak)));
    }

    #[test]
    fn refuses_compressed_points_and_trailing_bytes() {
        let spki = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap().public_key().spki_der().to_vec();
        let compressed = tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[P256]), &bit_string(&[2; 33])]);
        assert!(matches!(PublicKey::from_spki_der(&compressed), Err(Error::KeyUnsupported)));
        assert!(matches!(PublicKey::from_spki_der(&[&spki[..], &[0]].concat()), Err(Error::KeyMalformed)));
    }

    #[test]
    fn a_point_off_the_curve_verifies_nothing() {
        let off = tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[P256]), &bit_string(&[4; 65])]);
        let key = PublicKey::from_spki_der(&off).unwrap();
        assert!(matches!(
            key.verify(SignatureAlgorithm::EcdsaSha256, b"m", b"s"),
            Err(Error::SignatureInvalid)
        ));
    }

    #[test]
    fn a_signature_holds_for_its_own_message_key_and_algorithm_only() {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let signature = signer.sign(b"message").unwrap();
        let key = signer.public_key();
        assert!(key.verify(SignatureAlgorithm::EcdsaSha256, b"message", &signature).is_ok());
        assert!(key.verify(SignatureAlgorithm::EcdsaSha256, b"massage", &signature).is_err());
        assert!(key.verify(SignatureAlgorithm::EcdsaSha384, b"message", &signature).is_err());
        assert!(matches!(
            key.verify(SignatureAlgorithm::Ed25519, b"message", &signature),
            Err(Error::SignatureKeyMismatch)
        ));
    }
}
