//! What the maker knows of a unit, and what its people say about it: sold, blocked.
//!
//! Does not: make units.
//! Invariants: a station sees the units of its own line.

use proto::{DeviceId, DomainId, ManufacturerId, Seq, SerialNumber};
use server_store::{AuditEntry, BlockUnit, RecordSale, Text, Unit};

use super::{Author, maker};
use crate::app::{Error, Refusal};
use crate::context::{Context, MakerContext};

/// The code under which a person's block stands on record.
const BLOCKED_BY_PERSON: proto::ReasonCode = proto::ReasonCode::new("unit-blocked-by-person");

/// A unit with its vouchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRecord {
    /// The unit.
    pub unit: Unit,
    /// The vouchers that the MASA gave for it, the oldest first.
    pub vouchers: Vec<AuditEntry>,
}

/// Loads a unit and its vouchers.
///
/// # Errors
/// [`Error::ManufacturerUnknown`], `unit-unknown` (both `Unknown`); [`Error::StationLine`] (`Refused`).
pub async fn load_unit(
    context: &Context,
    author: &Author,
    manufacturer: Option<ManufacturerId>,
    serial: &SerialNumber,
) -> Result<UnitRecord, Refusal> {
    let maker = maker(context)?;
    let id = unit_id(maker, manufacturer, serial)?;
    let found = maker.store.read(move |store| {
        let vouchers = store.list_audit_log(id, Seq(0), usize::MAX)?;
        Ok(store.load_unit(id)?.map(|unit| UnitRecord { unit, vouchers }))
    });
    let record = found.await?.ok_or(server_store::Error::UnitUnknown)?;
    author.check_line(&record.unit.line)?;
    Ok(record)
}

/// Records to whom a unit was sold.
///
/// # Errors
/// As [`load_unit`]; those of the store.
pub async fn record_sale(
    context: &Context,
    author: &Author,
    (manufacturer, serial): (Option<ManufacturerId>, &SerialNumber),
    customer: Text,
    domain: Option<DomainId>,
) -> Result<UnitRecord, Refusal> {
    let record = load_unit(context, author, manufacturer, serial).await?;
    let sale = RecordSale { unit: record.unit.id, customer, domain };
    let unit = maker(context)?.store.write(author.stamp(context.clock.now()), sale).await?;
    Ok(UnitRecord { unit, ..record })
}

/// Blocks a unit, so that the MASA gives no voucher for it.
///
/// # Errors
/// As [`load_unit`]; those of the store.
pub async fn block_unit(
    context: &Context,
    author: &Author,
    (manufacturer, serial): (Option<ManufacturerId>, &SerialNumber),
) -> Result<UnitRecord, Refusal> {
    let record = load_unit(context, author, manufacturer, serial).await?;
    let block = BlockUnit { unit: record.unit.id, code: BLOCKED_BY_PERSON };
    let unit = maker(context)?.store.write(author.stamp(context.clock.now()), block).await?;
    Ok(UnitRecord { unit, ..record })
}

fn unit_id(
    maker: &MakerContext,
    manufacturer: Option<ManufacturerId>,
    serial: &SerialNumber,
) -> Result<DeviceId, Error> {
    let own = &maker.settings.id;
    if manufacturer.is_some_and(|named| named != *own) {
        return Err(Error::ManufacturerUnknown);
    }
    Ok(server_store::device_id(own, serial))
}
