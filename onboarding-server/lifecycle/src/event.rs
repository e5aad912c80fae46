//! What can happen to a device.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// Names a thing that happened to a device, or that a person or a policy decided about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A verified voucher-request came, signed by the device's IDevID key, and policy did not refuse it.
    VoucherRequested,
    /// The MASA's voucher was verified and is relayed.
    VoucherIssued,
    /// The request came to nothing: the MASA refused it, or nobody decided while the pledge still waited.
    RequestLapsed,
    /// A policy or a person said no.
    Refused,
    /// A person takes a refusal back.
    Reopen,
    /// The domain CA issued the first LDevID of this generation, or one more because the answer was lost.
    CertificateIssued,
    /// The domain CA issued a successor to a present LDevID.
    CertificateRenewed,
    /// A session opened with the new LDevID showed that the device has it.
    EnrollmentConfirmed,
    /// A person or a policy reduces access.
    Quarantine,
    /// A person gives full access back.
    Release,
    /// A person takes all access away for a time.
    Suspend,
    /// A person ends the suspension with full access.
    Resume,
    /// A person ends the suspension with reduced access, as when the device was in quarantine before.
    ResumeInQuarantine,
    /// The owner gives the device away.
    BeginTransfer,
    /// The next owner, served here too, took it over.
    TransferCompleted,
    /// The owner keeps it after all.
    TransferCancelled,
    /// The device goes to the manufacturer or to a workshop.
    SendForRepair,
    /// The device came back, its memory not to be relied on.
    ReturnFromRepair,
    /// The owner has done with it for ever.
    Retire,
}

impl Event {
    /// Lists all events, in the order in which a device usually meets them.
    pub const ALL: [Self; 19] = [
        Self::VoucherRequested,
        Self::VoucherIssued,
        Self::RequestLapsed,
        Self::Refused,
        Self::Reopen,
        Self::CertificateIssued,
        Self::CertificateRenewed,
        Self::EnrollmentConfirmed,
        Self::Quarantine,
        Self::Release,
        Self::Suspend,
        Self::Resume,
        Self::ResumeInQuarantine,
        Self::BeginTransfer,
        Self::TransferCompleted,
        Self::TransferCancelled,
        Self::SendForRepair,
        Self::ReturnFromRepair,
        Self::Retire,
    ];

    /// Names the event as records do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VoucherRequested => "voucher_requested",
            Self::VoucherIssued => "voucher_issued",
            Self::RequestLapsed => "request_lapsed",
            Self::Refused => "refused",
            Self::Reopen => "reopen",
            Self::CertificateIssued => "certificate_issued",
            Self::CertificateRenewed => "certificate_renewed",
            Self::EnrollmentConfirmed => "enrollment_confirmed",
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::ResumeInQuarantine => "resume_in_quarantine",
            Self::BeginTransfer => "begin_transfer",
            Self::TransferCompleted => "transfer_completed",
            Self::TransferCancelled => "transfer_cancelled",
            Self::SendForRepair => "send_for_repair",
            Self::ReturnFromRepair => "return_from_repair",
            Self::Retire => "retire",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Event {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|event| event.name() == text).ok_or(UnknownName)
    }
}
