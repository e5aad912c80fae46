//! Bad input to the registrar's BRSKI resources.

use proto::media_type::{JSON, VOUCHER_CMS_JSON};
use proto::well_known::{ENROLL_STATUS, REQUEST_VOUCHER, VOUCHER_STATUS};

use super::case::Expected::{self, Refusal};
use super::case::Message::Ask;
use super::case::{Case, Form, in_form, nothing};
use super::stage::{Peer, Stage};

const fn ask(name: &'static str, peer: Peer, body: fn(&Stage) -> Vec<u8>, expected: Expected) -> Case {
    voucher(name, peer, ("POST", VOUCHER_CMS_JSON, ""), body, expected)
}

const fn voucher(
    name: &'static str,
    peer: Peer,
    form: Form,
    body: fn(&Stage) -> Vec<u8>,
    expected: Expected,
) -> Case {
    Case::of_owner(name, REQUEST_VOUCHER, peer, in_form(form, body), expected)
}

const fn tell(
    name: &'static str,
    path: &'static str,
    peer: Peer,
    body: fn(&Stage) -> Vec<u8>,
    expected: Expected,
) -> Case {
    Case::of_owner(name, path, peer, Ask("POST", JSON, "", body), expected)
}

const fn wrong_form(
    name: &'static str,
    path: &'static str,
    (method, given): (&'static str, &'static str),
    expected: Expected,
) -> Case {
    Case::of_owner(name, path, Peer::Vouched, Ask(method, given, "", success), expected)
}

/// A report that all went well.
fn success(_: &Stage) -> Vec<u8> {
    br#"{"version":1,"status":true}"#.to_vec()
}

/// `requestvoucher`: form, order, and what is inside a well-signed request.
pub(crate) const VOUCHER: &[Case] = &[
    voucher("voucher-get", Peer::Idevid, ("GET", "", ""), nothing, Refusal(405, "http-method-unsupported")),
    voucher(
        "voucher-put",
        Peer::Idevid,
        ("PUT", VOUCHER_CMS_JSON, ""),
        Stage::pvr,
        Refusal(405, "http-method-unsupported"),
    ),
    voucher(
        "voucher-method-of-our-own",
        Peer::Idevid,
        ("BREW", VOUCHER_CMS_JSON, ""),
        Stage::pvr,
        Refusal(405, "http-method-unsupported"),
    ),
    voucher(
        "voucher-no-media-type",
        Peer::Idevid,
        ("POST", "", ""),
        Stage::pvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    voucher(
        "voucher-json-unsigned",
        Peer::Idevid,
        ("POST", JSON, ""),
        Stage::pvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    voucher(
        "voucher-cose",
        Peer::Idevid,
        ("POST", "application/voucher-cose+cbor", ""),
        Stage::pvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    voucher(
        "voucher-media-type-range",
        Peer::Idevid,
        ("POST", "*/*", ""),
        Stage::pvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    voucher(
        "voucher-media-type-longer",
        Peer::Idevid,
        ("POST", "application/voucher-cms+jsonx", ""),
        Stage::pvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    voucher(
        "voucher-accepts-other",
        Peer::Idevid,
        ("POST", VOUCHER_CMS_JSON, "application/voucher-jws+json"),
        Stage::pvr,
        Refusal(406, "voucher-accept-unsupported"),
    ),
    voucher(
        "voucher-accepts-none",
        Peer::Idevid,
        ("POST", VOUCHER_CMS_JSON, "application/voucher-cms+json;q=0"),
        Stage::pvr,
        Refusal(406, "voucher-accept-unsupported"),
    ),
    ask("voucher-nobody", Peer::Nobody, Stage::pvr, Refusal(403, "peer-certificate-missing")),
    ask("voucher-by-operator", Peer::Operator, Stage::pvr, Refusal(403, "peer-certificate-untrusted")),
    ask("voucher-by-registrar", Peer::Registrar, Stage::pvr, Refusal(403, "peer-certificate-untrusted")),
    ask("voucher-by-ldevid", Peer::Ldevid, Stage::pvr, Refusal(403, "peer-idevid-needed")),
    ask("voucher-of-another-unit", Peer::Unannounced, Stage::pvr, Refusal(403, "pvr-signature-invalid")),
    ask(
        "voucher-nonce-of-earlier-request",
        Peer::Vouched,
        Stage::reused_nonce,
        Refusal(403, "voucher-request-nonce-used"),
    ),
    ask("voucher-empty-body", Peer::Idevid, nothing, Refusal(400, "cms-malformed")),
    ask("voucher-zeros", Peer::Idevid, |_| vec![0; 1000], Refusal(400, "cms-malformed")),
    ask("voucher-text", Peer::Idevid, |_| b"hello".to_vec(), Refusal(400, "cms-malformed")),
    ask(
        "voucher-base64-of-itself",
        Peer::Idevid,
        |stage| super::stage::base64(&stage.pvr()),
        Refusal(400, "cms-malformed"),
    ),
    ask("voucher-over-32-kib", Peer::Idevid, |_| vec![0x30; 33 * 1024], Refusal(400, "pvr-too-large")),
    ask(
        "voucher-over-the-listeners-limit",
        Peer::Idevid,
        |_| vec![0x30; 70_000],
        Refusal(413, "http-body-too-large"),
    ),
    ask(
        "voucher-content-empty",
        Peer::Idevid,
        |stage| stage.signed(b""),
        Refusal(400, "voucher-json-invalid"),
    ),
    ask(
        "voucher-content-no-json",
        Peer::Idevid,
        |stage| stage.signed(b"{"),
        Refusal(400, "voucher-json-invalid"),
    ),
    ask(
        "voucher-content-no-utf-8",
        Peer::Idevid,
        |stage| stage.signed(b"{\"\xff\":1}"),
        Refusal(400, "voucher-json-invalid"),
    ),
    ask(
        "voucher-content-array",
        Peer::Idevid,
        |stage| stage.signed(b"[]"),
        Refusal(400, "voucher-container-missing"),
    ),
    ask(
        "voucher-content-deep",
        Peer::Idevid,
        |stage| stage.signed(&[b'['; 5000]),
        Refusal(400, "voucher-too-complex"),
    ),
    ask(
        "voucher-content-two-documents",
        Peer::Idevid,
        |stage| stage.signed(b"{}{}"),
        Refusal(400, "voucher-json-invalid"),
    ),
    ask(
        "voucher-container-of-a-voucher",
        Peer::Idevid,
        |stage| stage.signed(br#"{"ietf-voucher:voucher":{}}"#),
        Refusal(400, "voucher-container-missing"),
    ),
    ask(
        "voucher-container-empty",
        Peer::Idevid,
        |stage| stage.signed(br#"{"ietf-voucher-request:voucher":{}}"#),
        Refusal(400, "voucher-serial-missing"),
    ),
    ask(
        "voucher-member-twice",
        Peer::Idevid,
        |stage| {
            stage.signed(br#"{"ietf-voucher-request:voucher":{"serial-number":"a","serial-number":"b"}}"#)
        },
        Refusal(400, "voucher-member-duplicate"),
    ),
    ask(
        "voucher-serial-of-another",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["serial-number"] = "BI-9".into()),
        Refusal(403, "pvr-serial-mismatch"),
    ),
    ask(
        "voucher-serial-a-number",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["serial-number"] = 7.into()),
        Refusal(400, "voucher-leaf-invalid"),
    ),
    ask(
        "voucher-serial-too-long",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["serial-number"] = "x".repeat(65).into()),
        Refusal(400, "voucher-leaf-invalid"),
    ),
    ask(
        "voucher-nonce-missing",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| drop(v.as_object_mut().and_then(|members| members.remove("nonce")))),
        Refusal(400, "pvr-nonce-missing"),
    ),
    ask(
        "voucher-nonce-no-base64",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["nonce"] = "***".into()),
        Refusal(400, "voucher-nonce-length"),
    ),
    ask(
        "voucher-nonce-short",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["nonce"] = "AAAA".into()),
        Refusal(400, "voucher-nonce-length"),
    ),
    ask(
        "voucher-nonce-long",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["nonce"] = "AAAA".repeat(22).into()),
        Refusal(400, "voucher-nonce-length"),
    ),
    ask(
        "voucher-assertion-unknown",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["assertion"] = "hearsay".into()),
        Refusal(415, "voucher-assertion-unknown"),
    ),
    ask(
        "voucher-assertion-logged",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["assertion"] = "logged".into()),
        Refusal(415, "pvr-assertion-not-proximity"),
    ),
    ask(
        "voucher-date-is-none",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["created-on"] = "2024-02-30T00:00:00Z".into()),
        Refusal(400, "voucher-leaf-invalid"),
    ),
    ask(
        "voucher-date-far-ahead",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["created-on"] = "9999-01-01T00:00:00Z".into()),
        Refusal(403, "pvr-created-in-future"),
    ),
    ask(
        "voucher-proximity-no-base64",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["proximity-registrar-cert"] = "!".into()),
        Refusal(400, "voucher-leaf-invalid"),
    ),
    ask(
        "voucher-proximity-no-certificate",
        Peer::Idevid,
        |stage| stage.pvr_with(|v| v["proximity-registrar-cert"] = "AAAA".into()),
        Refusal(401, "pvr-proximity-mismatch"),
    ),
];

/// `voucher_status` and `enrollstatus`.
pub(crate) const STATUS: &[Case] = &[
    wrong_form("voucher-status-get", VOUCHER_STATUS, ("GET", ""), Refusal(405, "http-method-unsupported")),
    wrong_form(
        "voucher-status-text",
        VOUCHER_STATUS,
        ("POST", "text/plain"),
        Refusal(415, "telemetry-media-type-unsupported"),
    ),
    tell(
        "voucher-status-nobody",
        VOUCHER_STATUS,
        Peer::Nobody,
        success,
        Refusal(403, "peer-certificate-missing"),
    ),
    tell(
        "voucher-status-for-unknown",
        VOUCHER_STATUS,
        Peer::Unannounced,
        success,
        Refusal(404, "device-unknown"),
    ),
    tell("voucher-status-empty", VOUCHER_STATUS, Peer::Vouched, nothing, Refusal(400, "telemetry-malformed")),
    tell(
        "voucher-status-no-json",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| b"status=ok".to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-array",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| b"[1,true]".to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-a-word",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| br#"{"version":1,"status":"yes"}"#.to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-no-utf-8",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| b"{\"version\":1,\"status\":true,\"reason\":\"\xc3\x28\"}".to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-version-negative",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| br#"{"version":-1,"status":true}"#.to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-version-huge",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| br#"{"version":1e400,"status":true}"#.to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "voucher-status-over-4-kib",
        VOUCHER_STATUS,
        Peer::Vouched,
        |_| vec![b' '; 4097],
        Refusal(400, "telemetry-too-large"),
    ),
    wrong_form(
        "enroll-status-delete",
        ENROLL_STATUS,
        ("DELETE", ""),
        Refusal(405, "http-method-unsupported"),
    ),
    wrong_form(
        "enroll-status-cbor",
        ENROLL_STATUS,
        ("POST", "application/cbor"),
        Refusal(415, "telemetry-media-type-unsupported"),
    ),
    tell(
        "enroll-status-for-unknown",
        ENROLL_STATUS,
        Peer::Unannounced,
        success,
        Refusal(404, "device-unknown"),
    ),
    tell(
        "enroll-status-by-station",
        ENROLL_STATUS,
        Peer::Station,
        success,
        Refusal(403, "peer-certificate-untrusted"),
    ),
    tell(
        "enroll-status-deep",
        ENROLL_STATUS,
        Peer::Ldevid,
        |_| vec![b'['; 4000],
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "enroll-status-no-status",
        ENROLL_STATUS,
        Peer::Ldevid,
        |_| br#"{"version":1}"#.to_vec(),
        Refusal(400, "telemetry-malformed"),
    ),
    tell(
        "enroll-status-over-the-listeners-limit",
        ENROLL_STATUS,
        Peer::Ldevid,
        |_| vec![b' '; 70_000],
        Refusal(413, "http-body-too-large"),
    ),
];
