//! X.509 certificates, parsed once into owned fields.
//! Source: RFC 5280 §4; RFC 8995 §2.3 (IDevID), RFC 8520 §11 (MUD URL).
//! Does not: trust anything; `path::verify` judges, this only reads.
//! Invariants: the whole input is one certificate; no extension stands twice; the key is one that we can use; the
//! two signature algorithm fields agree.

mod extensions;
pub(crate) mod general_name;

use std::fmt;
use std::sync::Arc;

use proto::{CertificateSerial, Fingerprint, KeyId, SerialNumber, UnixTime};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, TbsCertificate};

pub use extensions::{Extension, KeyUsage};
pub use general_name::HardwareModuleName;

use crate::signed::Signed;
use crate::tlv::{Reader, magnitude, only, tag, unix_time};
use crate::{Error, Oid, PublicKey, digest, name, oid};
use extensions::Extensions;

/// The most bytes of one certificate; post-quantum ones have about 6,000, ours about 700.
pub const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// The most certificates in one PEM text.
pub const CHAIN_CERTIFICATES_MAX: usize = 64;

/// A certificate that parsed. Clones are cheap.
#[derive(Clone)]
pub struct Certificate(Arc<Fields>);

struct Fields {
    der: Vec<u8>,
    signed: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
    fingerprint: Fingerprint,
    tbs: Tbs,
}

/// What the to-be-signed part says.
pub(crate) struct Tbs {
    pub(crate) version: u32,
    pub(crate) serial: CertificateSerial,
    pub(crate) signature_algorithm: Vec<u8>,
    pub(crate) issuer_der: Vec<u8>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) subject: name::Attributes,
    pub(crate) public_key: PublicKey,
    pub(crate) extensions: Extensions,
}

impl Certificate {
    /// Reads one certificate in DER that fills the input.
    ///
    /// # Errors
    /// [`Error::CertificateTooLarge`], [`Error::CertificateMalformed`], [`Error::CertificateExtensionMalformed`],
    /// [`Error::CertificateExtensionDuplicate`] (all `Malformed`); those of [`PublicKey::from_spki_der`].
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(Error::CertificateTooLarge);
        }
        let frame = Signed::parse(der).ok_or(Error::CertificateMalformed)?;
        let tbs = Tbs::parse(frame.message)?;
        if tbs.signature_algorithm != frame.algorithm {
            return Err(Error::CertificateMalformed);
        }
        Ok(Self(Arc::new(Fields {
            der: der.to_vec(),
            signed: frame.message.to_vec(),
            signature_algorithm: frame.algorithm.to_vec(),
            signature: frame.signature.to_vec(),
            fingerprint: digest::sha256(der),
            tbs,
        })))
    }

    /// Reads the one certificate of a PEM text.
    ///
    /// # Errors
    /// [`Error::PemMalformed`] (`Malformed`) unless there is exactly one; those of [`Certificate::parse`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let mut chain = Self::parse_pem_chain(text)?;
        match (chain.pop(), chain.is_empty()) {
            (Some(certificate), true) => Ok(certificate),
            _ => Err(Error::PemMalformed),
        }
    }

    /// Reads all certificates of a PEM text in their order; other blocks are passed over.
    ///
    /// # Errors
    /// [`Error::PemMalformed`] when there is none, [`Error::ChainTooLong`] (both `Malformed`); those of
    /// [`Certificate::parse`].
    pub fn parse_pem_chain(text: &str) -> Result<Vec<Self>, Error> {
        if text.len() > 2 * CHAIN_CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX {
            return Err(Error::ChainTooLong);
        }
        let blocks = pem::parse_many(text).map_err(|_| Error::PemMalformed)?;
        let ours = blocks.iter().filter(|b| b.tag() == "CERTIFICATE");
        let chain: Vec<Self> = ours
            .take(CHAIN_CERTIFICATES_MAX + 1)
            .map(|block| Self::parse(block.contents()))
            .collect::<Result<_, _>>()?;
        match chain.len() {
            0 => Err(Error::PemMalformed),
            1..=CHAIN_CERTIFICATES_MAX => Ok(chain),
            _ => Err(Error::ChainTooLong),
        }
    }

    /// Writes the certificate as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new("CERTIFICATE", self.der()), config)
    }

    /// Returns the certificate as it was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the SHA-256 of the DER.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// Returns the to-be-signed part, header included: the message of the signature.
    #[must_use]
    pub fn signed_der(&self) -> &[u8] {
        &self.0.signed
    }

    /// Returns the signature's octets.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    /// Checks that this certificate was signed by that key, and nothing else.
    ///
    /// # Errors
    /// Those of [`PublicKey::verify_der`].
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<(), Error> {
        key.verify_der(&self.0.signature_algorithm, &self.0.signed, &self.0.signature)
    }

    /// Returns the X.509 version: 1, 2 or 3.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.0.tbs.version
    }

    /// Returns the serial number.
    #[must_use]
    pub fn serial(&self) -> &CertificateSerial {
        &self.0.tbs.serial
    }

    /// Returns the subject's Name, header included.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.0.tbs.subject_der
    }

    /// Returns the issuer's Name, header included.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.tbs.issuer_der
    }

    /// Returns the subject for people, as in `CN=…, O=…`; not for comparing.
    #[must_use]
    pub fn subject_text(&self) -> String {
        name::text(self.subject_der())
    }

    /// Returns the issuer for people; not for comparing.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        name::text(self.issuer_der())
    }

    /// Returns the subject's commonName; `None` when there is not exactly one.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<&str> {
        self.0.tbs.subject.common_name()
    }

    /// Returns the subject's X520SerialNumber (2.5.4.5), which names a device (RFC 8995 §2.3.1); `None` when there
    /// is not exactly one or it is no [`SerialNumber`].
    #[must_use]
    pub fn subject_serial_number(&self) -> Option<SerialNumber> {
        self.0.tbs.subject.serial_number()
    }

    /// Returns the subject's organizationalUnitName, the role of an operator; `None` when there is not exactly one.
    #[must_use]
    pub fn subject_organizational_unit(&self) -> Option<&str> {
        self.0.tbs.subject.organizational_unit()
    }

    /// Returns the subject's organizationName; `None` when there is not exactly one.
    #[must_use]
    pub fn subject_organization(&self) -> Option<&str> {
        self.0.tbs.subject.organization()
    }

    /// Returns the subject's localityName, the line of a factory station; `None` when there is not exactly one.
    #[must_use]
    pub fn subject_locality(&self) -> Option<&str> {
        self.0.tbs.subject.locality()
    }

    /// Returns the subject's public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.tbs.public_key
    }

    /// Returns the beginning of the validity, inclusive; a time before 1970 counts as 1970.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.0.tbs.not_before
    }

    /// Returns the end of the validity, inclusive; [`UnixTime::NO_END`] for 99991231235959Z.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.0.tbs.not_after
    }

    /// Tells whether `now` lies within the validity, both ends included (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        self.not_before() <= now && now.as_seconds() <= self.not_after().as_seconds()
    }

    /// Tells whether basicConstraints says cA TRUE.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.0.tbs.extensions.is_ca
    }

    /// Returns pathLenConstraint of basicConstraints.
    #[must_use]
    pub fn path_len(&self) -> Option<u32> {
        self.0.tbs.extensions.path_len
    }

    /// Returns keyUsage.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.tbs.extensions.key_usage
    }

    /// Returns extKeyUsage.
    #[must_use]
    pub fn extended_key_usages(&self) -> Option<&[Oid]> {
        self.0.tbs.extensions.extended_key_usages.as_deref()
    }

    /// Tells whether extKeyUsage is there and names this purpose; anyExtendedKeyUsage does not count.
    #[must_use]
    pub fn has_extended_key_usage(&self, purpose: &Oid) -> bool {
        self.extended_key_usages().is_some_and(|usages| usages.contains(purpose))
    }

    /// Returns subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&KeyId> {
        self.0.tbs.extensions.subject_key_id.as_ref()
    }

    /// Returns the keyIdentifier field of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&KeyId> {
        self.0.tbs.extensions.authority_key_id.as_ref()
    }

    /// Returns authorityKeyIdentifier as the DER inside its extnValue.
    #[must_use]
    pub fn authority_key_id_extension(&self) -> Option<&[u8]> {
        self.extension(&oid::AUTHORITY_KEY_ID)
    }

    /// Returns subjectAltName as the DER inside its extnValue.
    #[must_use]
    pub fn subject_alt_name_der(&self) -> Option<&[u8]> {
        self.extension(&oid::SUBJECT_ALT_NAME)
    }

    /// Returns the dNSNames of subjectAltName.
    #[must_use]
    pub fn dns_names(&self) -> Vec<&str> {
        general_name::texts(self.subject_alt_name_der(), general_name::DNS_NAME)
    }

    /// Returns the uniformResourceIdentifiers of subjectAltName.
    #[must_use]
    pub fn uris(&self) -> Vec<&str> {
        general_name::texts(self.subject_alt_name_der(), general_name::URI)
    }

    /// Returns the iPAddresses of subjectAltName, 4 or 16 octets each; others are no addresses and left out.
    #[must_use]
    pub fn ip_addresses(&self) -> Vec<&[u8]> {
        general_name::addresses(self.subject_alt_name_der())
    }

    /// Returns the hardwareModuleName of subjectAltName (RFC 4108 §5).
    #[must_use]
    pub fn hardware_module_name(&self) -> Option<HardwareModuleName> {
        general_name::hardware_module_name(self.subject_alt_name_der()?)
    }

    /// Returns the MASA URL (RFC 8995 §2.3.2).
    #[must_use]
    pub fn masa_url(&self) -> Option<&str> {
        self.0.tbs.extensions.masa_url.as_deref()
    }

    /// Returns the MUD URL (RFC 8520 §11).
    #[must_use]
    pub fn mud_url(&self) -> Option<&str> {
        self.0.tbs.extensions.mud_url.as_deref()
    }

    /// Returns the first HTTP URL of cRLDistributionPoints.
    #[must_use]
    pub fn crl_url(&self) -> Option<&str> {
        general_name::crl_url(self.extension(&oid::CRL_DISTRIBUTION_POINTS)?)
    }

    /// Returns all extensions in their order.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.0.tbs.extensions.all
    }

    /// Returns the DER inside the extnValue of one extension.
    #[must_use]
    pub fn extension(&self, oid: &Oid) -> Option<&[u8]> {
        self.extensions().iter().find(|e| e.oid == *oid).map(|e| e.value.as_slice())
    }

    /// Tells whether subject and issuer are the same name, octet for octet.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }
}

impl Tbs {
    /// Reads a TBSCertificate, header included.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, Error> {
        let (rest, tbs) = TbsCertificate::from_der(der).map_err(|_| Error::CertificateMalformed)?;
        if !rest.is_empty() {
            return Err(Error::CertificateMalformed);
        }
        let subject_der = tbs.subject.as_raw();
        Ok(Self {
            version: tbs.version.0.saturating_add(1),
            serial: CertificateSerial::new(magnitude(tbs.raw_serial()))
                .map_err(|_| Error::CertificateMalformed)?,
            signature_algorithm: inner_signature_algorithm(der).ok_or(Error::CertificateMalformed)?.to_vec(),
            issuer_der: tbs.issuer.as_raw().to_vec(),
            not_before: unix_time(tbs.validity.not_before.timestamp()),
            not_after: unix_time(tbs.validity.not_after.timestamp()),
            subject_der: subject_der.to_vec(),
            subject: name::Attributes::parse(&tbs.subject),
            public_key: PublicKey::from_spki_der(tbs.subject_pki.raw)?,
            extensions: Extensions::parse(&tbs)?,
        })
    }
}

/// The signature field of TBSCertificate, which must repeat the one outside (RFC 5280 §4.1.1.2).
fn inner_signature_algorithm(tbs: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(only(tag::SEQUENCE, tbs)?);
    let _version = fields.take(tag::context_constructed(0));
    fields.take(tag::INTEGER)?;
    Some(fields.take(tag::SEQUENCE)?.whole)
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} serial {})", self.subject_text(), self.serial())
    }
}

impl From<&Certificate> for CertificateDer<'static> {
    fn from(certificate: &Certificate) -> Self {
        Self::from(certificate.der().to_vec())
    }
}
