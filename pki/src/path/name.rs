//! Comparing distinguished names.
//! Source: RFC 5280 §7.1; X.520 caseIgnoreMatch.
//! Does not: Unicode normalisation beyond ASCII case and white space; BMPString, UniversalString and non-ASCII
//! TeletexString are compared octet for octet. Being lax is harmless here: a signature follows every comparison.

use crate::Oid;
use crate::tlv::{Reader, Tlv, only, tag};

/// The most attributes of one RelativeDistinguishedName that are compared one by one; real ones have three at most.
const SET_ATTRIBUTES_MAX: usize = 8;

/// Tells whether two Names, header included, are the same.
// RFC5280-7.1-name-comparison
pub(crate) fn is_same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || common(a, b).is_some_and(|(rest_of_a, rest_of_b)| rest_of_a.is_empty() && rest_of_b.is_empty())
}

/// Tells whether a Name begins with all of another one, as a directoryName constraint asks (RFC 5280 §4.2.1.10).
pub(super) fn is_within(name: &[u8], base: &[u8]) -> bool {
    common(base, name).is_some_and(|(rest_of_base, _)| rest_of_base.is_empty())
}

/// Tells whether a Name has an attribute of this type.
pub(super) fn has_attribute(name: &[u8], oid: &Oid) -> bool {
    let mut names = Reader::new(only(tag::SEQUENCE, name).unwrap_or_default());
    core::iter::from_fn(|| names.take(tag::SET)).any(|rdn| {
        let mut attributes = Reader::new(rdn.content);
        core::iter::from_fn(|| attributes.take(tag::SEQUENCE))
            .any(|a| Reader::new(a.content).take(tag::OID).is_some_and(|kind| kind.content == oid.as_bytes()))
    })
}

/// Walks over both as long as they agree and returns what is left of each; `None` when they differ or are malformed.
fn common<'a>(a: &'a [u8], b: &'a [u8]) -> Option<(Reader<'a>, Reader<'a>)> {
    let (mut a, mut b) = (Reader::new(only(tag::SEQUENCE, a)?), Reader::new(only(tag::SEQUENCE, b)?));
    while !a.is_empty() && !b.is_empty() {
        let (rdn_a, rdn_b) = (a.take(tag::SET)?, b.take(tag::SET)?);
        if rdn_a.content != rdn_b.content && !is_same_rdn(rdn_a, rdn_b) {
            return None;
        }
    }
    Some((a, b))
}

/// Compares two sets of attributes: each of the one is among those of the other, both ways.
fn is_same_rdn(a: Tlv<'_>, b: Tlv<'_>) -> bool {
    let is_bounded = |set| attributes(set).count() <= SET_ATTRIBUTES_MAX;
    is_bounded(a) && is_bounded(b) && holds_all(a, b) && holds_all(b, a)
}

fn holds_all(set: Tlv<'_>, wanted: Tlv<'_>) -> bool {
    attributes(wanted).all(|wanted| attributes(set).any(|own| is_same_attribute(wanted, own)))
}

fn attributes<'a>(set: Tlv<'a>) -> impl Iterator<Item = Tlv<'a>> {
    let mut reader = Reader::new(set.content);
    core::iter::from_fn(move || reader.any()).take(SET_ATTRIBUTES_MAX + 1)
}

fn is_same_attribute(a: Tlv<'_>, b: Tlv<'_>) -> bool {
    a.whole == b.whole
        || attribute(a).zip(attribute(b)).is_some_and(|(a, b)| a.0 == b.0 && is_same_text(a.1, b.1))
}

fn attribute(value: Tlv<'_>) -> Option<(&[u8], Tlv<'_>)> {
    let mut fields = Reader::new(value.content);
    Some((fields.take(tag::OID)?.content, fields.any().filter(|_| fields.is_empty())?))
}

fn is_same_text(a: Tlv<'_>, b: Tlv<'_>) -> bool {
    let (Some(a), Some(b)) = (text(a), text(b)) else { return false };
    let (mut a, mut b) = (a.split_ascii_whitespace(), b.split_ascii_whitespace());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
            (Some(_) | None, _) => return false,
        }
    }
}

/// Returns the text of the string types whose octets are UTF-8.
fn text(value: Tlv<'_>) -> Option<&str> {
    const NUMERIC: u8 = 0x12;
    const TELETEX: u8 = 0x14;
    const VISIBLE: u8 = 0x1a;
    let is_text = match value.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | NUMERIC | VISIBLE => true,
        TELETEX => value.content.is_ascii(),
        _ => false,
    };
    if is_text { core::str::from_utf8(value.content).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid;
    use crate::tlv::tlv;

    fn rdn(parts: &[(u8, &str)]) -> Vec<u8> {
        let attributes: Vec<Vec<u8>> = parts
            .iter()
            .map(|(kind, text)| {
                let common_name = tlv(tag::OID, &[oid::COMMON_NAME.as_bytes()]);
                tlv(tag::SEQUENCE, &[&common_name, &tlv(*kind, &[text.as_bytes()])])
            })
            .collect();
        tlv(tag::SET, &attributes.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn name(rdns: &[&[u8]]) -> Vec<u8> {
        tlv(tag::SEQUENCE, rdns)
    }

    const UTF8: u8 = tag::UTF8_STRING;
    const PRINTABLE: u8 = tag::PRINTABLE_STRING;

    #[test]
    fn string_type_case_and_white_space_do_not_matter() {
        // RFC5280-7.1-name-comparison
        let one = name(&[&rdn(&[(UTF8, "Acme Root CA")])]);
        assert!(is_same_name(&one, &name(&[&rdn(&[(PRINTABLE, " acme  root CA ")])])));
        assert!(!is_same_name(&one, &name(&[&rdn(&[(PRINTABLE, "AcmeRoot CA")])])));
        assert!(!is_same_name(&one, &name(&[&rdn(&[(UTF8, "Acme Root")])])));
        assert!(!is_same_name(&one, &name(&[&rdn(&[(0x1e, "Acme Root CA")])])));
    }

    #[test]
    fn the_order_within_a_set_does_not_matter_but_of_sets_it_does() {
        let (x, y) = ((UTF8, "x"), (PRINTABLE, "y"));
        assert!(is_same_name(&name(&[&rdn(&[x, y])]), &name(&[&rdn(&[y, x])])));
        assert!(!is_same_name(&name(&[&rdn(&[x, y])]), &name(&[&rdn(&[x])])));
        assert!(!is_same_name(&name(&[&rdn(&[x, x])]), &name(&[&rdn(&[x, y])])));
        assert!(!is_same_name(&name(&[&rdn(&[x]), &rdn(&[y])]), &name(&[&rdn(&[y]), &rdn(&[x])])));
    }

    #[test]
    fn a_subtree_holds_its_base_and_all_below() {
        let base = name(&[&rdn(&[(UTF8, "x")])]);
        let below = name(&[&rdn(&[(PRINTABLE, "X")]), &rdn(&[(UTF8, "y")])]);
        assert!(is_within(&base, &base) && is_within(&below, &base) && is_within(&below, &name(&[])));
        assert!(!is_within(&base, &below));
    }

    #[test]
    fn malformed_names_are_like_none_but_themselves() {
        assert!(!is_same_name(&[0x30, 2, 1], &[0x30, 2, 2]));
        assert!(!is_same_name(&name(&[&[1, 2]]), &name(&[&[1, 3]])));
    }
}
