//! What the owner's store knows: the device, its voucher-requests, its certificates, what is still owed.
//!
//! Each struct is one row as it stands in the state and as readers get it.
//! Does not: hold history; that is the journal's.

use std::collections::BTreeMap;

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, Generation, KeyId, ManufacturerId, ProductName,
    ReasonCode, Seq, SerialNumber, UnixTime, Version,
};
use serde::{Deserialize, Serialize};
use server_lifecycle::State;

use crate::blob::{Blob, Nonce, Text};
use crate::error::Error;
use crate::pace::Pace;
use crate::stamp::Actor;

/// The most vouchers that are kept of a MASA's log.
pub const PAST_VOUCHERS_MAX: usize = 64;
/// The most labels of one device.
pub const LABELS_MAX: usize = 16;

/// The owner's record of one thing, over all its generations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Made from manufacturer and serial number; see [`crate::device_id`].
    pub id: DeviceId,
    /// Under which registered manufacturer the serial number counts.
    pub manufacturer: ManufacturerId,
    /// The maker's serial number.
    pub serial: SerialNumber,
    /// The product, where known.
    pub product: Option<ProductName>,
    /// The owner's own words about it.
    pub labels: Labels,
    /// Where it stands in the lifecycle.
    pub state: State,
    /// Since when.
    pub state_since_at: UnixTime,
    /// Why, where a reason was given.
    pub state_code: Option<ReasonCode>,
    /// How often the record was changed; a write names the version that it saw.
    pub version: Version,
    /// Which life of the device this is, from 0.
    pub generation: Generation,
    /// When the owner first said that it is to come; `None` for a device that came unannounced.
    pub declared_at: Option<UnixTime>,
    /// That a person let it in, for policies that wait for one.
    pub approval: Option<Approval>,
    /// The IDevID it last showed.
    pub idevid: Option<Fingerprint>,
    /// The digest of its newest voucher-request.
    pub voucher_request: Option<Fingerprint>,
    /// Its LDevID; `None` before the first and after a generation ended.
    pub certificate: Option<CertificateKey>,
    /// The certificate that is being made, between intent and outcome.
    pub certificate_intent: Option<CertificateKey>,
    /// When it was last seen to be operational since its owner handed it in; see `server_lifecycle::confirmed_at_after`.
    pub confirmed_at: Option<UnixTime>,
    /// What it last reported of itself.
    pub last_report: Option<Report>,
    /// How many records it caused lately.
    pub pace: Pace,
    /// When the record was made.
    pub created_at: UnixTime,
    /// When the record last changed.
    pub changed_at: UnixTime,
}

impl Device {
    /// Returns the approval that counts: an approval does so once, until the device was confirmed after it.
    #[must_use]
    pub fn open_approval(&self) -> Option<&Approval> {
        let is_used_up = |at| self.confirmed_at.is_some_and(|confirmed_at| confirmed_at >= at);
        self.approval.as_ref().filter(|approval| !is_used_up(approval.at))
    }
}

/// Short words by key, at most [`LABELS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<Text, Text>);

impl Labels {
    /// Takes labels that are within bounds.
    ///
    /// # Errors
    /// [`Error::TooManyLabels`] (`Malformed`) above [`LABELS_MAX`].
    pub fn new(labels: BTreeMap<Text, Text>) -> Result<Self, Error> {
        if labels.len() > LABELS_MAX { Err(Error::TooManyLabels) } else { Ok(Self(labels)) }
    }

    /// Returns the value of a label.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Lists key and value in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

/// A person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who approved.
    pub by: Actor,
    /// When.
    pub at: UnixTime,
}

/// The newest telemetry of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it was about.
    pub kind: ReportKind,
    /// The device's `status`.
    pub is_success: bool,
    /// When it arrived.
    pub at: UnixTime,
}

/// Which telemetry resource was used (RFC 8995 §5.7, §5.9.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// `voucher_status`
    Voucher,
    /// `enrollstatus`
    Enrollment,
}

/// One voucher-request of a pledge and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRequest {
    /// SHA-256 of the PVR as received: its idempotency key.
    pub pvr_digest: Fingerprint,
    /// Who asked.
    pub device: DeviceId,
    /// The certificate that authenticated the connection.
    pub idevid: Fingerprint,
    /// Its nonce, where it has one.
    pub nonce: Option<Nonce>,
    /// When it first arrived.
    pub received_at: UnixTime,
    /// The record that holds what the MASA was asked; `None` when it was not, or by a server that did not note it.
    #[serde(default)]
    pub asked: Option<Seq>,
    /// How it stands.
    pub status: VoucherStatus,
}

/// How a voucher-request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherStatus {
    /// A policy or a person has to decide; the pledge asks again.
    Deferred {
        /// Not worth asking before.
        until: UnixTime,
        /// What is waited for.
        code: ReasonCode,
    },
    /// The MASA is being asked.
    Asking {
        /// The saved protocol state with which the MASA's reply is taken up.
        awaiting: Blob,
    },
    /// The voucher is here and may be handed out, as often as it is asked for.
    Issued {
        /// The signed voucher.
        voucher: Blob,
        /// The assertion in it, by its name in RFC 8366.
        assertion: Text,
    },
    /// Policy or a person said no.
    Refused {
        /// Why.
        code: ReasonCode,
    },
    /// The MASA did not give one; a new request may.
    Failed {
        /// Why.
        code: ReasonCode,
    },
}

/// The MASA's log of the domains that had vouchers for a device (RFC 8995 §5.8), and how we stand with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLog {
    /// The request for which the MASA gave the voucher, and by which it is asked for the log.
    pub pvr_digest: Fingerprint,
    /// The record that made the debt to ask.
    pub owed: Seq,
    /// Since when.
    pub owed_since_at: UnixTime,
    /// How it stands.
    pub status: AuditLogStatus,
    /// The last log that came, be it by an earlier request, and since when all that it says is known.
    pub last: Option<(UnixTime, PastVouchers)>,
    /// Since when the MASA gives none; `None` once one came.
    pub failing_since_at: Option<UnixTime>,
}

/// How we stand with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLogStatus {
    /// The MASA is being asked.
    Asking,
    /// It is here: [`AuditLog::last`].
    Received,
    /// The MASA gave none that could be read.
    Failed {
        /// When that was clear.
        at: UnixTime,
        /// Why.
        code: ReasonCode,
    },
}

/// What matters of a log; see [`PAST_VOUCHERS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastVouchers {
    /// SHA-256 of the log as received.
    pub digest: Fingerprint,
    /// The vouchers, in the order of the log.
    pub entries: Vec<PastVoucher>,
    /// How many the MASA left out at will.
    pub hidden: u32,
}

impl PastVouchers {
    /// Tells whether this log says nothing of a domain, with or without nonce, that `earlier` did not say.
    #[must_use]
    pub fn is_covered_by(&self, earlier: &Self) -> bool {
        let is_said = |new: &PastVoucher| {
            earlier.entries.iter().any(|old| (&old.domain, old.is_nonced) == (&new.domain, new.is_nonced))
        };
        self.entries.iter().all(is_said) && self.hidden <= earlier.hidden
    }
}

/// One voucher in a log. Its nonce is not kept: nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastVoucher {
    /// When it was given.
    pub at: UnixTime,
    /// For which domain.
    pub domain: DomainId,
    /// Whether it has a nonce.
    pub is_nonced: bool,
    /// On what ground, by its name in RFC 8366.
    pub assertion: Text,
}

/// Names a certificate for ever: its issuer's key identifier and its serial number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateKey {
    /// The key identifier of the issuing CA.
    pub issuer: KeyId,
    /// The serial number.
    pub serial: CertificateSerial,
}

/// One LDevID: what was to be signed and, once it is, the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its name.
    pub key: CertificateKey,
    /// Whose it is.
    pub device: DeviceId,
    /// In which life of the device it was issued; it ends with that life.
    pub generation: Generation,
    /// First, renewed or rekeyed.
    pub kind: CertificateKind,
    /// SHA-256 of the request: its idempotency key.
    pub csr_digest: Fingerprint,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// SHA-256 of the TBSCertificate.
    pub tbs_digest: Fingerprint,
    /// Begin of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// When the intent was recorded.
    pub begun_at: UnixTime,
    /// How it stands.
    pub status: CertificateStatus,
    /// From when on the server takes it no longer because a successor was issued; `None` for the current one.
    pub overlap_until: Option<UnixTime>,
}

/// What kind of enrolment made a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateKind {
    /// The first of a generation.
    First,
    /// Follows another with the same key.
    Renewal,
    /// Follows another with a new key.
    Rekey,
}

/// How the making of a certificate stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStatus {
    /// Recorded, perhaps signed, never handed out.
    Intent {
        /// What the caller needs to sign the very same again.
        draft: Blob,
    },
    /// Signed and on record.
    Issued {
        /// The certificate in DER.
        certificate: Blob,
        /// SHA-256 of it.
        fingerprint: Fingerprint,
    },
    /// Given up before it was handed out.
    Abandoned,
}

/// Whether a certificate counts today; derived from the device's state, never kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Good,
    /// A successor was issued and the overlap is over.
    Superseded,
    /// On hold while the device is suspended.
    Held,
    /// Withdrawn for ever.
    Revoked,
    /// Never completed.
    NotIssued,
}

/// A certificate that relying parties must not accept, for the CRL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which.
    pub key: CertificateKey,
    /// Whose.
    pub device: DeviceId,
    /// Since when.
    pub revoked_at: UnixTime,
    /// Whether it may come back (certificateHold).
    pub is_hold: bool,
    /// Why, where a reason was given.
    pub code: Option<ReasonCode>,
    /// When the certificate ends by itself.
    pub not_after: UnixTime,
}

/// The newest CRL of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crl {
    /// The key identifier of the issuing CA.
    pub issuer: KeyId,
    /// Its CRL number (RFC 5280 §5.2.3).
    pub number: u64,
    /// `thisUpdate`
    pub this_update_at: UnixTime,
    /// `nextUpdate`
    pub next_update_at: UnixTime,
    /// The CRL in DER, at most [`crate::CRL_BYTES_MAX`].
    pub der: Vec<u8>,
}

/// Something that is owed to the outside and is done at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The record that made the debt.
    pub seq: Seq,
    /// For which device.
    pub device: DeviceId,
    /// Since when.
    pub owed_since_at: UnixTime,
    /// What.
    pub task: Task,
}

/// What is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Ask the MASA with the state saved in this voucher-request.
    AskMasa {
        /// The digest of the PVR.
        pvr_digest: Fingerprint,
    },
    /// Ask the MASA for its log of the device, with the same bytes as in this voucher-request.
    AskAuditLog {
        /// The digest of the PVR.
        pvr_digest: Fingerprint,
    },
    /// Publish a CRL: the standing of a certificate changed.
    PublishCrl {
        /// The issuer whose list is out of date.
        issuer: KeyId,
    },
}
