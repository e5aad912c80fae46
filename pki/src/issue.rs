//! Issuing certificates: prepare, lint, sign, finish.
//! Source: RFC 5280 §4.1, §4.2; DESIGN §5 (intent, act, outcome).
//! Does not: decide what is issued, draw serials by itself, keep what it issued.
//! Invariants: what is signed was linted; what was signed is what was prepared; names are written octet for octet.
//!
//! 1. [`Issuer::prepare`] builds the to-be-signed bytes from the [`Template`] and lints them.
//! 2. The caller records [`ToBeSigned::digest`]: the intent.
//! 3. [`Issuer::sign`] signs, parses what came out and compares it with what was prepared.
//! 4. The caller records the certificate: the outcome.
//!
//! rcgen writes the structure and the extensions with a key that captures instead of signing. It can only write names
//! that it composes itself, so issuer and subject, which must be exact copies, are put in afterwards.

use aws_lc_rs::rand;
use proto::{CertificateSerial, Fingerprint, KeyId};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, ExtendedKeyUsagePurpose,
    IsCa, KeyIdMethod, KeyUsagePurpose, PublicKeyData,
};

use crate::algorithm::KeyKind;
use crate::template::ia5;
use crate::tlv::{Reader, only, tag, tlv};
use crate::{
    Certificate, Error, KeyUsage, Oid, Profile, PublicKey, Signer, Template, digest, lint, oid, signed,
};

/// Draws a serial number of 128 bits, of which the first is set, so that it always has 16 octets.
///
/// # Errors
/// [`Error::RandomUnavailable`] (`Fault`).
pub fn random_serial() -> Result<CertificateSerial, Error> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| Error::RandomUnavailable)?;
    octets[0] |= 0x80;
    CertificateSerial::new(&octets).map_err(|_| Error::RandomUnavailable)
}

/// A CA: its certificate and its key. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Issuer {
    certificate: Certificate,
    signer: Signer,
}

/// A certificate that lacks only its signature, and passed the lint.
#[derive(Clone, Debug)]
#[must_use]
pub struct ToBeSigned {
    der: Vec<u8>,
    issuer: Fingerprint,
}

impl ToBeSigned {
    /// Returns the TBSCertificate, header included.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of the TBSCertificate, by which a journal can name the intent.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        digest::sha256(&self.der)
    }
}

impl Issuer {
    /// Brings a CA's certificate and key together.
    ///
    /// # Errors
    /// [`Error::IssuerKeyMismatch`], [`Error::IssuerNotCa`] (both `Fault`).
    pub fn new(certificate: Certificate, signer: Signer) -> Result<Self, Error> {
        if certificate.public_key() != signer.public_key() {
            return Err(Error::IssuerKeyMismatch);
        }
        let may_sign = certificate.key_usage().is_none_or(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
        if certificate.is_ca() && may_sign {
            Ok(Self { certificate, signer })
        } else {
            Err(Error::IssuerNotCa)
        }
    }

    /// Returns the CA's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the CA's key.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Builds what is to be signed from policy and lints it.
    ///
    /// # Errors
    /// [`Error::NameInvalid`], [`Error::AlternativeNameInvalid`] (`Malformed`); [`Error::BuildFailed`],
    /// [`Error::Lint`] (`Fault`).
    pub fn prepare(&self, template: &Template) -> Result<ToBeSigned, Error> {
        prepare(template, &Authority::of(self))
    }

    /// Takes up what this issuer prepared and a journal kept, so that the very same is signed after a crash.
    ///
    /// [`Issuer::sign`] reads what it signed and fails on anything that is no certificate of this issuer.
    pub fn take_up(&self, tbs_der: Vec<u8>) -> ToBeSigned {
        ToBeSigned { der: tbs_der, issuer: self.signer.public_key().fingerprint() }
    }

    /// Signs what this issuer prepared.
    ///
    /// # Errors
    /// [`Error::IssuerMismatch`], [`Error::SigningFailed`], [`Error::SignedOtherThanPrepared`] (all `Fault`).
    #[expect(clippy::needless_pass_by_value, reason = "an intent is used once")]
    pub fn sign(&self, prepared: ToBeSigned) -> Result<Certificate, Error> {
        if prepared.issuer != self.signer.public_key().fingerprint() {
            return Err(Error::IssuerMismatch);
        }
        finish(&prepared, &self.signer)
    }

    /// Prepares and signs in one go, where nothing is recorded in between.
    ///
    /// # Errors
    /// Those of [`Issuer::prepare`] and [`Issuer::sign`].
    pub fn issue(&self, template: &Template) -> Result<Certificate, Error> {
        self.sign(self.prepare(template)?)
    }
}

/// Makes a self-signed certificate: an anchor. The template's key must be the signer's.
///
/// # Errors
/// [`Error::IssuerKeyMismatch`] (`Fault`) when it is not; those of [`Issuer::prepare`] and [`Issuer::sign`].
pub fn self_sign(template: &Template, signer: &Signer) -> Result<Certificate, Error> {
    if template.public_key != *signer.public_key() {
        return Err(Error::IssuerKeyMismatch);
    }
    let name = template.name_der()?;
    let authority =
        Authority { name_der: &name, key_id: signer.public_key().key_id(), signer, certificate: None };
    finish(&prepare(template, &authority)?, signer)
}

/// The issuing side of one certificate.
pub(crate) struct Authority<'a> {
    pub(crate) name_der: &'a [u8],
    pub(crate) key_id: &'a KeyId,
    pub(crate) signer: &'a Signer,
    /// `None` when the certificate signs itself.
    pub(crate) certificate: Option<&'a Certificate>,
}

impl<'a> Authority<'a> {
    fn of(issuer: &'a Issuer) -> Self {
        let certificate = &issuer.certificate;
        Self {
            name_der: certificate.subject_der(),
            key_id: certificate.subject_key_id().unwrap_or_else(|| certificate.public_key().key_id()),
            signer: &issuer.signer,
            certificate: Some(certificate),
        }
    }
}

fn prepare(template: &Template, authority: &Authority<'_>) -> Result<ToBeSigned, Error> {
    let built = build(template, authority)?;
    let name = template.name_der()?;
    let der = put_names(&built, authority.name_der, &name).ok_or(Error::BuildFailed)?;
    lint::check(&der, template, authority)?;
    Ok(ToBeSigned { der, issuer: authority.signer.public_key().fingerprint() })
}

fn finish(prepared: &ToBeSigned, signer: &Signer) -> Result<Certificate, Error> {
    let certificate = Certificate::parse(&signed::sign(&prepared.der, signer)?)?;
    if certificate.signed_der() == prepared.der {
        Ok(certificate)
    } else {
        Err(Error::SignedOtherThanPrepared)
    }
}

/// Lets rcgen write a TBSCertificate whose names are still empty.
fn build(template: &Template, authority: &Authority<'_>) -> Result<Vec<u8>, Error> {
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = rcgen::DistinguishedName::new();
    issuer.key_identifier_method = KeyIdMethod::PreSpecified(authority.key_id.as_bytes().to_vec());
    let issuer_key = Unsigning(authority.signer.public_key());
    let issuer = rcgen::Issuer::from_params(&issuer, issuer_key);
    let unsigned = parameters(template)?
        .signed_by(&Unsigning(&template.public_key), &issuer)
        .map_err(|_| Error::BuildFailed)?;
    let tbs = only(tag::SEQUENCE, unsigned.der()).and_then(|fields| Reader::new(fields).take(tag::SEQUENCE));
    Ok(tbs.ok_or(Error::BuildFailed)?.whole.to_vec())
}

/// Says to rcgen what the profile and the template say; every field that it has is set here.
fn parameters(template: &Template) -> Result<CertificateParams, Error> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.serial_number = Some(rcgen::SerialNumber::from_slice(template.serial.as_bytes()));
    parameters.not_before = date_time(template.not_before)?;
    parameters.not_after = date_time(template.not_after)?;
    parameters.is_ca = match template.profile.path_len() {
        Some(path_len) => IsCa::Ca(BasicConstraints::Constrained(path_len)),
        None => IsCa::ExplicitNoCa,
    };
    parameters.key_usages = key_usages(template.profile);
    parameters.extended_key_usages = extended_key_usages(template.profile)?;
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_identifier_method =
        KeyIdMethod::PreSpecified(template.public_key.key_id().as_bytes().to_vec());
    if let Some(url) = &template.crl_url {
        ia5(url)?;
        parameters.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
    }
    parameters.custom_extensions = custom_extensions(template)?;
    Ok(parameters)
}

fn key_usages(profile: Profile) -> Vec<KeyUsagePurpose> {
    if profile.is_ca() {
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]
    } else {
        vec![KeyUsagePurpose::DigitalSignature]
    }
}

fn extended_key_usages(profile: Profile) -> Result<Vec<ExtendedKeyUsagePurpose>, Error> {
    let purpose = |oid: &Oid| oid.arcs().map(ExtendedKeyUsagePurpose::Other).ok_or(Error::BuildFailed);
    profile.extended_key_usages().iter().map(purpose).collect()
}

fn custom_extensions(template: &Template) -> Result<Vec<CustomExtension>, Error> {
    let mut extensions = Vec::new();
    if let Some(names) = template.alternative_names_der()? {
        extensions.push(custom(&oid::SUBJECT_ALT_NAME, names)?);
    }
    // RFC8995-2.3.2-masa-url
    if let Some(url) = &template.masa_url {
        extensions.push(custom(&oid::MASA_URL, tlv(tag::IA5_STRING, &[ia5(url)?]))?);
    }
    // RFC8520-11-mud-url
    if let Some(url) = &template.mud_url {
        extensions.push(custom(&oid::MUD_URL, tlv(tag::IA5_STRING, &[ia5(url)?]))?);
    }
    Ok(extensions)
}

fn custom(oid: &Oid, content: Vec<u8>) -> Result<CustomExtension, Error> {
    Ok(CustomExtension::from_oid_content(&oid.arcs().ok_or(Error::BuildFailed)?, content))
}

fn date_time(at: proto::UnixTime) -> Result<time::OffsetDateTime, Error> {
    let seconds = i64::try_from(at.as_seconds()).map_err(|_| Error::BuildFailed)?;
    time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Error::BuildFailed)
}

/// Replaces issuer and subject of a TBSCertificate; all else stays octet for octet.
fn put_names(tbs: &[u8], issuer: &[u8], subject: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader::new(only(tag::SEQUENCE, tbs)?);
    let version = fields.take(tag::context_constructed(0))?.whole;
    let serial = fields.take(tag::INTEGER)?.whole;
    let algorithm = fields.take(tag::SEQUENCE)?.whole;
    let _issuer = fields.take(tag::SEQUENCE)?;
    let validity = fields.take(tag::SEQUENCE)?.whole;
    let _subject = fields.take(tag::SEQUENCE)?;
    let key = fields.take(tag::SEQUENCE)?.whole;
    let extensions = fields.take(tag::context_constructed(3))?.whole;
    let whole = [version, serial, algorithm, issuer, validity, subject, key, extensions];
    fields.is_empty().then(|| tlv(tag::SEQUENCE, &whole))
}

/// Stands in for a key where rcgen asks for one: it shows the public half and signs nothing.
struct Unsigning<'a>(&'a PublicKey);

impl PublicKeyData for Unsigning<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.subject_public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0.kind() {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for Unsigning<'_> {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}
