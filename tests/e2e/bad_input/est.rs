//! Bad input to EST, with a label and without.

use proto::media_type::{JSON, PKCS10};

use super::case::Expected::{self, Refusal};
use super::case::{Case, Form, in_form, nothing};
use super::stage::{Peer, Stage, base64};

const fn est(name: &'static str, path: &'static str, peer: Peer, form: Form, expected: Expected) -> Case {
    let body: fn(&Stage) -> Vec<u8> = if form.1.is_empty() { nothing } else { csr };
    Case::of_owner(name, path, peer, in_form(form, body), expected)
}

const fn enroll(
    name: &'static str,
    path: &'static str,
    peer: Peer,
    body: fn(&Stage) -> Vec<u8>,
    expected: Expected,
) -> Case {
    Case::of_owner(name, path, peer, in_form(("POST", PKCS10, ""), body), expected)
}

fn csr(stage: &Stage) -> Vec<u8> {
    base64(&stage.csr())
}

const ENROLL: &str = "/.well-known/est/simpleenroll";
const REENROLL: &str = "/.well-known/est/simplereenroll";
const LABELLED: &str = "/.well-known/est/nobody/simpleenroll";

/// Form, method, label and order.
pub(crate) const FORM: &[Case] = &[
    est(
        "cacerts-post",
        "/.well-known/est/cacerts",
        Peer::Nobody,
        ("POST", PKCS10, ""),
        Refusal(405, "http-method-unsupported"),
    ),
    est(
        "cacerts-accepts-other",
        "/.well-known/est/cacerts",
        Peer::Nobody,
        ("GET", "", "application/pem-certificate-chain"),
        Refusal(406, "est-accept-unsupported"),
    ),
    est(
        "cacerts-in-capitals",
        "/.well-known/est/CACERTS",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "est-path-unknown"),
    ),
    est(
        "cacerts-of-no-label",
        "/.well-known/est/nobody/cacerts",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "est-label-unknown"),
    ),
    est(
        "cacerts-label-dots",
        "/.well-known/est/../cacerts",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(400, "est-label-invalid"),
    ),
    est(
        "cacerts-label-percent",
        "/.well-known/est/a%2fb/cacerts",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(400, "est-label-invalid"),
    ),
    est(
        "cacerts-label-an-operation",
        "/.well-known/est/cacerts/cacerts",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(400, "est-label-invalid"),
    ),
    est(
        "cacerts-percent-encoded",
        "/.well-known/est/c%61certs",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "est-path-unknown"),
    ),
    est(
        "cacerts-too-deep",
        "/.well-known/est/a/b/cacerts",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "http-path-unknown"),
    ),
    est(
        "cacerts-slash-behind",
        "/.well-known/est/cacerts/",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "http-path-unknown"),
    ),
    est(
        "csrattrs-put",
        "/.well-known/est/csrattrs",
        Peer::Nobody,
        ("PUT", PKCS10, ""),
        Refusal(405, "http-method-unsupported"),
    ),
    est(
        "csrattrs-accepts-other",
        "/.well-known/est/csrattrs",
        Peer::Nobody,
        ("GET", "", JSON),
        Refusal(406, "est-accept-unsupported"),
    ),
    est(
        "csrattrs-of-no-label",
        "/.well-known/est/nobody/csrattrs",
        Peer::Nobody,
        ("GET", "", ""),
        Refusal(404, "est-label-unknown"),
    ),
    est(
        "serverkeygen-off",
        "/.well-known/est/serverkeygen",
        Peer::Vouched,
        ("POST", PKCS10, ""),
        Refusal(404, "est-serverkeygen-off"),
    ),
    est(
        "serverkeygen-get",
        "/.well-known/est/serverkeygen",
        Peer::Vouched,
        ("GET", "", ""),
        Refusal(405, "http-method-unsupported"),
    ),
    est(
        "serverkeygen-of-no-label",
        "/.well-known/est/nobody/serverkeygen",
        Peer::Vouched,
        ("POST", PKCS10, ""),
        Refusal(404, "est-label-unknown"),
    ),
    est(
        "fullcmc-off",
        "/.well-known/est/fullcmc",
        Peer::Vouched,
        ("POST", "application/pkcs7-mime", ""),
        Refusal(404, "est-fullcmc-unsupported"),
    ),
    est(
        "fullcmc-of-no-label",
        "/.well-known/est/nobody/fullcmc",
        Peer::Vouched,
        ("POST", "application/pkcs7-mime", ""),
        Refusal(404, "est-label-unknown"),
    ),
    est(
        "no-operation",
        "/.well-known/est/simpleenrol",
        Peer::Vouched,
        ("POST", PKCS10, ""),
        Refusal(404, "est-path-unknown"),
    ),
    est("enroll-get", ENROLL, Peer::Vouched, ("GET", "", ""), Refusal(405, "http-method-unsupported")),
    est(
        "enroll-no-media-type",
        ENROLL,
        Peer::Vouched,
        ("POST", "", ""),
        Refusal(415, "est-media-type-unsupported"),
    ),
    est("enroll-json", ENROLL, Peer::Vouched, ("POST", JSON, ""), Refusal(415, "est-media-type-unsupported")),
    est(
        "enroll-accepts-other",
        ENROLL,
        Peer::Vouched,
        ("POST", PKCS10, "text/plain"),
        Refusal(406, "est-accept-unsupported"),
    ),
    est(
        "enroll-of-no-label",
        LABELLED,
        Peer::Vouched,
        ("POST", PKCS10, ""),
        Refusal(404, "est-label-unknown"),
    ),
    est("reenroll-get", REENROLL, Peer::Ldevid, ("GET", "", ""), Refusal(405, "http-method-unsupported")),
    est(
        "reenroll-text",
        REENROLL,
        Peer::Ldevid,
        ("POST", "text/plain", ""),
        Refusal(415, "est-media-type-unsupported"),
    ),
    est(
        "reenroll-of-no-label",
        "/.well-known/est/nobody/simplereenroll",
        Peer::Ldevid,
        ("POST", PKCS10, ""),
        Refusal(404, "est-label-unknown"),
    ),
];

/// What is in the body, and who sends it when.
pub(crate) const REQUEST: &[Case] = &[
    enroll("enroll-without-voucher", ENROLL, Peer::Idevid, csr, Refusal(403, "policy-voucher-missing")),
    enroll(
        "enroll-unannounced",
        ENROLL,
        Peer::Unannounced,
        |stage| base64(&stage.csr_of(&stage.unannounced.serial_number().to_string())),
        Refusal(403, "policy-device-unknown"),
    ),
    enroll("reenroll-with-idevid", REENROLL, Peer::Idevid, csr, Refusal(403, "policy-voucher-missing")),
    enroll("enroll-nobody", ENROLL, Peer::Nobody, csr, Refusal(403, "peer-certificate-missing")),
    enroll("enroll-by-registrar", ENROLL, Peer::Registrar, csr, Refusal(403, "peer-certificate-untrusted")),
    enroll("enroll-as-another", ENROLL, Peer::Vouched, csr, Refusal(403, "csr-serial-number-mismatch")),
    enroll("reenroll-as-another", REENROLL, Peer::Ldevid, csr, Refusal(403, "est-renewal-subject-changed")),
    enroll("enroll-empty", ENROLL, Peer::Vouched, nothing, Refusal(400, "est-body-empty")),
    enroll(
        "enroll-no-base64",
        ENROLL,
        Peer::Vouched,
        |_| b"!!!!".to_vec(),
        Refusal(400, "est-body-encoding-invalid"),
    ),
    enroll(
        "enroll-base64-cut",
        ENROLL,
        Peer::Vouched,
        |stage| csr(stage).split_off(3),
        Refusal(400, "est-body-encoding-invalid"),
    ),
    enroll(
        "enroll-base64-url",
        ENROLL,
        Peer::Vouched,
        |_| b"MIIB-_==".to_vec(),
        Refusal(400, "est-body-encoding-invalid"),
    ),
    enroll(
        "enroll-base64-of-nothing",
        ENROLL,
        Peer::Vouched,
        |_| b"\r\n\r\n".to_vec(),
        Refusal(400, "est-body-empty"),
    ),
    enroll(
        "enroll-der-as-another",
        ENROLL,
        Peer::Vouched,
        Stage::csr,
        Refusal(403, "csr-serial-number-mismatch"),
    ),
    enroll(
        "enroll-pem",
        ENROLL,
        Peer::Vouched,
        |stage| {
            [
                b"-----BEGIN CERTIFICATE REQUEST-----\n",
                &csr(stage)[..],
                b"-----END CERTIFICATE REQUEST-----\n",
            ]
            .concat()
        },
        Refusal(400, "est-body-encoding-invalid"),
    ),
    enroll(
        "enroll-base64-of-garbage",
        ENROLL,
        Peer::Vouched,
        |_| base64(&[0x55; 100]),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-csr-cut",
        ENROLL,
        Peer::Vouched,
        |stage| base64(&stage.csr()[..100]),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-csr-with-more-behind",
        ENROLL,
        Peer::Vouched,
        |stage| base64(&[&stage.csr()[..], &[0]].concat()),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-csr-huge-length",
        ENROLL,
        Peer::Vouched,
        |_| base64(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-csr-deep",
        ENROLL,
        Peer::Vouched,
        |_| base64(&[0x30, 0x80].repeat(4000)),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-a-certificate",
        ENROLL,
        Peer::Vouched,
        |stage| base64(stage.vouched.idevid().chain[0].der()),
        Refusal(400, "csr-malformed"),
    ),
    enroll(
        "enroll-csr-signature-broken",
        ENROLL,
        Peer::Vouched,
        |stage| {
            let mut der = stage.csr();
            *der.last_mut().expect("octets") ^= 1;
            base64(&der)
        },
        Refusal(403, "csr-self-signature-invalid"),
    ),
    enroll(
        "enroll-over-the-listeners-limit",
        ENROLL,
        Peer::Vouched,
        |_| vec![b'A'; 70_000],
        Refusal(413, "http-body-too-large"),
    ),
    enroll(
        "enroll-csr-too-large",
        ENROLL,
        Peer::Vouched,
        |_| vec![b'A'; 60_000],
        Refusal(400, "csr-too-large"),
    ),
    enroll("reenroll-empty", REENROLL, Peer::Ldevid, nothing, Refusal(400, "est-body-empty")),
    enroll(
        "reenroll-csr-cut",
        REENROLL,
        Peer::Ldevid,
        |stage| base64(&stage.csr()[..50]),
        Refusal(400, "csr-malformed"),
    ),
];
