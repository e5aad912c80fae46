//! Bytes to types and back, for each protocol over HTTP; nothing else.

pub mod brski;
pub mod est;
pub mod maker;
pub mod plain;
pub mod status;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::context::Context;

/// Builds the owner's routes: BRSKI and EST.
pub fn owner_router(context: Arc<Context>) -> Router {
    serve(brski::router().merge(est::router()), context)
}

/// Builds the maker's routes: the MASA.
pub fn maker_router(context: Arc<Context>) -> Router {
    serve(maker::router(), context)
}

/// Adds what all routers have: answers for wrong paths and methods, and counting.
fn serve(router: Router<Arc<Context>>, context: Arc<Context>) -> Router {
    router
        .fallback(status::not_found)
        .method_not_allowed_fallback(status::method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&context), count))
        .with_state(context)
}

/// Counts each answer by its route, status and reason.
async fn count(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let endpoint = endpoint(request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str));
    let begun = Instant::now();
    let response = next.run(request).await;
    context.metrics.request(endpoint, response.status().as_u16(), begun.elapsed());
    if let Some(told) = response.extensions().get::<status::Told>() {
        context.metrics.refusal(endpoint, told.class, &told.code);
    }
    response
}

/// Names a route in metrics; a path that a stranger made up is never a label.
fn endpoint(matched: &str) -> &'static str {
    match matched {
        proto::well_known::REQUEST_VOUCHER => "requestvoucher",
        proto::well_known::VOUCHER_STATUS => "voucher_status",
        proto::well_known::ENROLL_STATUS => "enrollstatus",
        proto::well_known::REQUEST_AUDIT_LOG => "requestauditlog",
        path if path.starts_with(proto::well_known::EST) => "est",
        _ => "other",
    }
}
