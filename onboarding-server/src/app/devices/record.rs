//! A device with what stands beside its row: certificates, the newest request, who decided last.
//!
//! Does not: decide anything.
//! Invariants: everything is of one reading; a certificate that counts no longer is not shown as the device's.

use pki::Certificate;
use proto::{Seq, UnixTime};
use server_lifecycle::State;
use server_policy::{AuditLogFacts, PastDomain};
use server_store::{
    Actor, AuditLog, CertificateStatus, Device, Error as StoreError, OwnerEvent, OwnerStore, Recorded,
    Standing, Text, VoucherStatus,
};

/// How many records are read at a time to find who decided last; a device has a few dozen in its life.
const HISTORY_RECORDS: usize = 256;

/// One device, with all that a person wants to see of it.
#[derive(Clone, Debug)]
pub struct DeviceRecord {
    /// Its row.
    pub device: Device,
    /// Whether its newest request waits for a person.
    pub awaits_approval: bool,
    /// When it was last heard.
    pub last_heard_at: Option<UnixTime>,
    /// The IDevID that it last showed.
    pub idevid: Option<Certificate>,
    /// Its LDevID, while that counts.
    pub ldevid: Option<Certificate>,
    /// How its newest voucher was earned, by the name in RFC 8366.
    pub assertion: Option<Text>,
    /// Who decided last, and in which words; `None` where only lists are read.
    pub decision: Option<(Actor, Text)>,
    /// How we stand with its MASA's log; `None` where only lists are read.
    pub audit_log: Option<AuditLog>,
    /// What the log that came says against it, and which domains it names.
    pub past: Option<(AuditLogFacts, Vec<PastDomain>)>,
}

impl DeviceRecord {
    /// Reads what stands beside `device`. Blocks.
    pub(super) fn load(store: &OwnerStore, device: Device, now: UnixTime) -> Result<Self, StoreError> {
        let request = match device.voucher_request {
            Some(digest) => store.voucher_by_pvr_digest(digest)?,
            None => None,
        };
        let reported_at = device.last_report.as_ref().map(|report| report.at);
        let status = request.as_ref().map(|request| &request.status);
        Ok(Self {
            awaits_approval: awaits_approval(&device, status),
            last_heard_at: reported_at.max(request.as_ref().map(|request| request.received_at)),
            idevid: idevid(store, &device)?,
            ldevid: ldevid(store, &device, now)?,
            assertion: status.and_then(assertion),
            decision: None,
            audit_log: None,
            past: None,
            device,
        })
    }

    /// Adds the MASA's log, and who decided last. Blocks.
    pub(super) fn with_history(mut self, store: &OwnerStore) -> Result<Self, StoreError> {
        self.audit_log = store.load_audit_log(self.device.id)?;
        let mut from = Seq(0);
        loop {
            let history = store.timeline(self.device.id, from, HISTORY_RECORDS)?;
            let Some(last) = history.last() else { return Ok(self) };
            from = last.seq.next();
            self.decision = history.into_iter().rev().find_map(decision).or(self.decision);
        }
    }
}

fn awaits_approval(device: &Device, request: Option<&VoucherStatus>) -> bool {
    device.state == State::Requested
        && matches!(request, Some(VoucherStatus::Deferred { .. }))
        && device.open_approval().is_none()
}

fn idevid(store: &OwnerStore, device: &Device) -> Result<Option<Certificate>, StoreError> {
    let Some(fingerprint) = device.idevid else { return Ok(None) };
    let der = store.load_idevid(fingerprint)?;
    // What was recorded had been parsed before.
    Ok(der.and_then(|der| Certificate::parse(&der).ok()))
}

fn ldevid(store: &OwnerStore, device: &Device, now: UnixTime) -> Result<Option<Certificate>, StoreError> {
    let Some(key) = &device.certificate else { return Ok(None) };
    let Some(found) = store.load_certificate(key)? else { return Ok(None) };
    match (found.standing(device, now), found.status) {
        (
            Standing::Good | Standing::Held | Standing::Superseded,
            CertificateStatus::Issued { certificate, .. },
        ) => Ok(Certificate::parse(&certificate).ok()),
        (
            Standing::Good | Standing::Held | Standing::Superseded | Standing::Revoked | Standing::NotIssued,
            _,
        ) => Ok(None),
    }
}

fn assertion(status: &VoucherStatus) -> Option<Text> {
    match status {
        VoucherStatus::Issued { assertion, .. } => Some(assertion.clone()),
        VoucherStatus::Deferred { .. }
        | VoucherStatus::Asking { .. }
        | VoucherStatus::Refused { .. }
        | VoucherStatus::Failed { .. } => None,
    }
}

/// Reads who moved or approved the device, and in which words.
fn decision(record: Recorded<OwnerEvent>) -> Option<(Actor, Text)> {
    let actor = record.actor;
    if let OwnerEvent::StateChanged { note, .. } | OwnerEvent::DeviceApproved { note, .. } = record.event {
        return Some((actor, note));
    }
    if let OwnerEvent::VoucherRequested { moved: Some(_), .. }
    | OwnerEvent::VoucherDeferred { moved: Some(_), .. }
    | OwnerEvent::VoucherRefused { moved: Some(_), .. }
    | OwnerEvent::VoucherCompleted { moved: Some(_), .. }
    | OwnerEvent::CertificateCompleted { moved: Some(_), .. }
    | OwnerEvent::EnrollmentConfirmed { moved: Some(_), .. }
    | OwnerEvent::DeviceDeclared { .. } = record.event
    {
        return Some((actor, Text::default()));
    }
    None
}
