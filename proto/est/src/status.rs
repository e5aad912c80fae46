//! Waiting: 202 and Retry-After.
//! Source: RFC 7030 §4.2.3; RFC 8995 §5.6 caps the wait of a pledge at 60 seconds.

use proto::UnixTime;

use crate::Error;

/// The longest wait that is asked of a client, in seconds (RFC 8995 §5.6).
pub const RETRY_AFTER_SECONDS_MAX: u32 = 60;

/// Says what an answer to an enrolment means to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Answer {
    /// 200: the body holds the certificate.
    Done,
    /// 202: ask again with the identical request.
    Wait {
        /// How long to wait first, in seconds; 1 to [`RETRY_AFTER_SECONDS_MAX`].
        retry_after_seconds: u32,
    },
    /// Any other status: there will be no certificate for this request.
    Refused {
        /// The HTTP status.
        status: u16,
    },
}

/// Returns what to write into Retry-After when nothing can change before `until`: 1 to 60 seconds.
#[must_use]
pub fn retry_after_seconds(now: UnixTime, until: UnixTime) -> u32 {
    let seconds = u32::try_from(until.since(now).as_secs()).unwrap_or(u32::MAX);
    seconds.clamp(1, RETRY_AFTER_SECONDS_MAX)
}

/// Reads the status and Retry-After of an answer, as a client; a date in Retry-After needs a clock and is refused.
///
/// # Errors
/// [`Error::RetryAfterInvalid`] (`Malformed`) when a 202 does not say how long to wait.
pub fn read_answer(status: u16, retry_after: Option<&str>) -> Result<Answer, Error> {
    // RFC7030-4.2.3-retry-after
    match (status, retry_after.map(|text| text.trim().parse::<u32>())) {
        (200, _) => Ok(Answer::Done),
        (202, Some(Ok(seconds))) => {
            Ok(Answer::Wait { retry_after_seconds: seconds.clamp(1, RETRY_AFTER_SECONDS_MAX) })
        }
        (202, None | Some(Err(_))) => Err(Error::RetryAfterInvalid),
        (status, _) => Ok(Answer::Refused { status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_between_one_second_and_sixty() {
        // RFC7030-4.2.3-retry-after
        let at = UnixTime::from_seconds;
        assert_eq!(retry_after_seconds(at(100), at(130)), 30);
        assert_eq!(retry_after_seconds(at(100), at(100)), 1);
        assert_eq!(retry_after_seconds(at(100), at(50)), 1);
        assert_eq!(retry_after_seconds(at(100), UnixTime::NO_END), 60);
        assert_eq!(read_answer(202, Some(" 5 ")), Ok(Answer::Wait { retry_after_seconds: 5 }));
        assert_eq!(read_answer(202, Some("99999")), Ok(Answer::Wait { retry_after_seconds: 60 }));
        assert_eq!(read_answer(202, Some("0")), Ok(Answer::Wait { retry_after_seconds: 1 }));
    }

    #[test]
    fn a_202_without_a_number_is_an_error_and_other_statuses_are_answers() {
        for retry_after in [None, Some(""), Some("-1"), Some("Wed, 21 Oct 2026 07:28:00 GMT")] {
            assert_eq!(read_answer(202, retry_after), Err(Error::RetryAfterInvalid), "{retry_after:?}");
        }
        assert_eq!(read_answer(200, None), Ok(Answer::Done));
        assert_eq!(read_answer(403, Some("5")), Ok(Answer::Refused { status: 403 }));
    }
}
