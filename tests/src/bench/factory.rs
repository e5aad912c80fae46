//! Units made through the factory API, many at a time.
//!
//! Source: issue 2 §7.4; `proto/api/onboarding/v1/factory.proto`, the stream of batches.

use std::time::{Duration, Instant};

use device_sim::unit::Unit;

use crate::server::Server;
use crate::units;

/// What came off the line, and how long it took.
#[derive(Debug)]
pub struct Made {
    /// The units.
    pub units: Vec<Unit>,
    /// From the opening of the order to the last certificate.
    pub took: Duration,
}

impl Made {
    /// Returns how many IDevIDs were issued per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let count = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        f64::from(count) / self.took.as_secs_f64()
    }
}

/// Makes `count` units under an order of their own: their keys and requests here, their certificates at the server, which
/// stores and journals each before it answers.
///
/// # Panics
/// Panics when the factory refuses.
pub async fn make(server: &Server, order: &str, count: u64) -> Made {
    let began_at = Instant::now();
    let units = units::make(server, order, count).await;
    Made { units, took: began_at.elapsed() }
}
