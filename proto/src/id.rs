//! Identifiers, each a type of its own so that one cannot be taken for another.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most characters a name of ours (manufacturer, product, order, line) may have.
pub const NAME_CHARS_MAX: usize = 64;

/// The most characters of a device serial number: `ub-serial-number` of X.520, as RFC 5280 appendix A.1 has it.
pub const SERIAL_NUMBER_CHARS_MAX: usize = 64;

/// The most octets of a certificate serial number (RFC 5280 §4.1.2.2).
pub const CERTIFICATE_SERIAL_BYTES_MAX: usize = 20;

/// Says which identifier a text or byte string is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId {
    /// What it was to be, in words: "device serial number".
    pub expected: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid {}", self.expected)
    }
}

impl core::error::Error for InvalidId {}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $is_valid:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if $is_valid(text) { Ok(Self(text.to_string())) } else { Err(InvalidId { expected: $expected }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

text_id!(
    /// The serial number that a maker gave a device: X520SerialNumber of the IDevID, 1 to 64 printable ASCII
    /// characters, neither the first nor the last a space.
    SerialNumber, "device serial number", is_serial_number
);
text_id!(
    /// The name under which a manufacturer is registered in the configuration.
    ManufacturerId, "manufacturer id", is_name
);
text_id!(
    /// The name of a product, by which policies and profiles speak of its devices.
    ProductName, "product name", is_name
);
text_id!(
    /// The number of a production order.
    OrderId, "production order id", is_name
);
text_id!(
    /// The name of a factory line; a station's certificate is bound to one.
    LineId, "factory line id", is_name
);

fn is_serial_number(text: &str) -> bool {
    (1..=SERIAL_NUMBER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $lengths:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Wraps the bytes.
            ///
            /// # Errors
            /// [`InvalidId`] when the length is out of bounds.
            pub fn new(bytes: &[u8]) -> Result<Self, InvalidId> {
                if $lengths.contains(&bytes.len()) { Ok(Self(bytes.to_vec())) } else { Err(InvalidId { expected: $expected }) }
            }

            /// Returns the bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        hex_text!($name, $expected);
    };
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Wraps the bytes.
            #[must_use]
            pub const fn from_array(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Wraps a slice of the right length.
            ///
            /// # Errors
            /// [`InvalidId`] when the length is another.
            pub fn new(bytes: &[u8]) -> Result<Self, InvalidId> {
                bytes.try_into().map(Self).map_err(|_| InvalidId { expected: $expected })
            }

            /// Returns the bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        hex_text!($name, $expected);
    };
}

/// Lower-case hex for people, bytes for machines.
macro_rules! hex_text {
    ($name:ident, $expected:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(&bytes_from_hex(text).ok_or(InvalidId { expected: $expected })?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    Self::new(&deserializer.deserialize_byte_buf(ByteString)?).map_err(de::Error::custom)
                }
            }
        }
    };
}

bytes_id!(
    /// A certificate's serial number: the content octets of its INTEGER without sign padding, 1 to 20.
    CertificateSerial, "certificate serial number", (1..=CERTIFICATE_SERIAL_BYTES_MAX)
);
bytes_id!(
    /// A key identifier, as SubjectKeyIdentifier and AuthorityKeyIdentifier carry it: 1 to 64 octets.
    KeyId, "key identifier", (1..=64)
);
bytes_id!(
    /// Names a domain: the SubjectKeyIdentifier of its pinned certificate, else the SHA-256 of that certificate's
    /// public key (RFC 8995 §5.8.2).
    DomainId, "domain id", (1..=64)
);
hash_id!(
    /// A SHA-256 digest that names what was digested: a certificate, a request, a key.
    Fingerprint, "SHA-256 fingerprint", 32
);
hash_id!(
    /// Names a `Device` on this server for ever; made from its manufacturer and serial number.
    DeviceId, "device id", 16
);

fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?))
        .collect()
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
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns the number that follows; the last one is followed by itself, as no honest count gets there.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

counter!(
    /// The place of a record in the journal; the first is 1.
    Seq
);
counter!(
    /// How often a device's record was changed; a write names the version that it saw.
    Version
);
counter!(
    /// Which life of the device this is; a new owner, a repair or a factory reset begins the next.
    Generation
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_printable_and_bounded() {
        for good in ["1", "JADA123456789", "00-D0-E5-F2-00-02", "a b", &"x".repeat(64)] {
            assert!(good.parse::<SerialNumber>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\n", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<SerialNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_safe_in_a_path_and_in_a_shell() {
        for good in ["acme", "Acme-2.1_b", "7"] {
            assert!(good.parse::<ManufacturerId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-x", "a/b", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ManufacturerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hex_goes_there_and_back_and_checks_its_length() {
        let id = DeviceId::from_array([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("ab".parse::<DeviceId>().is_err());
        assert!("abc".parse::<KeyId>().is_err());
        assert!("zz".parse::<KeyId>().is_err());
        assert!(CertificateSerial::new(&[1; 21]).is_err());
    }

    #[test]
    fn a_number_that_a_stranger_names_has_a_next_one() {
        assert_eq!(Seq(7).next(), Seq(8));
        assert_eq!(Seq(u64::MAX).next(), Seq(u64::MAX));
    }
}
