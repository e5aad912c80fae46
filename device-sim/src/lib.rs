//! Simulated pledges, honest and wicked, for tests, demonstrations and measurements.
//!
//! Does not: know the server; it speaks to it as devices, attackers and factory stations do.
//! Invariants: an honest pledge is as strict as RFC 8995 §5.6 asks; a misbehaviour says what it expects before it is run.

pub mod acknowledged;
pub mod api;
pub mod cli;
pub mod clock;
mod error;
pub mod factory;
pub mod fleet;
pub mod maker;
pub mod misbehaviour;
pub mod pledge;
pub mod random;
pub mod rogue;
pub mod table;
pub mod transport;
pub mod unit;

pub use error::Error;
