//! Requests of ours: sent whole or block by block, and matched with what comes back.
//!
//! Source: RFC 7252 §5.2, §5.3.2; RFC 7959 §2.3, §2.5; RFC 7641 §3; RFC 9175 §2.3, §3.4, §4.2.
//! Invariants: each request ends once, by a last response or by a failure; each message of it has a token of its own,
//! so that no response is taken for that of another block.

use std::time::Duration;

use proto::UnixTime;

use super::{Due, Engine, Output, RequestId};
use crate::engine::assemble::Assembly;
use crate::engine::transmit::{Manner, Owner, Side};
use crate::message::Message;
use crate::option::{self, Direction};
use crate::table::Item;
use crate::wire::{Header, Kind};
use crate::{Block, Code, Error, Peer, Request, Response, Szx, Token};

/// How often a request is sent again with an Echo value that was demanded; ours.
const ECHOES_MAX: u32 = 2;

/// After how long a notification is the freshest whatever its number says (RFC 7641 §3.4).
const REORDER_SPAN: Duration = Duration::from_secs(128);

/// A request of ours.
#[derive(Debug)]
pub(super) struct ClientRequest<P> {
    pub(super) peer: P,
    pub(super) request: Request,
    pub(super) szx: Szx,
    /// Where the block of our body that is under way begins; `None` while the body goes whole.
    upload: Option<Progress>,
    pub(super) assembly: Option<Assembly>,
    pub(super) restarts: u32,
    token: Token,
    tag: Option<Vec<u8>>,
    outbound: Option<u64>,
    response_at: Option<UnixTime>,
    echo: Option<Vec<u8>>,
    echoes: u32,
    pub(super) observation: Option<Observation>,
}

/// How far our body has gone.
#[derive(Clone, Copy, Debug)]
struct Progress {
    offset: usize,
    end: usize,
}

/// An observation of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) token: Token,
    sequence: u32,
    at: UnixTime,
}

impl Observation {
    /// Tells whether a sequence number is later than the last one (RFC 7641 §3.4).
    // RFC7641-3.4-reordering
    fn is_newer(&self, sequence: u32, now: UnixTime) -> bool {
        let half = 1 << 23;
        let (before, after) = (self.sequence, sequence);
        (before < after && after - before < half)
            || (before > after && before - after > half)
            || now.since(self.at) > REORDER_SPAN
    }
}

impl<P> ClientRequest<P> {
    /// Makes the next message, without header and token.
    fn step(&mut self, is_early: bool) -> Result<Message, Error> {
        let mut message = self.request.message.clone();
        if let Some(tag) = &self.tag {
            message.set(option::REQUEST_TAG, tag.clone());
        }
        if let Some(echo) = &self.echo {
            message.set(option::ECHO, echo.clone());
        }
        if self.observation.is_some() || self.assembly.is_some() {
            message.remove(option::OBSERVE);
        }
        if let Some(assembly) = &self.assembly {
            // RFC7959-2.4-same-options RFC7959-2.7-combined
            message.set(option::BLOCK2, assembly.next_block()?.to_value());
            if self.upload.is_none() && self.request.method() == Code::FETCH {
                message.set_payload(self.request.body.to_vec());
            }
            return Ok(message);
        }
        let is_last = self.add_body(&mut message)?;
        if is_last && (is_early || self.request.szx.is_some()) {
            // RFC7959-2.4-early
            message.set(option::BLOCK2, Block { number: 0, has_more: false, szx: self.szx }.to_value());
        }
        Ok(message)
    }

    /// Tells whether a body is in the midst of being sent or fetched.
    fn is_under_way(&self) -> bool {
        self.assembly.is_some() || self.upload.is_some_and(|progress| progress.offset > 0)
    }

    /// Adds the body or its next block; tells whether nothing of it is left.
    fn add_body(&mut self, message: &mut Message) -> Result<bool, Error> {
        let body = &self.request.body;
        let Some(Progress { offset, .. }) = self.upload else {
            message.set_payload(body.to_vec());
            return Ok(true);
        };
        let end = offset.saturating_add(self.szx.bytes()).min(body.len());
        let block = Block::at(offset, self.szx, end < body.len()).ok_or(Error::BodyTooLarge)?;
        message.set(option::BLOCK1, block.to_value());
        if offset == 0 {
            // RFC7959-4-size1
            let size = u32::try_from(body.len()).map_err(|_| Error::BodyTooLarge)?;
            message.set(option::SIZE1, option::encode_uint(size));
        } else {
            message.remove(option::IF_NONE_MATCH);
        }
        message.set_payload(body.slice(offset..end).to_vec());
        self.upload = Some(Progress { offset, end });
        Ok(end == body.len())
    }
}

impl<P: Peer> Engine<P> {
    /// Sends a request; its outcome comes as [`Output::Response`] or [`Output::Failed`].
    ///
    /// # Errors
    /// [`Error::CodeUnsuitable`] (fault), [`Error::BodyTooLarge`] (malformed), [`Error::MessageTooLarge`] (fault),
    /// [`Error::TooManyWaiting`] (busy).
    pub fn request(&mut self, now: UnixTime, peer: &P, request: Request) -> Result<RequestId, Error> {
        self.advance(now);
        request.check(self.config.limits.body_bytes_max)?;
        if self.requests.len() >= self.config.limits.requests_max {
            return Err(Error::TooManyWaiting);
        }
        let number = self.next_serial();
        let szx = request.szx.unwrap_or(self.config.szx).min(self.config.szx);
        let is_whole = request.body.len() <= szx.bytes();
        let open = ClientRequest {
            peer: peer.clone(),
            szx,
            upload: (!is_whole).then_some(Progress { offset: 0, end: 0 }),
            assembly: None,
            restarts: 0,
            token: Token::default(),
            tag: (!is_whole).then(|| self.ids.request_tag()),
            outbound: None,
            response_at: None,
            echo: self.echoes.remove(peer, &()),
            echoes: 0,
            observation: None,
            request,
        };
        self.requests.insert(number, open);
        self.send_step(number).inspect_err(|_| {
            self.end_request(number);
        })?;
        Ok(RequestId(number))
    }

    /// Gives a request up; an observation is ended at the peer too (RFC 7641 §3.6).
    ///
    /// # Errors
    /// [`Error::RequestUnknown`] (unknown).
    // RFC7641-3.6-cancel
    pub fn cancel(&mut self, now: UnixTime, request: RequestId) -> Result<(), Error> {
        self.advance(now);
        let open = self.end_request(request.0).ok_or(Error::RequestUnknown)?;
        if let Some(observation) = open.observation {
            let mut farewell = open.request.message;
            farewell.set(option::OBSERVE, option::encode_uint(1));
            farewell.set_token(observation.token);
            if open.upload.is_none() {
                farewell.set_payload(open.request.body.to_vec());
            }
            // Where there is no room for a farewell, the next notification is rejected.
            let manner = Manner { owner: Owner::Nobody, is_confirmable: true, is_further: false };
            let _ = self.enqueue(&open.peer, &mut farewell, manner);
        }
        Ok(())
    }

    /// Sends what is next of a request: its whole, a block of its body, or the demand for a block of the response.
    pub(super) fn send_step(&mut self, number: u64) -> Result<(), Error> {
        let token = self.ids.token();
        let is_early = self.config.is_block2_early;
        let open = self.requests.get_mut(&number).ok_or(Error::RequestUnknown)?;
        let mut message = open.step(is_early)?;
        let is_further = open.is_under_way();
        message.set_token(token);
        let former = (open.peer.clone(), std::mem::replace(&mut open.token, token));
        let (peer, is_confirmable) = (open.peer.clone(), open.request.is_confirmable);
        let observed = open.observation.map(|observation| observation.token);
        if observed != Some(former.1) {
            self.requests_by_token.remove(&former);
        }
        self.requests_by_token.insert((peer.clone(), token), number);
        let manner = Manner { owner: Owner::Request(number), is_confirmable, is_further };
        let outbound = self.enqueue(&peer, &mut message, manner)?;
        if let Some(open) = self.requests.get_mut(&number) {
            open.outbound = Some(outbound);
        }
        Ok(())
    }

    /// The same in the course of things, where there is no caller to tell of an error.
    pub(super) fn continue_request(&mut self, number: u64) {
        if let Err(error) = self.send_step(number) {
            self.fail_request(number, error);
        }
    }

    /// Learns that a request arrived; its response will come separately.
    pub(super) fn request_acknowledged(&mut self, number: u64) {
        let at = self.now.plus(self.config.response_timeout);
        if let Some(open) = self.requests.get_mut(&number) {
            open.outbound = None;
            open.response_at = Some(at);
            self.due.insert((at, Due::Response(number)));
        }
    }

    pub(super) fn response_due(&mut self, number: u64) {
        if let Some(open) = self.requests.get_mut(&number) {
            open.response_at = None;
            self.fail_request(number, Error::TimedOut);
        }
    }

    /// Takes a response that came with the acknowledgement.
    // RFC7252-5.3.2-piggybacked-match
    pub(super) fn receive_piggybacked(&mut self, peer: &P, id: u16, datagram: &[u8]) {
        let Some(outbound) = self.confirmable_under_way(peer, id) else {
            return;
        };
        let (Some(owner), Some(mut message)) = (self.owner_of(outbound), self.parse(datagram)) else {
            return;
        };
        match owner {
            Owner::Request(number) if self.token_of(number) == Some(message.token()) => {
                match message.screen(Direction::Response) {
                    Ok(()) => self.receive_response(number, message),
                    Err(_) => self.fail_request(number, Error::ResponseOptionUnknown),
                }
            }
            // The acknowledgement of a response of ours counts, whatever it carries (RFC 7252 §5.2.2).
            Owner::Notification(_) | Owner::Nobody => self.receive_acknowledgement(peer, id),
            Owner::Request(_) => self.counters.rejected += 1,
        }
    }

    /// Takes a response that came by itself.
    // RFC7252-5.3.2-separate-match
    pub(super) fn receive_separate(&mut self, peer: &P, header: Header, datagram: &[u8]) {
        let Some(mut message) = self.parse(datagram) else {
            return;
        };
        let is_understood = message.screen(Direction::Response).is_ok();
        let number = self.requests_by_token.get(&(peer.clone(), message.token())).copied();
        match number {
            Some(number) if is_understood => {
                if header.kind == Kind::Confirmable {
                    self.acknowledge(peer, header.id);
                } else {
                    self.remember(peer, header.kind, header.id, super::Seen::Silent);
                }
                self.receive_response(number, message);
            }
            // RFC7252-5.4.1-response-critical
            Some(number) => {
                self.reject(peer, header);
                self.fail_request(number, Error::ResponseOptionUnknown);
            }
            // RFC7252-5.3.2-unexpected RFC7641-3.5-unknown-token
            None if message.has(option::OBSERVE) => {
                self.counters.rejected += 1;
                self.transmit_empty(peer, Kind::Reset, header.id);
            }
            None => self.reject(peer, header),
        }
    }

    fn token_of(&self, number: u64) -> Option<Token> {
        self.requests.get(&number).map(|open| open.token)
    }

    /// Goes on with a request whose response, or a notification for which, came.
    fn receive_response(&mut self, number: u64, message: Message) {
        let Some(open) = self.requests.get(&number) else {
            return;
        };
        let peer = open.peer.clone();
        if open.observation.is_some_and(|observation| observation.token == message.token()) {
            self.receive_notification(number, message);
        } else {
            self.settle(number);
            self.receive_reply(number, message);
        }
        self.start_waiting(&peer, Side::Client);
    }

    fn receive_reply(&mut self, number: u64, mut message: Message) {
        if self.take_echo(number, &message) || self.go_on_uploading(number, &message) {
            self.continue_request(number);
        } else {
            message.remove(option::ECHO);
            self.begin_observing(number, &message);
            self.receive_body(number, message);
        }
    }

    /// Takes note that the peer will notify us (RFC 7641 §3.1).
    // RFC7641-3.1-registered
    fn begin_observing(&mut self, number: u64, message: &Message) {
        let at = self.now;
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let is_wanted = open.request.is_observing() && open.observation.is_none() && open.assembly.is_none();
        let sequence = message.uint(option::OBSERVE).filter(|_| is_wanted && message.code().is_success());
        if let Some(sequence) = sequence {
            open.observation = Some(Observation { token: open.token, sequence, at });
        }
    }

    /// Ends the sending of a message that was answered; the caller lets the next one go, so that a further block of
    /// the same body comes before it.
    fn settle(&mut self, number: u64) {
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let (outbound, response_at) = (open.outbound.take(), open.response_at.take());
        if let Some(at) = response_at {
            self.due.remove(&(at, Due::Response(number)));
        }
        if let Some(outbound) = outbound {
            self.take_outbound(outbound);
        }
    }

    /// Takes a notification: the freshest one counts, and one without number is the last (RFC 7641 §3.2, §3.4).
    fn receive_notification(&mut self, number: u64, message: Message) {
        let now = self.now;
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let (Some(observation), Some(sequence)) = (&mut open.observation, message.uint(option::OBSERVE))
        else {
            return self.receive_last_notification(number, message);
        };
        if !observation.is_newer(sequence, now) {
            return;
        }
        (observation.sequence, observation.at) = (sequence, now);
        // What was being fetched of an older state is of no use any more.
        open.assembly = None;
        self.settle(number);
        self.receive_body(number, message);
    }

    fn receive_last_notification(&mut self, number: u64, message: Message) {
        self.settle(number);
        if let Some(open) = self.requests.get_mut(&number) {
            open.observation = None;
            open.assembly = None;
        }
        self.receive_body(number, message);
    }

    /// Takes an Echo value; tells whether the request is to be sent again with it.
    // RFC9175-2.3-client
    fn take_echo(&mut self, number: u64, message: &Message) -> bool {
        let Some(open) = self.requests.get_mut(&number) else {
            return false;
        };
        open.echo = None;
        let Some(value) = message.value(option::ECHO).map(<[u8]>::to_vec) else {
            return false;
        };
        if message.code() == Code::UNAUTHORIZED && open.echoes < ECHOES_MAX {
            open.echoes += 1;
            open.echo = Some(value);
            return true;
        }
        let ends_at = self.now.plus(self.config.proof_lifetime);
        self.echoes.insert(&open.peer, (), Item { value, weight: 0, ends_at });
        false
    }

    /// Moves on to the next block of our body; tells whether there is one to be sent.
    fn go_on_uploading(&mut self, number: u64, message: &Message) -> bool {
        let tag = self.ids.request_tag();
        let Some(open) = self.requests.get_mut(&number) else {
            return false;
        };
        let Some(progress) = open.upload else {
            return false;
        };
        let control = message.value(option::BLOCK1).and_then(Block::parse);
        let smaller = control.map(|block| block.szx).filter(|szx| *szx < open.szx);
        if message.code() == Code::REQUEST_ENTITY_TOO_LARGE && progress.offset == 0 {
            // RFC7959-2.9.3-smaller-hint
            let Some(szx) = smaller else {
                return false;
            };
            (open.szx, open.tag) = (szx, Some(tag));
            return true;
        }
        let is_accepted =
            message.code().is_success() && (message.code() == Code::CONTINUE || control.is_some());
        if !is_accepted || progress.end >= open.request.body.len() {
            return false;
        }
        // RFC7959-2.5-heed-size
        open.szx = smaller.unwrap_or(open.szx);
        open.upload = Some(Progress { offset: progress.end, end: progress.end });
        true
    }

    /// Hands a whole response to the application.
    pub(super) fn deliver(&mut self, number: u64, mut message: Message, body: Vec<u8>) {
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let is_last = open.observation.is_none();
        if is_last {
            self.end_request(number);
        } else {
            self.idle(number);
        }
        message.remove(option::BLOCK1);
        message.remove(option::BLOCK2);
        let response = Box::new(Response { message, body: body.into() });
        self.outputs.push_back(Output::Response { request: RequestId(number), response, is_last });
    }

    /// Leaves an observed request with nothing but the token by which notifications come.
    pub(super) fn idle(&mut self, number: u64) {
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let Some(observation) = open.observation else {
            return;
        };
        open.restarts = 0;
        let former = (open.peer.clone(), std::mem::replace(&mut open.token, observation.token));
        if former.1 != observation.token {
            self.requests_by_token.remove(&former);
        }
    }

    /// Takes a request out with all that belongs to it.
    pub(super) fn end_request(&mut self, number: u64) -> Option<ClientRequest<P>> {
        self.settle(number);
        let open = self.requests.remove(&number)?;
        self.start_waiting(&open.peer, Side::Client);
        let tokens = [Some(open.token), open.observation.map(|observation| observation.token)];
        for token in tokens.into_iter().flatten() {
            let place = (open.peer.clone(), token);
            if self.requests_by_token.get(&place) == Some(&number) {
                self.requests_by_token.remove(&place);
            }
        }
        Some(open)
    }

    /// Ends a request that will have no response, and says so.
    pub(super) fn fail_request(&mut self, number: u64, error: Error) {
        if self.end_request(number).is_some() {
            self.outputs.push_back(Output::Failed { request: RequestId(number), error });
        }
    }

    pub(super) fn forget_requests(&mut self, peer: &P) {
        let from = (peer.clone(), Token::default());
        let of_peer = self.requests_by_token.range(from..).take_while(|((of, _), _)| of == peer);
        let numbers: Vec<u64> = of_peer.map(|(_, number)| *number).collect();
        for number in numbers {
            self.fail_request(number, Error::PeerForgotten);
        }
    }
}
