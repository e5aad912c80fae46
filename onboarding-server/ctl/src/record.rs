//! What a command shows: named values in a fixed order, of which JSON takes all and a table chooses some.
//! Does not: know any message (see `view`), write anything.
//! Invariants: the text form holds no control character, whatever a peer sent; an empty text is an absent value.

use std::borrow::Cow;

use proto::UnixTime;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Named values in the order in which people read them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record(Vec<(Cow<'static, str>, Value)>);

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Absent,
    Text(String),
    Number(u64),
    Flag(bool),
    Time(UnixTime),
    List(Vec<Value>),
    Record(Record),
}

impl Record {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a value.
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Finds a value by its name; `a.b` looks for `b` in the record `a`.
    pub(crate) fn find(&self, path: &str) -> &Value {
        let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
        match (self.0.iter().find(|(name, _)| name == head), rest) {
            (Some((_, value)), None) => value,
            (Some((_, Value::Record(inner))), Some(rest)) => inner.find(rest),
            (Some(_) | None, _) => &Value::Absent,
        }
    }

    /// Lists what is not absent as pairs of dotted name and text, for a page about one thing.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        self.lines_below("", &mut lines);
        lines
    }

    fn lines_below(&self, prefix: &str, lines: &mut Vec<(String, String)>) {
        for (name, value) in &self.0 {
            let path = format!("{prefix}{name}");
            match value {
                Value::Absent => {}
                Value::Record(inner) => inner.lines_below(&format!("{path}."), lines),
                Value::List(values) => {
                    lines.extend(values.iter().map(|value| (path.clone(), value.text())));
                }
                Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Time(_) => {
                    lines.push((path, value.text()));
                }
            }
        }
    }
}

impl Value {
    /// Writes the value as people read it, on one line and safe for a terminal.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Absent => String::from("-"),
            Self::Text(text) => printable(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(true) => String::from("yes"),
            Self::Flag(false) => String::from("no"),
            Self::Time(at) => to_the_second(*at),
            Self::List(values) => values.iter().map(Self::text).collect::<Vec<_>>().join(", "),
            Self::Record(record) => {
                let lines =
                    record.lines().into_iter().map(|(name, text)| format!("{}={text}", printable(&name)));
                lines.collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// Replaces control characters, so that what a peer sent cannot move the cursor or recolour the terminal.
pub(crate) fn printable(text: &str) -> String {
    let is_safe = |c: char| !c.is_control() && !is_direction_mark(c);
    text.chars().map(|c| if is_safe(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Tells marks that turn the direction of writing, by which a text can pretend to be another.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn to_the_second(at: UnixTime) -> String {
    let text = at.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Time(at) => at.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Record(record) => record.serialize(serializer),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Option<UnixTime>> for Value {
    fn from(at: Option<UnixTime>) -> Self {
        at.map_or(Self::Absent, Self::Time)
    }
}

impl From<Option<Record>> for Value {
    fn from(record: Option<Record>) -> Self {
        record.map_or(Self::Absent, Self::Record)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values)
    }
}

impl<T: Into<Value>> FromIterator<(String, T)> for Record {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Record {
        let inner = Record::new().with("serial", "0a").with("not_after", Some(UnixTime::from_seconds(0)));
        Record::new()
            .with("id", "x")
            .with("note", "")
            .with("ldevid", Some(inner))
            .with("ok", true)
            .with("n", 7)
    }

    #[test]
    fn json_keeps_the_order_and_says_null_for_what_is_absent() {
        let json = serde_json::to_string(&sample()).unwrap();
        let ldevid = r#"{"serial":"0a","not_after":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(json, format!(r#"{{"id":"x","note":null,"ldevid":{ldevid},"ok":true,"n":7}}"#));
    }

    #[test]
    fn a_dotted_name_finds_an_inner_value() {
        assert_eq!(sample().find("ldevid.serial").text(), "0a");
        assert_eq!(sample().find("ldevid.none").text(), "-");
        assert_eq!(sample().find("id.serial").text(), "-");
    }

    #[test]
    fn a_page_about_one_thing_leaves_out_what_is_absent() {
        let names: Vec<_> = sample().lines().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["id", "ldevid.serial", "ldevid.not_after", "ok", "n"]);
    }

    #[test]
    fn what_a_peer_sent_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\n\u{202e}c"), "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}c");
        assert_eq!(printable("Zürich 東京"), "Zürich 東京");
    }

    #[test]
    fn text_shows_times_to_the_second() {
        assert_eq!(Value::Time(UnixTime::from_millis(1_123)).text(), "1970-01-01T00:00:01Z");
    }
}
