//! The routers of all listeners over one open state.
//!
//! Does not: contain a route of BRSKI, EST or gRPC; those are in `http` and `grpc`.
//! Invariants: reflection is there only in [`Mode::Development`]; what is owed from before is taken up again.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use server_config::Config;
use tokio::task::JoinHandle;

use crate::app;
use crate::clock::Clock;
use crate::context::Context;
use crate::metrics::Metrics;
use crate::run::Mode;
use crate::{coap, grpc, http};

/// How often the outbox is looked through for questions to MASAs that are still without an answer.
const OUTBOX_INTERVAL: Duration = Duration::from_secs(5);

/// What the listeners serve.
pub struct Routes {
    /// For pledges and devices.
    pub owner: Option<Router>,
    /// For devices that speak CoAP.
    pub owner_coap: Option<server_coaps::Handler>,
    /// For registrars.
    pub maker: Option<Router>,
    /// For operators and stations.
    pub admin: Router,
    /// For the metrics collector and readers of revocation lists.
    pub plain: Router,
    context: Arc<Context>,
}

/// Why the state cannot be opened.
pub type Error = crate::context::Error;

/// What is left to do when the last request has ended.
#[derive(Debug)]
pub struct Closing {
    context: Arc<Context>,
    tasks: Vec<JoinHandle<()>>,
}

impl Routes {
    /// Opens the state that `config` names and builds the routers over it.
    ///
    /// # Errors
    /// Whatever cannot be opened.
    pub fn open(config: Arc<Config>, mode: Mode, clock: Clock, metrics: Metrics) -> Result<Self, Error> {
        let context = Arc::new(Context::open(config, clock, metrics)?);
        Ok(Self {
            owner: context.owner.is_some().then(|| http::owner_router(Arc::clone(&context))),
            owner_coap: context.owner.is_some().then(|| coap::owner_handler(Arc::clone(&context))),
            maker: context.maker.is_some().then(|| http::maker_router(Arc::clone(&context))),
            admin: grpc::router(Arc::clone(&context), mode),
            plain: http::plain_router(Arc::clone(&context)),
            context,
        })
    }

    /// Starts the background work and returns what must be closed at the end.
    #[must_use]
    pub fn closing(&self) -> Closing {
        let context = Arc::clone(&self.context);
        let tasks = vec![
            tokio::spawn(work_off_outbox(Arc::clone(&context))),
            tokio::spawn(app::publish_crl::keep_current(Arc::clone(&context))),
            tokio::spawn(app::refusals::keep_telling(Arc::clone(&context))),
        ];
        Closing { context, tasks }
    }
}

impl Closing {
    /// Reads again what may change while the server runs, certificates and keys of listeners aside.
    pub fn reload(&self) {
        self.context.reload();
    }

    /// Ends the background work and closes the state. What was accepted by the stores is written.
    pub async fn close(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // Ended as asked, or with a panic that was reported where it happened.
            let _ = task.await;
        }
        let context = self.context;
        app::refusals::tell_all(&context).await;
        // Closing waits for the disk.
        let closed = tokio::task::spawn_blocking(move || drop(context)).await;
        if closed.is_err() {
            tracing::error!("the stores were not closed in order; the journal has all that was acknowledged");
        }
    }
}

async fn work_off_outbox(context: Arc<Context>) {
    let mut ticks = tokio::time::interval(OUTBOX_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(refusal) = app::outbox::work_off(&context).await {
            tracing::error!(%refusal, "the outbox cannot be worked off");
        }
    }
}
