//! Peers that send what they like: the engine does not panic, keeps within its limits and forgets in the end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/within.rs"]
mod within;

use std::time::Duration;

use proptest::prelude::*;
use proto::{ContentFormat, UnixTime};
use proto_coap::{Addresses, Code, Config, Engine, Limits, Output, Request, Response, Usage, link_format};
use within::is_within;

/// So little that everything runs full.
const LIMITS: Limits = Limits {
    message_bytes_max: 200,
    datagram_bytes_max: 300,
    body_bytes_max: 400,
    exchanges_max: 6,
    exchanges_per_peer_max: 3,
    seen_max: 20,
    seen_per_peer_max: 8,
    seen_bytes_max: 600,
    seen_of_strangers_max: 5,
    uploads_max: 4,
    uploads_per_peer_max: 2,
    upload_bytes_max: 500,
    downloads_max: 4,
    downloads_per_peer_max: 2,
    download_bytes_max: 900,
    observers_max: 5,
    observers_per_peer_max: 2,
    proofs_max: 3,
    requests_max: 10,
    waiting_per_peer_max: 3,
};

/// What a peer sends, before something is done to it.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let header = (0_u8..4, prop_oneof![0_u8..8, any::<u8>(), Just(0x45), Just(0x5f)], 0_u8..12, 0_usize..9);
    let option =
        (prop_oneof![0_u8..13, Just(13), Just(14), Just(15)], prop::collection::vec(any::<u8>(), 0..15));
    let options = prop::collection::vec(option, 0..6);
    let payload = prop_oneof![Just(0_usize), Just(16), Just(32), 0_usize..260];
    (header, options, payload).prop_map(|((kind, code, id, token), options, payload)| {
        let mut out = vec![0x40 | kind << 4 | token as u8, code, 0, id];
        out.extend(vec![id; token]);
        for (delta, value) in options {
            out.push(delta << 4 | value.len().min(15) as u8);
            if delta > 12 {
                out.push(id);
            }
            out.extend(value);
        }
        if payload > 0 {
            out.push(0xff);
            out.extend(vec![id; payload]);
        }
        out
    })
}

/// A well-formed block or query, so that the deeper parts are reached.
fn decent() -> impl Strategy<Value = Vec<u8>> {
    let what = (0_u8..12, any::<u8>(), 0_u8..4, any::<bool>(), 0_u8..3, 0_u8..2);
    what.prop_map(|(id, message, number, has_more, tag, shape)| {
        let mut out = vec![0x41, 0x02 - shape, message, id, id];
        out.extend([0xb1, b'x']);
        let block = number << 4 | u8::from(has_more) << 3;
        // Block2 (23) of a GET, Block1 (27) of a POST, then Request-Tag (292).
        out.extend(if shape == 1 { [0xc1, block & 0xf0] } else { [0xd1, 3] });
        if shape == 0 {
            out.push(block);
        }
        if shape == 0 {
            out.extend([0xd1, (292 - 27 - 13) as u8, tag]);
        } else {
            out.extend([0xe1, 0, 0, tag]);
        }
        if shape == 0 {
            out.push(0xff);
            out.extend([tag; 16]);
        }
        out
    })
}

#[derive(Clone, Debug)]
enum Step {
    Receive { peer: u8, datagram: Vec<u8> },
    Wait { millis: u32 },
    Ask { peer: u8, body_bytes: usize, is_observing: bool },
    Forget { peer: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let anything = prop_oneof![datagram(), prop::collection::vec(any::<u8>(), 0..40)];
    let receive =
        |datagram| (0_u8..5, datagram).prop_map(|(peer, datagram)| Step::Receive { peer, datagram });
    prop_oneof![
        6 => receive(anything.boxed()),
        8 => receive(decent().boxed()),
        2 => (0_u32..20_000).prop_map(|millis| Step::Wait { millis }),
        1 => (0_u8..5, 0_usize..400, any::<bool>())
            .prop_map(|(peer, body_bytes, is_observing)| Step::Ask { peer, body_bytes, is_observing }),
        1 => (0_u8..5).prop_map(|peer| Step::Forget { peer }),
    ]
}

/// Answers some requests at once, defers some, observes some and leaves the rest.
fn drain(engine: &mut Engine<u8>, now: UnixTime, salt: usize) -> Option<UnixTime> {
    let mut turn = salt;
    loop {
        match engine.poll_output() {
            Output::Timeout(next_at) => return next_at,
            Output::Request { exchange, request, .. } => {
                turn += 1;
                assert!(request.body().len() <= LIMITS.body_bytes_max);
                let response =
                    Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, vec![1; turn * 37 % 400]);
                match turn % 5 {
                    0 => engine.defer(now, exchange).unwrap(),
                    1 => {
                        let observation = engine.observe(now, exchange, response.clone());
                        if let Ok(Some(observation)) = observation {
                            let _ = engine.notify(now, observation, response, turn.is_multiple_of(2));
                        }
                    }
                    2 => {}
                    _ => {
                        let _ = engine.respond(now, exchange, response);
                    }
                }
            }
            Output::Transmit { datagram, .. } => assert!(datagram.len() <= LIMITS.message_bytes_max),
            Output::Response { .. } | Output::Failed { .. } | Output::ObservationEnded { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_comes_memory_is_bounded_and_given_back(
        steps in prop::collection::vec(step(), 1..120), is_proven: bool
    ) {
        let addresses = if is_proven { Addresses::Proven } else { Addresses::Unproven };
        let mut engine = Engine::new(Config { limits: LIMITS, addresses, ..Config::default() }, [5; 32]);
        let mut now = UnixTime::from_seconds(5_000);
        for (salt, step) in steps.into_iter().enumerate() {
            match step {
                Step::Receive { peer, datagram } => engine.handle_packet(now, &peer, &datagram),
                Step::Wait { millis } => {
                    now = now.plus(Duration::from_millis(u64::from(millis)));
                    engine.handle_timeout(now);
                }
                Step::Ask { peer, body_bytes, is_observing } => {
                    let request = Request::new(Code::FETCH, "/x").with_body(ContentFormat::TEXT, vec![2; body_bytes]);
                    let request = if is_observing { request.observing() } else { request };
                    let _ = engine.request(now, &peer, request);
                }
                Step::Forget { peer } => engine.forget(&peer),
            }
            drain(&mut engine, now, salt);
            prop_assert!(is_within(&engine.usage(), &LIMITS, 5), "{:?}", engine.usage());
        }
        for peer in 0..5 {
            // Observers and requests that are observed stay until they are told or forgotten.
            engine.forget(&peer);
        }
        drain(&mut engine, now, 0);
        prop_assert_eq!(engine.usage(), Usage::default());
    }

    #[test]
    fn all_ends_by_itself_but_observations(
        datagrams in prop::collection::vec(prop_oneof![datagram(), decent()], 1..60)
    ) {
        let mut engine = Engine::new(Config { limits: LIMITS, ..Config::default() }, [5; 32]);
        let mut now = UnixTime::from_seconds(5_000);
        for datagram in datagrams {
            engine.handle_packet(now, &1, &datagram);
            drain(&mut engine, now, 2);
        }
        let mut turns = 0;
        while let Some(next_at) = drain(&mut engine, now, 2) {
            prop_assert!(next_at >= now);
            now = next_at;
            engine.handle_timeout(now);
            turns += 1;
            prop_assert!(turns < 10_000);
        }
        prop_assert_eq!(engine.usage(), Usage { observers: engine.usage().observers, ..Usage::default() });
    }

    #[test]
    fn any_query_filters_without_harm(query in prop::collection::vec(any::<u8>(), 0..40)) {
        let links = [link_format::Link::new("/a").with("rt", "x y"), link_format::Link::new("/b")];
        let some = link_format::render(&links, [&query[..]]);
        prop_assert!(some.len() <= link_format::render(&links, []).len());
    }
}
