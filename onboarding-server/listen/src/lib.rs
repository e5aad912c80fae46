//! Sockets to requests: the only place where the server listens, the signal by which listening ends, and word of both to
//! the service manager, and from it.
//!
//! Source: RFC 8446 (TLS 1.3), RFC 5246 with RFC 7627 (TLS 1.2), RFC 9110, 9112, 9113 (HTTP).
//! Does not: judge a client's certificate chain, know a route.
//! Invariants: every request carries an `Arc<Peer>`, and a certificate in it was proved by the handshake of that very
//! connection; no connection escapes the limits; a panic ends one request.

mod admission;
mod connection;
mod meter;
mod peer;
mod revocations;
mod serve;
mod service_manager;
mod signals;
mod stall;
mod stop;
mod switch;
mod tls;

pub use meter::Meter;
pub use peer::{Peer, Tls};
pub use revocations::Revocations;
pub use serve::{Channel, Listener, Service, serve};
pub use service_manager::notify_service_manager;
pub use signals::{Asked, Signals};
pub use stop::{Stop, StopSender, stop_signal};
pub use switch::{Switch, TlsSwitches};
pub use tls::{
    Alpn, Error as TlsError, TlsFiles, load_anchors, load_chain, load_chains, load_key, tls_config,
};
