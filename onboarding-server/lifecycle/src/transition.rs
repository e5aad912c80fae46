//! The table: what each event does in each state, and what is owed for it.
//!
//! Source: DESIGN §4. `docs/lifecycle.md` shows the same table, made from this code.

use core::fmt;

use proto::{Class, Reason, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::{Event, State};

/// Names a deed that a transition makes due; the outbox sees to it, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Ask the MASA for a voucher as soon as policy admits the request, and relay it.
    IssueVoucher,
    /// Revoke every certificate of the generation that ends or is closed, and put them on the CRL.
    RevokeCertificates,
    /// Put every certificate of this generation on hold (RFC 5280 §5.3.1) and on the CRL.
    HoldCertificates,
    /// Take every certificate of this generation off hold and off the CRL.
    ReleaseCertificates,
    /// Tell the enforcement points the new access.
    PublishRules,
    /// Tell the operators; a machine did or asked something that a person should see.
    NotifyOperators,
}

impl Effect {
    /// Lists all effects.
    pub const ALL: [Self; 6] = [
        Self::IssueVoucher,
        Self::RevokeCertificates,
        Self::HoldCertificates,
        Self::ReleaseCertificates,
        Self::PublishRules,
        Self::NotifyOperators,
    ];

    /// Names the effect as outbox records do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IssueVoucher => "issue_voucher",
            Self::RevokeCertificates => "revoke_certificates",
            Self::HoldCertificates => "hold_certificates",
            Self::ReleaseCertificates => "release_certificates",
            Self::PublishRules => "publish_rules",
            Self::NotifyOperators => "notify_operators",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Says where an event leads and what is owed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[must_use]
pub struct Transition {
    /// The state after the event; may be the one before.
    pub next: State,
    /// Whether the device's next generation begins: all certificates of the one before are revoked for ever.
    pub begins_generation: bool,
    /// What is owed, to be done in this order.
    pub effects: &'static [Effect],
}

/// Says that an event has no place in a state; nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Illegal {
    /// Where the device stands.
    pub state: State,
    /// What was raised.
    pub event: Event,
}

/// Says why an event has no place in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IllegalReason {
    /// The event belongs to another step; the device is somewhere between expected and operational.
    OutOfOrder,
    /// A person has to release the device first, or it goes to repair.
    Quarantined,
    /// A person has to resume the device first.
    Suspended,
    /// The device is between two owners.
    Transferring,
    /// The device is on record as away for repair.
    InRepair,
    /// A person has to reopen the device first.
    Refused,
    /// Nothing leads back from retirement.
    Retired,
}

impl Illegal {
    /// Returns the reason, which follows from the state.
    #[must_use]
    pub const fn reason(self) -> IllegalReason {
        match self.state {
            State::Expected | State::Requested | State::Vouched | State::Enrolled | State::Operational => {
                IllegalReason::OutOfOrder
            }
            State::Quarantined => IllegalReason::Quarantined,
            State::Suspended => IllegalReason::Suspended,
            State::Transferring => IllegalReason::Transferring,
            State::InRepair => IllegalReason::InRepair,
            State::Refused => IllegalReason::Refused,
            State::Retired => IllegalReason::Retired,
        }
    }
}

impl IllegalReason {
    /// Returns the stable code of the reason.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutOfOrder => "lifecycle-out-of-order",
            Self::Quarantined => "lifecycle-quarantined",
            Self::Suspended => "lifecycle-suspended",
            Self::Transferring => "lifecycle-transferring",
            Self::InRepair => "lifecycle-in-repair",
            Self::Refused => "lifecycle-refused",
            Self::Retired => "lifecycle-retired",
        }
    }
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no place while the device is {}", self.event, self.state)
    }
}

impl core::error::Error for Illegal {}

impl Reason for Illegal {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(self.reason().code())
    }
}

/// Returns where `event` leads from `state`.
///
/// A voucher-request is a restart wherever it is legal: a device that is requested, vouched or enrolled lost an answer,
/// one that is operational was reset to its factory state. Certificates that were issued belong to the life that ended,
/// hence the new generation. From quarantine a restart is illegal, else a reset would be the way out of it.
///
/// # Errors
/// [`Illegal`] (`Refused`) when the event has no place in the state.
#[rustfmt::skip]
pub const fn next(state: State, event: Event) -> Result<Transition, Illegal> {
    use Effect::{HoldCertificates, IssueVoucher, NotifyOperators, PublishRules, ReleaseCertificates, RevokeCertificates};
    use Event as E;
    use State::*;
    Ok(match (state, event) {
        (Expected, E::VoucherRequested) => to(Requested, &[IssueVoucher]),
        (Expected, E::Refused) => to(Refused, &[PublishRules, NotifyOperators]),
        (Expected, E::Retire) => to(Retired, &[PublishRules]),

        (Requested, E::VoucherRequested) => to(Requested, &[IssueVoucher]),
        (Requested, E::VoucherIssued) => to(Vouched, &[]),
        (Requested, E::RequestLapsed) => to(Expected, &[NotifyOperators]),
        (Requested, E::Refused) => to(Refused, &[PublishRules, NotifyOperators]),
        (Requested, E::Retire) => to(Retired, &[PublishRules]),

        (Vouched, E::VoucherRequested) => to(Requested, &[IssueVoucher]),
        (Vouched, E::VoucherIssued) => to(Vouched, &[]),
        (Vouched, E::CertificateIssued) => to(Enrolled, &[]),
        (Vouched, E::Refused) => to(Refused, &[PublishRules, NotifyOperators]),
        (Vouched, E::Retire) => to(Retired, &[PublishRules]),

        (Enrolled, E::VoucherRequested) => anew(Requested, &[RevokeCertificates, IssueVoucher]),
        (Enrolled, E::CertificateIssued | E::CertificateRenewed) => to(Enrolled, &[]),
        (Enrolled, E::EnrollmentConfirmed) => to(Operational, &[PublishRules]),
        (Enrolled, E::Refused) => to(Refused, &[RevokeCertificates, PublishRules, NotifyOperators]),
        (Enrolled, E::Retire) => to(Retired, &[RevokeCertificates, PublishRules]),

        (Operational, E::VoucherRequested) => anew(Requested, &[RevokeCertificates, PublishRules, IssueVoucher, NotifyOperators]),
        (Operational, E::CertificateRenewed | E::EnrollmentConfirmed) => to(Operational, &[]),
        (Operational, E::Quarantine) => to(Quarantined, &[PublishRules, NotifyOperators]),
        (Operational, E::Suspend) => to(Suspended, &[HoldCertificates, PublishRules]),
        (Operational, E::BeginTransfer) => to(Transferring, &[RevokeCertificates, PublishRules]),
        (Operational, E::SendForRepair) => to(InRepair, &[RevokeCertificates, PublishRules]),
        (Operational, E::Retire) => to(Retired, &[RevokeCertificates, PublishRules]),

        (Quarantined, E::CertificateRenewed | E::EnrollmentConfirmed) => to(Quarantined, &[]),
        (Quarantined, E::Release) => to(Operational, &[PublishRules]),
        (Quarantined, E::Suspend) => to(Suspended, &[HoldCertificates, PublishRules]),
        (Quarantined, E::SendForRepair) => to(InRepair, &[RevokeCertificates, PublishRules]),
        (Quarantined, E::Retire) => to(Retired, &[RevokeCertificates, PublishRules]),

        (Suspended, E::Resume) => to(Operational, &[ReleaseCertificates, PublishRules]),
        (Suspended, E::ResumeInQuarantine) => to(Quarantined, &[ReleaseCertificates, PublishRules]),
        (Suspended, E::BeginTransfer) => to(Transferring, &[RevokeCertificates]),
        (Suspended, E::SendForRepair) => to(InRepair, &[RevokeCertificates]),
        (Suspended, E::Retire) => to(Retired, &[RevokeCertificates]),

        (Transferring, E::TransferCompleted | E::TransferCancelled) => anew(Expected, &[PublishRules]),
        (InRepair, E::ReturnFromRepair) => anew(Expected, &[PublishRules]),
        (Refused, E::Reopen) => anew(Expected, &[PublishRules]),
        (Transferring | InRepair | Refused, E::Retire) => to(Retired, &[]),

        (Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::VoucherRequested)
        | (Expected | Enrolled | Operational | Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::VoucherIssued)
        | (Expected | Vouched | Enrolled | Operational | Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::RequestLapsed)
        | (Operational | Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::Refused)
        | (Expected | Requested | Vouched | Enrolled | Operational | Quarantined | Suspended | Transferring | InRepair | Retired, E::Reopen)
        | (Expected | Requested | Operational | Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::CertificateIssued)
        | (Expected | Requested | Vouched | Suspended | Transferring | InRepair | Refused | Retired, E::CertificateRenewed | E::EnrollmentConfirmed)
        | (Expected | Requested | Vouched | Enrolled | Quarantined | Suspended | Transferring | InRepair | Refused | Retired, E::Quarantine)
        | (Expected | Requested | Vouched | Enrolled | Operational | Suspended | Transferring | InRepair | Refused | Retired, E::Release)
        | (Expected | Requested | Vouched | Enrolled | Suspended | Transferring | InRepair | Refused | Retired, E::Suspend)
        | (Expected | Requested | Vouched | Enrolled | Operational | Quarantined | Transferring | InRepair | Refused | Retired, E::Resume | E::ResumeInQuarantine)
        | (Expected | Requested | Vouched | Enrolled | Quarantined | Transferring | InRepair | Refused | Retired, E::BeginTransfer)
        | (Expected | Requested | Vouched | Enrolled | Operational | Quarantined | Suspended | InRepair | Refused | Retired, E::TransferCompleted | E::TransferCancelled)
        | (Expected | Requested | Vouched | Enrolled | Transferring | InRepair | Refused | Retired, E::SendForRepair)
        | (Expected | Requested | Vouched | Enrolled | Operational | Quarantined | Suspended | Transferring | Refused | Retired, E::ReturnFromRepair)
        | (Retired, E::Retire) => return Err(Illegal { state, event }),
    })
}

const fn to(next: State, effects: &'static [Effect]) -> Transition {
    Transition { next, begins_generation: false, effects }
}

const fn anew(next: State, effects: &'static [Effect]) -> Transition {
    Transition { next, begins_generation: true, effects }
}
