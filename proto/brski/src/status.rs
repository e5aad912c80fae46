//! What a pledge makes of a status code, and the limits that keep a hostile registrar from holding it.
//! Source: RFC 8995 §5.6.

/// The most seconds that a pledge waits for one `Retry-After` (RFC 8995 §5.6: 60 seconds).
pub const RETRY_AFTER_SECONDS_MAX: u64 = 60;
/// The most seconds that a pledge stays in the retry state (RFC 8995 §5.6: 4 days).
pub const WAIT_SECONDS_MAX: u64 = 4 * 24 * 3600;
/// The most redirections to another web origin that a pledge follows (RFC 8995 §5.6: one).
pub const REDIRECTS_MAX: u8 = 1;

/// What a status code asks of the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// 200: the body is the answer.
    Answer,
    /// 202: the same request again, later.
    Wait,
    /// 3xx: elsewhere.
    Redirect,
    /// 429 and 503: too much at once.
    Busy,
    /// All else: no.
    Refusal,
}

pub(crate) const fn meaning(status: u16) -> Meaning {
    match status {
        200 => Meaning::Answer,
        202 => Meaning::Wait,
        301 | 302 | 303 | 307 | 308 => Meaning::Redirect,
        429 | 503 => Meaning::Busy,
        _ => Meaning::Refusal,
    }
}

/// Caps what a registrar asks; without a `Retry-After` the whole minute is waited.
// RFC8995-5.6-retry-after-cap
pub(crate) fn retry_after_seconds(asked: Option<u64>) -> u64 {
    asked.unwrap_or(RETRY_AFTER_SECONDS_MAX).clamp(1, RETRY_AFTER_SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrar_cannot_ask_for_more_than_a_minute() {
        // RFC8995-5.6-retry-after-cap
        assert_eq!(retry_after_seconds(None), 60);
        assert_eq!(retry_after_seconds(Some(0)), 1);
        assert_eq!(retry_after_seconds(Some(5)), 5);
        assert_eq!(retry_after_seconds(Some(u64::MAX)), 60);
    }

    #[test]
    fn every_status_has_a_meaning_and_only_200_is_an_answer() {
        for status in 0..=u16::MAX {
            assert_eq!(meaning(status) == Meaning::Answer, status == 200);
        }
        assert_eq!(meaning(304), Meaning::Refusal);
        assert_eq!(meaning(503), Meaning::Busy);
    }
}
