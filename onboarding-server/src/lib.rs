//! The onboarding server: registrar, EST, factory, MASA and the operators' API in one binary.
//!
//! Does not: know the simulator or the tests.
//! Invariants: the clock is read in [`clock`] only; sockets are opened in [`listen`] only.

pub mod clock;
pub mod config;
