//! The MASA's list of the domains that got vouchers for a device.
//! Source: RFC 8995 §5.8.1.
//! Does not: keep the log or judge it; it writes and reads.
//! Invariants: integers are written as integers; on reading, strings of digits count too, as the RFC's example has them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::{DomainId, UnixTime};
use proto_voucher::{Assertion, Nonce, json};
use serde_json::{Map, Value, json as value};

use crate::Error;

/// The most events that we write or read: ours; a longer log is abridged and says so.
pub const AUDIT_LOG_EVENTS_MAX: usize = 64;
/// Where counters stop (RFC 8995 §5.8.1).
const COUNT_MAX: u64 = 1024;
const VERSION: u64 = 1;

/// The log of one device, the newest event first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasaAuditLog {
    /// More than 1 says that there is further information.
    pub version: u64,
    /// One for each voucher issued, unless abridged.
    pub events: Vec<AuditEvent>,
    /// What was left out.
    pub truncation: Truncation,
}

/// One voucher issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: UnixTime,
    /// To which domain.
    pub domain_id: DomainId,
    /// The nonce in it; without one the voucher can be used again.
    pub nonce: Option<Nonce>,
    /// On what ground.
    pub assertion: Assertion,
    /// How many events of this domain were left out.
    pub truncated: u64,
}

/// Counters of what was left out; each stops at 1024.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncation {
    /// Vouchers with a nonce of a domain that is listed.
    pub nonced_duplicates: u64,
    /// Vouchers without a nonce of a domain that is listed.
    pub nonceless_duplicates: u64,
    /// Others: this makes the log less acceptable.
    pub arbitrary: u64,
}

impl MasaAuditLog {
    /// Makes a log out of a MASA's records, the newest first.
    ///
    /// A log of more than 64 events is abridged: of each domain the newest event with a nonce and the newest without
    /// stay and tell how many went. What exceeds 64 even then is left out at will, and counted.
    // RFC8995-5.8.1-truncated
    #[must_use]
    pub fn new(mut events: Vec<AuditEvent>) -> Self {
        let mut truncation = Truncation::default();
        if events.len() > AUDIT_LOG_EVENTS_MAX {
            events = without_duplicates(events, &mut truncation);
        }
        let excess = events.len().saturating_sub(AUDIT_LOG_EVENTS_MAX);
        events.truncate(AUDIT_LOG_EVENTS_MAX);
        truncation.arbitrary = u64::try_from(excess).unwrap_or(COUNT_MAX).min(COUNT_MAX);
        Self { version: VERSION, events, truncation }
    }

    /// Reads a log.
    ///
    /// # Errors
    /// [`Error::AuditLogMalformed`], [`Error::AuditLogTooLarge`] (malformed).
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let Ok(Value::Object(mut members)) = json::parse_value(body) else {
            return Err(Error::AuditLogMalformed);
        };
        let Some(Value::Array(events)) = members.remove("events") else {
            return Err(Error::AuditLogMalformed);
        };
        if events.len() > AUDIT_LOG_EVENTS_MAX {
            return Err(Error::AuditLogTooLarge);
        }
        Ok(Self {
            version: count(&members, "version")?,
            events: events.into_iter().map(parse_event).collect::<Result<_, _>>()?,
            truncation: parse_truncation(members.get("truncation"))?,
        })
    }

    /// Writes the log.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let events: Vec<Value> = self.events.iter().map(write_event).collect();
        let log = value!({
            "version": self.version,
            "events": events,
            "truncation": {
                "nonced duplicates": self.truncation.nonced_duplicates,
                "nonceless duplicates": self.truncation.nonceless_duplicates,
                "arbitrary": self.truncation.arbitrary,
            },
        });
        log.to_string().into_bytes()
    }
}

/// Keeps of each domain the newest event with a nonce and the newest without; those are the first that come.
fn without_duplicates(events: Vec<AuditEvent>, truncation: &mut Truncation) -> Vec<AuditEvent> {
    let mut kept: Vec<AuditEvent> = Vec::new();
    let mut place: BTreeMap<(DomainId, bool), usize> = BTreeMap::new();
    for event in events {
        let is_nonced = event.nonce.is_some();
        let first = *place.entry((event.domain_id.clone(), is_nonced)).or_insert(kept.len());
        let Some(newer) = kept.get_mut(first) else {
            kept.push(event);
            continue;
        };
        let counter =
            if is_nonced { &mut truncation.nonced_duplicates } else { &mut truncation.nonceless_duplicates };
        *counter = (*counter + 1).min(COUNT_MAX);
        newer.truncated = (newer.truncated + 1).min(COUNT_MAX);
    }
    kept
}

fn parse_event(event: Value) -> Result<AuditEvent, Error> {
    let Value::Object(members) = event else { return Err(Error::AuditLogMalformed) };
    let text = |name| members.get(name).and_then(Value::as_str).ok_or(Error::AuditLogMalformed);
    let domain_id = STANDARD.decode(text("domainID")?).map_err(|_| Error::AuditLogMalformed)?;
    // RFC8995-5.8.1-nonce-null
    let nonce = match members.get("nonce") {
        None | Some(Value::Null) => None,
        Some(Value::String(nonce)) => {
            Some(Nonce::new(nonce.as_bytes()).map_err(|_| Error::AuditLogMalformed)?)
        }
        Some(_) => return Err(Error::AuditLogMalformed),
    };
    Ok(AuditEvent {
        at: text("date")?.parse().map_err(|_| Error::AuditLogMalformed)?,
        domain_id: DomainId::new(&domain_id).map_err(|_| Error::AuditLogMalformed)?,
        nonce,
        assertion: Assertion::from_name(text("assertion")?).ok_or(Error::AuditLogMalformed)?,
        truncated: optional_count(&members, "truncated")?,
    })
}

fn parse_truncation(truncation: Option<&Value>) -> Result<Truncation, Error> {
    match truncation {
        None => Ok(Truncation::default()),
        Some(Value::Object(members)) => Ok(Truncation {
            nonced_duplicates: optional_count(members, "nonced duplicates")?,
            nonceless_duplicates: optional_count(members, "nonceless duplicates")?,
            arbitrary: optional_count(members, "arbitrary")?,
        }),
        Some(_) => Err(Error::AuditLogMalformed),
    }
}

/// Reads an integer; the CDDL has a number, the RFC's own example a string.
// RFC8995-5.8.1-numbers-or-strings
fn count(members: &Map<String, Value>, name: &str) -> Result<u64, Error> {
    let number = match members.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) | None => None,
    };
    number.ok_or(Error::AuditLogMalformed)
}

fn optional_count(members: &Map<String, Value>, name: &str) -> Result<u64, Error> {
    if members.contains_key(name) { count(members, name) } else { Ok(0) }
}

fn write_event(event: &AuditEvent) -> Value {
    value!({
        "date": event.at.to_string(),
        "domainID": STANDARD.encode(event.domain_id.as_bytes()),
        "nonce": event.nonce.as_ref().map(Nonce::to_json_text),
        "assertion": event.assertion.name(),
        "truncated": event.truncated.min(COUNT_MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &[u8] = br#"{
        "version":"1",
        "events":[
            {"date":"2019-05-15T17:25:55.644-04:00","domainID":"BduJhdHPpfhQLyponf48JzXSGZ8=",
             "nonce":"VOUFT-WwrEv0NuAQEHoV7Q","assertion":"proximity","truncated":"0"},
            {"date":"2017-05-15T17:25:55.644-04:00","domainID":"BduJhdHPpfhQLyponf48JzXSGZ8=",
             "nonce":"f4G6Vi1t8nKo/FieCVgpBg==","assertion":"proximity"}],
        "truncation": {"nonced duplicates": "0","nonceless duplicates": "1","arbitrary": "2"}}"#;

    fn event(domain: u8, nonce: Option<&[u8]>) -> AuditEvent {
        AuditEvent {
            at: UnixTime::from_seconds(1_600_000_000),
            domain_id: DomainId::new(&[domain; 20]).unwrap(),
            nonce: nonce.map(|nonce| Nonce::new(nonce).unwrap()),
            assertion: Assertion::Logged,
            truncated: 0,
        }
    }

    #[test]
    fn reads_the_example_of_the_rfc_with_its_numbers_in_strings() {
        // RFC8995-5.8.1-numbers-or-strings
        let log = MasaAuditLog::parse(EXAMPLE).unwrap();
        assert_eq!((log.version, log.events.len()), (1, 2));
        assert_eq!(
            log.truncation,
            Truncation { nonced_duplicates: 0, nonceless_duplicates: 1, arbitrary: 2 }
        );
        assert_eq!(MasaAuditLog::parse(&log.write()), Ok(log));
    }

    #[test]
    fn integers_are_written_as_integers_and_no_nonce_as_null() {
        // RFC8995-5.8.1-nonce-null
        let log = MasaAuditLog::new(vec![event(1, None)]);
        let text = String::from_utf8(log.write()).unwrap();
        assert!(text.contains(r#""version":1"#) && text.contains(r#""nonce":null"#), "{text}");
        assert_eq!(MasaAuditLog::parse(text.as_bytes()), Ok(log));
    }

    #[test]
    fn a_long_history_keeps_the_newest_of_each_domain_and_says_what_went() {
        // RFC8995-5.8.1-truncated
        let nonce: Option<&[u8]> = Some(b"12345678");
        let mut events = vec![event(1, None); 3];
        events.extend(vec![event(1, nonce); AUDIT_LOG_EVENTS_MAX]);
        let log = MasaAuditLog::new(events);
        assert_eq!(log.events.iter().map(|event| event.truncated).collect::<Vec<_>>(), [2, 63]);
        let expected = Truncation { nonced_duplicates: 63, nonceless_duplicates: 2, arbitrary: 0 };
        assert_eq!(log.truncation, expected);
        assert_eq!(MasaAuditLog::parse(&log.write()), Ok(log));
        assert_eq!(MasaAuditLog::new(vec![event(1, None); 5000]).truncation.nonceless_duplicates, 1024);
    }

    #[test]
    fn a_history_of_too_many_domains_is_cut_and_says_so() {
        // RFC8995-5.8.1-truncated
        let log = MasaAuditLog::new((0..70).map(|domain| event(domain, None)).collect());
        assert_eq!((log.events.len(), log.truncation.arbitrary), (AUDIT_LOG_EVENTS_MAX, 6));
        let short = MasaAuditLog::new(vec![event(1, None); AUDIT_LOG_EVENTS_MAX]);
        assert_eq!((short.events.len(), short.truncation), (AUDIT_LOG_EVENTS_MAX, Truncation::default()));
    }

    #[test]
    fn refuses_what_is_no_log() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"version":1}"#,
            r#"{"version":-1,"events":[]}"#,
            r#"{"version":1,"events":[{}]}"#,
            r#"{"version":1,"events":[],"truncation":7}"#,
        ] {
            assert_eq!(MasaAuditLog::parse(text.as_bytes()), Err(Error::AuditLogMalformed), "{text}");
        }
    }
}
