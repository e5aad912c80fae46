//! The real binary, end to end: factory, registrar, MASA, EST and API on loopback.

mod attacks;
mod audit_log;
mod bad_input;
mod bench;
mod coaps;
mod factory;
mod masa;
mod onboarding;
mod operations;
mod recovery;
mod support;
