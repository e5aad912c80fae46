//! What the owner's journal records; the serde names are the file format and never change.
//!
//! Invariants: an event holds its outcome (the state moved to, the generation begun), so that replaying it asks no
//! policy and no lifecycle again.

use proto::{
    DeviceId, Fingerprint, Generation, KeyId, ManufacturerId, ProductName, ReasonCode, Seq, SerialNumber,
    UnixTime,
};
use serde::{Deserialize, Serialize};
use server_lifecycle::{Event, State};

use super::rows::{CertificateKey, CertificateKind, Labels, PastVouchers, ReportKind};
use crate::blob::{Blob, Nonce, Text};
use crate::repeat::{Repeats, Verb};

/// One entry of the owner's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OwnerEvent {
    /// The owner declared a device, or changed what they say of it.
    DeviceDeclared {
        /// Its id.
        device: DeviceId,
        /// Its manufacturer.
        manufacturer: ManufacturerId,
        /// Its serial number.
        serial: SerialNumber,
        /// Its product.
        product: Option<ProductName>,
        /// Its labels.
        labels: Labels,
    },
    /// A voucher-request was admitted; the MASA is to be asked.
    VoucherRequested {
        /// Whose.
        device: DeviceId,
        /// What came in.
        intake: VoucherIntake,
        /// The saved protocol state.
        awaiting: Blob,
        /// Where the device moved.
        moved: Option<Move>,
    },
    /// A voucher-request waits for a decision.
    VoucherDeferred {
        /// Whose.
        device: DeviceId,
        /// What came in.
        intake: VoucherIntake,
        /// What is waited for.
        code: ReasonCode,
        /// Not worth asking before.
        until: UnixTime,
        /// Where the device moved.
        moved: Option<Move>,
    },
    /// A voucher-request was refused.
    VoucherRefused {
        /// Whose it claims to be.
        device: DeviceId,
        /// Whether such a device is on record; if not, this record is all that remains.
        is_on_record: bool,
        /// What came in.
        intake: VoucherIntake,
        /// Why.
        code: ReasonCode,
        /// Where the device moved.
        moved: Option<Move>,
    },
    /// A request other than for a voucher was refused, or one for a voucher before policy was asked.
    RequestRefused {
        /// Whose.
        device: DeviceId,
        /// What was asked for.
        verb: Verb,
        /// Why.
        code: ReasonCode,
        /// The certificate of the connection it came over.
        certificate: Option<Fingerprint>,
    },
    /// Things happened that have no records of their own, because they happened before and often.
    RepeatsCounted {
        /// Which, and how often.
        repeats: Repeats,
    },
    /// The MASA's voucher is here.
    VoucherCompleted {
        /// Whose.
        device: DeviceId,
        /// Which request it answers.
        pvr_digest: Fingerprint,
        /// The signed voucher.
        voucher: Blob,
        /// The assertion in it.
        assertion: Text,
        /// Where the device moved.
        moved: Option<Move>,
    },
    /// The MASA gave no voucher.
    VoucherFailed {
        /// Whose.
        device: DeviceId,
        /// Which request.
        pvr_digest: Fingerprint,
        /// Why.
        code: ReasonCode,
    },
    /// A person let the device in.
    DeviceApproved {
        /// Which.
        device: DeviceId,
        /// What the person wrote.
        note: Text,
    },
    /// The device changed its state by a person's or the server's wish.
    StateChanged {
        /// Which.
        device: DeviceId,
        /// What happened.
        event: Event,
        /// Where it moved.
        moved: Move,
        /// Why, by code.
        code: Option<ReasonCode>,
        /// Why, in words.
        note: Text,
    },
    /// A certificate is about to be signed.
    CertificateBegun {
        /// Whose.
        device: DeviceId,
        /// What will be signed.
        draft: CertificateDraft,
        /// First, renewal or rekey.
        kind: CertificateKind,
    },
    /// A certificate was signed and may go out.
    CertificateCompleted {
        /// Whose.
        device: DeviceId,
        /// Which.
        key: CertificateKey,
        /// The certificate in DER.
        certificate: Blob,
        /// SHA-256 of it.
        fingerprint: Fingerprint,
        /// How long its predecessor is still taken.
        overlap_until: UnixTime,
        /// Where the device moved.
        moved: Option<Move>,
    },
    /// A certificate that was begun will not be handed out.
    CertificateAbandoned {
        /// Whose.
        device: DeviceId,
        /// Which.
        key: CertificateKey,
        /// Why.
        code: ReasonCode,
    },
    /// The device reported on itself.
    TelemetryRecorded {
        /// Which.
        device: DeviceId,
        /// About what.
        kind: ReportKind,
        /// Its `status`.
        is_success: bool,
        /// Its `reason`, clipped.
        reason: Text,
        /// The certificate of the connection it came over.
        certificate: Option<Fingerprint>,
        /// The voucher-request by which the MASA is to be asked for its log, where the report made that due.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks_log: Option<Fingerprint>,
    },
    /// The MASA is to be asked for its log of the device.
    AuditLogAsked {
        /// Which.
        device: DeviceId,
        /// By which voucher-request.
        pvr_digest: Fingerprint,
    },
    /// The MASA's log of the device is here.
    AuditLogReceived {
        /// Which.
        device: DeviceId,
        /// By which voucher-request it was asked for.
        pvr_digest: Fingerprint,
        /// What it says.
        log: PastVouchers,
        /// What is wrong with it, by what the owner knew then.
        code: Option<ReasonCode>,
    },
    /// The MASA gave no log that could be read.
    AuditLogFailed {
        /// Which.
        device: DeviceId,
        /// By which voucher-request it was asked for.
        pvr_digest: Fingerprint,
        /// Why.
        code: ReasonCode,
    },
    /// The device uses its new certificate.
    EnrollmentConfirmed {
        /// Which.
        device: DeviceId,
        /// The certificate it confirmed.
        certificate: Fingerprint,
        /// Where it moved.
        moved: Option<Move>,
    },
    /// A CRL was signed and may be published.
    CrlRecorded {
        /// The key identifier of the issuing CA.
        issuer: KeyId,
        /// Its number.
        number: u64,
        /// Up to which record it knows of revocations.
        as_of: Seq,
        /// `thisUpdate`
        this_update_at: UnixTime,
        /// `nextUpdate`
        next_update_at: UnixTime,
        /// The CRL in DER.
        #[serde(with = "crate::engine::bytes")]
        der: Vec<u8>,
    },
}

/// Where a device moved in its lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The state it is in now.
    pub to: State,
    /// The generation it is in now.
    pub generation: Generation,
}

/// A verified voucher-request, as far as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherIntake {
    /// Under which manufacturer's anchor the IDevID was verified.
    pub manufacturer: ManufacturerId,
    /// The serial number in the IDevID.
    pub serial: SerialNumber,
    /// SHA-256 of the IDevID certificate that authenticated the connection.
    pub idevid: Fingerprint,
    /// That certificate in DER.
    pub idevid_certificate: Blob,
    /// SHA-256 of the PVR as received.
    pub pvr_digest: Fingerprint,
    /// Its nonce.
    pub nonce: Option<Nonce>,
    /// The policy's facts and decision, in the caller's encoding.
    pub facts: Blob,
}

/// What is about to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateDraft {
    /// Issuer and serial number.
    pub key: CertificateKey,
    /// SHA-256 of the request.
    pub csr_digest: Fingerprint,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// SHA-256 of the TBSCertificate.
    pub tbs_digest: Fingerprint,
    /// Begin of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// What the caller needs to sign the very same again after a crash, e.g. the TBSCertificate.
    pub draft: Blob,
}

impl VoucherIntake {
    /// Returns the id of the device that the IDevID names.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        crate::device_id(&self.manufacturer, &self.serial)
    }
}

impl OwnerEvent {
    /// Names the kind of event, as timeline, log and metrics print it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DeviceDeclared { .. } => "device_declared",
            Self::VoucherRequested { .. } => "voucher_requested",
            Self::VoucherDeferred { .. } => "voucher_deferred",
            Self::VoucherRefused { .. } => "voucher_refused",
            Self::RequestRefused { .. } => "request_refused",
            Self::RepeatsCounted { .. } => "repeats_counted",
            Self::VoucherCompleted { .. } => "voucher_completed",
            Self::VoucherFailed { .. } => "voucher_failed",
            Self::DeviceApproved { .. } => "device_approved",
            Self::StateChanged { .. } => "state_changed",
            Self::CertificateBegun { .. } => "certificate_begun",
            Self::CertificateCompleted { .. } => "certificate_completed",
            Self::CertificateAbandoned { .. } => "certificate_abandoned",
            Self::TelemetryRecorded { .. } => "telemetry_recorded",
            Self::AuditLogAsked { .. } => "audit_log_asked",
            Self::AuditLogReceived { .. } => "audit_log_received",
            Self::AuditLogFailed { .. } => "audit_log_failed",
            Self::EnrollmentConfirmed { .. } => "enrollment_confirmed",
            Self::CrlRecorded { .. } => "crl_recorded",
        }
    }

    /// Returns the device it is about; a CRL is about none, a count may be about many.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceId> {
        match self {
            Self::DeviceDeclared { device, .. }
            | Self::VoucherRequested { device, .. }
            | Self::VoucherDeferred { device, .. }
            | Self::VoucherRefused { device, .. }
            | Self::RequestRefused { device, .. }
            | Self::VoucherCompleted { device, .. }
            | Self::VoucherFailed { device, .. }
            | Self::DeviceApproved { device, .. }
            | Self::StateChanged { device, .. }
            | Self::CertificateBegun { device, .. }
            | Self::CertificateCompleted { device, .. }
            | Self::CertificateAbandoned { device, .. }
            | Self::TelemetryRecorded { device, .. }
            | Self::AuditLogAsked { device, .. }
            | Self::AuditLogReceived { device, .. }
            | Self::AuditLogFailed { device, .. }
            | Self::EnrollmentConfirmed { device, .. } => Some(*device),
            Self::RepeatsCounted { repeats } => repeats.subject,
            Self::CrlRecorded { .. } => None,
        }
    }
}
