//! A JSON reader that is bounded and refuses what a lenient one would silently resolve.
//! Source: RFC 8259 §4: behaviour on duplicate names is unpredictable, so we have none.
//! Invariants: depth and number of values are bounded before memory is spent on them.

use core::cell::Cell;
use core::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Error;

/// The most levels of objects and arrays: ours; a voucher has two, extension content may add some.
const DEPTH_MAX: usize = 16;
/// The most values of all kinds in a document: ours; the data model has 22 leaves.
const VALUES_MAX: usize = 512;

/// Reads one JSON value that fills the whole input.
pub(super) fn parse(json: &[u8]) -> Result<Value, Error> {
    let budget = Budget { values_left: Cell::new(VALUES_MAX), fault: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let seed = Seed { budget: &budget, depth_left: DEPTH_MAX };
    let value =
        seed.deserialize(&mut deserializer).map_err(|_| budget.fault.take().unwrap_or(Error::NotJson))?;
    deserializer.end().map_err(|_| Error::NotJson)?;
    Ok(value)
}

/// What the whole document may still spend, and the reason that ended it.
struct Budget {
    values_left: Cell<usize>,
    fault: Cell<Option<Error>>,
}

impl Budget {
    fn refuse<E: de::Error>(&self, fault: Error) -> E {
        self.fault.set(Some(fault));
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    budget: &'a Budget,
    depth_left: usize,
}

impl Seed<'_> {
    /// Steps into an object or array.
    fn enter<E: de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.budget.refuse(Error::TooComplex)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.budget.values_left.get().checked_sub(1) {
            Some(left) => self.budget.values_left.set(left),
            None => return Err(self.budget.refuse(Error::TooComplex)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(self.budget.refuse(Error::DuplicateMember));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_any_json_as_serde_json_does() {
        let text = r#"{"a":[1,-2,0.5,true,null,"xAy"],"b":{}}"#;
        assert_eq!(parse(text.as_bytes()), Ok(serde_json::from_str(text).unwrap()));
    }

    #[test]
    fn refuses_duplicates_depth_and_crowds() {
        assert_eq!(parse(br#"{"a":1,"a":1}"#), Err(Error::DuplicateMember));
        assert_eq!(parse(br#"{"x":{"a":1,"a":2}}"#), Err(Error::DuplicateMember));
        assert!(parse("[".repeat(16).as_bytes()).is_err());
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(deep(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(parse(deep(DEPTH_MAX + 1).as_bytes()), Err(Error::TooComplex));
        assert_eq!(parse(deep(50_000).as_bytes()), Err(Error::TooComplex));
        let crowd = format!("[{}0]", "0,".repeat(VALUES_MAX));
        assert_eq!(parse(crowd.as_bytes()), Err(Error::TooComplex));
    }

    #[test]
    fn refuses_what_is_no_json_or_more_than_one_value() {
        for text in ["", "{", "{}x", "{} {}", "nul", "{a:1}", "\u{feff}{}"] {
            assert_eq!(parse(text.as_bytes()), Err(Error::NotJson), "{text:?}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(Error::NotJson));
    }
}
