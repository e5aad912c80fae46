//! RFC 7959, as client: bodies that go and come block by block.

use proto::ContentFormat;
use proto_coap::{Code, Config, Error, Limits, Request, Szx};

use crate::support::{ACK, CON, Host, Raw, proven};

fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 5 + at / 253) as u8).collect()
}

fn szx(exponent: u8) -> Szx {
    Szx::new(exponent).unwrap()
}

fn post(bytes: usize) -> Request {
    Request::new(Code::POST, "/x").with_body(ContentFormat::new(42), body(bytes)).with_szx(szx(2))
}

/// Answers a message that was sent.
fn reply(sent: &Raw, code: u8) -> Raw {
    Raw::new(ACK, code, sent.id).token(&sent.token)
}

#[test]
fn a_large_body_goes_block_by_block() {
    // RFC9175-3.4-no-recycling RFC7959-4-size1
    let mut host = Host::new(proven());
    host.request(post(150));
    let (mut got, mut tags, mut tokens) = (Vec::<u8>::new(), Vec::new(), Vec::new());
    for number in 0..3 {
        let sent = host.only_sent();
        assert_eq!((sent.code, sent.block_of(27)), (2, Some((number, number < 2, 2))));
        assert_eq!((sent.uint(12), sent.uint(60)), (Some(42), (number == 0).then_some(150)));
        got.extend(&sent.payload);
        tags.push(sent.value(292).unwrap().to_vec());
        tokens.push(sent.token.clone());
        let code = if number < 2 { 0x5f } else { 0x44 };
        host.receive(&reply(&sent, code).block(27, (number, number < 2, 2)));
    }
    assert_eq!(got, body(150));
    tags.dedup();
    tokens.dedup();
    assert_eq!((tags.len(), tokens.len()), (1, 3), "one tag, and a token for each block");
    assert_eq!(host.responses.pop_front().unwrap().1.code(), Code::CHANGED);
    host.request(post(150));
    assert_ne!(host.only_sent().value(292), Some(&tags[0][..]), "another operation, another tag");
}

#[test]
fn the_client_heeds_a_smaller_size() {
    // RFC7959-2.5-heed-size
    let mut host = Host::new(proven());
    host.request(post(150));
    let first = host.only_sent();
    host.receive(&reply(&first, 0x5f).block(27, (0, true, 1)));
    let mut got = first.payload;
    for number in 2..5 {
        let sent = host.only_sent();
        assert_eq!(sent.block_of(27), Some((number, number < 4, 1)));
        got.extend(&sent.payload);
        host.receive(&reply(&sent, if number < 4 { 0x5f } else { 0x44 }).block(27, (number, number < 4, 1)));
    }
    assert_eq!(got, body(150));
    assert_eq!(host.responses.len(), 1);
}

#[test]
fn a_hint_at_a_smaller_size_begins_anew() {
    // RFC7959-2.9.3-smaller-hint
    let mut host = Host::new(proven());
    host.request(post(150));
    let first = host.only_sent();
    host.receive(&reply(&first, 0x8d).block(27, (0, false, 0)));
    let again = host.only_sent();
    assert_eq!((again.block_of(27), again.payload.len()), (Some((0, true, 0)), 16));
    assert_ne!(again.value(292), first.value(292));
    host.receive(&reply(&again, 0x8d).block(27, (0, false, 0)));
    assert_eq!(host.responses.pop_front().unwrap().1.code(), Code::REQUEST_ENTITY_TOO_LARGE);
}

#[test]
fn an_answer_before_the_last_block_is_the_answer() {
    let mut host = Host::new(proven());
    host.request(post(150));
    let first = host.only_sent();
    host.receive(&reply(&first, 0x8f));
    assert_eq!(host.responses.pop_front().unwrap().1.code(), Code::UNSUPPORTED_CONTENT_FORMAT);
    host.sleep_seconds(100);
    assert!(host.sent.is_empty());
    host.comes_to_rest();
}

#[test]
fn a_server_that_wants_more_than_there_is_is_not_believed() {
    let mut host = Host::new(proven());
    host.request(post(70));
    let first = host.only_sent();
    host.receive(&reply(&first, 0x5f).block(27, (0, true, 2)));
    let last = host.only_sent();
    host.receive(&reply(&last, 0x5f).block(27, (1, true, 2)));
    assert_eq!(host.failures.pop_front().unwrap().1, Error::ResponseBlockInvalid);
}

/// A block of a response: number, more, size exponent, and an entity tag.
fn part(sent: &Raw, block: (u32, bool, u8), of: &[u8], etag: &[u8]) -> Raw {
    let size = 16 << block.2;
    let from = block.0 as usize * size;
    let to = of.len().min(from + size);
    reply(sent, 0x45).option(4, etag).option(12, &[42]).block(23, block).payload(&of[from..to])
}

#[test]
fn a_large_response_is_fetched_block_by_block() {
    // RFC7959-2.4-same-options RFC7959-2.4-converge RFC7959-2.3-block2-sequence
    let mut host = Host::new(proven());
    let whole = body(300);
    host.request(Request::new(Code::GET, "/big").with_query("a=b").with_accept(ContentFormat::new(42)));
    let first = host.only_sent();
    assert_eq!(first.block_of(23), None);
    host.receive(&part(&first, (0, true, 3), &whole, &[1]));
    for number in 1..3 {
        let sent = host.only_sent();
        assert_eq!(sent.block_of(23), Some((number, false, 3)));
        assert_eq!((sent.value(15), sent.uint(17)), (Some(&b"a=b"[..]), Some(42)));
        assert_ne!(sent.token, first.token);
        host.receive(&part(&sent, (number, number < 2, 3), &whole, &[1]));
    }
    let (_, response, is_last) = host.responses.pop_front().unwrap();
    assert_eq!(
        (&response.body()[..], response.content_format(), is_last),
        (&whole[..], Some(ContentFormat::new(42)), true)
    );
    assert!(response.option(23).is_none());
    host.comes_to_rest();
}

#[test]
fn the_wanted_size_may_be_said_at_once() {
    // RFC7959-2.4-early
    let mut host = Host::new(Config { is_block2_early: true, szx: szx(4), ..proven() });
    host.request(Request::new(Code::GET, "/big"));
    assert_eq!(host.only_sent().block_of(23), Some((0, false, 4)));
}

#[test]
fn a_response_to_blocks_is_fetched_without_sending_the_body_again() {
    // RFC7959-2.7-combined
    let mut host = Host::new(proven());
    let whole = body(100);
    host.request(post(100));
    let first = host.only_sent();
    host.receive(&reply(&first, 0x5f).block(27, (0, true, 2)));
    let last = host.only_sent();
    let mut begun = part(&last, (0, true, 2), &whole, &[1]).block(27, (1, false, 2));
    begun.code = 0x44;
    host.receive(&begun);
    let next = host.only_sent();
    assert_eq!((next.code, next.block_of(23), next.block_of(27)), (2, Some((1, false, 2)), None));
    assert!(next.payload.is_empty());
    assert_eq!(next.value(292), last.value(292));
    let mut end = part(&next, (1, false, 2), &whole, &[1]);
    end.code = 0x44;
    host.receive(&end);
    assert_eq!(&host.responses.pop_front().unwrap().1.body()[..], &whole[..]);
}

#[test]
fn a_representation_that_changes_is_fetched_anew_and_not_for_ever() {
    // RFC7959-2.4-etag RFC7959-2.4-restart
    let mut host = Host::new(proven());
    let whole = body(200);
    host.request(Request::new(Code::GET, "/big"));
    for etag in 0..3_u8 {
        let first = host.only_sent();
        assert_eq!(first.block_of(23), None);
        host.receive(&part(&first, (0, true, 2), &whole, &[etag]));
        let second = host.only_sent();
        host.receive(&part(&second, (1, true, 2), &whole, &[etag + 100]));
    }
    assert_eq!(host.failures.pop_front().unwrap().1, Error::ResponseChanged);
    assert!(host.sent.is_empty());
    host.comes_to_rest();
}

#[test]
fn blocks_that_do_not_follow_each_other_make_no_body() {
    // RFC7959-2.3-block2-sequence
    let whole = body(400);
    let bad: [fn(&Raw, &[u8]) -> Raw; 5] = [
        |sent, whole| part(sent, (2, true, 2), whole, &[1]),
        |sent, whole| part(sent, (0, true, 2), whole, &[1]),
        |sent, whole| part(sent, (1, true, 2), whole, &[1]).payload(&[1; 63]),
        |sent, _| reply(sent, 0x45).option(4, &[1]).option(12, &[42]).payload(b"whole?"),
        |sent, _| reply(sent, 0x45).option(4, &[1]).option(12, &[42]).option(23, &[0x17]),
    ];
    for wrong in bad {
        let mut host = Host::new(proven());
        host.request(Request::new(Code::GET, "/big"));
        let first = host.only_sent();
        host.receive(&part(&first, (0, true, 2), &whole, &[1]));
        let second = host.only_sent();
        host.receive(&wrong(&second, &whole));
        assert_eq!(host.failures.pop_front().unwrap().1, Error::ResponseBlockInvalid);
        assert!(host.responses.is_empty());
    }
    let mut host = Host::new(proven());
    host.request(Request::new(Code::GET, "/big"));
    let first = host.only_sent();
    host.receive(&part(&first, (1, false, 2), &whole, &[1]));
    assert_eq!(host.failures.len(), 1, "a first block has the number 0");
}

#[test]
fn an_error_in_the_midst_of_a_body_is_the_response() {
    let mut host = Host::new(proven());
    host.request(Request::new(Code::GET, "/big"));
    let first = host.only_sent();
    host.receive(&part(&first, (0, true, 2), &body(400), &[1]));
    let second = host.only_sent();
    host.receive(&reply(&second, 0x84));
    assert_eq!(host.responses.pop_front().unwrap().1.code(), Code::NOT_FOUND);
}

#[test]
fn a_response_that_is_too_large_is_not_fetched() {
    let limits = Limits { body_bytes_max: 150, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    host.request(Request::new(Code::GET, "/big"));
    let first = host.only_sent();
    host.receive(&part(&first, (0, true, 2), &body(400), &[1]).option(28, &[200]));
    assert_eq!(host.failures.pop_front().unwrap().1, Error::BodyTooLarge);
    host.request(Request::new(Code::GET, "/big"));
    for number in 0..3 {
        let sent = host.only_sent();
        host.receive(&part(&sent, (number, true, 2), &body(400), &[1]));
    }
    assert_eq!(host.failures.pop_front().unwrap().1, Error::BodyTooLarge);
    let too_large = Request::new(Code::POST, "/x").with_body(ContentFormat::TEXT, body(151));
    let (now, peer) = (host.now, crate::support::PEER);
    assert_eq!(host.engine.request(now, &peer, too_large), Err(Error::BodyTooLarge));
}

#[test]
fn a_separate_response_may_begin_a_body_too() {
    let mut host = Host::new(proven());
    let whole = body(100);
    host.request(Request::new(Code::GET, "/big"));
    let first = host.only_sent();
    host.receive(&reply(&first, 0));
    let mut late = part(&first, (0, true, 2), &whole, &[1]);
    (late.kind, late.id) = (CON, 0x4444);
    host.receive(&late);
    assert_eq!(host.sent.pop_front().unwrap().1, Raw::new(ACK, 0, 0x4444));
    let second = host.only_sent();
    host.receive(&part(&second, (1, false, 2), &whole, &[1]));
    assert_eq!(&host.responses.pop_front().unwrap().1.body()[..], &whole[..]);
}
