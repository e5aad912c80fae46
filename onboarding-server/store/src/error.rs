//! Why the store says no.

use proto::{Class, Reason, ReasonCode, Seq, UnixTime, Version};
use server_lifecycle::Illegal;

/// Every refusal and failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The writer's queue is full.
    #[error("the store has too many writes waiting")]
    Busy,
    /// A write failed earlier; nothing is accepted until the server is started anew.
    #[error("the store is read-only since a write failed")]
    ReadOnly,
    /// The device caused so many records lately that it has to wait; see [`crate::PACE_RECORDS_MAX`].
    #[error("the device asks too often")]
    TooOften {
        /// After how many seconds it may ask again.
        retry_after_seconds: u32,
    },
    /// What was asked of a reader that never waits for the disk is not in memory; see [`crate::Store::in_memory`].
    #[error("what is asked for is not in memory")]
    NotInMemory,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A command broke a rule of our own; it changed nothing.
    #[error("a command panicked")]
    CommandPanicked,
    /// The journal does not open, read or verify.
    #[error("the journal failed")]
    Journal(#[from] server_journal::Error),
    /// The state does not read; the next start rebuilds it from the journal.
    #[error("the state is damaged")]
    StateDamaged,
    /// The state's engine failed.
    #[error("the state cannot be used")]
    State(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// A record of the journal is not one that this program writes.
    #[error("journal record {0} is not understood")]
    RecordUnknown(Seq),
    /// An input/output error outside the journal.
    #[error("the store's directory cannot be used")]
    Io(#[from] std::io::Error),

    /// A blob is larger than [`crate::BLOB_BYTES_MAX`].
    #[error("a blob is too large for the store")]
    BlobTooLarge,
    /// A CRL is larger than [`crate::CRL_BYTES_MAX`].
    #[error("the CRL is too large for the store")]
    CrlTooLarge,
    /// A nonce is shorter or longer than [`crate::NONCE_BYTES`].
    #[error("the nonce is too short or too long")]
    NonceLength,
    /// A text is too long or holds control characters.
    #[error("a text is too long or holds control characters")]
    TextInvalid,
    /// A device has more labels than [`crate::LABELS_MAX`].
    #[error("too many labels")]
    TooManyLabels,
    /// A cursor is none that this store gave.
    #[error("the cursor is not one of this list")]
    CursorInvalid,

    /// No such device is on record.
    #[error("the device is not on record")]
    DeviceUnknown,
    /// The device changed since the caller read it.
    #[error("the device changed meanwhile: it is at version {found:?}")]
    DeviceChanged {
        /// The version on record; `None` when there is no record.
        found: Option<Version>,
    },
    /// The lifecycle does not allow it.
    #[error(transparent)]
    Lifecycle(#[from] Illegal),
    /// The nonce was used in another request, or by another certificate.
    #[error("the nonce was used before")]
    NonceUsed,
    /// No such voucher-request is on record.
    #[error("the voucher-request is not on record")]
    VoucherRequestUnknown,
    /// The voucher-request is not in the state that the step needs, or is not the device's newest.
    #[error("the voucher-request is not waiting for this step")]
    VoucherRequestSettled,
    /// The MASA's log of the device is not waited for, or not by this voucher-request.
    #[error("the MASA's log is not waited for")]
    AuditLogSettled,
    /// No such certificate is on record.
    #[error("the certificate is not on record")]
    CertificateUnknown,
    /// The issuer's serial number is in use.
    #[error("the certificate serial number is in use")]
    CertificateSerialUsed,
    /// The certificate is not in the state that the step needs.
    #[error("the certificate is not waiting for this step")]
    CertificateSettled,
    /// The CRL number does not follow the last one.
    #[error("the CRL number must follow {last:?}")]
    CrlNumber {
        /// The last recorded number.
        last: Option<u64>,
    },

    /// No such order is on record.
    #[error("the production order is not on record")]
    OrderUnknown,
    /// An order of this number exists with other terms.
    #[error("the production order exists with other terms")]
    OrderConflict,
    /// The order is closed.
    #[error("the production order is closed")]
    OrderClosed,
    /// All units of the order are made.
    #[error("the quota of the production order is used up")]
    OrderQuota,
    /// The order belongs to another line.
    #[error("the production order belongs to another line")]
    OrderLine,
    /// The serial number is outside the order's range.
    #[error("the serial number is outside the range of the production order")]
    OrderSerialRange,
    /// The terms of an order make no sense: no quota, an empty range.
    #[error("the terms of the production order are not valid")]
    OrderTerms,
    /// No such unit is on record.
    #[error("the unit is not on record")]
    UnitUnknown,
    /// A unit of this serial number was made with another key.
    #[error("the serial number was issued to another key")]
    UnitKeyConflict,
    /// The key belongs to a unit of another serial number.
    #[error("the key was certified for another serial number")]
    UnitKeyUsed,
    /// A unit of this serial number belongs to another order.
    #[error("the serial number belongs to another production order")]
    UnitOrderConflict,
    /// The unit's certificate is not waiting for this step.
    #[error("the unit is not waiting for this step")]
    UnitSettled,
    /// The unit is blocked.
    #[error("the unit is blocked since {since}")]
    UnitBlocked {
        /// Since when.
        since: UnixTime,
    },
    /// The nonce was used with a voucher-request of another domain.
    #[error("a voucher for this nonce was issued to another domain")]
    MasaNonceUsed,
    /// The MASA's voucher is not waiting for this step.
    #[error("the MASA voucher is not waiting for this step")]
    MasaVoucherSettled,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::Busy | Self::TooOften { .. } | Self::NotInMemory => Class::Busy,
            Self::ReadOnly
            | Self::Closed
            | Self::CommandPanicked
            | Self::Journal(_)
            | Self::StateDamaged
            | Self::State(_)
            | Self::RecordUnknown(_)
            | Self::Io(_) => Class::Fault,
            Self::BlobTooLarge
            | Self::CrlTooLarge
            | Self::NonceLength
            | Self::TextInvalid
            | Self::TooManyLabels
            | Self::CursorInvalid
            | Self::OrderTerms => Class::Malformed,
            Self::DeviceUnknown
            | Self::VoucherRequestUnknown
            | Self::CertificateUnknown
            | Self::OrderUnknown
            | Self::UnitUnknown => Class::Unknown,
            Self::DeviceChanged { .. }
            | Self::NonceUsed
            | Self::VoucherRequestSettled
            | Self::AuditLogSettled
            | Self::CertificateSerialUsed
            | Self::CertificateSettled
            | Self::CrlNumber { .. }
            | Self::OrderConflict
            | Self::OrderClosed
            | Self::OrderQuota
            | Self::OrderLine
            | Self::OrderSerialRange
            | Self::UnitKeyConflict
            | Self::UnitKeyUsed
            | Self::UnitOrderConflict
            | Self::UnitSettled
            | Self::UnitBlocked { .. }
            | Self::MasaNonceUsed
            | Self::MasaVoucherSettled => Class::Refused,
            Self::Lifecycle(illegal) => illegal.class(),
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::Busy => "store-busy",
            Self::NotInMemory => "store-not-in-memory",
            Self::TooOften { .. } => "device-asks-too-often",
            Self::ReadOnly => "store-read-only",
            Self::Closed => "store-closed",
            Self::CommandPanicked => "store-command-panicked",
            Self::Journal(error) => return error.code(),
            Self::StateDamaged => "store-state-damaged",
            Self::State(_) => "store-state-failed",
            Self::RecordUnknown(_) => "store-record-unknown",
            Self::Io(_) => "store-io",
            Self::BlobTooLarge => "store-blob-too-large",
            Self::CrlTooLarge => "store-crl-too-large",
            Self::NonceLength => "store-nonce-length",
            Self::TextInvalid => "store-text-invalid",
            Self::TooManyLabels => "store-too-many-labels",
            Self::CursorInvalid => "store-cursor-invalid",
            Self::DeviceUnknown => "device-unknown",
            Self::DeviceChanged { .. } => "device-changed",
            Self::Lifecycle(illegal) => return illegal.code(),
            Self::NonceUsed => "voucher-request-nonce-used",
            Self::VoucherRequestUnknown => "voucher-request-unknown",
            Self::VoucherRequestSettled => "voucher-request-settled",
            Self::AuditLogSettled => "audit-log-settled",
            Self::CertificateUnknown => "certificate-unknown",
            Self::CertificateSerialUsed => "certificate-serial-used",
            Self::CertificateSettled => "certificate-settled",
            Self::CrlNumber { .. } => "crl-number",
            Self::OrderUnknown => "order-unknown",
            Self::OrderConflict => "order-conflict",
            Self::OrderClosed => "order-closed",
            Self::OrderQuota => "order-quota",
            Self::OrderLine => "order-line",
            Self::OrderSerialRange => "order-serial-range",
            Self::OrderTerms => "order-terms",
            Self::UnitUnknown => "unit-unknown",
            Self::UnitKeyConflict => "unit-key-conflict",
            Self::UnitKeyUsed => "unit-key-used",
            Self::UnitOrderConflict => "unit-order-conflict",
            Self::UnitSettled => "unit-settled",
            Self::UnitBlocked { .. } => "unit-blocked",
            Self::MasaNonceUsed => "masa-nonce-used",
            Self::MasaVoucherSettled => "masa-voucher-settled",
        })
    }
}
