//! What each end-to-end test begins with: units that were made and, where wanted, announced to the owner.

use device_sim::acknowledged::Acknowledgements;
use device_sim::factory::{self, Order};
use device_sim::pledge::{Onboarding, Params, Reenrollment, onboard};
use device_sim::random::Randomness;
use device_sim::transport::Patience;
use device_sim::unit::Unit;
use proto_api::v1;
use tests::server::{MANUFACTURER, PRODUCT, Server};

/// Has the factory make units.
pub(crate) async fn make_units(server: &Server, order: &str, count: u64) -> Vec<Unit> {
    let order = Order {
        id: order.to_owned(),
        manufacturer: MANUFACTURER.to_owned(),
        product: PRODUCT.to_owned(),
        line: String::new(),
        serial_prefix: format!("{order}-"),
        first: 1,
        count,
    };
    let api = server.api("station");
    factory::open_order(&api, &order).await.expect("the order opens");
    let mut units = Vec::new();
    let anchors = server.manufacturer_anchors();
    let keep = |unit| {
        units.push(unit);
        Ok(())
    };
    factory::make(&api, &order, &anchors, keep).await.expect("the units are made");
    units
}

/// Announces units to the owner.
pub(crate) async fn declare(server: &Server, units: &[Unit]) {
    let devices = units.iter().zip(1..).map(|(unit, row)| v1::ExpectedDevice {
        row,
        manufacturer: MANUFACTURER.to_owned(),
        serial_number: unit.serial_number().to_string(),
        ..v1::ExpectedDevice::default()
    });
    let batches: Vec<_> = devices
        .collect::<Vec<_>>()
        .chunks(64)
        .map(|batch| v1::ImportDevicesRequest { devices: batch.to_vec() })
        .collect();
    let answer = server.api("operator").devices().import_devices(tokio_stream::iter(batches)).await;
    let mut results = answer.expect("the import begins").into_inner();
    let mut count = 0;
    while let Some(batch) = results.message().await.expect("the import goes on") {
        count += batch.results.len();
    }
    assert_eq!(count, units.len());
}

/// Runs one honest pledge.
pub(crate) async fn come_aboard(server: &Server, unit: &Unit, reenrollment: Reenrollment) -> Onboarding {
    let endpoint = server.registrar();
    let params = Params {
        endpoint: &endpoint,
        patience: Patience::default(),
        reenrollment,
        acknowledgements: &Acknowledgements::none(),
    };
    onboard(unit, params, &mut Randomness::System).await
}

/// Reads a device's record.
pub(crate) async fn device(server: &Server, unit: &Unit) -> v1::Device {
    let name = v1::DeviceName {
        manufacturer: MANUFACTURER.to_owned(),
        serial_number: unit.serial_number().to_string(),
    };
    let reference = v1::DeviceReference { by: Some(v1::device_reference::By::Name(name)) };
    let request = v1::GetDeviceRequest { device: Some(reference) };
    let answer = server.api("viewer").devices().get_device(request).await.expect("the device is on record");
    answer.into_inner().device.expect("a device")
}

/// A decision about a unit's device.
pub(crate) fn change(unit: &Unit, reason: &str) -> Option<v1::DeviceChange> {
    let name = v1::DeviceName {
        manufacturer: MANUFACTURER.to_owned(),
        serial_number: unit.serial_number().to_string(),
    };
    Some(v1::DeviceChange {
        device: Some(v1::DeviceReference { by: Some(v1::device_reference::By::Name(name)) }),
        expected_version: None,
        reason: reason.to_owned(),
    })
}
