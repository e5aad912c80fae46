//! CMS `SignedData`: the envelope of vouchers and voucher-requests, and the certs-only bag of EST.
//! Source: RFC 5652 §3, §5, §11; profile: RFC 8366 §5.4, RFC 8995 §3; algorithms: RFC 5754, RFC 8419.
//! Does not: decide trust. The caller brings the key or the certificate, judged by `path::verify`.
//! Invariants: a `Verified<SignedData>` had one signer, DER signed attributes that name its content type and
//! digest, and a signature that the given key verified.

mod digest;
mod read;
mod write;

use std::ops::Range;
use std::sync::OnceLock;

use proto::{CertificateSerial, KeyId, UnixTime};

use crate::tlv::{tag, tlv};
use crate::{Certificate, Error, PublicKey, Unverified, Verified, path};
use digest::Digest;

pub use read::parse_certs_only;
pub use write::{certs_only, sign, sign_at};

/// The most octets of a CMS message that is read: 64 KiB; a nested voucher-request has about 5.
pub const CMS_BYTES_MAX: usize = 64 * 1024;

/// The most certificates in one CMS message; a path has eight at most, and a roll-over brings three more.
pub const CERTIFICATES_MAX: usize = 16;

/// Says whether the forms that many implementations emit are accepted beside those that the RFCs ask for. Whoever reads
/// what is inside a message goes by it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// CMS version 3 and eContentType id-ct-animaJSONVoucher only.
    #[default]
    Strict,
    /// Also version 1 and id-data; switched on per manufacturer and logged by the caller.
    Lenient,
}

/// Names the signer's certificate (RFC 5652 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// By its issuer's name, as DER, and its serial number.
    IssuerAndSerialNumber {
        /// The DER of the issuer's name.
        issuer_der: Vec<u8>,
        /// The certificate's serial number.
        serial: CertificateSerial,
    },
    /// By its subject key identifier.
    SubjectKeyIdentifier(KeyId),
}

impl SignerIdentifier {
    /// Tells whether this identifier names that certificate.
    #[must_use]
    pub fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { issuer_der, serial } => {
                serial == certificate.serial() && path::is_same_name(issuer_der, certificate.issuer_der())
            }
            Self::SubjectKeyIdentifier(id) => certificate.subject_key_id() == Some(id),
        }
    }
}

/// One signed message and what it carries; it is held once, as received, and its parts are places in it.
#[derive(Clone, Debug)]
pub struct SignedData {
    der: Vec<u8>,
    version: u32,
    content_type: Range<usize>,
    content: Range<usize>,
    certificates: Vec<Range<usize>>,
    /// The certificates, once they have been asked for and all parsed.
    parsed: OnceLock<Vec<Certificate>>,
    signer: SignerInfo,
}

/// What the one signer says (RFC 5652 §5.3).
#[derive(Clone, Debug)]
struct SignerInfo {
    identifier: SignerIdentifier,
    digest: Digest,
    /// The whole `[0]` element.
    attributes: Range<usize>,
    content_type: Range<usize>,
    message_digest: Range<usize>,
    signing_at: Option<UnixTime>,
    signature_algorithm: Range<usize>,
    signature: Range<usize>,
}

impl SignedData {
    /// Reads a DER `ContentInfo` that holds a `SignedData` with exactly one signer. A vector that is handed over is
    /// kept; a slice is copied once.
    ///
    /// # Errors
    /// [`Error::CmsTooLarge`], [`Error::CmsMalformed`], [`Error::CmsNotSignedData`], [`Error::CmsContentMissing`],
    /// [`Error::CmsTooManyCertificates`], [`Error::CmsSignerCount`], [`Error::CmsSignerVersionMismatch`],
    /// [`Error::CmsSignedAttributesMissing`], [`Error::CmsSignedAttributesInvalid`] (all `Malformed`);
    /// [`Error::CmsDigestAlgorithmUnsupported`] (`Unsupported`), [`Error::CmsDigestAlgorithmMismatch`] (`Untrusted`).
    pub fn parse(der: impl Into<Vec<u8>>) -> Result<Unverified<Self>, Error> {
        read::signed_data(der.into()).map(Unverified::new)
    }

    /// Returns the signed content.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        self.part(&self.content)
    }

    /// Returns the whole message as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the certificates that came along, in their order in the message; none is trusted.
    ///
    /// # Errors
    /// Those of [`Certificate::parse`].
    pub fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed.clone());
        }
        let ranges = self.certificates.iter();
        let parsed: Vec<_> =
            ranges.map(|range| Certificate::parse(self.part(range))).collect::<Result<_, _>>()?;
        Ok(self.parsed.get_or_init(|| parsed).clone())
    }

    /// Returns who claims to have signed.
    #[must_use]
    pub fn signer_identifier(&self) -> &SignerIdentifier {
        &self.signer.identifier
    }

    /// Returns when the signer says it signed, when it does.
    #[must_use]
    pub fn signing_at(&self) -> Option<UnixTime> {
        self.signer.signing_at
    }

    /// Tells whether only [`Compat::Lenient`] lets this message pass.
    #[must_use]
    pub fn needs_compat(&self) -> bool {
        self.check_form(Compat::Strict).is_err()
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }

    /// Checks version and content type.
    // RFC5652-5.1-version
    // RFC8366-5.4-content-type
    fn check_form(&self, compat: Compat) -> Result<(), Error> {
        let is_voucher = self.part(&self.content_type) == read::ANIMA_JSON_VOUCHER;
        let is_data = self.part(&self.content_type) == read::DATA;
        let (type_fits, version_fits) = match compat {
            Compat::Strict => (is_voucher, self.version == 3),
            Compat::Lenient => (is_voucher || is_data, matches!(self.version, 1 | 3)),
        };
        if !type_fits {
            return Err(Error::CmsContentTypeUnsupported);
        }
        if version_fits { Ok(()) } else { Err(Error::CmsVersionUnsupported) }
    }

    /// Checks everything that the message says of itself, then the signature (RFC 5652 §5.4, §5.6, §11).
    fn check(&self, key: &PublicKey, compat: Compat) -> Result<(), Error> {
        self.check_form(compat)?;
        // RFC5652-11.1-content-type
        if self.part(&self.signer.content_type) != self.part(&self.content_type) {
            return Err(Error::CmsContentTypeMismatch);
        }
        // RFC5652-11.2-message-digest
        let digest = self.signer.digest.of(self.content());
        if self.part(&self.signer.message_digest) != digest.as_ref() {
            return Err(Error::CmsDigestMismatch);
        }
        self.check_signature(key)
    }

    /// Checks the signature over the signed attributes, encoded as the SET that they are.
    // RFC5652-5.4-signed-attributes
    fn check_signature(&self, key: &PublicKey) -> Result<(), Error> {
        let algorithm = self.signer.digest.signature(self.part(&self.signer.signature_algorithm))?;
        let mut message = self.part(&self.signer.attributes).to_vec();
        if let Some(first) = message.first_mut() {
            *first = tag::SET;
        }
        key.verify(algorithm, &message, self.part(&self.signer.signature)).map_err(|error| {
            if error == Error::SignatureInvalid { Error::CmsSignatureInvalid } else { error }
        })
    }
}

impl Unverified<SignedData> {
    /// Returns the certificates that came along, in their order in the message; none is trusted.
    ///
    /// # Errors
    /// Those of [`Certificate::parse`].
    pub fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        self.peek().certificates()
    }

    /// Returns the certificate of the message that the signer identifier names; it is not trusted yet.
    ///
    /// # Errors
    /// [`Error::CmsSignerCertificateMissing`] (`Untrusted`) when none fits; those of [`Certificate::parse`].
    pub fn signer_certificate(&self) -> Result<Certificate, Error> {
        let mut certificates = self.certificates()?.into_iter();
        let named = certificates.find(|certificate| self.signer_identifier().names(certificate));
        named.ok_or(Error::CmsSignerCertificateMissing)
    }

    /// Returns who claims to have signed.
    #[must_use]
    pub fn signer_identifier(&self) -> &SignerIdentifier {
        self.peek().signer_identifier()
    }

    /// Returns the content before any signature was checked: only to find the key that must verify it.
    #[must_use]
    pub fn unverified_content(&self) -> &[u8] {
        self.peek().content()
    }

    /// Returns the whole message as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.peek().der()
    }

    /// Checks the message with a key that the caller trusts for it; the signer identifier is not looked at.
    ///
    /// # Errors
    /// [`Error::CmsContentTypeUnsupported`], [`Error::CmsVersionUnsupported`],
    /// [`Error::SignatureAlgorithmUnsupported`], [`Error::SignatureAlgorithmBroken`] (all `Unsupported`);
    /// [`Error::CmsContentTypeMismatch`], [`Error::CmsDigestMismatch`], [`Error::CmsDigestAlgorithmMismatch`],
    /// [`Error::SignatureKeyMismatch`], [`Error::CmsSignatureInvalid`] (all `Untrusted`).
    pub fn verify_with_key(self, key: &PublicKey, compat: Compat) -> Result<Verified<SignedData>, Error> {
        self.peek().check(key, compat)?;
        Ok(self.into_verified())
    }

    /// Checks the message with a certificate that the caller trusts for it; the signer identifier must name it.
    ///
    /// # Errors
    /// [`Error::CmsSignerMismatch`] (`Untrusted`); those of [`Unverified::verify_with_key`].
    pub fn verify_with_certificate(
        self,
        certificate: &Certificate,
        compat: Compat,
    ) -> Result<Verified<SignedData>, Error> {
        if !self.signer_identifier().names(certificate) {
            return Err(Error::CmsSignerMismatch);
        }
        self.verify_with_key(certificate.public_key(), compat)
    }
}

/// Writes a `ContentInfo` around a `SignedData` (RFC 5652 §3).
fn content_info(signed_data: &[u8]) -> Vec<u8> {
    let explicit = tlv(tag::context_constructed(0), &[signed_data]);
    tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[read::SIGNED_DATA]), &explicit])
}
