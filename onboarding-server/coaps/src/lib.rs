//! Datagrams to requests: one UDP socket, the sessions of DTLS on it, and the message layer of CoAP in them.
//!
//! Source: RFC 7252 §9 (CoAP over DTLS).
//! Does not: judge a client's chain further than its [`proto_dtls::Verifier`] does, know a path, read the clock.
//! Invariants: every request carries an `Arc<Peer>`, and a certificate in it was proved by the handshake of that very
//! session; nothing of a session outlives it; a panic ends one request.

mod serve;
mod worker;

pub use serve::{Answer, Handler, Listener, Now, Service, serve};
