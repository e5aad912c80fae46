//! Vouchers and voucher-requests as data: what a manufacturer says about who owns a device, and how it is asked.
//!
//! Source: RFC 8366; draft-ietf-anima-rfc8366bis-36, which adds leaves and obsoletes it; RFC 8995 §3 for requests.
//! Does not: sign, verify, compare or judge; see `proto-brski` for the checks of each role.
//! Invariants: parsing is bounded in size ([`VOUCHER_BYTES_MAX`]), depth and number of values, never panics, refuses
//! duplicate members and ignores unknown ones; the model is free of any encoding, so that the forms, [`json`] and
//! [`cbor`], have the same leaves.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod artifact;
mod assertion;
pub mod cbor;
mod error;
mod form;
pub mod json;
mod nonce;
pub mod octets;
mod pins;

pub use artifact::{Extension, ExtensionName, Opaque, Voucher, VoucherRequest};
pub use assertion::Assertion;
pub use error::Error;
pub use nonce::{NONCE_BYTES_MAX, NONCE_BYTES_MIN, NONCE_RANDOM_BYTES, Nonce};
pub use pins::{Pin, Pins};

/// The most octets of an encoded voucher or voucher-request: ours; real ones have 1 to 20 KiB, and a value of the
/// store may have 64 KiB.
pub const VOUCHER_BYTES_MAX: usize = 64 * 1024;
