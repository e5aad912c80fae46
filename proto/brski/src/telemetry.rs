//! What a pledge reports: what became of the voucher, and of the enrolment.
//! Source: RFC 8995 §5.7 (`voucher_status`), §5.9.4 (`enrollstatus`); both have one form.
//! Does not: move any state; before the voucher the report is unauthenticated.
//! Invariants: unknown members are kept by name for the log and otherwise ignored.

use proto::{Class, Reason};
use proto_voucher::json;
use serde_json::{Map, Value};

use crate::Error;

/// The most octets of a report: ours; it is a sentence and a few values.
pub const TELEMETRY_BYTES_MAX: usize = 4 * 1024;
/// The version that we write and know (RFC 8995 §5.7).
const VERSION: u64 = 1;

/// A report, of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// `version`; more than 1 asks for a person, see [`Telemetry::is_newer`].
    pub version: u64,
    /// `status`: whether it went well.
    pub is_success: bool,
    /// `reason`: a sentence for people; it is a stranger's text.
    pub reason: Option<String>,
    /// `reason-context`: any JSON, as text.
    pub reason_context: Option<String>,
    /// The names of members that we do not know, to be logged (RFC 8995 §5.7).
    pub unknown_members: Vec<String>,
}

impl Telemetry {
    /// Reports success.
    #[must_use]
    pub const fn success() -> Self {
        Self {
            version: VERSION,
            is_success: true,
            reason: None,
            reason_context: None,
            unknown_members: Vec::new(),
        }
    }

    /// Reports failure in words that tell an attacker nothing: the kind of refusal, not its cause.
    // RFC8995-5.7-reason-tells-nothing
    #[must_use]
    pub fn failure(error: &dyn Reason) -> Self {
        let reason = match error.class() {
            Class::Malformed => "an answer could not be read",
            Class::Unsupported => "an answer was of an unsupported form",
            Class::Untrusted => "an answer was not trusted",
            Class::Unknown | Class::Refused => "the request was refused",
            Class::NotYet | Class::Busy => "no answer came in time",
            Class::Fault => "the pledge failed",
        };
        Self { is_success: false, reason: Some(reason.to_owned()), ..Self::success() }
    }

    /// Reads a report.
    ///
    /// # Errors
    /// [`Error::TelemetryTooLarge`], [`Error::TelemetryMalformed`] (malformed).
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.len() > TELEMETRY_BYTES_MAX {
            return Err(Error::TelemetryTooLarge);
        }
        let Ok(Value::Object(mut members)) = json::parse_value(body) else {
            return Err(Error::TelemetryMalformed);
        };
        // RFC8995-5.7-mandatory-members
        let version =
            members.remove("version").and_then(|value| value.as_u64()).ok_or(Error::TelemetryMalformed)?;
        let is_success =
            members.remove("status").and_then(|value| value.as_bool()).ok_or(Error::TelemetryMalformed)?;
        let reason = match members.remove("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(reason)) => Some(reason),
            Some(_) => return Err(Error::TelemetryMalformed),
        };
        let reason_context = members.remove("reason-context").map(|value| value.to_string());
        // RFC8995-5.7-unknown-members
        let unknown_members = members.into_iter().map(|(name, _)| name).collect();
        Ok(Self { version, is_success, reason, reason_context, unknown_members })
    }

    /// Tells whether the report has a version that we do not know: log it and alert a person.
    // RFC8995-5.7-newer-version
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        self.version > VERSION
    }

    /// Writes the report; context that is no JSON is written as text.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("version".to_owned(), self.version.into());
        members.insert("status".to_owned(), self.is_success.into());
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        if let Some(context) = &self.reason_context {
            let value = json::parse_value(context.as_bytes()).unwrap_or_else(|_| context.as_str().into());
            members.insert("reason-context".to_owned(), value);
        }
        Value::Object(members).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_example_of_the_rfc() {
        let example = br#"{"version":1,"status":true,"reason":"Informative human readable message",
            "reason-context": { "additional" : "JSON" }}"#;
        let report = Telemetry::parse(example).unwrap();
        assert!(report.is_success && !report.is_newer());
        assert_eq!(report.reason.as_deref(), Some("Informative human readable message"));
        assert_eq!(report.reason_context.as_deref(), Some(r#"{"additional":"JSON"}"#));
        assert_eq!(Telemetry::parse(&report.write()), Ok(report));
    }

    #[test]
    fn version_and_status_are_mandatory_and_lower_case() {
        // RFC8995-5.7-mandatory-members
        for text in [
            "{}",
            r#"{"version":1}"#,
            r#"{"status":true}"#,
            r#"{"Version":1,"Status":true}"#,
            r#"{"version":"1","status":true}"#,
            r#"{"version":1,"status":"true"}"#,
            r#"{"version":-1,"status":true}"#,
            r#"{"version":1,"status":true,"reason":7}"#,
            r#"{"version":1,"version":1,"status":true}"#,
            "[]",
            "",
        ] {
            assert_eq!(Telemetry::parse(text.as_bytes()), Err(Error::TelemetryMalformed), "{text}");
        }
        let large = vec![b' '; TELEMETRY_BYTES_MAX + 1];
        assert_eq!(Telemetry::parse(&large), Err(Error::TelemetryTooLarge));
    }

    #[test]
    fn unknown_members_are_named_and_ignored() {
        // RFC8995-5.7-unknown-members
        let report = Telemetry::parse(br#"{"version":1,"status":false,"new":1,"pledge":{}}"#).unwrap();
        assert_eq!(report.unknown_members, ["new", "pledge"]);
    }

    #[test]
    fn a_newer_version_is_flagged() {
        // RFC8995-5.7-newer-version
        assert!(Telemetry::parse(br#"{"version":2,"status":true}"#).unwrap().is_newer());
    }

    #[test]
    fn a_failure_does_not_name_its_cause() {
        // RFC8995-5.7-reason-tells-nothing
        let nonce = Telemetry::failure(&Error::VoucherNonceMismatch);
        let serial = Telemetry::failure(&Error::VoucherSerialMismatch);
        assert_eq!(nonce, serial);
        assert!(!nonce.is_success);
    }
}
