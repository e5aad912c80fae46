//! Which algorithm goes with which key, and the forms of their signatures.
//! Source: RFC 9053 §2.1 (ECDSA: r and s side by side), §2.2 (EdDSA); CBRSKI §9.2.
//! Does not: take a curve other than the one that goes with the hash, as RFC 9053 §2.1 allows.

use crate::algorithm::KeyKind;
use crate::tlv::{Reader, only, tag, tlv, unsigned};
use crate::{Error, KeyAlgorithm, PublicKey, SignatureAlgorithm};

/// The algorithms that a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Finds the algorithm of that number of the IANA registry.
    pub(super) const fn from_number(number: i64) -> Option<Self> {
        match number {
            -7 => Some(Self::Es256),
            -35 => Some(Self::Es384),
            -8 => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// Returns the algorithm that such a key signs with.
    pub(super) const fn for_key(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::EcdsaP256 => Self::Es256,
            KeyAlgorithm::EcdsaP384 => Self::Es384,
            KeyAlgorithm::Ed25519 => Self::EdDsa,
        }
    }

    /// Returns the number of the IANA registry.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::EdDsa => -8,
        }
    }

    /// Checks a signature in the form that COSE gives it.
    // RFC9053-2-algorithm-fits-key
    pub(super) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let (kind, algorithm) = match self {
            Self::Es256 => (KeyKind::P256, SignatureAlgorithm::EcdsaSha256),
            Self::Es384 => (KeyKind::P384, SignatureAlgorithm::EcdsaSha384),
            Self::EdDsa => (KeyKind::Ed25519, SignatureAlgorithm::Ed25519),
        };
        if key.kind() != kind {
            return Err(Error::SignatureKeyMismatch);
        }
        let signature = self.signature_to_der(signature).ok_or(Error::CoseSignatureInvalid)?;
        key.verify(algorithm, message, &signature).map_err(|_| Error::CoseSignatureInvalid)
    }

    /// Returns the octets of each half of an ECDSA signature.
    const fn half(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::EdDsa => None,
        }
    }

    /// Turns r and s into the DER that keys of ours verify; an Ed25519 signature stays as it is.
    fn signature_to_der(self, signature: &[u8]) -> Option<Vec<u8>> {
        let Some(half) = self.half() else { return Some(signature.to_vec()) };
        let (r, s) = signature.split_at_checked(half).filter(|(_, s)| s.len() == half)?;
        Some(tlv(tag::SEQUENCE, &[&unsigned(r), &unsigned(s)]))
    }

    /// Turns the signature that a key of ours makes into the form of COSE.
    // RFC9053-2.1-r-and-s
    pub(super) fn signature_from_der(self, signature: Vec<u8>) -> Option<Vec<u8>> {
        let Some(half) = self.half() else { return Some(signature) };
        let mut fields = Reader::new(only(tag::SEQUENCE, &signature)?);
        let (r, s) = (fields.take(tag::INTEGER)?.content, fields.take(tag::INTEGER)?.content);
        Some([padded(r, half)?, padded(s, half)?].concat())
    }
}

/// Writes an INTEGER's magnitude with leading zeros.
fn padded(integer: &[u8], length: usize) -> Option<Vec<u8>> {
    let magnitude = integer.strip_prefix(&[0]).unwrap_or(integer);
    let mut octets = vec![0; length.checked_sub(magnitude.len())?];
    octets.extend_from_slice(magnitude);
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_keep_their_leading_zeros() {
        // RFC9053-2.1-r-and-s
        let mut sides = [0; 64];
        (sides[31], sides[32], sides[63]) = (1, 0x80, 2);
        let der = Algorithm::Es256.signature_to_der(&sides).unwrap();
        assert_eq!(der[..6], [0x30, 38, 2, 1, 1, 2]);
        assert_eq!(Algorithm::Es256.signature_from_der(der), Some(sides.to_vec()));
        assert_eq!(Algorithm::Es256.signature_to_der(&[0; 63]), None);
        assert_eq!(Algorithm::Es384.signature_to_der(&[0; 64]), None);
        assert_eq!(Algorithm::Es256.signature_from_der(vec![0x30, 0]), None);
    }

    #[test]
    fn every_algorithm_has_its_number() {
        for key in KeyAlgorithm::ALL {
            let algorithm = Algorithm::for_key(key);
            assert_eq!(Algorithm::from_number(algorithm.number()), Some(algorithm));
        }
        for other in [0, 5, -36, -37, -47, -257] {
            assert_eq!(Algorithm::from_number(other), None);
        }
    }
}
