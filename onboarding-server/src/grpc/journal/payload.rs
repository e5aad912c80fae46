//! A journal record's payload as JSON, for people and scripts.
//!
//! Invariants: what is shown is what lies on disk; byte strings become lower-case hex, as everywhere else.

use ciborium::Value;

/// Writes a payload as JSON; empty when it is not CBOR.
pub(super) fn json(payload: &[u8]) -> String {
    let read: Result<Value, _> = ciborium::from_reader(payload);
    read.map(|value| to_json(&value).to_string()).unwrap_or_default()
}

fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    if let Some(integer) = value.as_integer() {
        // Beyond 64 bits there is nothing in our records.
        return i64::try_from(integer)
            .map(Json::from)
            .or_else(|_| u64::try_from(integer).map(Json::from))
            .unwrap_or(Json::Null);
    }
    if let Some(bytes) = value.as_bytes() {
        return Json::String(bytes.iter().map(|octet| format!("{octet:02x}")).collect());
    }
    if let Some(text) = value.as_text() {
        return Json::String(text.to_owned());
    }
    if let Some(items) = value.as_array() {
        return Json::Array(items.iter().map(to_json).collect());
    }
    if let Some(entries) = value.as_map() {
        return Json::Object(entries.iter().map(|(key, value)| (key_text(key), to_json(value))).collect());
    }
    value.as_bool().map(Json::Bool).or_else(|| value.as_float().map(Json::from)).unwrap_or(Json::Null)
}

fn key_text(key: &Value) -> String {
    key.as_text().map_or_else(|| to_json(key).to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_strings_are_shown_as_hex_and_the_rest_as_it_is() {
        let value = Value::Map(vec![
            (Value::Text("id".into()), Value::Bytes(vec![0, 0xab])),
            (Value::Text("n".into()), Value::from(u64::MAX)),
            (Value::Text("list".into()), Value::Array(vec![Value::Bool(true), Value::Null])),
        ]);
        let mut payload = Vec::new();
        ciborium::into_writer(&value, &mut payload).unwrap();
        assert_eq!(json(&payload), r#"{"id":"00ab","list":[true,null],"n":18446744073709551615}"#);
    }

    #[test]
    fn what_is_not_cbor_is_not_shown() {
        assert_eq!(json(&[0xff, 0x00]), "");
    }
}
