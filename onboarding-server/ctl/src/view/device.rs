//! Devices, their events, and the results of an import.
//! Does not: print, call.

use proto_api::v1::{
    Assertion, Device, DeviceState, Event, ImportOutcome, ImportResult, MasaAuditLog, PastDomain,
};

use super::{actor, at, certificate, pairs, parse_word, refusal, words};
use crate::record::{Record, Value};
use crate::table::Column;

/// A device on one line.
pub(crate) const DEVICES: &[Column] = &[
    ("ID", "id"),
    ("MANUFACTURER", "manufacturer"),
    ("SERIAL", "serial_number"),
    ("PRODUCT", "product"),
    ("STATE", "state"),
    ("WAITS", "awaits_approval"),
    ("LIFE", "generation"),
    ("CHANGED", "changed_at"),
    ("REASON", "reason_code"),
];

/// An event of any device on one line.
pub(crate) const EVENTS: &[Column] = &[
    ("SEQ", "seq"),
    ("AT", "at"),
    ("EVENT", "kind"),
    ("MANUFACTURER", "manufacturer"),
    ("SERIAL", "serial_number"),
    ("STATE", "state"),
    ("BY", "actor.name"),
    ("REASON", "reason_code"),
    ("SUMMARY", "summary"),
];

/// An event of one device on one line.
pub(crate) const TIMELINE: &[Column] = &[
    ("SEQ", "seq"),
    ("AT", "at"),
    ("LIFE", "generation"),
    ("EVENT", "kind"),
    ("STATE", "state"),
    ("BY", "actor.name"),
    ("REASON", "reason_code"),
    ("NOTE", "note"),
    ("SUMMARY", "summary"),
];

/// What became of a row on one line.
pub(crate) const IMPORTED: &[Column] = &[
    ("ROW", "row"),
    ("OUTCOME", "outcome"),
    ("ID", "device_id"),
    ("REASON", "refusal.reason_code"),
    ("MEANING", "refusal.message"),
];

/// Shows a device.
pub(crate) fn device(device: &Device) -> Record {
    let assertion = Assertion::try_from(device.assertion).unwrap_or_default();
    Record::new()
        .with("id", device.id.as_str())
        .with("manufacturer", device.manufacturer.as_str())
        .with("serial_number", device.serial_number.as_str())
        .with("product", device.product.as_str())
        .with("state", state(device.state))
        .with("awaits_approval", device.awaits_approval)
        .with("generation", device.generation)
        .with("version", device.version)
        .with("labels", pairs(&device.labels))
        .with("created_at", at(device.created_at.as_ref()))
        .with("changed_at", at(device.changed_at.as_ref()))
        .with("changed_by", device.changed_by.as_ref().map(actor))
        .with("last_heard_at", at(device.last_heard_at.as_ref()))
        .with("reason_code", device.reason_code.as_str())
        .with("note", device.note.as_str())
        .with("assertion", words("ASSERTION_", assertion.as_str_name()))
        .with("idevid", device.idevid.as_ref().map(certificate))
        .with("ldevid", device.ldevid.as_ref().map(certificate))
        .with("masa_audit_log", device.masa_audit_log.as_ref().map(audit_log))
}

/// Shows the MASA's log; the numbers only once a log came.
fn audit_log(log: &MasaAuditLog) -> Record {
    let judgement = words("MASA_AUDIT_LOG_JUDGEMENT_", log.judgement().as_str_name());
    let count =
        |number: u32| if log.known_at.is_some() { Value::Number(number.into()) } else { Value::Absent };
    let domains = log.domains.iter().map(|domain| Value::Record(past_domain(domain))).collect();
    Record::new()
        .with("status", words("MASA_AUDIT_LOG_STATUS_", log.status().as_str_name()))
        .with("judgement", judgement)
        .with("reason_code", log.reason_code.as_str())
        .with("asked_at", at(log.asked_at.as_ref()))
        .with("known_at", at(log.known_at.as_ref()))
        .with("failing_since_at", at(log.failing_since_at.as_ref()))
        .with("entries", count(log.entries))
        .with("foreign_entries", count(log.foreign_entries))
        .with("nonceless_entries", count(log.nonceless_entries))
        .with("early_entries", count(log.early_entries))
        .with("hidden_entries", count(log.hidden_entries))
        .with("domains", Value::List(domains))
}

fn past_domain(domain: &PastDomain) -> Record {
    Record::new()
        .with("domain_id", domain.domain_id.as_str())
        .with("standing", words("PAST_DOMAIN_STANDING_", domain.standing().as_str_name()))
        .with("entries", u64::from(domain.entries))
        .with("last_at", at(domain.last_at.as_ref()))
}

/// Shows an event.
pub(crate) fn event(event: &Event) -> Record {
    Record::new()
        .with("seq", event.seq)
        .with("at", at(event.at.as_ref()))
        .with("kind", event.kind.as_str())
        .with("device_id", event.device_id.as_str())
        .with("manufacturer", event.manufacturer.as_str())
        .with("serial_number", event.serial_number.as_str())
        .with("previous_state", state(event.previous_state))
        .with("state", state(event.state))
        .with("generation", event.generation)
        .with("actor", event.actor.as_ref().map(actor))
        .with("reason_code", event.reason_code.as_str())
        .with("note", event.note.as_str())
        .with("summary", event.summary.as_str())
        .with("details", pairs(&event.details))
}

/// Shows what became of a row; the row is the line of its file.
pub(crate) fn imported(result: &ImportResult) -> Record {
    let outcome = ImportOutcome::try_from(result.outcome).unwrap_or_default();
    Record::new()
        .with("row", result.row)
        .with("outcome", words("IMPORT_OUTCOME_", outcome.as_str_name()))
        .with("device_id", result.device_id.as_str())
        .with("refusal", result.refusal.as_ref().map(refusal))
}

fn state(state: i32) -> String {
    words("DEVICE_STATE_", DeviceState::try_from(state).unwrap_or_default().as_str_name())
}

/// Reads a state of a device as the documents write it.
///
/// # Errors
/// The words that there are, as clap wants it.
pub(crate) fn parse_device_state(word: &str) -> Result<DeviceState, String> {
    parse_word(word, "DEVICE_STATE_", DeviceState::as_str_name)
}

#[cfg(test)]
mod tests {
    use proto_api::v1::{MasaAuditLogJudgement, MasaAuditLogStatus, PastDomainStanding};

    use super::*;

    #[test]
    fn a_device_is_shown_in_the_words_of_the_documents() {
        let shown = device(&Device {
            id: "00".into(),
            state: DeviceState::InRepair.into(),
            labels: [("site".to_owned(), "hall 3".to_owned())].into(),
            ..Device::default()
        });
        assert_eq!(shown.find("state").text(), "in-repair");
        assert_eq!(shown.find("labels.site").text(), "hall 3");
        assert_eq!(shown.find("ldevid.serial").text(), "-");
    }

    #[test]
    fn the_masas_log_is_shown_with_its_judgement_and_each_domain() {
        let asking = MasaAuditLog { status: MasaAuditLogStatus::Asking.into(), ..MasaAuditLog::default() };
        assert_eq!(audit_log(&asking).lines(), [("status".to_owned(), "asking".to_owned())]);
        let domain = PastDomain {
            domain_id: "00ff".to_owned(),
            standing: PastDomainStanding::Foreign.into(),
            entries: 2,
            last_at: None,
        };
        let shown = audit_log(&MasaAuditLog {
            status: MasaAuditLogStatus::Received.into(),
            judgement: MasaAuditLogJudgement::Suspicious.into(),
            reason_code: "policy-audit-log-suspicious".to_owned(),
            known_at: Some(prost_types::Timestamp::default()),
            entries: 2,
            foreign_entries: 2,
            domains: vec![domain],
            ..MasaAuditLog::default()
        });
        assert_eq!(shown.find("judgement").text(), "suspicious");
        assert_eq!(
            (shown.find("foreign_entries").text(), shown.find("early_entries").text()),
            ("2".into(), "0".into())
        );
        assert_eq!(shown.find("domains").text(), "domain_id=00ff standing=foreign entries=2");
    }

    #[test]
    fn every_column_names_a_value_that_is_there() {
        let device = serde_json::to_value(device(&Device::default())).unwrap();
        for (_, path) in DEVICES {
            assert!(device.get(path).is_some(), "{path}");
        }
        let event = serde_json::to_value(event(&Event::default())).unwrap();
        for (_, path) in EVENTS.iter().chain(TIMELINE) {
            assert!(event.get(path.split('.').next().unwrap()).is_some(), "{path}");
        }
    }
}
