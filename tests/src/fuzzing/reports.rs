//! What pledges and MASAs report in JSON.

use proto::UnixTime;
use proto_brski::{AUDIT_LOG_EVENTS_MAX, MasaAuditLog, Telemetry};

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
    let findings = log.findings(&ours, Some(UnixTime::from_seconds(1_618_358_400)));
    assert!(findings.foreign_domains.iter().all(|domain| !ours.contains(domain)));
    assert!(findings.nonceless.max(findings.before) <= log.events.len());
    let written = MasaAuditLog::parse(&log.write());
    // Counters stop at 1024 where they are written (RFC 8995 §5.8.1).
    log.events.iter_mut().for_each(|event| event.truncated = event.truncated.min(1024));
    assert_eq!(written, Ok(log));
}
