//! Points in time: ours and protobuf's.

use prost_types::Timestamp;
use proto::UnixTime;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Turns our time into protobuf's; exact, to the millisecond.
#[must_use]
pub fn timestamp(at: UnixTime) -> Timestamp {
    Timestamp {
        seconds: i64::try_from(at.as_seconds()).unwrap_or(i64::MAX),
        nanos: i32::try_from(at.as_millis() % 1000 * NANOS_PER_MILLI).unwrap_or(0),
    }
}

/// Turns protobuf's time into ours, cut to the millisecond; `None` before 1970, after 9999, or with nanoseconds that
/// are no fraction of a second.
#[must_use]
pub fn unix_time(at: &Timestamp) -> Option<UnixTime> {
    let seconds = u64::try_from(at.seconds).ok()?;
    let nanos = u64::try_from(at.nanos).ok().filter(|nanos| *nanos < 1000 * NANOS_PER_MILLI)?;
    if seconds > UnixTime::NO_END.as_seconds() {
        return None;
    }
    Some(UnixTime::from_millis(seconds * 1000 + nanos / NANOS_PER_MILLI))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back_to_the_millisecond() {
        for millis in [0, 1, 999, 1000, 1_795_582_733_123, UnixTime::NO_END.as_millis()] {
            let at = UnixTime::from_millis(millis);
            assert_eq!(unix_time(&timestamp(at)), Some(at));
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (253_402_300_800, 0), (i64::MAX, 0)] {
            assert_eq!(unix_time(&Timestamp { seconds, nanos }), None, "{seconds} {nanos}");
        }
    }
}
