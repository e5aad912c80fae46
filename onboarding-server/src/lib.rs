//! The onboarding server: registrar, EST, factory, MASA and the operators' API in one binary.
//!
//! Does not: know the simulator or the tests.
//! Invariants: the clock is read in [`clock`] only; what listens is in `server-listen`, what asks others in
//! `server-outbound`.

pub mod app;
pub mod check;
pub mod cli;
pub mod clock;
pub mod coap;
pub mod context;
pub mod grpc;
pub mod http;
pub mod init;
pub mod metrics;
pub mod routes;
pub mod run;
pub mod telemetry;

pub(crate) use server_init::files;
