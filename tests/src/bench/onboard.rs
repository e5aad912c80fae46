//! Units brought aboard, many at a time, and what that costs the server.
//!
//! Source: issue 2 §7.4. An onboarding is the whole way of `device_sim::pledge`: provisional TLS, voucher, both status
//! reports, CA certificates, CSR attributes, enrolment, and TLS once more with the LDevID.
//! Invariants: a round counts only when every unit of it came aboard.

use std::sync::Arc;
use std::time::Duration;

use device_sim::acknowledged::Acknowledgements;
use device_sim::fleet::{self, FleetParams};
use device_sim::pledge::Reenrollment;
use device_sim::transport::Patience;
use device_sim::unit::{Unit, UnitRecord};

use super::cpu;
use super::floor::Prices;
use crate::server::Server;

/// How many devices are under way at once.
const CONCURRENCY: usize = 16;

/// One round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Onboardings per second.
    pub per_second: f64,
    /// The server's processor time for one.
    pub cpu: Duration,
    /// What the primitives cost around that time.
    pub prices: Prices,
}

impl Round {
    /// Returns how many times the crypto floor the server's processor time is.
    #[must_use]
    pub fn cpu_over_floor(&self) -> f64 {
        self.cpu.as_secs_f64() / self.prices.floor().as_secs_f64()
    }
}

/// Brings all units aboard and measures; the primitives are priced right before and right after.
///
/// # Panics
/// Panics when a unit did not come aboard.
pub async fn onboard(server: &Server, units: &[Unit], repeats: u32) -> Round {
    let records = units.iter().map(UnitRecord::of).collect::<Result<Vec<_>, _>>().expect("units are files");
    let params = FleetParams {
        endpoint: server.registrar(),
        patience: Patience::default(),
        concurrency: CONCURRENCY,
        seed: None,
        misbehaving_percent: 0,
        reenrollment: Reenrollment::None,
        acknowledgements: Acknowledgements::none(),
    };
    let prices_before = Prices::measure(repeats);
    let before = cpu::of_process(server.pid());
    let report = fleet::run(records, params, Arc::new(|_| ())).await.expect("the fleet runs");
    let spent = cpu::of_process(server.pid()) - before;
    assert!(report.is_good(), "not all came aboard:\n{report}");
    let count = u32::try_from(units.len()).expect("a round is small");
    let prices = prices_before.mean(Prices::measure(repeats));
    Round { per_second: report.onboarded_per_second, cpu: spent / count, prices }
}
