//! What can be read of the maker's store. Every read sees durable records only and blocks for the disk at most.

use proto::{DeviceId, DomainId, Fingerprint, OrderId, Seq, SerialNumber};

use super::event::MakerEvent;
use super::rows::{AuditEntry, MasaVoucher, Order, Unit};
use super::{Maker, keys};
use crate::blob::Nonce;
use crate::engine::{Reader, Recorded, timeline};
use crate::error::Error;
use crate::owner::{Page, list};

/// Which units a list shows; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct UnitFilter {
    /// Made under this order.
    pub order: Option<OrderId>,
    /// With a serial number that begins so; empty for any.
    pub serial_prefix: String,
}

impl Reader<Maker> {
    /// Loads a unit.
    ///
    /// # Errors
    /// [`Error::State`], [`Error::StateDamaged`] (`Fault`), as every read of the state.
    pub fn load_unit(&self, unit: DeviceId) -> Result<Option<Unit>, Error> {
        self.view().load(&keys::unit(unit))
    }

    /// Finds the units with a serial number, of whichever manufacturer.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn find_units_by_serial(&self, serial: &SerialNumber) -> Result<Vec<Unit>, Error> {
        let view = self.view();
        let found = view.list::<DeviceId>(&keys::serial(serial, None), None, usize::MAX)?;
        found.into_iter().filter_map(|(_, id)| view.load(&keys::unit(id)).transpose()).collect()
    }

    /// Lists units by serial number, `limit` at most from `cursor` on.
    ///
    /// # Errors
    /// As [`Self::load_unit`]; [`Error::CursorInvalid`] (`Malformed`).
    pub fn list_units(
        &self,
        filter: &UnitFilter,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<Unit>, Error> {
        let view = self.view();
        let prefix = match &filter.order {
            Some(order) => keys::in_order_prefix(order, &filter.serial_prefix),
            None => keys::serial_prefix(&filter.serial_prefix),
        };
        list(&view, &prefix, cursor, limit, |_, id: DeviceId| view.load(&keys::unit(id)))
    }

    /// Loads an order.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn load_order(&self, order: &OrderId) -> Result<Option<Order>, Error> {
        self.view().load(&keys::order(Some(order)))
    }

    /// Lists orders by number, `limit` at most from `cursor` on.
    ///
    /// # Errors
    /// As [`Self::load_unit`]; [`Error::CursorInvalid`] (`Malformed`).
    pub fn list_orders(&self, cursor: Option<&[u8]>, limit: usize) -> Result<Page<Order>, Error> {
        list(&self.view(), &keys::order(None), cursor, limit, |_, order| Ok(Some(order)))
    }

    /// Loads a voucher of the MASA: by nonce, or without one by the digest of its request.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn load_masa_voucher(
        &self,
        unit: DeviceId,
        nonce: Option<&Nonce>,
        rvr_digest: Fingerprint,
    ) -> Result<Option<MasaVoucher>, Error> {
        self.view().load(&keys::voucher(unit, nonce, rvr_digest))
    }

    /// Lists the MASA's audit log of a unit, oldest first, from record `from` on.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn list_audit_log(&self, unit: DeviceId, from: Seq, limit: usize) -> Result<Vec<AuditEntry>, Error> {
        let after = from.0.checked_sub(1).map(|before| keys::audit(unit, Some(Seq(before))));
        let found = self.view().list(&keys::audit(unit, None), after.as_deref(), limit)?;
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Says whether a voucher for this domain was ever issued.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn has_owned(&self, unit: DeviceId, domain: &DomainId) -> Result<bool, Error> {
        Ok(self.view().load::<()>(&keys::owned(unit, domain))?.is_some())
    }

    /// Counts the records of a unit, which rises with each change of it.
    ///
    /// # Errors
    /// As [`Self::load_unit`].
    pub fn count_unit_records(&self, unit: DeviceId) -> Result<u64, Error> {
        timeline::count(&self.view(), &keys::timeline(unit))
    }

    /// Lists the history of a unit, oldest first, from record `from` on.
    ///
    /// # Errors
    /// As [`Self::load_unit`]; [`Error::Journal`] (`Fault`).
    pub fn unit_timeline(
        &self,
        unit: DeviceId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Recorded<MakerEvent>>, Error> {
        let seqs = timeline::list(&self.view(), &keys::timeline(unit), from, limit)?;
        seqs.into_iter().map(|seq| self.record(seq)).collect()
    }
}
