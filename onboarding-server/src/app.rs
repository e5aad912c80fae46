//! What the server does, one file for each verb; HTTP and gRPC both call these.
//!
//! Does not: know bytes of a transport or status codes.
//! Invariants: nothing is granted that is not durably written; every refusal is a [`Refusal`] with a stable code.

pub mod audit_log;
pub mod devices;
pub mod enroll;
mod error;
pub(crate) mod est;
pub(crate) mod exact;
mod identify;
pub mod maker;
pub mod outbox;
pub mod publish_crl;
mod refusal;
pub mod refusals;
pub mod report_status;
pub mod request_voucher;
pub(crate) mod unfit;

use pki::Issuer;
use proto::KeyId;

use crate::context::{Context, OwnerContext};

pub use error::Error;
pub use identify::{Identity, identify, identify_renewing};
pub use refusal::Refusal;

/// How often a request is decided anew, or its outcome written anew, because its device changed meanwhile.
const ANEW_MAX: usize = 3;
/// After how many seconds a request is made again that is under way already, or that others overtook.
const IN_PROGRESS_SECONDS: u32 = 1;

/// Returns the owner's role.
///
/// # Errors
/// [`Error::RoleMissing`] (`Unsupported`).
pub(crate) fn owner(context: &Context) -> Result<&OwnerContext, Refusal> {
    Ok(context.owner.as_ref().ok_or(Error::RoleMissing)?)
}

/// Returns the name by which the stores know an issuing CA: the key identifier in its certificate, else that of its key.
fn issuer_key_id(issuer: &Issuer) -> KeyId {
    let certificate = issuer.certificate();
    certificate.subject_key_id().unwrap_or_else(|| certificate.public_key().key_id()).clone()
}

/// Has a request made again that is under way already, or that others overtook.
fn in_progress() -> Refusal {
    Error::InProgress { retry_after_seconds: IN_PROGRESS_SECONDS }.into()
}

/// Has a request made again as late as the owner wants.
fn waiting(owner: &OwnerContext) -> Refusal {
    let seconds = u32::try_from(owner.settings.retry_after.as_secs()).unwrap_or(60);
    Error::Waiting { retry_after_seconds: seconds }.into()
}
