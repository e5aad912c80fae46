//! The registrar's BRSKI resources: `requestvoucher`, `voucher_status`, `enrollstatus`.
//!
//! Source: RFC 8995 §5.2, §5.7, §5.9.4, §8.3.1.

use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use proto::{media_type, well_known};
use proto_brski::Format;
use server_store::ReportKind;

use super::Routes;
use super::asked::{Asked, answer};
use super::status::{field, has_media_type};
use crate::app::report_status::ReportBody;
use crate::app::unfit::Unfit;
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
    let format = exchange_format(&asked.headers)?;
    let request = (&asked.body[..], format);
    let voucher = app::request_voucher::request_voucher(&asked.context, &asked.peer, request).await?;
    Ok(answer(format.media_type(), voucher))
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
    let report = ReportBody::Json(&asked.body);
    app::report_status::report_status(&asked.context, &asked.peer, kind, report).await?;
    Ok(StatusCode::OK)
}

/// Finds the form in which a voucher-request comes, and checks that the voucher may go in the same.
// RFC8995-5.2-media-type
pub(super) fn exchange_format(headers: &HeaderMap) -> Result<Format, Unfit> {
    let format = request_format(headers)?;
    check_accept(headers, format.media_type(), Unfit::VoucherAccept)?;
    Ok(format)
}

/// Finds the form in which a voucher-request comes, and checks that JSON may go.
// RFC8995-5.8-media-type
pub(super) fn log_format(headers: &HeaderMap) -> Result<Format, Unfit> {
    let format = request_format(headers)?;
    check_accept(headers, media_type::JSON, Unfit::AuditLogAccept)?;
    Ok(format)
}

fn request_format(headers: &HeaderMap) -> Result<Format, Unfit> {
    let is_given = |format: &Format| has_media_type(headers, format.media_type());
    Format::ALL.into_iter().find(is_given).ok_or(Unfit::VoucherType)
}

fn check_accept(headers: &HeaderMap, answer: &str, unaccepted: Unfit) -> Result<(), Unfit> {
    match field(headers, header::ACCEPT) {
        Some(accept) if !proto_est::accepts(accept, answer) => Err(unaccepted),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proto::{Class, Reason};

    use super::*;

    fn headers(given: &'static str, accept: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(given));
        accept.map(|accept| headers.insert(header::ACCEPT, HeaderValue::from_static(accept)));
        headers
    }

    #[test]
    fn vouchers_go_out_in_the_form_that_the_request_came_in() {
        // RFC8995-5.2-media-type
        for format in Format::ALL {
            let ours = format.media_type();
            for accept in [Some(ours), None, Some("*/*")] {
                assert_eq!(exchange_format(&headers(ours, accept)).ok(), Some(format));
            }
            for other in Format::ALL.into_iter().filter(|other| *other != format) {
                assert!(exchange_format(&headers(ours, Some(other.media_type()))).is_err());
            }
            assert!(exchange_format(&headers(ours, Some("application/voucher-jws+json"))).is_err());
        }
        for other in ["", "*/*", "application/*", "application/voucher-cose+cbor"] {
            assert!(exchange_format(&headers(other, None)).is_err(), "{other}");
        }
        assert!(exchange_format(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_voucher_request_goes_in_and_json_comes_out() {
        // RFC8995-5.8-media-type
        let check = |given, accept| log_format(&headers(given, accept)).map_err(|unfit| unfit.class());
        let ours = media_type::VOUCHER_CMS_JSON;
        assert_eq!(check(ours, None), Ok(Format::CmsJson));
        assert_eq!(check(ours, Some("application/json")), Ok(Format::CmsJson));
        assert_eq!(check(media_type::VOUCHER_COSE, Some("*/*")), Ok(Format::CoseCbor));
        assert_eq!(check(ours, Some(ours)), Err(Class::Unsupported));
        assert_eq!(check("application/json", None), Err(Class::Unsupported));
    }
}
