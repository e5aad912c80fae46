//! The one place that reads the clock of the machine; all else is given the time.
//!
//! Does not: sleep, set timers (tokio does), or measure spans.
//! Invariants: outside this file nothing in the server calls `SystemTime::now`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::UnixTime;

/// A source of the present time, cheap to clone: the machine's clock, or a virtual one in simulations and tests.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// Returns the clock of the machine, in UTC; a machine that stands before 1970 reads as the epoch.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| UnixTime::from_millis(millis_since_epoch(read_machine_clock()))))
    }

    /// Returns a clock that asks `read` each time.
    #[must_use]
    pub fn from_fn(read: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Returns a clock that always shows `now`.
    #[must_use]
    pub fn fixed(now: UnixTime) -> Self {
        Self::from_fn(move || now)
    }

    /// Reads the clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is the one that the ban sends all others to")]
fn read_machine_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

fn millis_since_epoch(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_clock_stands_after_this_file_was_written() {
        assert!(Clock::system().now() > UnixTime::from_seconds(1_764_000_000));
    }

    #[test]
    fn a_fixed_clock_does_not_move() {
        let clock = Clock::fixed(UnixTime::from_seconds(7));
        assert_eq!((clock.now(), clock.now()), (UnixTime::from_seconds(7), UnixTime::from_seconds(7)));
    }
}
