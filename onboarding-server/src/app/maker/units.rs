//! What the maker knows of a unit, and what its people say about it: sold, blocked.
//!
//! Does not: make units.
//! Invariants: a station sees the units of its own line.

use proto::{DeviceId, DomainId, ManufacturerId, Seq, SerialNumber};
use server_store::{AuditEntry, BlockUnit, Command, Maker, RecordSale, Text, UnblockUnit, Unit};

use super::{Author, maker};
use crate::app::{Error, Refusal};
use crate::context::{Context, MakerContext};

/// The code under which a person's block stands on record.
const BLOCKED_BY_PERSON: proto::ReasonCode = proto::ReasonCode::new("unit-blocked-by-person");

/// How a unit is named: whose it is, where that is said, and its serial number.
type UnitName<'a> = (Option<ManufacturerId>, &'a SerialNumber);

/// A unit with its vouchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRecord {
    /// The unit.
    pub unit: Unit,
    /// The vouchers that the MASA gave for it, the oldest first.
    pub vouchers: Vec<AuditEntry>,
    /// How many records there are of it.
    pub version: u64,
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
        let version = store.count_unit_records(id)?;
        Ok(store.load_unit(id)?.map(|unit| UnitRecord { unit, vouchers, version }))
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
    name: UnitName<'_>,
    customer: Text,
    domain: Option<DomainId>,
) -> Result<UnitRecord, Refusal> {
    change(context, author, name, |unit| RecordSale { unit, customer, domain }).await
}

/// Blocks a unit, so that the MASA gives no voucher for it.
///
/// # Errors
/// As [`load_unit`]; those of the store.
pub async fn block_unit(
    context: &Context,
    author: &Author,
    name: UnitName<'_>,
    note: Text,
) -> Result<UnitRecord, Refusal> {
    change(context, author, name, |unit| BlockUnit { unit, code: BLOCKED_BY_PERSON, note }).await
}

/// Takes a block back.
///
/// # Errors
/// As [`load_unit`]; those of the store.
pub async fn unblock_unit(
    context: &Context,
    author: &Author,
    name: UnitName<'_>,
    note: Text,
) -> Result<UnitRecord, Refusal> {
    change(context, author, name, |unit| UnblockUnit { unit, note }).await
}

/// Writes about a unit that the author may act for, and loads it as it is then.
async fn change<C: Command<Maker>>(
    context: &Context,
    author: &Author,
    (manufacturer, serial): UnitName<'_>,
    command: impl FnOnce(DeviceId) -> C,
) -> Result<UnitRecord, Refusal> {
    let unit = load_unit(context, author, manufacturer.clone(), serial).await?.unit.id;
    maker(context)?.store.write(author.stamp(context.clock.now()), command(unit)).await?;
    load_unit(context, author, manufacturer, serial).await
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
