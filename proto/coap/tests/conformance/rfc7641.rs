//! RFC 7641: observers of ours, and observing others.

use proto::ContentFormat;
use proto_coap::{Code, Config, Error, Limits, ObservationId, Request, RequestId, Response};

use crate::support::{ACK, CON, Host, NON, PEER, RST, Raw, proven};

fn state(text: &str) -> Response {
    Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, text.as_bytes().to_vec()).with_max_age(15)
}

fn register(id: u16, token: u8) -> Raw {
    Raw::new(CON, 1, id).token(&[token]).path("temperature").option(6, &[])
}

/// Takes an observer in and returns its number and the first sequence number.
fn observed(host: &mut Host, request: &Raw) -> (ObservationId, u32) {
    host.receive(request);
    let (exchange, asked) = host.only_request();
    assert!(asked.is_observing());
    let observation = host.engine.observe(host.now, exchange, state("18.5 Cel")).unwrap().unwrap();
    host.drain();
    let response = host.only_sent();
    assert_eq!((response.kind, response.code), (ACK, 0x45));
    (observation, response.uint(6).unwrap())
}

fn notify(host: &mut Host, observation: ObservationId, text: &str, is_confirmable: bool) {
    host.engine.notify(host.now, observation, state(text), is_confirmable).unwrap();
    host.drain();
}

#[test]
fn an_observer_is_told_of_changes_in_order() {
    // RFC7641-4.4-sequence
    let mut host = Host::new(proven());
    let (observation, mut last) = observed(&mut host, &register(1, 0x4a));
    for text in ["19.2 Cel", "19.7 Cel", "20.0 Cel"] {
        notify(&mut host, observation, text, true);
        let told = host.only_sent();
        assert_eq!((told.kind, told.code, &told.token[..]), (CON, 0x45, &[0x4a][..]));
        assert_eq!(&told.payload[..], text.as_bytes());
        let sequence = told.uint(6).unwrap();
        assert!(sequence > last && sequence < 1 << 24);
        last = sequence;
        host.receive(&Raw::new(ACK, 0, told.id));
    }
    host.engine.end_observing(observation).unwrap();
    assert_eq!(host.engine.end_observing(observation), Err(Error::ObservationUnknown));
    let now = host.now;
    assert_eq!(host.engine.notify(now, observation, state("x"), true), Err(Error::ObservationUnknown));
    host.comes_to_rest();
}

#[test]
fn sequence_numbers_stay_below_half_their_range_in_256_seconds() {
    // RFC7641-4.4-sequence
    let mut host = Host::new(proven());
    let (observation, first) = observed(&mut host, &register(1, 1));
    host.sleep_seconds(255);
    notify(&mut host, observation, "x", false);
    let later = host.sent.pop_back().unwrap().1.uint(6).unwrap();
    let grown = later.wrapping_sub(first) & 0x00ff_ffff;
    assert!(grown > 0 && grown < 1 << 23);
}

#[test]
fn a_server_may_answer_without_taking_the_observer_in() {
    // RFC7641-4.1-unwilling
    let limits = Limits { observers_max: 3, observers_per_peer_max: 2, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    host.receive(&register(1, 1));
    let (exchange, _) = host.only_request();
    host.respond(exchange, state("x"));
    assert_eq!(host.only_sent().value(6), None);
    observed(&mut host, &register(2, 2));
    observed(&mut host, &register(3, 3));
    host.receive(&register(4, 4));
    let (exchange, _) = host.only_request();
    assert_eq!(host.engine.observe(host.now, exchange, state("x")), Ok(None));
    host.drain();
    assert_eq!(host.only_sent().value(6), None);
    for peer in 20..23 {
        host.receive_from(peer, &register(1, 1).encode());
        let (exchange, _) = host.only_request();
        let observation = host.engine.observe(host.now, exchange, state("x")).unwrap();
        assert_eq!(observation.is_some(), peer == 20);
    }
    host.drain();
    host.sent.clear();
    host.receive(&register(9, 9));
    let (exchange, _) = host.only_request();
    let missing = Response::new(Code::NOT_FOUND);
    assert_eq!(host.engine.observe(host.now, exchange, missing), Ok(None));
}

#[test]
fn who_registers_again_keeps_one_entry() {
    // RFC7641-4.1-one-entry
    let mut host = Host::new(proven());
    let (first, sequence) = observed(&mut host, &register(1, 1));
    let (second, later) = observed(&mut host, &register(2, 1));
    assert_eq!((first, host.engine.usage().observers), (second, 1));
    assert!(later > sequence);
}

#[test]
fn who_deregisters_is_told_no_more() {
    // RFC7641-4.1-deregister
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    let mut farewell = register(2, 1);
    farewell.options.retain(|(number, _)| *number != 6);
    host.receive(&farewell.option(6, &[1]));
    assert_eq!(host.ended.pop_front(), Some(observation));
    let (exchange, request) = host.only_request();
    assert!(!request.is_observing());
    host.respond(exchange, state("x"));
    assert_eq!(host.only_sent().value(6), None);
}

#[test]
fn an_observer_that_rejects_or_does_not_answer_is_removed() {
    // RFC7641-4.5-remove
    for is_confirmable in [true, false] {
        let mut host = Host::new(proven());
        let (observation, _) = observed(&mut host, &register(1, 1));
        notify(&mut host, observation, "x", is_confirmable);
        let told = host.only_sent();
        assert_eq!(told.kind, if is_confirmable { CON } else { NON });
        host.receive(&Raw::new(RST, 0, told.id));
        assert_eq!(host.ended.pop_front(), Some(observation));
        host.comes_to_rest();
    }
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    notify(&mut host, observation, "x", true);
    host.sleep_seconds(94);
    assert_eq!(host.ended.pop_front(), Some(observation));
    assert_eq!(host.sent.len(), 5);
    host.comes_to_rest();
}

#[test]
fn an_error_is_the_last_notification_and_has_no_number() {
    // RFC7641-4.2-error-ends
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    host.engine.notify(host.now, observation, Response::new(Code::NOT_FOUND), false).unwrap();
    host.drain();
    let told = host.only_sent();
    assert_eq!((told.kind, told.code, told.value(6)), (CON, 0x84, None));
    assert_eq!(host.engine.usage().observers, 0);
}

#[test]
fn notifications_without_confirmation_keep_their_distance_and_the_last_one_arrives() {
    // RFC7641-4.5.1-spacing
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    for text in ["a", "b", "c", "d"] {
        notify(&mut host, observation, text, false);
    }
    assert_eq!(&host.only_sent().payload[..], b"a");
    host.sleep(std::time::Duration::from_millis(2_999));
    assert!(host.sent.is_empty());
    host.sleep_seconds(1);
    assert_eq!(&host.only_sent().payload[..], b"d");
    host.sleep_seconds(100);
    assert!(host.sent.is_empty());
}

#[test]
fn a_newer_state_takes_the_place_of_one_that_is_not_acknowledged() {
    // RFC7641-4.5.2-supersede
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    notify(&mut host, observation, "old", true);
    let old = host.only_sent();
    notify(&mut host, observation, "newer", true);
    notify(&mut host, observation, "newest", true);
    assert!(host.sent.is_empty());
    host.sleep_seconds(3);
    let newest = host.only_sent();
    assert_eq!((&newest.payload[..], newest.kind), (&b"newest"[..], CON));
    assert!(newest.id != old.id && newest.uint(6) > old.uint(6));
    // The back-off goes on where it was: four, eight and sixteen seconds and more.
    host.sleep_seconds(91);
    assert_eq!(host.sent.len(), 3);
    assert_eq!(host.ended.pop_front(), Some(observation));
}

#[test]
fn an_acknowledged_state_is_followed_by_the_one_that_waits() {
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    notify(&mut host, observation, "old", true);
    let old = host.only_sent();
    notify(&mut host, observation, "new", false);
    host.receive(&Raw::new(ACK, 0, old.id));
    let new = host.only_sent();
    assert_eq!((&new.payload[..], new.kind), (&b"new"[..], NON));
}

#[test]
fn once_a_day_a_notification_is_confirmable() {
    // RFC7641-4.5-daily-confirmable
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    for hours in [12, 12] {
        host.sleep_seconds(hours * 3_600);
        notify(&mut host, observation, "x", false);
    }
    let kinds: Vec<u8> = host.sent.iter().map(|(_, raw)| raw.kind).collect();
    assert_eq!(kinds[0], NON);
    assert_eq!(kinds[1], CON);
}

#[test]
fn a_large_notification_goes_by_its_first_block() {
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1).block(23, (0, false, 2)));
    let text = "z".repeat(100);
    notify(&mut host, observation, &text, true);
    let told = host.only_sent();
    assert_eq!((told.block_of(23), told.payload.len()), (Some((0, true, 2)), 64));
    assert!(told.uint(6).is_some());
    let rest = Raw::new(CON, 1, 9).token(&[77]).path("temperature").block(23, (1, false, 2));
    let rest = host.ask(&rest);
    assert_eq!((rest.value(4), rest.value(6), rest.payload.len()), (told.value(4), None, 36));
}

#[test]
fn a_forgotten_observer_is_reported() {
    let mut host = Host::new(proven());
    let (observation, _) = observed(&mut host, &register(1, 1));
    notify(&mut host, observation, "x", true);
    host.engine.forget(&PEER);
    host.drain();
    assert_eq!(host.ended.pop_front(), Some(observation));
    assert_eq!(host.engine.usage(), proto_coap::Usage::default());
}

/// Observes the usual peer and returns the request and its token.
fn observing(host: &mut Host, sequence: u8) -> (RequestId, Vec<u8>) {
    let id = host.request(Request::new(Code::GET, "/temperature").observing());
    let sent = host.only_sent();
    assert_eq!(sent.uint(6), Some(0));
    host.receive(&Raw::new(ACK, 0x45, sent.id).token(&sent.token).option(6, &[sequence]).payload(b"first"));
    let (request, _, is_last) = host.responses.pop_front().unwrap();
    assert_eq!((request, is_last), (id, false));
    (id, sent.token)
}

fn told(kind: u8, id: u16, token: &[u8], sequence: u32) -> Raw {
    let raw = Raw::new(kind, 0x45, id).token(token).payload(b"next");
    raw.option(6, &sequence.to_be_bytes()[1..])
}

#[test]
fn notifications_are_taken_in_the_order_in_which_they_were_sent() {
    // RFC7641-3.1-registered RFC7641-3.4-reordering
    let mut host = Host::new(proven());
    let (id, token) = observing(&mut host, 10);
    host.receive(&told(NON, 1, &token, 12));
    assert_eq!(host.responses.pop_front().map(|(request, _, is_last)| (request, is_last)), Some((id, false)));
    // An older one is acknowledged and dropped; so is the same one.
    assert_eq!(host.ask(&told(CON, 2, &token, 11)), Raw::new(ACK, 0, 2));
    host.receive(&told(NON, 3, &token, 12));
    assert!(host.responses.is_empty());
    // The numbers wrap.
    host.receive(&told(NON, 4, &token, 0x7f_ffff));
    host.receive(&told(NON, 5, &token, 0xff_fff0));
    host.receive(&told(NON, 6, &token, 3));
    assert_eq!(host.responses.len(), 3);
    // After 128 seconds any number is newer.
    host.sleep_seconds(129);
    host.receive(&told(NON, 7, &token, 1));
    assert_eq!(host.responses.len(), 4);
}

#[test]
fn a_notification_without_number_is_the_last() {
    let mut host = Host::new(proven());
    let (id, token) = observing(&mut host, 10);
    let gone = Raw::new(CON, 0x84, 1).token(&token);
    assert_eq!(host.ask(&gone), Raw::new(ACK, 0, 1));
    let (request, response, is_last) = host.responses.pop_front().unwrap();
    assert_eq!((request, response.code(), is_last), (id, Code::NOT_FOUND, true));
    assert_eq!(host.ask(&told(CON, 2, &token, 99)), Raw::new(RST, 0, 2));
    host.comes_to_rest();
}

#[test]
fn a_server_that_does_not_take_us_in_ends_the_request_with_its_response() {
    let mut host = Host::new(proven());
    host.request(Request::new(Code::GET, "/temperature").observing());
    let sent = host.only_sent();
    host.receive(&Raw::new(ACK, 0x45, sent.id).token(&sent.token).payload(b"once"));
    assert!(host.responses.pop_front().unwrap().2);
    host.comes_to_rest();
}

#[test]
fn a_notification_that_we_do_not_want_is_rejected() {
    // RFC7641-3.5-unknown-token
    let mut host = Host::new(proven());
    assert_eq!(host.ask(&told(CON, 1, &[9], 5)), Raw::new(RST, 0, 1));
    assert_eq!(host.ask(&told(NON, 2, &[9], 5)), Raw::new(RST, 0, 2));
}

#[test]
fn an_observation_is_ended_with_its_own_token() {
    // RFC7641-3.6-cancel
    let mut host = Host::new(proven());
    let (id, token) = observing(&mut host, 10);
    host.engine.cancel(host.now, id).unwrap();
    host.drain();
    let farewell = host.only_sent();
    assert_eq!((farewell.code, &farewell.token, farewell.uint(6)), (1, &token, Some(1)));
    host.receive(&Raw::new(ACK, 0x45, farewell.id).token(&token).payload(b"last"));
    assert!(host.responses.is_empty());
    host.comes_to_rest();
}

#[test]
fn a_large_notification_is_fetched_and_a_newer_one_takes_its_place() {
    let mut host = Host::new(proven());
    let (id, token) = observing(&mut host, 10);
    let whole = [b'n'; 100];
    let begin = |id, sequence, etag: u8| {
        let raw = Raw::new(NON, 0x45, id).token(&token).option(6, &[sequence]).option(4, &[etag]);
        raw.block(23, (0, true, 2)).payload(&whole[..64])
    };
    host.receive(&begin(1, 11, 1));
    let old_fetch = host.only_sent();
    assert_eq!((old_fetch.value(6), old_fetch.block_of(23)), (None, Some((1, false, 2))));
    assert_ne!(old_fetch.token, token);
    host.receive(&begin(2, 12, 2));
    let fetch = host.only_sent();
    let rest = |of: &Raw, etag: u8| {
        let raw = Raw::new(ACK, 0x45, of.id).token(&of.token).option(4, &[etag]);
        raw.block(23, (1, false, 2)).payload(&whole[64..])
    };
    host.receive(&rest(&old_fetch, 1));
    assert!(host.responses.is_empty());
    host.receive(&rest(&fetch, 2));
    let (request, response, is_last) = host.responses.pop_front().unwrap();
    assert_eq!((request, &response.body()[..], is_last), (id, &whole[..], false));
    host.receive(&told(NON, 9, &token, 13));
    assert_eq!(host.responses.len(), 1);
}

#[test]
fn a_state_that_changes_while_it_is_fetched_is_left_for_the_next_notification() {
    let mut host = Host::new(proven());
    let (id, token) = observing(&mut host, 10);
    let begin = Raw::new(NON, 0x45, 1).token(&token).option(6, &[11]).option(4, &[1]);
    host.receive(&begin.block(23, (0, true, 2)).payload(&[b'o'; 64]));
    let fetch = host.only_sent();
    let changed = Raw::new(ACK, 0x45, fetch.id).token(&fetch.token).option(4, &[2]);
    host.receive(&changed.block(23, (1, false, 2)).payload(&[b'n'; 36]));
    assert!(host.sent.is_empty() && host.responses.is_empty() && host.failures.is_empty());
    host.receive(&told(NON, 2, &token, 12));
    assert_eq!(host.responses.pop_front().map(|(request, _, is_last)| (request, is_last)), Some((id, false)));
}
