//! An engine with a clock and a wire, and a reader and a writer of datagrams.

use std::collections::VecDeque;
use std::time::Duration;

use proto::UnixTime;
use proto_coap::{
    Addresses, Config, Engine, Error, ExchangeId, ObservationId, Output, Request, RequestId, Response,
};

/// The peer that most tests speak with.
pub(crate) const PEER: u16 = 7;

pub(crate) const CON: u8 = 0;
pub(crate) const NON: u8 = 1;
pub(crate) const ACK: u8 = 2;
pub(crate) const RST: u8 = 3;

/// A message in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) id: u16,
    pub(crate) token: Vec<u8>,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(kind: u8, code: u8, id: u16) -> Self {
        Self { kind, code, id, token: Vec::new(), options: Vec::new(), payload: Vec::new() }
    }

    pub(crate) fn token(mut self, token: &[u8]) -> Self {
        self.token = token.to_vec();
        self
    }

    pub(crate) fn option(mut self, number: u16, value: &[u8]) -> Self {
        self.options.push((number, value.to_vec()));
        self.options.sort_by_key(|(number, _)| *number);
        self
    }

    pub(crate) fn path(self, path: &str) -> Self {
        path.split('/').filter(|s| !s.is_empty()).fold(self, |raw, s| raw.option(11, s.as_bytes()))
    }

    pub(crate) fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// Adds a Block option: number, more, size exponent.
    pub(crate) fn block(self, option: u16, block: (u32, bool, u8)) -> Self {
        let bits = block.0 << 4 | u32::from(block.1) << 3 | u32::from(block.2);
        let value: Vec<u8> = bits.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        self.option(option, &value)
    }

    pub(crate) fn value(&self, number: u16) -> Option<&[u8]> {
        self.options.iter().find(|(n, _)| *n == number).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn uint(&self, number: u16) -> Option<u32> {
        self.value(number).map(|value| value.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    /// Reads a Block option: number, more, size exponent.
    pub(crate) fn block_of(&self, number: u16) -> Option<(u32, bool, u8)> {
        self.uint(number).map(|bits| (bits >> 4, bits & 8 != 0, (bits & 7) as u8))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0x40 | self.kind << 4 | self.token.len() as u8, self.code];
        out.extend(self.id.to_be_bytes());
        out.extend(&self.token);
        let mut last = 0;
        for (number, value) in &self.options {
            let (delta, delta_extra) = nibble(u32::from(number - last));
            let (length, length_extra) = nibble(value.len() as u32);
            out.push(delta << 4 | length);
            out.extend(delta_extra);
            out.extend(length_extra);
            out.extend(value);
            last = *number;
        }
        if !self.payload.is_empty() {
            out.push(0xff);
            out.extend(&self.payload);
        }
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert_eq!(bytes[0] >> 6, 1, "version");
        let token_end = 4 + usize::from(bytes[0] & 0x0f);
        let mut raw = Self::new(bytes[0] >> 4 & 3, bytes[1], u16::from_be_bytes([bytes[2], bytes[3]]))
            .token(&bytes[4..token_end]);
        let (mut at, mut number) = (token_end, 0);
        while at < bytes.len() {
            if bytes[at] == 0xff {
                raw.payload = bytes[at + 1..].to_vec();
                assert!(!raw.payload.is_empty(), "a marker without payload");
                break;
            }
            let (delta, length) = (bytes[at] >> 4, bytes[at] & 0x0f);
            at += 1;
            number += extend(delta, bytes, &mut at);
            let length = extend(length, bytes, &mut at) as usize;
            raw.options.push((number as u16, bytes[at..at + length].to_vec()));
            at += length;
        }
        raw
    }
}

fn nibble(number: u32) -> (u8, Vec<u8>) {
    match number {
        0..13 => (number as u8, vec![]),
        13..269 => (13, vec![(number - 13) as u8]),
        _ => (14, ((number - 269) as u16).to_be_bytes().to_vec()),
    }
}

fn extend(nibble: u8, bytes: &[u8], at: &mut usize) -> u32 {
    match nibble {
        13 => {
            *at += 1;
            u32::from(bytes[*at - 1]) + 13
        }
        14 => {
            *at += 2;
            u32::from(u16::from_be_bytes([bytes[*at - 2], bytes[*at - 1]])) + 269
        }
        plain => u32::from(plain),
    }
}

/// An engine, the time it lives in, and what came out of it and was not yet looked at.
pub(crate) struct Host {
    pub(crate) engine: Engine<u16>,
    pub(crate) now: UnixTime,
    pub(crate) sent: VecDeque<(u16, Raw)>,
    pub(crate) requests: VecDeque<(ExchangeId, Request)>,
    pub(crate) responses: VecDeque<(RequestId, Response, bool)>,
    pub(crate) failures: VecDeque<(RequestId, Error)>,
    pub(crate) ended: VecDeque<ObservationId>,
    next_at: Option<UnixTime>,
}

/// Settings of a host behind DTLS.
pub(crate) fn proven() -> Config {
    Config { addresses: Addresses::Proven, ..Config::default() }
}

impl Host {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            engine: Engine::new(config, [42; 32]),
            now: UnixTime::from_seconds(1_000_000),
            sent: VecDeque::new(),
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            failures: VecDeque::new(),
            ended: VecDeque::new(),
            next_at: None,
        }
    }

    /// Takes out what the engine has to say.
    pub(crate) fn drain(&mut self) {
        loop {
            match self.engine.poll_output() {
                Output::Transmit { peer, datagram } => self.sent.push_back((peer, Raw::read(&datagram))),
                Output::Request { exchange, request, .. } => self.requests.push_back((exchange, *request)),
                Output::Response { request, response, is_last } => {
                    self.responses.push_back((request, *response, is_last));
                }
                Output::Failed { request, error } => self.failures.push_back((request, error)),
                Output::ObservationEnded { observation } => self.ended.push_back(observation),
                Output::Timeout(next_at) => {
                    self.next_at = next_at;
                    return;
                }
            }
        }
    }

    pub(crate) fn receive(&mut self, raw: &Raw) {
        self.receive_from(PEER, &raw.encode());
    }

    pub(crate) fn receive_from(&mut self, peer: u16, datagram: &[u8]) {
        self.engine.handle_packet(self.now, &peer, datagram);
        self.drain();
    }

    /// Receives a message and returns the one message that answers it.
    pub(crate) fn ask(&mut self, raw: &Raw) -> Raw {
        self.receive(raw);
        self.only_sent()
    }

    pub(crate) fn only_sent(&mut self) -> Raw {
        assert_eq!(self.sent.len(), 1, "{:?}", self.sent);
        self.sent.pop_front().unwrap().1
    }

    pub(crate) fn only_request(&mut self) -> (ExchangeId, Request) {
        assert_eq!(self.requests.len(), 1);
        self.requests.pop_front().unwrap()
    }

    pub(crate) fn respond(&mut self, exchange: ExchangeId, response: Response) {
        self.engine.respond(self.now, exchange, response).unwrap();
        self.drain();
    }

    /// Sends a request to the usual peer.
    pub(crate) fn request(&mut self, request: Request) -> RequestId {
        let id = self.engine.request(self.now, &PEER, request).unwrap();
        self.drain();
        id
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn sleep(&mut self, span: Duration) {
        let until = self.now.plus(span);
        self.drain();
        while let Some(at) = self.next_at.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    pub(crate) fn sleep_seconds(&mut self, seconds: u64) {
        self.sleep(Duration::from_secs(seconds));
    }

    /// Lets pass what must pass until nothing is kept, and checks that nothing is.
    pub(crate) fn comes_to_rest(&mut self) {
        self.sleep_seconds(4_000);
        assert_eq!(self.engine.usage(), proto_coap::Usage::default());
        assert_eq!(self.next_at, None);
    }
}
