//! RFC 7252, as server.

use std::time::Duration;

use proto::ContentFormat;
use proto_coap::{Addresses, Code, Config, Error, Limits, Response, Transmission};

use crate::support::{ACK, CON, Host, NON, PEER, RST, Raw, proven};

fn content(text: &str) -> Response {
    Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, text.as_bytes().to_vec())
}

#[test]
fn the_first_example_of_the_appendix_is_answered_octet_by_octet() {
    // RFC7252-5.2.1-piggybacked
    let mut host = Host::new(proven());
    let request = [&[0x40, 0x01, 0x7d, 0x34, 0xbb][..], b"temperature"].concat();
    host.receive_from(PEER, &request);
    let (exchange, request) = host.only_request();
    assert!(request.path_is("/temperature") && request.method() == Code::GET);
    let mut response = Response::new(Code::CONTENT);
    response = response.with_diagnostic("22.3 C");
    host.respond(exchange, response);
    let expected = [&[0x60, 0x45, 0x7d, 0x34, 0xff][..], b"22.3 C"].concat();
    assert_eq!(host.only_sent().encode(), expected);
    host.comes_to_rest();
}

#[test]
fn a_response_that_takes_time_comes_separately_after_an_empty_acknowledgement() {
    // RFC7252-5.2.2-separate RFC7252-4.2-initial-timeout RFC7252-4.2-retransmission
    let mut host = Host::new(proven());
    let request = Raw::new(CON, 1, 0x7d38).token(&[0x53]).path("slow");
    host.receive(&request);
    let (exchange, _) = host.only_request();
    host.sleep(Duration::from_millis(499));
    assert!(host.sent.is_empty());
    host.sleep(Duration::from_millis(1));
    assert_eq!(host.only_sent(), Raw::new(ACK, 0, 0x7d38));
    // The request once more: the empty acknowledgement once more, and the application knows nothing of it.
    assert_eq!(host.ask(&request), Raw::new(ACK, 0, 0x7d38));
    assert!(host.requests.is_empty());

    host.sleep_seconds(60);
    host.respond(exchange, content("late"));
    let response = host.only_sent();
    assert_eq!((response.kind, response.code, &response.token[..]), (CON, 0x45, &[0x53][..]));
    host.sleep_seconds(3);
    assert_eq!(host.only_sent(), response);
    host.receive(&Raw::new(ACK, 0, response.id));
    host.sleep_seconds(180);
    assert!(host.sent.is_empty());
    assert_eq!(host.ask(&request), Raw::new(ACK, 0, 0x7d38));
    host.comes_to_rest();
}

#[test]
fn a_deferred_request_is_acknowledged_at_once() {
    // RFC7252-5.2.2-separate
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 2, 1).path("x"));
    let (exchange, _) = host.only_request();
    host.engine.defer(host.now, exchange).unwrap();
    host.drain();
    assert_eq!(host.only_sent(), Raw::new(ACK, 0, 1));
    host.respond(exchange, Response::new(Code::CHANGED));
    assert_eq!(host.only_sent().kind, CON);
    assert_eq!(host.engine.respond(host.now, exchange, content("again")), Err(Error::ExchangeUnknown));
    assert_eq!(host.engine.defer(host.now, exchange), Err(Error::ExchangeUnknown));
}

#[test]
fn an_application_that_never_answers_is_answered_for() {
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 1, 1).token(&[9]).path("x"));
    let (exchange, _) = host.only_request();
    host.sleep_seconds(247);
    assert_eq!(host.sent.pop_front().unwrap().1, Raw::new(ACK, 0, 1));
    let late = host.only_sent();
    assert_eq!((late.kind, late.code, &late.token[..]), (CON, 0xa3, &[9][..]));
    assert!(late.uint(14).is_some());
    assert_eq!(host.engine.respond(host.now, exchange, content("x")), Err(Error::ExchangeUnknown));
    host.sleep_seconds(100);
    host.sent.clear();
    host.comes_to_rest();
}

#[test]
fn a_request_without_confirmation_gets_a_response_without() {
    // RFC7252-5.2.3-non
    let mut host = Host::new(proven());
    let request = Raw::new(NON, 1, 5).token(&[1, 2]).path("x");
    host.receive(&request);
    let (exchange, _) = host.only_request();
    host.sleep_seconds(1);
    assert!(host.sent.is_empty(), "nobody acknowledges a NON");
    host.respond(exchange, content("y"));
    let response = host.only_sent();
    assert_eq!((response.kind, response.code, &response.token[..]), (NON, 0x45, &[1, 2][..]));
    host.receive(&request);
    assert!(host.sent.is_empty() && host.requests.is_empty());
    host.comes_to_rest();
}

#[test]
fn a_message_is_acted_upon_once_within_its_lifetime() {
    // RFC7252-4.5-duplicate RFC7252-4.5-lifetimes
    let mut host = Host::new(proven());
    let request = Raw::new(CON, 2, 0x1111).token(&[1]).path("x");
    host.receive(&request);
    let (exchange, _) = host.only_request();
    host.receive(&request);
    assert!(host.sent.is_empty() && host.requests.is_empty());
    host.respond(exchange, Response::new(Code::CREATED));
    let reply = host.only_sent();
    for _ in 0..3 {
        assert_eq!(host.ask(&request), reply);
    }
    host.sleep_seconds(246);
    assert_eq!(host.ask(&request), reply);
    assert!(host.requests.is_empty());
    assert_eq!(host.engine.counters().duplicates, 5);
    host.sleep_seconds(2);
    host.receive(&request);
    host.only_request();
}

#[test]
fn the_same_id_from_another_peer_is_another_message() {
    // RFC7252-4.5-duplicate
    let mut host = Host::new(proven());
    let request = Raw::new(CON, 2, 0x1111).path("x").encode();
    host.receive_from(1, &request);
    host.receive_from(2, &request);
    assert_eq!(host.requests.len(), 2);
}

#[test]
fn a_ping_is_reset() {
    // RFC7252-4.2-ping RFC7252-4.3-non-empty
    let mut host = Host::new(proven());
    assert_eq!(host.ask(&Raw::new(CON, 0, 0xabcd)), Raw::new(RST, 0, 0xabcd));
    host.receive(&Raw::new(NON, 0, 0xabcd));
    assert!(host.sent.is_empty());
}

#[test]
fn what_is_malformed_is_reset_when_confirmable_and_ignored_otherwise() {
    // RFC7252-4.2-format-error RFC7252-4.3-format-error RFC7252-4.2-ack-rst-ignored
    let mut host = Host::new(proven());
    let cases: &[&[u8]] = &[
        &[0x41, 0x00, 0, 9, 1],       // an empty message with a token
        &[0x49, 0x01, 0, 9],          // a token of nine octets
        &[0x42, 0x01, 0, 9, 1],       // a token cut short
        &[0x40, 0x01, 0, 9, 0xff],    // a payload marker without payload
        &[0x40, 0x01, 0, 9, 0xf0],    // a reserved option delta
        &[0x40, 0x01, 0, 9, 0xb5, 1], // an option cut short
        &[0x40, 0x20, 0, 9],          // class 1
        &[0x40, 0xe1, 0, 9],          // class 7
    ];
    for case in cases {
        host.receive_from(PEER, case);
        assert_eq!(host.only_sent(), Raw::new(RST, 0, 9), "{case:02x?}");
        for kind in [NON, ACK, RST] {
            let mut other = case.to_vec();
            other[0] = other[0] & 0xcf | kind << 4;
            host.receive_from(PEER, &other);
            assert!(host.sent.is_empty(), "{other:02x?}");
        }
    }
    for silent in [&[][..], &[0x40], &[0x40, 1, 0], &[0x00, 1, 0, 9], &[0xc0, 1, 0, 9, 0xff]] {
        host.receive_from(PEER, silent);
        assert!(host.sent.is_empty(), "{silent:02x?}");
    }
    assert!(host.requests.is_empty());
    assert_eq!(host.engine.usage(), proto_coap::Usage::default());
}

#[test]
fn an_acknowledgement_with_a_request_and_a_reset_with_content_are_ignored() {
    // RFC7252-4.2-ack-rst-ignored
    let mut host = Host::new(proven());
    host.receive(&Raw::new(ACK, 1, 3).path("x"));
    host.receive(&Raw::new(RST, 1, 3).path("x"));
    host.receive(&Raw::new(RST, 0x45, 3));
    host.receive(&Raw::new(ACK, 0x45, 3));
    host.receive(&Raw::new(ACK, 0, 3));
    assert!(host.sent.is_empty() && host.requests.is_empty());
}

#[test]
fn a_critical_option_that_is_not_known_is_refused_by_name() {
    // RFC7252-5.4.1-critical RFC7252-5.4.1-elective
    let mut host = Host::new(proven());
    let refused = host.ask(&Raw::new(CON, 1, 1).token(&[4]).path("x").option(9, &[]));
    assert_eq!((refused.kind, refused.code, &refused.token[..]), (ACK, 0x82, &[4][..]));
    assert!(String::from_utf8(refused.payload).unwrap().contains('9'));
    for (id, number) in [(2, 13_u16), (3, 19), (4, 31), (5, 21), (6, 65_001), (7, 2_051)] {
        let value: &[u8] = if number == 13 { &[99] } else { &[] };
        assert_eq!(host.ask(&Raw::new(CON, 1, id).option(number, value)).code, 0x82, "{number}");
    }
    let non = host.ask(&Raw::new(NON, 1, 8).token(&[4]).option(65_001, &[]));
    assert_eq!((non.kind, non.code), (NON, 0x82));
    assert!(host.requests.is_empty());
    host.receive(&Raw::new(CON, 1, 9).option(65_000, &[1]).option(258, &[]).option(16, &[8]));
    host.only_request();
}

#[test]
fn values_of_the_wrong_length_and_supernumerary_options_count_as_unknown() {
    // RFC7252-5.4.3-length RFC7252-5.4.5-supernumerary
    let mut host = Host::new(proven());
    let refused = [
        Raw::new(CON, 1, 1).option(17, &[0, 0, 0]),
        Raw::new(CON, 1, 2).option(3, &[]),
        Raw::new(CON, 1, 3).option(11, &[b'x'; 256]),
        Raw::new(CON, 1, 4).option(17, &[0]).option(17, &[0]),
        Raw::new(CON, 2, 5).option(27, &[]).option(27, &[]),
        Raw::new(CON, 1, 6).option(23, &[0, 0, 0, 0]),
    ];
    for request in refused {
        assert_eq!(host.ask(&request).code, 0x82, "{request:?}");
    }
    host.receive(&Raw::new(CON, 1, 7).option(12, &[0, 0, 0]).option(60, &[0; 5]));
    let (_, request) = host.only_request();
    assert_eq!(request.content_format(), None);
}

#[test]
fn methods_proxies_and_conditions_that_are_not_offered_are_refused() {
    // RFC7252-5.8-unknown-method RFC7252-5.10.2-no-proxy RFC7252-5.10.8-conditions
    let mut host = Host::new(proven());
    for (id, code) in [(1, 8), (2, 0x1f)] {
        assert_eq!(host.ask(&Raw::new(CON, code, id).path("x")).code, 0x85);
    }
    assert_eq!(host.ask(&Raw::new(CON, 1, 3).option(35, b"coap://a/b")).code, 0xa5);
    assert_eq!(host.ask(&Raw::new(CON, 1, 4).path("x").option(39, b"http")).code, 0xa5);
    assert_eq!(host.ask(&Raw::new(CON, 3, 5).path("x").option(1, &[])).code, 0x82);
    assert_eq!(host.ask(&Raw::new(CON, 3, 6).path("x").option(5, &[])).code, 0x82);
    assert!(host.requests.is_empty());
    let mut host = Host::new(Config { honours_conditions: true, ..proven() });
    host.receive(&Raw::new(CON, 3, 5).path("x").option(1, &[]));
    host.only_request();
}

#[test]
fn an_abbreviated_path_is_told_from_a_long_one_by_nobody() {
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 2, 1).option(13, &[0x01, 0x92]));
    let (_, request) = host.only_request();
    assert!(request.path_is("/.well-known/brski/rv"));
    host.receive(&Raw::new(CON, 1, 2).option(13, &[]).option(15, b"rt=brski*"));
    let (_, request) = host.only_request();
    assert!(request.path_is("/.well-known/core"));
    assert_eq!(host.ask(&Raw::new(CON, 2, 3).option(13, &[0x01, 0x92]).path("x")).code, 0x82);
    assert_eq!(host.ask(&Raw::new(CON, 2, 4).option(13, &[0x01, 0xff])).code, 0x82);
}

#[test]
fn who_asks_for_too_much_at_once_is_told_to_come_again() {
    let limits = Limits { exchanges_max: 5, exchanges_per_peer_max: 2, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    for id in 0..3 {
        host.receive(&Raw::new(CON, 1, id).path("x"));
    }
    let busy = host.only_sent();
    assert_eq!((busy.kind, busy.code, busy.id), (ACK, 0xa3, 2));
    assert!(busy.uint(14).is_some());
    for peer in 10..14 {
        host.receive_from(peer, &Raw::new(CON, 1, 0).path("x").encode());
    }
    assert_eq!((host.requests.len(), host.sent.len()), (5, 1));
    let (exchange, _) = host.requests.pop_front().unwrap();
    host.sent.clear();
    host.respond(exchange, content("x"));
    host.sent.clear();
    host.receive(&Raw::new(CON, 1, 99).path("x"));
    assert!(host.sent.is_empty());
}

#[test]
fn a_response_of_a_code_or_size_that_cannot_be_leaves_the_exchange_open() {
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 1, 1).path("x"));
    let (exchange, _) = host.only_request();
    let large = content(&"x".repeat(70_000));
    assert_eq!(host.engine.respond(host.now, exchange, large), Err(Error::BodyTooLarge));
    let wrong = Response::new(Code::POST);
    assert_eq!(host.engine.respond(host.now, exchange, wrong), Err(Error::CodeUnsuitable));
    let wide = content("x").with_option(8, vec![b'x'; 2_000]);
    assert_eq!(host.engine.respond(host.now, exchange, wide), Err(Error::MessageTooLarge));
    host.respond(exchange, content("x"));
    assert_eq!(host.only_sent().code, 0x45);
}

#[test]
fn a_separate_response_that_is_never_acknowledged_is_given_up() {
    // RFC7252-4.2-give-up
    let transmission = Transmission { max_retransmit: 2, ..Transmission::default() };
    let mut host = Host::new(Config { transmission, ..proven() });
    host.receive(&Raw::new(CON, 1, 1).path("x"));
    let (exchange, _) = host.only_request();
    host.engine.defer(host.now, exchange).unwrap();
    host.respond(exchange, content("x"));
    host.sleep_seconds(60);
    assert_eq!(host.sent.iter().filter(|(_, raw)| raw.kind == CON).count(), 3);
    host.comes_to_rest();
}

#[test]
fn a_forgotten_peer_leaves_nothing_behind() {
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 1, 1).path("x"));
    host.receive(&Raw::new(CON, 2, 2).path("y").block(27, (0, true, 0)).payload(&[1; 16]));
    host.receive(&Raw::new(CON, 1, 3).path("x"));
    let (exchange, _) = host.requests.pop_front().unwrap();
    host.engine.defer(host.now, exchange).unwrap();
    host.respond(exchange, content(&"x".repeat(3_000)));
    host.engine.forget(&PEER);
    host.drain();
    assert_eq!(host.engine.usage(), proto_coap::Usage::default());
}

#[test]
fn a_clock_that_goes_back_is_not_believed() {
    let mut host = Host::new(Config { addresses: Addresses::Proven, ..Config::default() });
    host.receive(&Raw::new(CON, 1, 1).path("x"));
    let earlier = host.now.minus(Duration::from_secs(10_000));
    host.engine.handle_timeout(earlier);
    host.engine.handle_packet(earlier, &PEER, &Raw::new(CON, 1, 1).path("x").encode());
    host.drain();
    assert_eq!(host.requests.len(), 1);
    host.sleep(Duration::from_millis(500));
    assert_eq!(host.only_sent(), Raw::new(ACK, 0, 1));
}
