//! Bytes and text that the store keeps without looking inside, each bounded.

use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;

/// The most bytes of one blob: below sled's comfortable value size (64 KiB) with room for the row around it.
pub const BLOB_BYTES_MAX: usize = 48 * 1024;

/// The most bytes of a text (an operator's note, a label, a pledge's reason), in UTF-8.
pub const TEXT_BYTES_MAX: usize = 512;

/// The fewest and the most octets of a voucher nonce; RFC 8366bis allows 8 to 32 octets, which JSON writes as up to 64.
pub const NONCE_BYTES: core::ops::RangeInclusive<usize> = 8..=64;

/// Opaque bytes, at most [`BLOB_BYTES_MAX`]: a certificate, a voucher, a saved protocol state.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blob(Vec<u8>);

impl Blob {
    /// Takes the bytes.
    ///
    /// # Errors
    /// [`Error::BlobTooLarge`] (`Malformed`) above [`BLOB_BYTES_MAX`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if bytes.len() > BLOB_BYTES_MAX { Err(Error::BlobTooLarge) } else { Ok(Self(bytes)) }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(ByteString).map(Self)
    }
}

/// The nonce of a voucher-request, as opaque bytes: 8 to 64.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Takes the bytes.
    ///
    /// # Errors
    /// [`Error::NonceLength`] (`Malformed`) outside [`NONCE_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if NONCE_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(Error::NonceLength) }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    /// A nonce belongs in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({} bytes)", self.0.len())
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserializer.deserialize_byte_buf(ByteString)?).map_err(de::Error::custom)
    }
}

/// Text for people, at most [`TEXT_BYTES_MAX`] bytes and without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Takes a text that is within bounds.
    ///
    /// # Errors
    /// [`Error::TextInvalid`] (`Malformed`) when it is too long or holds a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let is_valid = text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text)) } else { Err(Error::TextInvalid) }
    }

    /// Takes what fits of a text that a peer sent: control characters become spaces, the rest is cut.
    #[must_use]
    pub fn clipped(text: &str) -> Self {
        let mut clipped = String::new();
        for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if clipped.len() + c.len_utf8() > TEXT_BYTES_MAX {
                break;
            }
            clipped.push(c);
        }
        Self(clipped)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Bytes whose bound is kept elsewhere.
pub(crate) struct Unbounded(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Unbounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(ByteString).map(Self)
    }
}

/// Reads a byte string of any deserializer into a vector.
struct ByteString;

impl de::Visitor<'_> for ByteString {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_peer_is_cut_at_a_character_and_loses_its_control_characters() {
        let text = Text::clipped(&format!("a\nb{}", "ä".repeat(600)));
        assert!(text.as_str().starts_with("a b"));
        assert!(text.as_str().len() <= TEXT_BYTES_MAX);
        assert!(Text::new(text.as_str()).is_ok());
    }

    #[test]
    fn bounds_are_kept() {
        assert!(Blob::new(vec![0; BLOB_BYTES_MAX]).is_ok());
        assert!(matches!(Blob::new(vec![0; BLOB_BYTES_MAX + 1]), Err(Error::BlobTooLarge)));
        assert!(matches!(Nonce::new(vec![0; 7]), Err(Error::NonceLength)));
        assert!(matches!(Text::new("a\u{7}"), Err(Error::TextInvalid)));
    }
}
