//! All that a decision rests on; stored beside it.

use std::fmt;

use proto::{ManufacturerId, UnixTime};
use serde::{Deserialize, Serialize};
use server_lifecycle::State;

use crate::AuditLogFacts;

/// The version of [`Facts`]; a change that could change an old decision gets the next number.
pub const FACTS_VERSION: u16 = 2;

/// Holds what was known when a device asked; every check of signatures and chains has already passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// [`FACTS_VERSION`] of the server that collected them.
    pub version: u16,
    /// What is asked for.
    pub request: RequestKind,
    /// When it is decided.
    pub now: UnixTime,
    /// When the request that is still open was first made; [`Facts::now`] when this is the first time.
    pub first_asked_at: UnixTime,
    /// The manufacturer that the device's chain or record names; `None` when none is registered under that name.
    pub manufacturer: Option<ManufacturerFacts>,
    /// The IDevID by which the device asks; `None` when it asks with an LDevID.
    pub idevid: Option<IdevidFacts>,
    /// The device's record; `None` when there is none.
    pub device: Option<DeviceFacts>,
    /// The latest approval by a person; `None` when there is none.
    pub approval: Option<Approval>,
    /// Where the voucher is to be had; `None` when neither IDevID nor configuration says.
    pub masa: Option<MasaFacts>,
    /// What the MASA's log of past domains says; `None` when it is not here.
    pub audit_log: Option<AuditLogFacts>,
    /// Whether the MASA is being asked for that log.
    #[serde(default)]
    pub is_audit_log_awaited: bool,
    /// Since when the MASA gives no log that could be read; `None` when it does.
    #[serde(default)]
    pub audit_log_failing_since_at: Option<UnixTime>,
    /// The LDevID by which the device asks; `None` when it asks with its IDevID.
    pub certificate: Option<CertificateFacts>,
}

/// Says what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A voucher (RFC 8995 §5.2).
    Voucher,
    /// The first certificate of a generation (RFC 7030 §4.2.1).
    Enroll,
    /// The next certificate (RFC 7030 §4.2.2).
    Reenroll,
}

/// Holds what the owner configured for a manufacturer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManufacturerFacts {
    /// Its name in the configuration.
    pub id: ManufacturerId,
    /// What an expired IDevID means.
    pub expired_idevid: ExpiredIdevidRule,
    /// What becomes of a device that the owner did not declare.
    pub unknown_device: UnknownDeviceRule,
    /// What becomes of a device that was operational and starts again by itself.
    pub reonboarding: ReonboardingRule,
    /// What traces of other domains mean.
    pub audit_log: AuditLogRule,
    /// How long after its end an LDevID may still be renewed, in seconds; 0 for not at all.
    pub renewal_grace_seconds: u64,
}

/// Says what an expired IDevID means (IEEE 802.1AR wants it never to expire; not every maker knows).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredIdevidRule {
    /// The device is refused.
    Refuse,
    /// The end of its validity is not looked at.
    Ignore,
}

/// Says what becomes of a device that the owner did not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownDeviceRule {
    /// It is refused.
    Refuse,
    /// A person decides.
    Defer,
    /// It is admitted.
    Admit,
}

/// Says what becomes of a device that was operational and asks for a voucher again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReonboardingRule {
    /// It is refused; a person has to send it to repair, transfer or retire it.
    Refuse,
    /// A person decides.
    Defer,
    /// It is admitted, as a factory reset.
    Admit,
}

/// Says what the MASA's log of past domains means (RFC 8995 §5.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLogRule {
    /// Nothing; it is not asked for.
    Ignore,
    /// It is asked for and kept, and what is wrong with it is reported; the device comes aboard all the same.
    Warn,
    /// The device gets no certificate before the log is here, and none when something is wrong with it.
    #[serde(alias = "refuse")]
    Require,
}

/// Holds what counts of an IDevID whose path was already verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdevidFacts {
    /// The end of its validity.
    pub not_after_at: UnixTime,
}

/// Holds what counts of a device's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Where it stands.
    pub state: State,
    /// Whether the owner declared it.
    pub is_declared: bool,
    /// How the key of its IDevID compares with the one on record.
    pub key: KeyOnRecord,
    /// When it was last operational since its owner last handed it in; see [`server_lifecycle::confirmed_at_after`].
    pub confirmed_at: Option<UnixTime>,
}

/// Says how the key of the IDevID compares with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOnRecord {
    /// No key was seen for this serial number since the owner handed the device in.
    Unseen,
    /// It is the key on record.
    Same,
    /// The same serial number came before with another key: one of the two is a clone.
    Another,
}

/// Holds a person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who gave it, as the operator's certificate says.
    pub by: String,
    /// When.
    pub approved_at: UnixTime,
    /// Whether it was given for the key that asks now.
    pub is_for_this_key: bool,
}

/// Holds where the voucher is to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasaFacts {
    /// The host, and the port when it is not 443.
    pub authority: String,
    /// Whether the manufacturer's allow-list has it.
    pub is_allowed: bool,
}

/// Holds what counts of an LDevID whose path was already verified but for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The begin of its validity.
    pub not_before_at: UnixTime,
    /// The end of its validity.
    pub not_after_at: UnixTime,
    /// Whether it was issued by us to this device in its present generation.
    pub is_of_this_generation: bool,
}

impl RequestKind {
    /// Lists all kinds.
    pub const ALL: [Self; 3] = [Self::Voucher, Self::Enroll, Self::Reenroll];

    /// Names the kind as records do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::Enroll => "enroll",
            Self::Reenroll => "reenroll",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Facts {
    /// Begins the facts of a request about which nothing else is known.
    #[must_use]
    pub fn new(request: RequestKind, now: UnixTime) -> Self {
        Self {
            version: FACTS_VERSION,
            request,
            now,
            first_asked_at: now,
            manufacturer: None,
            idevid: None,
            device: None,
            approval: None,
            masa: None,
            audit_log: None,
            is_audit_log_awaited: false,
            audit_log_failing_since_at: None,
            certificate: None,
        }
    }

    /// Tells whether a person approved this request: for this key, and not used up by an onboarding since.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        let confirmed_at = self.device.as_ref().and_then(|device| device.confirmed_at);
        self.approval.as_ref().is_some_and(|approval| {
            approval.is_for_this_key && confirmed_at.is_none_or(|at| approval.approved_at > at)
        })
    }

    /// Tells whether a person approved this device's key at `at` or later: whoever did so knew what happened then.
    #[must_use]
    pub(crate) fn is_approved_since(&self, at: UnixTime) -> bool {
        let is_since = |approval: &Approval| approval.is_for_this_key && approval.approved_at >= at;
        self.approval.as_ref().is_some_and(is_since)
    }
}
