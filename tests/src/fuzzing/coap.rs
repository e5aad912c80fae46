//! CoAP: a short history of datagrams from two peers, the values of options, and links.

#[path = "../../../proto/coap/tests/common/within.rs"]
mod within;

use std::time::Duration;

use coap_lite::link_format::LinkFormatParser;
use proto::{ContentFormat, UnixTime};
use proto_coap::link_format::{Link, render};
use proto_coap::{
    Addresses, BLOCK_NUMBER_MAX, Block, Code, Config, Engine, Limits, ObservationId, Output, Request,
    Response, Usage, option, path,
};

use within::is_within;

/// So little that everything runs full within a short history.
const LIMITS: Limits = Limits {
    message_bytes_max: 200,
    datagram_bytes_max: 300,
    body_bytes_max: 400,
    exchanges_max: 6,
    exchanges_per_peer_max: 4,
    seen_max: 20,
    seen_per_peer_max: 12,
    seen_bytes_max: 600,
    seen_of_strangers_max: 5,
    uploads_max: 3,
    uploads_per_peer_max: 2,
    upload_bytes_max: 500,
    downloads_max: 3,
    downloads_per_peer_max: 2,
    download_bytes_max: 900,
    observers_max: 3,
    observers_per_peer_max: 2,
    proofs_max: 2,
    requests_max: 6,
    waiting_per_peer_max: 3,
};

/// How many times the octets that came from an address that is not proven may go there (RFC 9175 §2.4).
const AMPLIFICATION_MAX: usize = 3;
/// The octets of an Echo value of the engine's.
const ECHO_BYTES: usize = 12;
/// The most steps of a history; a longer one is cut.
const STEPS_MAX: usize = 200;
const PEERS: [u8; 2] = [0, 1];

/// What the stage knows of a peer.
#[derive(Debug, Default)]
struct Party {
    received_bytes: usize,
    sent_bytes: usize,
    /// The Echo values that the engine gave it.
    echoes: Vec<[u8; ECHO_BYTES]>,
    /// Whether it may have proved its address, or the engine speaks to it of its own accord.
    is_known: bool,
}

/// An engine, its peers and an application that answers now this way, now that.
struct Stage {
    engine: Engine<u8>,
    now: UnixTime,
    parties: [Party; 2],
    addresses: Addresses,
    observation: Option<ObservationId>,
    turn: usize,
    next_at: Option<UnixTime>,
}

/// Plays a history against an engine: memory stays within its limits and is given back, and an address that is not
/// proven gets no more than three times what came from it.
pub fn coap_engine(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let addresses = if first & 1 == 0 { Addresses::Unproven } else { Addresses::Proven };
    let config = Config {
        limits: LIMITS,
        addresses,
        is_block2_early: first & 2 != 0,
        honours_conditions: first & 4 != 0,
        ..Config::default()
    };
    let mut stage = Stage {
        engine: Engine::new(config, [7; 32]),
        now: UnixTime::from_seconds(5_000),
        parties: [Party::default(), Party::default()],
        addresses,
        observation: None,
        turn: usize::from(first >> 3),
        next_at: None,
    };
    for _ in 0..STEPS_MAX {
        let Some(left) = stage.step(rest) else { break };
        rest = left;
    }
    stage.rest();
}

impl Stage {
    /// Does what the next octets say: who in the lowest bit, what in the next three, how in the others.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (&[what, how], rest) = bytes.split_first_chunk::<2>()?;
        let peer = what & 1;
        let mut rest = rest;
        match what >> 1 & 7 {
            0..=2 => {
                let (datagram, left) = rest.split_at(usize::from(how).min(rest.len()));
                self.receive(peer, datagram);
                rest = left;
            }
            3 | 4 => {
                let datagram = self.decent(peer, what >> 4, how);
                self.receive(peer, &datagram);
            }
            5 => self.wait(Duration::from_millis(u64::from(how) * u64::from(how))),
            6 => self.ask(peer, how),
            _ if how & 1 == 0 => {
                self.engine.forget(&peer);
                self.drain();
            }
            _ => self.notify(usize::from(how) * 2, what & 0x80 != 0),
        }
        Some(rest)
    }

    /// A request in good order, so that the deeper parts are reached: `shape` says its kind, method and proof, `how` its
    /// block and message id.
    fn decent(&self, peer: u8, shape: u8, how: u8) -> Vec<u8> {
        let code = if shape & 1 == 0 { Code::GET } else { Code::POST };
        let (number, id) = (how & 7, how >> 3);
        let kind = if shape & 2 == 0 { 0x40 } else { 0x50 };
        let mut out = vec![kind | 1, code.as_byte(), id, how, 0xaa, 0xb1, b'x'];
        let has_more = u8::from(number < 3) << 3;
        let mut last = 11;
        if shape & 4 != 0 {
            // Block1 (27) of what changes something, Block2 (23) of what does not; the path is 11.
            if code == Code::POST {
                out.extend([0xd1, 27 - 11 - 13, number << 4 | has_more]);
                last = 27;
            } else {
                out.extend([0xc1, number << 4]);
                last = 23;
            }
        }
        if shape & 8 != 0
            && let Some(echo) = self.parties[usize::from(peer)].echoes.last()
        {
            out.extend([0xdc, 252 - last - 13]);
            out.extend(echo);
        }
        if code == Code::POST {
            out.push(0xff);
            out.extend([id; 16]);
        }
        out
    }

    fn receive(&mut self, peer: u8, datagram: &[u8]) {
        let party = &mut self.parties[usize::from(peer)];
        party.received_bytes += datagram.len();
        party.is_known |=
            datagram.windows(ECHO_BYTES).any(|part| party.echoes.iter().any(|echo| echo == part));
        let (sent_before, is_stranger) = (party.sent_bytes, self.is_stranger(peer));
        self.engine.handle_packet(self.now, &peer, datagram);
        self.drain();
        if is_stranger {
            let answered = self.parties[usize::from(peer)].sent_bytes - sent_before;
            assert!(answered <= AMPLIFICATION_MAX * datagram.len(), "{answered} for {}", datagram.len());
        }
    }

    fn is_stranger(&self, peer: u8) -> bool {
        self.addresses == Addresses::Unproven && !self.parties[usize::from(peer)].is_known
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.engine.handle_timeout(self.now);
        self.drain();
    }

    /// Sends a request of ours.
    fn ask(&mut self, peer: u8, how: u8) {
        self.parties[usize::from(peer)].is_known = true;
        let body = vec![2; usize::from(how) * 2];
        let request = Request::new(Code::FETCH, "/x").with_body(ContentFormat::TEXT, body);
        let request = if how & 1 == 0 { request } else { request.observing() };
        let request = if how & 2 == 0 { request } else { request.non_confirmable() };
        let _ = self.engine.request(self.now, &peer, request);
        self.drain();
    }

    fn notify(&mut self, body_bytes: usize, is_confirmable: bool) {
        let Some(observation) = self.observation else { return };
        let response = Response::new(Code::CONTENT)
            .with_body(ContentFormat::TEXT, vec![3; body_bytes.min(LIMITS.body_bytes_max)]);
        let _ = self.engine.notify(self.now, observation, response, is_confirmable);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.engine.poll_output() {
                Output::Timeout(next_at) => {
                    self.next_at = next_at;
                    break;
                }
                Output::Transmit { peer, datagram } => self.transmitted(peer, &datagram),
                Output::Request { exchange, request, .. } => {
                    assert!(request.body().len() <= LIMITS.body_bytes_max && request.method().is_request());
                    self.turn += 1;
                    let body = vec![1; self.turn * 37 % LIMITS.body_bytes_max];
                    let response = Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, body);
                    match self.turn % 6 {
                        0 => self.engine.defer(self.now, exchange).expect("it is open"),
                        1 => {
                            let observed = self.engine.observe(self.now, exchange, response);
                            self.observation = observed.ok().flatten().or(self.observation);
                        }
                        2 => {}
                        3 => _ = self.engine.challenge(self.now, exchange),
                        _ => _ = self.engine.respond(self.now, exchange, response),
                    }
                }
                Output::Response { response, .. } => {
                    assert!(response.body().len() <= LIMITS.body_bytes_max && response.code().is_response());
                }
                Output::Failed { .. } | Output::ObservationEnded { .. } => {}
            }
        }
        assert!(is_within(&self.engine.usage(), &LIMITS, PEERS.len()), "{:?}", self.engine.usage());
    }

    fn transmitted(&mut self, peer: u8, datagram: &[u8]) {
        assert!((4..=LIMITS.message_bytes_max).contains(&datagram.len()));
        let (version, token_bytes) = (datagram[0] >> 6, usize::from(datagram[0] & 0x0f));
        assert!(version == 1 && token_bytes <= 8 && datagram.len() >= 4 + token_bytes);
        let is_stranger = self.is_stranger(peer);
        let party = &mut self.parties[usize::from(peer)];
        party.sent_bytes += datagram.len();
        assert!(!is_stranger || party.sent_bytes <= AMPLIFICATION_MAX * party.received_bytes);
        // A demand for proof ends in its Echo value.
        if datagram[1] == Code::UNAUTHORIZED.as_byte()
            && let Some(value) = datagram[4 + token_bytes..].last_chunk()
        {
            party.echoes.push(*value);
        }
    }

    /// Lets all timers run out, then forgets the peers: nothing may be left.
    fn rest(&mut self) {
        for _ in 0..10_000 {
            let Some(next_at) = self.next_at else { break };
            assert!(next_at >= self.now, "a timer is due in the past");
            self.now = next_at;
            self.engine.handle_timeout(next_at);
            self.drain();
        }
        assert_eq!(self.next_at, None, "time goes on for ever");
        let usage = self.engine.usage();
        let (observers, requests) = (usage.observers, usage.requests);
        assert_eq!(usage, Usage { observers, requests, ..Usage::default() }, "only observations stay");
        for peer in PEERS {
            self.engine.forget(&peer);
        }
        self.drain();
        assert_eq!(self.engine.usage(), Usage::default());
    }
}

/// Reads the values of options; what is read can be written and is the same again.
pub fn coap_values(bytes: &[u8]) {
    let number = option::uint(bytes);
    assert_eq!(number.is_some(), bytes.len() <= 4);
    if let Some(number) = number {
        let written = option::encode_uint(number);
        assert!(written.len() <= bytes.len() && written.first() != Some(&0));
        assert_eq!(option::uint(&written), Some(number));
        if let Some(long) = path::expand(number) {
            assert_eq!(path::abbreviate(long), Some(number));
            assert!(long.starts_with("/.well-known/") && Request::new(Code::GET, long).path_is(long));
        }
    }
    if let Some(block) = Block::parse(bytes) {
        assert!(
            bytes.len() <= 3 && block.number <= BLOCK_NUMBER_MAX && (16..=1024).contains(&block.szx.bytes())
        );
        let written = block.to_value();
        assert!(written.len() <= bytes.len());
        assert_eq!(Block::parse(&written), Some(block));
        assert_eq!(Block::at(block.offset(), block.szx, block.has_more), Some(block));
    }
}

/// Writes links with any values, and filters them by any query; another reader must see what was given.
///
/// The first line of the input is the number of links; each link has three lines: target, name and value of an
/// attribute. The rest are arguments of the query.
pub fn link_format(bytes: &[u8]) {
    let mut lines = bytes.split(|octet| *octet == b'\n');
    let count = lines.next().and_then(|line| line.first()).map_or(0, |octet| usize::from(octet & 3));
    let mut given = Vec::new();
    for _ in 0..count {
        let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        given.push([text(), text(), text()]);
    }
    let links: Vec<Link> = given
        .iter()
        .map(|[target, name, value]| Link::new(target).with(name, value).with_flag("obs").with("sz", "7"))
        .collect();
    let all = render(&links, []);
    let seen = read(&all);
    assert_eq!(seen.len(), links.len());
    for (seen, [target, name, value]) in seen.iter().zip(&given) {
        assert!(seen.target.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b)));
        assert_eq!(percent_decoded(&seen.target), percent_decoded(target), "the target is the one given");
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        let mut attributes = seen.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if seen.attributes.len() == 3 {
            assert_eq!(attributes.next(), Some((name.as_str(), value.as_str())));
        }
        assert!(attributes.eq([("obs", ""), ("sz", "7")]));
    }
    let some = read(&render(&links, lines));
    let mut of_all = seen.iter();
    assert!(some.iter().all(|link| of_all.any(|other| other == link)), "a query adds nothing");
    for link in &seen {
        let found = read(&render(&links, [format!("href={}", link.target).as_bytes()]));
        let is_prefix = link.target.ends_with('*');
        assert!(is_prefix || found.contains(link), "a link is found by its target");
    }
}

/// A link as a stranger's reader sees it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    target: String,
    attributes: Vec<(String, String)>,
}

fn read(text: &str) -> Vec<Seen> {
    let links = LinkFormatParser::new(text).map(|link| link.expect("a stranger can read it"));
    let of = |(target, attributes): (&str, coap_lite::link_format::LinkAttributeParser<'_>)| Seen {
        target: target.to_owned(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
    };
    links.map(of).collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((octet, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| core::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *octet == b'%') {
            Some(decoded) => {
                out.push(decoded);
                rest = &after[2..];
            }
            None => {
                out.push(*octet);
                rest = after;
            }
        }
    }
    out
}
