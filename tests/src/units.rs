//! Units as tests and measurements begin with them: made by the factory and, where wanted, announced to the owner and
//! brought aboard.

use device_sim::acknowledged::Acknowledgements;
use device_sim::factory::{self, Order};
use device_sim::pledge::{Onboarding, Params, Reenrollment, onboard};
use device_sim::random::Randomness;
use device_sim::transport::Patience;
use device_sim::unit::Unit;
use proto_api::v1;

use crate::server::{MANUFACTURER, PRODUCT, Server};

/// How many devices an import announces at a time.
const IMPORT_BATCH: usize = 64;

/// The events of a device that came aboard and that nobody had to decide about, but for the MASA's log, which comes when it
/// comes.
pub const CAME_ABOARD: [&str; 8] = [
    "device-declared",
    "voucher-requested",
    "voucher-issued",
    "voucher-status-reported",
    "certificate-begun",
    "certificate-issued",
    "enrollment-confirmed",
    "enroll-status-reported",
];

/// Has the factory make `count` units under an order of their own; serial numbers begin with its name.
///
/// # Panics
/// Panics when the factory refuses.
pub async fn make(server: &Server, order: &str, count: u64) -> Vec<Unit> {
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
///
/// # Panics
/// Panics when the import breaks off.
pub async fn declare(server: &Server, units: &[Unit]) {
    announce(server, units.iter().map(|unit| unit.serial_number().to_string())).await;
}

/// Announces serial numbers to the owner.
///
/// # Panics
/// Panics when the import breaks off.
pub async fn announce(server: &Server, serial_numbers: impl IntoIterator<Item = String>) {
    let devices: Vec<_> = serial_numbers.into_iter().zip(1..).map(expected).collect();
    let batches: Vec<_> = devices
        .chunks(IMPORT_BATCH)
        .map(|batch| v1::ImportDevicesRequest { devices: batch.to_vec() })
        .collect();
    let answer = server.api("operator").devices().import_devices(tokio_stream::iter(batches)).await;
    let mut results = answer.expect("the import begins").into_inner();
    let mut count = 0;
    while let Some(batch) = results.message().await.expect("the import goes on") {
        count += batch.results.len();
    }
    assert_eq!(count, devices.len(), "every unit is announced");
}

fn expected((serial_number, row): (String, u64)) -> v1::ExpectedDevice {
    let manufacturer = MANUFACTURER.to_owned();
    v1::ExpectedDevice { row, manufacturer, serial_number, ..v1::ExpectedDevice::default() }
}

/// Runs one honest pledge.
pub async fn come_aboard(server: &Server, unit: &Unit, reenrollment: Reenrollment) -> Onboarding {
    let params = Params {
        endpoint: &server.registrar(),
        patience: Patience::default(),
        reenrollment,
        acknowledgements: &Acknowledgements::none(),
    };
    onboard(unit, params, &mut Randomness::System).await
}
