//! Many devices at once, each over TLS of its own.
//!
//! Does not: print; it reports to an observer and returns a report.
//! Invariants: with a seed, who goes when, who misbehaves how, and every nonce follow from the seed alone.

mod plan;
mod report;
mod run;
mod statistics;

pub use plan::{Role, plan};
pub use report::FleetReport;
pub use run::{FleetParams, Observer, run};
pub use statistics::{Latency, Statistics};
