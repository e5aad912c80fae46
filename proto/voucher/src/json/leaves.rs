//! Single leaves, each taken by its name and type out of an object, or put into one.
//! Source: RFC 7951 §6 (types in JSON); rfc8366bis §7.3, §8.2.
//! Invariants: a leaf that was not taken is unknown to us and thereby ignored (RFC 8995 §5.6.1).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use proto::{SerialNumber, UnixTime};
use serde_json::{Map, Value};

use crate::form::{EXTENSION_PREFIX, EXTENSIONS_MAX, Sink, Source, date_of, lenient_date_of};
use crate::{Assertion, Error, Extension, ExtensionName, Nonce, Opaque};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_ANY_PADDING: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE_ANY_PADDING: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The members of an artifact that were not taken yet.
pub(super) struct Leaves(Map<String, Value>);

impl Leaves {
    pub(super) const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Source for Leaves {
    fn text(&mut self, leaf: &'static str) -> Result<Option<String>, Error> {
        match self.0.remove(leaf) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::LeafInvalid { leaf }),
        }
    }

    fn boolean(&mut self, leaf: &'static str) -> Result<Option<bool>, Error> {
        match self.0.remove(leaf) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Error::LeafInvalid { leaf }),
        }
    }

    /// Takes a binary leaf: base64 with padding (RFC 7951 §6.6, RFC 4648 §4).
    fn octets(&mut self, leaf: &'static str) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        STANDARD.decode(text).map(Some).map_err(|_| Error::LeafInvalid { leaf })
    }

    fn date(&mut self, leaf: &'static str) -> Result<Option<UnixTime>, Error> {
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        date_of(&text).map(Some).ok_or(Error::LeafInvalid { leaf })
    }

    fn created_at(&mut self) -> Result<Option<UnixTime>, Error> {
        let leaf = "created-on";
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        lenient_date_of(&text).map(Some).ok_or(Error::LeafInvalid { leaf })
    }

    fn assertion(&mut self) -> Result<Option<Assertion>, Error> {
        let Some(name) = self.text("assertion")? else { return Ok(None) };
        Assertion::from_name(&name).map(Some).ok_or(Error::AssertionUnknown)
    }

    /// Takes the nonce as it stands (RFC 8995 §5.8.1: its encoding must not be assumed).
    // RFC8995-5.8.1-nonce-opaque
    fn nonce(&mut self) -> Result<Option<Nonce>, Error> {
        let Some(text) = self.text("nonce")? else { return Ok(None) };
        Nonce::new(text.as_bytes()).map(Some)
    }

    fn serial_number(&mut self) -> Result<SerialNumber, Error> {
        let leaf = "serial-number";
        let text = self.text(leaf)?.ok_or(Error::SerialNumberMissing)?;
        text.parse().map_err(|_| Error::LeafInvalid { leaf })
    }

    /// Takes `idevid-issuer`; some peers write a name instead of base64, which must not fail the whole request.
    fn idevid_issuer(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.text("idevid-issuer")? else { return Ok(None) };
        Ok(Some(STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())))
    }

    /// Takes `manufacturer-proprietary`: "any encoding that is convenient", base64url recommended (rfc8366bis §7.6).
    fn proprietary(&mut self) -> Result<Option<Opaque>, Error> {
        let Some(value) = self.0.remove("manufacturer-proprietary") else { return Ok(None) };
        let octets = value.as_str().and_then(|text| {
            URL_SAFE_ANY_PADDING.decode(text).or_else(|_| STANDARD_ANY_PADDING.decode(text)).ok()
        });
        Ok(Some(octets.map_or_else(|| Opaque::Json(value.to_string()), Opaque::Octets)))
    }

    // RFC8366-7.5-extensions
    fn extensions(&mut self) -> Result<Vec<Extension>, Error> {
        let leaf = "extensions";
        let names = match self.0.remove(leaf) {
            None => return Ok(Vec::new()),
            Some(Value::Array(names)) if names.len() <= EXTENSIONS_MAX => names,
            Some(_) => return Err(Error::LeafInvalid { leaf }),
        };
        let mut extensions: Vec<Extension> = Vec::with_capacity(names.len());
        for name in names {
            let Value::String(name) = name else { return Err(Error::LeafInvalid { leaf }) };
            let content = self.0.remove(&format!("{EXTENSION_PREFIX}{name}"));
            let name = ExtensionName::Name(name);
            if extensions.iter().any(|extension| extension.name == name) {
                return Err(Error::LeafInvalid { leaf });
            }
            extensions
                .push(Extension { name, content: content.map(|value| Opaque::Json(value.to_string())) });
        }
        Ok(extensions)
    }
}

/// The members of an artifact that is being written.
#[derive(Default)]
pub(super) struct Writer(Map<String, Value>);

impl Sink for Writer {
    fn text(&mut self, leaf: &'static str, value: Option<&str>) {
        self.put(leaf, value.map(Value::from));
    }

    fn boolean(&mut self, leaf: &'static str, value: Option<bool>) {
        self.put(leaf, value.map(Value::Bool));
    }

    fn octets(&mut self, leaf: &'static str, value: Option<&[u8]>) {
        self.put(leaf, value.map(|octets| Value::String(STANDARD.encode(octets))));
    }

    fn assertion(&mut self, value: Option<Assertion>) {
        self.text("assertion", value.map(Assertion::name));
    }

    fn nonce(&mut self, value: Option<&Nonce>) {
        self.text("nonce", value.map(Nonce::to_json_text).as_deref());
    }

    fn proprietary(&mut self, value: Option<&Opaque>) -> Result<(), Error> {
        let value = match value {
            None => return Ok(()),
            Some(Opaque::Octets(octets)) => Value::String(URL_SAFE_NO_PAD.encode(octets)),
            Some(Opaque::Json(text)) => json_value(text)?,
        };
        self.put("manufacturer-proprietary", Some(value));
        Ok(())
    }

    fn extensions(&mut self, extensions: &[Extension]) -> Result<(), Error> {
        let mut names = Vec::with_capacity(extensions.len());
        for Extension { name, content } in extensions {
            let ExtensionName::Name(name) = name else { return Err(Error::OpaqueForm) };
            names.push(Value::String(name.clone()));
            match content {
                None => {}
                Some(Opaque::Json(text)) => {
                    self.0.insert(format!("{EXTENSION_PREFIX}{name}"), json_value(text)?);
                }
                Some(Opaque::Octets(_)) => return Err(Error::OpaqueForm),
            }
        }
        self.put("extensions", (!names.is_empty()).then_some(Value::Array(names)));
        Ok(())
    }
}

impl Writer {
    pub(super) fn into_members(self) -> Map<String, Value> {
        self.0
    }

    fn put(&mut self, leaf: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(leaf.to_owned(), value);
        }
    }
}

fn json_value(text: &str) -> Result<Value, Error> {
    super::document::parse(text.as_bytes()).map_err(|_| Error::OpaqueForm)
}
