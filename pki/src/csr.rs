//! Certification requests, as received.
//! Source: RFC 2986 (PKCS #10), RFC 2985 §5.4 (attributes), RFC 7030 §4.2.1.
//! Does not: give a stranger's extensions to anyone who builds certificates; a policy takes the key and, knowingly,
//! what a getter here offers.
//! Invariants: a `Verified<Csr>` is signed by the key that it carries.

mod create;

use proto::{Fingerprint, SerialNumber};
use x509_parser::prelude::{FromDer, ParsedCriAttribute, X509CertificationRequest, X509Extension};

pub use create::{Request, create};

use crate::signed::Signed;
use crate::tlv::{Reader, only, tag};
use crate::{Error, Oid, PublicKey, Unverified, Verified, digest, name, oid};

/// The most bytes of a request; real ones have 300 to 2,000.
pub const CSR_BYTES_MAX: usize = 16 * 1024;

/// The most attributes, and the most requested extensions, that a request may have.
pub const CSR_ATTRIBUTES_MAX: usize = 32;

/// The most characters of a challengePassword: `pkcs-9-ub-challengePassword` (RFC 2985 appendix A).
pub const CHALLENGE_PASSWORD_CHARS_MAX: usize = 255;

/// A certification request.
#[derive(Debug)]
pub struct Csr {
    der: Vec<u8>,
    signed: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
    subject_der: Vec<u8>,
    subject: Subject,
    public_key: PublicKey,
    asked: Asked,
}

#[derive(Debug)]
struct Subject {
    common_name: Option<String>,
    serial_number: Option<SerialNumber>,
}

/// What the attributes ask for.
#[derive(Debug, Default)]
struct Asked {
    challenge_password: Option<String>,
    subject_alt_name_der: Option<Vec<u8>>,
    is_ca: bool,
    extensions: Vec<Oid>,
}

impl Csr {
    /// Reads one request in DER that fills the input.
    ///
    /// # Errors
    /// [`Error::CsrTooLarge`], [`Error::CsrMalformed`] (both `Malformed`); those of [`PublicKey::from_spki_der`].
    pub fn parse(der: &[u8]) -> Result<Unverified<Self>, Error> {
        if der.len() > CSR_BYTES_MAX {
            return Err(Error::CsrTooLarge);
        }
        let frame = Signed::parse(der).ok_or(Error::CsrMalformed)?;
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| Error::CsrMalformed)?;
        let info = &request.certification_request_info;
        if !rest.is_empty() || info.version.0 != 0 || info.raw != frame.message {
            return Err(Error::CsrMalformed);
        }
        let attributes = name::Attributes::parse(&info.subject);
        Ok(Unverified::new(Self {
            der: der.to_vec(),
            signed: frame.message.to_vec(),
            signature_algorithm: frame.algorithm.to_vec(),
            signature: frame.signature.to_vec(),
            subject_der: info.subject.as_raw().to_vec(),
            subject: Subject {
                common_name: attributes.common_name().map(str::to_owned),
                serial_number: attributes.serial_number(),
            },
            public_key: PublicKey::from_spki_der(info.subject_pki.raw)?,
            asked: Asked::parse(&request).ok_or(Error::CsrMalformed)?,
        }))
    }

    /// Returns the request as it was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of the request, its idempotency key.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        digest::sha256(&self.der)
    }

    /// Returns the key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the subject's Name, header included, for comparing (RFC 7030 §4.2.2).
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Returns the subject for people.
    #[must_use]
    pub fn subject_text(&self) -> String {
        name::text(&self.subject_der)
    }

    /// Returns the subject's commonName; `None` when there is not exactly one.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject.common_name.as_deref()
    }

    /// Returns the subject's X520SerialNumber; `None` when there is not exactly one or it is no [`SerialNumber`].
    #[must_use]
    pub fn subject_serial_number(&self) -> Option<&SerialNumber> {
        self.subject.serial_number.as_ref()
    }

    /// Returns the subjectAltName asked for, as the DER inside extnValue, for comparing (RFC 7030 §4.2.2).
    #[must_use]
    pub fn subject_alt_name_der(&self) -> Option<&[u8]> {
        self.asked.subject_alt_name_der.as_deref()
    }

    /// Returns challengePassword (RFC 2985 §5.4.1).
    #[must_use]
    pub fn challenge_password(&self) -> Option<&str> {
        self.asked.challenge_password.as_deref()
    }

    /// Tells whether the request asks for basicConstraints with cA TRUE; it will not get it.
    #[must_use]
    pub fn asks_for_ca(&self) -> bool {
        self.asked.is_ca
    }

    /// Lists the extensions asked for; none of them is granted because it stands here.
    #[must_use]
    pub fn asked_extensions(&self) -> &[Oid] {
        &self.asked.extensions
    }
}

impl Unverified<Csr> {
    /// Returns the SHA-256 of the request.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.peek().digest()
    }

    /// Checks that the key in the request signed it: proof of possession.
    ///
    /// # Errors
    /// [`Error::SignatureAlgorithmBroken`], [`Error::SignatureAlgorithmUnsupported`] (`Unsupported`);
    /// [`Error::CsrSelfSignatureInvalid`] (`Untrusted`).
    pub fn verify(self) -> Result<Verified<Csr>, Error> {
        let csr = self.peek();
        // RFC2986-4.2-self-signature
        match csr.public_key.verify_der(&csr.signature_algorithm, &csr.signed, &csr.signature) {
            Ok(()) => Ok(self.into_verified()),
            Err(Error::SignatureInvalid | Error::SignatureKeyMismatch) => Err(Error::CsrSelfSignatureInvalid),
            Err(other) => Err(other),
        }
    }
}

impl Asked {
    /// Reads the attributes; `None` when one of ours is malformed or stands twice.
    fn parse(request: &X509CertificationRequest<'_>) -> Option<Self> {
        let attributes = request.certification_request_info.attributes();
        let mut asked = Self::default();
        if attributes.len() > CSR_ATTRIBUTES_MAX {
            return None;
        }
        for (i, attribute) in attributes.iter().enumerate() {
            if attributes.iter().take(i).any(|earlier| earlier.oid == attribute.oid) {
                return None;
            }
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ChallengePassword(password) => {
                    let is_short = password.0.chars().count() <= CHALLENGE_PASSWORD_CHARS_MAX;
                    asked.challenge_password = Some(is_short.then(|| password.0.clone())?);
                }
                ParsedCriAttribute::ExtensionRequest(wanted) => asked.read(&wanted.extensions)?,
                ParsedCriAttribute::UnsupportedAttribute => {}
            }
        }
        Some(asked)
    }

    fn read(&mut self, extensions: &[X509Extension<'_>]) -> Option<()> {
        if extensions.len() > CSR_ATTRIBUTES_MAX {
            return None;
        }
        for extension in extensions {
            let oid = Oid::new(extension.oid.as_bytes()).ok()?;
            if self.extensions.contains(&oid) {
                return None;
            }
            if oid == oid::SUBJECT_ALT_NAME {
                self.subject_alt_name_der = Some(extension.value.to_vec());
            }
            if oid == oid::BASIC_CONSTRAINTS {
                self.is_ca = asks_for_ca(extension.value);
            }
            self.extensions.push(oid);
        }
        Some(())
    }
}

/// Reads cA of basicConstraints; what cannot be read counts as asking.
fn asks_for_ca(constraints: &[u8]) -> bool {
    let Some(fields) = only(tag::SEQUENCE, constraints) else { return true };
    Reader::new(fields).take(tag::BOOLEAN).is_some_and(|ca| ca.content != [0])
}
