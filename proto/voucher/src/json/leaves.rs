//! Single leaves, each taken by its name and type out of an object, or put into one.
//! Source: RFC 7951 §6 (types in JSON); rfc8366bis §7.3, §8.2.
//! Invariants: a leaf that was not taken is unknown to us and thereby ignored (RFC 8995 §5.6.1).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use proto::{Fingerprint, SerialNumber, UnixTime};
use serde_json::{Map, Value};

use crate::{Assertion, Error, Extension, ExtensionName, Nonce, Opaque, Pins};

/// The most extensions in one artifact: ours; none is registered yet.
const EXTENSIONS_MAX: usize = 16;
/// What stands before the name of an extension in the key of its content (rfc8366bis §7.5).
const EXTENSION_PREFIX: &str = "extension:";

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

    pub(super) fn text(&mut self, leaf: &'static str) -> Result<Option<String>, Error> {
        match self.0.remove(leaf) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::LeafInvalid { leaf }),
        }
    }

    pub(super) fn boolean(&mut self, leaf: &'static str) -> Result<Option<bool>, Error> {
        match self.0.remove(leaf) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Error::LeafInvalid { leaf }),
        }
    }

    /// Takes a binary leaf: base64 with padding (RFC 7951 §6.6, RFC 4648 §4).
    pub(super) fn octets(&mut self, leaf: &'static str) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        STANDARD.decode(text).map(Some).map_err(|_| Error::LeafInvalid { leaf })
    }

    /// Takes a `yang:date-and-time`, zone included.
    pub(super) fn date(&mut self, leaf: &'static str) -> Result<Option<UnixTime>, Error> {
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Error::LeafInvalid { leaf })
    }

    /// Takes `created-on`, which decides nothing and of which real peers leave out the zone: UTC then.
    pub(super) fn created_at(&mut self) -> Result<Option<UnixTime>, Error> {
        let leaf = "created-on";
        let Some(text) = self.text(leaf)? else { return Ok(None) };
        let at = text.parse().or_else(|_| format!("{text}Z").parse());
        at.map(Some).map_err(|_| Error::LeafInvalid { leaf })
    }

    pub(super) fn assertion(&mut self) -> Result<Option<Assertion>, Error> {
        let Some(name) = self.text("assertion")? else { return Ok(None) };
        Assertion::from_name(&name).map(Some).ok_or(Error::AssertionUnknown)
    }

    /// Takes the nonce as it stands (RFC 8995 §5.8.1: its encoding must not be assumed).
    // RFC8995-5.8.1-nonce-opaque
    pub(super) fn nonce(&mut self) -> Result<Option<Nonce>, Error> {
        let Some(text) = self.text("nonce")? else { return Ok(None) };
        Nonce::new(text.as_bytes()).map(Some)
    }

    pub(super) fn serial_number(&mut self) -> Result<SerialNumber, Error> {
        let leaf = "serial-number";
        let text = self.text(leaf)?.ok_or(Error::SerialNumberMissing)?;
        text.parse().map_err(|_| Error::LeafInvalid { leaf })
    }

    /// Takes `idevid-issuer`; some peers write a name instead of base64, which must not fail the whole request.
    pub(super) fn idevid_issuer(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.text("idevid-issuer")? else { return Ok(None) };
        Ok(Some(STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())))
    }

    pub(super) fn pins(&mut self, [certificate, key, hash]: [&'static str; 3]) -> Result<Pins, Error> {
        let fingerprint =
            |octets: Vec<u8>| Fingerprint::new(&octets).map_err(|_| Error::LeafInvalid { leaf: hash });
        Ok(Pins {
            certificate: self.octets(certificate)?,
            public_key: self.octets(key)?,
            public_key_sha256: self.octets(hash)?.map(fingerprint).transpose()?,
        })
    }

    /// Takes `manufacturer-proprietary`: "any encoding that is convenient", base64url recommended (rfc8366bis §7.6).
    pub(super) fn proprietary(&mut self) -> Result<Option<Opaque>, Error> {
        let Some(value) = self.0.remove("manufacturer-proprietary") else { return Ok(None) };
        let octets = value.as_str().and_then(|text| {
            URL_SAFE_ANY_PADDING.decode(text).or_else(|_| STANDARD_ANY_PADDING.decode(text)).ok()
        });
        Ok(Some(octets.map_or_else(|| Opaque::Json(value.to_string()), Opaque::Octets)))
    }

    /// Takes `extensions` and the content of each; content that the list does not name stays unknown.
    // RFC8366-7.5-extensions
    pub(super) fn extensions(&mut self) -> Result<Vec<Extension>, Error> {
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

/// Collects the leaves of an artifact; an absent value leaves its member out.
#[derive(Default)]
pub(super) struct Writer(Map<String, Value>);

impl Writer {
    pub(super) fn text(&mut self, leaf: &'static str, value: Option<&str>) {
        self.put(leaf, value.map(Value::from));
    }

    pub(super) fn boolean(&mut self, leaf: &'static str, value: Option<bool>) {
        self.put(leaf, value.map(Value::Bool));
    }

    pub(super) fn octets(&mut self, leaf: &'static str, value: Option<&[u8]>) {
        self.put(leaf, value.map(|octets| Value::String(STANDARD.encode(octets))));
    }

    pub(super) fn date(&mut self, leaf: &'static str, value: Option<UnixTime>) {
        self.put(leaf, value.map(|at| Value::String(at.to_string())));
    }

    pub(super) fn proprietary(&mut self, value: Option<&Opaque>) -> Result<(), Error> {
        let value = match value {
            None => return Ok(()),
            Some(Opaque::Octets(octets)) => Value::String(URL_SAFE_NO_PAD.encode(octets)),
            Some(Opaque::Json(text)) => json_value(text)?,
        };
        self.put("manufacturer-proprietary", Some(value));
        Ok(())
    }

    pub(super) fn extensions(&mut self, extensions: &[Extension]) -> Result<(), Error> {
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
