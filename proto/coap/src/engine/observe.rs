//! Observers of our resources, and what they are told.
//!
//! Source: RFC 7641 §4; RFC 7959 §2.6.
//! Does not: know which resource changed; the application tells each observer.
//! Invariants: one notification at a time is on its way to an observer, and the last one told is the one that arrives
//! in the end; sequence numbers only grow.

use proto::UnixTime;

use super::{Engine, ExchangeId, ObservationId, Output};
use crate::config::NOTIFICATION_CONFIRM_SPAN;
use crate::engine::server::{Arrival, Exchange};
use crate::engine::transmit::{Manner, Owner};
use crate::key::OperationKey;
use crate::message::Message;
use crate::{Block, Error, Peer, Response, Token};

/// The values of a sequence number (RFC 7641 §3.4: 24 bits).
const SEQUENCE_MASK: u64 = 0x00ff_ffff;

/// Who observes, and how far it is told.
#[derive(Debug)]
pub(super) struct Observer<P> {
    peer: P,
    token: Token,
    key: OperationKey,
    block2: Option<Block>,
    sequence: u64,
    confirmed_at: UnixTime,
    outbound: Option<u64>,
    waiting: Option<(Message, bool)>,
}

impl<P: Peer> Engine<P> {
    /// Answers a request that asks for notifications, and takes its sender in as observer. `None` where it did not
    /// ask, the response is no success, or there is no room: then it is answered as any other (RFC 7641 §4.1).
    ///
    /// # Errors
    /// Those of [`Engine::respond`].
    pub fn observe(
        &mut self,
        now: UnixTime,
        exchange: ExchangeId,
        response: Response,
    ) -> Result<Option<ObservationId>, Error> {
        self.advance(now);
        response.check(self.config.limits.body_bytes_max)?;
        let open = self.exchanges.remove(&exchange.0).ok_or(Error::ExchangeUnknown)?;
        let may_observe = open.is_observing && response.code().is_success() && self.has_room_for(&open);
        if !may_observe {
            // RFC7641-4.1-unwilling
            let sent = self.send_response(&open, response, None);
            self.close(exchange.0, open, sent.is_ok());
            return sent.map(|()| None);
        }
        let number = self.register(&open);
        let sequence = self.next_sequence(number);
        let sent = self.send_response(&open, response, Some(sequence));
        if sent.is_err() {
            self.remove_observer(number);
        }
        self.close(exchange.0, open, sent.is_ok());
        sent.map(|()| Some(ObservationId(number)))
    }

    /// Tells an observer of a change. Where an earlier notification is still on its way, this one follows it, and of
    /// several that wait only the last is sent. A response that is no success ends the observation.
    ///
    /// # Errors
    /// [`Error::CodeUnsuitable`] (fault), [`Error::BodyTooLarge`] (malformed), [`Error::ObservationUnknown`]
    /// (unknown), [`Error::MessageTooLarge`] (fault), [`Error::TooManyWaiting`] (busy).
    pub fn notify(
        &mut self,
        now: UnixTime,
        observation: ObservationId,
        response: Response,
        is_confirmable: bool,
    ) -> Result<(), Error> {
        self.advance(now);
        response.check(self.config.limits.body_bytes_max)?;
        let observer = self.observers.get(&observation.0).ok_or(Error::ObservationUnknown)?;
        // RFC7641-4.5-daily-confirmable
        let is_due = self.now.since(observer.confirmed_at) >= NOTIFICATION_CONFIRM_SPAN;
        let is_last = !response.code().is_success();
        let message = self.notification(observation.0, response)?;
        if is_last {
            return self.send_last(observation.0, message);
        }
        self.send_notification(observation.0, message, is_confirmable || is_due)
    }

    /// Ends an observation without a word; the observer learns by asking again.
    ///
    /// # Errors
    /// [`Error::ObservationUnknown`] (unknown).
    pub fn end_observing(&mut self, observation: ObservationId) -> Result<(), Error> {
        self.remove_observer(observation.0).map(|_| ()).ok_or(Error::ObservationUnknown)
    }

    // RFC7641-4.1-one-entry
    fn has_room_for(&self, exchange: &Exchange<P>) -> bool {
        let peer = &exchange.arrival.peer;
        if self.observers_by_token.contains_key(&(peer.clone(), exchange.arrival.token)) {
            return true;
        }
        let limits = &self.config.limits;
        let of_peer = self.observers_of(peer).count();
        self.observers.len() < limits.observers_max && of_peer < limits.observers_per_peer_max
    }

    fn observers_of<'a>(&'a self, peer: &'a P) -> impl Iterator<Item = u64> + 'a {
        let from = (peer.clone(), Token::default());
        self.observers_by_token
            .range(from..)
            .take_while(move |((of, _), _)| of == peer)
            .map(|(_, number)| *number)
    }

    /// Takes an observer in, or up again under the number that it has.
    fn register(&mut self, exchange: &Exchange<P>) -> u64 {
        let Arrival { peer, token, .. } = &exchange.arrival;
        let place = (peer.clone(), *token);
        let known = self.observers_by_token.get(&place).copied();
        let number = known.unwrap_or_else(|| self.next_serial());
        self.observers_by_token.insert(place, number);
        let former = self.observers.remove(&number);
        let observer = Observer {
            peer: peer.clone(),
            token: *token,
            key: exchange.key.clone(),
            block2: exchange.blocks.block2,
            sequence: former.as_ref().map_or(0, |former| former.sequence),
            confirmed_at: self.now,
            outbound: former.and_then(|former| former.outbound),
            waiting: None,
        };
        self.observers.insert(number, observer);
        number
    }

    /// Removes an observer who says so (RFC 7641 §3.6).
    // RFC7641-4.1-deregister
    pub(super) fn deregister(&mut self, peer: &P, token: Token) {
        if let Some(number) = self.observers_by_token.get(&(peer.clone(), token)).copied() {
            self.end_observation(number);
        }
    }

    /// Removes an observer and says so.
    // RFC7641-4.5-remove
    pub(super) fn end_observation(&mut self, number: u64) {
        if self.remove_observer(number).is_some() {
            self.outputs.push_back(Output::ObservationEnded { observation: ObservationId(number) });
        }
    }

    fn remove_observer(&mut self, number: u64) -> Option<Observer<P>> {
        let observer = self.observers.remove(&number)?;
        self.observers_by_token.remove(&(observer.peer.clone(), observer.token));
        if let Some(outbound) = observer.outbound {
            self.finish_outbound(outbound);
        }
        Some(observer)
    }

    pub(super) fn forget_observers(&mut self, peer: &P) {
        let numbers: Vec<u64> = self.observers_of(peer).collect();
        for number in numbers {
            self.end_observation(number);
        }
    }

    /// Returns the next sequence number: the time in ticks of 2⁻¹⁵ s, and always more than the last one.
    // RFC7641-4.4-sequence
    fn next_sequence(&mut self, number: u64) -> u32 {
        let ticks = self.now.as_millis().saturating_mul(32_768) / 1_000;
        let sequence = self.observers.get_mut(&number).map_or(ticks, |observer| {
            observer.sequence = ticks.max(observer.sequence.saturating_add(1));
            observer.sequence
        });
        u32::try_from(sequence & SEQUENCE_MASK).unwrap_or_default()
    }

    fn notification(&mut self, number: u64, response: Response) -> Result<Message, Error> {
        let sequence = response.code().is_success().then(|| self.next_sequence(number));
        let observer = self.observers.get(&number).ok_or(Error::ObservationUnknown)?;
        let (peer, token, key) = (observer.peer.clone(), observer.token, observer.key.clone());
        // Only the first block goes by itself (RFC 7959 §2.6), no larger than was asked for.
        let block2 = observer.block2.map(|block| Block { number: 0, ..block });
        let mut message = self.first_block_for(&peer, key, block2, (response, sequence))?;
        message.set_token(token);
        Ok(message)
    }

    fn send_notification(
        &mut self,
        number: u64,
        mut message: Message,
        is_confirmable: bool,
    ) -> Result<(), Error> {
        let Some(observer) = self.observers.get(&number) else {
            return Err(Error::ObservationUnknown);
        };
        let (peer, outbound) = (observer.peer.clone(), observer.outbound);
        if let Some(outbound) = outbound {
            if !self.replace_waiting(outbound, &mut message, is_confirmable) {
                self.put_waiting_notification(number, message, is_confirmable);
            }
            return Ok(());
        }
        let manner = Manner { owner: Owner::Notification(number), is_confirmable, is_further: false };
        let outbound = self.enqueue(&peer, &mut message, manner)?;
        if let Some(observer) = self.observers.get_mut(&number) {
            observer.outbound = Some(outbound);
        }
        Ok(())
    }

    /// Sends the notification that ends an observation, so that it arrives.
    // RFC7641-4.2-error-ends
    fn send_last(&mut self, number: u64, mut message: Message) -> Result<(), Error> {
        let observer = self.remove_observer(number).ok_or(Error::ObservationUnknown)?;
        let manner = Manner { owner: Owner::Nobody, is_confirmable: true, is_further: false };
        self.enqueue(&observer.peer, &mut message, manner).map(|_| ())
    }

    pub(super) fn take_waiting_notification(&mut self, number: u64) -> Option<(Message, bool)> {
        self.observers.get_mut(&number)?.waiting.take()
    }

    pub(super) fn put_waiting_notification(&mut self, number: u64, message: Message, is_confirmable: bool) {
        if let Some(observer) = self.observers.get_mut(&number) {
            observer.waiting = Some((message, is_confirmable));
        }
    }

    /// Learns that an observer acknowledged what it was told.
    pub(super) fn notification_confirmed(&mut self, number: u64) {
        if let Some(observer) = self.observers.get_mut(&number) {
            observer.confirmed_at = self.now;
        }
        self.notification_released(number);
    }

    /// Sends what waits, now that nothing is on its way.
    pub(super) fn notification_released(&mut self, number: u64) {
        if let Some(observer) = self.observers.get_mut(&number) {
            observer.outbound = None;
        }
        if let Some((message, is_confirmable)) = self.take_waiting_notification(number) {
            let sent = self.send_notification(number, message, is_confirmable);
            self.counters.unsent += u64::from(sent.is_err());
        }
    }
}
