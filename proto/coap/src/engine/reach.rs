//! Whose address is whose: what may be sent to one that is not proven, and how it is proven.
//!
//! Source: RFC 9175 §2.3, §2.4 (3), §2.6; RFC 7252 §11.3.
//! Invariants: to an address that is not proven goes no response of more than three times its request's octets, and
//! none that is sent again by itself.

use std::time::Duration;

use super::Engine;
use crate::engine::server::Arrival;
use crate::message::Message;
use crate::table::Item;
use crate::{Addresses, Code, Peer, option};

/// How many times the octets of a request its response may have (RFC 9175 §2.4, after RFC 9000 §8).
pub(super) const AMPLIFICATION_MAX: usize = 3;

impl<P: Peer> Engine<P> {
    /// Returns how many octets may answer a request, or `None` where its address is proven.
    // RFC9175-2.4-amplification
    pub(super) fn allowance(&mut self, peer: &P, message: &Message, request_bytes: usize) -> Option<usize> {
        if self.config.addresses == Addresses::Proven {
            return None;
        }
        let is_known = self.proofs.get(peer, &()).is_some();
        if !is_known && self.echo_age(peer, message).is_none() {
            return Some(request_bytes.saturating_mul(AMPLIFICATION_MAX));
        }
        let ends_at = self.now.plus(self.config.proof_lifetime);
        if is_known {
            self.proofs.touch(peer, &(), ends_at);
        } else {
            self.proofs.insert(peer, (), Item { value: (), weight: 0, ends_at });
        }
        None
    }

    /// Tells whether an address is proven.
    pub(super) fn is_proven(&self, peer: &P) -> bool {
        self.config.addresses == Addresses::Proven || self.proofs.get(peer, &()).is_some()
    }

    /// Returns the age of an Echo value of ours that a message carries.
    // RFC9175-2.3-verify
    pub(super) fn echo_age(&self, peer: &P, message: &Message) -> Option<Duration> {
        let value = message.value(option::ECHO)?;
        self.mint.age(peer, value, self.now, self.config.proof_lifetime)
    }

    /// Answers a request by a demand for proof.
    pub(super) fn demand_proof(&mut self, arrival: &Arrival<P>) {
        self.counters.challenged += 1;
        let demand = self.demand(&arrival.peer);
        self.reply(arrival, demand);
    }

    /// Returns what of a response may go: all of it, its code without the diagnostic text, or a demand for proof in
    /// its place; `None` when even that is too much.
    // RFC9175-2.4-piggybacked-or-non
    pub(super) fn within_allowance(&mut self, arrival: &Arrival<P>, message: Message) -> Option<Message> {
        let Some(octets) = arrival.allowance else {
            return Some(message);
        };
        let bytes_max = self.config.limits.message_bytes_max;
        let fits =
            |message: &Message| message.encode(bytes_max).is_ok_and(|datagram| datagram.len() <= octets);
        if fits(&message) {
            return Some(message);
        }
        self.counters.challenged += 1;
        let mut plain = message;
        if !plain.code().is_success() && plain.code() != Code::UNAUTHORIZED {
            plain.set_payload(Vec::new());
            return Some(plain).filter(fits);
        }
        let mut demand = self.demand(&arrival.peer);
        demand.set_token(arrival.token);
        Some(demand).filter(fits)
    }

    fn demand(&self, peer: &P) -> Message {
        let mut demand = Message::new(Code::UNAUTHORIZED);
        demand.set(option::ECHO, self.mint.make(peer, self.now));
        demand
    }
}
