//! The MASA's resources for registrars: `requestvoucher`, `requestauditlog`.
//!
//! Source: RFC 8995 §5.5, §5.6, §5.8.

use axum::response::Response;
use axum::routing::post;
use proto::{media_type, well_known};

use super::Routes;
use super::asked::{Asked, answer};
use super::brski::{exchange_format, log_format};
use crate::app::{self, Refusal};

/// Lists the resources.
pub(super) fn routes() -> Routes {
    vec![
        (well_known::REQUEST_VOUCHER, post(request_voucher)),
        (well_known::REQUEST_AUDIT_LOG, post(request_audit_log)),
    ]
}

async fn request_voucher(asked: Asked) -> Result<Response, Refusal> {
    let format = exchange_format(&asked.headers)?;
    let voucher = app::maker::request_voucher(&asked.context, &asked.peer, (&asked.body, format)).await?;
    Ok(answer(format.media_type(), voucher))
}

async fn request_audit_log(asked: Asked) -> Result<Response, Refusal> {
    let format = log_format(&asked.headers)?;
    let log = app::maker::request_audit_log(&asked.context, &asked.peer, (&asked.body, format)).await?;
    Ok(answer(media_type::JSON, log))
}
