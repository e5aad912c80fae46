//! The little DER that we read and write ourselves: tag, length, value.
//! Source: X.690 §8, §10 (definite, minimal lengths; tags below 31).
//! Does not: know any structure, accept BER.
//! Invariants: the reader never panics and never reads past its input.

use proto::UnixTime;

/// Identifier octets of the types that we meet.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// The identifier octet of a primitive, implicitly tagged field.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// The identifier octet of a constructed or explicitly tagged field.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One tag-length-value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    /// The value without its header.
    pub(crate) content: &'a [u8],
    /// The value with its header.
    pub(crate) whole: &'a [u8],
}

/// Walks over the values that follow each other in a byte string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next value, `None` at the end and when it is no DER.
    pub(crate) fn any(&mut self) -> Option<Tlv<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Tlv { tag, content, whole })
    }

    /// Takes the next value when it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Tlv<'a>> {
        if self.0.first() == Some(&tag) { self.any() } else { None }
    }
}

/// Reads one value that fills the whole input and gives its content.
pub(crate) fn only(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let value = reader.take(tag)?;
    reader.is_empty().then_some(value.content)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let is_minimal = octets.first().is_some_and(|b| *b != 0);
    if !is_minimal || octets.len() > 3 {
        return None;
    }
    let length = octets.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    (length >= 0x80).then_some((length, rest))
}

/// Writes one value whose content is the parts, one after the other.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let mut der = Vec::with_capacity(length + 6);
    der.push(tag);
    let [.., highest, high, middle, low] = length.to_be_bytes();
    match length {
        0..0x80 => der.push(low),
        0x80..0x100 => der.extend([0x81, low]),
        0x100..0x1_0000 => der.extend([0x82, middle, low]),
        0x1_0000..0x100_0000 => der.extend([0x83, high, middle, low]),
        _ => der.extend([0x84, highest, high, middle, low]),
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// Writes an INTEGER from its big-endian magnitude.
pub(crate) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|b| **b == 0).count();
    match magnitude.get(zeros..) {
        Some(digits @ [first, ..]) if *first >= 0x80 => tlv(tag::INTEGER, &[&[0], digits]),
        Some(digits @ [_, ..]) => tlv(tag::INTEGER, &[digits]),
        Some([]) | None => tlv(tag::INTEGER, &[&[0]]),
    }
}

/// Takes the sign padding off the content of an INTEGER; a negative number, as some makers' serial numbers are, stays as it is.
pub(crate) fn magnitude(integer: &[u8]) -> &[u8] {
    match integer {
        [0, magnitude @ ..] if !magnitude.is_empty() => magnitude,
        _ => integer,
    }
}

/// Writes a BIT STRING of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], octets])
}

/// Turns seconds since 1970 as a library counts them into a time; one before 1970 counts as 1970.
pub(crate) fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(u64::try_from(seconds).unwrap_or_default())
}

/// Writes a Time: UTCTime before 2050, GeneralizedTime from then on (RFC 5280 §4.1.2.5); whole seconds.
pub(crate) fn time(at: UnixTime) -> Vec<u8> {
    let text = at.to_string();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).take(14).chain([b'Z']).collect();
    let is_short = digits.get(..4).is_some_and(|year| year < b"2050".as_slice());
    match digits.get(2..) {
        Some(short) if is_short => tlv(tag::UTC_TIME, &[short]),
        Some(_) | None => tlv(tag::GENERALIZED_TIME, &[&digits]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_go_there_and_back() {
        for length in [0_usize, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            let content = vec![7; length];
            assert_eq!(only(tag::OCTET_STRING, &tlv(tag::OCTET_STRING, &[&content])), Some(&*content));
        }
    }

    #[test]
    fn refuses_lengths_that_are_not_der() {
        let bad: [&[u8]; 5] =
            [&[4, 0x80, 0, 0], &[4, 0x81, 1, 0], &[4, 0x82, 0, 0x80], &[4, 2, 0], &[0x1f, 1, 0]];
        for bytes in bad {
            assert!(Reader::new(bytes).any().is_none(), "{bytes:02x?}");
        }
    }

    #[test]
    fn writes_integers_that_are_positive_and_short() {
        assert_eq!(unsigned(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
    }

    #[test]
    fn writes_years_before_2050_short_and_later_ones_long() {
        let at = |text: &str| time(text.parse().unwrap());
        assert_eq!(at("2049-12-31T23:59:59Z"), [&[0x17, 13][..], b"491231235959Z"].concat());
        assert_eq!(at("2050-01-01T00:00:00Z"), [&[0x18, 15][..], b"20500101000000Z"].concat());
        assert_eq!(time(UnixTime::NO_END), [&[0x18, 15][..], b"99991231235959Z"].concat());
    }
}
