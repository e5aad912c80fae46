//! The closing report of a fleet run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{Latency, Statistics};
use crate::pledge::{micros, millis_text};
use crate::table::Table;

/// The version of the JSON form.
const SCHEMA: u32 = 1;

/// What a fleet run came to.
#[derive(Clone, Debug, Serialize)]
pub struct FleetReport {
    /// The version of this form.
    pub schema: u32,
    /// How many devices went.
    pub devices: usize,
    /// From the first device's start to the last one's end, in microseconds.
    pub took_micros: u64,
    /// The seed, when there was one.
    pub seed: Option<u64>,
    /// Devices that came aboard, per second.
    pub onboarded_per_second: f64,
    /// Outcomes and how often each came.
    pub outcomes: BTreeMap<String, u64>,
    /// Reasons of failures and refusals, and how often each came.
    pub reasons: BTreeMap<String, u64>,
    /// How many requests and connections were repeated.
    pub repeats: u64,
    /// Latency by step.
    pub latencies: Vec<Latency>,
}

impl FleetReport {
    /// Sums up.
    #[must_use]
    pub fn of(statistics: &Statistics, devices: usize, took: Duration, seed: Option<u64>) -> Self {
        let onboarded = u32::try_from(statistics.count_of("onboarded")).unwrap_or(u32::MAX);
        let seconds = took.as_secs_f64();
        Self {
            schema: SCHEMA,
            devices,
            took_micros: micros(took),
            seed,
            onboarded_per_second: if seconds > 0.0 { f64::from(onboarded) / seconds } else { 0.0 },
            outcomes: statistics.outcomes().clone(),
            reasons: statistics.reasons().clone(),
            repeats: statistics.repeats(),
            latencies: statistics.latencies(),
        }
    }

    /// Tells whether every honest device came aboard and every wicked one was refused as expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let is_good = |outcome: &str| ["onboarded", "refused as expected"].contains(&outcome);
        self.outcomes.keys().all(|outcome| is_good(outcome))
    }
}

impl fmt::Display for FleetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = millis_text(self.took_micros / 1000);
        writeln!(
            f,
            "{} devices in {seconds} s, {:.1} onboarded per second, {} repeats\n",
            self.devices, self.onboarded_per_second, self.repeats
        )?;
        write!(f, "{}", counts("outcome", &self.outcomes))?;
        if !self.reasons.is_empty() {
            write!(f, "\n{}", counts("reason", &self.reasons))?;
        }
        if !self.latencies.is_empty() {
            write!(f, "\n{}", latencies(&self.latencies))?;
        }
        Ok(())
    }
}

fn counts(what: &'static str, counts: &BTreeMap<String, u64>) -> Table {
    let mut table = Table::new(&[what, ">count"]);
    for (name, count) in counts {
        table.row([name.clone(), count.to_string()]);
    }
    table
}

fn latencies(latencies: &[Latency]) -> Table {
    let mut table = Table::new(&["step", ">count", ">p50 ms", ">p90 ms", ">p99 ms", ">max ms"]);
    for latency in latencies {
        let spans = [latency.p50_micros, latency.p90_micros, latency.p99_micros, latency.max_micros];
        let head = [latency.step.to_string(), latency.count.to_string()];
        table.row(head.into_iter().chain(spans.map(millis_text)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_good_only_when_nothing_went_wrong() {
        let mut statistics = Statistics::default();
        statistics.add_outcome("onboarded");
        statistics.add_outcome("refused as expected");
        let report = FleetReport::of(&statistics, 2, Duration::from_secs(2), Some(9));
        assert!(report.is_good());
        assert!((report.onboarded_per_second - 0.5).abs() < 1e-9);
        statistics.add_outcome("NOT REFUSED");
        assert!(!FleetReport::of(&statistics, 3, Duration::from_secs(1), None).is_good());
    }

    #[test]
    fn a_report_prints_seconds_and_counts() {
        let mut statistics = Statistics::default();
        statistics.add_outcome("onboarded");
        statistics.add_whole(12_345);
        let text = FleetReport::of(&statistics, 1, Duration::from_millis(2500), None).to_string();
        assert!(text.starts_with("1 devices in 2.5 s, 0.4 onboarded per second"), "{text}");
        assert!(text.contains("whole"), "{text}");
    }
}
