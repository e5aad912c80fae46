//! RFC 7252, as client.

use std::time::Duration;

use proto::ContentFormat;
use proto_coap::{Code, Config, Error, Limits, Request, Transmission};

use crate::support::{ACK, CON, Host, NON, PEER, RST, Raw, proven};

fn get() -> Request {
    Request::new(Code::GET, "/temperature")
}

fn answer(kind: u8, id: u16, request: &Raw) -> Raw {
    Raw::new(kind, 0x45, id).token(&request.token).payload(b"22.3 C")
}

#[test]
fn a_response_with_the_acknowledgement_ends_a_request() {
    // RFC7252-5.3.2-piggybacked-match
    let mut host = Host::new(proven());
    let id = host.request(get());
    let sent = host.only_sent();
    assert_eq!((sent.kind, sent.code, sent.value(11)), (CON, 1, Some(&b"temperature"[..])));
    assert_eq!(sent.token.len(), 8);
    host.receive(&answer(ACK, sent.id, &sent));
    let (answered, response, is_last) = host.responses.pop_front().unwrap();
    assert_eq!((answered, response.code(), is_last), (id, Code::CONTENT, true));
    assert_eq!(&response.body()[..], b"22.3 C");
    // What comes again, and what answers nothing, changes nothing.
    host.receive(&answer(ACK, sent.id, &sent));
    assert!(host.sent.is_empty() && host.responses.is_empty());
    host.comes_to_rest();
}

#[test]
fn a_response_must_have_the_peer_the_id_and_the_token_of_its_request() {
    // RFC7252-5.3.2-piggybacked-match RFC7252-5.3.2-separate-match RFC7252-4.4-match
    let mut host = Host::new(proven());
    host.request(get());
    let sent = host.only_sent();
    host.receive(&answer(ACK, sent.id.wrapping_add(1), &sent));
    host.receive(&answer(ACK, sent.id, &sent).token(&[1, 2, 3]));
    host.receive_from(PEER + 1, &answer(ACK, sent.id, &sent).encode());
    host.receive_from(PEER + 1, &answer(NON, 77, &sent).encode());
    assert!(host.responses.is_empty() && host.failures.is_empty());
    host.receive(&answer(ACK, sent.id, &sent));
    assert_eq!(host.responses.len(), 1);
}

#[test]
fn a_separate_response_is_acknowledged_whenever_it_comes() {
    // RFC7252-5.3.2-separate-match RFC7252-5.2.2-separate
    for is_acknowledged_first in [true, false] {
        let mut host = Host::new(proven());
        host.request(get());
        let sent = host.only_sent();
        if is_acknowledged_first {
            host.receive(&Raw::new(ACK, 0, sent.id));
            host.sleep_seconds(60);
        }
        let response = answer(CON, 0x7777, &sent);
        assert_eq!(host.ask(&response), Raw::new(ACK, 0, 0x7777));
        assert_eq!(host.ask(&response), Raw::new(ACK, 0, 0x7777), "the acknowledgement was lost");
        host.receive(&Raw::new(ACK, 0, sent.id));
        host.sleep_seconds(100);
        assert!(host.sent.is_empty(), "it is not sent again");
        assert_eq!(host.responses.len(), 1);
        host.comes_to_rest();
    }
}

#[test]
fn a_response_without_confirmation_answers_a_confirmable_request() {
    // RFC7252-5.2.3-non
    let mut host = Host::new(proven());
    host.request(get());
    let sent = host.only_sent();
    host.receive(&answer(NON, 5, &sent));
    host.receive(&answer(NON, 5, &sent));
    assert!(host.sent.is_empty());
    assert_eq!(host.responses.len(), 1);
}

#[test]
fn a_response_that_nobody_waits_for_is_rejected() {
    // RFC7252-5.3.2-unexpected
    let mut host = Host::new(proven());
    assert_eq!(host.ask(&Raw::new(CON, 0x45, 9).token(&[1])), Raw::new(RST, 0, 9));
    host.receive(&Raw::new(NON, 0x45, 10).token(&[1]));
    host.receive(&Raw::new(ACK, 0x45, 11).token(&[1]));
    assert!(host.sent.is_empty());
}

#[test]
fn a_message_is_sent_again_at_doubling_times_and_then_given_up() {
    // RFC7252-4.2-initial-timeout RFC7252-4.2-retransmission RFC7252-4.2-give-up
    let mut first_timeouts = Vec::new();
    for seed in 0..20 {
        let mut host = Host::new(proven());
        host.engine = proto_coap::Engine::new(proven(), [seed; 32]);
        let id = host.request(get());
        let sent = host.only_sent();
        let started_at = host.now;
        let mut at = Vec::new();
        while host.failures.is_empty() {
            host.sleep(Duration::from_millis(1));
            for (_, again) in host.sent.drain(..) {
                assert_eq!(again, sent);
                at.push(host.now.since(started_at).as_millis());
            }
        }
        assert_eq!(at.len(), 4);
        let first = at[0];
        assert!((2_000..=3_001).contains(&first));
        for (nth, at) in at.iter().enumerate() {
            let expected = first * ((2 << nth) - 1);
            assert!(at.abs_diff(expected) <= 16, "{at} {expected}");
        }
        assert!(at[3] <= 45_010);
        let gave_up = host.now.since(started_at).as_millis();
        assert!(gave_up.abs_diff(first * 31) <= 40 && gave_up <= 93_010);
        assert_eq!(host.failures.pop_front(), Some((id, Error::TimedOut)));
        first_timeouts.push(first);
    }
    first_timeouts.dedup();
    assert!(first_timeouts.len() > 15, "the first waiting time is drawn at random");
}

#[test]
fn who_was_asleep_too_long_does_not_send_again() {
    // RFC7252-4.2-span
    let mut host = Host::new(proven());
    host.request(get());
    host.sent.clear();
    host.now = host.now.plus(Duration::from_secs(50));
    host.engine.handle_timeout(host.now);
    host.drain();
    assert!(host.sent.is_empty());
    host.sleep_seconds(200);
    assert!(host.sent.is_empty());
    assert_eq!(host.failures.len(), 1);
}

#[test]
fn a_reset_fails_a_request() {
    let mut host = Host::new(proven());
    for request in [get(), get().non_confirmable()] {
        let id = host.request(request);
        let sent = host.only_sent();
        host.receive(&Raw::new(RST, 0, sent.id));
        assert_eq!(host.failures.pop_front(), Some((id, Error::RejectedByPeer)));
    }
    host.comes_to_rest();
}

#[test]
fn one_interaction_with_a_peer_is_outstanding_at_a_time() {
    // RFC7252-4.7-nstart
    let mut host = Host::new(proven());
    for _ in 0..3 {
        host.request(get());
    }
    let first = host.only_sent();
    host.engine.request(host.now, &(PEER + 1), get()).unwrap();
    host.drain();
    assert_eq!(host.sent.pop_front().unwrap().0, PEER + 1, "another peer has a lane of its own");
    // An acknowledged request is no longer outstanding, though its response is.
    host.receive(&Raw::new(ACK, 0, first.id));
    let second = host.only_sent();
    host.receive(&answer(ACK, second.id, &second));
    let third = host.only_sent();
    host.receive(&answer(CON, 1, &first));
    assert_eq!(host.only_sent(), Raw::new(ACK, 0, 1));
    host.receive(&answer(ACK, third.id, &third));
    assert_eq!(host.responses.len(), 3);

    let transmission = Transmission { nstart: 2, ..Transmission::default() };
    let mut host = Host::new(Config { transmission, ..proven() });
    for _ in 0..3 {
        host.request(get());
    }
    assert_eq!(host.sent.len(), 2);
}

#[test]
fn what_waits_for_a_peer_is_bounded() {
    let limits = Limits { waiting_per_peer_max: 2, requests_max: 4, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    for _ in 0..3 {
        host.request(get());
    }
    assert_eq!(host.engine.request(host.now, &PEER, get()), Err(Error::TooManyWaiting));
    host.engine.request(host.now, &1, get()).unwrap();
    assert_eq!(host.engine.request(host.now, &2, get()), Err(Error::TooManyWaiting));
    assert_eq!(host.engine.usage().requests, 4);
}

#[test]
fn an_unanswered_request_without_confirmation_does_not_probe_too_fast() {
    // RFC7252-4.7-probing-rate
    let mut host = Host::new(proven());
    let body = vec![1_u8; 400];
    let request = Request::new(Code::POST, "/x").with_body(ContentFormat::new(42), body).non_confirmable();
    host.request(request.clone());
    host.request(request);
    let sent = host.only_sent();
    assert_eq!(sent.kind, NON);
    let octets = sent.encode().len() as u64;
    host.sleep_seconds(octets - 1);
    assert!(host.sent.is_empty() && host.failures.is_empty());
    host.sleep_seconds(1);
    assert_eq!((host.sent.len(), host.failures.len()), (1, 1));
}

#[test]
fn a_response_with_an_unknown_critical_option_is_rejected() {
    // RFC7252-5.4.1-response-critical
    let mut host = Host::new(proven());
    let id = host.request(get());
    let sent = host.only_sent();
    let response = answer(CON, 9, &sent).option(65_001, &[]);
    assert_eq!(host.ask(&response), Raw::new(RST, 0, 9));
    assert_eq!(host.failures.pop_front(), Some((id, Error::ResponseOptionUnknown)));
    host.request(get());
    let sent = host.only_sent();
    host.receive(&answer(ACK, sent.id, &sent).option(11, b"a path is for requests"));
    assert_eq!(host.failures.len(), 1);
    assert!(host.sent.is_empty() && host.responses.is_empty());
    host.request(get());
    let sent = host.only_sent();
    host.receive(&answer(ACK, sent.id, &sent).option(65_000, &[]));
    assert_eq!(host.responses.len(), 1);
}

#[test]
fn an_acknowledged_request_without_response_fails_in_the_end() {
    let mut host = Host::new(proven());
    host.request(get());
    let sent = host.only_sent();
    host.receive(&Raw::new(ACK, 0, sent.id));
    host.sleep_seconds(246);
    assert!(host.failures.is_empty());
    host.sleep_seconds(1);
    assert_eq!(host.failures.len(), 1);
    assert_eq!(host.ask(&answer(CON, 3, &sent)), Raw::new(RST, 0, 3));
    host.comes_to_rest();
}

#[test]
fn a_request_that_is_given_up_is_not_sent_again() {
    let mut host = Host::new(proven());
    let first = host.request(get());
    let second = host.request(get());
    host.engine.cancel(host.now, second).unwrap();
    host.engine.cancel(host.now, first).unwrap();
    assert_eq!(host.engine.cancel(host.now, first), Err(Error::RequestUnknown));
    host.drain();
    host.sent.clear();
    host.sleep_seconds(100);
    assert!(host.sent.is_empty() && host.failures.is_empty() && host.responses.is_empty());
    host.comes_to_rest();
}

#[test]
fn the_requests_of_a_forgotten_peer_fail() {
    let mut host = Host::new(proven());
    let ids = [host.request(get()), host.request(get())];
    host.engine.forget(&PEER);
    host.drain();
    let failed: Vec<_> = host.failures.iter().map(|(id, _)| *id).collect();
    assert!(ids.iter().all(|id| failed.contains(id)));
    assert_eq!(host.engine.usage(), proto_coap::Usage::default());
}

#[test]
fn what_is_no_request_is_not_sent() {
    let mut host = Host::new(proven());
    let wrong = Request::new(Code::CONTENT, "/");
    assert_eq!(host.engine.request(host.now, &PEER, wrong), Err(Error::CodeUnsuitable));
    let wide = get().with_option(2_048, vec![0; 2_000]);
    assert_eq!(host.engine.request(host.now, &PEER, wide), Err(Error::MessageTooLarge));
    host.drain();
    assert_eq!(host.engine.usage(), proto_coap::Usage::default());
}

#[test]
fn a_response_of_ours_does_not_wait_for_requests_of_ours() {
    // RFC7252-4.7-nstart
    let mut host = Host::new(proven());
    host.request(get());
    assert_eq!(host.only_sent().code, 1);
    host.receive(&Raw::new(CON, 1, 9).path("x"));
    let (exchange, _) = host.only_request();
    host.engine.defer(host.now, exchange).unwrap();
    host.respond(exchange, proto_coap::Response::new(Code::CONTENT));
    let kinds: Vec<(u8, u8)> = host.sent.iter().map(|(_, raw)| (raw.kind, raw.code)).collect();
    assert_eq!(kinds, [(ACK, 0), (CON, 0x45)]);
}
