//! An observer on a bad network: it sees states in order, and the last one in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proto::{ContentFormat, UnixTime};
use proto_coap::{Addresses, Code, Config, Engine, ObservationId, Output, Request, RequestId, Response};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{Weather, weather};

/// The observed and the observing end.
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// A resource that changes, and who watches it.
struct Watch {
    engines: [Engine<usize>; 2],
    next_at: [Option<UnixTime>; 2],
    now: UnixTime,
    weather: Weather,
    random: ChaCha8Rng,
    datagrams: BTreeMap<(UnixTime, u64), (usize, Vec<u8>)>,
    serial: u64,
    state: u32,
    observer: Option<ObservationId>,
    request: Option<RequestId>,
    seen: Vec<u32>,
}

impl Watch {
    fn new(seed: u64, weather: Weather) -> Self {
        let config = Config { addresses: Addresses::Proven, ..Config::default() };
        Self {
            engines: [Engine::new(config, [3; 32]), Engine::new(config, [4; 32])],
            next_at: [None; 2],
            now: UnixTime::from_seconds(9_000),
            weather,
            random: ChaCha8Rng::seed_from_u64(seed),
            datagrams: BTreeMap::new(),
            serial: 0,
            state: 0,
            observer: None,
            request: None,
            seen: Vec::new(),
        }
    }

    /// The state as a body; every third one needs blocks.
    fn body(&self) -> Vec<u8> {
        let mut body = self.state.to_be_bytes().to_vec();
        body.resize(if self.state.is_multiple_of(3) { 2_500 } else { 4 }, 0);
        body
    }

    fn change(&mut self, is_confirmable: bool) {
        self.state += 1;
        let response = Response::new(Code::CONTENT).with_body(ContentFormat::new(42), self.body());
        if let Some(observer) = self.observer {
            self.engines[SERVER].notify(self.now, observer, response, is_confirmable).unwrap();
            self.drain(SERVER);
        }
    }

    fn drain(&mut self, at: usize) {
        loop {
            match self.engines[at].poll_output() {
                Output::Transmit { peer, datagram } => self.carry(peer, &datagram),
                Output::Request { exchange, request, .. } => {
                    let response =
                        Response::new(Code::CONTENT).with_body(ContentFormat::new(42), self.body());
                    if request.is_observing() {
                        self.observer = self.engines[at].observe(self.now, exchange, response).unwrap();
                    } else {
                        self.engines[at].respond(self.now, exchange, response).unwrap();
                    }
                }
                Output::Response { response, is_last, .. } => {
                    self.seen.push(u32::from_be_bytes(response.body()[..4].try_into().unwrap()));
                    if is_last {
                        self.request = None;
                    }
                }
                Output::Failed { .. } => self.request = None,
                Output::ObservationEnded { .. } => self.observer = None,
                Output::Timeout(next_at) => {
                    self.next_at[at] = next_at;
                    return;
                }
            }
        }
    }

    fn carry(&mut self, to: usize, datagram: &[u8]) {
        let copies = match self.random.next_u32() % 100 {
            roll if roll < self.weather.loss_percent => 0,
            roll if roll < self.weather.loss_percent + self.weather.doubling_percent => 2,
            _ => 1,
        };
        for _ in 0..copies {
            self.serial += 1;
            let delay = self.random.next_u32() % (self.weather.delay_max_millis + 1);
            let at = self.now.plus(Duration::from_millis(u64::from(delay)));
            self.datagrams.insert((at, self.serial), (to, datagram.to_vec()));
        }
    }

    /// Lets time pass until `until`, or until nothing is left to happen.
    fn run(&mut self, until: UnixTime) {
        loop {
            let timers = self.next_at.iter().flatten().copied();
            let next = timers.chain(self.datagrams.keys().map(|(at, _)| *at).next()).min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.now = self.now.max(until.min(self.now.plus(Duration::from_secs(100))));
                return;
            };
            self.now = self.now.max(next);
            match self.datagrams.first_key_value() {
                Some(((at, _), _)) if *at <= self.now => {
                    let (_, (to, datagram)) = self.datagrams.pop_first().unwrap();
                    self.engines[to].handle_packet(self.now, &(1 - to), &datagram);
                    self.drain(to);
                }
                _ => {
                    for at in [SERVER, CLIENT] {
                        self.engines[at].handle_timeout(self.now);
                        self.drain(at);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_observer_sees_states_in_order_and_the_last_one_in_the_end(
        seed: u64,
        weather in weather(30),
        changes in prop::collection::vec((0_u64..9_000, any::<bool>()), 1..12),
    ) {
        let mut watch = Watch::new(seed, weather);
        let request = Request::new(Code::GET, "/state").observing();
        watch.request = Some(watch.engines[CLIENT].request(watch.now, &SERVER, request).unwrap());
        watch.drain(CLIENT);
        let last = changes.len() - 1;
        for (nth, (after_millis, is_confirmable)) in changes.into_iter().enumerate() {
            watch.run(watch.now.plus(Duration::from_millis(after_millis)));
            watch.change(is_confirmable || nth == last);
        }
        watch.run(UnixTime::NO_END);
        prop_assert!(watch.seen.is_sorted(), "{:?}", watch.seen);
        if watch.observer.is_some() && watch.request.is_some() {
            prop_assert_eq!(watch.seen.last(), Some(&watch.state));
        }
    }
}
