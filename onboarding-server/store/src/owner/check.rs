//! What several checks have in common.

use proto::{DeviceId, Version};
use server_lifecycle::{Event, State, next};

use super::event::Move;
use super::keys;
use super::rows::Device;
use super::voucher::Changed;
use crate::engine::View;
use crate::error::Error;

pub(super) fn load_device(view: &View<'_>, device: DeviceId) -> Result<Device, Error> {
    view.load(&keys::device(device))?.ok_or(Error::DeviceUnknown)
}

/// Refuses a write that was decided on an older version of the device.
pub(super) fn expect(device: &Device, expected: Version) -> Result<(), Error> {
    if device.version == expected {
        Ok(())
    } else {
        Err(Error::DeviceChanged { found: Some(device.version) })
    }
}

/// Asks the lifecycle where an event leads.
pub(super) fn step(device: &Device, event: Event) -> Result<Move, Error> {
    step_of(Some(device), event)
}

/// As [`step`], for a device that may not be on record yet.
pub(super) fn step_of(device: Option<&Device>, event: Event) -> Result<Move, Error> {
    let state = device.map_or(State::FIRST, |device| device.state);
    let generation = device.map_or_else(Default::default, |device| device.generation);
    let transition = next(state, event)?;
    let generation = if transition.begins_generation { generation.next() } else { generation };
    Ok(Move { to: transition.next, generation })
}

pub(super) const fn changed(view: &View<'_>, device: &Device, version: Version) -> Changed {
    Changed { device: device.id, version, seq: view.next_seq() }
}
