//! What a datagram is, and whether it came before.
//!
//! Source: RFC 7252 §4.2 to §4.5.
//! Invariants: a message is acted upon once within its lifetime; nothing answers an Acknowledgement or a Reset.

use bytes::Bytes;
use proto::UnixTime;

use super::Engine;
use super::reach::AMPLIFICATION_MAX;
use crate::message::{Message, empty};
use crate::table::Item;
use crate::wire::{self, Header, Kind};
use crate::{Code, Error, Peer};

/// What became of a message that came before.
#[derive(Debug)]
pub(super) enum Seen {
    /// The application has it and no acknowledgement went out; or nothing is to be sent.
    Silent,
    /// It was answered by these octets.
    Replied(Bytes),
}

impl<P: Peer> Engine<P> {
    /// Takes a datagram from a peer.
    pub fn handle_packet(&mut self, now: UnixTime, peer: &P, datagram: &[u8]) {
        self.advance(now);
        match wire::check(datagram, self.config.limits.datagram_bytes_max) {
            Ok(header) => self.receive(peer, header, datagram),
            Err(error) => self.receive_malformed(peer, datagram, error),
        }
    }

    fn receive(&mut self, peer: &P, header: Header, datagram: &[u8]) {
        match header.kind {
            Kind::Confirmable | Kind::NonConfirmable => self.receive_message(peer, header, datagram),
            Kind::Acknowledgement if header.code == Code::EMPTY => {
                self.receive_acknowledgement(peer, header.id);
            }
            Kind::Acknowledgement if header.code.is_response() => {
                self.receive_piggybacked(peer, header.id, datagram);
            }
            Kind::Reset if header.code == Code::EMPTY => self.receive_reset(peer, header.id),
            // RFC7252-4.2-ack-rst-ignored
            Kind::Acknowledgement | Kind::Reset => self.counters.rejected += 1,
        }
    }

    fn receive_message(&mut self, peer: &P, header: Header, datagram: &[u8]) {
        if header.code == Code::EMPTY {
            // RFC7252-4.2-ping RFC7252-4.3-non-empty
            self.reject(peer, header);
        } else if self.is_duplicate(peer, header, datagram.len()) {
            self.counters.duplicates += 1;
        } else if header.code.is_request() {
            self.receive_request(peer, header, datagram);
        } else {
            self.receive_separate(peer, header, datagram);
        }
    }

    /// Rejects what has a readable header and is confirmable; ignores the rest.
    fn receive_malformed(&mut self, peer: &P, datagram: &[u8], error: Error) {
        self.counters.malformed += 1;
        // RFC7252-4.2-format-error RFC7252-4.3-format-error
        match Header::peek(datagram) {
            Ok(header) if header.kind == Kind::Confirmable && error != Error::VersionUnknown => {
                self.transmit_empty(peer, Kind::Reset, header.id);
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Rejects a message (RFC 7252 §4.2, §4.3): by a Reset when it is confirmable, by silence otherwise.
    pub(super) fn reject(&mut self, peer: &P, header: Header) {
        self.counters.rejected += 1;
        if header.kind == Kind::Confirmable {
            self.transmit_empty(peer, Kind::Reset, header.id);
        }
    }

    pub(super) fn transmit_empty(&mut self, peer: &P, kind: Kind, id: u16) {
        self.transmit(peer, Bytes::copy_from_slice(&empty(kind, id)));
    }

    /// Tells whether a message came before; answers it as it was answered then.
    // RFC7252-4.5-duplicate
    fn is_duplicate(&mut self, peer: &P, header: Header, bytes: usize) -> bool {
        let seen = self.seen.get(peer, &header.id);
        let reply = match seen.or_else(|| self.seen_of_strangers.get(peer, &header.id)) {
            None => return false,
            Some(Seen::Silent) => None,
            Some(Seen::Replied(reply)) => Some(reply.clone()),
        };
        // Who repeats an id in a shorter message must not get more for it than for any other.
        let octets_max =
            if self.is_proven(peer) { usize::MAX } else { bytes.saturating_mul(AMPLIFICATION_MAX) };
        if let Some(reply) =
            reply.filter(|reply| header.kind == Kind::Confirmable && reply.len() <= octets_max)
        {
            self.transmit(peer, reply);
        }
        true
    }

    /// Keeps what became of a message for as long as it may come again.
    pub(super) fn remember(&mut self, peer: &P, kind: Kind, id: u16, seen: Seen) {
        let transmission = &self.config.transmission;
        // RFC7252-4.5-lifetimes
        let lifetime = match kind {
            Kind::NonConfirmable => transmission.non_lifetime(),
            Kind::Confirmable | Kind::Acknowledgement | Kind::Reset => transmission.exchange_lifetime(),
        };
        let weight = match &seen {
            Seen::Replied(reply) => reply.len(),
            Seen::Silent => 0,
        };
        let item = Item { value: seen, weight, ends_at: self.now.plus(lifetime) };
        let table = if self.is_proven(peer) { &mut self.seen } else { &mut self.seen_of_strangers };
        let evicted = table.insert(peer, id, item);
        self.counters.evicted += evicted as u64;
    }

    /// Sets what a message that was kept is answered by when it comes again.
    pub(super) fn remember_reply(&mut self, peer: &P, id: u16, reply: Bytes) {
        self.remember(peer, Kind::Confirmable, id, Seen::Replied(reply));
    }

    /// Acknowledges a confirmable message, now and when it comes again.
    pub(super) fn acknowledge(&mut self, peer: &P, id: u16) {
        let reply = Bytes::copy_from_slice(&empty(Kind::Acknowledgement, id));
        self.remember_reply(peer, id, reply.clone());
        self.transmit(peer, reply);
    }

    /// Parses a datagram whose form has been checked.
    pub(super) fn parse(&self, datagram: &[u8]) -> Option<Message> {
        Message::parse(datagram, self.config.limits.datagram_bytes_max).ok()
    }
}
