//! The one place where the simulator reads the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::UnixTime;

/// Reads the clock of this machine.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a command line may read the clock; all else here is given the time"
)]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
