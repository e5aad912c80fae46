//! What each event of the owner changes in the state; the same live and on replay.
//!
//! Does not: decide. A check did, and its outcome is in the event.

use proto::{Fingerprint, ReasonCode, Seq, UnixTime, Version};
use serde::{Deserialize, Serialize};
use server_lifecycle::{
    CertificateStatus as Lifecycle, State, Transition, confirmed_at_after, status_of_certificate,
};

use super::event::{CertificateDraft, Move, OwnerEvent, VoucherIntake};
use super::rows::{
    Approval, Certificate, CertificateKey, CertificateKind, CertificateStatus, Device, Labels, OutboxRow,
    Report, Revocation, Task, VoucherRequest, VoucherStatus,
};
use super::{Owner, crl, keys};
use crate::blob::Blob;
use crate::engine::{Model, Recorded, View, Writes, timeline};
use crate::error::Error;
use crate::pace::Pace;
use crate::repeat::{Repeated, Repeats};

/// Why a voucher-request ended when a newer one of the same device, or another event, took its place.
const SUPERSEDED: ReasonCode = ReasonCode::new("voucher-request-superseded");

/// Who used a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NonceUse {
    pub(super) pvr_digest: Fingerprint,
    pub(super) idevid: Fingerprint,
}

impl Model for Owner {
    type Event = OwnerEvent;

    const NAME: &'static str = "owner";

    fn apply(view: &View<'_>, record: &Recorded<OwnerEvent>, writes: &mut Writes) -> Result<(), Error> {
        if let Some(device) = record.event.device() {
            timeline::add(view, writes, keys::timeline(device), record.seq)?;
        }
        Apply { view, writes, seq: record.seq, at: record.at }.event(record)
    }
}

/// One event on its way into the state.
pub(super) struct Apply<'a, 'v> {
    pub(super) view: &'a View<'v>,
    pub(super) writes: &'a mut Writes,
    pub(super) seq: Seq,
    pub(super) at: UnixTime,
}

impl Apply<'_, '_> {
    fn event(mut self, record: &Recorded<OwnerEvent>) -> Result<(), Error> {
        match &record.event {
            OwnerEvent::DeviceDeclared { .. } => self.declare(&record.event),
            OwnerEvent::VoucherRequested { intake, awaiting, moved, .. } => {
                self.take(intake, VoucherStatus::Asking { awaiting: awaiting.clone() }, *moved)?;
                self.owe_question(intake)
            }
            OwnerEvent::VoucherDeferred { intake, code, until, moved, .. } => {
                self.take(intake, VoucherStatus::Deferred { until: *until, code: code.clone() }, *moved)
            }
            // The journal and the timeline remember it.
            OwnerEvent::VoucherRefused { is_on_record: false, .. } | OwnerEvent::RequestRefused { .. } => {
                Ok(())
            }
            OwnerEvent::VoucherRefused { intake, code, moved, .. } => {
                self.refuse(record, intake.pvr_digest, code, *moved)
            }
            OwnerEvent::RepeatsCounted { repeats } => self.count_repeats(repeats),
            OwnerEvent::VoucherCompleted { pvr_digest, voucher, assertion, moved, .. } => {
                let status = VoucherStatus::Issued { voucher: voucher.clone(), assertion: assertion.clone() };
                self.settle(*pvr_digest, status)?;
                self.change(record, |device| set_move(device, *moved, record.at))
            }
            OwnerEvent::VoucherFailed { pvr_digest, code, .. } => {
                self.settle(*pvr_digest, VoucherStatus::Failed { code: code.clone() })?;
                self.change(record, |_| ())
            }
            OwnerEvent::DeviceApproved { .. } => self.change(record, |device| {
                device.approval = Some(Approval { by: record.actor.clone(), at: record.at });
            }),
            OwnerEvent::StateChanged { moved, code, .. } => self.change_state(record, *moved, code.as_ref()),
            OwnerEvent::CertificateBegun { draft, kind, .. } => self.begin_certificate(record, draft, *kind),
            OwnerEvent::CertificateCompleted { .. } => self.complete_certificate(record),
            OwnerEvent::CertificateAbandoned { key, .. } => self.abandon_certificate(record, key),
            OwnerEvent::TelemetryRecorded { device, kind, is_success, asks_log, .. } => {
                let report = Report { kind: *kind, is_success: *is_success, at: record.at };
                self.report(record, report)?;
                asks_log.map_or(Ok(()), |pvr_digest| self.owe_log(*device, pvr_digest))
            }
            OwnerEvent::AuditLogAsked { device, pvr_digest } => self.owe_log(*device, *pvr_digest),
            OwnerEvent::AuditLogReceived { device, log, .. } => self.keep_log(*device, log),
            OwnerEvent::AuditLogFailed { device, code, .. } => self.fail_log(*device, code),
            OwnerEvent::EnrollmentConfirmed { moved, .. } => {
                self.change(record, |device| set_move(device, *moved, record.at))
            }
            OwnerEvent::CrlRecorded { issuer, as_of, .. } => {
                crl::put(self.view, self.writes, &record.event)?;
                self.pay_crl(issuer, *as_of)
            }
        }
    }

    fn declare(&mut self, event: &OwnerEvent) -> Result<(), Error> {
        let OwnerEvent::DeviceDeclared { device, manufacturer, serial, product, labels } = event else {
            return Ok(());
        };
        let before: Option<Device> = self.view.load(&keys::device(*device))?;
        let fresh = || Device::new(*device, manufacturer.clone(), serial.clone(), self.at);
        let mut after = before.clone().map_or_else(fresh, |device| bumped(device, self.at));
        after.product.clone_from(product);
        after.labels.clone_from(labels);
        after.declared_at = after.declared_at.or(Some(self.at));
        self.put_device(before.as_ref(), &after)
    }

    /// Takes a voucher-request on record and makes it the device's newest.
    fn take(
        &mut self,
        intake: &VoucherIntake,
        status: VoucherStatus,
        moved: Option<Move>,
    ) -> Result<(), Error> {
        let id = intake.device();
        let before: Option<Device> = self.view.load(&keys::device(id))?;
        let fresh = || Device::new(id, intake.manufacturer.clone(), intake.serial.clone(), self.at);
        let mut after = before.clone().map_or_else(fresh, |device| bumped(device, self.at));
        if let Some(earlier) = after.voucher_request.filter(|earlier| *earlier != intake.pvr_digest) {
            self.end(earlier, VoucherStatus::Failed { code: SUPERSEDED })?;
        }
        set_move(&mut after, moved, self.at);
        after.pace = after.pace.after(self.at);
        after.idevid = Some(intake.idevid);
        after.voucher_request = Some(intake.pvr_digest);
        self.put_request(intake, id, status)?;
        self.put_device(before.as_ref(), &after)
    }

    /// Ends the request where it is on record, and moves the device where the refusal is final. Who is refused changes
    /// nothing else: neither which IDevID is the device's own nor which of its requests is open.
    fn refuse(
        &mut self,
        record: &Recorded<OwnerEvent>,
        pvr_digest: Fingerprint,
        code: &ReasonCode,
        moved: Option<Move>,
    ) -> Result<(), Error> {
        let is_on_record = self.view.load::<VoucherRequest>(&keys::voucher(pvr_digest))?.is_some();
        if is_on_record {
            self.settle(pvr_digest, VoucherStatus::Refused { code: code.clone() })?;
        }
        if moved.is_some() {
            let open = self.device_of(record)?.voucher_request;
            let ended = VoucherStatus::Refused { code: code.clone() };
            open.filter(|open| *open != pvr_digest).map_or(Ok(()), |open| self.end(open, ended))?;
        }
        if moved.is_none() && !is_on_record {
            return Ok(());
        }
        self.change(record, |device| {
            set_move(device, moved, record.at);
            if moved.is_some() {
                device.state_code = Some(code.clone());
            }
        })
    }

    /// The newest of many equal reports is still the device's last.
    fn count_repeats(&mut self, repeats: &Repeats) -> Result<(), Error> {
        let (Some(id), Repeated::Reported { kind, is_success }) = (repeats.subject, &repeats.what) else {
            return Ok(());
        };
        let Some(mut device) = self.view.load::<Device>(&keys::device(id))? else { return Ok(()) };
        if device.last_report.as_ref().is_none_or(|last| last.at <= repeats.last_at) {
            let report = Report { kind: *kind, is_success: *is_success, at: repeats.last_at };
            device.last_report = Some(report);
            self.writes.put(keys::device(id), &device)?;
        }
        Ok(())
    }

    fn put_request(
        &mut self,
        intake: &VoucherIntake,
        device: proto::DeviceId,
        status: VoucherStatus,
    ) -> Result<(), Error> {
        let key = keys::voucher(intake.pvr_digest);
        let earlier: Option<VoucherRequest> = self.view.load(&key)?;
        let request = VoucherRequest {
            pvr_digest: intake.pvr_digest,
            device,
            idevid: intake.idevid,
            nonce: intake.nonce.clone(),
            received_at: earlier.map_or(self.at, |earlier| earlier.received_at),
            asked: matches!(status, VoucherStatus::Asking { .. }).then_some(self.seq),
            status,
        };
        self.drop_question(intake.pvr_digest)?;
        self.writes.put(key, &request)?;
        self.writes.put(keys::idevid(intake.idevid), &intake.idevid_certificate)?;
        if let Some(nonce) = &intake.nonce {
            let used = NonceUse { pvr_digest: intake.pvr_digest, idevid: intake.idevid };
            self.writes.put(keys::nonce(nonce), &used)?;
        }
        Ok(())
    }

    fn owe_question(&mut self, intake: &VoucherIntake) -> Result<(), Error> {
        let task = Task::AskMasa { pvr_digest: intake.pvr_digest };
        let row = OutboxRow { seq: self.seq, device: intake.device(), owed_since_at: self.at, task };
        self.writes.put(keys::outbox_ask(self.seq), &row)?;
        self.writes.put(keys::ask(intake.pvr_digest), &self.seq)
    }

    fn drop_question(&mut self, pvr_digest: Fingerprint) -> Result<(), Error> {
        let key = keys::ask(pvr_digest);
        if let Some(seq) = self.view.load::<Seq>(&key)? {
            self.writes.delete(keys::outbox_ask(seq));
            self.writes.delete(key);
        }
        Ok(())
    }

    fn settle(&mut self, pvr_digest: Fingerprint, status: VoucherStatus) -> Result<(), Error> {
        let key = keys::voucher(pvr_digest);
        let mut request: VoucherRequest = self.view.load(&key)?.ok_or(Error::VoucherRequestUnknown)?;
        request.status = status;
        self.drop_question(pvr_digest)?;
        self.writes.put(key, &request)
    }

    /// Ends a request that is still open; one that is answered stays as it is.
    fn end(&mut self, pvr_digest: Fingerprint, status: VoucherStatus) -> Result<(), Error> {
        let request: Option<VoucherRequest> = self.view.load(&keys::voucher(pvr_digest))?;
        match request.map(|request| request.status) {
            Some(VoucherStatus::Asking { .. } | VoucherStatus::Deferred { .. }) => {
                self.settle(pvr_digest, status)
            }
            Some(
                VoucherStatus::Issued { .. } | VoucherStatus::Refused { .. } | VoucherStatus::Failed { .. },
            )
            | None => Ok(()),
        }
    }

    fn change_state(
        &mut self,
        record: &Recorded<OwnerEvent>,
        moved: Move,
        code: Option<&ReasonCode>,
    ) -> Result<(), Error> {
        let before = self.device_of(record)?;
        let mut after = bumped(before.clone(), self.at);
        set_move(&mut after, Some(moved), self.at);
        after.state_code = code.cloned();
        if let (State::Requested, Some(open)) = (before.state, before.voucher_request) {
            let ended = VoucherStatus::Failed { code: SUPERSEDED };
            let refused = code.filter(|_| moved.to == State::Refused);
            let refused = refused.map(|code| VoucherStatus::Refused { code: code.clone() });
            self.end(open, refused.unwrap_or(ended))?;
        }
        self.put_device(Some(&before), &after)
    }

    fn begin_certificate(
        &mut self,
        record: &Recorded<OwnerEvent>,
        draft: &CertificateDraft,
        kind: CertificateKind,
    ) -> Result<(), Error> {
        let before = self.device_of(record)?;
        let mut after = bumped(before.clone(), self.at);
        after.certificate_intent = Some(draft.key.clone());
        after.pace = after.pace.after(self.at);
        let certificate = Certificate {
            key: draft.key.clone(),
            device: before.id,
            generation: before.generation,
            kind,
            csr_digest: draft.csr_digest,
            public_key: draft.public_key,
            tbs_digest: draft.tbs_digest,
            not_before: draft.not_before,
            not_after: draft.not_after,
            begun_at: self.at,
            status: CertificateStatus::Intent { draft: draft.draft.clone() },
            overlap_until: None,
        };
        self.writes.put(keys::certificate(&draft.key), &certificate)?;
        self.writes.put(keys::csr(before.id, draft.csr_digest), &draft.key)?;
        self.writes.put(keys::certificate_of(before.id, Some(self.seq)), &draft.key)?;
        self.put_device(Some(&before), &after)
    }

    fn complete_certificate(&mut self, record: &Recorded<OwnerEvent>) -> Result<(), Error> {
        let OwnerEvent::CertificateCompleted { key, certificate, fingerprint, overlap_until, moved, .. } =
            &record.event
        else {
            return Ok(());
        };
        let before = self.device_of(record)?;
        let mut after = bumped(before.clone(), self.at);
        if let Some(earlier) = after.certificate.take() {
            let row = keys::certificate(&earlier);
            let mut earlier: Certificate = self.view.load(&row)?.ok_or(Error::CertificateUnknown)?;
            earlier.overlap_until = Some(*overlap_until);
            self.writes.put(row, &earlier)?;
        }
        self.put_certificate(key, certificate, *fingerprint)?;
        set_move(&mut after, *moved, self.at);
        after.certificate = Some(key.clone());
        after.certificate_intent = None;
        self.put_device(Some(&before), &after)
    }

    fn put_certificate(
        &mut self,
        key: &CertificateKey,
        der: &Blob,
        fingerprint: Fingerprint,
    ) -> Result<(), Error> {
        let row = keys::certificate(key);
        let mut certificate: Certificate = self.view.load(&row)?.ok_or(Error::CertificateUnknown)?;
        certificate.status = CertificateStatus::Issued { certificate: der.clone(), fingerprint };
        self.writes.put(row, &certificate)?;
        self.writes.put(keys::fingerprint(fingerprint), key)
    }

    fn abandon_certificate(
        &mut self,
        record: &Recorded<OwnerEvent>,
        key: &CertificateKey,
    ) -> Result<(), Error> {
        let row = keys::certificate(key);
        let mut certificate: Certificate = self.view.load(&row)?.ok_or(Error::CertificateUnknown)?;
        certificate.status = CertificateStatus::Abandoned;
        self.writes.put(row, &certificate)?;
        self.change(record, |device| {
            device.certificate_intent.take_if(|intent| intent == key);
        })
    }

    fn report(&mut self, record: &Recorded<OwnerEvent>, report: Report) -> Result<(), Error> {
        let mut device = self.device_of(record)?;
        device.last_report = Some(report);
        device.pace = device.pace.after(self.at);
        self.writes.put(keys::device(device.id), &device)
    }

    fn change(
        &mut self,
        record: &Recorded<OwnerEvent>,
        change: impl FnOnce(&mut Device),
    ) -> Result<(), Error> {
        let before = self.device_of(record)?;
        let mut after = bumped(before.clone(), self.at);
        change(&mut after);
        self.put_device(Some(&before), &after)
    }

    fn device_of(&self, record: &Recorded<OwnerEvent>) -> Result<Device, Error> {
        let id = record.event.device().ok_or(Error::DeviceUnknown)?;
        self.view.load(&keys::device(id))?.ok_or(Error::DeviceUnknown)
    }

    /// Writes a device with its indexes and counts, and lists its certificates as revoked where they are.
    fn put_device(&mut self, before: Option<&Device>, after: &Device) -> Result<(), Error> {
        self.writes.put(keys::device(after.id), after)?;
        if before.is_none() {
            self.writes.put(keys::serial(&after.serial, Some(&after.manufacturer)), &after.id)?;
        }
        let from = before.map(|before| before.state);
        if from != Some(after.state) {
            if let Some(from) = from {
                self.writes.delete(keys::in_state(from, Some(after.id)));
                self.count(from, |count| count.saturating_sub(1))?;
            }
            self.writes.put(keys::in_state(after.state, Some(after.id)), &())?;
            self.count(after.state, |count| count + 1)?;
        }
        match before {
            Some(before) if before.state != after.state || before.generation != after.generation => {
                self.revoke(before, after)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn count(&mut self, state: State, change: impl FnOnce(u64) -> u64) -> Result<(), Error> {
        let key = keys::count(state);
        let count = self.view.load(&key)?.unwrap_or(0);
        self.writes.put(key, &change(count))
    }

    /// Brings the list of revocations in line with the device's new state.
    fn revoke(&mut self, before: &Device, after: &Device) -> Result<(), Error> {
        let is_same_life = before.generation == after.generation;
        let of_this_life =
            |device: &Device| status_of_certificate(device.state, device.generation, device.generation);
        // Those of earlier lives stay revoked whatever happens, so most moves of an onboarding need no look at the list.
        if is_same_life && of_this_life(before) == of_this_life(after) {
            return Ok(());
        }
        let prefix = keys::certificate_of(after.id, None);
        for (_, key) in self.view.list::<CertificateKey>(&prefix, None, usize::MAX)? {
            let Some(certificate) = self.view.load::<Certificate>(&keys::certificate(&key))? else {
                continue;
            };
            let is_issued = matches!(certificate.status, CertificateStatus::Issued { .. });
            let was = status_of_certificate(before.state, before.generation, certificate.generation);
            let is = status_of_certificate(after.state, after.generation, certificate.generation);
            if is_issued && was != is {
                self.list_revocation(after, &certificate, is)?;
            }
        }
        Ok(())
    }

    fn list_revocation(
        &mut self,
        device: &Device,
        certificate: &Certificate,
        is: Lifecycle,
    ) -> Result<(), Error> {
        let key = keys::revocation(&certificate.key);
        let is_hold = match is {
            Lifecycle::Absent | Lifecycle::Good => {
                self.writes.delete(key);
                return self.owe_crl(device, &certificate.key.issuer);
            }
            Lifecycle::OnHold => true,
            Lifecycle::Revoked => false,
        };
        let revocation = Revocation {
            key: certificate.key.clone(),
            device: device.id,
            revoked_at: self.at,
            is_hold,
            code: device.state_code.clone(),
            not_after: certificate.not_after,
        };
        self.writes.put(key, &revocation)?;
        self.owe_crl(device, &certificate.key.issuer)
    }

    /// One debt per issuer, renewed by each change, so that a list made before the last change does not pay it.
    fn owe_crl(&mut self, device: &Device, issuer: &proto::KeyId) -> Result<(), Error> {
        let key = keys::publish(issuer);
        if let Some(earlier) = self.view.load::<Seq>(&key)? {
            self.writes.delete(keys::outbox_publish(earlier, issuer));
        }
        let task = Task::PublishCrl { issuer: issuer.clone() };
        let row = OutboxRow { seq: self.seq, device: device.id, owed_since_at: self.at, task };
        self.writes.put(keys::outbox_publish(self.seq, issuer), &row)?;
        self.writes.put(key, &self.seq)
    }

    fn pay_crl(&mut self, issuer: &proto::KeyId, as_of: Seq) -> Result<(), Error> {
        let key = keys::publish(issuer);
        if let Some(owed) = self.view.load::<Seq>(&key)?.filter(|owed| *owed <= as_of) {
            self.writes.delete(keys::outbox_publish(owed, issuer));
            self.writes.delete(key);
        }
        Ok(())
    }
}

impl Device {
    fn new(
        id: proto::DeviceId,
        manufacturer: proto::ManufacturerId,
        serial: proto::SerialNumber,
        at: UnixTime,
    ) -> Self {
        Self {
            id,
            manufacturer,
            serial,
            product: None,
            labels: Labels::default(),
            state: State::FIRST,
            state_since_at: at,
            state_code: None,
            version: Version(1),
            generation: proto::Generation(0),
            approval: None,
            idevid: None,
            voucher_request: None,
            certificate: None,
            certificate_intent: None,
            declared_at: None,
            confirmed_at: None,
            last_report: None,
            pace: Pace::default(),
            created_at: at,
            changed_at: at,
        }
    }
}

fn bumped(mut device: Device, at: UnixTime) -> Device {
    device.version = device.version.next();
    device.changed_at = at;
    device
}

fn set_move(device: &mut Device, moved: Option<Move>, at: UnixTime) {
    let Some(moved) = moved else { return };
    let begins_generation = moved.generation != device.generation;
    let transition = Transition { next: moved.to, begins_generation, effects: &[] };
    device.confirmed_at = confirmed_at_after(device.confirmed_at, &transition, at);
    if begins_generation {
        device.generation = moved.generation;
        device.certificate = None;
        device.certificate_intent = None;
    }
    if begins_generation && moved.to == State::Expected {
        device.approval = None;
    }
    if device.state != moved.to {
        device.state = moved.to;
        device.state_since_at = at;
        device.state_code = None;
    }
}
