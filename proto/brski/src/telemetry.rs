//! What a pledge reports: what became of the voucher, and of the enrolment.
//! Source: RFC 8995 §5.7 (`voucher_status`), §5.9.4 (`enrollstatus`); both say the same. CBRSKI §6.5.1: the same map in
//! CBOR.
//! Does not: move any state; before the voucher the report is unauthenticated.
//! Invariants: unknown members are kept by name for the log and otherwise ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::cbor::{self, Item, Limits, Writer};
use proto::{Class, Reason};
use proto_voucher::{Opaque, json};
use serde_json::{Map, Value};

use crate::Error;

/// The most octets of a report: ours; it is a sentence and a few values.
pub const TELEMETRY_BYTES_MAX: usize = 4 * 1024;
/// The most levels and items of a report in CBOR: ours; the context may hold some.
const LIMITS: Limits = Limits { depth_max: 8, items_max: 128 };
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
    /// `reason-context`: anything, in the encoding in which it came.
    pub reason_context: Option<Opaque>,
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

    /// Reads a report in JSON.
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
        let reason_context = members.remove("reason-context").map(|value| Opaque::Json(value.to_string()));
        // RFC8995-5.7-unknown-members
        let unknown_members = members.into_iter().map(|(name, _)| name).collect();
        Ok(Self { version, is_success, reason, reason_context, unknown_members })
    }

    /// Reads a report in CBOR, of Content-Format 60.
    ///
    /// # Errors
    /// [`Error::TelemetryTooLarge`], [`Error::TelemetryMalformed`] (malformed).
    // CBRSKI-6.5.1-telemetry-in-cbor
    pub fn parse_cbor(body: &[u8]) -> Result<Self, Error> {
        if body.len() > TELEMETRY_BYTES_MAX {
            return Err(Error::TelemetryTooLarge);
        }
        Self::of_map(body).ok_or(Error::TelemetryMalformed)
    }

    fn of_map(body: &[u8]) -> Option<Self> {
        let mut members = cbor::parse(body, LIMITS).ok()?.into_map()?;
        let mut take = |name: &str| {
            let at = members.iter().position(|(key, _)| key.as_text() == Some(name))?;
            Some(members.swap_remove(at).1)
        };
        // RFC8995-5.7-mandatory-members
        let version = take("version")?.as_unsigned()?;
        let is_success = take("status")?.as_bool()?;
        let reason = match take("reason") {
            None => None,
            Some(item) if item.value == cbor::Value::Null => None,
            Some(item) => Some(item.as_text()?.to_owned()),
        };
        let reason_context = take("reason-context").map(|item| Opaque::Octets(item.octets.to_vec()));
        // RFC8995-5.7-unknown-members
        let unknown_members = members.iter().map(|(key, _)| name_of(key)).collect();
        Some(Self { version, is_success, reason, reason_context, unknown_members })
    }

    /// Tells whether the report has a version that we do not know: log it and alert a person.
    // RFC8995-5.7-newer-version
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        self.version > VERSION
    }

    /// Writes the report in JSON; context that is no JSON is written as text.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("version".to_owned(), self.version.into());
        members.insert("status".to_owned(), self.is_success.into());
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        match &self.reason_context {
            None => {}
            Some(Opaque::Json(text)) => {
                let value = json::parse_value(text.as_bytes()).unwrap_or_else(|_| text.as_str().into());
                members.insert("reason-context".to_owned(), value);
            }
            Some(Opaque::Octets(octets)) => {
                members.insert("reason-context".to_owned(), STANDARD.encode(octets).into());
            }
        }
        Value::Object(members).to_string().into_bytes()
    }

    /// Writes the report in CBOR, its members in the order of the draft's examples; context that is no CBOR is written
    /// as text.
    #[must_use]
    pub fn write_cbor(&self) -> Vec<u8> {
        let optional = usize::from(self.reason.is_some()) + usize::from(self.reason_context.is_some());
        let mut writer = Writer::new();
        writer
            .map(2 + optional)
            .text("version")
            .unsigned(self.version)
            .text("status")
            .boolean(self.is_success);
        if let Some(reason) = &self.reason {
            writer.text("reason").text(reason);
        }
        match &self.reason_context {
            None => {}
            Some(Opaque::Octets(item)) => _ = writer.text("reason-context").raw(item),
            Some(Opaque::Json(text)) => _ = writer.text("reason-context").text(text),
        }
        writer.into_bytes()
    }
}

/// Names a member for the log: its text, or what its key looks like.
fn name_of(key: &Item<'_>) -> String {
    key.as_text().map_or_else(|| format!("{:?}", key.value), str::to_owned)
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
        assert_eq!(report.reason_context, Some(Opaque::Json(r#"{"additional":"JSON"}"#.to_owned())));
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

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)?.try_into().ok()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn the_examples_of_the_draft_in_cbor_are_read_and_written_octet_for_octet() {
        // CBRSKI-6.5.1-telemetry-in-cbor
        let success = hex("A26776657273696F6E0166737461747573F5");
        let report = Telemetry::parse_cbor(&success).unwrap();
        assert_eq!((&report, report.write_cbor()), (&Telemetry::success(), success));
        let failure = hex(
            "A36776657273696F6E0166737461747573F466726561736F6E782A3C496E666F726D61746976652068756D616E20
             7265616461626C65206572726F72206D6573736167653E",
        );
        let report = Telemetry::parse_cbor(&failure).unwrap();
        assert_eq!(report.reason.as_deref(), Some("<Informative human readable error message>"));
        assert_eq!((report.is_success, report.write_cbor()), (false, failure));
        let with_context = hex(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/cbrski-constrained-voucher/examples/voucher-status.hex"
        )));
        let report = Telemetry::parse_cbor(&with_context).unwrap();
        let context = [&[0xa1, 0, 0x76][..], b"Additional information"].concat();
        assert_eq!(report.reason_context, Some(Opaque::Octets(context)));
        assert_eq!(report.write_cbor(), with_context);
    }

    #[test]
    fn cbor_has_the_same_mandatory_members() {
        // RFC8995-5.7-mandatory-members
        for octets in [
            &[0xa0][..],
            b"\xa1\x67version\x01",
            b"\xa1\x66status\xf5",
            b"\xa2\x67version\x20\x66status\xf5",
            b"\xa2\x67version\x01\x66status\x01",
            b"\xa3\x67version\x01\x66status\xf5\x66reason\x01",
            b"\xa3\x67version\x01\x66status\xf5\x67version\x01",
            b"{\"version\":1,\"status\":true}",
            b"",
        ] {
            assert_eq!(Telemetry::parse_cbor(octets), Err(Error::TelemetryMalformed), "{octets:?}");
        }
        let large = vec![0; TELEMETRY_BYTES_MAX + 1];
        assert_eq!(Telemetry::parse_cbor(&large), Err(Error::TelemetryTooLarge));
        // RFC8995-5.7-unknown-members
        let report = Telemetry::parse_cbor(b"\xa4\x67version\x01\x66status\xf5\x63new\x01\x07\xf6").unwrap();
        assert_eq!(report.unknown_members.len(), 2);
        assert!(report.unknown_members.contains(&"new".to_owned()));
    }

    #[test]
    fn context_of_the_other_encoding_is_written_as_text() {
        let octets = Telemetry { reason_context: Some(Opaque::Octets(vec![0xa0])), ..Telemetry::success() };
        let read = Telemetry::parse(&octets.write()).unwrap();
        assert_eq!(read.reason_context, Some(Opaque::Json("\"oA==\"".to_owned())));
        let text = Telemetry { reason_context: Some(Opaque::Json("{}".to_owned())), ..Telemetry::success() };
        let read = Telemetry::parse_cbor(&text.write_cbor()).unwrap();
        assert_eq!(read.reason_context, Some(Opaque::Octets(b"\x62{}".to_vec())));
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
