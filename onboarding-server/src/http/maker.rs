//! The MASA's resources for registrars: `requestvoucher`, `requestauditlog`.
//!
//! Source: RFC 8995 §5.5, §5.6, §5.8.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, header};
use proto::{Class, Reason, ReasonCode, media_type, well_known};
use server_listen::Peer;

use super::brski::{Unfit, check_forms};
use super::status::{field, has_media_type};
use crate::app::{self, Refusal};
use crate::context::Context;

/// Builds the routes.
pub fn router() -> Router<Arc<Context>> {
    Router::new()
        .route(well_known::REQUEST_VOUCHER, post(request_voucher))
        .route(well_known::REQUEST_AUDIT_LOG, post(request_audit_log))
}

async fn request_voucher(
    State(context): State<Arc<Context>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    check_forms(&headers)?;
    let voucher = app::maker::request_voucher(&context, &peer, &body).await?;
    Ok(([(header::CONTENT_TYPE, media_type::VOUCHER_CMS_JSON)], voucher).into_response())
}

async fn request_audit_log(
    State(context): State<Arc<Context>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    check_log_forms(&headers)?;
    let log = app::maker::request_audit_log(&context, &peer, &body).await?;
    Ok(([(header::CONTENT_TYPE, media_type::JSON)], log).into_response())
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
