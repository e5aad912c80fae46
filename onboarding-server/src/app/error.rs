//! Why a verb says no, where no crate below it has said so already.

use proto::{Class, Reason, ReasonCode};

/// The verbs' own reasons.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer showed no certificate, or one that did not parse.
    #[error("a client certificate is needed")]
    CertificateMissing,
    /// The certificate is neither an IDevID of a registered manufacturer nor an LDevID of ours.
    #[error("the client certificate is not trusted: {0}")]
    CertificateUntrusted(#[source] pki::Error),
    /// An LDevID came where an IDevID is needed.
    #[error("this needs the IDevID")]
    IdevidNeeded,
    /// An LDevID of ours is not on record as issued.
    #[error("the LDevID is not on record")]
    LdevidUnknown,
    /// An LDevID of ours was revoked, is on hold or was superseded.
    #[error("the LDevID counts no longer")]
    LdevidRevoked,
    /// The IDevID names no MASA and the configuration neither.
    #[error("no MASA is known for this device")]
    MasaUnknown,
    /// A decision is still being made.
    #[error("the request waits for a decision")]
    Waiting {
        /// After how many seconds it is worth asking again.
        retry_after_seconds: u32,
    },
    /// The same request is being answered on another connection.
    #[error("the same request is being answered")]
    InProgress {
        /// After how many seconds it is worth asking again.
        retry_after_seconds: u32,
    },
    /// This very request was refused before.
    #[error("the request was refused before: {0}")]
    RefusedBefore(ReasonCode),
    /// The role that this needs is not configured on this server.
    #[error("this server does not have that role")]
    RoleMissing,
    /// Two manufacturers have a device with that serial number.
    #[error("two manufacturers have a device with that serial number")]
    DeviceAmbiguous,
    /// A request of the API lacks a part that it needs.
    #[error("the request lacks {0}")]
    PartMissing(&'static str),
    /// No revocation list was made yet.
    #[error("no revocation list was made yet")]
    CrlMissing,
    /// The journal does not hold: a record was changed, or is missing.
    #[error("the journal is damaged")]
    JournalDamaged,
    /// The MASA's log of the device is waited for.
    #[error("the MASA's log is waited for")]
    AuditLogAwaited {
        /// After how many seconds it is worth asking again.
        retry_after_seconds: u32,
    },
    /// The MASA says that its log is where the manufacturer's list has no MASA, or sends on a second time.
    #[error("the MASA's log is said to be where it may not be fetched from")]
    AuditLogElsewhere,
    /// A record of ours cannot be read.
    #[error("a record cannot be read")]
    RecordUnreadable,
    /// A name, number or digest in a request is none.
    #[error(transparent)]
    NameInvalid(#[from] proto::InvalidId),
    /// A value of an enum in a request is none of those that are known here.
    #[error("a value in the request is none that is known here")]
    ValueUnknown,
    /// A batch has more items than [`proto_api::BATCH_ITEMS_MAX`].
    #[error("the batch has too many items")]
    BatchTooLarge,
    /// The product is not made here.
    #[error("the product is not in the configuration")]
    ProductUnknown,
    /// The owner's configuration has no such manufacturer.
    #[error("the manufacturer is not registered")]
    ManufacturerUnregistered,
    /// The manufacturer is not the one that this server makes for.
    #[error("the manufacturer is not the one of this server")]
    ManufacturerUnknown,
    /// A station spoke of another line than its own.
    #[error("the station belongs to another line")]
    StationLine,
    /// The certification request names another serial number than the unit is to get.
    #[error("the certification request names another serial number")]
    CsrSerialMismatch,
    /// The IDevID that signed is not the one on record for the unit.
    #[error("the IDevID is not the one on record for this unit")]
    UnitKeyMismatch,
    /// The policy asks that the device itself saw the registrar, and it did not.
    #[error("the policy needs proximity")]
    ProximityNeeded,
    /// The policy gives no voucher for this product.
    #[error("no voucher is given for this product")]
    ProductBlocked,
    /// The policy asks for a sale to this domain, and none is on record.
    #[error("no sale to this domain is on record")]
    OwnerUnverified,
    /// The domain that asks for the audit log never had the unit.
    #[error("the domain never had a voucher for this unit")]
    AuditLogForeign,
}

impl Error {
    /// Returns after how many seconds it is worth asking again, where that is known.
    pub(super) const fn retry_after_seconds(&self) -> Option<u32> {
        if let Self::Waiting { retry_after_seconds }
        | Self::InProgress { retry_after_seconds }
        | Self::AuditLogAwaited { retry_after_seconds } = self
        {
            Some(*retry_after_seconds)
        } else {
            None
        }
    }
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::NameInvalid(_)
            | Self::ValueUnknown
            | Self::BatchTooLarge
            | Self::DeviceAmbiguous
            | Self::PartMissing(_) => Class::Malformed,
            Self::RoleMissing => Class::Unsupported,
            Self::CertificateMissing
            | Self::CertificateUntrusted(_)
            | Self::LdevidRevoked
            | Self::LdevidUnknown
            | Self::UnitKeyMismatch => Class::Untrusted,
            Self::ProductUnknown
            | Self::ManufacturerUnknown
            | Self::ManufacturerUnregistered
            | Self::AuditLogForeign
            | Self::CrlMissing => Class::Unknown,
            Self::IdevidNeeded
            | Self::MasaUnknown
            | Self::RefusedBefore(_)
            | Self::StationLine
            | Self::CsrSerialMismatch
            | Self::ProximityNeeded
            | Self::ProductBlocked
            | Self::OwnerUnverified
            | Self::AuditLogElsewhere => Class::Refused,
            Self::Waiting { .. } | Self::InProgress { .. } | Self::AuditLogAwaited { .. } => Class::NotYet,
            Self::RecordUnreadable | Self::JournalDamaged => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::CertificateMissing => ReasonCode::new("peer-certificate-missing"),
            Self::CertificateUntrusted(_) => ReasonCode::new("peer-certificate-untrusted"),
            Self::IdevidNeeded => ReasonCode::new("peer-idevid-needed"),
            Self::LdevidUnknown => ReasonCode::new("peer-ldevid-unknown"),
            Self::LdevidRevoked => ReasonCode::new("peer-ldevid-revoked"),
            Self::MasaUnknown => ReasonCode::new("masa-unknown"),
            Self::Waiting { .. } => ReasonCode::new("request-waiting"),
            Self::InProgress { .. } => ReasonCode::new("request-in-progress"),
            Self::RefusedBefore(code) => code.clone(),
            Self::AuditLogAwaited { .. } => ReasonCode::new("audit-log-awaited"),
            Self::AuditLogElsewhere => ReasonCode::new("audit-log-elsewhere"),
            Self::RoleMissing => ReasonCode::new("role-missing"),
            Self::JournalDamaged => ReasonCode::new("journal-verify-damaged"),
            Self::DeviceAmbiguous => ReasonCode::new("device-ambiguous"),
            Self::PartMissing(_) => ReasonCode::new("request-part-missing"),
            Self::CrlMissing => ReasonCode::new("crl-missing"),
            Self::RecordUnreadable => ReasonCode::new("record-unreadable"),
            Self::NameInvalid(_) => ReasonCode::new("request-name-invalid"),
            Self::ValueUnknown => ReasonCode::new("request-value-unknown"),
            Self::BatchTooLarge => ReasonCode::new("factory-batch-too-large"),
            Self::ProductUnknown => ReasonCode::new("factory-product-unknown"),
            Self::ManufacturerUnregistered => ReasonCode::new("manufacturer-unregistered"),
            Self::ManufacturerUnknown => ReasonCode::new("factory-manufacturer-unknown"),
            Self::StationLine => ReasonCode::new("station-line-mismatch"),
            Self::CsrSerialMismatch => ReasonCode::new("unit-csr-serial-mismatch"),
            Self::UnitKeyMismatch => ReasonCode::new("masa-idevid-not-on-record"),
            Self::ProximityNeeded => ReasonCode::new("masa-proximity-needed"),
            Self::ProductBlocked => ReasonCode::new("masa-product-blocked"),
            Self::OwnerUnverified => ReasonCode::new("masa-owner-unverified"),
            Self::AuditLogForeign => ReasonCode::new("masa-audit-log-foreign"),
        }
    }
}
