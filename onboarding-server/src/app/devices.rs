//! What an operator does with devices: announce, look, approve, move through the lifecycle.
//!
//! Does not: know gRPC, decide who may.
//! Invariants: a change names the version that the operator saw, or the one that is on record when none is named; who
//! did it and why is in the journal.

mod record;

use std::collections::BTreeMap;

use proto::{DeviceId, ManufacturerId, ProductName, Reason, Seq, SerialNumber, Version};
use server_lifecycle::Event;
use server_store::{
    Actor, ApproveDevice, ChangeState, DeclareDevice, Declared, Device, DeviceFilter, Labels, OwnerEvent,
    Page, Recorded, Stamp, Text,
};

use super::{Error, Refusal, audit_log, owner};
use crate::context::Context;

pub use record::DeviceRecord;

/// Which device is meant.
#[derive(Clone, Debug)]
pub enum DeviceReference {
    /// By its id.
    Id(DeviceId),
    /// By its serial number, and its manufacturer where two have the same.
    Name(Option<ManufacturerId>, SerialNumber),
}

/// Who changes what, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which device.
    pub device: DeviceReference,
    /// The version that was seen; `None` to take the one on record.
    pub expected: Option<Version>,
    /// Why, in words.
    pub reason: Text,
    /// The operator.
    pub operator: Text,
}

/// A device that the owner expects.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its manufacturer, which must be registered.
    pub manufacturer: ManufacturerId,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its product.
    pub product: Option<ProductName>,
    /// The owner's words about it.
    pub labels: BTreeMap<String, String>,
}

/// Announces a device.
///
/// # Errors
/// [`Error::ManufacturerUnregistered`] (`Unknown`); those of the store.
pub async fn declare(context: &Context, operator: Text, expected: Expected) -> Result<Declared, Refusal> {
    let owner = owner(context)?;
    if owner.manufacturers.find(&expected.manufacturer).is_none() {
        return Err(Error::ManufacturerUnregistered.into());
    }
    let labels = expected.labels.into_iter().map(|(key, value)| Ok((Text::new(key)?, Text::new(value)?)));
    let labels: BTreeMap<Text, Text> = labels.collect::<Result<_, server_store::Error>>()?;
    let command = DeclareDevice {
        manufacturer: expected.manufacturer,
        serial: expected.serial,
        product: expected.product,
        labels: if labels.is_empty() { None } else { Some(Labels::new(labels)?) },
    };
    Ok(owner.store.write(stamp(context, operator), command).await?)
}

/// Loads a device with what stands beside it.
///
/// # Errors
/// `Unknown` when it is not on record; [`Error::DeviceAmbiguous`] (`Malformed`).
pub async fn load(context: &Context, device: DeviceReference) -> Result<DeviceRecord, Refusal> {
    let device = find(context, device).await?;
    let now = context.clock.now();
    let owner = owner(context)?;
    let record = owner.store.read(move |store| DeviceRecord::load(store, device, now)?.with_history(store));
    let mut record = record.await?;
    record.past = record.audit_log.as_ref().and_then(|log| audit_log::judge(owner, &record.device, log));
    Ok(record)
}

/// Finds a device.
///
/// # Errors
/// `Unknown` when it is not on record; [`Error::DeviceAmbiguous`] (`Malformed`) when two manufacturers have the serial
/// number.
async fn find(context: &Context, device: DeviceReference) -> Result<Device, Refusal> {
    let found = owner(context)?.store.read(move |store| match device {
        DeviceReference::Id(id) => Ok(store.load_device(id)?.into_iter().collect()),
        DeviceReference::Name(None, serial) => store.find_by_serial(&serial),
        DeviceReference::Name(Some(manufacturer), serial) => {
            Ok(store.load_device(server_store::device_id(&manufacturer, &serial))?.into_iter().collect())
        }
    });
    let mut found: Vec<Device> = found.await?;
    match (found.pop(), found.is_empty()) {
        (Some(device), true) => Ok(device),
        (Some(_), false) => Err(Error::DeviceAmbiguous.into()),
        (None, _) => Err(server_store::Error::DeviceUnknown.into()),
    }
}

/// Lists devices; `is_shown` keeps those that the store does not select by, so that a page may be short.
///
/// # Errors
/// Those of the store.
pub async fn list(
    context: &Context,
    filter: DeviceFilter,
    (cursor, limit): (Option<Vec<u8>>, usize),
    is_shown: impl Fn(&DeviceRecord) -> bool + Send + 'static,
) -> Result<Page<DeviceRecord>, Refusal> {
    let now = context.clock.now();
    let page = owner(context)?.store.read(move |store| {
        let page = store.list_devices(&filter, cursor.as_deref(), limit)?;
        let rows = page.rows.into_iter().map(|device| DeviceRecord::load(store, device, now));
        let rows = rows.filter(|row| row.as_ref().map_or(true, &is_shown)).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    });
    Ok(page.await?)
}

/// Lists the history of a device from record `from` on.
///
/// # Errors
/// As [`load`].
pub async fn timeline(
    context: &Context,
    device: DeviceReference,
    from: Seq,
    limit: usize,
) -> Result<(Device, Vec<Recorded<OwnerEvent>>), Refusal> {
    let device = find(context, device).await?;
    let id = device.id;
    let events = owner(context)?.store.read(move |store| store.timeline(id, from, limit)).await?;
    Ok((device, events))
}

/// Lets a device in that waits for a person, or will.
///
/// # Errors
/// As [`load`]; `lifecycle-retired`; `Refused` when the device changed since it was seen.
pub async fn approve(context: &Context, change: Change) -> Result<DeviceRecord, Refusal> {
    let device = find(context, change.device).await?;
    let expected = change.expected.unwrap_or(device.version);
    let command = ApproveDevice { device: device.id, expected, note: change.reason };
    owner(context)?.store.write(stamp(context, change.operator), command).await?;
    load(context, DeviceReference::Id(device.id)).await
}

/// Moves a device through its lifecycle.
///
/// # Errors
/// As [`load`]; those of the lifecycle; `Refused` when the device changed since it was seen.
pub async fn change_state(context: &Context, change: Change, event: Event) -> Result<DeviceRecord, Refusal> {
    let device = find(context, change.device).await?;
    let expected = change.expected.unwrap_or(device.version);
    // Whoever asks why, the pledge included, is told what policy says of such a device from now on.
    let code = (event == Event::Refused).then(|| server_policy::Refusal::DeviceRefused.code());
    let command = ChangeState { device: device.id, expected, event, code, note: change.reason };
    owner(context)?.store.write(stamp(context, change.operator), command).await?;
    load(context, DeviceReference::Id(device.id)).await
}

fn stamp(context: &Context, operator: Text) -> Stamp {
    Stamp::new(context.clock.now(), Actor::Operator(operator))
}
