//! What the server does, one file for each verb; HTTP and gRPC both call these.
//!
//! Does not: know bytes of a transport or status codes.
//! Invariants: nothing is granted that is not durably written; every refusal is a [`Refusal`] with a stable code.

pub mod audit_log;
pub mod devices;
pub mod enroll;
mod error;
mod identify;
pub mod maker;
pub mod outbox;
pub mod publish_crl;
mod refusal;
pub mod refusals;
pub mod report_status;
pub mod request_voucher;

pub use error::Error;
pub use identify::{Identity, identify, identify_renewing};
pub use refusal::Refusal;

/// How often a request is decided anew, or its outcome written anew, because its device changed meanwhile.
const ANEW_MAX: usize = 3;
