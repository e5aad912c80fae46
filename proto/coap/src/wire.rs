//! The outer form of a datagram, checked before anything is copied out of it.
//!
//! Source: RFC 7252 §3, §4.1 to §4.3.
//! Does not: judge options or codes that are merely unknown.
//! Invariants: what passes [`check`] is a well-formed message, so that the codec behind it sees no other. That codec
//! takes any version, a payload marker without payload, and an empty message with a token or options; none passes here.

use crate::{Code, CodeClass, Error, TOKEN_BYTES_MAX};

/// The most options that a message may have, repetitions counted; ours. The longest sensible request has about 20.
pub const OPTIONS_MAX: usize = 64;

/// The octets of a header without token (RFC 7252 §3).
const HEADER_BYTES: usize = 4;

const PAYLOAD_MARKER: u8 = 0xff;

/// How a message is delivered (RFC 7252 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// CON: sent again until acknowledged.
    Confirmable,
    /// NON: sent once.
    NonConfirmable,
    /// ACK.
    Acknowledgement,
    /// RST: rejects.
    Reset,
}

/// The first four octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) code: Code,
    pub(crate) id: u16,
    token_bytes: usize,
}

impl Header {
    /// Reads the header of a datagram, whatever follows it.
    pub(crate) fn peek(datagram: &[u8]) -> Result<Self, Error> {
        let &[first, code, id_high, id_low, ..] = datagram else {
            return Err(Error::HeaderTruncated);
        };
        // RFC7252-3-version
        if first >> 6 != 1 {
            return Err(Error::VersionUnknown);
        }
        let kind = match first >> 4 & 0x03 {
            0 => Kind::Confirmable,
            1 => Kind::NonConfirmable,
            2 => Kind::Acknowledgement,
            _ => Kind::Reset,
        };
        let id = u16::from_be_bytes([id_high, id_low]);
        Ok(Self { kind, code: Code::from_byte(code), id, token_bytes: usize::from(first & 0x0f) })
    }
}

/// Checks the form of a whole datagram.
///
/// # Errors
/// Any of the malformed reasons of [`Error`].
pub(crate) fn check(datagram: &[u8], bytes_max: usize) -> Result<Header, Error> {
    let header = Header::peek(datagram)?;
    if datagram.len() > bytes_max {
        return Err(Error::DatagramTooLarge);
    }
    // RFC7252-4.1-empty
    if header.code == Code::EMPTY && datagram.len() > HEADER_BYTES {
        return Err(Error::EmptyNotEmpty);
    }
    // RFC7252-4.2-reserved-class
    if header.code.class() == CodeClass::Reserved {
        return Err(Error::CodeReserved);
    }
    // RFC7252-3-token-length
    if header.token_bytes > TOKEN_BYTES_MAX {
        return Err(Error::TokenTooLong);
    }
    let rest = datagram.get(HEADER_BYTES + header.token_bytes..).ok_or(Error::MessageTruncated)?;
    check_options(rest)?;
    Ok(header)
}

/// Walks over the options to the end or the payload.
fn check_options(mut rest: &[u8]) -> Result<(), Error> {
    let mut number: u32 = 0;
    for _ in 0..=OPTIONS_MAX {
        let Some((first, tail)) = rest.split_first() else {
            return Ok(());
        };
        if *first == PAYLOAD_MARKER {
            // RFC7252-3-payload-marker
            return if tail.is_empty() { Err(Error::PayloadMissing) } else { Ok(()) };
        }
        let (delta, tail) = extended(first >> 4, tail)?;
        let (length, tail) = extended(first & 0x0f, tail)?;
        number += delta;
        if number > u32::from(u16::MAX) {
            return Err(Error::OptionMalformed);
        }
        let length = usize::try_from(length).map_err(|_| Error::MessageTruncated)?;
        rest = tail.get(length..).ok_or(Error::MessageTruncated)?;
    }
    Err(Error::OptionsTooMany)
}

/// Reads an option delta or length with its extension (RFC 7252 §3.1).
fn extended(nibble: u8, rest: &[u8]) -> Result<(u32, &[u8]), Error> {
    match nibble {
        13 => {
            let (extension, tail) = rest.split_first().ok_or(Error::MessageTruncated)?;
            Ok((u32::from(*extension) + 13, tail))
        }
        14 => {
            let (extension, tail) = rest.split_first_chunk::<2>().ok_or(Error::MessageTruncated)?;
            Ok((u32::from(u16::from_be_bytes(*extension)) + 269, tail))
        }
        // RFC7252-3.1-reserved-15
        15 => Err(Error::OptionMalformed),
        plain => Ok((u32::from(plain), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(datagram: &[u8]) -> Option<Error> {
        check(datagram, 1152).err()
    }

    #[test]
    fn a_header_alone_is_a_message() {
        let header = check(&[0x40, 0x01, 0x12, 0x34], 1152).unwrap();
        assert_eq!((header.kind, header.code, header.id), (Kind::Confirmable, Code::GET, 0x1234));
    }

    #[test]
    fn the_header_must_be_whole_and_of_version_one() {
        // RFC7252-3-version RFC7252-3-token-length
        assert_eq!(fault(&[]), Some(Error::HeaderTruncated));
        assert_eq!(fault(&[0x40, 1, 0]), Some(Error::HeaderTruncated));
        for first in [0x00, 0x80, 0xc0] {
            assert_eq!(fault(&[first, 1, 0, 0]), Some(Error::VersionUnknown));
        }
        for length in 9..=15 {
            let mut datagram = vec![0x40 | length, 1, 0, 0];
            datagram.extend([0; 15]);
            assert_eq!(fault(&datagram), Some(Error::TokenTooLong));
        }
        assert_eq!(fault(&[0x42, 1, 0, 0, 9]), Some(Error::MessageTruncated));
    }

    #[test]
    fn an_empty_message_has_nothing_behind_its_header() {
        // RFC7252-4.1-empty
        assert_eq!(fault(&[0x41, 0, 0, 0, 7]), Some(Error::EmptyNotEmpty));
        assert_eq!(fault(&[0x40, 0, 0, 0, 0xff, 1]), Some(Error::EmptyNotEmpty));
        assert_eq!(fault(&[0x70, 0, 0, 0]), None);
    }

    #[test]
    fn codes_of_reserved_classes_are_refused() {
        // RFC7252-4.2-reserved-class
        for code in [0x20, 0x3f, 0x60, 0xc0, 0xe1, 0xff] {
            assert_eq!(fault(&[0x40, code, 0, 0]), Some(Error::CodeReserved));
        }
    }

    #[test]
    fn a_payload_marker_needs_a_payload() {
        // RFC7252-3-payload-marker
        assert_eq!(fault(&[0x40, 2, 0, 0, 0xff]), Some(Error::PayloadMissing));
        assert_eq!(fault(&[0x40, 2, 0, 0, 0xff, 0xff]), None);
        // 0xff as the last octet of an option's value is no marker.
        assert_eq!(fault(&[0x40, 2, 0, 0, 0xb1, 0xff]), None);
    }

    #[test]
    fn options_must_be_whole_and_in_range() {
        // RFC7252-3.1-reserved-15
        assert_eq!(fault(&[0x40, 1, 0, 0, 0xf0]), Some(Error::OptionMalformed));
        assert_eq!(fault(&[0x40, 1, 0, 0, 0x0f]), Some(Error::OptionMalformed));
        for truncated in [&[0xb2, 1][..], &[0xd0], &[0xe0, 1], &[0x0d], &[0x0e, 0], &[0x0d, 5, 1]] {
            assert_eq!(fault(&[&[0x40, 1, 0, 0], truncated].concat()), Some(Error::MessageTruncated));
        }
        // 269 + 0xfef2 = 65,535 is the last number; one more is too much.
        assert_eq!(fault(&[0x40, 1, 0, 0, 0xe0, 0xfe, 0xf2]), None);
        assert_eq!(fault(&[0x40, 1, 0, 0, 0xe0, 0xfe, 0xf2, 0x10]), Some(Error::OptionMalformed));
        assert_eq!(fault(&[0x40, 1, 0, 0, 0xe0, 0xff, 0xff]), Some(Error::OptionMalformed));
    }

    #[test]
    fn size_and_number_of_options_are_bounded() {
        let with_options = |count| [vec![0x40, 1, 0, 0], vec![0x10; count]].concat();
        assert_eq!(fault(&with_options(OPTIONS_MAX)), None);
        assert_eq!(fault(&with_options(OPTIONS_MAX + 1)), Some(Error::OptionsTooMany));
        assert_eq!(check(&[0x40, 1, 0, 0, 0xff, 1, 2], 6), Err(Error::DatagramTooLarge));
    }
}
