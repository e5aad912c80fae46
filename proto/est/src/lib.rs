//! Enrollment over Secure Transport: its messages, and the checks that a request must pass.
//!
//! Source: RFC 7030, as RFC 8951 clarifies it; RFC 9148 for the same over CoAPS ([`coap`]); RFC 8995 §5.9 for the use
//! after a voucher.
//! Does not: open a channel, judge a certificate path, decide who is admitted, issue a certificate.
//! Invariants: an [`EnrollRequest`] or [`RenewalRequest`] is signed by the key that it carries and is bound to the
//! certificate that opened the channel; nothing that a request asks for is granted because it asks.
//!
//! The exchange (RFC 7030 §1.1, RFC 8995 §5.9):
//! 1. `GET cacerts`: the client learns the explicit trust anchors ([`certs::ca_certs`]).
//! 2. `GET csrattrs`: the client learns what a request should have ([`CsrAttrs`]).
//! 3. `POST simpleenroll`: request in ([`EnrollRequest::verify`]), certificate out ([`certs::issued`]), or 202 with
//!    Retry-After ([`status`]).
//! 4. `POST simplereenroll`: the same over a channel that the present certificate opened ([`RenewalRequest::verify`]).
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod body;
pub mod certs;
pub mod coap;
mod csrattrs;
mod enroll;
mod error;
mod media;
mod operation;
mod reenroll;
pub mod status;

pub use body::Encoding;
pub use csrattrs::{AttrOrOid, CSR_ATTRS_BYTES_MAX, CSR_ATTRS_COUNT_MAX, CsrAttrs, check_key};
pub use enroll::{ChallengePassword, EnrollRequest, parse_csr};
pub use error::Error;
pub use media::{accepts, check_accept, check_content_type};
pub use operation::{LABEL_CHARS_MAX, Label, Method, Operation, Route};
pub use reenroll::{RenewalKind, RenewalRequest};
