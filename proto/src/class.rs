//! What kind of "no" an error is, and the code by which an operator finds it in the manual.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Sorts every error of the house into one of eight kinds; each transport maps the kind to its own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The bytes do not follow the format.
    Malformed,
    /// The format, method or algorithm is understood but not offered here.
    Unsupported,
    /// A signature, chain or proof does not hold.
    Untrusted,
    /// The thing spoken of is not on record.
    Unknown,
    /// Policy or state says no.
    Refused,
    /// The answer is still being decided; ask again later.
    NotYet,
    /// Too much at once; ask again later.
    Busy,
    /// The fault is ours.
    Fault,
}

impl Class {
    /// Lists all classes, for tests that must cover each.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Unsupported,
        Self::Untrusted,
        Self::Unknown,
        Self::Refused,
        Self::NotYet,
        Self::Busy,
        Self::Fault,
    ];

    /// Names the class in lower case, as metrics and logs print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Untrusted => "untrusted",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::NotYet => "not-yet",
            Self::Busy => "busy",
            Self::Fault => "fault",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stable, lower-case, hyphenated code that is the same in every transport, in the timeline and in the manual.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReasonCode(Cow<'static, str>);

impl ReasonCode {
    /// Wraps a code that is written in our source; `docs/reason-codes.md` lists each.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// Returns the code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ReasonCode {
    /// Takes a code that a peer of ours told.
    fn from(code: String) -> Self {
        Self(Cow::Owned(code))
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What every error enum of the house can say of itself.
pub trait Reason: core::error::Error {
    /// Returns the kind of refusal.
    fn class(&self) -> Class;

    /// Returns the stable code of the exact reason.
    fn code(&self) -> ReasonCode;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_of_its_own() {
        for (i, a) in Class::ALL.iter().enumerate() {
            for b in Class::ALL.iter().skip(i + 1) {
                assert_ne!(a.name(), b.name());
            }
        }
    }
}
