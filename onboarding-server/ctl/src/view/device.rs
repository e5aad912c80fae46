//! Devices, their events, and the results of an import.
//! Does not: print, call.

use proto_api::v1::{Assertion, Device, DeviceState, Event, ImportOutcome, ImportResult};

use super::{actor, at, certificate, pairs, parse_word, refusal, words};
use crate::record::Record;
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
