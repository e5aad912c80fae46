//! The MASA's resources for registrars: `requestvoucher`, `requestauditlog`.
//!
//! Source: RFC 8995 §5.5, §5.6, §5.8.

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http::{HeaderMap, header};
use proto::{Class, Reason, ReasonCode, media_type, well_known};

use super::asked::{Asked, answer};
use super::brski::{Unfit, check_forms};
use super::status::{field, has_media_type};
use crate::app::{self, Refusal};
use crate::context::Context;

/// Lists the resources.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Context>>)> {
    vec![
        (well_known::REQUEST_VOUCHER, post(request_voucher)),
        (well_known::REQUEST_AUDIT_LOG, post(request_audit_log)),
    ]
}

async fn request_voucher(asked: Asked) -> Result<Response, Refusal> {
    check_forms(&asked.headers)?;
    let voucher = app::maker::request_voucher(&asked.context, &asked.peer, &asked.body).await?;
    Ok(answer(media_type::VOUCHER_CMS_JSON, voucher))
}

async fn request_audit_log(asked: Asked) -> Result<Response, Refusal> {
    check_log_forms(&asked.headers)?;
    let log = app::maker::request_audit_log(&asked.context, &asked.peer, &asked.body).await?;
    Ok(answer(media_type::JSON, log))
}

/// The registrar takes no JSON, and an audit log is nothing else.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the audit log's media type is not accepted")]
struct AuditLogAccept;

impl Reason for AuditLogAccept {
    fn class(&self) -> Class {
        Class::Unsupported
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new("audit-log-accept-unsupported")
    }
}

/// Checks that a voucher-request comes and that JSON may go.
// RFC8995-5.8-media-type
fn check_log_forms(headers: &HeaderMap) -> Result<(), Refusal> {
    if !has_media_type(headers, media_type::VOUCHER_CMS_JSON) {
        return Err(Unfit::VoucherType.into());
    }
    match field(headers, header::ACCEPT) {
        Some(accept) if !proto_est::accepts(accept, media_type::JSON) => Err(AuditLogAccept.into()),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(given: &'static str, accept: Option<&'static str>) -> Result<(), Class> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(given));
        accept.map(|accept| headers.insert(header::ACCEPT, HeaderValue::from_static(accept)));
        check_log_forms(&headers).map_err(|refusal| refusal.class())
    }

    #[test]
    fn a_voucher_request_goes_in_and_json_comes_out() {
        // RFC8995-5.8-media-type
        let ours = media_type::VOUCHER_CMS_JSON;
        assert_eq!(check(ours, None), Ok(()));
        assert_eq!(check(ours, Some("application/json")), Ok(()));
        assert_eq!(check(ours, Some("*/*")), Ok(()));
        assert_eq!(check(ours, Some(ours)), Err(Class::Unsupported));
        assert_eq!(check("application/json", None), Err(Class::Unsupported));
    }
}
