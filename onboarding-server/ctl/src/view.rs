//! Each message of the API as a record, and the columns by which tables show it.
//! Does not: print, call.
//! Invariants: states and kinds are in the words of the documents (`in-repair`), digests in hexadecimal, times RFC 3339.

mod device;
mod factory;
mod journal;
mod trust;

use std::collections::BTreeMap;
use std::fmt::Write;

use prost_types::Timestamp;
use proto_api::unix_time;
use proto_api::v1::{Actor, ActorKind, CertificateSummary, Refusal};

pub(crate) use device::{DEVICES, EVENTS, IMPORTED, TIMELINE, device, event, imported, parse_device_state};
pub(crate) use factory::{ISSUED, ORDERS, issued, issued_item, order, parse_order_state, unit};
pub(crate) use journal::{RECORDS, head, journal_record, offline_report, report};
pub(crate) use trust::{AUTHORITIES, MANUFACTURERS, authority, crl, manufacturer, parse_authority_kind};

use crate::record::{Record, Value};

/// Shows a point in time.
fn at(time: Option<&Timestamp>) -> Value {
    time.and_then(unix_time).into()
}

/// Writes octets as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // A String takes whatever is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Turns `DEVICE_STATE_IN_REPAIR` into `in-repair`; what is not said is empty.
fn words(prefix: &str, name: &str) -> String {
    match name.strip_prefix(prefix) {
        Some("UNSPECIFIED") | None => String::new(),
        Some(word) => word.to_ascii_lowercase().replace('_', "-"),
    }
}

/// The numbers that an enum of the API can have; each has fewer.
const ENUM_NUMBERS: std::ops::Range<i32> = 0..32;

/// Reads a value of an enum as the documents write it, by the [`words`] of its values.
///
/// # Errors
/// The words that there are, as clap wants it.
fn parse_word<T: TryFrom<i32>>(word: &str, prefix: &str, name: fn(&T) -> &'static str) -> Result<T, String> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let known = || ENUM_NUMBERS.filter_map(|number| T::try_from(number).ok());
    let is_it = |value: &T| !word.is_empty() && words(prefix, name(value)) == word;
    known().find(is_it).ok_or_else(|| {
        let all = known().map(|value| words(prefix, name(&value))).filter(|word| !word.is_empty());
        format!("one of {}", all.collect::<Vec<_>>().join(", "))
    })
}

fn actor(actor: &Actor) -> Record {
    let kind = words("ACTOR_KIND_", ActorKind::try_from(actor.kind).unwrap_or_default().as_str_name());
    Record::new().with("kind", kind).with("name", actor.name.as_str())
}

fn certificate(summary: &CertificateSummary) -> Record {
    Record::new()
        .with("serial", hex(&summary.serial))
        .with("subject", summary.subject.as_str())
        .with("issuer", summary.issuer.as_str())
        .with("not_before_at", at(summary.not_before_at.as_ref()))
        .with("not_after_at", at(summary.not_after_at.as_ref()))
        .with("fingerprint", hex(&summary.fingerprint))
}

fn refusal(refusal: &Refusal) -> Record {
    Record::new()
        .with("reason_code", refusal.reason_code.as_str())
        .with("class", refusal.class.as_str())
        .with("message", refusal.message.as_str())
}

/// Shows names with their values; absent when there are none.
fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    let sorted: BTreeMap<_, _> = pairs.into_iter().collect();
    if sorted.is_empty() {
        return Value::Absent;
    }
    Value::Record(sorted.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use proto_api::v1::DeviceState;

    use super::*;

    #[test]
    fn words_of_enums_go_there_and_back() {
        assert_eq!(words("DEVICE_STATE_", "DEVICE_STATE_IN_REPAIR"), "in-repair");
        assert_eq!(words("DEVICE_STATE_", "DEVICE_STATE_UNSPECIFIED"), "");
        assert_eq!(parse_device_state("in-repair"), Ok(DeviceState::InRepair));
        assert_eq!(parse_device_state("asleep"), parse_device_state(""));
        assert!(
            parse_device_state("unspecified")
                .is_err_and(|known| known.starts_with("one of expected, requested"))
        );
    }

    #[test]
    fn octets_are_shown_in_hexadecimal() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
