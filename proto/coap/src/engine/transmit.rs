//! Sending: one at a time towards each peer, again until acknowledged, and not for ever.
//!
//! Source: RFC 7252 §4.2, §4.7; RFC 7641 §4.5.1, §4.5.2 for notifications.
//! Invariants: no more than NSTART messages towards a peer are under way in a role; the transmissions of one stay within
//! MAX_TRANSMIT_SPAN; an outbound message belongs to a lane until it is finished.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use proto::UnixTime;

use super::{Due, Engine};
use crate::config::NOTIFICATION_SPACING;
use crate::message::Message;
use crate::wire::Kind;
use crate::{Error, Peer};

/// Who wants to know what becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A request of ours.
    Request(u64),
    /// A notification to an observer.
    Notification(u64),
    /// Nobody: a separate response, a farewell.
    Nobody,
}

/// A message on its way, or waiting for its turn.
#[derive(Debug)]
pub(super) struct Outbound<P> {
    pub(super) peer: P,
    pub(super) owner: Owner,
    datagram: Bytes,
    is_confirmable: bool,
    /// Absent while it waits.
    flight: Option<Flight>,
}

/// How far a message that was sent has come.
#[derive(Clone, Copy, Debug)]
struct Flight {
    id: u16,
    sent_at: UnixTime,
    retransmits: u32,
    timeout: Duration,
    due_at: UnixTime,
}

/// In which of our roles a message goes: neither waits for the other, for NSTART bounds the requests of a client
/// (RFC 7252 §4.7) and the responses of a server (RFC 7641 §4.5.1) each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Client,
    Server,
}

impl Owner {
    const fn side(self) -> Side {
        match self {
            Self::Request(_) => Side::Client,
            Self::Notification(_) | Self::Nobody => Side::Server,
        }
    }
}

/// What goes to one peer in one role.
#[derive(Debug, Default)]
pub(super) struct Lane {
    under_way: usize,
    /// Further blocks of bodies that are under way: they go first, without undue delay (RFC 7959 §2.4, §2.5).
    further: VecDeque<u64>,
    waiting: VecDeque<u64>,
}

impl Lane {
    fn next(&mut self, nstart: usize) -> Option<u64> {
        if self.under_way >= nstart {
            return None;
        }
        let number = self.further.pop_front().or_else(|| self.waiting.pop_front())?;
        self.under_way += 1;
        Some(number)
    }

    /// Takes a message out that waits or is under way.
    fn remove(&mut self, number: u64) {
        let before = self.further.len() + self.waiting.len();
        self.further.retain(|other| *other != number);
        self.waiting.retain(|other| *other != number);
        if self.further.len() + self.waiting.len() == before {
            self.under_way = self.under_way.saturating_sub(1);
        }
    }

    fn is_empty(&self) -> bool {
        self.under_way == 0 && self.further.is_empty() && self.waiting.is_empty()
    }
}

/// How a message is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) owner: Owner,
    pub(super) is_confirmable: bool,
    /// Whether it carries or asks for a further block of a body that is under way.
    pub(super) is_further: bool,
}

impl<P: Peer> Engine<P> {
    /// Hands a message over for sending, when its turn comes; its message id is set then.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] (fault), [`Error::TooManyWaiting`] (busy).
    pub(super) fn enqueue(&mut self, peer: &P, message: &mut Message, manner: Manner) -> Result<u64, Error> {
        let Manner { owner, is_confirmable, is_further } = manner;
        let datagram = self.encode(message, is_confirmable)?;
        let number = self.next_serial();
        let side = owner.side();
        let lane = self.lanes.entry((peer.clone(), side)).or_default();
        if is_further {
            lane.further.push_back(number);
        } else if lane.waiting.len() < self.config.limits.waiting_per_peer_max {
            lane.waiting.push_back(number);
        } else {
            return Err(Error::TooManyWaiting);
        }
        self.outbound
            .insert(number, Outbound { peer: peer.clone(), owner, datagram, is_confirmable, flight: None });
        self.start_waiting(peer, side);
        Ok(number)
    }

    /// Sends a message once, outside of the lanes.
    pub(super) fn send_once(&mut self, peer: &P, message: &mut Message) -> Result<(), Error> {
        let id = self.message_id(peer)?;
        message.set_header(Kind::NonConfirmable, id);
        let datagram = message.encode(self.config.limits.message_bytes_max)?;
        self.transmit(peer, datagram.into());
        Ok(())
    }

    /// Replaces the datagram of a message that still waits; tells whether it did.
    pub(super) fn replace_waiting(
        &mut self,
        number: u64,
        message: &mut Message,
        is_confirmable: bool,
    ) -> bool {
        let Ok(datagram) = self.encode(message, is_confirmable) else {
            return false;
        };
        match self.outbound.get_mut(&number) {
            Some(outbound) if outbound.flight.is_none() => {
                outbound.datagram = datagram;
                outbound.is_confirmable = is_confirmable;
                true
            }
            Some(_) | None => false,
        }
    }

    fn encode(&self, message: &mut Message, is_confirmable: bool) -> Result<Bytes, Error> {
        message.set_header(if is_confirmable { Kind::Confirmable } else { Kind::NonConfirmable }, 0);
        message.encode(self.config.limits.message_bytes_max).map(Bytes::from)
    }

    /// Sends what waits for a peer, as far as NSTART allows.
    // RFC7252-4.7-nstart
    pub(super) fn start_waiting(&mut self, peer: &P, side: Side) {
        let nstart = self.config.transmission.nstart.max(1);
        let place = (peer.clone(), side);
        while let Some(number) = self.lanes.get_mut(&place).and_then(|lane| lane.next(nstart)) {
            self.start(number);
        }
        if self.lanes.get(&place).is_some_and(Lane::is_empty) {
            self.lanes.remove(&place);
        }
    }

    fn start(&mut self, number: u64) {
        let Some(peer) = self.outbound.get(&number).map(|outbound| outbound.peer.clone()) else {
            return;
        };
        let transmission = self.config.transmission;
        // RFC7252-4.2-initial-timeout
        let timeout = self.ids.span(transmission.ack_timeout, transmission.ack_timeout_max());
        match self.message_id(&peer) {
            Ok(id) => self.take_off(number, id, timeout, 0),
            Err(error) => {
                self.counters.unsent += 1;
                self.fail_outbound(number, error);
            }
        }
    }

    /// Sends a message under a new id.
    fn take_off(&mut self, number: u64, id: u16, timeout: Duration, retransmits: u32) {
        let Some(outbound) = self.outbound.get_mut(&number) else {
            return;
        };
        outbound.datagram = with_id(&outbound.datagram, id);
        let hold = match outbound.owner {
            _ if outbound.is_confirmable => timeout,
            // RFC7641-4.5.1-spacing
            Owner::Notification(_) => NOTIFICATION_SPACING,
            Owner::Request(_) | Owner::Nobody => {
                // RFC7252-4.7-probing-rate
                let rate = u64::from(self.config.transmission.probing_rate.max(1));
                let probing = Duration::from_secs(outbound.datagram.len() as u64 / rate);
                self.config.transmission.non_lifetime().max(probing)
            }
        };
        let due_at = self.now.plus(hold);
        outbound.flight = Some(Flight { id, sent_at: self.now, retransmits, timeout, due_at });
        let (peer, datagram) = (outbound.peer.clone(), outbound.datagram.clone());
        self.due.insert((due_at, Due::Outbound(number)));
        self.outbound_by_id.insert((peer.clone(), id), number);
        self.transmit(&peer, datagram);
    }

    /// Sends a message again, gives it up, or frees its place.
    pub(super) fn outbound_due(&mut self, number: u64) {
        let Some(outbound) = self.outbound.get(&number) else {
            return;
        };
        let Some(flight) = outbound.flight else {
            return;
        };
        if !outbound.is_confirmable {
            self.release(number);
        } else if flight.retransmits >= self.config.transmission.retransmits() {
            // RFC7252-4.2-give-up
            self.fail_outbound(number, Error::TimedOut);
        } else if !self.supersede(number, flight) {
            self.retransmit(number, flight);
        }
    }

    // RFC7252-4.2-retransmission
    fn retransmit(&mut self, number: u64, flight: Flight) {
        let timeout = flight.timeout.saturating_mul(2);
        let due_at = self.now.plus(timeout);
        let next = Flight { retransmits: flight.retransmits + 1, timeout, due_at, ..flight };
        self.due.insert((due_at, Due::Outbound(number)));
        let Some(outbound) = self.outbound.get_mut(&number) else {
            return;
        };
        outbound.flight = Some(next);
        let (peer, datagram) = (outbound.peer.clone(), outbound.datagram.clone());
        // RFC7252-4.2-span: who was asleep too long misses the opportunity.
        if self.now.since(flight.sent_at) <= self.config.transmission.max_transmit_span() {
            self.counters.retransmitted += 1;
            self.transmit(&peer, datagram);
        }
    }

    /// Sends a newer notification in the place of one that is not acknowledged, with its back-off retained.
    // RFC7641-4.5.2-supersede
    fn supersede(&mut self, number: u64, flight: Flight) -> bool {
        let Some((peer, Owner::Notification(observation))) =
            self.outbound.get(&number).map(|outbound| (outbound.peer.clone(), outbound.owner))
        else {
            return false;
        };
        let Some((mut message, is_confirmable)) = self.take_waiting_notification(observation) else {
            return false;
        };
        let (Ok(datagram), Ok(id)) = (self.encode(&mut message, true), self.message_id(&peer)) else {
            self.put_waiting_notification(observation, message, is_confirmable);
            return false;
        };
        self.outbound_by_id.remove(&(peer, flight.id));
        if let Some(outbound) = self.outbound.get_mut(&number) {
            outbound.datagram = datagram;
        }
        self.counters.retransmitted += 1;
        self.take_off(number, id, flight.timeout.saturating_mul(2), flight.retransmits + 1);
        true
    }

    /// Takes an Acknowledgement without response.
    pub(super) fn receive_acknowledgement(&mut self, peer: &P, id: u16) {
        let Some(number) = self.confirmable_under_way(peer, id) else {
            return;
        };
        match self.finish_outbound(number) {
            Some(Owner::Request(request)) => self.request_acknowledged(request),
            Some(Owner::Notification(observation)) => self.notification_confirmed(observation),
            Some(Owner::Nobody) | None => {}
        }
    }

    /// Takes a Reset.
    pub(super) fn receive_reset(&mut self, peer: &P, id: u16) {
        if let Some(number) = self.outbound_by_id.get(&(peer.clone(), id)).copied() {
            self.fail_outbound(number, Error::RejectedByPeer);
        }
    }

    /// Finds the confirmable message that an acknowledgement belongs to (RFC 7252 §4.4).
    // RFC7252-4.4-match
    pub(super) fn confirmable_under_way(&self, peer: &P, id: u16) -> Option<u64> {
        let number = *self.outbound_by_id.get(&(peer.clone(), id))?;
        self.outbound.get(&number).filter(|outbound| outbound.is_confirmable).map(|_| number)
    }

    /// Returns who wants to know of a message.
    pub(super) fn owner_of(&self, number: u64) -> Option<Owner> {
        self.outbound.get(&number).map(|outbound| outbound.owner)
    }

    /// Takes a message out, sent or not, and lets the next one go.
    pub(super) fn finish_outbound(&mut self, number: u64) -> Option<Owner> {
        let outbound = self.take_outbound(number)?;
        self.start_waiting(&outbound.peer, outbound.owner.side());
        Some(outbound.owner)
    }

    /// Takes a message out, sent or not; the caller lets the next one go.
    pub(super) fn take_outbound(&mut self, number: u64) -> Option<Outbound<P>> {
        let outbound = self.outbound.remove(&number)?;
        if let Some(flight) = outbound.flight {
            self.due.remove(&(flight.due_at, Due::Outbound(number)));
            self.outbound_by_id.remove(&(outbound.peer.clone(), flight.id));
        }
        if let Some(lane) = self.lanes.get_mut(&(outbound.peer.clone(), outbound.owner.side())) {
            lane.remove(number);
        }
        Some(outbound)
    }

    /// Ends the hold of a message that was sent once.
    fn release(&mut self, number: u64) {
        match self.finish_outbound(number) {
            Some(Owner::Request(request)) => self.fail_request(request, Error::TimedOut),
            Some(Owner::Notification(observation)) => self.notification_released(observation),
            Some(Owner::Nobody) | None => {}
        }
    }

    pub(super) fn fail_outbound(&mut self, number: u64, error: Error) {
        match self.finish_outbound(number) {
            Some(Owner::Request(request)) => self.fail_request(request, error),
            Some(Owner::Notification(observation)) => self.end_observation(observation),
            Some(Owner::Nobody) | None => {}
        }
    }

    pub(super) fn forget_outbound(&mut self, peer: &P) {
        let sent = self.outbound_by_id.range((peer.clone(), u16::MIN)..=(peer.clone(), u16::MAX));
        let mut numbers: Vec<u64> = sent.map(|(_, number)| *number).collect();
        for side in [Side::Client, Side::Server] {
            let lane = self.lanes.remove(&(peer.clone(), side)).unwrap_or_default();
            numbers.extend(lane.further.into_iter().chain(lane.waiting));
        }
        for number in numbers {
            self.take_outbound(number);
        }
    }
}

/// Returns the datagram with another message id.
fn with_id(datagram: &Bytes, id: u16) -> Bytes {
    let mut octets = datagram.to_vec();
    if let Some(place) = octets.get_mut(2..4) {
        place.copy_from_slice(&id.to_be_bytes());
    }
    octets.into()
}
