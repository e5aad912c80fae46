//! What a pledge did, step by step, with the time each step took.
//!
//! Invariants: entries stand in the order in which the steps ended; no nonce, key or certificate body is kept.

use std::time::{Duration, Instant};

use proto::Fingerprint;
use serde::Serialize;

use super::Step;
use crate::table::Table;

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Which step.
    #[serde(serialize_with = "by_name")]
    pub step: Step,
    /// When it began, in microseconds after the attempt did.
    pub began_after_micros: u64,
    /// How long it took, waiting included, in microseconds.
    pub took_micros: u64,
    /// The last HTTP status, when the step asked the server.
    pub status: Option<u16>,
    /// How many connections or requests had to be repeated.
    pub repeats: u32,
    /// What is worth knowing of the result.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The reason code, when the step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_with: Option<String>,
}

/// The steps of one attempt.
#[derive(Clone, Debug)]
pub struct Transcript {
    began_at: Instant,
    entries: Vec<Entry>,
}

impl Transcript {
    /// Begins now.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a transcript begins at a moment; a default would hide that"
    )]
    pub fn new() -> Self {
        Self { began_at: Instant::now(), entries: Vec::new() }
    }

    /// Returns the entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Begins a step.
    #[must_use]
    pub fn begin(&self, step: Step) -> Running {
        Running { step, began_at: Instant::now(), status: None, repeats: 0 }
    }

    /// Ends a step that went well; `note` is what is worth knowing.
    pub fn succeed(&mut self, running: &Running, note: impl Into<String>) {
        self.push(running, note.into(), None);
    }

    /// Ends a step that failed.
    pub fn fail(&mut self, running: &Running, error: &crate::Error) {
        let status = error.refusal().map(|refusal| refusal.status);
        let note = error.refusal().map(|refusal| refusal.message.clone());
        let running = Running { status: status.or(running.status), ..*running };
        self.push(&running, note.unwrap_or_default(), Some(error.reason()));
    }

    fn push(&mut self, running: &Running, note: String, failed_with: Option<String>) {
        self.entries.push(Entry {
            step: running.step,
            began_after_micros: micros(running.began_at.duration_since(self.began_at)),
            took_micros: micros(running.began_at.elapsed()),
            status: running.status,
            repeats: running.repeats,
            note,
            failed_with,
        });
    }

    /// Draws the transcript for people.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::new(&["step", ">status", ">ms", ">repeats", "result"]);
        for entry in &self.entries {
            let result = match &entry.failed_with {
                Some(reason) if entry.note.is_empty() => format!("FAILED {reason}"),
                Some(reason) => format!("FAILED {reason}: {}", entry.note),
                None if entry.note.is_empty() => "ok".to_string(),
                None => entry.note.clone(),
            };
            table.row([
                entry.step.name().to_string(),
                entry.status.map(|status| status.to_string()).unwrap_or_default(),
                millis_text(entry.took_micros),
                if entry.repeats == 0 { String::new() } else { entry.repeats.to_string() },
                result,
            ]);
        }
        table
    }
}

/// A step that is under way.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    step: Step,
    began_at: Instant,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// How many connections or requests were repeated so far.
    pub repeats: u32,
}

/// Counts whole microseconds.
#[must_use]
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Writes microseconds as milliseconds with one digit: `12.3`.
#[must_use]
pub fn millis_text(micros: u64) -> String {
    let tenths = micros.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Shortens a fingerprint for the eye: its first eight octets.
#[must_use]
pub fn short(fingerprint: &Fingerprint) -> String {
    fingerprint.to_string().chars().take(16).collect()
}

fn by_name<S: serde::Serializer>(step: &Step, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(step.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn a_transcript_shows_each_step_and_why_one_failed() {
        let mut transcript = Transcript::new();
        let mut running = transcript.begin(Step::Connect);
        running.status = Some(200);
        transcript.succeed(&running, "");
        transcript.fail(&transcript.begin(Step::VerifyVoucher), &Error::TimedOut);
        let text = transcript.table().to_string();
        assert!(text.contains("connect"), "{text}");
        assert!(text.contains("FAILED sim-timed-out"), "{text}");
        let json = serde_json::to_string(transcript.entries()).unwrap();
        assert!(json.contains(r#""failed_with":"sim-timed-out""#), "{json}");
    }

    #[test]
    fn milliseconds_are_rounded_to_one_digit() {
        assert_eq!(millis_text(0), "0.0");
        assert_eq!(millis_text(1_249), "1.2");
        assert_eq!(millis_text(1_250), "1.3");
        assert_eq!(millis_text(60_000_000), "60000.0");
    }
}
