//! CBOR, bounded: a reader that borrows from the input, and a writer of the deterministic form.
//! Source: RFC 8949 §3 (encoding), §4.2.1 (the writer: shortest heads, definite lengths), §5.6 (a map names a key once).
//! Why our own: `docs/adr/0007-one-cbor-reader.md`.
//! Does not: know what a document means, read strings of indefinite length, read floats (they are kept as octets), sort
//! the keys that a writer is given.
//! Invariants: depth and number of items are bounded before memory is spent on them; the input is one item and nothing
//! after it; [`Item::octets`] is what came, octet for octet.

mod read;
mod write;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

pub use read::parse;
pub use write::Writer;

/// How much a document may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most arrays, maps and tags inside one another.
    pub depth_max: usize,
    /// The most items of all kinds; a pair of a map is two.
    pub items_max: usize,
}

/// One data item, and the octets that it came in.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// What it says.
    pub value: Value<'a>,
    /// Its encoding, octet for octet.
    pub octets: &'a [u8],
}

/// What a data item says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// An unsigned integer.
    Unsigned(u64),
    /// A negative integer: −1 minus this number.
    Negative(u64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// An array.
    Array(Vec<Item<'a>>),
    /// A map, in the order in which it came; no key stands twice.
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// A tag and what it is on.
    Tag(u64, Box<Item<'a>>),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
    /// Undefined, a float or a simple value without a meaning: [`Item::octets`] has it.
    Other,
}

/// Two items are equal when they say the same, however they are encoded.
impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Other, Value::Other) => self.octets == other.octets,
            (one, another) => one == another,
        }
    }
}

impl<'a> Item<'a> {
    /// Returns the octets of a byte string.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self.value { Some(bytes) } else { None }
    }

    /// Returns the text of a text string.
    #[must_use]
    pub const fn as_text(&self) -> Option<&'a str> {
        if let Value::Text(text) = self.value { Some(text) } else { None }
    }

    /// Returns an unsigned integer.
    #[must_use]
    pub const fn as_unsigned(&self) -> Option<u64> {
        if let Value::Unsigned(number) = self.value { Some(number) } else { None }
    }

    /// Returns an integer that fits in 64 bits with its sign.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Negative(number) = self.value {
            return i64::try_from(number).ok().map(|number| -1 - number);
        }
        self.as_unsigned().and_then(|number| i64::try_from(number).ok())
    }

    /// Returns true or false.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// Returns what this tag is on.
    #[must_use]
    pub fn as_tagged(&self, tag: u64) -> Option<&Self> {
        if let Value::Tag(found, inner) = &self.value
            && *found == tag
        {
            Some(inner)
        } else {
            None
        }
    }

    /// Returns the items of an array.
    #[must_use]
    pub fn into_array(self) -> Option<Vec<Self>> {
        if let Value::Array(items) = self.value { Some(items) } else { None }
    }

    /// Returns the pairs of a map.
    #[must_use]
    pub fn into_map(self) -> Option<Vec<(Self, Self)>> {
        if let Value::Map(pairs) = self.value { Some(pairs) } else { None }
    }

    /// Returns what this tag is on.
    ///
    /// # Errors
    /// The item itself when it has another tag or none.
    pub fn untag(self, tag: u64) -> Result<Self, Self> {
        if let Value::Tag(found, inner) = self.value {
            let whole = |inner| Self { value: Value::Tag(found, inner), octets: self.octets };
            return if found == tag { Ok(*inner) } else { Err(whole(inner)) };
        }
        Err(self)
    }
}

/// Why octets are not a document that is taken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCbor {
    /// They are not well-formed, not valid UTF-8, cut short, followed by more, or hold a string of indefinite length.
    Malformed,
    /// They are nested deeper, or hold more items, than the limits allow.
    TooComplex,
    /// A map names a key twice.
    DuplicateKey,
}

impl fmt::Display for InvalidCbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not well-formed CBOR",
            Self::TooComplex => "CBOR is nested too deeply or has too many items",
            Self::DuplicateKey => "a CBOR map names a key twice",
        })
    }
}

impl core::error::Error for InvalidCbor {}
