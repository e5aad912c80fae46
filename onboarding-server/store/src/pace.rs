//! How often one device may cause a record, so that none of them can fill the disk, whether it may come in or not.
//!
//! Does not: read a clock; hold for what people do or the server does by itself.
//! Invariants: a pace follows from the journal alone, so a restart neither lifts nor tightens it.

use core::time::Duration;

use proto::UnixTime;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How many records a device may cause within [`PACE_SECONDS`]; an onboarding takes five.
pub const PACE_RECORDS_MAX: u32 = 30;

/// How long a device that caused [`PACE_RECORDS_MAX`] records waits, from the first of them on, in seconds.
pub const PACE_SECONDS: u64 = 3_600;

/// How many records a device caused since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(UnixTime, u32)", into = "(UnixTime, u32)")]
pub struct Pace {
    since_at: UnixTime,
    records: u32,
}

impl Pace {
    /// Checks that one more record may be caused at `at`.
    ///
    /// # Errors
    /// [`Error::TooOften`] (`Busy`).
    pub(crate) fn check(self, at: UnixTime) -> Result<(), Error> {
        if !self.covers(at) || self.records < PACE_RECORDS_MAX {
            return Ok(());
        }
        let waits = Duration::from_secs(PACE_SECONDS).saturating_sub(at.since(self.since_at));
        let seconds = waits.as_secs().max(1);
        Err(Error::TooOften { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
    }

    /// Returns the pace after one more record.
    pub(crate) fn after(self, at: UnixTime) -> Self {
        if self.covers(at) {
            Self { records: self.records.saturating_add(1), ..self }
        } else {
            Self { since_at: at, records: 1 }
        }
    }

    /// A clock that was set back begins anew; else a device could be shut out until the old time comes again.
    fn covers(self, at: UnixTime) -> bool {
        let end = self.since_at.plus(Duration::from_secs(PACE_SECONDS));
        (self.since_at..end).contains(&at)
    }
}

impl From<(UnixTime, u32)> for Pace {
    fn from((since_at, records): (UnixTime, u32)) -> Self {
        Self { since_at, records }
    }
}

impl From<Pace> for (UnixTime, u32) {
    fn from(pace: Pace) -> Self {
        (pace.since_at, pace.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn a_device_that_used_up_its_hour_is_told_when_the_next_begins() {
        let mut pace = Pace::default();
        for _ in 0..PACE_RECORDS_MAX {
            assert!(pace.check(at(10)).is_ok());
            pace = pace.after(at(10));
        }
        let Err(Error::TooOften { retry_after_seconds }) = pace.check(at(610)) else { panic!("let through") };
        assert_eq!(retry_after_seconds, 3_000);
        assert!(pace.check(at(10 + PACE_SECONDS)).is_ok());
        assert_eq!(pace.after(at(10 + PACE_SECONDS)).records, 1);
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let used_up = (0..PACE_RECORDS_MAX).fold(Pace::default(), |pace, _| pace.after(at(1_000)));
        assert!(used_up.check(at(1_000)).is_err());
        assert!(used_up.check(at(999)).is_ok());
    }
}
