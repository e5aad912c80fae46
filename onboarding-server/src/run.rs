//! Runs the server: opens the state, binds the listeners, serves until the signal to stop, drains.
//!
//! Does not: read the command line, decide anything about devices.
//! Invariants: at most one server has a state directory; nothing is served before all listeners are bound; reflection
//! is served only in [`Mode::Development`], which no configuration can reach.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use server_config::Config;
use server_init::{Ready, ReadyFile};
use server_listen::{
    Asked, Channel, Listener, Service, Signals, Stop, Switch, TlsSwitches, notify_service_manager,
    stop_signal,
};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::files;
use crate::metrics::Metrics;
use crate::routes::{Closing, Routes};

/// The name of the lock file in the state directory.
const LOCK_FILE: &str = "lock";
/// The name of the owner's listener for CoAP.
const OWNER_COAPS: &str = "owner-coaps";

/// Whether this is the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As configured, and nothing else.
    Production,
    /// With gRPC reflection; only the verb `dev` starts this.
    Development,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The state directory cannot be used.
    #[error("state directory {}: {source}", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another server has this state directory.
    #[error("state directory {}: another server runs on it", path.display())]
    StateInUse {
        /// The directory.
        path: PathBuf,
    },
    /// A listener cannot be bound.
    #[error("[{listener}] listen {address}: {source}")]
    Bind {
        /// The section of the configuration.
        listener: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A chain or key cannot be used.
    #[error(transparent)]
    Tls(#[from] server_listen::TlsError),
    /// The state cannot be opened.
    #[error(transparent)]
    Context(#[from] crate::routes::Error),
    /// A listener ended although nobody asked for it.
    #[error("a listener ended by a fault of its own; the log says more")]
    ListenerEnded,
    /// The operating system refuses signal handlers.
    #[error("signals: {0}")]
    Signals(io::Error),
}

/// The sockets of a server, all bound.
#[derive(Debug)]
pub struct Listeners {
    owner: Option<Listener>,
    owner_coaps: Option<server_coaps::Listener>,
    maker: Option<Listener>,
    admin: Listener,
    metrics: Listener,
}

impl Listeners {
    /// Binds all listeners that `config` names.
    ///
    /// # Errors
    /// [`Error::Bind`] for the first that cannot be bound.
    pub async fn bind(config: &Config) -> Result<Self, Error> {
        let owner = match &config.owner {
            Some(owner) => Some(bind("owner", owner.listen).await?),
            None => None,
        };
        let owner_coaps = match config.owner.as_ref().and_then(|owner| owner.coaps_listen) {
            Some(address) => Some(bind_coaps(address).await?),
            None => None,
        };
        let maker = match &config.maker {
            Some(maker) => Some(bind("maker", maker.listen).await?),
            None => None,
        };
        let admin = bind("admin", config.admin.listen).await?;
        Ok(Self { owner, owner_coaps, maker, admin, metrics: bind("metrics", config.metrics.listen).await? })
    }

    /// Returns where they are bound.
    #[must_use]
    pub fn ready(&self) -> Ready {
        Ready {
            pid: std::process::id(),
            owner: self.owner.as_ref().map(Listener::address),
            owner_coaps: self.owner_coaps.as_ref().map(server_coaps::Listener::address),
            maker: self.maker.as_ref().map(Listener::address),
            admin: self.admin.address(),
            metrics: self.metrics.address(),
        }
    }
}

async fn bind(listener: &'static str, address: SocketAddr) -> Result<Listener, Error> {
    Listener::bind(listener, address).await.map_err(|source| Error::Bind { listener, address, source })
}

async fn bind_coaps(address: SocketAddr) -> Result<server_coaps::Listener, Error> {
    let bound = server_coaps::Listener::bind(OWNER_COAPS, address).await;
    bound.map_err(|source| Error::Bind { listener: OWNER_COAPS, address, source })
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Whatever keeps the server from starting; once it runs it ends without an error.
pub async fn run(config: Config, mode: Mode, clock: Clock) -> Result<(), Error> {
    let mut signals = Signals::listen().map_err(Error::Signals)?;
    let _lock = lock_state(&config.state_dir)?;
    let config = Arc::new(config);
    let tls = TlsSwitches::load(&config)?;
    let metrics = Metrics::new();
    let routes = Routes::open(Arc::clone(&config), mode, clock.clone(), metrics.clone())?;
    let now: server_coaps::Now = Arc::new(move || clock.now());
    let coaps = match &routes.owner_coap {
        Some(handler) => {
            server_coaps::Service::of_owner(&config, Arc::clone(handler), (now, metrics.connections()))?
        }
        None => None,
    };
    let listeners = Listeners::bind(&config).await?;
    let ready = listeners.ready();
    let (sender, stop) = stop_signal();
    let closing = routes.closing();
    let mut tasks = spawn_all(listeners, routes, (&tls, coaps), (&config, metrics), &stop);
    let ready_file = ReadyFile::write(&config.state_dir, &ready)
        .map_err(|source| Error::State { path: config.state_dir.clone(), source })?;
    tell_ready(&ready);
    let is_asked_to_end = tokio::select! {
        () = answer_signals(&mut signals, &closing, (&config, &tls)) => true,
        // A listener ends by itself only by a fault of ours; a server without it is worse than a restart.
        _ = tasks.join_next() => false,
    };
    tell_stopping();
    sender.stop();
    drop(ready_file);
    tasks.join_all().await;
    closing.close().await;
    tracing::info!("ended");
    if is_asked_to_end { Ok(()) } else { Err(Error::ListenerEnded) }
}

fn lock_state(state_dir: &Path) -> Result<File, Error> {
    let state_error = |source| Error::State { path: state_dir.to_owned(), source };
    files::make_directory(state_dir).map_err(state_error)?;
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).write(true).mode(files::MODE_SECRET);
    let file = options.open(state_dir.join(LOCK_FILE)).map_err(state_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::StateInUse { path: state_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(state_error(source)),
    }
}

fn spawn_all(
    listeners: Listeners,
    routes: Routes,
    (tls, coaps): (&TlsSwitches, Option<server_coaps::Service>),
    (config, metrics): (&Arc<Config>, Metrics),
    stop: &Stop,
) -> JoinSet<()> {
    let limits = Arc::new(config.limits.clone());
    let body_bytes_max = Some(limits.body_bytes_max);
    let service = |channel, router, body_bytes_max| Service {
        channel,
        router,
        limits: Arc::clone(&limits),
        body_bytes_max,
        meter: metrics.connections(),
    };
    let mut tasks = JoinSet::new();
    let mut spawn =
        |listener: Option<Listener>, channel: Option<Channel>, router: Option<Router>, body_bytes_max| {
            if let (Some(listener), Some(channel), Some(router)) = (listener, channel, router) {
                tasks.spawn(server_listen::serve(
                    listener,
                    service(channel, router, body_bytes_max),
                    stop.clone(),
                ));
            }
        };
    spawn(listeners.owner, tls.owner.as_ref().map(Switch::channel), routes.owner, body_bytes_max);
    spawn(listeners.maker, tls.maker.as_ref().map(Switch::channel), routes.maker, body_bytes_max);
    // gRPC has a limit of its own for each message of a stream.
    spawn(Some(listeners.admin), Some(tls.admin.channel()), Some(routes.admin), None);
    spawn(Some(listeners.metrics), Some(Channel::Plain), Some(routes.plain), body_bytes_max);
    if let (Some(listener), Some(service)) = (listeners.owner_coaps, coaps) {
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = server_coaps::serve(listener, service, stop).await {
                tracing::error!(listener = OWNER_COAPS, %error, "not served");
            }
        });
    }
    tasks
}

fn tell_ready(ready: &Ready) {
    for (listener, address) in [
        ("owner", ready.owner),
        (OWNER_COAPS, ready.owner_coaps),
        ("maker", ready.maker),
        ("admin", Some(ready.admin)),
        ("metrics", Some(ready.metrics)),
    ] {
        if let Some(address) = address {
            tracing::info!(listener, %address, "listening");
        }
    }
    notify_service_manager("READY=1");
    tracing::info!("ready");
}

fn tell_stopping() {
    tracing::info!("stopping: open requests are finished");
    notify_service_manager("STOPPING=1");
}

async fn answer_signals(signals: &mut Signals, closing: &Closing, (config, tls): (&Config, &TlsSwitches)) {
    while signals.next().await == Asked::Reload {
        tls.reload(config);
        closing.reload();
    }
}
