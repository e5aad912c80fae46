//! Those who are not who they say, or say nothing that makes sense: what they cost, and what they get.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use common::{Peer, World, at, carry, events, peer};
use proptest::prelude::*;
use proto_dtls::{Config, Endpoint, Error, Event, Limits, Offer};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// How many spoofed ClientHellos, and how many malformed datagrams.
const FLOOD: u32 = 100_000;
/// What the process may grow by meanwhile.
const GROWTH_BYTES_MAX: usize = 1024 * 1024;
const AMPLIFICATION_MAX: usize = 3;

#[expect(clippy::disallowed_methods, reason = "a test reads its own size")]
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// The first ClientHello of each kind.
fn hellos(world: &World) -> Vec<Vec<u8>> {
    let hello = |offer| world.connect(offer, at(0)).poll_transmit().unwrap();
    Offer::ALL.into_iter().map(hello).collect()
}

/// Gives an endpoint a datagram and returns the answer, which must not be large.
fn ask(endpoint: &mut Endpoint<Peer>, from: Peer, datagram: &[u8]) -> Option<Vec<u8>> {
    endpoint.on_datagram(at(0), &from, datagram);
    let (to, answer) = endpoint.poll_transmit()?;
    assert_eq!(to, from);
    assert!(answer.len() <= datagram.len() * AMPLIFICATION_MAX && endpoint.poll_transmit().is_none());
    Some(answer)
}

// RFC6347-4.2.1-stateless RFC9147-5.1-stateless
#[test]
fn a_hundred_thousand_spoofed_hellos_leave_nothing_behind() {
    let world = World::new();
    let hellos = hellos(&world);
    let mut endpoint = world.endpoint();
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let mut before = 0;
    for round in 0..FLOOD {
        let mut hello = hellos[round as usize % hellos.len()].clone();
        random.fill_bytes(&mut hello[27..59]);
        let from = (round.to_be_bytes(), 5684).into();
        assert!(ask(&mut endpoint, from, &hello).is_some());
        if round == FLOOD / 10 {
            before = resident_bytes();
        }
    }
    assert!(resident_bytes().saturating_sub(before) < GROWTH_BYTES_MAX);
    assert_eq!((endpoint.usage(), endpoint.next_timeout()), (proto_dtls::Usage::default(), None));
    assert_eq!(endpoint.counters().challenged, u64::from(FLOOD));
}

#[test]
fn a_hundred_thousand_malformed_datagrams_leave_nothing_behind() {
    let world = World::new();
    let hellos = hellos(&world);
    let mut endpoint = world.endpoint();
    let mut random = ChaCha20Rng::seed_from_u64(2);
    let mut before = 0;
    for round in 0..FLOOD {
        let mut datagram = hellos[round as usize % hellos.len()].clone();
        let length = datagram.len();
        match round % 3 {
            0 => datagram.truncate(random.next_u32() as usize % length),
            1 => (0..4).for_each(|_| datagram[random.next_u32() as usize % length] = random.next_u32() as u8),
            _ => random.fill_bytes(&mut datagram[..]),
        }
        ask(&mut endpoint, (round.to_be_bytes(), 5684).into(), &datagram);
        if round == FLOOD / 10 {
            before = resident_bytes();
        }
    }
    assert!(resident_bytes().saturating_sub(before) < GROWTH_BYTES_MAX);
    assert_eq!((endpoint.usage(), endpoint.next_timeout()), (proto_dtls::Usage::default(), None));
}

// RFC6347-4.2.1-cookie-binding RFC6347-4.2.1-hello-verify-number RFC6347-4.2.1-version
#[test]
fn the_demand_for_proof_has_the_number_of_the_hello_and_its_cookie_is_for_one_address() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    let mut client = world.connect(Offer::Dtls12Ccm8, at(0));
    let mut hello = client.poll_transmit().unwrap();
    hello[10] = 5;
    let answer = ask(&mut endpoint, peer(1), &hello).unwrap();
    assert_eq!(answer[..13], [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 47]);
    assert_eq!((answer[13], &answer[25..28]), (3, &[0xfe, 0xff, 32][..]));
    client.on_datagram(at(0), &answer);
    let proven = client.poll_transmit().unwrap();
    // RFC6347-4.2.1-invalid-cookie: at another address it counts as none.
    assert_eq!(ask(&mut endpoint, peer(2), &proven).unwrap()[13], 3);
    endpoint.on_datagram(at(61), &peer(1), &proven);
    assert_eq!(endpoint.usage().half_open, 0);
    let mut endpoint = world.endpoint();
    endpoint.on_datagram(at(0), &peer(1), &proven);
    assert_eq!(endpoint.usage().half_open, 1);
    // RFC6347-4.2.1-server-hello-number: as the ClientHello's record.
    assert_eq!(endpoint.poll_transmit().unwrap().1[5..11], proven[5..11]);
}

// RFC9147-5.1-cookie-binding RFC9147-5.1-invalid-cookie RFC9147-5.3-legacy-cookie
#[test]
fn a_cookie_of_dtls_1_3_is_for_one_address_and_one_hello() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    let mut client = world.connect(Offer::Dtls13, at(0));
    let hello = client.poll_transmit().unwrap();
    let answer = ask(&mut endpoint, peer(1), &hello).unwrap();
    client.on_datagram(at(0), &answer);
    let proven = client.poll_transmit().unwrap();
    let illegal_parameter =
        |answer: Option<Vec<u8>>| answer.is_some_and(|a| a[0] == 21 && a[13..] == [2, 47]);
    assert!(illegal_parameter(ask(&mut endpoint, peer(2), &proven)));
    let mut other = proven.clone();
    other[30] ^= 1;
    assert!(illegal_parameter(ask(&mut endpoint, peer(1), &other)));
    assert_eq!((endpoint.usage().half_open, endpoint.counters().unproven), (0, 2));
    endpoint.on_datagram(at(0), &peer(1), &proven);
    assert_eq!(endpoint.usage().half_open, 1);
}

#[test]
fn a_hello_in_pieces_or_without_the_extended_master_secret_or_common_suite_is_refused() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    let hello = world.connect(Offer::Dtls12Ccm8, at(0)).poll_transmit().unwrap();
    let mut in_pieces = hello.clone();
    in_pieces[16] += 1;
    assert_eq!(ask(&mut endpoint, peer(1), &in_pieces), None);
    let at_suite = hello.windows(2).position(|w| w == [0xc0, 0xae]).unwrap();
    let mut other_suite = hello.clone();
    other_suite[at_suite + 1] = 0xac;
    let at_secret = hello.windows(4).position(|w| w == [0, 23, 0, 0]).unwrap();
    let mut without_secret = hello.clone();
    without_secret[at_secret + 1] = 99;
    for unsuitable in [other_suite, without_secret] {
        assert_eq!(ask(&mut endpoint, peer(1), &unsuitable).unwrap()[13..], [2, 40]);
    }
    assert_eq!(endpoint.counters().unsuitable, 3);
}

/// dimpl panics where it has no room for a certificate.
#[test]
fn a_certificate_of_many_datagrams_is_judged_as_any() {
    let world = World::new();
    let long_winded = common::House::long_winded();
    assert!(long_winded.chain[0].der().len() > 8 * 1024);
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let mut client = world.connect_as(&long_winded, offer, at(0));
        carry(&mut endpoint, &peer(number), &mut client, at(0));
        let events = events(&mut endpoint);
        let is_refused = matches!(&events[..], [Event::Ended { error: Some(Error::PeerUntrusted(_)), .. }]);
        assert!(is_refused, "{offer:?} {events:?} {:?}", client.end());
    }
}

fn small(world: &World) -> Endpoint<Peer> {
    let limits = Limits {
        sessions_max: 4,
        sessions_per_address_max: 2,
        half_open_max: 3,
        half_open_per_address_max: 2,
        ..Limits::default()
    };
    let config = Config { limits, ..world.server.clone() };
    Endpoint::new(config, [7; 32], now_instant()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now_instant() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn sessions_stay_within_their_limits_and_an_address_displaces_its_own_first() {
    let world = World::new();
    let mut endpoint = small(&world);
    let of = |address: u8, port: u16| Peer::from(([10, 0, 0, address], port));
    for (address, port) in [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (4, 1)] {
        let mut client = world.connect(Offer::Dtls12GcmLeaf, at(0));
        carry(&mut endpoint, &of(address, port), &mut client, at(0));
        assert!(client.is_open() && endpoint.usage().open <= 4);
    }
    let displaced: Vec<_> = events(&mut endpoint)
        .into_iter()
        .filter_map(|event| match event {
            Event::Ended { peer, error: Some(Error::SessionDisplaced) } => Some(peer),
            _ => None,
        })
        .collect();
    assert_eq!(displaced, [of(2, 1), of(1, 1)]);
}

#[test]
fn handshakes_under_way_stay_within_their_limits() {
    let world = World::new();
    let mut endpoint = small(&world);
    for number in 0..50 {
        let offer = Offer::ALL[usize::from(number) % 4];
        let mut client = world.connect(offer, at(0));
        for _ in 0..2 {
            let hello = client.poll_transmit().unwrap();
            endpoint.on_datagram(at(0), &peer(number), &hello);
            let answer = endpoint.poll_transmit().unwrap().1;
            client.on_datagram(at(0), &answer);
        }
        while endpoint.poll_transmit().is_some() {}
        assert!(endpoint.usage().half_open <= 3);
    }
    assert_eq!(endpoint.counters().begun, 50);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever becomes of the datagrams of trusted and untrusted peers (lost, doubled, exchanged between addresses,
    /// changed), no byte comes out of a session that the verifier did not say yes to.
    #[test]
    fn no_byte_comes_out_of_a_session_that_the_verifier_did_not_let_pass(
        steps in prop::collection::vec((0_usize..4, 0_usize..4, 0_u8..8, any::<u16>()), 40..160),
        mask in 0_u8..16,
    ) {
        let world = World::new();
        let stranger = common::House::maker();
        let mut endpoint = world.endpoint();
        let is_trusted = |number: usize| mask & (1 << number) != 0;
        let mut clients: Vec<_> = (0..4)
            .map(|number| {
                let identity = if is_trusted(number) { &world.maker.identity } else { &stranger.identity };
                world.connect_as(identity, Offer::ALL[number], at(0))
            })
            .collect();
        let (mut opened, mut received) = (0, 0);
        for (number, other, fate, place) in steps {
            let _ = clients[number].send(at(0), b"bytes");
            while let Some(mut datagram) = clients[number].poll_transmit() {
                let place = usize::from(place) % datagram.len();
                let to = if fate == 1 { other } else { number };
                match fate {
                    0 => continue,
                    2 => datagram[place] ^= 1 << (place % 8),
                    3 => datagram.truncate(place),
                    4 => endpoint.on_datagram(at(0), &peer(to as u16), &datagram),
                    _ => {}
                }
                endpoint.on_datagram(at(0), &peer(to as u16), &datagram);
            }
            while let Some((to, datagram)) = endpoint.poll_transmit() {
                let index = (0..4).find(|n| peer(*n as u16) == to).unwrap();
                clients[index].on_datagram(at(0), &datagram);
            }
            for event in events(&mut endpoint) {
                match event {
                    Event::Opened { peer, .. } => {
                        opened += 1;
                        let chain = endpoint.peer_chain(&peer);
                        prop_assert!(chain.is_none_or(|chain| chain[0] == world.maker.identity.chain[0]));
                    }
                    Event::Received { peer, .. } => {
                        received += 1;
                        prop_assert!(opened > 0);
                        let chain = endpoint.peer_chain(&peer);
                        prop_assert!(chain.is_none_or(|chain| chain[0] == world.maker.identity.chain[0]));
                    }
                    Event::Ended { .. } => {}
                }
            }
        }
        prop_assert!(opened <= world.admitted(), "a session opened that the verifier did not let pass");
        prop_assert!(mask != 0 || (opened == 0 && received == 0));
    }
}
