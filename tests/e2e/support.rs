//! What end-to-end tests do with units, and ask about them.

use device_sim::Error;
use device_sim::acknowledged::Acknowledgements;
use device_sim::pledge::{Enrolled, Params, Reenrollment, reenroll};
use device_sim::transport::{Identity, Patience};
use device_sim::unit::Unit;
use proto_api::v1;
use tests::server::{MANUFACTURER, Server};
pub(crate) use tests::units::{come_aboard, declare, make as make_units};

/// Renews a device's certificate with a new key of the kind that it has.
pub(crate) async fn renew(server: &Server, unit: &Unit, enrolled: &Enrolled) -> Result<Identity, Error> {
    let endpoint = server.registrar();
    let params = Params {
        endpoint: &endpoint,
        patience: Patience::default(),
        reenrollment: Reenrollment::Rekey,
        acknowledgements: &Acknowledgements::none(),
    };
    reenroll(enrolled, unit.serial_number(), params).await
}

/// Reads a device's record.
pub(crate) async fn device(server: &Server, unit: &Unit) -> v1::Device {
    let request = v1::GetDeviceRequest { device: Some(named(unit)) };
    let answer = server.api("viewer").devices().get_device(request).await.expect("the device is on record");
    answer.into_inner().device.expect("a device")
}

/// A decision about a unit's device.
pub(crate) fn change(unit: &Unit, reason: &str) -> Option<v1::DeviceChange> {
    let device = Some(named(unit));
    Some(v1::DeviceChange { device, expected_version: None, reason: reason.to_owned() })
}

/// A unit's device by its name.
pub(crate) fn named(unit: &Unit) -> v1::DeviceReference {
    let name = v1::DeviceName {
        manufacturer: MANUFACTURER.to_owned(),
        serial_number: unit.serial_number().to_string(),
    };
    v1::DeviceReference { by: Some(v1::device_reference::By::Name(name)) }
}
