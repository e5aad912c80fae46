//! Numbers of a fleet run: outcomes, reasons, and latency by step.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Error;
use crate::pledge::{Entry, Step};

/// The longest latency that a histogram tells apart, in microseconds: ten minutes; longer counts as this.
const LATENCY_MICROS_MAX: u64 = 600_000_000;

/// Significant decimal digits of a latency.
const LATENCY_DIGITS: u8 = 3;

/// Latency of one step over many devices, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The step.
    pub step: &'static str,
    /// How many devices took it.
    pub count: u64,
    /// Half of them were at most this slow.
    pub p50_micros: u64,
    /// Nine in ten.
    pub p90_micros: u64,
    /// Ninety-nine in a hundred.
    pub p99_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

/// Adds up what devices did.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    outcomes: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    latencies: BTreeMap<Step, Histogram<u64>>,
    whole: Option<Histogram<u64>>,
    repeats: u64,
}

impl Statistics {
    /// Adds the steps of one device; failed steps count too, since a slow refusal is slow.
    pub fn add_steps(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.repeats += u64::from(entry.repeats);
            let histogram = self.latencies.entry(entry.step).or_insert_with(histogram);
            histogram.saturating_record(entry.took_micros);
        }
    }

    /// Adds the time from the first step to the last of a device that came aboard.
    pub fn add_whole(&mut self, took_micros: u64) {
        self.whole.get_or_insert_with(histogram).saturating_record(took_micros);
    }

    /// Counts an outcome.
    pub fn add_outcome(&mut self, outcome: &str) {
        *self.outcomes.entry(outcome.to_string()).or_default() += 1;
    }

    /// Counts the reason of a failure.
    pub fn add_failure(&mut self, error: &Error) {
        self.add_reason(&error.reason());
    }

    /// Counts a reason.
    pub fn add_reason(&mut self, reason: &str) {
        *self.reasons.entry(reason.to_string()).or_default() += 1;
    }

    /// Returns how many devices ended so.
    #[must_use]
    pub fn count_of(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or_default()
    }

    /// Returns outcomes and how often each came.
    #[must_use]
    pub fn outcomes(&self) -> &BTreeMap<String, u64> {
        &self.outcomes
    }

    /// Returns reason codes and how often each came.
    #[must_use]
    pub fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }

    /// Returns how many requests and connections had to be repeated.
    #[must_use]
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Returns the latency of each step that was taken, in step order, and of the whole as the last.
    #[must_use]
    pub fn latencies(&self) -> Vec<Latency> {
        let steps = self.latencies.iter().map(|(step, histogram)| latency(step.name(), histogram));
        let whole = self.whole.iter().map(|histogram| latency("whole", histogram));
        steps.chain(whole).collect()
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants, and a test makes this histogram")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, LATENCY_DIGITS).expect("constant bounds are valid")
}

fn latency(step: &'static str, histogram: &Histogram<u64>) -> Latency {
    Latency {
        step,
        count: histogram.len(),
        p50_micros: histogram.value_at_quantile(0.5),
        p90_micros: histogram.value_at_quantile(0.9),
        p99_micros: histogram.value_at_quantile(0.99),
        max_micros: histogram.max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: Step, took_micros: u64) -> Entry {
        Entry {
            step,
            began_after_micros: 0,
            took_micros,
            status: None,
            repeats: 1,
            note: String::new(),
            failed_with: None,
        }
    }

    #[test]
    fn quantiles_come_from_all_devices_within_a_thousandth() {
        let mut statistics = Statistics::default();
        for n in 1..=1000 {
            statistics.add_steps(&[entry(Step::Enroll, n * 1000)]);
        }
        let latency = statistics.latencies().remove(0);
        assert_eq!((latency.step, latency.count), ("enroll", 1000));
        for (got, wanted) in [
            (latency.p50_micros, 500_000_u64),
            (latency.p90_micros, 900_000),
            (latency.p99_micros, 990_000),
            (latency.max_micros, 1_000_000),
        ] {
            assert!(got.abs_diff(wanted) <= wanted / 1000 + 1, "{got} {wanted}");
        }
        assert_eq!(statistics.repeats(), 1000);
    }

    #[test]
    fn a_latency_beyond_the_bounds_counts_as_the_bound() {
        let mut statistics = Statistics::default();
        statistics.add_steps(&[entry(Step::Connect, u64::MAX), entry(Step::Connect, 0)]);
        let latency = statistics.latencies().remove(0);
        assert!(latency.max_micros >= LATENCY_MICROS_MAX);
    }

    #[test]
    fn outcomes_and_reasons_are_counted_by_name() {
        let mut statistics = Statistics::default();
        statistics.add_outcome("onboarded");
        statistics.add_outcome("onboarded");
        statistics.add_failure(&Error::TimedOut);
        assert_eq!(statistics.count_of("onboarded"), 2);
        assert_eq!(statistics.count_of("failed"), 0);
        assert_eq!(statistics.reasons().get("sim-timed-out"), Some(&1));
    }
}
