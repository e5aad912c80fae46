//! The MASA's answer to `requestauditlog`.
//! Source: RFC 8995 §5.8.
//!
//! 1. The request is that for the voucher, posted once more (see `registrar`).
//! 2. [`LogAnswer::receive`]: the log itself, or where it is.
//! 3. What is fetched from there is received in the same way.
//!
//! Does not: fetch anything, judge the log.
//! Invariants: only a 200 carries a log.

use proto::media_type;

use crate::registrar::MasaReply;
use crate::{Error, MasaAuditLog};

/// The most bytes of a log: ours; 64 events have about 16 KiB.
pub const AUDIT_LOG_BYTES_MAX: usize = 64 * 1024;

/// The status with which a MASA says that the log is elsewhere (RFC 8995 §5.8).
const CREATED: u16 = 201;

/// What a MASA answers when it is asked for its log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum LogAnswer {
    /// The log.
    Log(MasaAuditLog),
    /// Where the log is: `Location` as it came, to be judged as a MASA URL is.
    Elsewhere(String),
}

impl LogAnswer {
    /// Takes an answer; `location` is its `Location`, if there was one.
    ///
    /// # Errors
    /// [`Error::MasaBusy`] (busy), [`Error::MasaRefused`] (refused): 404 says that the MASA does not know the device, or
    /// that we were never its owner; [`Error::AnswerMediaType`] (unsupported), [`Error::AuditLogMalformed`],
    /// [`Error::AuditLogTooLarge`] (malformed).
    pub fn receive(reply: &MasaReply<'_>, location: Option<&str>) -> Result<Self, Error> {
        // RFC8995-5.8-location
        if let (CREATED, Some(location)) = (reply.status, location) {
            return Ok(Self::Elsewhere(location.to_owned()));
        }
        // RFC8995-5.8-not-an-owner
        reply.check_status()?;
        // RFC8995-5.8.1-json
        if !reply.media_type.is_some_and(|found| found.eq_ignore_ascii_case(media_type::JSON)) {
            return Err(Error::AnswerMediaType);
        }
        if reply.body.len() > AUDIT_LOG_BYTES_MAX {
            return Err(Error::AuditLogTooLarge);
        }
        MasaAuditLog::parse(reply.body).map(Self::Log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = br#"{"version":1,"events":[]}"#;

    fn receive(status: u16, media_type: Option<&str>, location: Option<&str>) -> Result<LogAnswer, Error> {
        let reply = MasaReply { status, media_type, retry_after_seconds: None, body: LOG };
        LogAnswer::receive(&reply, location)
    }

    #[test]
    fn a_log_comes_at_once_or_from_where_the_answer_says() {
        // RFC8995-5.8-location
        let log = receive(200, Some("application/json"), None).unwrap();
        assert!(matches!(&log, LogAnswer::Log(log) if log.events.is_empty()));
        assert_eq!(receive(200, Some("application/json"), Some("/kept/for/later")), Ok(log));
        let elsewhere = LogAnswer::Elsewhere("/log/4f2a".to_owned());
        assert_eq!(receive(201, None, Some("/log/4f2a")), Ok(elsewhere));
    }

    #[test]
    fn all_else_is_no_log() {
        // RFC8995-5.8-not-an-owner
        assert_eq!(receive(404, None, None), Err(Error::MasaRefused { status: 404 }));
        assert_eq!(receive(201, None, None), Err(Error::MasaRefused { status: 201 }));
        assert_eq!(receive(302, None, Some("/")), Err(Error::MasaRefused { status: 302 }));
        assert_eq!(receive(503, None, None), Err(Error::MasaBusy { retry_after_seconds: None }));
        // RFC8995-5.8.1-json
        assert_eq!(receive(200, Some("text/html"), None), Err(Error::AnswerMediaType));
        assert_eq!(receive(200, None, None), Err(Error::AnswerMediaType));
    }

    #[test]
    fn a_log_beyond_all_measure_is_not_read() {
        let body = vec![b' '; AUDIT_LOG_BYTES_MAX + 1];
        let media_type = Some("application/json");
        let reply = MasaReply { status: 200, media_type, retry_after_seconds: None, body: &body };
        assert_eq!(LogAnswer::receive(&reply, None), Err(Error::AuditLogTooLarge));
    }
}
