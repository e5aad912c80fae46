//! How octets are stored, as `#[serde(with = …)]` has it: base64 where people read it, a byte string elsewhere.
//! Does not: write a wire form; this is our own storage.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes the octets.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&STANDARD.encode(octets))
    } else {
        serializer.serialize_bytes(octets)
    }
}

/// Reads the octets.
///
/// # Errors
/// Those of the deserializer, and its own kind for what is no base64.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
    } else {
        deserializer.deserialize_byte_buf(Octets)
    }
}

struct Octets;

impl de::Visitor<'_> for Octets {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    fn visit_bytes<E: de::Error>(self, octets: &[u8]) -> Result<Vec<u8>, E> {
        Ok(octets.to_vec())
    }
}
