//! The journal: its records, its head, and what a verification found.
//! Does not: print, call, judge.

use proto_api::v1::{GetHeadResponse, JournalRecord, VerifyReport};
use server_journal::Report;

use super::{actor, at, hex, refusal};
use crate::record::{Record, Value};
use crate::table::Column;

/// A record on one line.
pub(crate) const RECORDS: &[Column] = &[
    ("SEQ", "seq"),
    ("AT", "at"),
    ("KIND", "kind"),
    ("DEVICE", "device_id"),
    ("BY", "actor.name"),
    ("HASH", "hash"),
];

/// Shows a record.
pub(crate) fn journal_record(record: &JournalRecord) -> Record {
    Record::new()
        .with("seq", record.seq)
        .with("at", at(record.at.as_ref()))
        .with("kind", record.kind.as_str())
        .with("device_id", record.device_id.as_str())
        .with("actor", record.actor.as_ref().map(actor))
        .with("hash", hex(&record.hash))
        .with("previous", hex(&record.previous))
        .with("payload_json", record.payload_json.as_str())
}

/// Shows the newest record's place and hash.
pub(crate) fn head(head: &GetHeadResponse) -> Record {
    Record::new().with("seq", head.seq).with("hash", hex(&head.hash)).with("at", at(head.at.as_ref()))
}

/// Shows what the server's verification found.
pub(crate) fn report(report: &VerifyReport) -> Record {
    Record::new()
        .with("is_intact", report.fault.is_none())
        .with("records", report.records)
        .with("bytes", report.bytes)
        .with("last_seq", report.last_seq)
        .with("last_hash", hex(&report.last_hash))
        .with("fault", report.fault.as_ref().map(refusal))
}

/// Shows what a verification of the files found.
pub(crate) fn offline_report(report: &Report) -> Record {
    let tail = report.tail.as_ref().map(|tail| {
        Record::new()
            .with("segment", tail.segment.display().to_string())
            .with("offset", tail.offset)
            .with("bytes", tail.bytes)
    });
    let damage = report.damage.as_ref().map(|found| {
        Record::new()
            .with("segment", found.segment.display().to_string())
            .with("offset", found.offset)
            .with("seq", found.seq.0)
            .with("message", found.damage.to_string())
    });
    Record::new()
        .with("is_intact", report.is_intact())
        .with("records", report.records)
        .with("segments", report.segments)
        .with("bytes", report.bytes)
        .with("first_at", Value::from(report.first_at))
        .with("last_at", Value::from(report.last_at))
        .with("last_seq", report.head.seq.0)
        .with("last_hash", hex(report.head.hash.as_bytes()))
        .with("unfinished", tail)
        .with("fault", damage)
}
