//! The writes of the MASA: intent and outcome of a voucher.
//!
//! Source: RFC 8995 §5.5, §5.6, §5.8.
//! Invariants: one voucher per unit and nonce; each issued voucher is in the unit's audit log before it goes out.

use proto::{DeviceId, DomainId, Fingerprint};

use super::event::MakerEvent;
use super::rows::MasaVoucher;
use super::unit::load_unit;
use super::{Maker, keys};
use crate::blob::{Blob, Nonce, Text};
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::owner::Noted;
use crate::repeat::Repeats;
use crate::stamp::Stamp;

/// Records that a voucher is about to be signed. The reply says whether to sign it.
#[derive(Clone, Debug)]
pub struct BeginMasaVoucher {
    /// For which unit.
    pub unit: DeviceId,
    /// The pledge's nonce; a nonceless voucher goes by the digest of its request.
    pub nonce: Option<Nonce>,
    /// SHA-256 of the RVR.
    pub rvr_digest: Fingerprint,
    /// For whom.
    pub domain: DomainId,
    /// The assertion it will make, by its name in RFC 8366.
    pub assertion: Text,
}

/// What became of a voucher that was to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasaVoucherBegun {
    /// The intent is on record: sign.
    New,
    /// One was begun before for this nonce and domain: hand out what was issued, or sign it if there is none yet.
    Before(Box<MasaVoucher>),
}

/// Records the signed voucher; from then on it may be handed out. The same bytes again are the same.
#[derive(Clone, Debug)]
pub struct CompleteMasaVoucher {
    /// For which unit.
    pub unit: DeviceId,
    /// The pledge's nonce, as it was begun.
    pub nonce: Option<Nonce>,
    /// SHA-256 of the RVR, as it was begun.
    pub rvr_digest: Fingerprint,
    /// The signed voucher.
    pub voucher: Blob,
}

/// Records that a voucher-request was refused, for the unit's timeline.
#[derive(Clone, Debug)]
pub struct RefuseMasaVoucher {
    /// For which unit.
    pub unit: DeviceId,
    /// SHA-256 of the RVR.
    pub rvr_digest: Fingerprint,
    /// Who asked.
    pub domain: DomainId,
    /// Why.
    pub code: proto::ReasonCode,
}

/// Records how often something happened that has no records of its own. Changes no unit.
#[derive(Clone, Debug)]
pub struct CountMasaRepeats {
    /// What, and how often.
    pub repeats: Repeats,
}

impl Command<Maker> for BeginMasaVoucher {
    type Reply = MasaVoucherBegun;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, MasaVoucherBegun>, Error> {
        let unit = load_unit(view, self.unit)?;
        if let Some(block) = unit.block {
            return Err(Error::UnitBlocked { since: block.since_at });
        }
        let key = keys::voucher(self.unit, self.nonce.as_ref(), self.rvr_digest);
        if let Some(before) = view.load::<MasaVoucher>(&key)? {
            return if before.domain == self.domain {
                Ok(Outcome::Unchanged(MasaVoucherBegun::Before(Box::new(before))))
            } else {
                Err(Error::MasaNonceUsed)
            };
        }
        unit.pace.check(stamp.at)?;
        let event = MakerEvent::MasaVoucherBegun {
            unit: self.unit,
            nonce: self.nonce.clone(),
            rvr_digest: self.rvr_digest,
            domain: self.domain.clone(),
            assertion: self.assertion.clone(),
        };
        Ok(Outcome::Record(event, MasaVoucherBegun::New))
    }
}

impl Command<Maker> for CompleteMasaVoucher {
    type Reply = MasaVoucher;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<MakerEvent, MasaVoucher>, Error> {
        let key = keys::voucher(self.unit, self.nonce.as_ref(), self.rvr_digest);
        let mut row: MasaVoucher = view.load(&key)?.ok_or(Error::MasaVoucherSettled)?;
        match &row.voucher {
            Some(voucher) if *voucher == self.voucher => return Ok(Outcome::Unchanged(row)),
            Some(_) => return Err(Error::MasaVoucherSettled),
            None => (),
        }
        // A person may have blocked it while the voucher was being signed.
        if let Some(block) = load_unit(view, self.unit)?.block {
            return Err(Error::UnitBlocked { since: block.since_at });
        }
        row.voucher = Some(self.voucher.clone());
        let event = MakerEvent::MasaVoucherCompleted {
            unit: self.unit,
            nonce: self.nonce.clone(),
            rvr_digest: self.rvr_digest,
            voucher: self.voucher.clone(),
        };
        Ok(Outcome::Record(event, row))
    }
}

impl Command<Maker> for RefuseMasaVoucher {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<MakerEvent, Noted>, Error> {
        load_unit(view, self.unit)?;
        let event = MakerEvent::MasaVoucherRefused {
            unit: self.unit,
            rvr_digest: self.rvr_digest,
            domain: self.domain.clone(),
            code: self.code.clone(),
        };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}

impl Command<Maker> for CountMasaRepeats {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<MakerEvent, Noted>, Error> {
        let event = MakerEvent::RepeatsCounted { repeats: self.repeats.clone() };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}
