//! The writes of the voucher phase: begin, defer, refuse; then complete or fail.
//!
//! Source: RFC 8995 §5.2 to §5.7.
//! Invariants: a nonce serves one request of one certificate; the byte-identical request meets its own answer.

use proto::{DeviceId, Fingerprint, ReasonCode, Seq, UnixTime, Version};
use server_lifecycle::{Event, State};

use super::apply::NonceUse;
use super::check::{changed, expect, load_device, step, step_of};
use super::device::Noted;
use super::event::{OwnerEvent, VoucherIntake};
use super::rows::{Device, VoucherRequest, VoucherStatus};
use super::{Owner, keys};
use crate::blob::{Blob, Text};
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::pace::Pace;
use crate::stamp::Stamp;

/// Records the intent to ask the MASA. The reply says whether to do so.
///
/// Creates the device where it is not on record. The device becomes `Requested`; an outbox row is owed until
/// [`CompleteVoucher`] or [`FailVoucher`].
#[derive(Clone, Debug)]
pub struct BeginVoucher {
    /// What came in.
    pub intake: VoucherIntake,
    /// The version of the device that the decision was made on; `None` when it was not on record.
    pub expected: Option<Version>,
    /// The saved protocol state with which the MASA's reply is taken up.
    pub awaiting: Blob,
}

/// Records that the request waits for a person or for time. The device becomes `Requested`.
#[derive(Clone, Debug)]
pub struct DeferVoucher {
    /// What came in.
    pub intake: VoucherIntake,
    /// The version of the device that the decision was made on; `None` when it was not on record.
    pub expected: Option<Version>,
    /// What is waited for.
    pub code: ReasonCode,
    /// Not worth asking before.
    pub until: UnixTime,
    /// A device that waits for the same with another request, taken at this time or later, waits still: nothing new is
    /// recorded, and the reply shows that request.
    pub repeats_since_at: UnixTime,
}

/// What became of a request that was to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is on record now.
    New {
        /// Whose.
        device: DeviceId,
        /// The device's version now.
        version: Version,
        /// The journal record.
        seq: Seq,
    },
    /// The same bytes were taken before, or the device waits already with others; this is how they stand.
    Before(Box<VoucherRequest>),
}

/// Records a refusal. A device or request that is not on record stays so: the journal alone remembers.
#[derive(Clone, Debug)]
pub struct RefuseVoucher {
    /// What came in.
    pub intake: VoucherIntake,
    /// The version of the device that the decision was made on; `None` when it was not on record. It counts where the
    /// refusal changes a request or the device.
    pub expected: Option<Version>,
    /// Why.
    pub code: ReasonCode,
    /// Whether the device itself becomes `Refused`, until a person reopens it; else only this request is.
    pub is_final: bool,
}

/// Records the MASA's voucher; from then on it may be handed out. The device becomes `Vouched`.
#[derive(Clone, Debug)]
pub struct CompleteVoucher {
    /// Which request it answers.
    pub pvr_digest: Fingerprint,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// The signed voucher.
    pub voucher: Blob,
    /// The assertion in it, by its name in RFC 8366.
    pub assertion: Text,
}

/// Records that the MASA gave no voucher and will not for this request. The device stays as it is.
#[derive(Clone, Debug)]
pub struct FailVoucher {
    /// Which request.
    pub pvr_digest: Fingerprint,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// Why.
    pub code: ReasonCode,
}

/// What a write made of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub device: DeviceId,
    /// Its version now.
    pub version: Version,
    /// The journal record; where nothing changed, the next free one.
    pub seq: Seq,
}

impl Command<Owner> for BeginVoucher {
    type Reply = Taken;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<OwnerEvent, Taken>, Error> {
        match earlier(view, &self.intake)? {
            Some(VoucherRequest { status: VoucherStatus::Deferred { .. }, .. }) | None => (),
            Some(earlier) => return Ok(Outcome::Unchanged(Taken::Before(Box::new(earlier)))),
        }
        let device = load_expected(view, &self.intake, self.expected)?;
        pace_of(device.as_ref()).check(stamp.at)?;
        let moved = Some(step_of(device.as_ref(), Event::VoucherRequested)?);
        let (id, intake) = (self.intake.device(), self.intake.clone());
        let event =
            OwnerEvent::VoucherRequested { device: id, intake, awaiting: self.awaiting.clone(), moved };
        Ok(Outcome::Record(event, taken(view, id, device.as_ref())))
    }
}

impl Command<Owner> for DeferVoucher {
    type Reply = Taken;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<OwnerEvent, Taken>, Error> {
        let earlier = earlier(view, &self.intake)?;
        if let Some(earlier) = earlier.as_ref().filter(|earlier| !self.changes(earlier)) {
            return Ok(Outcome::Unchanged(Taken::Before(Box::new(earlier.clone()))));
        }
        let device = load_expected(view, &self.intake, self.expected)?;
        if let Some(waiting) = self.waiting(view, device.as_ref(), stamp)?.filter(|_| earlier.is_none()) {
            return Ok(Outcome::Unchanged(Taken::Before(Box::new(waiting))));
        }
        pace_of(device.as_ref()).check(stamp.at)?;
        let moved = Some(step_of(device.as_ref(), Event::VoucherRequested)?);
        let event = OwnerEvent::VoucherDeferred {
            device: self.intake.device(),
            intake: self.intake.clone(),
            code: self.code.clone(),
            until: self.until,
            moved,
        };
        Ok(Outcome::Record(event, taken(view, self.intake.device(), device.as_ref())))
    }
}

impl DeferVoucher {
    /// A pledge asks once a minute; waiting for the same thing once more is nothing to record.
    fn changes(&self, earlier: &VoucherRequest) -> bool {
        matches!(&earlier.status, VoucherStatus::Deferred { code, .. } if *code != self.code)
    }

    /// Finds the request with which the device waits already: some pledges make a new one each time they ask.
    fn waiting(
        &self,
        view: &View<'_>,
        device: Option<&Device>,
        stamp: &Stamp,
    ) -> Result<Option<VoucherRequest>, Error> {
        let device = device.filter(|device| device.state == State::Requested);
        let Some(newest) = device.and_then(|device| device.voucher_request) else { return Ok(None) };
        let newest: Option<VoucherRequest> = view.load(&keys::voucher(newest))?;
        Ok(newest.filter(|newest| {
            let waits = matches!(&newest.status, VoucherStatus::Deferred { until, code }
                if *code == self.code && stamp.at < *until);
            waits && newest.idevid == self.intake.idevid && newest.received_at >= self.repeats_since_at
        }))
    }
}

impl Command<Owner> for RefuseVoucher {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        let noted = Noted { seq: view.next_seq() };
        let earlier = earlier(view, &self.intake)?.map(|earlier| earlier.status);
        match &earlier {
            Some(VoucherStatus::Refused { .. }) => return Ok(Outcome::Unchanged(noted)),
            Some(VoucherStatus::Issued { .. }) => return Err(Error::VoucherRequestSettled),
            Some(
                VoucherStatus::Deferred { .. } | VoucherStatus::Asking { .. } | VoucherStatus::Failed { .. },
            )
            | None => (),
        }
        let device = if self.is_final || earlier.is_some() {
            load_expected(view, &self.intake, self.expected)?
        } else {
            view.load(&keys::device(self.intake.device()))?
        };
        let moved = match &device {
            Some(device) if self.is_final => Some(step(device, Event::Refused)?),
            Some(_) | None => None,
        };
        let event = OwnerEvent::VoucherRefused {
            device: self.intake.device(),
            is_on_record: device.is_some(),
            intake: self.intake.clone(),
            code: self.code.clone(),
            moved,
        };
        Ok(Outcome::Record(event, noted))
    }
}

impl Command<Owner> for CompleteVoucher {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let (request, device) = load_request(view, self.pvr_digest)?;
        if matches!(&request.status, VoucherStatus::Issued { voucher, .. } if *voucher == self.voucher) {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        check_open(&device, &request)?;
        let event = OwnerEvent::VoucherCompleted {
            device: device.id,
            pvr_digest: self.pvr_digest,
            voucher: self.voucher.clone(),
            assertion: self.assertion.clone(),
            moved: Some(step(&device, Event::VoucherIssued)?),
        };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

impl Command<Owner> for FailVoucher {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let (request, device) = load_request(view, self.pvr_digest)?;
        if matches!(request.status, VoucherStatus::Failed { .. }) {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        check_open(&device, &request)?;
        let (pvr_digest, code) = (self.pvr_digest, self.code.clone());
        let event = OwnerEvent::VoucherFailed { device: device.id, pvr_digest, code };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

/// Finds the same request, and refuses another that uses its nonce, or another certificate that replays it.
fn earlier(view: &View<'_>, intake: &VoucherIntake) -> Result<Option<VoucherRequest>, Error> {
    let used: Option<NonceUse> = match &intake.nonce {
        Some(nonce) => view.load(&keys::nonce(nonce))?,
        None => None,
    };
    let is_other = |used: NonceUse| used.pvr_digest != intake.pvr_digest || used.idevid != intake.idevid;
    if used.is_some_and(is_other) {
        return Err(Error::NonceUsed);
    }
    let earlier: Option<VoucherRequest> = view.load(&keys::voucher(intake.pvr_digest))?;
    match earlier {
        Some(earlier) if earlier.idevid != intake.idevid || earlier.device != intake.device() => {
            Err(Error::NonceUsed)
        }
        earlier => Ok(earlier),
    }
}

fn load_expected(
    view: &View<'_>,
    intake: &VoucherIntake,
    expected: Option<Version>,
) -> Result<Option<Device>, Error> {
    let device: Option<Device> = view.load(&keys::device(intake.device()))?;
    let found = device.as_ref().map(|device| device.version);
    if found == expected { Ok(device) } else { Err(Error::DeviceChanged { found }) }
}

fn load_request(view: &View<'_>, pvr_digest: Fingerprint) -> Result<(VoucherRequest, Device), Error> {
    let request: VoucherRequest =
        view.load(&keys::voucher(pvr_digest))?.ok_or(Error::VoucherRequestUnknown)?;
    let device = load_device(view, request.device)?;
    Ok((request, device))
}

/// Only the device's newest request can be answered, and only while the MASA is being asked.
fn check_open(device: &Device, request: &VoucherRequest) -> Result<(), Error> {
    let is_newest = device.voucher_request == Some(request.pvr_digest);
    let is_asking = matches!(request.status, VoucherStatus::Asking { .. });
    if is_newest && is_asking { Ok(()) } else { Err(Error::VoucherRequestSettled) }
}

fn pace_of(device: Option<&Device>) -> Pace {
    device.map_or_else(Pace::default, |device| device.pace)
}

fn taken(view: &View<'_>, id: DeviceId, device: Option<&Device>) -> Taken {
    let version = device.map_or(Version(1), |device| device.version.next());
    Taken::New { device: id, version, seq: view.next_seq() }
}
