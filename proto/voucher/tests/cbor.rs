//! The CBOR form: the examples of the drafts, SIDs and names, what deviates, what is refused, and the way between both
//! forms.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod models;

use models::{any_request, any_voucher};
use proptest::prelude::*;
use proto::cbor::Writer;
use proto_voucher::cbor::{
    Parsed, parse_voucher, parse_voucher_request, write_voucher, write_voucher_request,
};
use proto_voucher::{
    Assertion, Error, Extension, ExtensionName, Nonce, Opaque, VOUCHER_BYTES_MAX, Voucher, VoucherRequest,
    json,
};

macro_rules! vector {
    ($name:literal) => {
        hex(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/cbrski-constrained-voucher/examples/cose-examples/",
            $name
        )))
    };
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn item(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

/// Makes a voucher of encoded members, each a key and a value.
fn document(sid: u64, members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    item(|w| {
        w.map(1).unsigned(sid).map(members.len());
        for (key, value) in members {
            w.raw(key).raw(value);
        }
    })
}

fn delta(number: u64) -> Vec<u8> {
    item(|w| _ = w.unsigned(number))
}

fn text(text: &str) -> Vec<u8> {
    item(|w| _ = w.text(text))
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    item(|w| _ = w.bytes(bytes))
}

/// Reads a voucher that has a serial number and this member.
fn voucher(key: Vec<u8>, value: Vec<u8>) -> Result<Parsed<Voucher>, Error> {
    parse_voucher(&document(2451, &[(delta(11), text("1")), (key, value)]))
}

fn request(key: Vec<u8>, value: Vec<u8>) -> Result<Parsed<VoucherRequest>, Error> {
    parse_voucher_request(&document(2501, &[(delta(13), text("1")), (key, value)]))
}

#[test]
fn the_data_of_the_draft_is_read_and_written_octet_for_octet() {
    // RFC9254-6.6-assertion-number RFC8949-4.2.1-key-order
    let octets = vector!("pvr-nonsigned.hex");
    let pvr = parse_voucher_request(&octets).unwrap();
    assert_eq!((pvr.deviation, write_voucher_request(&pvr.artifact)), (None, Ok(octets)));
    assert_eq!(pvr.artifact.assertion, Some(Assertion::Proximity));
    assert!(pvr.artifact.proximity_registrar.public_key.is_some());

    let octets = vector!("rvr-nonsigned.hex");
    let rvr = parse_voucher_request(&octets).unwrap();
    assert_eq!((rvr.deviation, write_voucher_request(&rvr.artifact)), (None, Ok(octets)));
    assert_eq!(rvr.artifact.nonce, pvr.artifact.nonce);
    assert_eq!(rvr.artifact.created_at, "2022-12-06T20:04:15.754Z".parse().ok());
    assert!(rvr.artifact.prior_signed_voucher_request.is_some());

    let octets = vector!("voucher-nonsigned.hex");
    let voucher = parse_voucher(&octets).unwrap();
    assert_eq!((voucher.deviation, write_voucher(&voucher.artifact)), (None, Ok(octets)));
    assert_eq!(voucher.artifact.domain_cert_revocation_checks, Some(false));
    assert!(voucher.artifact.pinned_domain.certificate.is_some());
}

#[test]
fn the_request_with_names_of_the_draft_says_the_same_as_with_sids() {
    // RFC9254-3-sids-and-names, CBRSKI §9.1.2
    let named = item(|w| {
        w.map(1).text("ietf-voucher-request:voucher").map(6).text("assertion").unsigned(2);
        w.text("created-on").text("2022-12-05T19:19:19.536Z").text("nonce").bytes(&[0x83; 8]);
        w.text("idevid-issuer").bytes(&[4, 0x18]).text("serial-number").text("JADA123456789");
        w.text("prior-signed-voucher-request").bytes(&[0xa1, 0x19]);
    });
    let read = parse_voucher_request(&named).unwrap();
    assert_eq!(read.deviation, None);
    let with_sids = write_voucher_request(&read.artifact).unwrap();
    assert_eq!(with_sids[..6], [0xa1, 0x19, 0x09, 0xc5, 0xa6, 1]);
    assert_eq!(parse_voucher_request(&with_sids), Ok(read));
}

#[test]
fn names_deltas_and_absolute_sids_may_be_mixed_but_name_a_leaf_once() {
    // RFC9254-3-sids-and-names
    let absolute = |sid| item(|w| _ = w.tag(47).unsigned(sid));
    for key in [delta(1), absolute(2452), text("assertion")] {
        let read = voucher(key, delta(1)).unwrap();
        assert_eq!((read.artifact.assertion, read.deviation), (Some(Assertion::Logged), None));
    }
    for key in [absolute(2462), text("serial-number")] {
        assert_eq!(voucher(key, text("1")), Err(Error::DuplicateMember));
    }
    let both = item(|w| {
        w.map(2).unsigned(2451).map(1).unsigned(11).text("1");
        w.text("ietf-voucher:voucher").map(1).unsigned(11).text("1");
    });
    assert_eq!(parse_voucher(&both), Err(Error::DuplicateMember));
    let tagged = item(|w| _ = w.map(1).tag(47).unsigned(2451).map(1).unsigned(11).text("1"));
    assert!(parse_voucher(&tagged).is_ok());
}

#[test]
fn unknown_leaves_are_ignored_and_keys_are_numbers_or_names() {
    let plain = voucher(delta(11 + 200), delta(0)).unwrap();
    assert_eq!(plain.artifact, Voucher::new("1".parse().unwrap()));
    for key in [item(|w| _ = w.integer(-3)), text("future-leaf"), item(|w| _ = w.tag(47).unsigned(99))] {
        assert_eq!(voucher(key, vec![0x9f, 0xf7, 0xff]).unwrap(), plain);
    }
    for key in [
        bytes(b"1"),
        vec![0xf6],
        vec![0x80],
        item(|w| _ = w.tag(47).text("x")),
        item(|w| _ = w.tag(46).unsigned(1)),
    ] {
        assert_eq!(voucher(key, delta(0)), Err(Error::KeyInvalid));
    }
}

#[test]
fn the_older_sids_of_the_examples_are_another_artifact() {
    let old = document(1_001_100, &[(delta(11), text("1"))]);
    assert_eq!(parse_voucher(&old), Err(Error::ContainerMissing { container: "ietf-voucher:voucher" }));
}

#[test]
fn a_request_ignores_what_is_not_valid_in_it() {
    // RFC8366-8.2-request-ignores
    let plain = VoucherRequest::new("1".parse().unwrap());
    for key in [3, 6] {
        assert_eq!(request(delta(key), text("junk")).unwrap().artifact, plain);
    }
}

#[test]
fn the_nonce_has_eight_to_thirty_two_octets() {
    // RFC8366-7.3-nonce-length
    for length in [8, 32] {
        let read = request(delta(7), bytes(&vec![1; length])).unwrap();
        assert_eq!(read.artifact.nonce, Nonce::new(&vec![1; length]).ok());
    }
    for length in [0, 7, 33, 64] {
        assert_eq!(request(delta(7), bytes(&vec![1; length])), Err(Error::NonceLength));
    }
}

#[test]
fn what_deviating_peers_write_is_read_and_named() {
    // CBRSKI-9-deviations-by-registration
    let date = "2026-11-25T06:00:00Z";
    let mut expected = Voucher::new("1".parse().unwrap());
    expected.created_at = date.parse().ok();
    expected.expires_at = date.parse().ok();
    expected.assertion = Some(Assertion::Proximity);
    expected.nonce = Nonce::new(b"_qVtGw8VSBble9M4Up65Lw").ok();
    expected.pinned_domain.certificate = Some(vec![0, 1, 2]);
    expected.idevid_issuer = Some(b"O=Maker".to_vec());
    let deviating = [
        (2, item(|w| _ = w.tag(1).unsigned(1_795_586_400)), "created-on"),
        (4, item(|w| _ = w.tag(0).text(date)), "expires-on"),
        (1, text("proximity"), "assertion"),
        (7, text("_qVtGw8VSBble9M4Up65Lw"), "nonce"),
        (8, text("AAEC"), "pinned-domain-cert"),
        (5, text("O=Maker"), "idevid-issuer"),
        (11, bytes(b"1"), "serial-number"),
    ];
    for (key, value, leaf) in &deviating {
        let mut members = vec![(delta(*key), value.clone())];
        if *key != 11 {
            members.push((delta(11), text("1")));
        }
        assert_eq!(parse_voucher(&document(2451, &members)).unwrap().deviation, Some(*leaf));
    }
    let all: Vec<_> = deviating.into_iter().map(|(key, value, _)| (delta(key), value)).collect();
    assert_eq!(parse_voucher(&document(2451, &all)).unwrap().artifact, expected);
}

#[test]
fn a_date_without_zone_is_taken_only_where_it_decides_nothing() {
    let read = voucher(delta(2), text("2026-11-25T06:00:00")).unwrap();
    assert_eq!((read.artifact.created_at, read.deviation), ("2026-11-25T06:00:00Z".parse().ok(), None));
    let expires = voucher(delta(4), text("2026-11-25T06:00:00"));
    assert_eq!(expires, Err(Error::LeafInvalid { leaf: "expires-on" }));
}

#[test]
fn refuses_each_wrong_leaf_by_its_name() {
    let cases = [
        (1, vec![0x20], "assertion"),
        (1, bytes(b"proximity"), "assertion"),
        (2, vec![0], "created-on"),
        (2, text("yesterday"), "created-on"),
        (2, item(|w| _ = w.tag(1).unsigned(u64::MAX)), "created-on"),
        (2, item(|w| _ = w.tag(1).integer(-1)), "created-on"),
        (3, vec![0], "domain-cert-revocation-checks"),
        (7, vec![0], "nonce"),
        (8, vec![0xf6], "pinned-domain-cert"),
        (8, text("*"), "pinned-domain-cert"),
        (10, bytes(&[0; 31]), "pinned-domain-pubk-sha256"),
        (13, bytes(b"x"), "est-domain"),
        (14, text("x"), "manufacturer-proprietary"),
        (15, vec![0], "extensions"),
        (15, vec![0x81, 0x20], "extensions"),
        (15, vec![0x82, 7, 7], "extensions"),
        (15, [&[0x91][..], &[7; 17]].concat(), "extensions"),
    ];
    for (key, value, leaf) in cases {
        assert_eq!(voucher(delta(key), value), Err(Error::LeafInvalid { leaf }), "{key}");
    }
}

#[test]
fn refuses_a_wrong_serial_number_assertion_or_renewal() {
    let serial = |value: Vec<u8>| parse_voucher(&document(2451, &[(delta(11), value)]));
    for value in [text(""), text("a\nb"), bytes(&[0xff]), vec![7]] {
        assert_eq!(serial(value), Err(Error::LeafInvalid { leaf: "serial-number" }));
    }
    assert_eq!(parse_voucher(&document(2451, &[])), Err(Error::SerialNumberMissing));
    assert_eq!(voucher(delta(1), delta(4)), Err(Error::AssertionUnknown));
    assert_eq!(voucher(delta(6), text("2026-01-01T00:00:00Z")), Err(Error::RenewalWithoutExpiry));
}

#[test]
fn refuses_what_is_no_such_artifact() {
    let container = Err(Error::ContainerMissing { container: "ietf-voucher:voucher" });
    for octets in [&[0xa0][..], &[0x80], &[0], &[0xa1, 0x19, 0x09, 0x93, 0], &[0xa1, 0x19, 0x09, 0xc5, 0xa0]]
    {
        assert_eq!(parse_voucher(octets), container, "{octets:?}");
    }
    assert_eq!(parse_voucher(&[0xa1]), Err(Error::NotCbor));
    assert_eq!(parse_voucher(b"{}"), Err(Error::NotCbor));
    assert_eq!(parse_voucher(&[0x81; 100]), Err(Error::TooComplex));
    assert_eq!(parse_voucher(&vec![0; VOUCHER_BYTES_MAX + 1]), Err(Error::TooLarge));
}

#[test]
fn extensions_are_named_by_sid_or_name_and_their_content_is_carried() {
    // RFC8366-7.5-extensions
    let sid = 305_823_299_950;
    let octets = item(|w| {
        w.map(1)
            .unsigned(2451)
            .map(4)
            .unsigned(11)
            .text("1")
            .unsigned(15)
            .array(2)
            .unsigned(sid)
            .text("mine");
        w.text("extension:mine")
            .boolean(true)
            .tag(47)
            .unsigned(sid)
            .map(1)
            .unsigned(1)
            .text("my-ext-leaf1-data");
    });
    let read = parse_voucher(&octets).unwrap();
    let content = item(|w| _ = w.map(1).unsigned(1).text("my-ext-leaf1-data"));
    let expected = [
        Extension { name: ExtensionName::Sid(sid), content: Some(Opaque::Octets(content)) },
        Extension { name: ExtensionName::Name("mine".into()), content: Some(Opaque::Octets(vec![0xf5])) },
    ];
    assert_eq!(read.artifact.extensions, expected);
    assert_eq!(write_voucher(&read.artifact), Ok(octets));
}

#[test]
fn content_of_the_json_form_is_not_written_as_cbor() {
    let mut voucher = Voucher::new("1".parse().unwrap());
    voucher.manufacturer_proprietary = Some(Opaque::Json("{}".into()));
    assert_eq!(write_voucher(&voucher), Err(Error::OpaqueForm));
    voucher.manufacturer_proprietary = None;
    let name = ExtensionName::Name("x".to_owned());
    voucher.extensions = vec![Extension { name, content: Some(Opaque::Json("{}".into())) }];
    assert_eq!(write_voucher(&voucher), Err(Error::OpaqueForm));
}

/// Cuts a model of the JSON form down to what both forms can say.
fn common(nonce: Option<Nonce>, extensions: &mut [Extension]) -> Option<Nonce> {
    extensions.iter_mut().for_each(|extension| extension.content = None);
    nonce.filter(|nonce| nonce.as_bytes().len() <= 32)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_voucher_goes_through_both_forms_and_stays_the_same(mut voucher in any_voucher()) {
        voucher.nonce = common(voucher.nonce, &mut voucher.extensions);
        let from_json = json::parse_voucher(&json::write_voucher(&voucher).unwrap()).unwrap();
        let octets = write_voucher(&from_json).unwrap();
        let read = parse_voucher(&octets).unwrap();
        prop_assert_eq!(read.deviation, None);
        prop_assert_eq!(write_voucher(&read.artifact).unwrap(), octets);
        prop_assert_eq!(read.artifact, voucher);
    }

    #[test]
    fn every_request_goes_through_both_forms_and_stays_the_same(mut request in any_request()) {
        request.nonce = common(request.nonce, &mut request.extensions);
        let from_json = json::parse_voucher_request(&json::write_voucher_request(&request).unwrap()).unwrap();
        let octets = write_voucher_request(&from_json).unwrap();
        let read = parse_voucher_request(&octets).unwrap();
        prop_assert_eq!(read.deviation, None);
        prop_assert_eq!(write_voucher_request(&read.artifact).unwrap(), octets);
        prop_assert_eq!(read.artifact, request);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse_voucher(&octets);
        let _ = parse_voucher_request(&octets);
    }

    #[test]
    fn no_changed_octet_makes_the_parser_panic(at in any::<usize>(), to in any::<u8>()) {
        let mut octets = vector!("rvr-nonsigned.hex");
        let at = at % octets.len();
        octets[at] = to;
        let _ = parse_voucher_request(&octets);
    }
}
