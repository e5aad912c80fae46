//! The lifecycle of a device on this server: eleven states, the events that move between them, and what each move owes.
//!
//! Source: DESIGN §4; the exchange that drives the first half is RFC 8995 §2.1.
//! Does not: perform an effect, read a clock, know a protocol, decide whether an event may be raised (that is policy).
//! Invariants, each proved over every state and every event:
//! * nothing leaves [`State::Retired`];
//! * nothing becomes [`State::Operational`] that was not [`State::Vouched`] and then [`State::Enrolled`] in its generation;
//! * a certificate once revoked stays so: from a state in which it is revoked only a new generation leads on;
//! * a change of access owes [`Effect::PublishRules`], a change of certificate status owes the effect that makes it true.
#![no_std]

mod derived;
mod event;
mod state;
mod transition;

pub use derived::{
    Access, CertificateStatus, access, certificate_status, confirmed_at_after, status_of_certificate,
};
pub use event::Event;
pub use state::State;
pub use transition::{Effect, Illegal, IllegalReason, Transition, next};

/// Says that a text is not the name of a state or of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl core::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not the name of a lifecycle state or event")
    }
}

impl core::error::Error for UnknownName {}
