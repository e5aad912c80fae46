//! Codes: what a message is, and how a request ended.
//!
//! Source: RFC 7252 §3, §5.2, §12.1; RFC 7959 §2.9; RFC 8132 §4 (FETCH, PATCH, iPATCH).
//! Does not: know options or payloads.

use core::fmt;

/// The eight bits that name a method or a response, written `c.dd` (RFC 7252 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u8);

/// What the upper three bits of a code say (RFC 7252 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeClass {
    /// 0.00: no request and no response.
    Empty,
    /// 0.01 to 0.31: a method.
    Request,
    /// 2.xx: understood and accepted.
    Success,
    /// 4.xx: the request is at fault.
    ClientError,
    /// 5.xx: the server is at fault.
    ServerError,
    /// 1.xx, 3.xx, 6.xx, 7.xx: not for use over UDP.
    Reserved,
}

impl Code {
    /// Neither request nor response.
    pub const EMPTY: Self = Self(0x00);
    /// Retrieves (RFC 7252 §5.8.1); safe.
    pub const GET: Self = Self(0x01);
    /// Hands something to the resource (RFC 7252 §5.8.2).
    pub const POST: Self = Self(0x02);
    /// Creates or replaces (RFC 7252 §5.8.3).
    pub const PUT: Self = Self(0x03);
    /// Deletes (RFC 7252 §5.8.4).
    pub const DELETE: Self = Self(0x04);
    /// Retrieves what the payload asks for (RFC 8132 §2); safe.
    pub const FETCH: Self = Self(0x05);
    /// Changes in part (RFC 8132 §3).
    pub const PATCH: Self = Self(0x06);
    /// Changes in part, idempotently (RFC 8132 §3).
    pub const IPATCH: Self = Self(0x07);

    /// 2.01 Created.
    pub const CREATED: Self = Self(0x41);
    /// 2.02 Deleted.
    pub const DELETED: Self = Self(0x42);
    /// 2.03 Valid.
    pub const VALID: Self = Self(0x43);
    /// 2.04 Changed.
    pub const CHANGED: Self = Self(0x44);
    /// 2.05 Content.
    pub const CONTENT: Self = Self(0x45);
    /// 2.31 Continue (RFC 7959 §2.9.1).
    pub const CONTINUE: Self = Self(0x5f);

    /// 4.00 Bad Request.
    pub const BAD_REQUEST: Self = Self(0x80);
    /// 4.01 Unauthorized.
    pub const UNAUTHORIZED: Self = Self(0x81);
    /// 4.02 Bad Option.
    pub const BAD_OPTION: Self = Self(0x82);
    /// 4.03 Forbidden.
    pub const FORBIDDEN: Self = Self(0x83);
    /// 4.04 Not Found.
    pub const NOT_FOUND: Self = Self(0x84);
    /// 4.05 Method Not Allowed.
    pub const METHOD_NOT_ALLOWED: Self = Self(0x85);
    /// 4.06 Not Acceptable.
    pub const NOT_ACCEPTABLE: Self = Self(0x86);
    /// 4.08 Request Entity Incomplete (RFC 7959 §2.9.2).
    pub const REQUEST_ENTITY_INCOMPLETE: Self = Self(0x88);
    /// 4.13 Request Entity Too Large.
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self(0x8d);
    /// 4.15 Unsupported Content-Format.
    pub const UNSUPPORTED_CONTENT_FORMAT: Self = Self(0x8f);

    /// 5.00 Internal Server Error.
    pub const INTERNAL_SERVER_ERROR: Self = Self(0xa0);
    /// 5.01 Not Implemented.
    pub const NOT_IMPLEMENTED: Self = Self(0xa1);
    /// 5.03 Service Unavailable; Max-Age says when to ask again.
    pub const SERVICE_UNAVAILABLE: Self = Self(0xa3);
    /// 5.05 Proxying Not Supported.
    pub const PROXYING_NOT_SUPPORTED: Self = Self(0xa5);

    /// Makes a code from its eight bits.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// Returns the eight bits.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        self.0
    }

    /// Returns what the upper three bits say.
    #[must_use]
    pub const fn class(self) -> CodeClass {
        match self.0 >> 5 {
            0 if self.0 == 0 => CodeClass::Empty,
            0 => CodeClass::Request,
            2 => CodeClass::Success,
            4 => CodeClass::ClientError,
            5 => CodeClass::ServerError,
            _ => CodeClass::Reserved,
        }
    }

    /// Tells whether this is a method, known or not.
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(self.class(), CodeClass::Request)
    }

    /// Tells whether this is a response code, known or not.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(self.class(), CodeClass::Success | CodeClass::ClientError | CodeClass::ServerError)
    }

    /// Tells whether the request was accepted: 2.xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.class(), CodeClass::Success)
    }

    /// Tells whether this is a method of RFC 7252 or RFC 8132.
    #[must_use]
    pub const fn is_known_method(self) -> bool {
        self.0 >= Self::GET.0 && self.0 <= Self::IPATCH.0
    }

    /// Tells whether this method only retrieves (RFC 7252 §5.1, RFC 8132 §2).
    #[must_use]
    pub const fn is_safe(self) -> bool {
        self.0 == Self::GET.0 || self.0 == Self::FETCH.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 >> 5, self.0 & 0x1f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_class_and_detail() {
        assert_eq!(Code::FORBIDDEN.to_string(), "4.03");
        assert_eq!(Code::CONTINUE.to_string(), "2.31");
        assert_eq!(Code::GET.to_string(), "0.01");
    }

    #[test]
    fn every_code_has_one_class() {
        let count = |class| (0..=u8::MAX).filter(|&byte| Code::from_byte(byte).class() == class).count();
        assert_eq!(count(CodeClass::Empty), 1);
        assert_eq!(count(CodeClass::Request), 31);
        assert_eq!(count(CodeClass::Success), 32);
        assert_eq!(count(CodeClass::Reserved), 128);
    }
}
