//! What policy decides of one certificate; the rest is its profile's.
//! Does not: take anything from a certification request but the key, unless the caller copies it knowingly.

use std::net::IpAddr;

use proto::{CertificateSerial, UnixTime};

use crate::certificate::{HardwareModuleName, general_name};
use crate::tlv::{tag, tlv};
use crate::{Error, Profile, PublicKey, Subject};

/// Everything that goes into a certificate. All fields are the caller's decision; [`Template::new`] sets what every
/// certificate needs, the rest is empty.
#[derive(Clone, Debug)]
pub struct Template {
    /// Fixes key usages and constraints.
    pub profile: Profile,
    /// The subject that is written when [`Template::subject_der`] is `None`.
    pub subject: Subject,
    /// A Name copied octet for octet from a certificate of ours: re-enrolment keeps it (RFC 7030 §4.2.2).
    pub subject_der: Option<Vec<u8>>,
    /// The key that is certified.
    pub public_key: PublicKey,
    /// From [`crate::random_serial`].
    pub serial: CertificateSerial,
    /// Beginning of the validity; whole seconds, a fraction is cut.
    pub not_before: UnixTime,
    /// End of the validity, inclusive; whole seconds, a fraction is cut.
    pub not_after: UnixTime,
    /// dNSNames of subjectAltName.
    pub dns_names: Vec<String>,
    /// iPAddresses of subjectAltName.
    pub ip_addresses: Vec<IpAddr>,
    /// uniformResourceIdentifiers of subjectAltName.
    pub uris: Vec<String>,
    /// hardwareModuleName of subjectAltName (RFC 4108 §5).
    pub hardware_module_name: Option<HardwareModuleName>,
    /// A subjectAltName copied octet for octet (the DER inside extnValue), instead of the four above.
    pub subject_alt_name_der: Option<Vec<u8>>,
    /// The MASA URL of an IDevID (RFC 8995 §2.3.2).
    pub masa_url: Option<String>,
    /// The MUD URL of an IDevID (RFC 8520 §11).
    pub mud_url: Option<String>,
    /// Where the issuer's CRL is to be had.
    pub crl_url: Option<String>,
}

impl Template {
    /// Makes a template of what every certificate needs; see the fields for their meaning and bounds.
    #[must_use]
    pub fn new(
        profile: Profile,
        subject: Subject,
        public_key: PublicKey,
        serial: CertificateSerial,
        validity: (UnixTime, UnixTime),
    ) -> Self {
        Self {
            profile,
            subject,
            subject_der: None,
            public_key,
            serial,
            not_before: validity.0,
            not_after: validity.1,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            uris: Vec::new(),
            hardware_module_name: None,
            subject_alt_name_der: None,
            masa_url: None,
            mud_url: None,
            crl_url: None,
        }
    }

    /// Returns the Name that the certificate will have.
    pub(crate) fn name_der(&self) -> Result<Vec<u8>, Error> {
        match &self.subject_der {
            Some(der) => Ok(der.clone()),
            None => self.subject.to_der(),
        }
    }

    /// Returns the subjectAltName that the certificate will have, if any.
    pub(crate) fn alternative_names_der(&self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(der) = &self.subject_alt_name_der {
            return Ok(Some(der.clone()));
        }
        let mut names = Vec::new();
        for name in &self.dns_names {
            names.extend(tlv(general_name::DNS_NAME, &[ia5(name)?]));
        }
        for uri in &self.uris {
            names.extend(tlv(general_name::URI, &[ia5(uri)?]));
        }
        for address in &self.ip_addresses {
            names.extend(match address {
                IpAddr::V4(v4) => tlv(general_name::IP_ADDRESS, &[&v4.octets()]),
                IpAddr::V6(v6) => tlv(general_name::IP_ADDRESS, &[&v6.octets()]),
            });
        }
        if let Some(module) = &self.hardware_module_name {
            names.extend(module.general_name()?);
        }
        Ok(if names.is_empty() { None } else { Some(tlv(tag::SEQUENCE, &[&names])) })
    }
}

/// The most characters of a name or URL that we write; as many as are read of a URL.
const IA5_CHARS_MAX: usize = 2048;

/// Checks that text fits an IA5String that is a name or URL: visible ASCII characters.
pub(crate) fn ia5(text: &str) -> Result<&[u8], Error> {
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic()) && (1..=IA5_CHARS_MAX).contains(&text.len());
    if is_plain { Ok(text.as_bytes()) } else { Err(Error::AlternativeNameInvalid) }
}
