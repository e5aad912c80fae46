//! The writes about the MASA's log of a device: it is to be asked for; it is here; it will not come.
//!
//! Source: RFC 8995 §5.8.
//! Does not: judge the log.
//! Invariants: a device owes the MASA one question for its log at most; a log belongs to the request by which it was
//! asked for; what a device reports makes at most one question for each voucher, or one in [`RETRY_AFTER`].

use std::time::Duration;

use proto::{DeviceId, Fingerprint, ReasonCode, UnixTime};

use super::apply::Apply;
use super::check::load_device;
use super::device::Noted;
use super::event::OwnerEvent;
use super::rows::{
    AuditLog, AuditLogStatus, Device, OutboxRow, PAST_VOUCHERS_MAX, PastVouchers, Task, VoucherRequest,
    VoucherStatus,
};
use super::{Owner, keys};
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::stamp::Stamp;

/// How long after a MASA gave no log it may be asked again.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// Records that the MASA is to be asked for its log of a device, unless it is asked or has answered.
#[derive(Clone, Copy, Debug)]
pub struct AskAuditLog {
    /// Which device.
    pub device: DeviceId,
}

/// How a device stands with its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAsked {
    /// The MASA is to be asked by this voucher-request, from now on.
    New(Fingerprint),
    /// It is as it was; `None` when there is no voucher by which to ask.
    Before(Option<Box<AuditLog>>),
}

/// Records the MASA's log.
#[derive(Clone, Debug)]
pub struct CompleteAuditLog {
    /// Which device.
    pub device: DeviceId,
    /// By which voucher-request it was asked for.
    pub pvr_digest: Fingerprint,
    /// What it says.
    pub log: PastVouchers,
    /// What is wrong with it.
    pub code: Option<ReasonCode>,
}

/// Records that the MASA gave no log that could be read.
#[derive(Clone, Debug)]
pub struct FailAuditLog {
    /// Which device.
    pub device: DeviceId,
    /// By which voucher-request it was asked for.
    pub pvr_digest: Fingerprint,
    /// Why.
    pub code: ReasonCode,
}

impl Command<Owner> for AskAuditLog {
    type Reply = LogAsked;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<OwnerEvent, LogAsked>, Error> {
        let device = load_device(view, self.device)?;
        match log_to_ask(view, &device, stamp.at)? {
            Some(pvr_digest) => {
                let event = OwnerEvent::AuditLogAsked { device: device.id, pvr_digest };
                Ok(Outcome::Record(event, LogAsked::New(pvr_digest)))
            }
            None => {
                let before: Option<AuditLog> = view.load(&keys::audit_log(device.id))?;
                let before = before.filter(|log| Some(log.pvr_digest) == device.voucher_request);
                Ok(Outcome::Unchanged(LogAsked::Before(before.map(Box::new))))
            }
        }
    }
}

impl Command<Owner> for CompleteAuditLog {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        check_asked(view, self.device, self.pvr_digest)?;
        if self.log.entries.len() > PAST_VOUCHERS_MAX {
            return Err(Error::BlobTooLarge);
        }
        let event = OwnerEvent::AuditLogReceived {
            device: self.device,
            pvr_digest: self.pvr_digest,
            log: self.log.clone(),
            code: self.code.clone(),
        };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}

impl Command<Owner> for FailAuditLog {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        check_asked(view, self.device, self.pvr_digest)?;
        let (device, pvr_digest, code) = (self.device, self.pvr_digest, self.code.clone());
        let event = OwnerEvent::AuditLogFailed { device, pvr_digest, code };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}

fn check_asked(view: &View<'_>, device: DeviceId, pvr_digest: Fingerprint) -> Result<(), Error> {
    let log: Option<AuditLog> = view.load(&keys::audit_log(device))?;
    let is_asked = |log: &AuditLog| log.pvr_digest == pvr_digest && log.status == AuditLogStatus::Asking;
    if log.as_ref().is_some_and(is_asked) { Ok(()) } else { Err(Error::AuditLogSettled) }
}

/// Finds the voucher-request by which the MASA is to be asked: the newest that got a voucher, when its log is not here,
/// is not waited for and did not fail just now.
pub(super) fn log_to_ask(
    view: &View<'_>,
    device: &Device,
    now: UnixTime,
) -> Result<Option<Fingerprint>, Error> {
    let Some(newest) = device.voucher_request else { return Ok(None) };
    let request: Option<VoucherRequest> = view.load(&keys::voucher(newest))?;
    let has_voucher = |request: &VoucherRequest| {
        request.asked.is_some() && matches!(request.status, VoucherStatus::Issued { .. })
    };
    if !request.as_ref().is_some_and(has_voucher) {
        return Ok(None);
    }
    let log: Option<AuditLog> = view.load(&keys::audit_log(device.id))?;
    let is_due = match log.filter(|log| log.pvr_digest == newest).map(|log| log.status) {
        None => true,
        Some(AuditLogStatus::Failed { at, .. }) => at.plus(RETRY_AFTER) <= now,
        Some(AuditLogStatus::Asking | AuditLogStatus::Received) => false,
    };
    Ok(is_due.then_some(newest))
}

/// Tells whether there is something about a device's past that nobody knew at `at`.
pub(super) fn is_unanswered(view: &View<'_>, device: DeviceId, at: UnixTime) -> Result<bool, Error> {
    let log: Option<AuditLog> = view.load(&keys::audit_log(device))?;
    let since = |log: &AuditLog| log.failing_since_at.max(log.last.as_ref().map(|(known_at, _)| *known_at));
    Ok(log.as_ref().and_then(since).is_some_and(|since| at < since))
}

impl Apply<'_, '_> {
    /// One debt per device: a question by an older voucher is no longer asked.
    pub(super) fn owe_log(&mut self, device: DeviceId, pvr_digest: Fingerprint) -> Result<(), Error> {
        let key = keys::audit_log(device);
        let earlier: Option<AuditLog> = self.view.load(&key)?;
        if let Some(earlier) = &earlier {
            self.writes.delete(keys::outbox_log(earlier.owed));
        }
        let task = Task::AskAuditLog { pvr_digest };
        let row = OutboxRow { seq: self.seq, device, owed_since_at: self.at, task };
        self.writes.put(keys::outbox_log(self.seq), &row)?;
        let log = AuditLog {
            pvr_digest,
            owed: self.seq,
            owed_since_at: self.at,
            status: AuditLogStatus::Asking,
            failing_since_at: earlier.as_ref().and_then(|earlier| earlier.failing_since_at),
            last: earlier.and_then(|earlier| earlier.last),
        };
        self.writes.put(key, &log)
    }

    pub(super) fn keep_log(&mut self, device: DeviceId, new: &PastVouchers) -> Result<(), Error> {
        let at = self.at;
        self.settle_log(device, |log| {
            let earlier = log.last.take().filter(|(_, earlier)| new.is_covered_by(earlier));
            log.last = Some((earlier.map_or(at, |(known_at, _)| known_at), new.clone()));
            log.failing_since_at = None;
            log.status = AuditLogStatus::Received;
        })
    }

    pub(super) fn fail_log(&mut self, device: DeviceId, code: &ReasonCode) -> Result<(), Error> {
        let at = self.at;
        self.settle_log(device, |log| {
            log.failing_since_at = log.failing_since_at.or(Some(at));
            log.status = AuditLogStatus::Failed { at, code: code.clone() };
        })
    }

    fn settle_log(&mut self, device: DeviceId, settle: impl FnOnce(&mut AuditLog)) -> Result<(), Error> {
        let key = keys::audit_log(device);
        let mut log: AuditLog = self.view.load(&key)?.ok_or(Error::AuditLogSettled)?;
        self.writes.delete(keys::outbox_log(log.owed));
        settle(&mut log);
        self.writes.put(key, &log)
    }
}
