//! Sessions over a network that loses, doubles and reorders, on a virtual clock, from a seed.
//!
//! OpenSSL as client sends what is sealed again by the system's clock only, so from it only plain flights are lost here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Peer, World, at, peer};
use proptest::prelude::*;
use proto::UnixTime;
use proto_dtls::{Client, Endpoint, Event, Offer};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// What is lost of a hundred datagrams, and what comes twice.
const LOST_PERCENT: u32 = 20;
const DOUBLED_PERCENT: u32 = 5;
/// The longest that a datagram is on its way: long enough that a later one overtakes it.
const DELAY_MILLIS_MAX: u32 = 150;
/// How often an application asks again, and when it gives up.
const ASKS_AGAIN: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(600);

struct Network {
    random: ChaCha20Rng,
    on_the_way: BTreeMap<(UnixTime, u64), (bool, Vec<u8>)>,
    sent: u64,
    is_lossless: fn(&[u8]) -> bool,
}

impl Network {
    fn percent(&mut self) -> u32 {
        self.random.next_u32() % 100
    }

    fn send(&mut self, now: UnixTime, is_up: bool, datagram: &[u8]) {
        let is_lost = self.percent() < LOST_PERCENT;
        if is_lost && !(self.is_lossless)(datagram) {
            return;
        }
        let copies = if self.percent() < DOUBLED_PERCENT { 2 } else { 1 };
        for _ in 0..copies {
            let delay = u64::from(self.random.next_u32() % DELAY_MILLIS_MAX) + 1;
            self.sent += 1;
            let key = (now.plus(Duration::from_millis(delay)), self.sent);
            self.on_the_way.insert(key, (is_up, datagram.to_vec()));
        }
    }
}

/// One device, one server, and what lies between.
struct Run {
    world: World,
    offer: Offer,
    endpoint: Endpoint<Peer>,
    client: Client,
    network: Network,
    now: UnixTime,
    peer: Peer,
    echoed: usize,
}

impl Run {
    fn new(offer: Offer, seed: u64) -> Self {
        let world = World::new();
        let is_lossless = if matches!(offer, Offer::Dtls12Ccm8 | Offer::Dtls12Gcm) {
            is_beyond_the_hellos
        } else {
            |_: &[u8]| false
        };
        let random = ChaCha20Rng::seed_from_u64(seed);
        let network = Network { random, on_the_way: BTreeMap::new(), sent: 0, is_lossless };
        let (endpoint, client) = (world.endpoint(), world.connect(offer, at(0)));
        Self { world, offer, endpoint, client, network, now: at(0), peer: peer(1), echoed: 0 }
    }

    /// Goes on until the device has got its word back; tells after how long. A device whose handshake was lost for good
    /// begins anew, at the same address.
    fn until_the_echo(&mut self) -> Option<Duration> {
        let (began_at, mut asks_at) = (self.now, self.now);
        while self.now.since(began_at) < PATIENCE {
            if self.client.is_open() && asks_at <= self.now {
                self.client.send(self.now, b"word").unwrap();
                asks_at = self.now.plus(ASKS_AGAIN);
            }
            if self.client.end().is_some() {
                self.client = self.world.connect(self.offer, self.now);
            }
            self.exchange();
            if self.client.recv().is_some() {
                return Some(self.now.since(began_at));
            }
            let next = self.network.on_the_way.keys().next().map(|(at, _)| *at);
            let due = [next, self.client.next_timeout(), self.endpoint.next_timeout()];
            let asks = self.client.is_open().then_some(asks_at);
            self.now = due.into_iter().chain([asks]).flatten().min()?.max(self.now);
            self.arrive();
            self.client.on_timeout(self.now);
            self.endpoint.on_timeout(self.now);
        }
        None
    }

    fn exchange(&mut self) {
        while let Some(event) = self.endpoint.recv() {
            if let Event::Received { peer, message } = event {
                self.echoed += 1;
                let _ = self.endpoint.send(self.now, &peer, &message);
            }
        }
        while let Some(datagram) = self.client.poll_transmit() {
            self.network.send(self.now, true, &datagram);
        }
        while let Some((_, datagram)) = self.endpoint.poll_transmit() {
            self.network.send(self.now, false, &datagram);
        }
    }

    fn arrive(&mut self) {
        while let Some(entry) = self.network.on_the_way.first_entry()
            && entry.key().0 <= self.now
        {
            let (is_up, datagram) = entry.remove();
            if is_up {
                self.endpoint.on_datagram(self.now, &self.peer, &datagram);
            } else {
                self.client.on_datagram(self.now, &datagram);
            }
        }
    }
}

/// Tells whether a datagram is neither a hello nor of the server's plain flight.
fn is_beyond_the_hellos(datagram: &[u8]) -> bool {
    let kind = (datagram[0], datagram[13]);
    !(kind == (22, 1) || matches!(kind, (22, 2 | 3 | 12..=14)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // RFC6347-4.2.4-retransmitted-flight RFC6347-4.2.4-new-numbers
    #[test]
    fn every_device_gets_through_twenty_per_cent_loss_doubling_and_reordering(seed: u64) {
        for offer in Offer::ALL {
            let mut run = Run::new(offer, seed);
            let span = run.until_the_echo();
            prop_assert!(span.is_some(), "{offer:?}: {:?} {:?}", run.client.end(), run.endpoint.counters());
            prop_assert_eq!(run.endpoint.usage().open, 1);
        }
    }
}

#[test]
fn a_client_whose_hello_was_lost_three_times_is_not_mistaken_for_another() {
    let world = World::new();
    for offer in [Offer::Dtls12GcmLeaf, Offer::Dtls13, Offer::Dtls12Ccm8] {
        let mut endpoint = world.endpoint();
        let mut client = world.connect(offer, at(0));
        let mut now = at(0);
        for _ in 0..3 {
            while client.poll_transmit().is_some() {}
            now = client.next_timeout().unwrap();
            client.on_timeout(now);
        }
        common::carry(&mut endpoint, &peer(1), &mut client, now);
        assert!(client.is_open(), "{offer:?} {:?}", endpoint.counters());
    }
}

#[test]
fn a_handshake_that_stops_in_the_middle_is_given_up_and_an_idle_session_ends() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let mut client = world.connect(offer, at(0));
        for _ in 0..2 {
            while let Some(datagram) = client.poll_transmit() {
                endpoint.on_datagram(at(0), &peer(number), &datagram);
            }
            while let Some((_, datagram)) = endpoint.poll_transmit() {
                client.on_datagram(at(0), &datagram);
            }
            let hello = client.poll_transmit();
            hello.iter().for_each(|datagram| endpoint.on_datagram(at(0), &peer(number), datagram));
            if endpoint.usage().half_open > usize::from(number) {
                break;
            }
        }
    }
    assert_eq!(endpoint.usage().half_open, 4);
    let mut sent = 0;
    while let Some(next) = endpoint.next_timeout() {
        endpoint.on_timeout(next);
        sent += std::iter::from_fn(|| endpoint.poll_transmit()).count();
        assert!(next <= at(91), "something is due after all handshakes");
    }
    assert!(sent > 4 * 3, "the flights were sent again: {sent}");
    assert_eq!((endpoint.usage().half_open, common::events(&mut endpoint).len()), (0, 4));
    let mut client = world.connect(Offer::Dtls13, at(100));
    common::carry(&mut endpoint, &peer(9), &mut client, at(100));
    endpoint.on_timeout(at(100 + 3599));
    assert_eq!(endpoint.usage().open, 1);
    endpoint.on_timeout(at(100 + 3600));
    assert_eq!(endpoint.usage().open, 0);
}
