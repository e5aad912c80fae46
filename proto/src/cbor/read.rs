//! Reads one item, and what is in it, within limits.
//! Source: RFC 8949 §3.
//! Does not: care whether a head is the shortest; only writers are held to that here.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{InvalidCbor, Item, Limits, Value};

/// The octet that ends an array or map of indefinite length.
const BREAK: u8 = 0xff;

/// Reads a document: one item that fills the whole input.
///
/// # Errors
/// [`InvalidCbor`].
pub fn parse(octets: &[u8], limits: Limits) -> Result<Item<'_>, InvalidCbor> {
    let mut reader = Reader { rest: octets, items_left: limits.items_max };
    let item = reader.item(limits.depth_max)?;
    if reader.rest.is_empty() { Ok(item) } else { Err(InvalidCbor::Malformed) }
}

struct Reader<'a> {
    rest: &'a [u8],
    items_left: usize,
}

/// The head of an item (RFC 8949 §3).
#[derive(Clone, Copy)]
struct Head {
    major: u8,
    /// The five low bits.
    info: u8,
    /// The argument; `None` where the length is indefinite.
    argument: Option<u64>,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth_left: usize) -> Result<Item<'a>, InvalidCbor> {
        self.items_left = self.items_left.checked_sub(1).ok_or(InvalidCbor::TooComplex)?;
        let start = self.rest;
        let head = self.head()?;
        let value = self.value(head, depth_left)?;
        let length = start.len().saturating_sub(self.rest.len());
        let octets = start.get(..length).ok_or(InvalidCbor::Malformed)?;
        Ok(Item { value, octets })
    }

    fn value(&mut self, head: Head, depth_left: usize) -> Result<Value<'a>, InvalidCbor> {
        let inner = || depth_left.checked_sub(1).ok_or(InvalidCbor::TooComplex);
        match (head.major, head.argument) {
            (0, Some(number)) => Ok(Value::Unsigned(number)),
            (1, Some(number)) => Ok(Value::Negative(number)),
            (2, Some(length)) => Ok(Value::Bytes(self.take(length)?)),
            (3, Some(length)) => {
                let text = core::str::from_utf8(self.take(length)?);
                text.map(Value::Text).map_err(|_| InvalidCbor::Malformed)
            }
            (4, length) => self.array(length, inner()?).map(Value::Array),
            (5, length) => self.map(length, inner()?).map(Value::Map),
            (6, Some(tag)) => Ok(Value::Tag(tag, Box::new(self.item(inner()?)?))),
            (7, Some(argument)) => simple(head.info, argument),
            _ => Err(InvalidCbor::Malformed),
        }
    }

    fn array(&mut self, length: Option<u64>, depth_left: usize) -> Result<Vec<Item<'a>>, InvalidCbor> {
        let mut items = Vec::new();
        let mut left = length;
        while self.has_more(&mut left)? {
            items.push(self.item(depth_left)?);
        }
        Ok(items)
    }

    fn map(
        &mut self,
        length: Option<u64>,
        depth_left: usize,
    ) -> Result<Vec<(Item<'a>, Item<'a>)>, InvalidCbor> {
        let mut pairs: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        let mut left = length;
        while self.has_more(&mut left)? {
            let key = self.item(depth_left)?;
            // RFC8949-5.6-unique-keys
            if pairs.iter().any(|(earlier, _)| *earlier == key) {
                return Err(InvalidCbor::DuplicateKey);
            }
            pairs.push((key, self.item(depth_left)?));
        }
        Ok(pairs)
    }

    /// Tells whether an array or map goes on: by its count, or until the break.
    fn has_more(&mut self, left: &mut Option<u64>) -> Result<bool, InvalidCbor> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None => match self.rest.split_first() {
                Some((&BREAK, rest)) => {
                    self.rest = rest;
                    Ok(false)
                }
                Some(_) => Ok(true),
                None => Err(InvalidCbor::Malformed),
            },
        }
    }

    fn head(&mut self) -> Result<Head, InvalidCbor> {
        let [first] = self.take_array()?;
        let info = first & 0x1f;
        let argument = match info {
            0..24 => Some(u64::from(info)),
            24 => Some(u64::from(u8::from_be_bytes(self.take_array()?))),
            25 => Some(u64::from(u16::from_be_bytes(self.take_array()?))),
            26 => Some(u64::from(u32::from_be_bytes(self.take_array()?))),
            27 => Some(u64::from_be_bytes(self.take_array()?)),
            31 => None,
            _ => return Err(InvalidCbor::Malformed),
        };
        Ok(Head { major: first >> 5, info, argument })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], InvalidCbor> {
        let length = usize::try_from(length).map_err(|_| InvalidCbor::Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(InvalidCbor::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], InvalidCbor> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(InvalidCbor::Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Reads a simple value or a float, whose octets are consumed with the head.
fn simple<'a>(info: u8, argument: u64) -> Result<Value<'a>, InvalidCbor> {
    match (info, argument) {
        (20, _) => Ok(Value::Bool(false)),
        (21, _) => Ok(Value::Bool(true)),
        (22, _) => Ok(Value::Null),
        // A simple value below 32 has no second octet (RFC 8949 §3.3).
        (24, 0..32) => Err(InvalidCbor::Malformed),
        _ => Ok(Value::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { depth_max: 4, items_max: 32 };

    fn value(octets: &[u8]) -> Result<Value<'_>, InvalidCbor> {
        parse(octets, LIMITS).map(|item| item.value)
    }

    #[test]
    fn reads_every_kind_of_item() {
        assert_eq!(value(&[0x17]), Ok(Value::Unsigned(23)));
        assert_eq!(value(&[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]), Ok(Value::Unsigned(u64::MAX)));
        assert_eq!(value(&[0x38, 99]), Ok(Value::Negative(99)));
        assert_eq!(value(&[0x42, 1, 2]), Ok(Value::Bytes(&[1, 2])));
        assert_eq!(value(b"\x62hi"), Ok(Value::Text("hi")));
        assert_eq!(value(&[0xf4]), Ok(Value::Bool(false)));
        assert_eq!(value(&[0xf5]), Ok(Value::Bool(true)));
        assert_eq!(value(&[0xf6]), Ok(Value::Null));
        for other in [&[0xf7][..], &[0xf9, 0x3c, 0], &[0xfa, 0, 0, 0, 0], &[0xf8, 32], &[0xe0]] {
            assert_eq!(value(other), Ok(Value::Other), "{other:?}");
        }
    }

    #[test]
    fn keeps_the_octets_of_each_item() {
        let octets = [0xa1, 0x18, 1, 0xd8, 47, 0x81, 0x19, 0, 7];
        let document = parse(&octets, LIMITS).unwrap();
        assert_eq!(document.octets, octets);
        let Value::Map(pairs) = document.value else { panic!("{:?}", document.value) };
        assert_eq!((pairs[0].0.octets, pairs[0].1.octets), (&octets[1..3], &octets[3..]));
        let Value::Tag(47, inner) = &pairs[0].1.value else { panic!("{pairs:?}") };
        assert_eq!(inner.octets, &octets[5..]);
    }

    #[test]
    fn arrays_and_maps_may_end_with_a_break_but_strings_may_not() {
        let [one, two] =
            [Item { value: Value::Unsigned(1), octets: &[1] }, Item { value: Value::Null, octets: &[0xf6] }];
        assert_eq!(value(&[0x9f, 1, 0xf6, 0xff]), Ok(Value::Array(alloc::vec![one.clone(), two.clone()])));
        assert_eq!(value(&[0xbf, 1, 0xf6, 0xff]), Ok(Value::Map(alloc::vec![(one, two)])));
        for octets in
            [&[0x5f, 0x41, 1, 0xff][..], b"\x7f\x61a\xff", &[0xbf, 1, 0xff], &[0xff], &[0xdf, 1], &[0x1f]]
        {
            assert_eq!(value(octets), Err(InvalidCbor::Malformed), "{octets:?}");
        }
    }

    #[test]
    fn refuses_what_is_cut_short_or_followed_by_more() {
        let whole = [0xa2, 1, 0x42, 1, 2, 0x62, b'h', b'i', 0x82, 0x19, 1, 0, 0xf6];
        assert!(value(&whole).is_ok());
        for cut in 0..whole.len() {
            assert_eq!(value(&whole[..cut]), Err(InvalidCbor::Malformed), "{cut}");
        }
        assert_eq!(value(&[1, 1]), Err(InvalidCbor::Malformed));
        for octets in [
            &[0x61, 0xff][..],
            &[0x1c],
            &[0x3d],
            &[0xfe],
            &[0xf8, 20],
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert_eq!(value(octets), Err(InvalidCbor::Malformed), "{octets:?}");
        }
    }

    #[test]
    fn refuses_a_key_that_stands_twice_however_it_is_encoded() {
        // RFC8949-5.6-unique-keys
        assert_eq!(value(&[0xa2, 1, 0, 1, 0]), Err(InvalidCbor::DuplicateKey));
        assert_eq!(value(&[0xa2, 1, 0, 0x18, 1, 0]), Err(InvalidCbor::DuplicateKey));
        assert_eq!(value(&[0xa2, 0xf7, 0, 0xf7, 0]), Err(InvalidCbor::DuplicateKey));
        assert!(value(&[0xa3, 1, 0, 0x20, 0, 0x61, b'1', 0]).is_ok());
    }

    #[test]
    fn depth_and_number_are_bounded_before_memory_is_spent() {
        assert!(value(&[0x81, 0x81, 0x81, 0x81, 0]).is_ok());
        assert_eq!(value(&[0x81, 0x81, 0x81, 0x81, 0x81, 0]), Err(InvalidCbor::TooComplex));
        assert_eq!(value(&[0xc1; 1000]), Err(InvalidCbor::TooComplex));
        assert_eq!(value(&alloc::vec![0x9f; 100_000]), Err(InvalidCbor::TooComplex));
        assert_eq!(value(&[&[0x98, 40][..], &[0; 40]].concat()), Err(InvalidCbor::TooComplex));
        assert_eq!(value(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), Err(InvalidCbor::Malformed));
    }
}
