//! The plain listener: metrics, and the revocation list, which is public by nature and signed (RFC 5280 §8 advises
//! against https here).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use proto::media_type;

use super::Routes;
use super::asked::answer;
use crate::app::{Refusal, publish_crl};
use crate::context::Context;
use crate::metrics;

/// Lists the resources.
pub(super) fn routes() -> Routes {
    vec![("/metrics", get(metrics_page)), ("/crl/owner.crl", get(owner_crl))]
}

async fn metrics_page(State(context): State<Arc<Context>>) -> Response {
    answer(metrics::CONTENT_TYPE, context.metrics.encode())
}

async fn owner_crl(State(context): State<Arc<Context>>) -> Result<Response, Refusal> {
    Ok(answer(media_type::PKIX_CRL, publish_crl::current_crl(&context).await?.der))
}
