//! What the standards ask of an engine, by document and section.
//!
//! Datagrams are written and read by code of the tests' own, so that a mistake of the codec does not hide itself.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rfc7252_client;
mod rfc7252_server;
mod rfc7641;
mod rfc7959_client;
mod rfc7959_server;
mod rfc9175;
mod support;
