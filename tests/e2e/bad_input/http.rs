//! Bad HTTP, bad TLS, and what is asked of the plain listener.
//!
//! Source: RFC 9112 §2.2 to §7 (HTTP/1.1), RFC 9110 §10.1.1 (Expect).

use proto::media_type::VOUCHER_CMS_JSON;
use proto::well_known::{CA_CERTS, REQUEST_VOUCHER};

use super::case::Expected::{self, Bare, Granted, HangUp, Refusal};
use super::case::Message::{self, Ask, Bytes, Clear, LastBytes};
use super::case::{Case, Listener, nothing};
use super::stage::{Peer, Stage};

const fn owner(name: &'static str, path: &'static str, message: Message, expected: Expected) -> Case {
    Case::of_owner(name, path, Peer::Idevid, message, expected)
}

const fn plain(name: &'static str, path: &'static str, method: &'static str, expected: Expected) -> Case {
    let message = Ask(method, "", "", nothing);
    Case { name, listener: Listener::Metrics, path, peer: Peer::Nobody, message, expected }
}

const fn other(name: &'static str, listener: Listener, message: Message, expected: Expected) -> Case {
    Case { name, listener, path: "", peer: Peer::Nobody, message, expected }
}

/// A POST of a voucher-request with these fields and this body, byte for byte.
fn post(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {REQUEST_VOUCHER} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {VOUCHER_CMS_JSON}\r\n{fields}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A GET of the CA certificates with these fields.
fn get(fields: &str) -> Vec<u8> {
    format!("GET {CA_CERTS} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
}

/// A request line and fields that must not be understood.
pub(crate) const HEAD: &[Case] = &[
    owner("http-unknown-path", "/", Ask("GET", "", "", nothing), Refusal(404, "http-path-unknown")),
    owner(
        "http-path-of-another-role",
        "/.well-known/brski/requestauditlog",
        Ask("POST", VOUCHER_CMS_JSON, "", Stage::pvr),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-dot-segments",
        "/.well-known/est/../brski/requestvoucher",
        Ask("POST", VOUCHER_CMS_JSON, "", Stage::pvr),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-percent-encoded-path",
        "/.well-known/brski/request%76oucher",
        Ask("POST", VOUCHER_CMS_JSON, "", Stage::pvr),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-double-slash",
        "//.well-known/brski/requestvoucher",
        Ask("POST", VOUCHER_CMS_JSON, "", Stage::pvr),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-nul-in-path",
        REQUEST_VOUCHER,
        Bytes(|_| b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        Bare(400),
    ),
    owner("http-asterisk-form", "*", Ask("OPTIONS", "", "", nothing), Refusal(404, "http-path-unknown")),
    owner(
        "http-authority-form",
        "localhost:443",
        Ask("CONNECT", "", "", nothing),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-absolute-form",
        "http://localhost/.well-known/est/cacerts",
        Ask("GET", "", "", nothing),
        Granted,
    ),
    owner(
        "http-absolute-form-of-another-host",
        "https://elsewhere.example/",
        Ask("GET", "", "", nothing),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-target-too-long",
        CA_CERTS,
        Bytes(|_| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000)).into_bytes()),
        Bare(431),
    ),
    owner(
        "http-head-too-long",
        CA_CERTS,
        Bytes(|_| get(&format!("X-Long: {}\r\n", "x".repeat(20_000)))),
        Bare(431),
    ),
    owner("http-too-many-fields", CA_CERTS, Bytes(|_| get(&"X: y\r\n".repeat(100))), Bare(431)),
    owner("http-field-name-with-space", CA_CERTS, Bytes(|_| get("Host : localhost\r\n")), Bare(400)),
    owner("http-field-without-colon", CA_CERTS, Bytes(|_| get("nonsense\r\n")), Bare(400)),
    owner("http-field-folded", CA_CERTS, Bytes(|_| get("X-Folded: a\r\n b\r\n")), Bare(400)),
    owner("http-nul-in-field", CA_CERTS, Bytes(|_| get("X: a\0b\r\n")), Bare(400)),
    owner("http-0.9", CA_CERTS, Bytes(|_| format!("GET {CA_CERTS}\r\n").into_bytes()), Bare(400)),
    owner("http-1.0", CA_CERTS, Bytes(|_| format!("GET {CA_CERTS} HTTP/1.0\r\n\r\n").into_bytes()), Granted),
    owner(
        "http-1.0-unknown-path",
        "",
        Bytes(|_| b"GET / HTTP/1.0\r\n\r\n".to_vec()),
        Refusal(404, "http-path-unknown"),
    ),
    owner(
        "http-3.0",
        CA_CERTS,
        Bytes(|_| format!("GET {CA_CERTS} HTTP/3.0\r\nHost: a\r\n\r\n").into_bytes()),
        Bare(400),
    ),
    owner(
        "http-2-preface-on-http-1",
        CA_CERTS,
        Bytes(|_| b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        HangUp,
    ),
    owner("http-binary", CA_CERTS, Bytes(|_| vec![0x80; 200]), Bare(400)),
];

/// Bodies that lie about their length, or do not come.
pub(crate) const BODY: &[Case] = &[
    owner(
        "http-two-lengths",
        REQUEST_VOUCHER,
        Bytes(|_| post("Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!")),
        Bare(400),
    ),
    owner("http-length-negative", REQUEST_VOUCHER, Bytes(|_| post("Content-Length: -1\r\n", b"")), Bare(400)),
    owner(
        "http-length-with-sign",
        REQUEST_VOUCHER,
        Bytes(|_| post("Content-Length: +5\r\n", b"hello")),
        Bare(400),
    ),
    owner(
        "http-length-over-64-bits",
        REQUEST_VOUCHER,
        Bytes(|_| post("Content-Length: 99999999999999999999\r\n", b"")),
        Bare(400),
    ),
    owner(
        "http-length-and-chunks",
        REQUEST_VOUCHER,
        Bytes(|_| {
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        }),
        Refusal(400, "cms-malformed"),
    ),
    owner(
        "http-transfer-encoding-unknown",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: gzip\r\n", b"hello")),
        Bare(400),
    ),
    owner(
        "http-chunked-not-last",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n")),
        Bare(400),
    ),
    owner(
        "http-chunked-twice",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n")),
        Bare(400),
    ),
    owner(
        "http-chunk-size-no-number",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: chunked\r\n", b"xyz\r\nhello\r\n0\r\n\r\n")),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-chunk-size-over-64-bits",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n")),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-chunk-longer-than-told",
        REQUEST_VOUCHER,
        Bytes(|_| post("Transfer-Encoding: chunked\r\n", b"3\r\nhello\r\n0\r\n\r\n")),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-chunk-extension-too-long",
        REQUEST_VOUCHER,
        Bytes(|_| {
            post(
                "Transfer-Encoding: chunked\r\n",
                format!("5;{}\r\nhello\r\n", "x".repeat(20_000)).as_bytes(),
            )
        }),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-chunks-over-the-limit",
        REQUEST_VOUCHER,
        Bytes(|_| {
            post(
                "Transfer-Encoding: chunked\r\n",
                &[b"11170\r\n", &[0x30; 70_000][..], b"\r\n0\r\n\r\n"].concat(),
            )
        }),
        Refusal(413, "http-body-too-large"),
    ),
    owner(
        "http-chunks-cut",
        REQUEST_VOUCHER,
        LastBytes(|_| post("Transfer-Encoding: chunked\r\n", b"5\r\nhe")),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-body-cut",
        REQUEST_VOUCHER,
        LastBytes(|_| post("Content-Length: 500\r\n", b"half")),
        Refusal(400, "http-body-incomplete"),
    ),
    owner(
        "http-body-without-length",
        REQUEST_VOUCHER,
        Bytes(|_| post("", b"hello")),
        Refusal(400, "cms-malformed"),
    ),
    owner(
        "http-expect-unknown",
        REQUEST_VOUCHER,
        Bytes(|_| post("Expect: a-miracle\r\nContent-Length: 5\r\n", b"hello")),
        Refusal(400, "cms-malformed"),
    ),
    owner("http-head-cut", CA_CERTS, LastBytes(|_| b"GET / HTTP/1.1\r\nHo".to_vec()), HangUp),
    owner("http-nothing", CA_CERTS, LastBytes(|_| Vec::new()), HangUp),
];

/// What is no TLS, or no HTTP over it.
pub(crate) const TRANSPORT: &[Case] = &[
    other("tls-http-in-clear", Listener::Owner, Clear(|_| get("")), HangUp),
    other("tls-http-in-clear-to-the-masa", Listener::Maker, Clear(|_| get("")), HangUp),
    other("tls-http-in-clear-to-the-api", Listener::Admin, Clear(|_| get("")), HangUp),
    other(
        "grpc-over-http-1",
        Listener::Admin,
        Bytes(|_| {
            let path = "/onboarding.v1.DeviceService/ListDevices";
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0").into_bytes()
        }),
        Refusal(505, "grpc-http-version-unsupported"),
    ),
    other("tls-garbage", Listener::Owner, Clear(|_| vec![0xff; 500]), HangUp),
    other(
        "tls-record-too-long",
        Listener::Owner,
        Clear(|_| [&[22, 3, 1, 0xff, 0xff][..], &[1; 70_000]].concat()),
        HangUp,
    ),
    other(
        "tls-hello-no-extensions",
        Listener::Owner,
        Clear(|_| [&[22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat()),
        HangUp,
    ),
    other("tls-alert-first", Listener::Owner, Clear(|_| vec![21, 3, 3, 0, 2, 2, 40]), HangUp),
    other("tls-data-first", Listener::Owner, Clear(|_| vec![23, 3, 3, 0, 5, 1, 2, 3, 4, 5]), HangUp),
    other("tls-ssh", Listener::Owner, Clear(|_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), HangUp),
];

/// The plain listener.
pub(crate) const PLAIN: &[Case] = &[
    plain("metrics-post", "/metrics", "POST", Refusal(405, "http-method-unsupported")),
    plain("metrics-path-longer", "/metrics/", "GET", Refusal(404, "http-path-unknown")),
    plain("crl-delete", "/crl/owner.crl", "DELETE", Refusal(405, "http-method-unsupported")),
    plain("crl-of-nobody", "/crl/nobody.crl", "GET", Refusal(404, "http-path-unknown")),
    plain("crl-dot-segments", "/crl/../crl/owner.crl", "GET", Refusal(404, "http-path-unknown")),
    plain("plain-unknown-path", "/", "GET", Refusal(404, "http-path-unknown")),
    plain("plain-brski", REQUEST_VOUCHER, "POST", Refusal(404, "http-path-unknown")),
    other("plain-tls", Listener::Metrics, Clear(|_| vec![22, 3, 1, 0, 5, 1, 0, 0, 1, 0]), Bare(400)),
    other("plain-http-2", Listener::Metrics, Clear(|_| b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()), HangUp),
];
