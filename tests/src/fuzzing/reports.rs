//! What pledges and MASAs report in JSON.

use proto::UnixTime;
use proto_brski::{AUDIT_LOG_EVENTS_MAX, MasaAuditLog, Telemetry};
use server_policy::{AuditLogFacts, Known, PastEntry};

use super::pki::is_explained;

/// Reads a pledge's report in JSON and in CBOR; what is written of it reads back.
pub fn telemetry(bytes: &[u8]) {
    if let Ok(report) = Telemetry::parse_cbor(bytes) {
        let known = Telemetry { unknown_members: Vec::new(), ..report };
        assert_eq!(Telemetry::parse_cbor(&known.write_cbor()).as_ref(), Ok(&known));
    }
    let report = match Telemetry::parse(bytes) {
        Ok(report) => report,
        Err(error) => return is_explained(&error),
    };
    // Unknown members are named for the log and not written.
    let known = Telemetry { unknown_members: Vec::new(), ..report };
    assert_eq!(Telemetry::parse(&known.write()).as_ref(), Ok(&known));
}

/// Reads a MASA's audit log, looks through it, and reads what is written of it.
pub fn audit_log(bytes: &[u8]) {
    let mut log = match MasaAuditLog::parse(bytes) {
        Ok(log) => log,
        Err(error) => return is_explained(&error),
    };
    assert!(log.events.len() <= AUDIT_LOG_EVENTS_MAX);
    let ours: Vec<_> = log.events.first().map(|event| event.domain_id.clone()).into_iter().collect();
    let since = UnixTime::from_seconds(1_618_358_400);
    let known = Known { ours: &ours, expected: &[], device_since_at: since };
    let entries = log.events.iter().map(|event| PastEntry {
        at: event.at,
        domain: &event.domain_id,
        is_nonced: event.nonce.is_some(),
    });
    let counted = AuditLogFacts::count(entries, 0, &known, since);
    let foreign = log.events.iter().filter(|event| !ours.contains(&event.domain_id)).count();
    assert_eq!(usize::try_from(counted.foreign_entries), Ok(foreign));
    let written = MasaAuditLog::parse(&log.write());
    // Counters stop at 1024 where they are written (RFC 8995 §5.8.1).
    log.events.iter_mut().for_each(|event| event.truncated = event.truncated.min(1024));
    assert_eq!(written, Ok(log));
}
