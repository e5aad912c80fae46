//! CoAP: a message layer worthy of the name, for servers and clients.
//!
//! Source: RFC 7252 (CoAP), RFC 7641 (Observe), RFC 7959 (block-wise transfer), RFC 9175 (Echo, Request-Tag), RFC 6690
//! (link format), draft-ietf-core-uri-path-abbrev.
//! Does not: open sockets, read a clock, protect anything (DTLS does, below), act as a proxy, or give resources their
//! meaning.
//! Invariants: the application sees whole bodies only, each request once; whatever is kept has an end and a limit in
//! [`Limits`].
//!
//! The engine stands between datagrams and the application. One [`Engine`] plays both roles for any number of peers;
//! after each call the caller drains [`Engine::poll_output`] until [`Output::Timeout`]:
//! 1. A datagram comes in by [`Engine::handle_packet`]; when time has come, [`Engine::handle_timeout`] is called.
//! 2. As server: [`Output::Request`] brings a whole request; the application answers by [`Engine::respond`], at once
//!    or later. When it takes longer, an empty acknowledgement goes ahead and a separate response follows
//!    (RFC 7252 §5.2.2); [`Engine::defer`] sends it at once.
//! 3. As client: [`Engine::request`] sends a whole request; [`Output::Response`] or [`Output::Failed`] ends it.
//! 4. Notifications (RFC 7641): [`Engine::observe`] takes an observer in, [`Engine::notify`] serves it.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod block;
mod code;
mod config;
mod echo;
mod engine;
mod error;
mod ids;
mod key;
pub mod link_format;
mod message;
pub mod option;
pub mod path;
mod request;
mod response;
mod table;
mod token;
mod wire;

pub use block::{BLOCK_NUMBER_MAX, Block, Szx};
pub use code::{Code, CodeClass};
pub use config::{
    ACK_DELAY, ACK_RANDOM_PERCENT, ACK_TIMEOUT, Addresses, BODY_BYTES_MAX, Config, DATAGRAM_BYTES_MAX,
    Limits, MAX_LATENCY, MAX_RETRANSMIT, MESSAGE_BYTES_MAX, NOTIFICATION_CONFIRM_SPAN, NOTIFICATION_SPACING,
    NSTART, PROBING_RATE, PROOF_LIFETIME, Transmission,
};
pub use engine::{Counters, Engine, ExchangeId, ObservationId, Output, RequestId, Usage};
pub use error::Error;
pub use request::Request;
pub use response::{MAX_AGE_SECONDS_DEFAULT, Response};
pub use table::Peer;
pub use token::{TOKEN_BYTES_MAX, Token};
pub use wire::{Kind, OPTIONS_MAX};
