//! DTLS: one face without I/O over two engines, for servers and for a client.
//!
//! Source: RFC 6347 and RFC 5246 (DTLS 1.2, by OpenSSL), RFC 9147 and RFC 8446 (DTLS 1.3, by dimpl), RFC 7252 §9.1.3.3
//! and RFC 7925 (the cipher suite that CoAP devices have).
//! Does not: open sockets, read a clock, speak DTLS 1.0, claim Connection IDs (RFC 9146), say who is admitted: the
//! [`Verifier`] does.
//! Invariants: nothing is kept for an address that has not proved that it receives what is sent to it; no byte of a
//! peer leaves [`Endpoint::recv`] before the verifier let its chain pass; whatever is kept has an end and a limit.
//!
//! A server's [`Endpoint`] goes through a handshake in this order:
//! 1. A ClientHello comes in by [`Endpoint::on_datagram`]. It is looked at, not kept: the answer is a demand for proof
//!    (HelloVerifyRequest, or for DTLS 1.3 HelloRetryRequest) with a cookie that only we can have made.
//! 2. The ClientHello comes again with its cookie. What it offers chooses the engine, which is shown the first
//!    ClientHello, rebuilt from the second, and then the second. Now there is a half-open session.
//! 3. The peer's chain is judged, once, by the [`Verifier`]; its key by its signature.
//! 4. [`Event::Opened`], then [`Event::Received`], come out of [`Endpoint::recv`]; [`Endpoint::send`] seals what goes
//!    the other way. [`Event::Ended`] is the last of a session.
//!
//! After each call the caller drains [`Endpoint::poll_transmit`] and [`Endpoint::recv`], and calls
//! [`Endpoint::on_timeout`] when [`Endpoint::next_timeout`] has come.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod client;
mod config;
mod cookie;
mod dtls12;
mod dtls13;
mod endpoint;
mod error;
mod hello;
mod judge;
mod look;
mod session;
mod table;
mod wire;

pub use client::{Client, Connector, Offer};
pub use config::{
    Config, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_SENT, HANDSHAKE_SECONDS_MAX, Identity, Limits,
    RETRANSMIT_AFTER, RETRANSMIT_AFTER_MAX, SEAL_BYTES,
};
pub use cookie::COOKIE_LIFETIME;
pub use endpoint::{Counters, Endpoint, Event, Usage};
pub use error::Error;
pub use hello::{CLIENT_HELLO_BYTES_MAX, HELLOS_MAX};
pub use judge::Verifier;
pub use look::{Outlook, outlook};
pub use session::Version;
pub use table::Peer;
