//! The CBOR reader and writer before another judge: ciborium.
#![allow(clippy::unwrap_used, reason = "tests")]

use ciborium::Value as Theirs;
use proptest::prelude::*;
use proto::cbor::{InvalidCbor, Item, Limits, Value, Writer, parse};

const LIMITS: Limits = Limits { depth_max: 8, items_max: 256 };

/// Makes documents of every kind that both sides keep, floats and tags of bignums apart.
fn document() -> impl Strategy<Value = Theirs> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Theirs::from),
        any::<i64>().prop_map(Theirs::from),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Theirs::Bytes),
        ".{0,40}".prop_map(Theirs::Text),
        any::<bool>().prop_map(Theirs::Bool),
        Just(Theirs::Null),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Theirs::Array),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Theirs::Map),
            (4..1000_u64, inner).prop_map(|(tag, inner)| Theirs::Tag(tag, Box::new(inner))),
        ]
    })
}

fn theirs(item: &Item<'_>) -> Theirs {
    match &item.value {
        Value::Unsigned(number) => Theirs::from(*number),
        Value::Negative(number) => Theirs::Integer((-1 - i128::from(*number)).try_into().unwrap()),
        Value::Bytes(bytes) => Theirs::Bytes(bytes.to_vec()),
        Value::Text(text) => Theirs::Text((*text).to_owned()),
        Value::Array(items) => Theirs::Array(items.iter().map(theirs).collect()),
        Value::Map(pairs) => {
            Theirs::Map(pairs.iter().map(|(key, value)| (theirs(key), theirs(value))).collect())
        }
        Value::Tag(tag, inner) => Theirs::Tag(*tag, Box::new(theirs(inner))),
        Value::Bool(value) => Theirs::Bool(*value),
        Value::Null => Theirs::Null,
        Value::Other => panic!("no such value was written"),
    }
}

fn write(item: &Item<'_>, writer: &mut Writer) {
    match &item.value {
        Value::Unsigned(number) => _ = writer.unsigned(*number),
        Value::Bytes(bytes) => _ = writer.bytes(bytes),
        Value::Text(text) => _ = writer.text(text),
        Value::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| write(item, writer));
        }
        Value::Map(pairs) => {
            writer.map(pairs.len());
            for (key, value) in pairs {
                write(key, writer);
                write(value, writer);
            }
        }
        Value::Tag(tag, inner) => write(inner, writer.tag(*tag)),
        Value::Bool(value) => _ = writer.boolean(*value),
        Value::Negative(_) | Value::Null | Value::Other => _ = writer.raw(item.octets),
    }
}

fn encoded(document: &Theirs) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(document, &mut octets).unwrap();
    octets
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_ciborium_writes_is_read_and_written_octet_for_octet(document in document()) {
        let octets = encoded(&document);
        match parse(&octets, LIMITS) {
            Ok(item) => {
                prop_assert_eq!(theirs(&item), document);
                let mut writer = Writer::new();
                write(&item, &mut writer);
                prop_assert_eq!(writer.into_bytes(), octets);
            }
            Err(error) => prop_assert_ne!(error, InvalidCbor::Malformed),
        }
    }

    #[test]
    fn what_is_read_from_any_octets_ciborium_reads_alike(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut rest = octets.as_slice();
        let judged: Result<Theirs, _> = ciborium::from_reader(&mut rest);
        match parse(&octets, LIMITS) {
            Ok(item) if !has_other(&item) => prop_assert_eq!(judged.ok(), Some(theirs(&item))),
            Ok(_) | Err(InvalidCbor::TooComplex | InvalidCbor::DuplicateKey) => {}
            // Theirs reads strings of indefinite length, ours does not.
            Err(InvalidCbor::Malformed) => {
                let has_indefinite_string = octets.iter().any(|octet| matches!(octet, 0x5f | 0x7f));
                prop_assert!(judged.is_err() || !rest.is_empty() || has_indefinite_string);
            }
        }
    }
}

/// Tells whether a value is one that ours keeps as octets only, or that theirs reads in a way of its own (bignums).
fn has_other(item: &Item<'_>) -> bool {
    match &item.value {
        Value::Other => true,
        Value::Array(items) => items.iter().any(has_other),
        Value::Map(pairs) => pairs.iter().any(|(key, value)| has_other(key) || has_other(value)),
        Value::Tag(tag, inner) => matches!(tag, 2 | 3) || has_other(inner),
        Value::Unsigned(_)
        | Value::Negative(_)
        | Value::Bytes(_)
        | Value::Text(_)
        | Value::Bool(_)
        | Value::Null => false,
    }
}
