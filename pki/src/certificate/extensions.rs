//! The extensions of a certificate, those that we read taken apart.
//! Source: RFC 5280 §4.2; RFC 8995 §2.3.2; RFC 8520 §11.

use proto::KeyId;
use x509_parser::prelude::{ParsedExtension, TbsCertificate, X509Extension};

use crate::tlv::{Reader, only, tag};
use crate::{Error, Oid, oid};

/// The most characters of a MASA or MUD URL.
const URL_CHARS_MAX: usize = 2048;

/// One extension as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which one.
    pub oid: Oid,
    /// Whether one who does not know it must refuse.
    pub critical: bool,
    /// The DER inside extnValue.
    pub value: Vec<u8>,
}

/// The keyUsage bits (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// keyAgreement.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// keyCertSign.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// cRLSign.
    pub const CRL_SIGN: Self = Self(1 << 6);

    /// Makes a set from bits, bit 0 being digitalSignature.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Returns the bits, bit 0 being digitalSignature.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Returns what is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether all of the other set is in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// All extensions, and what the known ones say.
#[derive(Default)]
pub(crate) struct Extensions {
    pub(crate) all: Vec<Extension>,
    pub(crate) is_ca: bool,
    pub(crate) path_len: Option<u32>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usages: Option<Vec<Oid>>,
    pub(crate) subject_key_id: Option<KeyId>,
    pub(crate) authority_key_id: Option<KeyId>,
    pub(crate) masa_url: Option<String>,
    pub(crate) mud_url: Option<String>,
}

impl Extensions {
    pub(crate) fn parse(tbs: &TbsCertificate<'_>) -> Result<Self, Error> {
        let mut found = Self { all: Vec::with_capacity(tbs.extensions().len()), ..Self::default() };
        for extension in tbs.extensions() {
            let oid = Oid::new(extension.oid.as_bytes()).map_err(|_| Error::CertificateExtensionMalformed)?;
            if found.all.iter().any(|e| e.oid == oid) {
                return Err(Error::CertificateExtensionDuplicate);
            }
            found.read(&oid, extension).ok_or(Error::CertificateExtensionMalformed)?;
            found.all.push(Extension { oid, critical: extension.critical, value: extension.value.to_vec() });
        }
        Ok(found)
    }

    /// Takes one extension apart; `None` when it is one of ours and malformed.
    fn read(&mut self, oid: &Oid, extension: &X509Extension<'_>) -> Option<()> {
        // The library looks at a tag's number only; two readers of one certificate must not see two things.
        if let Some(tag) = tag_of(oid) {
            only(tag, extension.value)?;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library knows many more than we read")]
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                self.is_ca = constraints.ca;
                self.path_len = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(KeyUsage(usage.flags)),
            ParsedExtension::ExtendedKeyUsage(_) => {
                self.extended_key_usages = Some(purposes(extension.value)?);
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(KeyId::new(id.0).ok()?),
            ParsedExtension::AuthorityKeyIdentifier(_) => {
                self.authority_key_id = authority_key_id(extension.value)?;
            }
            ParsedExtension::ParseError { .. } if is_needed(oid, extension.critical) => return None,
            _ if *oid == oid::MASA_URL => self.masa_url = Some(url(extension.value)?),
            _ if *oid == oid::MUD_URL => self.mud_url = Some(url(extension.value)?),
            _ => {}
        }
        Some(())
    }
}

/// Returns the identifier octet that the value of an extension begins with, for those that a path or a name depends on.
fn tag_of(oid: &Oid) -> Option<u8> {
    const SEQUENCES: [Oid; 4] =
        [oid::SUBJECT_ALT_NAME, oid::BASIC_CONSTRAINTS, oid::NAME_CONSTRAINTS, oid::AUTHORITY_KEY_ID];
    match oid {
        oid if SEQUENCES.contains(oid) => Some(tag::SEQUENCE),
        oid if *oid == oid::SUBJECT_KEY_ID => Some(tag::OCTET_STRING),
        oid if *oid == oid::KEY_USAGE => Some(tag::BIT_STRING),
        _ => None,
    }
}

/// Tells whether it matters that an extension can be read. Real makers' certificates have oddities in extensions that
/// nobody needs; those that a path or a name depends on must be well-formed.
fn is_needed(oid: &Oid, critical: bool) -> bool {
    const NEEDED: [Oid; 7] = [
        oid::SUBJECT_KEY_ID,
        oid::KEY_USAGE,
        oid::SUBJECT_ALT_NAME,
        oid::BASIC_CONSTRAINTS,
        oid::NAME_CONSTRAINTS,
        oid::AUTHORITY_KEY_ID,
        oid::EXTENDED_KEY_USAGE,
    ];
    critical || NEEDED.contains(oid)
}

/// Reads keyIdentifier, which is the first field where it is there (RFC 5280 §4.2.1.1); `None` when a field is none of
/// the type's.
fn authority_key_id(der: &[u8]) -> Option<Option<KeyId>> {
    let mut fields = Reader::new(only(tag::SEQUENCE, der)?);
    let key_id = fields.take(tag::context(0)).map(|id| KeyId::new(id.content)).transpose().ok()?;
    let is_ours = |field: u8| field == tag::context_constructed(1) || field == tag::context(2);
    while !fields.is_empty() {
        fields.any().filter(|field| is_ours(field.tag))?;
    }
    Some(key_id)
}

fn purposes(der: &[u8]) -> Option<Vec<Oid>> {
    let mut reader = Reader::new(only(tag::SEQUENCE, der)?);
    let mut purposes = Vec::new();
    while !reader.is_empty() {
        purposes.push(Oid::new(reader.take(tag::OID)?.content).ok()?);
    }
    Some(purposes)
}

/// Reads an IA5String; UTF8String, which some makers write, is taken too.
fn url(der: &[u8]) -> Option<String> {
    let text = only(tag::IA5_STRING, der).or_else(|| only(tag::UTF8_STRING, der))?;
    let is_plain = text.iter().all(u8::is_ascii_graphic) && (1..=URL_CHARS_MAX).contains(&text.len());
    if is_plain { String::from_utf8(text.to_vec()).ok() } else { None }
}
