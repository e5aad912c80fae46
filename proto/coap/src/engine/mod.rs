//! The engine: datagrams and time in, datagrams and whole messages out.
//!
//! Source: RFC 7252 §4, §5; the parts cite theirs.
//! Does not: allocate per peer what does not end.
//! Invariants: time never goes back within the engine, whatever it is told; every timer in `due` belongs to something
//! that is there, and the other way round.
//!
//! The parts: `receive` (what a datagram is), `transmit` (sending, sending again, one at a time), `server` (requests
//! and their answers), `upload` and `download` (Block1 and Block2 as server), `reach` (whose address is whose),
//! `client` and `assemble` (requests of ours, block by block), `observe` (notifications as server).

mod assemble;
mod client;
mod download;
mod observe;
mod reach;
mod receive;
mod server;
mod transmit;
mod upload;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use proto::UnixTime;

use crate::echo::EchoMint;
use crate::ids::Ids;
use crate::key::OperationKey;
use crate::table::{Bounds, Table};
use crate::{Config, Error, Limits, Peer, Request, Response, Token};

use client::ClientRequest;
use download::Download;
use observe::Observer;
use receive::Seen;
use server::Exchange;
use transmit::{Lane, Outbound, Side};
use upload::Upload;

/// The octets of a remembered reply to a stranger, on average at the most; ours. A demand for proof has about 25.
const STRANGER_REPLY_BYTES: usize = 64;

/// Names a request that waits for the application's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub(crate) u64);

/// Names a request of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

/// Names an observer of one of our resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObservationId(pub(crate) u64);

/// What the engine wants done.
#[derive(Debug)]
#[must_use]
pub enum Output<P> {
    /// Sends a datagram.
    Transmit {
        /// To whom.
        peer: P,
        /// What.
        datagram: Bytes,
    },
    /// Answers a request: by [`Engine::respond`], [`Engine::observe`] or [`Engine::challenge`], now or later.
    Request {
        /// By which it is answered.
        exchange: ExchangeId,
        /// From whom.
        peer: P,
        /// The whole request.
        request: Box<Request>,
    },
    /// Takes the response to a request of ours, or a notification.
    Response {
        /// Which request.
        request: RequestId,
        /// The whole response.
        response: Box<Response>,
        /// Whether it ended; otherwise it is observed, and more follows.
        is_last: bool,
    },
    /// Learns that a request of ours has no response.
    Failed {
        /// Which request.
        request: RequestId,
        /// Why.
        error: Error,
    },
    /// Learns that an observer is gone (RFC 7641 §3.6, §4.5).
    ObservationEnded {
        /// Which.
        observation: ObservationId,
    },
    /// Waits: until a datagram comes or this time, when there is one. Nothing else is to be done.
    Timeout(Option<UnixTime>),
}

/// What happened so far, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that are no CoAP messages.
    pub malformed: u64,
    /// Messages that came again.
    pub duplicates: u64,
    /// Messages that were rejected: empty, or without anything that they belong to.
    pub rejected: u64,
    /// Requests refused for an option (4.02, 5.05, 4.00) or method (4.05).
    pub refused: u64,
    /// Requests refused for want of room (5.03, 4.13).
    pub refused_busy: u64,
    /// Blocks that did not fit (4.08).
    pub incomplete: u64,
    /// Requests and responses met by a demand to prove the address.
    pub challenged: u64,
    /// Messages sent again.
    pub retransmitted: u64,
    /// Entries that made room for others before their time.
    pub evicted: u64,
    /// Datagrams that could not be sent for want of message ids.
    pub unsent: u64,
}

/// How much the engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Message ids remembered.
    pub seen: usize,
    /// Octets of replies remembered.
    pub seen_bytes: usize,
    /// Requests that wait for the application.
    pub exchanges: usize,
    /// Request bodies being put together.
    pub uploads: usize,
    /// Octets of them.
    pub upload_bytes: usize,
    /// Response bodies being fetched.
    pub downloads: usize,
    /// Octets of them.
    pub download_bytes: usize,
    /// Observers.
    pub observers: usize,
    /// Requests of ours.
    pub requests: usize,
    /// Messages sent and not yet acknowledged, or waiting.
    pub outbound: usize,
    /// Addresses proven, and Echo values kept for others.
    pub proofs: usize,
    /// Timers.
    pub timers: usize,
}

/// The message layer for any number of peers, as server and as client.
pub struct Engine<P> {
    config: Config,
    now: UnixTime,
    ids: Ids,
    serial: u64,
    outputs: VecDeque<Output<P>>,
    due: BTreeSet<(UnixTime, Due)>,
    counters: Counters,

    seen: Table<P, u16, Seen>,
    seen_of_strangers: Table<P, u16, Seen>,
    outbound: BTreeMap<u64, Outbound<P>>,
    outbound_by_id: BTreeMap<(P, u16), u64>,
    lanes: BTreeMap<(P, Side), Lane>,

    exchanges: BTreeMap<u64, Exchange<P>>,
    exchanges_of: BTreeMap<P, Vec<u64>>,
    uploads: Table<P, OperationKey, Upload>,
    downloads: Table<P, OperationKey, Download>,
    observers: BTreeMap<u64, Observer<P>>,
    observers_by_token: BTreeMap<(P, Token), u64>,

    mint: EchoMint,
    proofs: Table<P, (), ()>,
    echoes: Table<P, (), Vec<u8>>,

    requests: BTreeMap<u64, ClientRequest<P>>,
    requests_by_token: BTreeMap<(P, Token), u64>,
}

/// What is to be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// An outbound message is sent again, given up or released.
    Outbound(u64),
    /// An exchange is acknowledged ahead of its response.
    Acknowledge(u64),
    /// An exchange has waited too long for the application.
    Answer(u64),
    /// A request of ours has waited too long for its response.
    Response(u64),
}

impl<P: Peer> Engine<P> {
    /// Makes an engine; the seed must be unpredictable and used once.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut ids = Ids::new(seed);
        let mint = EchoMint::new(ids.octets());
        let limits = &config.limits;
        let proofs = Bounds { entries_max: limits.proofs_max, per_peer_max: 1, weight_max: usize::MAX };
        Self {
            now: UnixTime::default(),
            ids,
            serial: 0,
            outputs: VecDeque::new(),
            due: BTreeSet::new(),
            counters: Counters::default(),
            seen: Table::new(seen_bounds(limits)),
            seen_of_strangers: Table::new(strangers_bounds(limits)),
            outbound: BTreeMap::new(),
            outbound_by_id: BTreeMap::new(),
            lanes: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            exchanges_of: BTreeMap::new(),
            uploads: Table::new(upload_bounds(limits)),
            downloads: Table::new(download_bounds(limits)),
            observers: BTreeMap::new(),
            observers_by_token: BTreeMap::new(),
            mint,
            proofs: Table::new(proofs),
            echoes: Table::new(proofs),
            requests: BTreeMap::new(),
            requests_by_token: BTreeMap::new(),
            config,
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        self.advance(now);
        while let Some((at, due)) = self.due.first().copied()
            && at <= self.now
        {
            self.due.pop_first();
            match due {
                Due::Outbound(id) => self.outbound_due(id),
                Due::Acknowledge(id) => self.acknowledge_due(id),
                Due::Answer(id) => self.answer_due(id),
                Due::Response(id) => self.response_due(id),
            }
        }
        self.seen.expire(self.now);
        self.seen_of_strangers.expire(self.now);
        self.uploads.expire(self.now);
        self.downloads.expire(self.now);
        self.proofs.expire(self.now);
        self.echoes.expire(self.now);
    }

    /// Returns the next thing to be done; to be called after every other call, until it returns
    /// [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output<P> {
        self.outputs.pop_front().unwrap_or_else(|| Output::Timeout(self.next_at()))
    }

    /// Forgets all that belongs to a peer, as when its session ends; its open requests fail.
    pub fn forget(&mut self, peer: &P) {
        self.seen.remove_peer(peer);
        self.seen_of_strangers.remove_peer(peer);
        self.uploads.remove_peer(peer);
        self.downloads.remove_peer(peer);
        self.proofs.remove_peer(peer);
        self.echoes.remove_peer(peer);
        self.forget_outbound(peer);
        self.forget_exchanges(peer);
        self.forget_observers(peer);
        self.forget_requests(peer);
    }

    /// Returns what happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns how much is held.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            seen: self.seen.len() + self.seen_of_strangers.len(),
            seen_bytes: self.seen.weight() + self.seen_of_strangers.weight(),
            exchanges: self.exchanges.len(),
            uploads: self.uploads.len(),
            upload_bytes: self.uploads.weight(),
            downloads: self.downloads.len(),
            download_bytes: self.downloads.weight(),
            observers: self.observers.len(),
            requests: self.requests.len(),
            outbound: self.outbound.len() + self.lanes.len(),
            proofs: self.proofs.len() + self.echoes.len(),
            timers: self.due.len(),
        }
    }

    /// Takes note of the time; a clock that goes back is not believed.
    fn advance(&mut self, now: UnixTime) {
        self.now = self.now.max(now);
    }

    fn next_at(&self) -> Option<UnixTime> {
        let timer = self.due.first().map(|(at, _)| *at);
        let tables = [
            self.seen.next_at(),
            self.seen_of_strangers.next_at(),
            self.uploads.next_at(),
            self.downloads.next_at(),
            self.proofs.next_at(),
            self.echoes.next_at(),
        ];
        tables.into_iter().chain([timer]).flatten().min()
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn transmit(&mut self, peer: &P, datagram: Bytes) {
        self.outputs.push_back(Output::Transmit { peer: peer.clone(), datagram });
    }

    fn message_id(&mut self, peer: &P) -> Result<u16, Error> {
        self.ids.message_id(peer, self.now, self.config.transmission.exchange_lifetime())
    }
}

const fn seen_bounds(limits: &Limits) -> Bounds {
    Bounds {
        entries_max: limits.seen_max,
        per_peer_max: limits.seen_per_peer_max,
        weight_max: limits.seen_bytes_max,
    }
}

/// The same for peers whose address is not proven: anyone may write theirs, so they share little.
const fn strangers_bounds(limits: &Limits) -> Bounds {
    Bounds {
        entries_max: limits.seen_of_strangers_max,
        per_peer_max: limits.seen_per_peer_max,
        weight_max: limits.seen_of_strangers_max.saturating_mul(STRANGER_REPLY_BYTES),
    }
}

const fn upload_bounds(limits: &Limits) -> Bounds {
    Bounds {
        entries_max: limits.uploads_max,
        per_peer_max: limits.uploads_per_peer_max,
        weight_max: limits.upload_bytes_max,
    }
}

const fn download_bounds(limits: &Limits) -> Bounds {
    Bounds {
        entries_max: limits.downloads_max,
        per_peer_max: limits.downloads_per_peer_max,
        weight_max: limits.download_bytes_max,
    }
}
