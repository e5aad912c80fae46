//! The plain listener's revocation list: public by nature, and signed (RFC 5280 §8 advises against https here).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use proto::media_type;

use crate::app::{Refusal, publish_crl};
use crate::context::Context;

/// Builds the routes.
pub fn router(context: Arc<Context>) -> Router {
    Router::new().route("/crl/owner.crl", get(owner_crl)).with_state(context)
}

async fn owner_crl(State(context): State<Arc<Context>>) -> Result<Response, Refusal> {
    let crl = publish_crl::current_crl(&context).await?;
    Ok(([(header::CONTENT_TYPE, media_type::PKIX_CRL)], crl.der).into_response())
}
