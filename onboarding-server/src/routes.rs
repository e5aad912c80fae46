//! The routers of all listeners over one open state.
//!
//! Does not: contain a route of BRSKI, EST or gRPC; those are in `http` and `grpc`.
//! Invariants: reflection is there only in [`Mode::Development`].

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::header;

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::{self, Metrics};
use crate::run::Mode;

/// What the listeners serve.
pub struct Routes {
    /// For pledges and devices.
    pub owner: Option<Router>,
    /// For registrars.
    pub maker: Option<Router>,
    /// For operators and stations.
    pub admin: Router,
    /// For the metrics collector and readers of revocation lists.
    pub plain: Router,
}

/// Why the state cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {}

/// What is left to do when the last request has ended.
#[derive(Debug)]
pub struct Closing;

impl Routes {
    /// Opens the state that `config` names and builds the routers over it.
    ///
    /// # Errors
    /// None yet.
    pub fn open(config: Arc<Config>, mode: Mode, clock: Clock, metrics: Metrics) -> Result<Self, Error> {
        let _ = (config, mode, clock);
        let plain = metrics_router(metrics);
        Ok(Self { owner: Some(Router::new()), maker: Some(Router::new()), admin: Router::new(), plain })
    }

    /// Returns what must be closed at the end.
    #[must_use]
    pub fn closing(&self) -> Closing {
        Closing
    }
}

impl Closing {
    /// Closes the state.
    pub async fn close(self) {
        std::future::ready(()).await;
    }
}

fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route(
        "/metrics",
        get(move || async move { ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode()) }),
    )
}
