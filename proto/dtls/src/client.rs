//! A client's side: one session, for the simulator and for tests.
//!
//! Source: as the engines.
//! Does not: resume sessions.
//! Invariants: as a server's: no byte of the server leaves [`Client::recv`] before the verifier let its chain pass.

use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use pki::Certificate;
use proto::UnixTime;

use crate::session::{Session, State, Step};
use crate::{Config, DATAGRAM_BYTES_MAX, Error, SEAL_BYTES, Version, dtls12, dtls13};

/// What a client offers, and by which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// DTLS 1.2 with `TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8`, by OpenSSL: the whole chain is sent.
    Dtls12Ccm8,
    /// DTLS 1.2 with the suites of GCM, by OpenSSL: the whole chain is sent.
    Dtls12Gcm,
    /// The same by dimpl, at a fraction of the cost: only the own certificate is sent.
    Dtls12GcmLeaf,
    /// DTLS 1.3, by dimpl: only the own certificate is sent.
    Dtls13,
}

impl Offer {
    /// Lists all of them.
    pub const ALL: [Self; 4] = [Self::Dtls12Ccm8, Self::Dtls12Gcm, Self::Dtls12GcmLeaf, Self::Dtls13];
}

/// What a client's sessions share: made once, as making it costs more than a handshake.
pub struct Connector {
    shared: Shared,
    datagram_bytes_sent: usize,
    handshake: Duration,
}

enum Shared {
    OpenSsl(dtls12::Shared),
    Dimpl(dtls13::Shared, Version),
}

impl Connector {
    /// Prepares an offer; `started` is as for [`crate::Endpoint::new`].
    ///
    /// # Errors
    /// [`Error::ConfigurationInvalid`] (fault).
    pub fn new(config: &Config, offer: Offer, started: Instant) -> Result<Self, Error> {
        let by_dimpl = |version| Ok(Shared::Dimpl(dtls13::Shared::new(config, started)?, version));
        let shared = match offer {
            Offer::Dtls12Ccm8 => Shared::OpenSsl(dtls12::Shared::new(config, dtls12::CCM_8)?),
            Offer::Dtls12Gcm => Shared::OpenSsl(dtls12::Shared::new(config, dtls12::GCM)?),
            Offer::Dtls12GcmLeaf => by_dimpl(Version::Dtls12)?,
            Offer::Dtls13 => by_dimpl(Version::Dtls13)?,
        };
        Ok(Self {
            shared,
            datagram_bytes_sent: config.datagram_bytes_sent,
            handshake: config.limits.handshake,
        })
    }

    /// Begins a handshake.
    ///
    /// # Errors
    /// [`Error::ConfigurationInvalid`] (fault).
    pub fn connect(&mut self, now: UnixTime) -> Result<Client, Error> {
        let (session, step) = match &mut self.shared {
            Shared::OpenSsl(shared) => Session::dtls12(dtls12::Session12::connect(shared, now)?, &[]),
            Shared::Dimpl(shared, version) => {
                Session::dtls13(dtls13::Session13::connect(shared, *version, now), &[])
            }
        };
        let mut client = Client {
            session,
            message_bytes_max: self.datagram_bytes_sent.saturating_sub(SEAL_BYTES),
            ends_at: now.plus(self.handshake),
            datagrams: VecDeque::new(),
            messages: VecDeque::new(),
        };
        client.settle(step);
        Ok(client)
    }
}

/// One session as client. After each call, [`Client::poll_transmit`] and [`Client::recv`] are to be drained.
pub struct Client {
    session: Session,
    message_bytes_max: usize,
    ends_at: UnixTime,
    datagrams: VecDeque<Vec<u8>>,
    messages: VecDeque<Vec<u8>>,
}

impl Client {
    /// Begins a single handshake; for many there is [`Connector`].
    ///
    /// # Errors
    /// [`Error::ConfigurationInvalid`] (fault).
    pub fn connect(config: &Config, offer: Offer, now: UnixTime, started: Instant) -> Result<Self, Error> {
        Connector::new(config, offer, started)?.connect(now)
    }

    /// Takes a datagram of the server.
    pub fn on_datagram(&mut self, now: UnixTime, datagram: &[u8]) {
        if datagram.len() <= DATAGRAM_BYTES_MAX && self.end().is_none() {
            let step = self.session.on_datagram(datagram, now);
            self.settle(step);
        }
    }

    /// Sends again what is due; gives a handshake up that took too long.
    pub fn on_timeout(&mut self, now: UnixTime) {
        if self.session.state() == State::HalfOpen && self.ends_at <= now {
            self.session.give_up(Error::HandshakeTimedOut);
        } else if self.end().is_none() {
            let step = self.session.on_timeout(now);
            self.settle(step);
        }
    }

    /// Returns the next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop_front()
    }

    /// Returns the next message of the server.
    pub fn recv(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front()
    }

    /// Returns when [`Client::on_timeout`] is to be called.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        match self.session.state() {
            State::HalfOpen => {
                Some(self.session.next_timeout().map_or(self.ends_at, |at| at.min(self.ends_at)))
            }
            State::Open => self.session.next_timeout(),
            State::Over(_) => None,
        }
    }

    /// Seals a message.
    ///
    /// # Errors
    /// [`Error::SessionUnknown`] (unknown) before the handshake is complete and after the end,
    /// [`Error::MessageTooLarge`] (fault), [`Error::SessionBroken`] (busy).
    pub fn send(&mut self, now: UnixTime, message: &[u8]) -> Result<(), Error> {
        if message.len() > self.message_bytes_max {
            return Err(Error::MessageTooLarge);
        }
        let step = self.session.send(message, now)?;
        self.settle(step);
        Ok(())
    }

    /// Takes leave of the server.
    pub fn close(&mut self, now: UnixTime) {
        let step = self.session.close(now);
        self.settle(step);
    }

    /// Returns the server's chain, its own certificate first, once it was judged and proved.
    #[must_use]
    pub fn peer_chain(&self) -> Option<&[Certificate]> {
        self.session.chain()
    }

    /// Tells whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.session.state() == State::Open
    }

    /// Returns how the session ended, if it did: `Some(None)` when the server took leave.
    #[must_use]
    pub fn end(&self) -> Option<Option<Error>> {
        match self.session.state() {
            State::Over(end) => Some(end),
            State::HalfOpen | State::Open => None,
        }
    }

    fn settle(&mut self, step: Step) {
        self.datagrams.extend(step.datagrams);
        self.messages.extend(step.messages);
    }
}
