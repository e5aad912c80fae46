//! Making certification requests: the client's side, able to ask for what it should not.
//! Source: RFC 2986 §4, RFC 2985 §5.4.
//! Does not: check that what is asked for is wise; the simulator asks for wicked things on purpose.

use crate::tlv::{tag, tlv};
use crate::{Error, Extension, Signer, Subject, oid, signed};

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The subject that is written when [`Request::subject_der`] is `None`.
    pub subject: Subject,
    /// A Name copied octet for octet, as re-enrolment asks for (RFC 7030 §4.2.2).
    pub subject_der: Option<Vec<u8>>,
    /// The extensions of extensionRequest.
    pub extensions: Vec<Extension>,
    /// challengePassword.
    pub challenge_password: Option<String>,
}

impl Request {
    /// Asks for a subject and nothing else.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self { subject, ..Self::default() }
    }

    /// Asks to become a CA: basicConstraints with cA TRUE. No registrar should grant it.
    #[must_use]
    pub fn asking_for_ca(mut self) -> Self {
        let value = tlv(tag::SEQUENCE, &[&tlv(tag::BOOLEAN, &[&[0xff]])]);
        self.extensions.push(Extension { oid: oid::BASIC_CONSTRAINTS, critical: true, value });
        self
    }

    /// Asks for a subjectAltName, the DER inside extnValue.
    #[must_use]
    pub fn with_subject_alt_name(mut self, der: &[u8]) -> Self {
        self.extensions.push(Extension { oid: oid::SUBJECT_ALT_NAME, critical: false, value: der.to_vec() });
        self
    }
}

/// Makes a request in DER, signed by the key that is to be certified.
///
/// # Errors
/// [`Error::NameInvalid`] (`Malformed`); [`Error::SigningFailed`] (`Fault`).
pub fn create(request: &Request, signer: &Signer) -> Result<Vec<u8>, Error> {
    let subject = match &request.subject_der {
        Some(der) => der.clone(),
        None => request.subject.to_der()?,
    };
    let attributes = tlv(tag::context_constructed(0), &[&attributes(request)]);
    let version = [tag::INTEGER, 1, 0];
    let info = tlv(tag::SEQUENCE, &[&version, &subject, signer.public_key().spki_der(), &attributes]);
    signed::sign(&info, signer)
}

/// Writes the attributes, in the order that DER wants of a SET OF: these two differ first in their last octet.
fn attributes(request: &Request) -> Vec<u8> {
    let mut attributes = Vec::new();
    if let Some(password) = &request.challenge_password {
        attributes.push(attribute(
            oid::CHALLENGE_PASSWORD.as_bytes(),
            &tlv(tag::UTF8_STRING, &[password.as_bytes()]),
        ));
    }
    if !request.extensions.is_empty() {
        let extensions: Vec<u8> = request.extensions.iter().flat_map(extension).collect();
        attributes.push(attribute(oid::EXTENSION_REQUEST.as_bytes(), &tlv(tag::SEQUENCE, &[&extensions])));
    }
    attributes.sort();
    attributes.concat()
}

fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &tlv(tag::SET, &[value])])
}

fn extension(extension: &Extension) -> Vec<u8> {
    let critical: &[u8] = if extension.critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    let oid = tlv(tag::OID, &[extension.oid.as_bytes()]);
    tlv(tag::SEQUENCE, &[&oid, critical, &tlv(tag::OCTET_STRING, &[&extension.value])])
}
