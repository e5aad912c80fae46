//! A server's side: the front door, the sessions behind it, and what they have to say.
//!
//! Source: RFC 6347 §4.2.1, §4.2.8; RFC 9147 §5.1, §5.11.
//! Does not: keep anything for an address that has not proved that it receives.
//! Invariants: half-open and open sessions stay within [`crate::Limits`]; each session that was told as
//! [`Event::Opened`] ends with one [`Event::Ended`].

use std::collections::VecDeque;
use std::time::Instant;

use pki::Certificate;
use proto::{Class, Reason, UnixTime};

use crate::cookie::Mint;
use crate::hello::{ClientHello, is_client_hello};
use crate::look::{AMPLIFICATION_MAX, Look, look};
use crate::session::{Session, State, Step};
use crate::table::{Peer, Table};
use crate::wire::is_sealed;
use crate::{Config, DATAGRAM_BYTES_MAX, Error, SEAL_BYTES, Version, dtls12, dtls13};

/// What a session has to say, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Event<P> {
    /// The peer is admitted; [`Endpoint::peer_chain`] has its chain.
    Opened {
        /// Who.
        peer: P,
        /// What is spoken.
        version: Version,
    },
    /// A message came from an admitted peer.
    Received {
        /// From whom.
        peer: P,
        /// What.
        message: Vec<u8>,
    },
    /// A session that was open, or a handshake, is over.
    Ended {
        /// With whom.
        peer: P,
        /// Why; `None` when the peer took leave.
        error: Option<Error>,
    },
}

/// What happened so far, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that belong to no session and begin none.
    pub stray: u64,
    /// ClientHellos that cannot be read.
    pub malformed: u64,
    /// ClientHellos that offer nothing of ours, or come in pieces.
    pub unsuitable: u64,
    /// ClientHellos answered by a demand for proof.
    pub challenged: u64,
    /// ClientHellos whose cookie proves nothing.
    pub unproven: u64,
    /// ClientHellos of a handshake that was begun already.
    pub repeated: u64,
    /// Sessions begun.
    pub begun: u64,
    /// Sessions opened.
    pub opened: u64,
    /// Peers that the verifier refused.
    pub refused: u64,
    /// Sessions that made room for others before their time.
    pub displaced: u64,
}

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Handshakes under way.
    pub half_open: usize,
    /// Open sessions.
    pub open: usize,
    /// Datagrams that wait to be polled.
    pub datagrams: usize,
    /// Events that wait to be received.
    pub events: usize,
}

/// A session and when it ends if nothing more comes.
struct Kept {
    session: Session,
    ends_at: UnixTime,
}

impl Kept {
    fn due_at(&self) -> UnixTime {
        self.session.next_timeout().map_or(self.ends_at, |at| at.min(self.ends_at))
    }
}

/// The server's side for any number of peers.
pub struct Endpoint<P: Peer> {
    config: Config,
    now: UnixTime,
    mint: Mint,
    dtls12: dtls12::Shared,
    dtls13: dtls13::Shared,
    half_open: Table<P, Kept>,
    open: Table<P, Kept>,
    datagrams: VecDeque<(P, Vec<u8>)>,
    events: VecDeque<Event<P>>,
    counters: Counters,
}

impl<P: Peer> Endpoint<P> {
    /// Makes an endpoint. The key must be unpredictable and used once; `started` is any instant, from which the time
    /// that is given is counted on, as one of the engines wants it.
    ///
    /// # Errors
    /// [`Error::ConfigurationInvalid`] (fault).
    pub fn new(config: Config, key: [u8; 32], started: Instant) -> Result<Self, Error> {
        let suites = format!("{}:{}", dtls12::GCM, dtls12::CCM_8);
        let limits = config.limits;
        Ok(Self {
            dtls12: dtls12::Shared::new(&config, &suites)?,
            dtls13: dtls13::Shared::new(&config, started)?,
            now: UnixTime::default(),
            mint: Mint::new(key),
            half_open: Table::new(limits.half_open_max, limits.half_open_per_address_max),
            open: Table::new(limits.sessions_max, limits.sessions_per_address_max),
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            config,
        })
    }

    /// Takes a datagram.
    pub fn on_datagram(&mut self, now: UnixTime, peer: &P, datagram: &[u8]) {
        self.advance(now);
        if datagram.len() > DATAGRAM_BYTES_MAX {
            self.counters.malformed += 1;
        } else if is_client_hello(datagram) {
            self.at_the_door(peer, datagram);
        } else if !self.of_a_session(peer, datagram) {
            self.counters.stray += 1;
        }
    }

    /// Does what is due at `now`: sends flights again, ends what lasted too long.
    pub fn on_timeout(&mut self, now: UnixTime) {
        self.advance(now);
        while let Some(peer) = self.half_open.due(self.now) {
            self.half_open_due(&peer);
        }
        while let Some(peer) = self.open.due(self.now) {
            self.open_due(&peer);
        }
    }

    /// Returns the next datagram to be sent, and to whom.
    pub fn poll_transmit(&mut self) -> Option<(P, Vec<u8>)> {
        self.datagrams.pop_front()
    }

    /// Returns what a session has to say next.
    pub fn recv(&mut self) -> Option<Event<P>> {
        self.events.pop_front()
    }

    /// Returns when [`Endpoint::on_timeout`] is to be called.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        self.half_open.next_at().into_iter().chain(self.open.next_at()).min()
    }

    /// Seals a message for an admitted peer.
    ///
    /// # Errors
    /// [`Error::SessionUnknown`] (unknown), [`Error::MessageTooLarge`] (fault), [`Error::SessionBroken`] (busy).
    pub fn send(&mut self, now: UnixTime, peer: &P, message: &[u8]) -> Result<(), Error> {
        self.advance(now);
        if message.len().saturating_add(SEAL_BYTES) > self.config.datagram_bytes_sent {
            return Err(Error::MessageTooLarge);
        }
        let kept = self.open.get_mut(peer).ok_or(Error::SessionUnknown)?;
        let step = kept.session.send(message, self.now)?;
        self.settle_open(peer, step, true);
        Ok(())
    }

    /// Returns the chain of an admitted peer, its own certificate first.
    #[must_use]
    pub fn peer_chain(&self, peer: &P) -> Option<&[Certificate]> {
        self.open.get(peer).and_then(|kept| kept.session.chain())
    }

    /// Takes leave of a peer; there is no [`Event::Ended`].
    pub fn close(&mut self, now: UnixTime, peer: &P) {
        self.advance(now);
        for mut kept in [self.half_open.remove(peer), self.open.remove(peer)].into_iter().flatten() {
            let step = kept.session.close(self.now);
            self.transmit(peer, step.datagrams);
        }
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
            half_open: self.half_open.len(),
            open: self.open.len(),
            datagrams: self.datagrams.len(),
            events: self.events.len(),
        }
    }

    /// Gives a datagram to the peer's session; where a new one is on its way beside an open one, what is sealed may be for
    /// either, and to open it is the only way to tell.
    // RFC9147-5.11-either-session
    fn of_a_session(&mut self, peer: &P, datagram: &[u8]) -> bool {
        let mut is_of_one = false;
        if let Some(kept) = self.half_open.get_mut(peer) {
            is_of_one = true;
            let step = kept.session.on_datagram(datagram, self.now);
            self.settle_half_open(peer, step);
            if !is_sealed(datagram) || self.half_open.get(peer).is_none() {
                return true;
            }
        }
        if let Some(kept) = self.open.get_mut(peer) {
            is_of_one = true;
            let step = kept.session.on_datagram(datagram, self.now);
            self.settle_open(peer, step, true);
        }
        is_of_one
    }

    /// Answers a ClientHello, or begins a session with one that has a good cookie.
    fn at_the_door(&mut self, peer: &P, datagram: &[u8]) {
        let is_required = self.config.is_extended_master_secret_required;
        match look(&self.mint, peer, datagram, is_required, self.now) {
            Look::Answer(answer) => self.challenge(peer, datagram, Some(answer)),
            Look::Retry(hello, cookie) => {
                let answer = self.dtls13.retry(&hello, cookie, self.now);
                self.challenge(peer, datagram, answer);
            }
            Look::Proven(hello, version) => self.welcome(peer, &hello, version, datagram),
            Look::Refuse(error, alert) => {
                let count = match error.class() {
                    Class::Unsupported => &mut self.counters.unsuitable,
                    Class::Untrusted => &mut self.counters.unproven,
                    Class::Malformed
                    | Class::Unknown
                    | Class::Refused
                    | Class::NotYet
                    | Class::Busy
                    | Class::Fault => &mut self.counters.malformed,
                };
                *count += 1;
                self.transmit_unproven(peer, datagram, alert);
            }
        }
    }

    fn challenge(&mut self, peer: &P, datagram: &[u8], answer: Option<Vec<u8>>) {
        self.counters.challenged += 1;
        self.transmit_unproven(peer, datagram, answer);
    }

    /// Sends an answer to an address that has proved nothing.
    fn transmit_unproven(&mut self, peer: &P, datagram: &[u8], answer: Option<Vec<u8>>) {
        let fits = |answer: &Vec<u8>| answer.len() <= datagram.len().saturating_mul(AMPLIFICATION_MAX);
        self.transmit(peer, answer.filter(fits));
    }

    fn welcome(&mut self, peer: &P, hello: &ClientHello<'_>, version: Version, datagram: &[u8]) {
        if let Some(kept) = self.half_open.get_mut(peer)
            && kept.session.is_of(hello.random)
        {
            self.counters.repeated += 1;
            let step = kept.session.repeat(self.now);
            return self.settle_half_open(peer, step);
        }
        if self.open.get(peer).is_some_and(|kept| kept.session.is_of(hello.random)) {
            self.counters.repeated += 1;
            return;
        }
        let begun = match version {
            Version::Dtls12 => dtls12::Session12::accept(&self.dtls12, hello, datagram, self.now)
                .map(|begun| Session::dtls12(begun, hello.random)),
            Version::Dtls13 => {
                let begun = dtls13::Session13::accept(&mut self.dtls13, hello, datagram, self.now);
                Ok(Session::dtls13(begun, hello.random))
            }
        };
        if let Ok((session, step)) = begun {
            self.begin(peer, session, step);
        }
    }

    fn begin(&mut self, peer: &P, session: Session, step: Step) {
        self.counters.begun += 1;
        let kept = Kept { session, ends_at: self.now.plus(self.config.limits.handshake) };
        let due_at = kept.due_at();
        for (other, _) in self.half_open.insert(peer, kept, due_at) {
            self.displaced(&other);
        }
        self.settle_half_open(peer, step);
    }

    /// Sends what a handshake has to send, and sees how far it is.
    fn settle_half_open(&mut self, peer: &P, step: Step) {
        self.transmit(peer, step.datagrams);
        let Some(kept) = self.half_open.get(peer) else { return };
        let due_at = kept.due_at();
        match kept.session.state() {
            State::HalfOpen => {
                self.half_open.touch(peer);
                self.half_open.schedule(peer, due_at);
            }
            State::Open => self.admit(peer, step.messages),
            State::Over(error) => {
                self.half_open.remove(peer);
                self.counters.refused += u64::from(matches!(error, Some(Error::PeerUntrusted(_))));
                self.events.push_back(Event::Ended { peer: peer.clone(), error });
            }
        }
    }

    /// Moves a session to those that are open; a former one of the peer ends now, as its new one is proved.
    // RFC6347-4.2.8-abandon-after-finished RFC9147-5.11-abandon-after-finished
    fn admit(&mut self, peer: &P, messages: Vec<Vec<u8>>) {
        let Some(mut kept) = self.half_open.remove(peer) else { return };
        if self.open.remove(peer).is_some() {
            self.ended(peer, Some(Error::SessionReplaced));
        }
        kept.ends_at = self.now.plus(self.config.limits.idle);
        let (version, due_at) = (kept.session.version(), kept.due_at());
        for (other, mut gone) in self.open.insert(peer, kept, due_at) {
            let step = gone.session.close(self.now);
            self.transmit(&other, step.datagrams);
            self.displaced(&other);
        }
        self.counters.opened += 1;
        self.events.push_back(Event::Opened { peer: peer.clone(), version });
        self.settle_open(peer, Step { datagrams: Vec::new(), messages }, true);
    }

    fn settle_open(&mut self, peer: &P, step: Step, is_used: bool) {
        self.transmit(peer, step.datagrams);
        let of_peer = |message| Event::Received { peer: peer.clone(), message };
        self.events.extend(step.messages.into_iter().map(of_peer));
        let Some(kept) = self.open.get_mut(peer) else { return };
        if let State::Over(error) = kept.session.state() {
            let step = kept.session.close(self.now);
            self.open.remove(peer);
            self.transmit(peer, step.datagrams);
            return self.ended(peer, error);
        }
        if is_used {
            kept.ends_at = self.now.plus(self.config.limits.idle);
        }
        let due_at = kept.due_at();
        if is_used {
            self.open.touch(peer);
        }
        self.open.schedule(peer, due_at);
    }

    fn half_open_due(&mut self, peer: &P) {
        let Some(kept) = self.half_open.get_mut(peer) else { return };
        if kept.ends_at <= self.now {
            self.half_open.remove(peer);
            return self.ended(peer, Some(Error::HandshakeTimedOut));
        }
        let step = kept.session.on_timeout(self.now);
        self.settle_half_open(peer, step);
    }

    fn open_due(&mut self, peer: &P) {
        let Some(kept) = self.open.get_mut(peer) else { return };
        if kept.ends_at <= self.now {
            let step = kept.session.close(self.now);
            self.open.remove(peer);
            self.transmit(peer, step.datagrams);
            return self.ended(peer, Some(Error::SessionIdle));
        }
        let step = kept.session.on_timeout(self.now);
        self.settle_open(peer, step, false);
    }

    fn displaced(&mut self, peer: &P) {
        self.counters.displaced += 1;
        self.ended(peer, Some(Error::SessionDisplaced));
    }

    fn ended(&mut self, peer: &P, error: Option<Error>) {
        self.events.push_back(Event::Ended { peer: peer.clone(), error });
    }

    fn transmit(&mut self, peer: &P, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        self.datagrams.extend(datagrams.into_iter().map(|datagram| (peer.clone(), datagram)));
    }

    /// Takes note of the time; a clock that goes back is not believed.
    fn advance(&mut self, now: UnixTime) {
        self.now = self.now.max(now);
    }
}
