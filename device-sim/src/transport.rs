//! One TLS connection of a device and the HTTP requests upon it.
//! Source: RFC 9112 (HTTP/1.1), RFC 8995 §5.1 (provisional TLS), RFC 7030 §3.2.
//! Does not: judge the server's chain (its user does, before or after the first byte as the RFC says), or repeat anything.
//! Invariants: the handshake signature of the server was checked; the chain that it sent is kept as sent.

mod answer;
mod connection;
mod endpoint;
mod raw;

pub use answer::{ANSWER_BYTES_MAX, Answer, Refusal};
pub use connection::{Connection, Identity, Patience, Request};
pub use endpoint::Endpoint;
pub use raw::{RawConnection, RawRequest, raw_head};
