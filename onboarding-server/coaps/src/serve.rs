//! Serves one socket until the signal to stop; then lets open requests end.
//!
//! Does not: share its socket with other tasks; one core of DTLS is what one listener has.
//! Invariants: after the drain limit nothing of a listener runs any more.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use proto::UnixTime;
use proto_coap::{Addresses, Engine, ExchangeId, Request, Response};
use proto_dtls::{DATAGRAM_BYTES_MAX, Endpoint, Error, Identity};
use server_config::Config;
use server_listen::{Meter, Peer, Stop, TlsError, load_chain, load_key};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::worker::Worker;

/// How many datagrams are taken before what they ask for is done.
const BATCH: usize = 64;
/// How long a wait is at the most; the clock that is given may be set meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// An answer on its way.
pub type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Answers a request of a peer whose certificate the handshake proved.
pub type Handler = Arc<dyn Fn(Arc<Peer>, Box<Request>) -> Answer + Send + Sync>;

/// Reads a clock.
pub type Now = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// A bound socket with a name.
#[derive(Debug)]
pub struct Listener {
    /// The name in logs and metrics.
    pub name: &'static str,
    socket: UdpSocket,
    address: SocketAddr,
}

/// What a listener serves, and within which limits.
pub struct Service {
    /// Identity, judge and limits of DTLS.
    pub dtls: proto_dtls::Config,
    /// Times and limits of CoAP; that addresses are proved by DTLS is known.
    pub coap: proto_coap::Config,
    /// Who answers.
    pub handler: Handler,
    /// Where its sessions are counted.
    pub meter: Meter,
    /// The clock.
    pub now: Now,
    /// How long open requests have after the signal to stop.
    pub drain_timeout: Duration,
}

impl Service {
    /// Makes the service of the owner's listener by the configuration; `None` when it names none.
    ///
    /// # Errors
    /// What is wrong with the registrar's certificate or key.
    pub fn of_owner(
        config: &Config,
        handler: Handler,
        (now, meter): (Now, Meter),
    ) -> Result<Option<Self>, TlsError> {
        let Some(owner) = config.owner.as_ref().filter(|owner| owner.coaps_listen.is_some()) else {
            return Ok(None);
        };
        let chain = load_chain(&owner.registrar_certificate)?;
        let identity = Identity { chain, signer: load_key(&owner.registrar_key)? };
        // As on the TLS listeners any chain opens a session, and whoever reads a request judges it.
        let mut dtls = proto_dtls::Config::new(identity, Arc::new(|_, _| Ok(())));
        dtls.limits.sessions_max = config.limits.connections_max;
        dtls.limits.sessions_per_address_max = config.limits.connections_per_address_max;
        dtls.is_extended_master_secret_required = config.limits.is_extended_master_secret_required;
        let (coap, drain_timeout) = (proto_coap::Config::default(), config.limits.drain_timeout);
        Ok(Some(Self { dtls, coap, handler, meter, now, drain_timeout }))
    }
}

impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Service").field("dtls", &self.dtls).field("coap", &self.coap).finish_non_exhaustive()
    }
}

impl Listener {
    /// Binds `address`; port 0 takes any free one.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn bind(name: &'static str, address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { name, socket, address })
    }

    /// Returns the address and port that it is bound to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves `listener` until `stop`, then lets open requests end within the drain limit, and takes leave of all peers.
///
/// # Errors
/// [`Error::ConfigurationInvalid`] (`Fault`).
pub async fn serve(listener: Listener, service: Service, mut stop: Stop) -> Result<(), Error> {
    let Service { dtls, coap, handler, meter, now, drain_timeout } = service;
    let (sender, mut answers) = mpsc::unbounded_channel();
    let mut worker = Worker {
        endpoint: Endpoint::new(dtls, random_key()?, Instant::now())?,
        engine: Engine::new(proto_coap::Config { addresses: Addresses::Proven, ..coap }, random_key()?),
        socket: listener.socket,
        name: listener.name,
        peers: HashMap::new(),
        open_requests: 0,
        handler,
        answers: sender,
        meter,
    };
    let mut due_at = None;
    while !stop.is_signalled() {
        tokio::select! {
            () = stop.signalled() => {}
            () = turn(&mut worker, &mut answers, &mut due_at, &*now) => {}
        }
    }
    let all_answered = async {
        while worker.open_requests > 0 {
            turn(&mut worker, &mut answers, &mut due_at, &*now).await;
        }
    };
    if timeout(drain_timeout, all_answered).await.is_err() {
        tracing::warn!(
            listener = worker.name,
            requests = worker.open_requests,
            "requests were cut off at the end"
        );
    }
    worker.take_leave(now());
    Ok(())
}

/// Makes a key that no one else has: for the cookies of DTLS, and for the tokens and message ids of CoAP.
fn random_key() -> Result<[u8; 32], Error> {
    let mut key = [0; 32];
    rand::fill(&mut key).map_err(|_| Error::ConfigurationInvalid)?;
    Ok(key)
}

/// Waits until something happens, and does what follows from it. Cancelled, it has done all of it or nothing.
async fn turn(
    worker: &mut Worker,
    answers: &mut mpsc::UnboundedReceiver<(ExchangeId, Response)>,
    due_at: &mut Option<UnixTime>,
    now: &(dyn Fn() -> UnixTime + Send + Sync),
) {
    let wait = due_at.map_or(WAIT_MAX, |at| at.since(now()).min(WAIT_MAX));
    tokio::select! {
        readable = worker.socket.readable() => if readable.is_ok() {
            take_datagrams(worker, now());
        },
        // The worker holds a sender, so there is always one to come.
        Some((exchange, response)) = answers.recv() => worker.answer(now(), exchange, response),
        () = sleep(wait) => worker.at_timeout(now()),
    }
    *due_at = worker.settle(now());
}

fn take_datagrams(worker: &mut Worker, now: UnixTime) {
    // One octet more shows that a datagram was longer.
    let mut datagram = [0; DATAGRAM_BYTES_MAX + 1];
    for _ in 0..BATCH {
        match worker.socket.try_recv_from(&mut datagram) {
            Ok((bytes, remote)) => worker.take(now, remote, datagram.get(..bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // A peer's port that is closed shows here (ICMP); the session ends by itself.
            Err(error) => tracing::debug!(listener = worker.name, %error, "a datagram was not received"),
        }
    }
}
