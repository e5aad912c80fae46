//! Single leaves, each taken by its name and type out of a map, or put into one.
//! Source: RFC 9254 §4.2 (keys), §6 (types); rfc8366bis §7.3, §7.5, §8.2.
//! Invariants: a leaf that was not taken is unknown to us and thereby ignored (RFC 8995 §5.6.1); a leaf of a type that
//! only deviating peers write is noted.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::cbor::{Item, Writer};
use proto::{SerialNumber, UnixTime};

use super::TAG_SID;
use super::sid::{Container, absolute};
use crate::form::{EXTENSION_PREFIX, EXTENSIONS_MAX, Sink, Source, date_of, lenient_date_of};
use crate::{Assertion, Error, Extension, ExtensionName, Nonce, Opaque};

/// The most octets of a nonce here (rfc8366bis §7.3); the JSON form has it as text.
const NONCE_BYTES_MAX: usize = 32;
/// The tags of a date as text and as seconds (RFC 8949 §3.4), which a `yang:date-and-time` does not have.
const TAG_DATE: u64 = 0;
const TAG_SECONDS: u64 = 1;

/// How a member is named.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Leaf(&'static str),
    Sid(u64),
    Name(String),
}

/// The members of an artifact that were not taken yet.
pub(super) struct Leaves<'a> {
    members: Vec<(Key, Item<'a>)>,
    deviation: Option<&'static str>,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(container: &Container, pairs: Vec<(Item<'a>, Item<'a>)>) -> Result<Self, Error> {
        let mut members: Vec<(Key, Item<'a>)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = key_of(container, &key).ok_or(Error::KeyInvalid)?;
            if members.iter().any(|(earlier, _)| *earlier == key) {
                return Err(Error::DuplicateMember);
            }
            members.push((key, value));
        }
        Ok(Self { members, deviation: None })
    }

    /// Returns the first leaf whose type was not the one of RFC 9254.
    pub(super) const fn deviation(&self) -> Option<&'static str> {
        self.deviation
    }

    fn take(&mut self, key: &Key) -> Option<Item<'a>> {
        let at = self.members.iter().position(|(found, _)| found == key)?;
        Some(self.members.swap_remove(at).1)
    }

    fn leaf(&mut self, leaf: &'static str) -> Option<Item<'a>> {
        self.take(&Key::Leaf(leaf))
    }

    /// Takes a leaf of the type that it should have, or of one that deviating peers write.
    fn either<T>(
        &mut self,
        leaf: &'static str,
        right: impl FnOnce(&Item<'a>) -> Option<T>,
        deviating: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(item) = self.leaf(leaf) else { return Ok(None) };
        if let Some(value) = right(&item) {
            return Ok(Some(value));
        }
        let value = deviating(&item).ok_or(Error::LeafInvalid { leaf })?;
        // CBRSKI-9-deviations-by-registration
        self.deviation.get_or_insert(leaf);
        Ok(Some(value))
    }
}

// RFC9254-3-sids-and-names
fn key_of(container: &Container, key: &Item<'_>) -> Option<Key> {
    if let Some(name) = key.as_text() {
        let leaf = container.leaf_of_name(name).map(Key::Leaf);
        return Some(leaf.unwrap_or_else(|| Key::Name(name.to_owned())));
    }
    let sid = absolute(key, container.sid)?;
    Some(container.leaf_of_sid(sid).map_or(Key::Sid(sid), Key::Leaf))
}

impl Source for Leaves<'_> {
    fn text(&mut self, leaf: &'static str) -> Result<Option<String>, Error> {
        let Some(item) = self.leaf(leaf) else { return Ok(None) };
        item.as_text().map(|text| Some(text.to_owned())).ok_or(Error::LeafInvalid { leaf })
    }

    fn boolean(&mut self, leaf: &'static str) -> Result<Option<bool>, Error> {
        let Some(item) = self.leaf(leaf) else { return Ok(None) };
        item.as_bool().map(Some).ok_or(Error::LeafInvalid { leaf })
    }

    /// Takes a binary leaf: a byte string (RFC 9254 §6.11), from deviating peers base64.
    fn octets(&mut self, leaf: &'static str) -> Result<Option<Vec<u8>>, Error> {
        self.either(leaf, bytes, |item| STANDARD.decode(item.as_text()?).ok())
    }

    fn date(&mut self, leaf: &'static str) -> Result<Option<UnixTime>, Error> {
        self.either(leaf, |item| date_of(item.as_text()?), |item| tagged_date(item, date_of))
    }

    fn created_at(&mut self) -> Result<Option<UnixTime>, Error> {
        let date = |item: &Item<'_>| lenient_date_of(item.as_text()?);
        self.either("created-on", date, |item| tagged_date(item, lenient_date_of))
    }

    /// Takes the assertion: the number of an enumeration (RFC 9254 §6.6), from deviating peers its name.
    fn assertion(&mut self) -> Result<Option<Assertion>, Error> {
        let number = |item: &Item<'_>| item.as_unsigned().map(Assertion::from_number);
        let name = |item: &Item<'_>| item.as_text().map(Assertion::from_name);
        let assertion = self.either("assertion", number, name)?;
        assertion.map(|known| known.ok_or(Error::AssertionUnknown)).transpose()
    }

    /// Takes the nonce: 8 to 32 octets; from deviating peers text.
    fn nonce(&mut self) -> Result<Option<Nonce>, Error> {
        let octets = self.either("nonce", bytes, |item| Some(item.as_text()?.as_bytes().to_vec()))?;
        match octets {
            Some(octets) if octets.len() > NONCE_BYTES_MAX => Err(Error::NonceLength),
            octets => octets.map(|octets| Nonce::new(&octets)).transpose(),
        }
    }

    fn serial_number(&mut self) -> Result<SerialNumber, Error> {
        let leaf = "serial-number";
        let text = |item: &Item<'_>| Some(item.as_text()?.to_owned());
        let from_octets = |item: &Item<'_>| String::from_utf8(item.as_bytes()?.to_vec()).ok();
        let text = self.either(leaf, text, from_octets)?.ok_or(Error::SerialNumberMissing)?;
        text.parse().map_err(|_| Error::LeafInvalid { leaf })
    }

    fn idevid_issuer(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let text = |item: &Item<'_>| {
            let text = item.as_text()?;
            Some(STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()))
        };
        self.either("idevid-issuer", bytes, text)
    }

    fn proprietary(&mut self) -> Result<Option<Opaque>, Error> {
        let leaf = "manufacturer-proprietary";
        let Some(item) = self.leaf(leaf) else { return Ok(None) };
        bytes(&item).map(|octets| Some(Opaque::Octets(octets))).ok_or(Error::LeafInvalid { leaf })
    }

    // RFC8366-7.5-extensions
    fn extensions(&mut self) -> Result<Vec<Extension>, Error> {
        let leaf = "extensions";
        let Some(item) = self.leaf(leaf) else { return Ok(Vec::new()) };
        let names = item.into_array().filter(|names| names.len() <= EXTENSIONS_MAX);
        let mut extensions: Vec<Extension> = Vec::new();
        for name in names.ok_or(Error::LeafInvalid { leaf })? {
            let name = extension_name(&name).ok_or(Error::LeafInvalid { leaf })?;
            if extensions.iter().any(|extension| extension.name == name) {
                return Err(Error::LeafInvalid { leaf });
            }
            let key = match &name {
                ExtensionName::Sid(sid) => Key::Sid(*sid),
                ExtensionName::Name(name) => Key::Name(format!("{EXTENSION_PREFIX}{name}")),
            };
            let content = self.take(&key).map(|item| Opaque::Octets(item.octets.to_vec()));
            extensions.push(Extension { name, content });
        }
        Ok(extensions)
    }
}

fn bytes(item: &Item<'_>) -> Option<Vec<u8>> {
    item.as_bytes().map(<[u8]>::to_vec)
}

fn extension_name(item: &Item<'_>) -> Option<ExtensionName> {
    let name = item.as_text().map(|name| ExtensionName::Name(name.to_owned()));
    name.or_else(|| item.as_unsigned().map(ExtensionName::Sid))
}

/// Reads a date with a tag of RFC 8949: text, or whole seconds since 1970.
fn tagged_date(item: &Item<'_>, read: fn(&str) -> Option<UnixTime>) -> Option<UnixTime> {
    if let Some(text) = item.as_tagged(TAG_DATE) {
        return read(text.as_text()?);
    }
    let seconds = item.as_tagged(TAG_SECONDS)?.as_unsigned()?;
    (seconds <= UnixTime::NO_END.as_seconds()).then(|| UnixTime::from_seconds(seconds))
}

/// The members of an artifact that is being written, by their encoded keys, which puts them into the order of RFC 8949
/// §4.2.1.
pub(super) struct Members {
    container: &'static Container,
    encoded: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Members {
    pub(super) const fn new(container: &'static Container) -> Self {
        Self { container, encoded: BTreeMap::new() }
    }

    // RFC8949-4.2.1-key-order
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.map(self.encoded.len());
        for (key, value) in &self.encoded {
            writer.raw(key).raw(value);
        }
    }

    fn put(&mut self, leaf: &'static str, write: impl FnOnce(&mut Writer)) {
        let key = encoded(|writer| match self.container.delta(leaf) {
            Some(delta) => _ = writer.unsigned(delta),
            None => _ = writer.text(leaf),
        });
        self.encoded.insert(key, encoded(write));
    }
}

fn encoded(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

impl Sink for Members {
    fn text(&mut self, leaf: &'static str, value: Option<&str>) {
        if let Some(text) = value {
            self.put(leaf, |writer| _ = writer.text(text));
        }
    }

    fn boolean(&mut self, leaf: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.put(leaf, |writer| _ = writer.boolean(value));
        }
    }

    fn octets(&mut self, leaf: &'static str, value: Option<&[u8]>) {
        if let Some(octets) = value {
            self.put(leaf, |writer| _ = writer.bytes(octets));
        }
    }

    // RFC9254-6.6-assertion-number
    fn assertion(&mut self, value: Option<Assertion>) {
        if let Some(assertion) = value {
            self.put("assertion", |writer| _ = writer.unsigned(assertion.number().into()));
        }
    }

    fn nonce(&mut self, value: Option<&Nonce>) {
        self.octets("nonce", value.map(Nonce::as_bytes));
    }

    fn proprietary(&mut self, value: Option<&Opaque>) -> Result<(), Error> {
        match value {
            None => {}
            Some(Opaque::Octets(octets)) => self.octets("manufacturer-proprietary", Some(octets)),
            Some(Opaque::Json(_)) => return Err(Error::OpaqueForm),
        }
        Ok(())
    }

    fn extensions(&mut self, extensions: &[Extension]) -> Result<(), Error> {
        if extensions.is_empty() {
            return Ok(());
        }
        self.put("extensions", |writer| {
            writer.array(extensions.len());
            for extension in extensions {
                match &extension.name {
                    ExtensionName::Sid(sid) => writer.unsigned(*sid),
                    ExtensionName::Name(name) => writer.text(name),
                };
            }
        });
        for Extension { name, content } in extensions {
            let key = encoded(|writer| match name {
                ExtensionName::Sid(sid) => _ = writer.tag(TAG_SID).unsigned(*sid),
                ExtensionName::Name(name) => _ = writer.text(&format!("{EXTENSION_PREFIX}{name}")),
            });
            match content {
                None => {}
                Some(Opaque::Octets(cbor)) => _ = self.encoded.insert(key, cbor.clone()),
                Some(Opaque::Json(_)) => return Err(Error::OpaqueForm),
            }
        }
        Ok(())
    }
}
