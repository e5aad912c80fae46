//! The JSON form: the examples of the RFCs, what is tolerated, what is refused, and the way there and back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod models;

use models::{any_request, any_voucher};
use proptest::prelude::*;
use proto::Reason;
use proto_voucher::json::{parse_voucher, parse_voucher_request, write_voucher, write_voucher_request};
use proto_voucher::{
    Assertion, Error, Extension, ExtensionName, Nonce, Opaque, VOUCHER_BYTES_MAX, Voucher, VoucherRequest,
};

macro_rules! vector {
    ($name:literal) => {
        unwrapped(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/rfc8995-anima-bootstrap/examples/",
            $name
        )))
    };
}

/// The RFC prints its JSON in lines of 60 characters, cut within strings.
fn unwrapped(text: &str) -> Vec<u8> {
    text.replace(['\n', '\r'], "").into_bytes()
}

fn voucher(leaves: &str) -> Result<Voucher, Error> {
    parse_voucher(format!(r#"{{"ietf-voucher:voucher":{{{leaves}}}}}"#).as_bytes())
}

fn request(leaves: &str) -> Result<VoucherRequest, Error> {
    parse_voucher_request(format!(r#"{{"ietf-voucher-request:voucher":{{{leaves}}}}}"#).as_bytes())
}

#[test]
fn reads_the_requests_of_rfc_8995_appendix_c() {
    let pvr = parse_voucher_request(&vector!("vr_00-D0-E5-F2-00-02.json")).unwrap();
    assert_eq!(pvr.serial_number.as_str(), "00-D0-E5-F2-00-02");
    assert_eq!(pvr.assertion, Some(Assertion::Proximity));
    assert!(pvr.proximity_registrar.certificate.is_some() && pvr.nonce.is_some());
    let rvr = parse_voucher_request(&vector!("parboiled_vr_00-D0-E5-F2-00-02.json")).unwrap();
    assert!(rvr.prior_signed_voucher_request.is_some() && rvr.proximity_registrar.is_empty());
    assert_eq!(rvr.nonce, pvr.nonce);
}

#[test]
fn reads_the_voucher_of_rfc_8995_appendix_c() {
    let voucher = parse_voucher(&vector!("voucher_00-D0-E5-F2-00-02.json")).unwrap();
    assert_eq!(voucher.assertion, Some(Assertion::Logged));
    assert!(voucher.pinned_domain.certificate.is_some() && voucher.expires_at.is_none());
}

#[test]
fn reads_the_example_of_the_successor_with_an_extension() {
    // RFC8366-7.5-extensions
    let voucher = voucher(
        r#""created-on":"2016-10-07T19:31:42Z","assertion":"logged","serial-number":"JADA123456789",
           "idevid-issuer":"AAECAwQ=","nonce":"base64encodedvalue==","extensions":["example-my-extension"],
           "extension:example-my-extension":{"my-ext-leaf1":"my-ext-leaf1-data"},"extension:unlisted":1"#,
    )
    .unwrap();
    let content = Opaque::Json(r#"{"my-ext-leaf1":"my-ext-leaf1-data"}"#.to_owned());
    let name = ExtensionName::Name("example-my-extension".to_owned());
    assert_eq!(voucher.extensions, [Extension { name, content: Some(content) }]);
    assert_eq!(parse_voucher(&write_voucher(&voucher).unwrap()), Ok(voucher));
}

#[test]
fn the_creation_date_may_lack_its_zone_but_the_expiry_may_not() {
    let created = |date: &str| voucher(&format!(r#""serial-number":"1","created-on":"{date}""#));
    let at = "2026-11-25T06:00:00Z".parse().ok();
    for date in ["2026-11-25T06:00:00", "2026-11-25T06:00:00Z", "2026-11-25T02:00:00.000-04:00"] {
        assert_eq!(created(date).unwrap().created_at, at, "{date}");
    }
    assert_eq!(created("yesterday"), Err(Error::LeafInvalid { leaf: "created-on" }));
    let expires = voucher(r#""serial-number":"1","expires-on":"2026-11-25T06:00:00""#);
    assert_eq!(expires, Err(Error::LeafInvalid { leaf: "expires-on" }));
}

#[test]
fn the_nonce_is_kept_as_it_stands() {
    // RFC8995-5.8.1-nonce-opaque
    for nonce in ["-_XE9zK9q8Ll1qylMtLKeg", "62a2e7693d82fcda2624de58fb6722e5", "f4G6Vi1t8nKo/FieCVgpBg=="] {
        let voucher = voucher(&format!(r#""serial-number":"1","nonce":"{nonce}""#)).unwrap();
        assert_eq!(voucher.nonce.as_ref().and_then(Nonce::as_text), Some(nonce));
        assert_eq!(parse_voucher(&write_voucher(&voucher).unwrap()), Ok(voucher));
    }
    assert_eq!(voucher(r#""serial-number":"1","nonce":"short""#), Err(Error::NonceLength));
}

#[test]
fn numbers_in_content_that_is_only_carried_keep_their_value() {
    let extension = r#""serial-number":"1","extensions":["x"],"extension:x":[77777777777777777777777777777777777777772.5,0.1]"#;
    let once = voucher(extension).unwrap();
    let again = parse_voucher(&write_voucher(&once).unwrap()).unwrap();
    assert_eq!(again, once);
}

#[test]
fn an_issuer_that_is_no_base64_is_kept_as_text() {
    let request = request(r#""serial-number":"1","idevid-issuer":"C=CH,O=Maker""#).unwrap();
    assert_eq!(request.idevid_issuer.as_deref(), Some(b"C=CH,O=Maker".as_slice()));
}

#[test]
fn a_request_ignores_what_is_not_valid_in_it() {
    // RFC8366-8.2-request-ignores
    let with = request(
        r#""serial-number":"1","last-renewal-date":"junk","domain-cert-revocation-checks":7,"future-leaf":[1]"#,
    );
    assert_eq!(with, request(r#""serial-number":"1""#));
}

#[test]
fn a_renewal_date_needs_an_expiry() {
    // RFC8366-7.3-last-renewal
    let alone = voucher(r#""serial-number":"1","last-renewal-date":"2026-01-01T00:00:00Z""#);
    assert_eq!(alone, Err(Error::RenewalWithoutExpiry));
    let both = r#""serial-number":"1","last-renewal-date":"2027-01-01T00:00:00Z","expires-on":"2026-01-01T00:00:00Z""#;
    assert!(voucher(both).is_ok());
}

#[test]
fn refuses_each_wrong_leaf_by_its_name() {
    let leaf = |text: &str| match voucher(&format!(r#""serial-number":"1",{text}"#)) {
        Err(Error::LeafInvalid { leaf }) => leaf,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(leaf(r#""assertion":2"#), "assertion");
    assert_eq!(leaf(r#""pinned-domain-cert":"AA""#), "pinned-domain-cert");
    assert_eq!(leaf(r#""pinned-domain-cert":"-_8=""#), "pinned-domain-cert");
    assert_eq!(leaf(r#""pinned-domain-cert":null"#), "pinned-domain-cert");
    assert_eq!(leaf(r#""pinned-domain-pubk-sha256":"AAAA""#), "pinned-domain-pubk-sha256");
    assert_eq!(leaf(r#""domain-cert-revocation-checks":"true""#), "domain-cert-revocation-checks");
    assert_eq!(leaf(r#""nonce":12345678"#), "nonce");
    assert_eq!(leaf(r#""extensions":"x""#), "extensions");
    assert_eq!(leaf(r#""extensions":[7]"#), "extensions");
    assert_eq!(leaf(r#""extensions":["a","a"]"#), "extensions");
    assert_eq!(leaf(r#""est-domain":{}"#), "est-domain");
}

#[test]
fn refuses_a_wrong_serial_number_or_assertion() {
    for serial in [r#"" ""#, "7", r#""a\nb""#] {
        let error = voucher(&format!(r#""serial-number":{serial}"#)).unwrap_err();
        assert_eq!(error, Error::LeafInvalid { leaf: "serial-number" }, "{serial}");
    }
    assert_eq!(voucher(""), Err(Error::SerialNumberMissing));
    assert_eq!(voucher(r#""serial-number":"1","assertion":"trusted""#), Err(Error::AssertionUnknown));
}

#[test]
fn refuses_what_is_no_such_artifact() {
    let container = Err(Error::ContainerMissing { container: "ietf-voucher:voucher" });
    for text in ["{}", "[]", "1", r#"{"ietf-voucher:voucher":[]}"#, r#"{"ietf-voucher-request:voucher":{}}"#]
    {
        assert_eq!(parse_voucher(text.as_bytes()), container, "{text}");
    }
    assert_eq!(voucher(r#""serial-number":"1","serial-number":"2""#), Err(Error::DuplicateMember));
    assert_eq!(parse_voucher(&vec![b' '; VOUCHER_BYTES_MAX + 1]), Err(Error::TooLarge));
    assert_eq!(parse_voucher(b"{"), Err(Error::NotJson));
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let errors = [
        Error::TooLarge,
        Error::NotJson,
        Error::DuplicateMember,
        Error::TooComplex,
        Error::ContainerMissing { container: "x" },
        Error::SerialNumberMissing,
        Error::LeafInvalid { leaf: "x" },
        Error::AssertionUnknown,
        Error::NonceLength,
        Error::RenewalWithoutExpiry,
        Error::OpaqueForm,
    ];
    let mut codes: Vec<String> = errors.iter().map(|error| error.code().to_string()).collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), errors.len());
}

#[test]
fn content_of_the_cbor_form_is_not_written_as_json() {
    let mut voucher = Voucher::new("1".parse().unwrap());
    voucher.extensions = vec![Extension { name: ExtensionName::Sid(7), content: None }];
    assert_eq!(write_voucher(&voucher), Err(Error::OpaqueForm));
    let name = ExtensionName::Name("x".to_owned());
    voucher.extensions = vec![Extension { name, content: Some(Opaque::Octets(vec![1])) }];
    assert_eq!(write_voucher(&voucher), Err(Error::OpaqueForm));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_voucher_goes_there_and_back(voucher in any_voucher()) {
        prop_assert_eq!(parse_voucher(&write_voucher(&voucher).unwrap()), Ok(voucher));
    }

    #[test]
    fn every_request_goes_there_and_back(request in any_request()) {
        prop_assert_eq!(parse_voucher_request(&write_voucher_request(&request).unwrap()), Ok(request));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse_voucher(&bytes);
        let _ = parse_voucher_request(&bytes);
    }

    #[test]
    fn no_changed_octet_makes_the_parser_panic(at in any::<usize>(), to in any::<u8>()) {
        let mut bytes = vector!("vr_00-D0-E5-F2-00-02.json");
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = parse_voucher_request(&bytes);
    }
}
