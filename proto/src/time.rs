//! Points in time, as a count of milliseconds; nothing in the house reads a clock through this type.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted; from 1970 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);

/// The text is not an RFC 3339 date-time, or lies outside the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTime;

const MILLIS_PER_DAY: u64 = 86_400_000;

impl UnixTime {
    /// The last second that X.509 can name, 9999-12-31T23:59:59Z: "no well-defined end" (RFC 5280 §4.1.2.5).
    pub const NO_END: Self = Self(253_402_300_799_000);

    /// Makes a time from whole seconds since the epoch; anything past the year 9999 becomes [`Self::NO_END`].
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        let millis = seconds.saturating_mul(1000);
        if millis > Self::NO_END.0 { Self::NO_END } else { Self(millis) }
    }

    /// Makes a time from milliseconds since the epoch; anything past the year 9999 becomes [`Self::NO_END`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::NO_END.0 { Self::NO_END } else { Self(millis) }
    }

    /// Returns whole seconds since the epoch.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Returns milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the time that is `span` later, [`Self::NO_END`] at the most.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        let millis = span.as_millis();
        if millis > Self::NO_END.0 as u128 { Self::NO_END } else { Self::from_millis(self.0 + millis as u64) }
    }

    /// Returns the time that is `span` earlier, the epoch at the least.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        let millis = span.as_millis();
        if millis > self.0 as u128 { Self(0) } else { Self(self.0 - millis as u64) }
    }

    /// Returns how long `self` is after `earlier`; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for UnixTime {
    /// Writes RFC 3339 in UTC with milliseconds: `2026-11-25T04:50:18.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / MILLIS_PER_DAY);
        let in_day = self.0 % MILLIS_PER_DAY;
        let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
        let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl fmt::Display for InvalidTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 date-time between 1970 and 9999")
    }
}

impl core::error::Error for InvalidTime {}

impl FromStr for UnixTime {
    type Err = InvalidTime;

    /// Reads RFC 3339 `date-time`; a fraction finer than milliseconds is cut, a leap second counts as the next one.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let mut rest = Reader(text.as_bytes());
        let year = rest.number(4)?;
        rest.one_of(b"-")?;
        let month = rest.number(2)?;
        rest.one_of(b"-")?;
        let day = rest.number(2)?;
        rest.one_of(b"Tt ")?;
        let hour = rest.number(2)?;
        rest.one_of(b":")?;
        let minute = rest.number(2)?;
        rest.one_of(b":")?;
        let second = rest.number(2)?;
        let milli = rest.fraction()?;
        let offset_seconds = rest.offset()?;
        if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
            return Err(InvalidTime);
        }
        if year < 1969 || hour > 23 || minute > 59 || second > 60 {
            return Err(InvalidTime);
        }
        let local = days_from_civil(year, month, day) * 86_400 + (hour * 3600 + minute * 60 + second) as i64;
        let seconds = u64::try_from(local - offset_seconds).map_err(|_| InvalidTime)?;
        let millis = seconds * 1000 + milli;
        // What is left of the last second is that second: no time lies beyond [`Self::NO_END`].
        if millis > Self::NO_END.0 + 999 { Err(InvalidTime) } else { Ok(Self::from_millis(millis)) }
    }
}

impl Serialize for UnixTime {
    /// RFC 3339 text where people read it (JSON), a number of milliseconds elsewhere (CBOR).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self::from_millis)
        }
    }
}

/// What is left of the text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self, digits: usize) -> Result<u64, InvalidTime> {
        let (head, tail) = self.0.split_at_checked(digits).ok_or(InvalidTime)?;
        self.0 = tail;
        head.iter().try_fold(0, |n, b| {
            if b.is_ascii_digit() { Ok(n * 10 + u64::from(b - b'0')) } else { Err(InvalidTime) }
        })
    }

    fn one_of(&mut self, allowed: &[u8]) -> Result<u8, InvalidTime> {
        match self.0.split_first() {
            Some((first, tail)) if allowed.contains(first) => {
                self.0 = tail;
                Ok(*first)
            }
            Some(_) | None => Err(InvalidTime),
        }
    }

    /// Reads an optional fraction of a second, in milliseconds.
    fn fraction(&mut self) -> Result<u64, InvalidTime> {
        if self.one_of(b".").is_err() {
            return Ok(0);
        }
        let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Err(InvalidTime);
        }
        let (head, tail) = self.0.split_at_checked(digits).ok_or(InvalidTime)?;
        self.0 = tail;
        let padded = head.iter().copied().chain(core::iter::repeat(b'0')).take(3);
        Ok(padded.fold(0, |n, b| n * 10 + u64::from(b - b'0')))
    }

    /// Reads the zone offset, in seconds east of UTC; nothing may follow.
    fn offset(&mut self) -> Result<i64, InvalidTime> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => {
                return if self.0.is_empty() { Ok(0) } else { Err(InvalidTime) };
            }
        };
        let hours = self.number(2)?;
        self.one_of(b":")?;
        let minutes = self.number(2)?;
        if hours > 23 || minutes > 59 || !self.0.is_empty() {
            return Err(InvalidTime);
        }
        Ok(sign * (hours * 3600 + minutes * 60) as i64)
    }
}

/// Turns days since the epoch into (year, month, day); the algorithm counts years from March so that the leap day comes last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`] for a valid date; negative in 1969, which only a zone offset can ask for.
fn days_from_civil(year: u64, month: u64, day: u64) -> i64 {
    let from_march = if month > 2 { year } else { year - 1 };
    let era = from_march / 400;
    let year_of_era = from_march % 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era) as i64 - 719_468
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn writes_and_reads_the_days_that_calendars_get_wrong() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T23:59:59.999Z",
            "2024-02-29T12:00:00.000Z",
            "2100-02-28T00:00:00.000Z",
            "2100-03-01T00:00:00.000Z",
            "9999-12-31T23:59:59.000Z",
        ] {
            assert_eq!(text.parse::<UnixTime>().map(|t| t.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn reads_offsets_fractions_and_leap_seconds() {
        let at = |text: &str| text.parse::<UnixTime>().map(UnixTime::as_millis);
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(at("1969-12-31T23:00:01-01:00"), Ok(1000));
        assert_eq!(at("1970-01-01T00:00:00.1234567Z"), Ok(123));
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn no_time_that_is_read_lies_beyond_the_last_second() {
        assert_eq!("9999-12-31T23:59:59.999Z".parse(), Ok(UnixTime::NO_END));
        assert_eq!("9999-12-31T23:59:60Z".parse::<UnixTime>(), Err(InvalidTime));
    }

    #[test]
    fn refuses_what_is_no_date_time() {
        for text in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
        ] {
            assert_eq!(text.parse::<UnixTime>(), Err(InvalidTime), "{text}");
        }
        for text in [
            "2026-01-01T00:00:00Zz",
            "2026-01-01T00:00:00.Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<UnixTime>(), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn every_day_to_9999_goes_there_and_back() {
        for days in 0..=2_932_896 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days as i64);
        }
    }
}
