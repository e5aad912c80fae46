//! Units as tests and measurements begin with them: made by the factory and, where wanted, announced to the owner.

use device_sim::factory::{self, Order};
use device_sim::unit::Unit;
use proto_api::v1;

use crate::server::{MANUFACTURER, PRODUCT, Server};

/// How many devices an import announces at a time.
const IMPORT_BATCH: usize = 64;

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
    let devices: Vec<_> = units.iter().zip(1..).map(|(unit, row)| expected(unit, row)).collect();
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
    assert_eq!(count, units.len(), "every unit is announced");
}

fn expected(unit: &Unit, row: u64) -> v1::ExpectedDevice {
    v1::ExpectedDevice {
        row,
        manufacturer: MANUFACTURER.to_owned(),
        serial_number: unit.serial_number().to_string(),
        ..v1::ExpectedDevice::default()
    }
}
