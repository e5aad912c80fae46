//! Accepts connections for one listener, within its limits, until the signal to stop; then drains.
//!
//! Does not: know what is served.
//! Invariants: a slow or hostile peer holds its own task and its own place, and nothing else; after the drain limit
//! nothing of a listener runs any more.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use rustls::ServerConfig;
use server_config::Limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::admission::{Admission, Place};
use crate::connection::{Answering, Version, serve_connection};
use crate::meter::Meter;
use crate::stall::StallLimit;
use crate::{Peer, Stop};

/// How long accepting pauses when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket with a name.
#[derive(Debug)]
pub struct Listener {
    /// The name in logs, metrics and `ready.json`: `owner`, `maker`, `admin` or `metrics`.
    pub name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
}

/// How a listener speaks below HTTP.
#[derive(Clone, Debug)]
pub enum Channel {
    /// Without TLS, HTTP/1 only.
    Plain,
    /// With TLS; the configuration can be exchanged while connections are open, and holds for those that come after.
    Tls(Arc<ArcSwap<ServerConfig>>),
}

/// What a listener serves, and within which limits.
#[derive(Clone)]
pub struct Service {
    /// How it speaks below HTTP.
    pub channel: Channel,
    /// The routes.
    pub router: Router,
    /// The limits of this listener.
    pub limits: Arc<Limits>,
    /// The most bytes of a request's body; `None` where the routes have limits of their own, as gRPC has.
    pub body_bytes_max: Option<usize>,
    /// Where its connections are counted.
    pub meter: Meter,
}

impl Listener {
    /// Binds `address`; port 0 takes any free one.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn bind(name: &'static str, address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { name, socket, address })
    }

    /// Returns the address and port that it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves `listener` until `stop`, then lets open requests end within the drain limit.
pub async fn serve(listener: Listener, service: Service, mut stop: Stop) {
    let limits = Arc::clone(&service.limits);
    let admission = Admission::new(limits.connections_max, limits.connections_per_address_max);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, remote)) => {
                    if let Some(place) = admit(&admission, &service.meter, listener.name, remote) {
                        let task = run_connection(listener.name, stream, remote, service.clone(), stop.clone());
                        tasks.spawn(hold(place, task));
                    }
                }
                Err(error) => {
                    tracing::warn!(listener = listener.name, %error, "no connection could be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = tasks.join_next() => {}
            () = stop.signalled() => break,
        }
    }
    let name = listener.name;
    drop(listener);
    drain(name, tasks, limits.drain_timeout).await;
}

async fn drain(name: &'static str, mut tasks: JoinSet<()>, limit: Duration) {
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(limit, all_ended).await.is_err() {
        tracing::warn!(listener = name, connections = tasks.len(), "connections were cut off at the end");
        tasks.shutdown().await;
    }
}

async fn hold(place: Place, task: impl Future<Output = ()>) {
    task.await;
    drop(place);
}

fn admit(
    admission: &Arc<Admission>,
    meter: &Meter,
    listener: &'static str,
    remote: SocketAddr,
) -> Option<Place> {
    match admission.admit(remote.ip()) {
        Ok(place) => Some(place),
        Err(full) => {
            meter.refused(listener, full.reason());
            tracing::debug!(listener, %remote, reason = full.reason(), "connection refused");
            None
        }
    }
}

async fn run_connection(
    listener: &'static str,
    stream: TcpStream,
    remote: SocketAddr,
    service: Service,
    stop: Stop,
) {
    let meter = service.meter.clone();
    meter.opened(listener);
    // A socket that is gone already fails here; the next read says so too.
    let _ = stream.set_nodelay(true);
    let stream = StallLimit::new(stream, service.limits.idle_timeout);
    let outcome = match service.channel.clone() {
        Channel::Plain => {
            let peer = Peer::new(remote, None, Vec::new());
            serve_connection(stream, peer, Version::Http1, service.answering(), stop).await;
            "ended"
        }
        Channel::Tls(config) => run_tls(config.load_full(), stream, remote, service, stop).await,
    };
    meter.closed(listener, outcome);
}

async fn run_tls(
    config: Arc<ServerConfig>,
    stream: StallLimit<TcpStream>,
    remote: SocketAddr,
    service: Service,
    mut stop: Stop,
) -> &'static str {
    let handshake = timeout(service.limits.handshake_timeout, TlsAcceptor::from(config).accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = stop.signalled() => return "stopped",
    };
    match accepted {
        Err(_) => "handshake-timeout",
        Ok(Err(error)) => {
            tracing::debug!(%remote, %error, "TLS handshake failed");
            "handshake-failed"
        }
        Ok(Ok(stream)) => {
            let connection = stream.get_ref().1;
            let peer = Peer::of_connection(remote, connection);
            let version =
                if connection.alpn_protocol() == Some(b"h2") { Version::Http2 } else { Version::Http1 };
            serve_connection(stream, peer, version, service.answering(), stop).await;
            "ended"
        }
    }
}

impl Service {
    fn answering(self) -> Answering {
        Answering { router: self.router, limits: self.limits, body_bytes_max: self.body_bytes_max }
    }
}
