//! What the maker's journal records; the serde names are the file format and never change.

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, KeyId, LineId, ManufacturerId, OrderId, ProductName,
    ReasonCode, SerialNumber,
};
use serde::{Deserialize, Serialize};

use super::rows::OrderTerms;
use crate::blob::{Blob, Nonce, Text};
use crate::repeat::Repeats;

/// One entry of the maker's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MakerEvent {
    /// An order was opened.
    OrderOpened {
        /// Its number.
        order: OrderId,
        /// What may be made under it.
        terms: OrderTerms,
    },
    /// An order was closed.
    OrderClosed {
        /// Its number.
        order: OrderId,
        /// Why, in the words of who did it.
        note: Text,
    },
    /// An IDevID is about to be signed.
    UnitBegun {
        /// The unit's id.
        unit: DeviceId,
        /// Under whose name the serial number counts.
        manufacturer: ManufacturerId,
        /// Its serial number.
        serial: SerialNumber,
        /// Under which order.
        order: OrderId,
        /// On which line.
        line: LineId,
        /// Of which product.
        product: ProductName,
        /// SHA-256 of the SubjectPublicKeyInfo.
        public_key: Fingerprint,
        /// SHA-256 of the request.
        csr_digest: Fingerprint,
        /// The key identifier of the issuing CA.
        issuer: KeyId,
        /// The IDevID's serial number.
        certificate_serial: CertificateSerial,
        /// SHA-256 of the TBSCertificate.
        tbs_digest: Fingerprint,
        /// What it takes to sign the very same again.
        draft: Blob,
    },
    /// An IDevID was signed and may go out.
    UnitCompleted {
        /// Which.
        unit: DeviceId,
        /// The certificate in DER.
        certificate: Blob,
        /// SHA-256 of it.
        fingerprint: Fingerprint,
    },
    /// A unit left the factory.
    UnitShipped {
        /// Which.
        unit: DeviceId,
    },
    /// A unit was sold.
    UnitSold {
        /// Which.
        unit: DeviceId,
        /// The customer.
        customer: Text,
        /// The customer's domain.
        domain: Option<DomainId>,
    },
    /// A unit was blocked.
    UnitBlocked {
        /// Which.
        unit: DeviceId,
        /// Why.
        code: ReasonCode,
        /// Why, in the words of who did it.
        note: Text,
    },
    /// A block was taken back.
    UnitUnblocked {
        /// Which.
        unit: DeviceId,
        /// What the person wrote.
        #[serde(default)]
        note: Text,
    },
    /// A voucher is about to be signed.
    MasaVoucherBegun {
        /// For which unit.
        unit: DeviceId,
        /// The pledge's nonce.
        nonce: Option<Nonce>,
        /// SHA-256 of the RVR.
        rvr_digest: Fingerprint,
        /// For whom.
        domain: DomainId,
        /// The assertion it will make.
        assertion: Text,
    },
    /// A voucher was signed and may go out.
    MasaVoucherCompleted {
        /// For which unit.
        unit: DeviceId,
        /// The pledge's nonce.
        nonce: Option<Nonce>,
        /// SHA-256 of the RVR.
        rvr_digest: Fingerprint,
        /// The signed voucher.
        voucher: Blob,
    },
    /// A voucher-request was refused.
    MasaVoucherRefused {
        /// For which unit.
        unit: DeviceId,
        /// SHA-256 of the RVR.
        rvr_digest: Fingerprint,
        /// Who asked.
        domain: DomainId,
        /// Why.
        code: ReasonCode,
    },
    /// Things happened that have no records of their own, because they happened before and often.
    RepeatsCounted {
        /// Which, and how often.
        repeats: Repeats,
    },
}

impl MakerEvent {
    /// Names the kind of event, as timeline, log and metrics print it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OrderOpened { .. } => "order_opened",
            Self::OrderClosed { .. } => "order_closed",
            Self::UnitBegun { .. } => "unit_begun",
            Self::UnitCompleted { .. } => "unit_completed",
            Self::UnitShipped { .. } => "unit_shipped",
            Self::UnitSold { .. } => "unit_sold",
            Self::UnitBlocked { .. } => "unit_blocked",
            Self::UnitUnblocked { .. } => "unit_unblocked",
            Self::MasaVoucherBegun { .. } => "masa_voucher_begun",
            Self::MasaVoucherCompleted { .. } => "masa_voucher_completed",
            Self::MasaVoucherRefused { .. } => "masa_voucher_refused",
            Self::RepeatsCounted { .. } => "repeats_counted",
        }
    }

    /// Returns the unit it is about; an order is about none, a count may be about many.
    #[must_use]
    pub const fn unit(&self) -> Option<DeviceId> {
        match self {
            Self::OrderOpened { .. } | Self::OrderClosed { .. } => None,
            Self::RepeatsCounted { repeats } => repeats.subject,
            Self::UnitBegun { unit, .. }
            | Self::UnitCompleted { unit, .. }
            | Self::UnitShipped { unit }
            | Self::UnitSold { unit, .. }
            | Self::UnitBlocked { unit, .. }
            | Self::UnitUnblocked { unit, .. }
            | Self::MasaVoucherBegun { unit, .. }
            | Self::MasaVoucherCompleted { unit, .. }
            | Self::MasaVoucherRefused { unit, .. } => Some(*unit),
        }
    }
}
