//! The writes of the factory: intent and outcome of an IDevID, shipping, sale, block.
//!
//! Invariants: a serial number has one key and a key one serial number, for ever; an order begins no more units than its
//! quota; a unit's intent is never replaced, so no unit has two certificates.

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, KeyId, LineId, OrderId, ReasonCode, SerialNumber,
};

use super::event::MakerEvent;
use super::rows::{Block, IdevId, Order, OrderTerms, Sale, Unit};
use super::{Maker, keys};
use crate::blob::{Blob, Text};
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::stamp::Stamp;

/// Records what is about to be signed for a unit. The reply says whether to sign it.
#[derive(Clone, Debug)]
pub struct BeginUnit {
    /// Under which order.
    pub order: OrderId,
    /// The line of the station that asks.
    pub line: LineId,
    /// The unit's serial number.
    pub serial: SerialNumber,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// SHA-256 of the request.
    pub csr_digest: Fingerprint,
    /// The key identifier of the issuing CA.
    pub issuer: KeyId,
    /// The IDevID's serial number.
    pub certificate_serial: CertificateSerial,
    /// SHA-256 of the TBSCertificate.
    pub tbs_digest: Fingerprint,
    /// What the caller needs to sign the very same again after a crash, e.g. the TBSCertificate.
    pub draft: Blob,
}

/// What became of a unit that was to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitBegun {
    /// The intent is on record: sign the draft.
    New {
        /// The unit's id.
        unit: DeviceId,
    },
    /// The same serial number and key were taken before: hand out what was issued, or sign its draft again.
    Before(Box<Unit>),
}

/// Records the signed IDevID; from then on it may be handed out. The same bytes again are the same.
#[derive(Clone, Debug)]
pub struct CompleteUnit {
    /// Which.
    pub unit: DeviceId,
    /// The certificate in DER.
    pub certificate: Blob,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
}

/// Records that a unit left the factory. Again is the same.
#[derive(Clone, Debug)]
pub struct ShipUnit {
    /// Which.
    pub unit: DeviceId,
}

/// Records to whom a unit was sold; the newest sale counts.
#[derive(Clone, Debug)]
pub struct RecordSale {
    /// Which.
    pub unit: DeviceId,
    /// The customer, in the maker's words.
    pub customer: Text,
    /// The domain that may have a voucher, where the customer named it.
    pub domain: Option<DomainId>,
}

/// Blocks a unit, so that no voucher is issued for it. Again keeps the first reason.
#[derive(Clone, Debug)]
pub struct BlockUnit {
    /// Which.
    pub unit: DeviceId,
    /// Why.
    pub code: ReasonCode,
    /// Why, in the words of who does it.
    pub note: Text,
}

/// Takes a block back. Again is the same.
#[derive(Clone, Debug)]
pub struct UnblockUnit {
    /// Which.
    pub unit: DeviceId,
    /// What the person wrote.
    pub note: Text,
}

impl Command<Maker> for BeginUnit {
    type Reply = UnitBegun;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<MakerEvent, UnitBegun>, Error> {
        let order: Order = view.load(&keys::order(Some(&self.order)))?.ok_or(Error::OrderUnknown)?;
        if order.terms.line != self.line {
            return Err(Error::OrderLine);
        }
        let unit = crate::device_id(&order.terms.manufacturer, &self.serial);
        if let Some(before) = view.load::<Unit>(&keys::unit(unit))? {
            return self.again(before);
        }
        self.check_new(view, &order)?;
        Ok(Outcome::Record(self.event(unit, order.terms), UnitBegun::New { unit }))
    }
}

impl BeginUnit {
    /// The same serial number was taken before: by the same key for the same order it is the same unit.
    fn again(&self, before: Unit) -> Result<Outcome<MakerEvent, UnitBegun>, Error> {
        if before.public_key != self.public_key {
            return Err(Error::UnitKeyConflict);
        }
        if before.order != self.order {
            return Err(Error::UnitOrderConflict);
        }
        Ok(Outcome::Unchanged(UnitBegun::Before(Box::new(before))))
    }

    fn check_new(&self, view: &View<'_>, order: &Order) -> Result<(), Error> {
        if order.closed_at.is_some() {
            return Err(Error::OrderClosed);
        }
        if !order.terms.serials.covers(&self.serial) {
            return Err(Error::OrderSerialRange);
        }
        if order.begun >= order.terms.quota {
            return Err(Error::OrderQuota);
        }
        if view.load::<DeviceId>(&keys::public_key(self.public_key))?.is_some() {
            return Err(Error::UnitKeyUsed);
        }
        match view.load::<DeviceId>(&keys::certificate(&self.issuer, &self.certificate_serial))? {
            Some(_) => Err(Error::CertificateSerialUsed),
            None => Ok(()),
        }
    }

    fn event(&self, unit: DeviceId, terms: OrderTerms) -> MakerEvent {
        MakerEvent::UnitBegun {
            unit,
            manufacturer: terms.manufacturer,
            serial: self.serial.clone(),
            order: self.order.clone(),
            line: self.line.clone(),
            product: terms.product,
            public_key: self.public_key,
            csr_digest: self.csr_digest,
            issuer: self.issuer.clone(),
            certificate_serial: self.certificate_serial.clone(),
            tbs_digest: self.tbs_digest,
            draft: self.draft.clone(),
        }
    }
}

impl Command<Maker> for CompleteUnit {
    type Reply = Unit;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Unit>, Error> {
        let mut unit = load_unit(view, self.unit)?;
        match &unit.idevid {
            IdevId::Issued { fingerprint, .. } if *fingerprint == self.fingerprint => {
                return Ok(Outcome::Unchanged(unit));
            }
            IdevId::Issued { .. } => return Err(Error::UnitSettled),
            IdevId::Intent { .. } => (),
        }
        let (certificate, fingerprint) = (self.certificate.clone(), self.fingerprint);
        unit.idevid = IdevId::Issued { certificate: certificate.clone(), fingerprint, at: stamp.at };
        Ok(Outcome::Record(MakerEvent::UnitCompleted { unit: self.unit, certificate, fingerprint }, unit))
    }
}

impl Command<Maker> for ShipUnit {
    type Reply = Unit;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Unit>, Error> {
        let mut unit = load_made(view, self.unit)?;
        if unit.shipped_at.is_some() {
            return Ok(Outcome::Unchanged(unit));
        }
        unit.shipped_at = Some(stamp.at);
        Ok(Outcome::Record(MakerEvent::UnitShipped { unit: self.unit }, unit))
    }
}

impl Command<Maker> for RecordSale {
    type Reply = Unit;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Unit>, Error> {
        let mut unit = load_made(view, self.unit)?;
        let is_known = |sale: &Sale| sale.customer == self.customer && sale.domain == self.domain;
        if unit.sale.as_ref().is_some_and(is_known) {
            return Ok(Outcome::Unchanged(unit));
        }
        let (customer, domain) = (self.customer.clone(), self.domain.clone());
        unit.sale = Some(Sale { customer: customer.clone(), domain: domain.clone(), at: stamp.at });
        Ok(Outcome::Record(MakerEvent::UnitSold { unit: self.unit, customer, domain }, unit))
    }
}

impl Command<Maker> for BlockUnit {
    type Reply = Unit;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Unit>, Error> {
        let mut unit = load_unit(view, self.unit)?;
        if unit.block.is_some() {
            return Ok(Outcome::Unchanged(unit));
        }
        let (code, note) = (self.code.clone(), self.note.clone());
        unit.block = Some(Block { code: code.clone(), note: note.clone(), since_at: stamp.at });
        Ok(Outcome::Record(MakerEvent::UnitBlocked { unit: self.unit, code, note }, unit))
    }
}

impl Command<Maker> for UnblockUnit {
    type Reply = Unit;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<MakerEvent, Unit>, Error> {
        let mut unit = load_unit(view, self.unit)?;
        if unit.block.take().is_none() {
            return Ok(Outcome::Unchanged(unit));
        }
        Ok(Outcome::Record(MakerEvent::UnitUnblocked { unit: self.unit, note: self.note.clone() }, unit))
    }
}

pub(super) fn load_unit(view: &View<'_>, unit: DeviceId) -> Result<Unit, Error> {
    view.load(&keys::unit(unit))?.ok_or(Error::UnitUnknown)
}

/// Loads a unit that has its certificate; one without was never made.
fn load_made(view: &View<'_>, unit: DeviceId) -> Result<Unit, Error> {
    let unit = load_unit(view, unit)?;
    match unit.idevid {
        IdevId::Issued { .. } => Ok(unit),
        IdevId::Intent { .. } => Err(Error::UnitSettled),
    }
}
