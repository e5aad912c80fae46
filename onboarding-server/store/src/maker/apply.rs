//! What each event of the maker changes in the state; the same live and on replay.
//!
//! Does not: decide. A check did, and its outcome is in the event.

use proto::{DeviceId, OrderId, Seq, UnixTime};

use super::event::MakerEvent;
use super::rows::{AuditEntry, Block, IdevId, MasaVoucher, Order, Sale, Unit};
use super::{Maker, keys};
use crate::engine::{Model, Recorded, View, Writes, timeline};
use crate::error::Error;
use crate::pace::Pace;

impl Model for Maker {
    type Event = MakerEvent;

    const NAME: &'static str = "maker";

    fn apply(view: &View<'_>, record: &Recorded<MakerEvent>, writes: &mut Writes) -> Result<(), Error> {
        if let Some(unit) = record.event.unit() {
            timeline::add(view, writes, keys::timeline(unit), record.seq)?;
        }
        Apply { view, writes, seq: record.seq, at: record.at }.event(record)
    }
}

/// One event on its way into the state.
struct Apply<'a, 'v> {
    view: &'a View<'v>,
    writes: &'a mut Writes,
    seq: Seq,
    at: UnixTime,
}

impl Apply<'_, '_> {
    fn event(mut self, record: &Recorded<MakerEvent>) -> Result<(), Error> {
        let (at, event) = (self.at, &record.event);
        match event {
            MakerEvent::OrderOpened { order, terms } => {
                let (id, terms) = (order.clone(), terms.clone());
                let opened_by = Some(record.actor.clone());
                let (begun, completed, opened_at, closed_at) = (0, 0, at, None);
                let row = Order { id, terms, begun, completed, opened_at, opened_by, closed_at };
                self.writes.put(keys::order(Some(order)), &row)
            }
            MakerEvent::OrderClosed { order, .. } => self.change_order(order, |row| row.closed_at = Some(at)),
            MakerEvent::UnitBegun { .. } => self.begin_unit(event),
            MakerEvent::UnitCompleted { unit, certificate, fingerprint } => {
                let (certificate, fingerprint) = (certificate.clone(), *fingerprint);
                let order = self.change_unit(*unit, |row| {
                    row.idevid = IdevId::Issued { certificate, fingerprint, at };
                })?;
                self.change_order(&order, |row| row.completed += 1)
            }
            MakerEvent::UnitShipped { unit } => {
                self.change_unit(*unit, |row| row.shipped_at = Some(at)).map(drop)
            }
            MakerEvent::UnitSold { unit, customer, domain } => {
                let sale = Sale { customer: customer.clone(), domain: domain.clone(), at };
                self.change_unit(*unit, |row| row.sale = Some(sale)).map(drop)
            }
            MakerEvent::UnitBlocked { unit, code, note } => {
                let block = Block { code: code.clone(), note: note.clone(), since_at: at };
                self.change_unit(*unit, |row| row.block = Some(block)).map(drop)
            }
            MakerEvent::UnitUnblocked { unit, .. } => {
                self.change_unit(*unit, |row| row.block = None).map(drop)
            }
            MakerEvent::MasaVoucherBegun { .. } => self.begin_voucher(event),
            MakerEvent::MasaVoucherCompleted { .. } => self.complete_voucher(event),
            // The journal and the timeline remember it.
            MakerEvent::MasaVoucherRefused { .. } | MakerEvent::RepeatsCounted { .. } => Ok(()),
        }
    }

    fn begin_unit(&mut self, event: &MakerEvent) -> Result<(), Error> {
        let MakerEvent::UnitBegun {
            unit,
            manufacturer,
            serial,
            order,
            line,
            product,
            public_key,
            csr_digest,
            issuer,
            certificate_serial,
            tbs_digest,
            draft,
        } = event
        else {
            return Ok(());
        };
        let row = Unit {
            id: *unit,
            manufacturer: manufacturer.clone(),
            serial: serial.clone(),
            order: order.clone(),
            line: line.clone(),
            product: product.clone(),
            public_key: *public_key,
            csr_digest: *csr_digest,
            issuer: issuer.clone(),
            certificate_serial: certificate_serial.clone(),
            tbs_digest: *tbs_digest,
            idevid: IdevId::Intent { draft: draft.clone() },
            begun_at: self.at,
            shipped_at: None,
            sale: None,
            block: None,
            pace: Pace::default(),
        };
        self.writes.put(keys::unit(*unit), &row)?;
        self.writes.put(keys::serial(serial, Some(manufacturer)), unit)?;
        self.writes.put(keys::in_order(order, serial), unit)?;
        self.writes.put(keys::public_key(*public_key), unit)?;
        self.writes.put(keys::certificate(issuer, certificate_serial), unit)?;
        self.change_order(order, |row| row.begun += 1)
    }

    fn begin_voucher(&mut self, event: &MakerEvent) -> Result<(), Error> {
        let MakerEvent::MasaVoucherBegun { unit, nonce, rvr_digest, domain, assertion } = event else {
            return Ok(());
        };
        let row = MasaVoucher {
            unit: *unit,
            nonce: nonce.clone(),
            rvr_digest: *rvr_digest,
            domain: domain.clone(),
            assertion: assertion.clone(),
            begun_at: self.at,
            voucher: None,
        };
        self.writes.put(keys::voucher(*unit, nonce.as_ref(), *rvr_digest), &row)?;
        let at = self.at;
        self.change_unit(*unit, |unit| unit.pace = unit.pace.after(at)).map(drop)
    }

    fn complete_voucher(&mut self, event: &MakerEvent) -> Result<(), Error> {
        let MakerEvent::MasaVoucherCompleted { unit, nonce, rvr_digest, voucher } = event else {
            return Ok(());
        };
        let key = keys::voucher(*unit, nonce.as_ref(), *rvr_digest);
        let mut row: MasaVoucher = self.view.load(&key)?.ok_or(Error::MasaVoucherSettled)?;
        row.voucher = Some(voucher.clone());
        self.writes.put(key, &row)?;
        self.writes.put(keys::owned(*unit, &row.domain), &())?;
        let MasaVoucher { domain, nonce, assertion, .. } = row;
        let entry = AuditEntry { seq: self.seq, at: self.at, domain, nonce, assertion };
        self.writes.put(keys::audit(*unit, Some(self.seq)), &entry)
    }

    fn change_order(&mut self, order: &OrderId, change: impl FnOnce(&mut Order)) -> Result<(), Error> {
        let key = keys::order(Some(order));
        let mut row: Order = self.view.load(&key)?.ok_or(Error::OrderUnknown)?;
        change(&mut row);
        self.writes.put(key, &row)
    }

    /// Changes a unit and returns its order.
    fn change_unit(&mut self, unit: DeviceId, change: impl FnOnce(&mut Unit)) -> Result<OrderId, Error> {
        let key = keys::unit(unit);
        let mut row: Unit = self.view.load(&key)?.ok_or(Error::UnitUnknown)?;
        change(&mut row);
        self.writes.put(key, &row)?;
        Ok(row.order)
    }
}
