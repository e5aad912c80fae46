//! Why a device does not get what it asks for.

use std::fmt;

use proto::{Class, Reason, ReasonCode};
use serde::{Deserialize, Serialize};

/// Names the exact reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// No manufacturer is registered for it.
    ManufacturerUnknown,
    /// Its IDevID has expired.
    IdevidExpired,
    /// The serial number came before with another key.
    SerialNumberOnAnotherKey,
    /// The owner has no record of it and admits none without.
    DeviceUnknown,
    /// The device was refused; a person has to reopen it.
    DeviceRefused,
    /// The device is in quarantine and may only renew.
    DeviceQuarantined,
    /// The device is suspended.
    DeviceSuspended,
    /// The device is between two owners.
    DeviceTransferring,
    /// The device is on record as away for repair.
    DeviceInRepair,
    /// The device was retired for ever; its return is reported.
    DeviceRetired,
    /// The device was operational and may not start again by itself.
    DeviceOnboardedBefore,
    /// Neither IDevID nor configuration says where its MASA is.
    MasaUnknown,
    /// Its MASA is not on the manufacturer's allow-list.
    MasaNotAllowed,
    /// Nobody decided while a pledge waits (RFC 8995 §5.6).
    ApprovalTimedOut,
    /// No voucher precedes the enrolment.
    VoucherMissing,
    /// The voucher was used up: the device is operational and renews with its LDevID.
    AlreadyOperational,
    /// The MASA's log has domains that are not known, vouchers without a nonce, or gaps.
    AuditLogSuspicious,
    /// The MASA gave no log that could be read, and the manufacturer's rule requires one.
    AuditLogMissing,
    /// A renewal was asked for without an LDevID.
    CertificateMissing,
    /// The LDevID belongs to an earlier generation.
    CertificateSuperseded,
    /// The validity of the LDevID has not begun.
    CertificateNotYetValid,
    /// The LDevID expired, and the grace period with it.
    CertificateExpired,
}

impl Refusal {
    /// Lists all reasons.
    pub const ALL: [Self; 22] = [
        Self::ManufacturerUnknown,
        Self::IdevidExpired,
        Self::SerialNumberOnAnotherKey,
        Self::DeviceUnknown,
        Self::DeviceRefused,
        Self::DeviceQuarantined,
        Self::DeviceSuspended,
        Self::DeviceTransferring,
        Self::DeviceInRepair,
        Self::DeviceRetired,
        Self::DeviceOnboardedBefore,
        Self::MasaUnknown,
        Self::MasaNotAllowed,
        Self::ApprovalTimedOut,
        Self::VoucherMissing,
        Self::AlreadyOperational,
        Self::AuditLogSuspicious,
        Self::AuditLogMissing,
        Self::CertificateMissing,
        Self::CertificateSuperseded,
        Self::CertificateNotYetValid,
        Self::CertificateExpired,
    ];

    /// Returns the stable code.
    #[must_use]
    pub const fn stable_code(self) -> &'static str {
        match self {
            Self::ManufacturerUnknown => "policy-manufacturer-unknown",
            Self::IdevidExpired => "policy-idevid-expired",
            Self::SerialNumberOnAnotherKey => "policy-serial-number-on-another-key",
            Self::DeviceUnknown => "policy-device-unknown",
            Self::DeviceRefused => "policy-device-refused",
            Self::DeviceQuarantined => "policy-device-quarantined",
            Self::DeviceSuspended => "policy-device-suspended",
            Self::DeviceTransferring => "policy-device-transferring",
            Self::DeviceInRepair => "policy-device-in-repair",
            Self::DeviceRetired => "policy-device-retired",
            Self::DeviceOnboardedBefore => "policy-device-onboarded-before",
            Self::MasaUnknown => "policy-masa-unknown",
            Self::MasaNotAllowed => "policy-masa-not-allowed",
            Self::ApprovalTimedOut => "policy-approval-timed-out",
            Self::VoucherMissing => "policy-voucher-missing",
            Self::AlreadyOperational => "policy-already-operational",
            Self::AuditLogSuspicious => "policy-audit-log-suspicious",
            Self::AuditLogMissing => "policy-audit-log-missing",
            Self::CertificateMissing => "policy-certificate-missing",
            Self::CertificateSuperseded => "policy-certificate-superseded",
            Self::CertificateNotYetValid => "policy-certificate-not-yet-valid",
            Self::CertificateExpired => "policy-certificate-expired",
        }
    }

    /// Says it in one fixed sentence that tells nothing of ours.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ManufacturerUnknown => "the manufacturer is not registered",
            Self::IdevidExpired => "the IDevID has expired",
            Self::SerialNumberOnAnotherKey => "the serial number is on record with another key",
            Self::DeviceUnknown => "the device is not on record",
            Self::DeviceRefused => "the device was refused",
            Self::DeviceQuarantined => "the device is in quarantine",
            Self::DeviceSuspended => "the device is suspended",
            Self::DeviceTransferring => "the device is in transfer",
            Self::DeviceInRepair => "the device is in repair",
            Self::DeviceRetired => "the device was retired",
            Self::DeviceOnboardedBefore => "the device was onboarded before",
            Self::MasaUnknown => "the manufacturer's service is not known",
            Self::MasaNotAllowed => "the manufacturer's service is not allowed",
            Self::ApprovalTimedOut => "the request was not approved in time",
            Self::VoucherMissing => "no voucher precedes the enrolment",
            Self::AlreadyOperational => "the device is operational already",
            Self::AuditLogSuspicious => "the device's past is in doubt",
            Self::AuditLogMissing => "the device's past is not known",
            Self::CertificateMissing => "the renewal lacks a present certificate",
            Self::CertificateSuperseded => "the certificate is of an earlier life of the device",
            Self::CertificateNotYetValid => "the certificate is not valid yet",
            Self::CertificateExpired => "the certificate has expired",
        }
    }

    /// Tells whether a person of the owner's could change the answer (403 rather than 404, RFC 8995 §5.6).
    #[must_use]
    pub const fn is_reversible(self) -> bool {
        !matches!(self, Self::DeviceRetired)
    }

    /// Tells whether the refusal is a sign of an attack or of a grave mistake and should wake somebody.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(
            self,
            Self::SerialNumberOnAnotherKey
                | Self::DeviceRetired
                | Self::DeviceTransferring
                | Self::DeviceInRepair
                | Self::AuditLogSuspicious
                | Self::CertificateSuperseded
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Refusal {}

impl Reason for Refusal {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(self.stable_code())
    }
}
