//! The writes of an operator: declare, approve, move through the lifecycle; and what a device reports of itself.

use proto::{DeviceId, Fingerprint, ManufacturerId, ProductName, ReasonCode, Seq, SerialNumber, Version};
use server_lifecycle::{Event, Illegal, State};

use super::audit_log::{is_unanswered, log_to_ask};
use super::check::{changed, expect, load_device, step};
use super::event::OwnerEvent;
use super::rows::{Device, Labels, ReportKind};
use super::voucher::Changed;
use super::{Owner, keys};
use crate::blob::Text;
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::repeat::{Repeats, Verb};
use crate::stamp::Stamp;

/// Declares a device, or changes what the owner says of it; again is the same.
#[derive(Clone, Debug)]
pub struct DeclareDevice {
    /// Its manufacturer.
    pub manufacturer: ManufacturerId,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its product; `None` keeps what is on record.
    pub product: Option<ProductName>,
    /// Its labels, all of them; `None` keeps what is on record.
    pub labels: Option<Labels>,
}

/// What a declaration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The device.
    pub device: DeviceId,
    /// Its version now.
    pub version: Version,
    /// Whether the record is new, changed or as it was.
    pub change: Declaration,
}

/// Whether a declaration changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// The device was not on record.
    New,
    /// Product or labels are other than before.
    Changed,
    /// All of it was on record.
    Unchanged,
}

/// Records a person's yes; the state does not change. Again by anyone is the same, unless the device's past came to
/// light in between.
#[derive(Clone, Debug)]
pub struct ApproveDevice {
    /// Which.
    pub device: DeviceId,
    /// The version of the device that the person saw.
    pub expected: Version,
    /// What the person wrote.
    pub note: Text,
}

/// Moves a device through its lifecycle: refuse, reopen, quarantine, release, suspend, resume, transfer, repair, retire,
/// and lapse of a request.
#[derive(Clone, Debug)]
pub struct ChangeState {
    /// Which.
    pub device: DeviceId,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// What happens.
    pub event: Event,
    /// Why, by code.
    pub code: Option<ReasonCode>,
    /// Why, in words.
    pub note: Text,
}

/// Records what a device reports of itself (RFC 8995 §5.7, §5.9.4). Never changes the state or the version.
///
/// The reply is `None` when the device caused so many records lately that this one is to be counted only.
#[derive(Clone, Debug)]
pub struct RecordTelemetry {
    /// Which.
    pub device: DeviceId,
    /// About what.
    pub kind: ReportKind,
    /// Its `status`.
    pub is_success: bool,
    /// Its `reason`; see [`Text::clipped`].
    pub reason: Text,
    /// The certificate of the connection it came over.
    pub certificate: Option<Fingerprint>,
    /// Whether the MASA is to be asked for its log, if there is a voucher whose log is not here.
    pub asks_log: bool,
}

/// Records that a request was refused which has no record of its own kind, on record or not. Changes no device.
#[derive(Clone, Debug)]
pub struct RefuseRequest {
    /// Whose.
    pub device: DeviceId,
    /// What was asked for.
    pub verb: Verb,
    /// Why.
    pub code: ReasonCode,
    /// The certificate of the connection it came over.
    pub certificate: Option<Fingerprint>,
}

/// Records how often something happened that has no records of its own. Changes no device, but for its last report.
#[derive(Clone, Debug)]
pub struct CountRepeats {
    /// What, and how often.
    pub repeats: Repeats,
}

/// Where a write that changes no version stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The journal record.
    pub seq: Seq,
}

impl Command<Owner> for DeclareDevice {
    type Reply = Declared;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Declared>, Error> {
        let device = crate::device_id(&self.manufacturer, &self.serial);
        let before: Option<Device> = view.load(&keys::device(device))?;
        let product =
            self.product.clone().or_else(|| before.as_ref().and_then(|before| before.product.clone()));
        let labels = self.labels.clone().or_else(|| before.as_ref().map(|before| before.labels.clone()));
        let labels = labels.unwrap_or_default();
        let (version, change) = match &before {
            None => (Version(1), Declaration::New),
            Some(before)
                if before.declared_at.is_some() && before.product == product && before.labels == labels =>
            {
                let declared = Declared { device, version: before.version, change: Declaration::Unchanged };
                return Ok(Outcome::Unchanged(declared));
            }
            Some(before) => (before.version.next(), Declaration::Changed),
        };
        let (manufacturer, serial) = (self.manufacturer.clone(), self.serial.clone());
        let event = OwnerEvent::DeviceDeclared { device, manufacturer, serial, product, labels };
        Ok(Outcome::Record(event, Declared { device, version, change }))
    }
}

impl Command<Owner> for ApproveDevice {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let device = load_device(view, self.device)?;
        let is_open = match device.open_approval() {
            None => true,
            Some(earlier) => is_unanswered(view, device.id, earlier.at)?,
        };
        if !is_open {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        if device.state == State::Retired {
            return Err(Illegal { state: State::Retired, event: Event::VoucherRequested }.into());
        }
        let event = OwnerEvent::DeviceApproved { device: self.device, note: self.note.clone() };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

impl Command<Owner> for ChangeState {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let device = load_device(view, self.device)?;
        expect(&device, self.expected)?;
        if is_of_protocol(self.event) {
            return Err(Illegal { state: device.state, event: self.event }.into());
        }
        let event = OwnerEvent::StateChanged {
            device: self.device,
            event: self.event,
            moved: step(&device, self.event)?,
            code: self.code.clone(),
            note: self.note.clone(),
        };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

/// Says whether an event is raised by a verb of its own, with the proof that belongs to it.
const fn is_of_protocol(event: Event) -> bool {
    match event {
        Event::VoucherRequested
        | Event::VoucherIssued
        | Event::CertificateIssued
        | Event::CertificateRenewed
        | Event::EnrollmentConfirmed => true,
        Event::RequestLapsed
        | Event::Refused
        | Event::Reopen
        | Event::Quarantine
        | Event::Release
        | Event::Suspend
        | Event::Resume
        | Event::ResumeInQuarantine
        | Event::BeginTransfer
        | Event::TransferCompleted
        | Event::TransferCancelled
        | Event::SendForRepair
        | Event::ReturnFromRepair
        | Event::Retire => false,
    }
}

impl Command<Owner> for RecordTelemetry {
    type Reply = Option<Noted>;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<OwnerEvent, Option<Noted>>, Error> {
        let device = load_device(view, self.device)?;
        if device.pace.check(stamp.at).is_err() {
            return Ok(Outcome::Unchanged(None));
        }
        let event = OwnerEvent::TelemetryRecorded {
            device: self.device,
            kind: self.kind,
            is_success: self.is_success,
            reason: self.reason.clone(),
            certificate: self.certificate,
            asks_log: if self.asks_log { log_to_ask(view, &device, stamp.at)? } else { None },
        };
        Ok(Outcome::Record(event, Some(Noted { seq: view.next_seq() })))
    }
}

impl Command<Owner> for RefuseRequest {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        let event = OwnerEvent::RequestRefused {
            device: self.device,
            verb: self.verb,
            code: self.code.clone(),
            certificate: self.certificate,
        };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}

impl Command<Owner> for CountRepeats {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        let event = OwnerEvent::RepeatsCounted { repeats: self.repeats.clone() };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}
