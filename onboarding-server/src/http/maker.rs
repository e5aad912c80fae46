//! The MASA's resources for registrars: `requestvoucher`, `requestauditlog`.
//!
//! Source: RFC 8995 §5.5, §5.6, §5.8.

use axum::response::Response;
use axum::routing::post;
use proto::{media_type, well_known};

use super::Routes;
use super::asked::{Asked, answer};
use super::brski::{check_forms, check_log_forms};
use crate::app::{self, Refusal};

/// Lists the resources.
pub(super) fn routes() -> Routes {
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
