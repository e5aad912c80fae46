//! Clients that stop in the middle, against a server of little patience: each is let go, and told so where it can be.

use tests::server::Server;
use tokio::net::TcpStream;

use super::wire::{Heard, say, tls};

/// All limits that end a slow client, at their least.
const IMPATIENT: &str =
    "handshake_timeout_seconds = 1\nidle_timeout_seconds = 1\nrequest_timeout_seconds = 1\n";

/// A client that stops.
struct Slow {
    name: &'static str,
    has_tls: bool,
    said: &'static [u8],
    /// Status and reason, when it is told.
    answer: Option<(u16, &'static str)>,
}

const fn slow(name: &'static str, has_tls: bool, said: &'static [u8]) -> Slow {
    Slow { name, has_tls, said, answer: None }
}

const SLOW: &[Slow] = &[
    slow("says nothing to TLS", false, b""),
    slow("stops in a TLS record", false, &[22, 3, 1, 2, 0, 1, 0]),
    slow("says nothing to HTTP", true, b""),
    slow("stops in the request line", true, b"GET /.well-known/est"),
    slow("stops in the head", true, b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost:"),
    Slow {
        name: "stops in the body",
        has_tls: true,
        said: b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nMII",
        answer: Some((503, "request-timeout")),
    },
];

#[tokio::test]
async fn who_stops_in_the_middle_is_let_go() {
    let server = Server::start_with(|config| {
        assert!(!config.contains("[limits]"), "the limits are set already");
        format!("{config}\n[limits]\n{IMPATIENT}")
    });
    let address = server.ready().owner.expect("there is an owner");
    for Slow { name, has_tls, said, answer } in SLOW {
        let heard = if *has_tls {
            say(tls(address, None, &["http/1.1"]).await.expect("TLS"), said, false).await
        } else {
            say(TcpStream::connect(address).await.expect("the server listens"), said, false).await
        };
        let wanted =
            answer.map_or(Heard::HangUp, |(status, reason)| Heard::Answer(status, Some(reason.to_owned())));
        assert_eq!(heard, wanted, "{name}");
    }
}
