//! Runs a fleet: workers take units from one queue until it is empty.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinSet;

use super::plan::{Role, plan};
use super::{FleetReport, Statistics};
use crate::Error;
use crate::acknowledged::Acknowledgements;
use crate::misbehaviour::{Arena, Case, Verdict, attack};
use crate::pledge::{Onboarding, Params, Reenrollment, micros, onboard};
use crate::random::Randomness;
use crate::transport::{Endpoint, Patience};
use crate::unit::UnitRecord;

/// How a fleet goes about it.
#[derive(Debug)]
pub struct FleetParams {
    /// Where the registrar is.
    pub endpoint: Endpoint,
    /// How long each device waits.
    pub patience: Patience,
    /// How many devices are under way at once.
    pub concurrency: usize,
    /// Makes the run repeatable.
    pub seed: Option<u64>,
    /// How many of a hundred devices misbehave.
    pub misbehaving_percent: u8,
    /// Whether devices re-enroll at the end.
    pub reenrollment: Reenrollment,
    /// Where they write down what they were given.
    pub acknowledgements: Acknowledgements,
}

/// Is told of each device that has ended; called by many workers at once.
pub type Observer = Arc<dyn Fn(&str) + Send + Sync>;

/// What the workers share.
struct Shared {
    params: FleetParams,
    units: Vec<UnitRecord>,
    plan: Vec<(usize, Role)>,
    next: AtomicUsize,
    statistics: Mutex<Statistics>,
    observer: Observer,
}

/// Runs all units.
///
/// # Errors
/// [`Error::NoRandomness`] (`Fault`); what a device meets is in the report.
pub async fn run(
    units: Vec<UnitRecord>,
    params: FleetParams,
    observer: Observer,
) -> Result<FleetReport, Error> {
    let plan = plan(units.len(), params.misbehaving_percent, params.seed)?;
    let concurrency = params.concurrency.max(1).min(units.len().max(1));
    let shared = Arc::new(Shared {
        plan,
        units,
        params,
        next: AtomicUsize::new(0),
        statistics: Mutex::default(),
        observer,
    });
    let began_at = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        workers.spawn(work(shared.clone()));
    }
    while let Some(worker) = workers.join_next().await {
        // A worker that panicked is a fault of ours and must not pass for a quiet one.
        if worker.is_err() {
            shared.add(|statistics| statistics.add_outcome("panicked"));
        }
    }
    let statistics = shared.statistics.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(FleetReport::of(&statistics, shared.units.len(), began_at.elapsed(), shared.params.seed))
}

async fn work(shared: Arc<Shared>) {
    loop {
        let turn = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some((index, role)) = shared.plan.get(turn) else { return };
        let Some(record) = shared.units.get(*index) else { return };
        let outcome = match role {
            Role::Honest => shared.honest(record).await,
            Role::Wicked(case) => shared.wicked(record, case).await,
        };
        shared.add(|statistics| statistics.add_outcome(outcome));
        (shared.observer)(outcome);
    }
}

impl Shared {
    fn add(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut self.statistics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Onboards one unit; its nonces come from a stream of its own.
    async fn honest(&self, record: &UnitRecord) -> &'static str {
        let params = Params {
            endpoint: &self.params.endpoint,
            patience: self.params.patience,
            reenrollment: self.params.reenrollment,
            acknowledgements: &self.params.acknowledgements,
        };
        let unit = match record.clone().open() {
            Ok(unit) => unit,
            Err(error) => return self.failed(&error),
        };
        let mut randomness = Randomness::for_unit(self.params.seed, unit.serial_number());
        let began_at = Instant::now();
        let Onboarding { transcript, outcome } = onboard(&unit, params, &mut randomness).await;
        self.add(|statistics| statistics.add_steps(transcript.entries()));
        match outcome {
            Ok(_) => {
                self.add(|statistics| statistics.add_whole(micros(began_at.elapsed())));
                "onboarded"
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &Error) -> &'static str {
        self.add(|statistics| statistics.add_failure(error));
        "failed"
    }

    async fn wicked(&self, record: &UnitRecord, case: &Case) -> &'static str {
        let units = vec![record.clone()];
        let mut arena = Arena::new(self.params.endpoint.clone(), self.params.patience, units);
        let trial = attack(case, &mut arena).await;
        self.add(|statistics| statistics.add_reason(&format!("{}: {}", case.name, trial.got)));
        match trial.verdict {
            Verdict::AsExpected => "refused as expected",
            Verdict::OtherReason => "refused for another reason",
            Verdict::NotRefused => "NOT REFUSED",
            Verdict::Skipped | Verdict::Broken => "misbehaviour failed",
        }
    }
}
