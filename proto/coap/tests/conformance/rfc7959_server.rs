//! RFC 7959, as server: bodies that come and go block by block.

use proto::ContentFormat;
use proto_coap::{Code, Config, Limits, Response, Szx, Usage};

use crate::support::{ACK, CON, Host, NON, PEER, Raw, proven};

/// A body in which each octet tells where it stands.
fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A block of a POST to /x: id, number, more, size exponent, and the octets that belong there.
fn post(id: u16, block: (u32, bool, u8), of: &[u8]) -> Raw {
    let size = 16 << block.2;
    let from = block.0 as usize * size;
    let to = of.len().min(from + size);
    Raw::new(CON, 2, id)
        .token(&id.to_be_bytes())
        .path("x")
        .option(12, &[42])
        .block(27, block)
        .payload(&of[from.min(to)..to])
}

fn content(bytes: usize) -> Response {
    Response::new(Code::CONTENT).with_body(ContentFormat::new(42), body(bytes))
}

#[test]
fn blocks_in_order_make_one_request() {
    // RFC7959-2.9.1-continue RFC7959-2.3-final-response RFC7959-2.2-structure
    let mut host = Host::new(proven());
    let whole = body(150);
    for number in 0..2 {
        let next = host.ask(&post(number, (u32::from(number), true, 2), &whole));
        assert_eq!((next.kind, next.code), (ACK, 0x5f));
        assert_eq!(next.block_of(27), Some((u32::from(number), true, 2)));
        assert!(next.payload.is_empty() && host.requests.is_empty());
    }
    host.receive(&post(2, (2, false, 2), &whole));
    let (exchange, request) = host.only_request();
    assert_eq!(&request.body()[..], &whole[..]);
    assert_eq!(request.content_format(), Some(ContentFormat::new(42)));
    assert!(request.options().all(|(number, _)| number != 27));
    host.respond(exchange, Response::new(Code::CHANGED));
    let last = host.only_sent();
    assert_eq!((last.code, last.block_of(27)), (0x44, Some((2, false, 2))));
    host.comes_to_rest();
}

#[test]
fn a_body_with_a_hole_is_never_handed_on() {
    // RFC7959-2.5-incomplete
    let mut host = Host::new(proven());
    let whole = body(192);
    // The last block without any before it; block 0 and 2 without 1; and the last block again.
    assert_eq!(host.ask(&post(1, (2, false, 2), &whole)).code, 0x88);
    assert_eq!(host.ask(&post(2, (0, true, 2), &whole)).code, 0x5f);
    let incomplete = host.ask(&post(3, (2, false, 2), &whole));
    assert_eq!((incomplete.code, incomplete.block_of(27)), (0x88, Some((2, false, 2))));
    assert!(host.requests.is_empty());
    // What was kept is still good: block 1 and 2 in order complete it.
    assert_eq!(host.ask(&post(4, (1, true, 2), &whole)).code, 0x5f);
    host.receive(&post(5, (2, false, 2), &whole));
    assert_eq!(&host.only_request().1.body()[..], &whole[..]);
}

#[test]
fn a_block_that_comes_again_under_another_id_changes_nothing() {
    let mut host = Host::new(proven());
    let whole = body(192);
    host.ask(&post(1, (0, true, 2), &whole));
    host.ask(&post(2, (1, true, 2), &whole));
    assert_eq!(host.ask(&post(3, (1, true, 2), &whole)).code, 0x5f);
    let mut other = post(4, (1, true, 2), &whole);
    other.payload[5] ^= 1;
    assert_eq!(host.ask(&other).code, 0x88);
    host.receive(&post(5, (2, false, 2), &whole));
    assert_eq!(&host.only_request().1.body()[..], &whole[..]);
}

#[test]
fn a_first_block_begins_anew() {
    // RFC7959-2.5-overwrites
    let mut host = Host::new(proven());
    let (old, new) = (body(192), vec![9; 100]);
    host.ask(&post(1, (0, true, 2), &old));
    host.ask(&post(2, (1, true, 2), &old));
    host.ask(&post(3, (0, true, 2), &new));
    host.receive(&post(4, (1, false, 2), &new));
    assert_eq!(&host.only_request().1.body()[..], &new[..]);
}

#[test]
fn blocks_of_another_format_tag_path_query_or_peer_do_not_join() {
    // RFC7959-2.3-content-format RFC9175-3.3-request-tag
    let mut host = Host::new(proven());
    let whole = body(100);
    host.ask(&post(1, (0, true, 2), &whole));
    let second = |id| post(id, (1, false, 2), &whole);
    let mut other_format = second(2);
    other_format.options.retain(|(number, _)| *number != 12);
    let strangers = [
        other_format.option(12, &[41]),
        second(3).option(292, &[1]),
        second(4).path("y"),
        second(5).option(15, b"q"),
    ];
    for stranger in strangers {
        assert_eq!(host.ask(&stranger).code, 0x88, "{stranger:?}");
    }
    host.receive_from(PEER + 1, &second(6).encode());
    assert_eq!(host.only_sent().code, 0x88);
    assert!(host.requests.is_empty());
    host.receive(&second(7));
    assert_eq!(&host.only_request().1.body()[..], &whole[..]);
}

#[test]
fn operations_with_request_tags_of_their_own_proceed_side_by_side() {
    // RFC9175-3.3-request-tag
    let mut host = Host::new(proven());
    let bodies = [body(100), vec![3; 100]];
    for (tag, whole) in bodies.iter().enumerate() {
        assert_eq!(host.ask(&post(tag as u16, (0, true, 2), whole).option(292, &[tag as u8])).code, 0x5f);
    }
    for (tag, whole) in bodies.iter().enumerate() {
        host.receive(&post(10 + tag as u16, (1, false, 2), whole).option(292, &[tag as u8]));
        assert_eq!(&host.only_request().1.body()[..], &whole[..]);
    }
}

#[test]
fn a_reserved_size_and_a_block_of_another_size_are_bad_requests() {
    // RFC7959-2.2-szx-7 RFC7959-2.3-block-size
    let mut host = Host::new(proven());
    let whole = body(200);
    assert_eq!(host.ask(&Raw::new(CON, 2, 1).path("x").option(27, &[0x0f]).payload(&whole)).code, 0x80);
    assert_eq!(host.ask(&Raw::new(CON, 1, 2).path("x").option(23, &[0x07])).code, 0x80);
    let mut short = post(3, (0, true, 2), &whole);
    short.payload.truncate(63);
    assert_eq!(host.ask(&short).code, 0x80);
    let mut empty = post(4, (0, true, 2), &whole);
    empty.payload.clear();
    assert_eq!(host.ask(&empty).code, 0x80);
    assert_eq!(host.engine.usage().uploads, 0);
}

#[test]
fn a_body_that_is_too_large_is_refused_when_announced_and_when_it_comes() {
    // RFC7959-2.9.3-too-large
    let limits = Limits { body_bytes_max: 200, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    let whole = body(300);
    let announced = host.ask(&post(1, (0, true, 2), &whole).option(60, &[0x01, 0x2c]));
    assert_eq!((announced.code, announced.uint(60)), (0x8d, Some(200)));
    for number in 0..3 {
        assert_eq!(host.ask(&post(10 + number, (u32::from(number), true, 2), &whole)).code, 0x5f);
    }
    let grown = host.ask(&post(20, (3, true, 2), &whole));
    assert_eq!((grown.code, grown.uint(60)), (0x8d, Some(200)));
    assert_eq!(host.engine.usage().uploads, 0);
    // A number so high that its place overflows is only too large.
    let far = Raw::new(CON, 2, 30).path("x").block(27, (0xf_ffff, false, 6)).payload(&[1]);
    assert_eq!(host.ask(&far).code, 0x8d);
    let plain = host.ask(&Raw::new(CON, 2, 31).path("x").payload(&whole));
    assert_eq!((plain.code, plain.uint(60)), (0x8d, Some(200)));
    assert!(host.requests.is_empty());
}

#[test]
fn the_server_asks_for_smaller_blocks_and_counts_on_in_them() {
    // RFC7959-2.3-smaller-size
    let mut host = Host::new(Config { szx: Szx::new(1).unwrap(), ..proven() });
    let whole = body(160);
    let next = host.ask(&post(1, (0, true, 3), &whole));
    assert_eq!((next.code, next.block_of(27)), (0x5f, Some((0, true, 1))));
    host.receive(&post(2, (4, false, 1), &whole));
    assert_eq!(&host.only_request().1.body()[..], &whole[..]);
}

#[test]
fn a_body_in_one_block_is_a_request() {
    let mut host = Host::new(proven());
    host.receive(&post(1, (0, false, 6), &body(30)));
    let (exchange, request) = host.only_request();
    assert_eq!(request.body().len(), 30);
    host.respond(exchange, Response::new(Code::CHANGED));
    assert_eq!(host.only_sent().block_of(27), Some((0, false, 6)));
}

#[test]
fn if_none_match_stands_on_the_first_block_and_counts_for_the_whole() {
    // RFC7959-2.10-if-none-match
    let mut host = Host::new(Config { honours_conditions: true, ..proven() });
    let whole = body(100);
    host.ask(&post(1, (0, true, 2), &whole).option(5, &[]));
    host.receive(&post(2, (1, false, 2), &whole));
    let (_, request) = host.only_request();
    assert!(request.options().any(|(number, _)| number == 5));
}

#[test]
fn open_bodies_are_bounded_by_peer_and_in_all_and_by_octets() {
    let limits =
        Limits { uploads_max: 4, uploads_per_peer_max: 2, upload_bytes_max: 5 * 64, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..proven() });
    let whole = body(1_000);
    for tag in 0..3_u8 {
        host.ask(&post(u16::from(tag), (0, true, 2), &whole).option(292, &[tag]));
    }
    assert_eq!(host.engine.usage().uploads, 2);
    // The peer's own oldest one went.
    assert_eq!(host.ask(&post(10, (1, true, 2), &whole).option(292, &[0])).code, 0x88);
    assert_eq!(host.ask(&post(11, (1, true, 2), &whole).option(292, &[1])).code, 0x5f);
    for peer in 20..30 {
        host.receive_from(peer, &post(1, (0, true, 2), &whole).encode());
        let usage = host.engine.usage();
        assert!(usage.uploads <= 4 && usage.upload_bytes <= 5 * 64);
    }
    assert!(host.engine.counters().evicted >= 7);
    host.sent.clear();
    host.comes_to_rest();
}

#[test]
fn a_body_that_does_not_go_on_is_dropped_after_a_lifetime() {
    // RFC7959-2.5-idle
    let mut host = Host::new(proven());
    let whole = body(192);
    host.ask(&post(1, (0, true, 2), &whole));
    host.sleep_seconds(246);
    assert_eq!(host.ask(&post(2, (1, true, 2), &whole)).code, 0x5f);
    host.sleep_seconds(247);
    assert_eq!(host.engine.usage().uploads, 0);
    assert_eq!(host.ask(&post(3, (2, false, 2), &whole)).code, 0x88);
}

/// A GET of a block of /big: id, number, size exponent.
fn get(id: u16, block: (u32, u8)) -> Raw {
    Raw::new(CON, 1, id).token(&[8]).path("big").block(23, (block.0, false, block.1))
}

/// Fetches what is left of a body, from a block on.
fn fetch_rest(host: &mut Host, mut got: Vec<u8>, szx: u8, mut id: u16) -> Vec<u8> {
    loop {
        let number = (got.len() >> (szx + 4)) as u32;
        let part = host.ask(&get(id, (number, szx)));
        assert!(host.requests.is_empty(), "further blocks are the engine's business");
        assert_eq!((part.code, part.block_of(23).map(|b| (b.0, b.2))), (0x45, Some((number, szx))));
        got.extend(&part.payload);
        id += 1;
        if !part.block_of(23).unwrap().1 {
            return got;
        }
        assert_eq!(part.payload.len(), 16 << szx);
    }
}

#[test]
fn a_large_response_goes_in_blocks_of_one_representation() {
    // RFC7959-2.4-further-blocks RFC7959-2.4-size-negotiation RFC7959-4-size2 RFC9175-3.8-etag
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 1, 1).token(&[8]).path("big"));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(2_500));
    let first = host.only_sent();
    assert_eq!((first.kind, first.code, first.block_of(23)), (ACK, 0x45, Some((0, true, 6))));
    assert_eq!((first.uint(28), first.payload.len()), (Some(2_500), 1_024));
    assert!(first.encode().len() <= 1_152);
    let etag = first.value(4).unwrap().to_vec();
    let second = host.ask(&get(2, (1, 6)));
    assert_eq!(second.value(4), Some(&etag[..]));
    assert_eq!(fetch_rest(&mut host, first.payload, 6, 3), body(2_500));
    host.comes_to_rest();
}

#[test]
fn the_client_chooses_a_smaller_size_from_the_start_or_later() {
    // RFC7959-2.4-size-negotiation
    let mut host = Host::new(proven());
    host.receive(&get(1, (0, 2)));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(500));
    let first = host.only_sent();
    assert_eq!((first.block_of(23), first.payload.len()), (Some((0, true, 2)), 64));
    assert_eq!(fetch_rest(&mut host, first.payload, 2, 10), body(500));
    assert_eq!(fetch_rest(&mut host, body(500)[..16].to_vec(), 0, 100), body(500));
}

#[test]
fn a_small_response_to_a_request_for_a_block_is_one_block() {
    let mut host = Host::new(proven());
    host.receive(&get(1, (0, 2)));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(64));
    let only = host.only_sent();
    assert_eq!((only.block_of(23), only.payload.len()), (Some((0, false, 2)), 64));
    assert_eq!(host.engine.usage().downloads, 0);
}

#[test]
fn wide_options_make_blocks_smaller() {
    // RFC7959-2.4-size-negotiation
    let mut host = Host::new(proven());
    host.receive(&Raw::new(CON, 1, 1).token(&[8]).path("big"));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(2_000).with_option(8, vec![b'l'; 250]));
    let first = host.only_sent();
    assert_eq!(first.block_of(23), Some((0, true, 5)));
    assert!(first.encode().len() <= 1_152);
    assert_eq!(fetch_rest(&mut host, first.payload, 5, 10), body(2_000));
}

#[test]
fn a_block_beyond_the_end_is_a_bad_request() {
    let mut host = Host::new(proven());
    host.receive(&get(1, (0, 2)));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(128));
    host.only_sent();
    assert_eq!(host.ask(&get(2, (2, 2))).code, 0x80);
    assert_eq!(host.ask(&get(3, (0xf_ffff, 6))).code, 0x80);
    assert_eq!(host.ask(&get(4, (1, 2))).code, 0x45);
}

#[test]
fn a_block_of_a_body_that_is_gone_is_made_anew_only_where_that_is_safe() {
    // RFC7959-2.7-no-second-effect
    let mut host = Host::new(proven());
    host.receive(&get(1, (3, 2)));
    let (exchange, _) = host.only_request();
    host.respond(exchange, content(500));
    let part = host.only_sent();
    assert_eq!((part.block_of(23), &part.payload[..]), (Some((3, true, 2)), &body(500)[192..256]));
    let post = Raw::new(CON, 2, 2).path("big").block(23, (3, false, 2));
    assert_eq!(host.ask(&post).code, 0x88);
    assert!(host.requests.is_empty());
}

#[test]
fn a_large_request_may_have_a_large_response() {
    // RFC7959-2.7-no-second-effect
    let mut host = Host::new(proven());
    let whole = body(100);
    host.ask(&post(1, (0, true, 2), &whole).option(292, &[5]));
    host.receive(&post(2, (1, false, 2), &whole).option(292, &[5]).block(23, (0, false, 2)));
    let (exchange, _) = host.only_request();
    host.respond(exchange, Response::new(Code::CHANGED).with_body(ContentFormat::new(42), body(150)));
    let first = host.only_sent();
    assert_eq!(
        (first.code, first.block_of(27), first.block_of(23)),
        (0x44, Some((1, false, 2)), Some((0, true, 2)))
    );
    let mut got = first.payload;
    for number in 1..3 {
        let next = Raw::new(CON, 2, 10 + number).path("x").option(12, &[42]).option(292, &[5]);
        let part = host.ask(&next.block(23, (u32::from(number), false, 2)));
        assert_eq!((part.code, part.block_of(27)), (0x44, None));
        got.extend(part.payload);
    }
    assert_eq!(got, body(150));
    assert!(host.requests.is_empty());
}

#[test]
fn blocks_also_go_without_confirmation() {
    let mut host = Host::new(proven());
    let whole = body(100);
    let mut first = post(1, (0, true, 2), &whole);
    first.kind = NON;
    let next = host.ask(&first);
    assert_eq!((next.kind, next.code, &next.token), (NON, 0x5f, &first.token));
    let mut last = post(2, (1, false, 2), &whole);
    last.kind = NON;
    host.receive(&last);
    assert_eq!(&host.only_request().1.body()[..], &whole[..]);
}

#[test]
fn bodies_kept_for_fetching_are_bounded() {
    let limits = Limits {
        downloads_max: 3,
        downloads_per_peer_max: 2,
        download_bytes_max: 5_000,
        ..Limits::default()
    };
    let mut host = Host::new(Config { limits, ..proven() });
    for peer in 0..10 {
        for id in 0..3 {
            let ask = Raw::new(CON, 1, id).token(&[1]).path("big").option(15, &[b'a' + id as u8]);
            host.receive_from(peer, &ask.encode());
            let (exchange, _) = host.only_request();
            host.respond(exchange, content(2_000));
            let Usage { downloads, download_bytes, .. } = host.engine.usage();
            assert!(downloads <= 3 && download_bytes <= 5_000);
        }
    }
    host.sent.clear();
    host.comes_to_rest();
}
