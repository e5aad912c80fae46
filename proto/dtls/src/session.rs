//! One session over either engine, and the gate that its messages pass.
//!
//! Invariants: a message comes out of [`Session::absorb`] only while the session holds an [`Admitted`] chain, which
//! only the verifier's yes makes.

use pki::Certificate;
use proto::UnixTime;

use crate::Error;
use crate::dtls12::Session12;
use crate::dtls13::Session13;
use crate::judge::Admitted;

/// A version of DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// RFC 6347.
    Dtls12,
    /// RFC 9147.
    Dtls13,
}

/// What an engine tells of itself, in order.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A datagram is to be sent.
    Transmit(Vec<u8>),
    /// The handshake is complete and the peer judged.
    Established(Admitted),
    /// The handshake is complete and the peer is not wanted.
    Refused(Error),
    /// A message came.
    Received(Vec<u8>),
    /// The peer took leave.
    Closed,
    /// The session is over.
    Ended(Error),
}

impl Happening {
    pub(crate) fn datagram(&self) -> Option<&[u8]> {
        match self {
            Self::Transmit(datagram) => Some(datagram),
            Self::Established(_) | Self::Refused(_) | Self::Received(_) | Self::Closed | Self::Ended(_) => {
                None
            }
        }
    }
}

/// What a session is, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The handshake goes on.
    HalfOpen,
    /// The peer is admitted.
    Open,
    /// It is over; without an error when the peer took leave.
    Over(Option<Error>),
}

/// What came of a step: datagrams to be sent and messages that passed the gate.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Step {
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) messages: Vec<Vec<u8>>,
}

enum Engine {
    Dtls12(Box<Session12>),
    Dtls13(Box<Session13>),
}

/// One session.
pub(crate) struct Session {
    engine: Engine,
    admitted: Option<Admitted>,
    over: Option<Option<Error>>,
    /// The random of the ClientHello, by which one that comes again is known.
    random: Vec<u8>,
}

impl Session {
    pub(crate) fn dtls12((engine, happenings): (Session12, Vec<Happening>), random: &[u8]) -> (Self, Step) {
        Self::new(Engine::Dtls12(Box::new(engine)), happenings, random)
    }

    pub(crate) fn dtls13((engine, happenings): (Session13, Vec<Happening>), random: &[u8]) -> (Self, Step) {
        Self::new(Engine::Dtls13(Box::new(engine)), happenings, random)
    }

    fn new(engine: Engine, happenings: Vec<Happening>, random: &[u8]) -> (Self, Step) {
        let mut session = Self { engine, admitted: None, over: None, random: random.to_vec() };
        let step = session.absorb(happenings, UnixTime::default());
        (session, step)
    }

    pub(crate) fn is_of(&self, random: &[u8]) -> bool {
        self.random == random
    }

    pub(crate) const fn version(&self) -> Version {
        match self.engine {
            Engine::Dtls12(_) => Version::Dtls12,
            Engine::Dtls13(_) => Version::Dtls13,
        }
    }

    pub(crate) fn state(&self) -> State {
        match (&self.over, &self.admitted) {
            (Some(end), _) => State::Over(end.clone()),
            (None, Some(_)) => State::Open,
            (None, None) => State::HalfOpen,
        }
    }

    /// Returns the chain that was admitted.
    pub(crate) fn chain(&self) -> Option<&[Certificate]> {
        self.admitted.as_ref().map(Admitted::chain)
    }

    pub(crate) fn on_datagram(&mut self, datagram: &[u8], now: UnixTime) -> Step {
        let happenings = match &mut self.engine {
            Engine::Dtls12(engine) => engine.on_datagram(datagram, now),
            Engine::Dtls13(engine) => engine.on_datagram(datagram, now),
        };
        self.absorb(happenings, now)
    }

    pub(crate) fn on_timeout(&mut self, now: UnixTime) -> Step {
        let happenings = match &mut self.engine {
            Engine::Dtls12(engine) => engine.on_timeout(now),
            Engine::Dtls13(engine) => engine.on_timeout(now),
        };
        self.absorb(happenings, now)
    }

    /// Answers a ClientHello that came again; dimpl does so by its timer.
    // RFC6347-4.2.4-retransmitted-flight
    pub(crate) fn repeat(&mut self, now: UnixTime) -> Step {
        let happenings = match &mut self.engine {
            Engine::Dtls12(engine) => engine.repeat(),
            Engine::Dtls13(_) => Vec::new(),
        };
        self.absorb(happenings, now)
    }

    pub(crate) fn next_timeout(&self) -> Option<UnixTime> {
        match &self.engine {
            Engine::Dtls12(engine) => engine.next_timeout(),
            Engine::Dtls13(engine) => engine.next_timeout(),
        }
    }

    pub(crate) fn send(&mut self, message: &[u8], now: UnixTime) -> Result<Step, Error> {
        if self.state() != State::Open {
            return Err(Error::SessionUnknown);
        }
        let happenings = match &mut self.engine {
            Engine::Dtls12(engine) => engine.send(message)?,
            Engine::Dtls13(engine) => engine.send(message, now)?,
        };
        Ok(self.absorb(happenings, now))
    }

    /// Ends it without a word.
    pub(crate) fn give_up(&mut self, error: Error) {
        self.over.get_or_insert(Some(error));
    }

    pub(crate) fn close(&mut self, now: UnixTime) -> Step {
        let happenings = self.take_leave(now);
        self.absorb(happenings, now)
    }

    fn take_leave(&mut self, now: UnixTime) -> Vec<Happening> {
        match &mut self.engine {
            Engine::Dtls12(engine) => engine.close(),
            Engine::Dtls13(engine) => engine.close(now),
        }
    }

    /// Takes what an engine tells; a message before the peer was admitted, or after the end, goes no further.
    fn absorb(&mut self, happenings: Vec<Happening>, now: UnixTime) -> Step {
        let mut step = Step::default();
        for happening in happenings {
            match happening {
                Happening::Transmit(datagram) => step.datagrams.push(datagram),
                Happening::Established(admitted) => self.admitted = Some(admitted),
                Happening::Refused(error) => {
                    let leave = self.take_leave(now);
                    step.datagrams.extend(leave.iter().filter_map(Happening::datagram).map(<[u8]>::to_vec));
                    self.over.get_or_insert(Some(error));
                }
                Happening::Received(message) if self.state() == State::Open => step.messages.push(message),
                Happening::Received(_) => {}
                Happening::Closed => {
                    self.over.get_or_insert(None);
                }
                Happening::Ended(error) => {
                    let is_open = self.admitted.is_some() && error == Error::HandshakeFailed;
                    self.over.get_or_insert(Some(if is_open { Error::SessionBroken } else { error }));
                }
            }
        }
        step
    }
}
