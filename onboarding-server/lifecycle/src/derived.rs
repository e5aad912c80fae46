//! What follows from a state and is therefore never kept beside it.

use core::fmt;

use proto::{Generation, UnixTime};
use serde::{Deserialize, Serialize};

use crate::{State, Transition};

/// Says what the network gives a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing.
    None,
    /// The registrar, and nothing else.
    Onboarding,
    /// What safety and remediation need.
    Reduced,
    /// What its rules give it.
    Full,
}

/// Says how the certificates of a device's present generation stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStatus {
    /// None was issued in this generation.
    Absent,
    /// Good, as long as its validity lasts.
    Good,
    /// On hold (RFC 5280 §5.3.1 `certificateHold`); may become good again.
    OnHold,
    /// Revoked for ever.
    Revoked,
}

/// Returns the access of a device in this state.
#[must_use]
pub const fn access(state: State) -> Access {
    match state {
        State::Expected | State::Requested | State::Vouched | State::Enrolled => Access::Onboarding,
        State::Operational => Access::Full,
        State::Quarantined => Access::Reduced,
        State::Suspended | State::Transferring | State::InRepair | State::Refused | State::Retired => {
            Access::None
        }
    }
}

/// Returns how the certificates stand that were issued in the device's present generation.
#[must_use]
pub const fn certificate_status(state: State) -> CertificateStatus {
    match state {
        State::Expected | State::Requested | State::Vouched => CertificateStatus::Absent,
        State::Enrolled | State::Operational | State::Quarantined => CertificateStatus::Good,
        State::Suspended => CertificateStatus::OnHold,
        State::Transferring | State::InRepair | State::Refused | State::Retired => CertificateStatus::Revoked,
    }
}

/// Returns how one certificate stands, by the generation in which it was issued and the device's present one.
///
/// A certificate of another generation is revoked whatever the state; so is one that claims to be of a generation in
/// which none was issued.
#[must_use]
pub fn status_of_certificate(state: State, present: Generation, issued_in: Generation) -> CertificateStatus {
    match certificate_status(state) {
        CertificateStatus::Good if issued_in == present => CertificateStatus::Good,
        CertificateStatus::OnHold if issued_in == present => CertificateStatus::OnHold,
        CertificateStatus::Good
        | CertificateStatus::OnHold
        | CertificateStatus::Absent
        | CertificateStatus::Revoked => CertificateStatus::Revoked,
    }
}

/// Returns when the device was last seen to be operational since its owner last handed it in, after `transition` at
/// `now`.
///
/// Policy asks by it whether a request is a device's own restart and whether an approval is used up. A move into
/// `Expected` with a new generation is an act of the owner (reopened, repaired, transferred) and wipes it.
#[must_use]
pub fn confirmed_at_after(
    before: Option<UnixTime>,
    transition: &Transition,
    now: UnixTime,
) -> Option<UnixTime> {
    match transition.next {
        State::Expected if transition.begins_generation => None,
        State::Operational => Some(now),
        State::Expected
        | State::Requested
        | State::Vouched
        | State::Enrolled
        | State::Quarantined
        | State::Suspended
        | State::Transferring
        | State::InRepair
        | State::Refused
        | State::Retired => before,
    }
}

impl Access {
    /// Names the access as records do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Onboarding => "onboarding",
            Self::Reduced => "reduced",
            Self::Full => "full",
        }
    }
}

impl CertificateStatus {
    /// Names the status as records do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Good => "good",
            Self::OnHold => "on_hold",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for CertificateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
