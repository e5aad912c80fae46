//! Options: their numbers, what a number says, and the forms that values may have.
//!
//! Source: RFC 7252 §5.4, §5.10; RFC 7641 §2; RFC 7959 §2.1, §4; RFC 9175 §2.2.1, §3.2.1;
//! draft-ietf-core-uri-path-abbrev §2.
//! Does not: give an option its meaning; the engine and the application do.
//! Invariants: whatever is not in [`DEFINITIONS`] is unrecognized.

/// Makes a request conditional on an entity tag.
pub const IF_MATCH: u16 = 1;
/// The host asked for.
pub const URI_HOST: u16 = 3;
/// The tag of a representation.
pub const ETAG: u16 = 4;
/// Makes a request conditional on absence.
pub const IF_NONE_MATCH: u16 = 5;
/// Registers for, or orders, notifications (RFC 7641).
pub const OBSERVE: u16 = 6;
/// The port asked for.
pub const URI_PORT: u16 = 7;
/// A segment of the path of what was created.
pub const LOCATION_PATH: u16 = 8;
/// A segment of the path.
pub const URI_PATH: u16 = 11;
/// The format of the body.
pub const CONTENT_FORMAT: u16 = 12;
/// The whole path as one number (draft-ietf-core-uri-path-abbrev; the number is the one proposed there).
pub const URI_PATH_ABBREV: u16 = 13;
/// How long the response stays fresh, in seconds; 60 where absent.
pub const MAX_AGE: u16 = 14;
/// An argument of the query.
pub const URI_QUERY: u16 = 15;
/// The format that the client wants.
pub const ACCEPT: u16 = 17;
/// An argument of the query of what was created.
pub const LOCATION_QUERY: u16 = 20;
/// Which block of the response body (RFC 7959).
pub const BLOCK2: u16 = 23;
/// Which block of the request body (RFC 7959).
pub const BLOCK1: u16 = 27;
/// The size of the response body (RFC 7959 §4).
pub const SIZE2: u16 = 28;
/// Asks a forward-proxy.
pub const PROXY_URI: u16 = 35;
/// Asks a forward-proxy, the rest standing in Uri-*.
pub const PROXY_SCHEME: u16 = 39;
/// The size of the request body (RFC 7959 §4).
pub const SIZE1: u16 = 60;
/// Proves freshness and address (RFC 9175 §2).
pub const ECHO: u16 = 252;
/// Keeps request bodies apart (RFC 9175 §3).
pub const REQUEST_TAG: u16 = 292;

/// The most octets of an Echo value (RFC 9175 §2.2.1).
pub const ECHO_BYTES_MAX: usize = 40;

/// In which messages an option has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
    Both,
}

/// What is defined for an option number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) number: u16,
    bytes_min: usize,
    bytes_max: usize,
    is_repeatable: bool,
    direction: Direction,
}

const fn once(number: u16, bytes_min: usize, bytes_max: usize, direction: Direction) -> Definition {
    Definition { number, bytes_min, bytes_max, is_repeatable: false, direction }
}

const fn repeatable(number: u16, bytes_min: usize, bytes_max: usize, direction: Direction) -> Definition {
    Definition { number, bytes_min, bytes_max, is_repeatable: true, direction }
}

/// The options that are recognized, ordered by number: RFC 7252 table 4 and the tables of the other documents.
pub(crate) const DEFINITIONS: &[Definition] = &[
    repeatable(IF_MATCH, 0, 8, Direction::Request),
    once(URI_HOST, 1, 255, Direction::Request),
    repeatable(ETAG, 1, 8, Direction::Both),
    once(IF_NONE_MATCH, 0, 0, Direction::Request),
    once(OBSERVE, 0, 3, Direction::Both),
    once(URI_PORT, 0, 2, Direction::Request),
    repeatable(LOCATION_PATH, 0, 255, Direction::Response),
    repeatable(URI_PATH, 0, 255, Direction::Request),
    once(CONTENT_FORMAT, 0, 2, Direction::Both),
    once(URI_PATH_ABBREV, 0, 4, Direction::Request),
    once(MAX_AGE, 0, 4, Direction::Response),
    repeatable(URI_QUERY, 0, 255, Direction::Request),
    once(ACCEPT, 0, 2, Direction::Request),
    repeatable(LOCATION_QUERY, 0, 255, Direction::Response),
    once(BLOCK2, 0, 3, Direction::Both),
    once(BLOCK1, 0, 3, Direction::Both),
    once(SIZE2, 0, 4, Direction::Both),
    once(PROXY_URI, 1, 1034, Direction::Request),
    once(PROXY_SCHEME, 1, 255, Direction::Request),
    once(SIZE1, 0, 4, Direction::Both),
    once(ECHO, 1, ECHO_BYTES_MAX, Direction::Both),
    repeatable(REQUEST_TAG, 0, 8, Direction::Request),
];

impl Definition {
    /// Finds what is defined for a number in requests or in responses.
    pub(crate) fn find(number: u16, direction: Direction) -> Option<&'static Self> {
        let at = DEFINITIONS.binary_search_by_key(&number, |definition| definition.number).ok()?;
        DEFINITIONS.get(at).filter(|found| found.direction == Direction::Both || found.direction == direction)
    }

    /// Tells whether a value of that length is defined, as the nth (from 0) of its number in the message.
    pub(crate) const fn allows(&self, bytes: usize, nth: usize) -> bool {
        // RFC7252-5.4.3-length RFC7252-5.4.5-supernumerary
        bytes >= self.bytes_min && bytes <= self.bytes_max && (nth == 0 || self.is_repeatable)
    }
}

/// Tells whether an option must be understood (RFC 7252 §5.4.6).
#[must_use]
pub const fn is_critical(number: u16) -> bool {
    number & 1 == 1
}

/// Tells whether an option takes no part in telling requests apart (RFC 7252 §5.4.6).
#[must_use]
pub const fn is_no_cache_key(number: u16) -> bool {
    number & 0x1e == 0x1c
}

/// Reads an unsigned integer of 0 to 4 octets; leading zero octets are accepted (RFC 7252 §3.2).
#[must_use]
pub fn uint(value: &[u8]) -> Option<u32> {
    // RFC7252-3.2-leading-zeros
    (value.len() <= 4).then(|| value.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

/// Writes an unsigned integer in as few octets as possible, zero in none (RFC 7252 §3.2).
#[must_use]
pub fn encode_uint(number: u32) -> Vec<u8> {
    // RFC7252-3.2-shortest
    number.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_in_order_so_that_they_are_found() {
        assert!(DEFINITIONS.is_sorted_by_key(|definition| definition.number));
        for definition in DEFINITIONS {
            assert!(Definition::find(definition.number, definition.direction).is_some());
        }
    }

    #[test]
    fn an_option_of_requests_is_unknown_in_a_response() {
        assert!(Definition::find(URI_PATH, Direction::Response).is_none());
        assert!(Definition::find(MAX_AGE, Direction::Request).is_none());
    }

    #[test]
    fn integers_are_written_short_and_read_with_leading_zeros() {
        // RFC7252-3.2-shortest RFC7252-3.2-leading-zeros
        assert_eq!(encode_uint(0), [0_u8; 0]);
        assert_eq!(encode_uint(1), [1]);
        assert_eq!(encode_uint(0x1_0000), [1, 0, 0]);
        assert_eq!(uint(&[0, 0, 1]), Some(1));
        assert_eq!(uint(&[0, 0, 0, 0, 1]), None);
        for number in [0, 1, 255, 256, 65_535, 65_536, u32::MAX] {
            assert_eq!(uint(&encode_uint(number)), Some(number));
        }
    }

    #[test]
    fn the_number_says_whether_an_option_is_critical_and_part_of_the_cache_key() {
        assert!(is_critical(BLOCK1) && !is_critical(ECHO));
        for number in [SIZE1, SIZE2, ECHO] {
            assert!(is_no_cache_key(number));
        }
        for number in [REQUEST_TAG, ETAG, ACCEPT, CONTENT_FORMAT, URI_PATH_ABBREV] {
            assert!(!is_no_cache_key(number));
        }
    }
}
