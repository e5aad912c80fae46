//! Bytes to types and back, for each protocol over HTTP; nothing else.

mod asked;
mod brski;
mod est;
mod maker;
mod plain;
pub mod status;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;

use crate::context::Context;

/// The resources of one listener, each with what answers there.
type Routes = Vec<(&'static str, MethodRouter<Arc<Context>>)>;

/// Builds the owner's routes: BRSKI and EST.
pub fn owner_router(context: Arc<Context>) -> Router {
    counted(owner_routes(), context)
}

/// Builds the maker's routes: the MASA.
pub fn maker_router(context: Arc<Context>) -> Router {
    counted(maker::routes(), context)
}

/// Builds the routes of the plain listener: metrics and revocation list.
pub fn plain_router(context: Arc<Context>) -> Router {
    router(plain::routes()).with_state(context)
}

/// Lists the patterns of the paths that a listener has, by its name in the configuration.
#[must_use]
pub fn paths() -> [(&'static str, Vec<&'static str>); 3] {
    [("owner", owner_routes()), ("maker", maker::routes()), ("metrics", plain::routes())]
        .map(|(listener, routes)| (listener, routes.into_iter().map(|(path, _)| path).collect()))
}

fn owner_routes() -> Routes {
    [brski::routes(), est::routes()].into_iter().flatten().collect()
}

/// Adds to the resources of a listener the answers for wrong paths and methods.
fn router(routes: Routes) -> Router<Arc<Context>> {
    routes
        .into_iter()
        .fold(Router::new(), |router, (path, answering)| router.route(path, answering))
        .fallback(status::not_found)
        .method_not_allowed_fallback(status::method_not_allowed)
}

/// Adds counting, which the metrics page itself does without.
fn counted(routes: Routes, context: Arc<Context>) -> Router {
    router(routes).layer(middleware::from_fn_with_state(Arc::clone(&context), count)).with_state(context)
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
