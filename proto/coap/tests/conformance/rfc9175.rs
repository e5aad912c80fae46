//! RFC 9175: Echo and Request-Tag; and what goes to an address that is not proven.

use proptest::prelude::*;
use proto::ContentFormat;
use proto_coap::{Code, Config, Error, Limits, Request, Response, Usage};

use crate::support::{ACK, CON, Host, NON, PEER, Raw, proven};

fn unproven() -> Host {
    Host::new(Config::default())
}

fn large() -> Response {
    Response::new(Code::CONTENT).with_body(ContentFormat::LINK_FORMAT, vec![b'l'; 900])
}

fn get(id: u16) -> Raw {
    Raw::new(CON, 1, id).token(&[1, 2]).path(".well-known/core")
}

/// Answers whatever was asked by a large response.
fn answer_all(host: &mut Host) {
    while let Some((exchange, _)) = host.requests.pop_front() {
        host.respond(exchange, large());
    }
}

#[test]
fn a_large_response_goes_only_to_an_address_that_was_proven() {
    // RFC9175-2.4-amplification RFC9175-2.4-piggybacked-or-non RFC9175-2.3-verify
    let mut host = unproven();
    host.receive(&get(1));
    answer_all(&mut host);
    let demand = host.only_sent();
    assert_eq!((demand.kind, demand.code, &demand.token[..]), (ACK, 0x81, &[1, 2][..]));
    assert!(demand.payload.is_empty());
    let echo = demand.value(252).unwrap().to_vec();
    assert_eq!(echo.len(), 12);

    host.receive(&get(2).option(252, &echo));
    assert!(host.requests[0].1.echo_age().is_some());
    assert!(host.requests[0].1.options().all(|(number, _)| number != 252));
    answer_all(&mut host);
    assert_eq!(host.only_sent().payload.len(), 900);
    // Once is enough.
    host.receive(&get(3));
    answer_all(&mut host);
    assert_eq!(host.only_sent().payload.len(), 900);
    // Another peer cannot use it.
    host.receive_from(PEER + 1, &get(4).option(252, &echo).encode());
    answer_all(&mut host);
    assert_eq!(host.only_sent().code, 0x81);
    host.sleep_seconds(301);
    host.receive(&get(5).option(252, &echo));
    answer_all(&mut host);
    assert_eq!(host.only_sent().code, 0x81, "the value and the proof are too old");
    host.comes_to_rest();
}

#[test]
fn a_small_response_needs_no_proof() {
    let mut host = unproven();
    host.receive(&get(1));
    let (exchange, _) = host.only_request();
    host.respond(exchange, Response::new(Code::CONTENT).with_body(ContentFormat::LINK_FORMAT, &b"<>"[..]));
    assert_eq!(host.only_sent().code, 0x45);
    assert_eq!(host.engine.usage().proofs, 0);
}

#[test]
fn what_changes_something_or_is_kept_waits_for_the_proof() {
    let mut host = unproven();
    let waiting = [
        Raw::new(CON, 2, 1).path("x").payload(b"change"),
        Raw::new(CON, 3, 2).path("x").block(27, (0, true, 0)).payload(&[0; 16]),
        Raw::new(CON, 1, 3).path("x").option(6, &[]),
        Raw::new(CON, 1, 4).path("x").block(23, (1, false, 0)),
        Raw::new(NON, 4, 5).path("x"),
    ];
    for request in waiting {
        let demand = host.ask(&request);
        assert_eq!(demand.code, 0x81, "{request:?}");
        assert_eq!(demand.kind, if request.kind == CON { ACK } else { NON });
    }
    assert!(host.requests.is_empty());
    let usage = host.engine.usage();
    assert_eq!((usage.uploads, usage.observers, usage.downloads, usage.proofs), (0, 0, 0, 0));
}

#[test]
fn a_late_copy_of_a_request_that_waited_for_proof_is_not_acted_upon() {
    // RFC7252-4.5-duplicate
    let mut host = unproven();
    let first = Raw::new(CON, 2, 1).token(&[1]).path("x").payload(b"change");
    let demand = host.ask(&first);
    let proof = Raw::new(CON, 2, 2).token(&[2]).path("x").option(252, demand.value(252).unwrap());
    host.receive(&proof.payload(b"change"));
    host.only_request();
    assert_eq!(host.ask(&first), demand);
    assert!(host.requests.is_empty());
}

#[test]
fn behind_a_handshake_no_proof_is_asked_for() {
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 2, 1).path("x").payload(b"change"));
    answer_all(&mut host);
    assert_eq!(host.only_sent().payload.len(), 900);
}

#[test]
fn a_request_too_short_for_a_demand_gets_nothing() {
    let mut host = unproven();
    host.receive(&Raw::new(CON, 1, 1));
    let (exchange, _) = host.only_request();
    host.respond(exchange, large());
    assert!(host.sent.is_empty());
    host.receive(&Raw::new(CON, 2, 2));
    assert!(host.sent.is_empty());
}

#[test]
fn a_diagnostic_text_is_left_out_where_it_would_be_too_much() {
    let mut host = unproven();
    let refused = host.ask(&Raw::new(CON, 1, 1).option(9, &[]));
    assert_eq!((refused.code, refused.payload.len()), (0x82, 0));
}

#[test]
fn a_reply_that_is_remembered_goes_to_no_address_that_lost_its_proof() {
    // RFC9175-2.4-amplification
    let limits = Limits { proofs_max: 1, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..Config::default() });
    for peer in [PEER, PEER + 1] {
        host.receive_from(peer, &Raw::new(CON, 2, 1).token(&[1]).path("x").encode());
        let demand = host.only_sent();
        host.receive_from(peer, &get(2).option(252, demand.value(252).unwrap()).encode());
        answer_all(&mut host);
        assert_eq!(host.only_sent().payload.len(), 900);
    }
    host.receive(&Raw::new(CON, 1, 2));
    assert!(host.sent.is_empty() && host.requests.is_empty());
}

#[test]
fn strangers_share_little_memory() {
    let mut host = unproven();
    for stranger in 0..5_000_u16 {
        let datagram = match stranger % 4 {
            0 => get(1),
            1 => Raw::new(CON, 2, 1).token(&[1]).path("x").payload(b"change"),
            2 => Raw::new(NON, 1, 1).token(&[1]).path("x"),
            _ => Raw::new(CON, 1, 1).token(&[1]).option(9, &[]),
        };
        host.receive_from(1_000 + stranger, &datagram.encode());
        answer_all(&mut host);
    }
    assert_eq!(host.sent.len(), 5_000);
    let Usage { seen, seen_bytes, .. } = host.engine.usage();
    assert!(seen == 2_048 && seen_bytes < 100_000, "{seen} {seen_bytes}");
    let nothing_else = Usage { seen, seen_bytes, ..Usage::default() };
    assert_eq!(host.engine.usage(), nothing_else);
    host.sent.clear();
    host.comes_to_rest();
}

#[test]
fn a_separate_response_to_an_unproven_address_is_not_sent_again() {
    let mut host = unproven();
    host.receive(&get(1));
    let (exchange, _) = host.only_request();
    host.engine.defer(host.now, exchange).unwrap();
    host.respond(exchange, large());
    assert_eq!(host.sent.pop_front().unwrap().1, Raw::new(ACK, 0, 1));
    let demand = host.only_sent();
    assert_eq!((demand.kind, demand.code), (NON, 0x81));
    host.sleep_seconds(100);
    assert!(host.sent.is_empty());
    host.comes_to_rest();
}

#[test]
fn the_application_may_ask_that_a_request_be_fresh() {
    // RFC9175-2.3-verify
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 2, 1).path("unlock"));
    let (exchange, request) = host.only_request();
    assert_eq!(request.echo_age(), None);
    host.engine.challenge(host.now, exchange).unwrap();
    host.drain();
    let demand = host.only_sent();
    host.sleep_seconds(10);
    host.receive(&Raw::new(CON, 2, 2).path("unlock").option(252, demand.value(252).unwrap()));
    let age = host.only_request().1.echo_age().unwrap();
    assert!((10..=11).contains(&age.as_secs()));
    host.receive(&Raw::new(CON, 2, 3).path("unlock").option(252, &[7; 12]));
    assert_eq!(host.only_request().1.echo_age(), None);
    let (now, unknown) = (host.now, exchange);
    assert_eq!(host.engine.challenge(now, unknown), Err(Error::ExchangeUnknown));
}

#[test]
fn proofs_are_bounded() {
    let limits = Limits { proofs_max: 10, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..Config::default() });
    for peer in 0..50 {
        host.receive_from(peer, &Raw::new(CON, 2, 1).token(&[1]).path("x").encode());
        let demand = host.only_sent();
        let proof = Raw::new(CON, 2, 2).path("x").option(252, demand.value(252).unwrap());
        host.receive_from(peer, &proof.encode());
        host.only_request();
        assert!(host.engine.usage().proofs <= 10);
        host.engine.forget(&peer);
    }
}

#[test]
fn the_client_shows_what_it_was_given_and_not_for_ever() {
    // RFC9175-2.3-client
    let mut host = Host::new(proven());
    host.request(Request::new(Code::POST, "/x").with_body(ContentFormat::TEXT, &b"b"[..]));
    let mut tokens = Vec::new();
    for nth in 0..3_u8 {
        let sent = host.only_sent();
        assert_eq!(sent.value(252), nth.checked_sub(1).map(|n| vec![n]).as_deref());
        assert_eq!(&sent.payload[..], b"b");
        tokens.push(sent.token.clone());
        host.receive(&Raw::new(ACK, 0x81, sent.id).token(&sent.token).option(252, &[nth]));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    assert_eq!(host.responses.pop_front().unwrap().1.code(), Code::UNAUTHORIZED);
}

#[test]
fn a_value_that_came_with_a_response_goes_with_the_next_request() {
    // RFC9175-2.3-client
    let mut host = Host::new(proven());
    host.request(Request::new(Code::GET, "/x"));
    let sent = host.only_sent();
    host.receive(&Raw::new(ACK, 0x45, sent.id).token(&sent.token).option(252, &[5, 5]));
    assert!(host.responses.pop_front().unwrap().1.option(252).is_none());
    host.engine.request(host.now, &(PEER + 1), Request::new(Code::GET, "/x")).unwrap();
    host.drain();
    assert_eq!(host.only_sent().value(252), None, "never to another endpoint");
    host.request(Request::new(Code::GET, "/x"));
    assert_eq!(host.only_sent().value(252), Some(&[5, 5][..]));
}

#[test]
fn a_demand_in_the_midst_of_a_body_repeats_the_block() {
    // RFC9175-2.3-client
    let mut host = Host::new(proven());
    let szx = proto_coap::Szx::new(2).unwrap();
    host.request(Request::new(Code::POST, "/x").with_body(ContentFormat::TEXT, vec![1; 100]).with_szx(szx));
    let first = host.only_sent();
    host.receive(&Raw::new(ACK, 0x81, first.id).token(&first.token).option(252, &[9]));
    let again = host.only_sent();
    assert_eq!((again.block_of(27), again.value(252)), (Some((0, true, 2)), Some(&[9][..])));
    assert_eq!((again.value(292), &again.payload), (first.value(292), &first.payload));
    host.receive(&Raw::new(ACK, 0x5f, again.id).token(&again.token).block(27, (0, true, 2)));
    assert_eq!(host.only_sent().block_of(27), Some((1, false, 2)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_datagram_is_answered_by_more_than_three_times_its_octets(
        datagrams in prop::collection::vec((any::<[u8; 4]>(), prop::collection::vec(any::<u8>(), 0..60), 0_u8..4), 1..40),
    ) {
        // RFC9175-2.4-amplification
        let mut host = unproven();
        for (header, rest, shape) in datagrams {
            let mut datagram = header.to_vec();
            // Mostly requests of few ids, so that they repeat.
            if shape < 3 {
                datagram[0] = 0x40 | header[0] & 0x13;
                datagram[1] = header[1] & 0x07;
                (datagram[2], datagram[3]) = (0, header[3] & 0x03);
            }
            if shape == 2 {
                datagram.extend([0xb1, b'x', 0xff]);
            }
            datagram.extend(rest);
            host.receive_from(PEER, &datagram);
            answer_all(&mut host);
            let answered: usize = host.sent.drain(..).map(|(_, raw)| raw.encode().len()).sum();
            prop_assert!(answered <= 3 * datagram.len(), "{answered} for {datagram:02x?}");
        }
        let later: usize = { host.sleep_seconds(1_000); host.sent.len() };
        prop_assert_eq!(later, 0);
    }
}
