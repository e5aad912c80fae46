//! Digests that name things.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use proto::{Fingerprint, KeyId};

/// Returns the SHA-256 of the bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Fingerprint {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest(&SHA256, bytes).as_ref());
    Fingerprint::from_array(octets)
}

/// Returns the key identifier of a public key: the SHA-1 of the BIT STRING's octets (RFC 5280 §4.2.1.2 (1)).
/// SHA-1 names here, it protects nothing.
pub(crate) fn key_id(subject_public_key: &[u8]) -> KeyId {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, subject_public_key);
    KeyId::new(digest.as_ref()).unwrap_or_else(|_| unreachable!("20 octets are a key identifier"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(
            sha256(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(key_id(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
