//! The registrar's BRSKI resources: `requestvoucher`, `voucher_status`, `enrollstatus`.
//!
//! Source: RFC 8995 §5.2, §5.7, §5.9.4, §8.3.1.

use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use proto::{Class, Reason, ReasonCode, media_type, well_known};
use server_store::ReportKind;

use super::Routes;
use super::asked::{Asked, answer};
use super::status::{field, has_media_type};
use crate::app::{self, Refusal};

/// Lists the resources.
pub(super) fn routes() -> Routes {
    vec![
        (well_known::REQUEST_VOUCHER, post(request_voucher)),
        (well_known::VOUCHER_STATUS, post(voucher_status)),
        (well_known::ENROLL_STATUS, post(enroll_status)),
    ]
}

async fn request_voucher(asked: Asked) -> Result<Response, Refusal> {
    check_forms(&asked.headers)?;
    let voucher = app::request_voucher::request_voucher(&asked.context, &asked.peer, &asked.body).await?;
    Ok(answer(media_type::VOUCHER_CMS_JSON, voucher))
}

async fn voucher_status(asked: Asked) -> Result<StatusCode, Refusal> {
    report(asked, ReportKind::Voucher).await
}

async fn enroll_status(asked: Asked) -> Result<StatusCode, Refusal> {
    report(asked, ReportKind::Enrollment).await
}

async fn report(asked: Asked, kind: ReportKind) -> Result<StatusCode, Refusal> {
    if !has_media_type(&asked.headers, media_type::JSON) {
        return Err(Unfit::TelemetryType.into());
    }
    app::report_status::report_status(&asked.context, &asked.peer, kind, &asked.body).await?;
    Ok(StatusCode::OK)
}

/// Why a request's or answer's form is not offered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Unfit {
    /// The body is not a voucher-request in JSON and CMS.
    #[error("the voucher-request's media type is not offered")]
    VoucherType,
    /// The peer takes no voucher in JSON and CMS.
    #[error("the voucher's media type is not accepted")]
    VoucherAccept,
    /// The registrar takes no JSON, and an audit log is nothing else.
    #[error("the audit log's media type is not accepted")]
    AuditLogAccept,
    /// The report is not in JSON.
    #[error("the report's media type is not offered")]
    TelemetryType,
}

impl Reason for Unfit {
    fn class(&self) -> Class {
        Class::Unsupported
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::VoucherType => ReasonCode::new("voucher-media-type-unsupported"),
            Self::VoucherAccept => ReasonCode::new("voucher-accept-unsupported"),
            Self::AuditLogAccept => ReasonCode::new("audit-log-accept-unsupported"),
            Self::TelemetryType => ReasonCode::new("telemetry-media-type-unsupported"),
        }
    }
}

/// Checks that voucher-request and voucher are in the one form that is spoken here.
// RFC8995-5.2-media-type
pub(super) fn check_forms(headers: &HeaderMap) -> Result<(), Unfit> {
    check_exchange(headers, media_type::VOUCHER_CMS_JSON, Unfit::VoucherAccept)
}

/// Checks that a voucher-request comes and that JSON may go.
// RFC8995-5.8-media-type
pub(super) fn check_log_forms(headers: &HeaderMap) -> Result<(), Unfit> {
    check_exchange(headers, media_type::JSON, Unfit::AuditLogAccept)
}

fn check_exchange(headers: &HeaderMap, answer: &str, unaccepted: Unfit) -> Result<(), Unfit> {
    if !has_media_type(headers, media_type::VOUCHER_CMS_JSON) {
        return Err(Unfit::VoucherType);
    }
    match field(headers, header::ACCEPT) {
        Some(accept) if !proto_est::accepts(accept, answer) => Err(unaccepted),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(given: &'static str, accept: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(given));
        accept.map(|accept| headers.insert(header::ACCEPT, HeaderValue::from_static(accept)));
        headers
    }

    #[test]
    fn vouchers_are_json_in_cms_in_and_out() {
        // RFC8995-5.2-media-type
        let ours = media_type::VOUCHER_CMS_JSON;
        assert!(check_forms(&headers(ours, Some(ours))).is_ok());
        assert!(check_forms(&headers(ours, None)).is_ok());
        assert!(check_forms(&headers(ours, Some("*/*"))).is_ok());
        assert!(check_forms(&headers("application/voucher-cose+cbor", None)).is_err());
        assert!(check_forms(&headers(ours, Some("application/voucher-jws+json"))).is_err());
        for other in ["", "*/*", "application/*"] {
            assert!(check_forms(&headers(other, None)).is_err(), "{other}");
        }
        assert!(check_forms(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_voucher_request_goes_in_and_json_comes_out() {
        // RFC8995-5.8-media-type
        let check = |given, accept| check_log_forms(&headers(given, accept)).map_err(|unfit| unfit.class());
        let ours = media_type::VOUCHER_CMS_JSON;
        assert_eq!(check(ours, None), Ok(()));
        assert_eq!(check(ours, Some("application/json")), Ok(()));
        assert_eq!(check(ours, Some("*/*")), Ok(()));
        assert_eq!(check(ours, Some(ours)), Err(Class::Unsupported));
        assert_eq!(check("application/json", None), Err(Class::Unsupported));
    }
}
