//! The last look at a certificate before it is signed: does it keep the rules of its profile?
//! Source: RFC 5280 §4.1, §4.2; IEEE 802.1AR §8; RFC 8995 §2.3; the table at [`Profile`].
//! Does not: know how the bytes were made; it reads them back as a stranger would.

use proto::{ReasonCode, UnixTime};

use crate::certificate::Tbs;
use crate::issue::Authority;
use crate::{Error, Oid, Profile, Template, oid};

/// The fewest octets of a serial number of ours.
const SERIAL_BYTES_MIN: usize = 16;

/// The rules that a certificate of ours keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Lint {
    /// The bytes cannot be read back.
    #[error("it cannot be read back")]
    Unreadable,
    /// The version is not 3.
    #[error("its version is not 3")]
    Version,
    /// The serial number has fewer than 16 octets or is another than the template's.
    #[error("its serial number has fewer than 128 bits or is not the one given")]
    Serial,
    /// The signature algorithm is not the issuer's.
    #[error("its signature algorithm is not the issuer's")]
    SignatureAlgorithm,
    /// The issuer is not the issuer's subject, octet for octet.
    #[error("its issuer is not the subject of the issuer")]
    Issuer,
    /// The subject lacks what its profile asks for, or is another than the template's.
    #[error("its subject lacks what its profile asks for")]
    Subject,
    /// The validity is empty, not the template's, or not that of its profile.
    #[error("its validity is empty or not that of its profile")]
    Validity,
    /// The validity goes beyond that of the issuer.
    #[error("its validity goes beyond that of its issuer")]
    ValidityBeyondIssuer,
    /// The key is another than the template's.
    #[error("its key is not the one given")]
    Key,
    /// basicConstraints are not those of the profile, or not critical.
    #[error("its basicConstraints are not those of its profile")]
    BasicConstraints,
    /// The issuer's path length leaves no room for this CA.
    #[error("the issuer's path length leaves no room for a CA")]
    PathLength,
    /// keyUsage is not that of the profile, or not critical.
    #[error("its keyUsage is not that of its profile")]
    KeyUsage,
    /// extKeyUsage is not that of the profile.
    #[error("its extKeyUsage is not that of its profile")]
    ExtendedKeyUsage,
    /// subjectKeyIdentifier or authorityKeyIdentifier is missing or wrong.
    #[error("its key identifiers are missing or wrong")]
    KeyIds,
    /// subjectAltName is missing where the profile needs it, or another than the template's.
    #[error("its subjectAltName is missing or not the one given")]
    AlternativeName,
    /// A MASA or MUD URL stands in another certificate than an IDevID, or is not the template's.
    #[error("its MASA or MUD URL is not the one given, or it is no IDevID")]
    DeviceUrl,
    /// There is an extension that no profile has.
    #[error("it has an extension that no profile has")]
    UnknownExtension,
}

impl Lint {
    /// Returns the stable code of the rule.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "issue-lint-unreadable",
            Self::Version => "issue-lint-version",
            Self::Serial => "issue-lint-serial",
            Self::SignatureAlgorithm => "issue-lint-signature-algorithm",
            Self::Issuer => "issue-lint-issuer",
            Self::Subject => "issue-lint-subject",
            Self::Validity => "issue-lint-validity",
            Self::ValidityBeyondIssuer => "issue-lint-validity-beyond-issuer",
            Self::Key => "issue-lint-key",
            Self::BasicConstraints => "issue-lint-basic-constraints",
            Self::PathLength => "issue-lint-path-length",
            Self::KeyUsage => "issue-lint-key-usage",
            Self::ExtendedKeyUsage => "issue-lint-extended-key-usage",
            Self::KeyIds => "issue-lint-key-ids",
            Self::AlternativeName => "issue-lint-alternative-name",
            Self::DeviceUrl => "issue-lint-device-url",
            Self::UnknownExtension => "issue-lint-unknown-extension",
        }
    }

    /// Returns the stable code of the rule, for the manual.
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        ReasonCode::new(self.code())
    }
}

/// The extensions that a profile may have.
const EXTENSIONS: [Oid; 9] = [
    oid::SUBJECT_KEY_ID,
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::AUTHORITY_KEY_ID,
    oid::EXTENDED_KEY_USAGE,
    oid::MUD_URL,
    oid::MASA_URL,
];

/// Reads the bytes back and holds them against template, profile and issuer.
pub(crate) fn check(der: &[u8], template: &Template, authority: &Authority<'_>) -> Result<(), Error> {
    let tbs = Tbs::parse(der).map_err(|_| Lint::Unreadable)?;
    fields(&tbs, template, authority)?;
    subject(&tbs, template)?;
    validity(&tbs, template, authority)?;
    usages(&tbs, template, authority)?;
    extensions(&tbs, template, authority)?;
    Ok(())
}

fn rule(holds: bool, lint: Lint) -> Result<(), Lint> {
    if holds { Ok(()) } else { Err(lint) }
}

fn fields(tbs: &Tbs, template: &Template, authority: &Authority<'_>) -> Result<(), Lint> {
    rule(tbs.version == 3, Lint::Version)?;
    let is_long = tbs.serial.as_bytes().len() >= SERIAL_BYTES_MIN;
    rule(is_long && tbs.serial == template.serial, Lint::Serial)?;
    let algorithm = authority.signer.signature_algorithm().der();
    rule(algorithm == Some(&tbs.signature_algorithm), Lint::SignatureAlgorithm)?;
    rule(tbs.issuer_der == authority.name_der, Lint::Issuer)?;
    rule(tbs.public_key == template.public_key, Lint::Key)
}

fn subject(tbs: &Tbs, template: &Template) -> Result<(), Lint> {
    let subject = &tbs.subject;
    rule(subject.common_name().is_some(), Lint::Subject)?;
    let is_given = template.name_der().is_ok_and(|name| name == tbs.subject_der);
    rule(is_given, Lint::Subject)?;
    // RFC8995-2.3.1-serial-number
    rule(!template.profile.is_device() || subject.serial_number().is_some(), Lint::Subject)?;
    let role = subject.organizational_unit();
    match template.profile {
        Profile::Operator => rule(role.is_some_and(|r| r != Profile::STATION_ROLE), Lint::Subject),
        Profile::Station => {
            rule(role == Some(Profile::STATION_ROLE) && subject.locality().is_some(), Lint::Subject)
        }
        Profile::ManufacturerRoot
        | Profile::ManufacturerIssuing
        | Profile::IdevId
        | Profile::MasaVoucherSigner
        | Profile::DomainRoot
        | Profile::DomainIssuing
        | Profile::Registrar
        | Profile::LdevId
        | Profile::TlsServer => Ok(()),
    }
}

fn validity(tbs: &Tbs, template: &Template, authority: &Authority<'_>) -> Result<(), Lint> {
    let seconds = |at: UnixTime| at.as_seconds();
    let is_given = seconds(tbs.not_before) == seconds(template.not_before)
        && seconds(tbs.not_after) == seconds(template.not_after);
    rule(is_given && tbs.not_before < tbs.not_after, Lint::Validity)?;
    if template.profile == Profile::IdevId {
        // IEEE802.1AR-8-not-after: an IDevID outlives its issuer, by design.
        return rule(tbs.not_after == UnixTime::NO_END, Lint::Validity);
    }
    let is_within = authority
        .certificate
        .is_none_or(|issuer| issuer.not_before() <= tbs.not_before && tbs.not_after <= issuer.not_after());
    rule(is_within, Lint::ValidityBeyondIssuer)
}

fn usages(tbs: &Tbs, template: &Template, authority: &Authority<'_>) -> Result<(), Lint> {
    let profile = template.profile;
    let found = &tbs.extensions;
    let constraints = found.is_ca == profile.is_ca() && found.path_len == profile.path_len().map(u32::from);
    rule(constraints && is_critical(tbs, &oid::BASIC_CONSTRAINTS), Lint::BasicConstraints)?;
    let room = authority.certificate.and_then(crate::Certificate::path_len);
    rule(!profile.is_ca() || room.is_none_or(|room| room > 0), Lint::PathLength)?;
    let usage = found.key_usage == Some(profile.key_usage());
    rule(usage && is_critical(tbs, &oid::KEY_USAGE), Lint::KeyUsage)?;
    let purposes = found.extended_key_usages.as_deref().unwrap_or_default();
    rule(purposes == profile.extended_key_usages(), Lint::ExtendedKeyUsage)
}

fn extensions(tbs: &Tbs, template: &Template, authority: &Authority<'_>) -> Result<(), Lint> {
    let found = &tbs.extensions;
    let key_ids = found.subject_key_id.as_ref() == Some(template.public_key.key_id())
        && found.authority_key_id.as_ref() == Some(authority.key_id);
    rule(key_ids, Lint::KeyIds)?;
    let names = found.all.iter().find(|e| e.oid == oid::SUBJECT_ALT_NAME).map(|e| &e.value);
    let given = template.alternative_names_der().map_err(|_| Lint::AlternativeName)?;
    rule(names == given.as_ref(), Lint::AlternativeName)?;
    rule(template.profile != Profile::TlsServer || names.is_some(), Lint::AlternativeName)?;
    let has_url = found.masa_url.is_some() || found.mud_url.is_some();
    rule(!has_url || template.profile == Profile::IdevId, Lint::DeviceUrl)?;
    rule(found.masa_url == template.masa_url && found.mud_url == template.mud_url, Lint::DeviceUrl)?;
    rule(found.all.iter().all(|e| EXTENSIONS.contains(&e.oid)), Lint::UnknownExtension)
}

fn is_critical(tbs: &Tbs, oid: &Oid) -> bool {
    tbs.extensions.all.iter().any(|e| e.oid == *oid && e.critical)
}
