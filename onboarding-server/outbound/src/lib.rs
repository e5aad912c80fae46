//! The outbound side: what the server asks of others, who are strangers all.
//!
//! Does not: know why something is asked, judge an answer, read configuration or store.
//! Invariants: every request has limits of time and size, goes over TLS to anchors that the caller names, and to no address
//! that the caller's rules forbid.

mod masa;

pub use masa::{Answer, Destination, Error, MasaClient};
