//! The number used once by which a pledge knows that a voucher answers its own request.
//! Source: rfc8366bis §7.3, leaf `nonce`; RFC 8995 §5.2, §5.8.1.
//! Invariants: a nonce is compared as it came, never decoded and encoded again; it is never printed.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, octets};

/// The least octets of a nonce (rfc8366bis: 8 octets).
pub const NONCE_BYTES_MIN: usize = 8;
/// The most octets of a nonce: the 32 of rfc8366bis, written as hex text, which RFC 8995 §3.3 shows.
pub const NONCE_BYTES_MAX: usize = 64;
/// How many random octets our own nonces have.
pub const NONCE_RANDOM_BYTES: usize = 16;

/// An opaque nonce of 8 to 64 octets: in JSON the text as it stands, in CBOR the octets.
///
/// RFC 8995 §5.8.1: "while the nonce is often created as a base64-encoded random series of bytes, this should not be
/// assumed"; the examples have unpadded base64url and hex.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Wraps octets.
    ///
    /// # Errors
    /// [`Error::NonceLength`] (malformed) when there are fewer than 8 or more than 64.
    pub fn new(octets: &[u8]) -> Result<Self, Error> {
        // RFC8366-7.3-nonce-length
        if (NONCE_BYTES_MIN..=NONCE_BYTES_MAX).contains(&octets.len()) {
            Ok(Self(octets.to_vec()))
        } else {
            Err(Error::NonceLength)
        }
    }

    /// Makes a nonce for the JSON form out of random octets: their padded base64 (RFC 7951 §6.6).
    #[must_use]
    pub fn from_random(octets: [u8; NONCE_RANDOM_BYTES]) -> Self {
        Self(STANDARD.encode(octets).into_bytes())
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the nonce as text when it is UTF-8, as every nonce of the JSON form is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// Returns what a JSON document shows: the text as it stands, or the base64 of octets that are no text.
    #[must_use]
    pub fn to_json_text(&self) -> String {
        self.as_text().map_or_else(|| STANDARD.encode(&self.0), str::to_owned)
    }
}

impl fmt::Debug for Nonce {
    /// Shows the length only: nonces stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({} octets)", self.0.len())
    }
}

impl Serialize for Nonce {
    /// As [`octets`] has it; this is our own storage, not a wire form.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        octets::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&octets::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_have_eight_to_sixty_four_octets() {
        // RFC8366-7.3-nonce-length
        assert!(matches!(Nonce::new(&[1; 7]), Err(Error::NonceLength)));
        assert!(Nonce::new(&[1; 8]).is_ok());
        assert!(Nonce::new(&[1; 64]).is_ok());
        assert!(matches!(Nonce::new(&[1; 65]), Err(Error::NonceLength)));
    }

    #[test]
    fn a_nonce_is_not_printed_but_is_stored_whole() {
        let nonce = Nonce::new(b"-_XE9zK9q8Ll1qylMtLKeg").unwrap();
        assert_eq!(format!("{nonce:?}"), "Nonce(22 octets)");
        let stored = serde_json::to_string(&nonce).unwrap();
        assert_eq!(serde_json::from_str::<Nonce>(&stored).unwrap(), nonce);
    }

    #[test]
    fn octets_that_are_no_text_show_as_base64() {
        assert_eq!(Nonce::new(&[0xff; 8]).unwrap().to_json_text(), "//////////8=");
        assert_eq!(Nonce::new(b"12345678").unwrap().to_json_text(), "12345678");
        assert_eq!(Nonce::new("Zürich\t1".as_bytes()).unwrap().to_json_text(), "Zürich\t1");
        assert_eq!(Nonce::from_random([0; 16]).as_text(), Some("AAAAAAAAAAAAAAAAAAAAAA=="));
    }
}
