//! Bad input to the MASA.

use proto::media_type::{JSON, VOUCHER_CMS_JSON};
use proto::well_known::{ENROLL_STATUS, REQUEST_AUDIT_LOG, REQUEST_VOUCHER};

use super::case::Expected::{self, Refusal};
use super::case::{Case, Form, Listener, in_form, nothing};
use super::stage::{Peer, Stage};

const fn ask(
    name: &'static str,
    path: &'static str,
    form: Form,
    body: fn(&Stage) -> Vec<u8>,
    expected: Expected,
) -> Case {
    let (listener, peer, message) = (Listener::Maker, Peer::Registrar, in_form(form, body));
    Case { name, listener, path, peer, message, expected }
}

const FORM: Form = ("POST", VOUCHER_CMS_JSON, "");

/// All of it.
pub(crate) const CASES: &[Case] = &[
    ask(
        "masa-voucher-get",
        REQUEST_VOUCHER,
        ("GET", "", ""),
        nothing,
        Refusal(405, "http-method-unsupported"),
    ),
    ask(
        "masa-voucher-json",
        REQUEST_VOUCHER,
        ("POST", JSON, ""),
        Stage::rvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    ask(
        "masa-voucher-accepts-other",
        REQUEST_VOUCHER,
        ("POST", VOUCHER_CMS_JSON, JSON),
        Stage::rvr,
        Refusal(406, "voucher-accept-unsupported"),
    ),
    ask("masa-voucher-empty", REQUEST_VOUCHER, FORM, nothing, Refusal(400, "cms-malformed")),
    ask("masa-voucher-garbage", REQUEST_VOUCHER, FORM, |_| vec![0xff; 2000], Refusal(400, "cms-malformed")),
    ask(
        "masa-voucher-cut",
        REQUEST_VOUCHER,
        FORM,
        |stage| stage.rvr()[..1000].to_vec(),
        Refusal(400, "cms-malformed"),
    ),
    ask(
        "masa-voucher-more-behind",
        REQUEST_VOUCHER,
        FORM,
        |stage| [&stage.rvr()[..], &[0]].concat(),
        Refusal(400, "cms-malformed"),
    ),
    ask(
        "masa-voucher-signature-broken",
        REQUEST_VOUCHER,
        FORM,
        |stage| {
            let mut rvr = stage.rvr();
            *rvr.last_mut().expect("octets") ^= 1;
            rvr
        },
        Refusal(403, "rvr-signature-invalid"),
    ),
    ask(
        "masa-voucher-request-of-a-pledge",
        REQUEST_VOUCHER,
        FORM,
        Stage::pvr,
        Refusal(400, "rvr-proximity-present"),
    ),
    ask(
        "masa-voucher-no-json",
        REQUEST_VOUCHER,
        FORM,
        |stage| stage.signed_by_registrar(b"voucher, please"),
        Refusal(400, "voucher-json-invalid"),
    ),
    ask(
        "masa-voucher-container-empty",
        REQUEST_VOUCHER,
        FORM,
        |stage| stage.signed_by_registrar(br#"{"ietf-voucher-request:voucher":{}}"#),
        Refusal(400, "voucher-serial-missing"),
    ),
    ask(
        "masa-voucher-prior-missing",
        REQUEST_VOUCHER,
        FORM,
        |stage| {
            let content = format!(
                r#"{{"ietf-voucher-request:voucher":{{"serial-number":"{}","nonce":"{}"}}}}"#,
                stage.pledge_serial(),
                "AAAAAAAAAAAAAAAAAAAAAA=="
            );
            stage.signed_by_registrar(content.as_bytes())
        },
        Refusal(400, "rvr-prior-missing"),
    ),
    ask(
        "masa-voucher-prior-garbage",
        REQUEST_VOUCHER,
        FORM,
        |stage| {
            let content = format!(
                r#"{{"ietf-voucher-request:voucher":{{"serial-number":"{}","nonce":"{}","prior-signed-voucher-request":"AAAA"}}}}"#,
                stage.pledge_serial(),
                "AAAAAAAAAAAAAAAAAAAAAA=="
            );
            stage.signed_by_registrar(content.as_bytes())
        },
        Refusal(400, "cms-malformed"),
    ),
    ask(
        "masa-voucher-over-the-listeners-limit",
        REQUEST_VOUCHER,
        FORM,
        |_| vec![0x30; 70_000],
        Refusal(413, "http-body-too-large"),
    ),
    ask(
        "audit-log-before-any-voucher",
        REQUEST_AUDIT_LOG,
        FORM,
        Stage::rvr,
        Refusal(404, "masa-audit-log-foreign"),
    ),
    ask(
        "audit-log-put",
        REQUEST_AUDIT_LOG,
        ("PUT", VOUCHER_CMS_JSON, ""),
        Stage::rvr,
        Refusal(405, "http-method-unsupported"),
    ),
    ask(
        "audit-log-asked-in-json",
        REQUEST_AUDIT_LOG,
        ("POST", JSON, ""),
        Stage::rvr,
        Refusal(415, "voucher-media-type-unsupported"),
    ),
    // RFC8995-5.8-media-type
    ask(
        "audit-log-accepts-vouchers-only",
        REQUEST_AUDIT_LOG,
        ("POST", VOUCHER_CMS_JSON, VOUCHER_CMS_JSON),
        Stage::rvr,
        Refusal(406, "audit-log-accept-unsupported"),
    ),
    ask("audit-log-empty", REQUEST_AUDIT_LOG, FORM, nothing, Refusal(400, "cms-malformed")),
    ask(
        "audit-log-cut",
        REQUEST_AUDIT_LOG,
        FORM,
        |stage| stage.rvr()[..40].to_vec(),
        Refusal(400, "cms-malformed"),
    ),
    ask(
        "masa-has-no-status",
        ENROLL_STATUS,
        ("POST", JSON, ""),
        |_| b"{}".to_vec(),
        Refusal(404, "http-path-unknown"),
    ),
];
