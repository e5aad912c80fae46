//! Requests of others, and the application's answers.
//!
//! Source: RFC 7252 §5.2, §5.4.1, §5.8, §5.10.2; RFC 7959 §2.2; draft-ietf-core-uri-path-abbrev §2.1 and its appendix
//! on RFC 7252 §5.4.1.
//! Invariants: each exchange is answered once; once an empty acknowledgement went out, the response goes separately.

use bytes::Bytes;
use proto::UnixTime;

use super::{Due, Engine, ExchangeId, Output};
use crate::engine::receive::Seen;
use crate::engine::transmit::{Manner, Owner};
use crate::key::OperationKey;
use crate::message::Message;
use crate::option::{self, Direction};
use crate::wire::{Header, Kind};
use crate::{Block, Code, Error, Peer, Request, Response, Token, path};

/// When a client that was turned away for want of room may come again, in seconds; ours.
const BUSY_MAX_AGE_SECONDS: u32 = 5;

/// When a client whose answer never came may ask again, in seconds; ours.
const UNANSWERED_MAX_AGE_SECONDS: u32 = 30;

/// A request that came in, as far as its answer needs to know it.
#[derive(Clone, Debug)]
pub(super) struct Arrival<P> {
    pub(super) peer: P,
    pub(super) kind: Kind,
    pub(super) id: u16,
    pub(super) token: Token,
    /// The octets that may yet be sent to an address that is not proven; `None` once it is.
    pub(super) allowance: Option<usize>,
}

/// The Block options of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
}

/// A request that the application has.
#[derive(Debug)]
pub(super) struct Exchange<P> {
    pub(super) arrival: Arrival<P>,
    pub(super) blocks: Blocks,
    pub(super) key: OperationKey,
    pub(super) is_observing: bool,
    is_acknowledged: bool,
    acknowledge_at: UnixTime,
    answer_at: UnixTime,
}

impl<P: Peer> Engine<P> {
    /// Takes a request that did not come before.
    pub(super) fn receive_request(&mut self, peer: &P, header: Header, datagram: &[u8]) {
        let Some(mut message) = self.parse(datagram) else {
            return;
        };
        let arrival = Arrival {
            peer: peer.clone(),
            kind: header.kind,
            id: header.id,
            token: message.token(),
            allowance: self.allowance(peer, &message, datagram.len()),
        };
        match screen(&mut message, self.config.honours_conditions) {
            Ok(blocks) => self.admit(arrival, message, blocks),
            Err(refusal) => {
                self.counters.refused += 1;
                self.reply(&arrival, refusal);
            }
        }
    }

    /// Lets a request that is in order through to where it belongs.
    fn admit(&mut self, arrival: Arrival<P>, mut message: Message, blocks: Blocks) {
        if arrival.allowance.is_some() && must_prove_address(&message, blocks) {
            self.demand_proof(&arrival);
            return;
        }
        if self.serve_download(&arrival, &message, blocks) {
            return;
        }
        match blocks.block1 {
            Some(block) => {
                if let Some(body) = self.collect(&arrival, &mut message, block) {
                    self.open(arrival, message, blocks, body);
                }
            }
            None => {
                let body = message.take_payload();
                self.open(arrival, message, blocks, body);
            }
        }
    }

    /// Hands a whole request to the application.
    fn open(&mut self, arrival: Arrival<P>, mut message: Message, blocks: Blocks, body: Vec<u8>) {
        if body.len() > self.config.limits.body_bytes_max {
            self.refuse_large(&arrival, blocks.block1);
            return;
        }
        let of_peer = self.exchanges_of.get(&arrival.peer).map_or(0, Vec::len);
        let limits = &self.config.limits;
        if self.exchanges.len() >= limits.exchanges_max || of_peer >= limits.exchanges_per_peer_max {
            self.counters.refused_busy += 1;
            let busy = Response::new(Code::SERVICE_UNAVAILABLE).with_max_age(BUSY_MAX_AGE_SECONDS);
            self.reply(&arrival, busy.message);
            return;
        }
        let echo_age = self.echo_age(&arrival.peer, &message);
        let exchange = self.new_exchange(arrival, &message, blocks);
        if message.uint(option::OBSERVE) == Some(1) {
            self.deregister(&exchange.arrival.peer, exchange.arrival.token);
        }
        for own in [option::BLOCK1, option::BLOCK2, option::SIZE1, option::SIZE2, option::ECHO] {
            message.remove(own);
        }
        let is_confirmable = exchange.arrival.kind == Kind::Confirmable;
        let request = Request { message, body: body.into(), is_confirmable, szx: None, echo_age };
        self.announce(exchange, request);
    }

    fn new_exchange(&self, arrival: Arrival<P>, message: &Message, blocks: Blocks) -> Exchange<P> {
        Exchange {
            key: OperationKey::of_download(message),
            is_observing: message.code().is_safe() && message.uint(option::OBSERVE) == Some(0),
            is_acknowledged: arrival.kind == Kind::NonConfirmable,
            acknowledge_at: self.now.plus(self.config.ack_delay),
            answer_at: self.now.plus(self.config.answer_timeout),
            arrival,
            blocks,
        }
    }

    fn announce(&mut self, exchange: Exchange<P>, request: Request) {
        let number = self.next_serial();
        let Arrival { peer, kind, id, .. } = &exchange.arrival;
        let (peer, kind, id) = (peer.clone(), *kind, *id);
        self.remember(&peer, kind, id, Seen::Silent);
        self.due.insert((exchange.answer_at, Due::Answer(number)));
        if !exchange.is_acknowledged {
            self.due.insert((exchange.acknowledge_at, Due::Acknowledge(number)));
        }
        self.exchanges_of.entry(peer.clone()).or_default().push(number);
        self.exchanges.insert(number, exchange);
        self.outputs.push_back(Output::Request {
            exchange: ExchangeId(number),
            peer,
            request: Box::new(request),
        });
    }

    /// Answers a request, with the acknowledgement or separately (RFC 7252 §5.2). A body that is larger than a block
    /// goes block by block.
    ///
    /// # Errors
    /// [`Error::CodeUnsuitable`] (fault), [`Error::BodyTooLarge`] (malformed), [`Error::ExchangeUnknown`] (unknown),
    /// [`Error::MessageTooLarge`] (fault), [`Error::TooManyWaiting`], [`Error::MessageIdsUsedUp`] (busy). The
    /// exchange stays open unless it is unknown.
    pub fn respond(&mut self, now: UnixTime, exchange: ExchangeId, response: Response) -> Result<(), Error> {
        self.advance(now);
        response.check(self.config.limits.body_bytes_max)?;
        let open = self.exchanges.remove(&exchange.0).ok_or(Error::ExchangeUnknown)?;
        let sent = self.send_response(&open, response, None);
        self.close(exchange.0, open, sent.is_ok());
        sent
    }

    /// Sends the response of an exchange, as a notification when it has a sequence number.
    pub(super) fn send_response(
        &mut self,
        exchange: &Exchange<P>,
        response: Response,
        sequence: Option<u32>,
    ) -> Result<(), Error> {
        let mut message = self.first_block(exchange, response, sequence)?;
        message.set_token(exchange.arrival.token);
        if let Some(block) = exchange.blocks.block1 {
            // RFC7959-2.3-final-response
            let szx = block.szx.min(self.config.szx);
            message.set(option::BLOCK1, Block { has_more: false, szx, ..block }.to_value());
        }
        self.dispatch(&exchange.arrival, message, exchange.is_acknowledged)
    }

    /// Acknowledges a request at once; its response will come separately (RFC 7252 §5.2.2).
    ///
    /// # Errors
    /// [`Error::ExchangeUnknown`] (unknown).
    pub fn defer(&mut self, now: UnixTime, exchange: ExchangeId) -> Result<(), Error> {
        self.advance(now);
        if !self.exchanges.contains_key(&exchange.0) {
            return Err(Error::ExchangeUnknown);
        }
        self.acknowledge_due(exchange.0);
        Ok(())
    }

    /// Answers a request by 4.01 and an Echo value: the client shall show that it is there, and wants this now
    /// (RFC 9175 §2.3).
    ///
    /// # Errors
    /// Those of [`Engine::respond`].
    pub fn challenge(&mut self, now: UnixTime, exchange: ExchangeId) -> Result<(), Error> {
        self.advance(now);
        let peer = &self.exchanges.get(&exchange.0).ok_or(Error::ExchangeUnknown)?.arrival.peer;
        let value = self.mint.make(peer, self.now);
        let response = Response::new(Code::UNAUTHORIZED).with_option(option::ECHO, value);
        self.respond(now, exchange, response)
    }

    /// Sends an empty acknowledgement ahead of the response.
    // RFC7252-5.2.2-separate
    pub(super) fn acknowledge_due(&mut self, number: u64) {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        if exchange.is_acknowledged {
            return;
        }
        exchange.is_acknowledged = true;
        let at = exchange.acknowledge_at;
        let arrival = &mut exchange.arrival;
        arrival.allowance = arrival.allowance.map(|octets| octets.saturating_sub(4));
        let (peer, id) = (arrival.peer.clone(), arrival.id);
        self.due.remove(&(at, Due::Acknowledge(number)));
        self.acknowledge(&peer, id);
    }

    /// Answers in the place of an application that did not.
    pub(super) fn answer_due(&mut self, number: u64) {
        if let Some(exchange) = self.exchanges.remove(&number) {
            let late = Response::new(Code::SERVICE_UNAVAILABLE).with_max_age(UNANSWERED_MAX_AGE_SECONDS);
            let sent = self.send_response(&exchange, late, None);
            self.counters.unsent += u64::from(sent.is_err());
            self.close(number, exchange, true);
        }
    }

    /// Ends an exchange that was taken out, or puts it back.
    pub(super) fn close(&mut self, number: u64, exchange: Exchange<P>, is_over: bool) {
        if !is_over {
            self.exchanges.insert(number, exchange);
            return;
        }
        self.due.remove(&(exchange.acknowledge_at, Due::Acknowledge(number)));
        self.due.remove(&(exchange.answer_at, Due::Answer(number)));
        let peer = &exchange.arrival.peer;
        if let Some(of_peer) = self.exchanges_of.get_mut(peer) {
            of_peer.retain(|other| *other != number);
            if of_peer.is_empty() {
                self.exchanges_of.remove(peer);
            }
        }
    }

    pub(super) fn forget_exchanges(&mut self, peer: &P) {
        for number in self.exchanges_of.get(peer).cloned().unwrap_or_default() {
            if let Some(exchange) = self.exchanges.remove(&number) {
                self.close(number, exchange, true);
            }
        }
    }

    /// Answers on behalf of the engine, at once.
    pub(super) fn reply(&mut self, arrival: &Arrival<P>, mut message: Message) {
        message.set_token(arrival.token);
        let sent = self.dispatch(arrival, message, arrival.kind == Kind::NonConfirmable);
        self.counters.unsent += u64::from(sent.is_err());
    }

    /// Sends a response in the way that its request asks for, within what may go to an address that is not proven.
    // RFC7252-5.2.1-piggybacked RFC7252-5.2.3-non
    fn dispatch(
        &mut self,
        arrival: &Arrival<P>,
        message: Message,
        is_acknowledged: bool,
    ) -> Result<(), Error> {
        let Some(mut message) = self.within_allowance(arrival, message) else {
            return Ok(());
        };
        if !is_acknowledged {
            message.set_header(Kind::Acknowledgement, arrival.id);
            let reply = Bytes::from(message.encode(self.config.limits.message_bytes_max)?);
            self.remember_reply(&arrival.peer, arrival.id, reply.clone());
            self.transmit(&arrival.peer, reply);
        } else if arrival.kind == Kind::NonConfirmable {
            self.remember(&arrival.peer, Kind::NonConfirmable, arrival.id, Seen::Silent);
            self.send_once(&arrival.peer, &mut message)?;
        } else if arrival.allowance.is_some() {
            // A confirmable response would be sent again and again to whoever owns the address.
            self.send_once(&arrival.peer, &mut message)?;
        } else {
            let manner = Manner { owner: Owner::Nobody, is_confirmable: true, is_further: false };
            self.enqueue(&arrival.peer, &mut message, manner)?;
        }
        Ok(())
    }
}

/// Checks what can be checked of a request by itself, and puts an abbreviated path into its long form.
///
/// # Errors
/// The response that refuses it.
fn screen(message: &mut Message, honours_conditions: bool) -> Result<Blocks, Message> {
    // RFC7252-5.8-unknown-method
    if !message.code().is_known_method() {
        return Err(Message::new(Code::METHOD_NOT_ALLOWED));
    }
    message.screen(Direction::Request).map_err(bad_option)?;
    // RFC7252-5.10.2-no-proxy
    if message.has(option::PROXY_URI) || message.has(option::PROXY_SCHEME) {
        return Err(Message::new(Code::PROXYING_NOT_SUPPORTED));
    }
    // RFC7252-5.10.8-conditions
    let condition = [option::IF_MATCH, option::IF_NONE_MATCH].into_iter().find(|number| message.has(*number));
    if let Some(number) = condition.filter(|_| !honours_conditions) {
        return Err(bad_option(number));
    }
    path::expand_in(message).map_err(bad_option)?;
    Ok(Blocks { block1: block(message, option::BLOCK1)?, block2: block(message, option::BLOCK2)? })
}

/// Names the option that was not recognized (RFC 7252 §5.4.1).
fn bad_option(number: u16) -> Message {
    let mut refusal = Message::new(Code::BAD_OPTION);
    refusal.set_payload(format!("option {number} is not supported").into_bytes());
    refusal
}

fn block(message: &Message, number: u16) -> Result<Option<Block>, Message> {
    // RFC7959-2.2-szx-7
    let parse = |value| Block::parse(value).ok_or_else(|| Message::new(Code::BAD_REQUEST));
    message.value(number).map(parse).transpose()
}

/// Tells whether a request must not be acted upon before its address is proven: what changes something would have to
/// be asked for again if its response did not fit, and what is kept for a liar is lost.
fn must_prove_address(message: &Message, blocks: Blocks) -> bool {
    let keeps_state = blocks.block1.is_some() || blocks.block2.is_some_and(|block| block.number > 0);
    !message.code().is_safe() || keeps_state || message.uint(option::OBSERVE) == Some(0)
}
