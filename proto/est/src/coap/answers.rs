//! The bodies of answers over CoAPS, in each Content-Format, and how a client reads them.
//! Source: RFC 9148 §5.3, §5.8; CBRSKI §6.7.5 (order in crts), §6.8 (crts as a single certificate).
//! Does not: trust what it reads.

use pki::{Certificate, PublicKey, Secret, cms};
use proto::ContentFormat;

use super::Resource;
use super::multipart::{self, Part};
use crate::certs::{check_path, only_issued};
use crate::{CsrAttrs, Error};

/// Writes the answer to crts: the path of the issuing CA up to its root, then what helps in a change of root.
///
/// As one certificate ([`ContentFormat::PKIX_CERT`]) it is the CA that issues for this client; while the root changes
/// there is more than one to know, and none is written.
///
/// # Errors
/// [`Error::CaCertsInvalid`] (`Fault`); [`Error::AcceptUnsupported`] (`Unsupported`) for a format that cannot say it;
/// [`Error::Pki`] when they are too many.
// RFC9148-5.3-binary CBRSKI-6.7.5-hierarchy-order CBRSKI-6.8-single-ca
pub fn ca_certs(
    format: ContentFormat,
    path: &[Certificate],
    rollover: &[Certificate],
) -> Result<Vec<u8>, Error> {
    let all = check_path(path, rollover)?;
    match (format, path) {
        (ContentFormat::PKCS7_CERTS_ONLY, _) => Ok(cms::certs_only(&all)?),
        (ContentFormat::MULTIPART_CORE, _) => {
            let part = |certificate| Part { format: ContentFormat::PKIX_CERT, body: certificate };
            let parts: Vec<Part<'_>> = all.iter().map(Certificate::der).map(part).collect();
            Ok(multipart::write(&parts))
        }
        (ContentFormat::PKIX_CERT, [issuing, ..]) if rollover.is_empty() => Ok(issuing.der().to_vec()),
        _ => Err(Error::AcceptUnsupported),
    }
}

/// Writes the answer to sen or sren: the issued certificate and no other.
///
/// # Errors
/// [`Error::AcceptUnsupported`] (`Unsupported`), [`Error::Pki`] (`Fault`).
pub fn issued(format: ContentFormat, certificate: &Certificate) -> Result<Vec<u8>, Error> {
    // RFC7030-4.2.3-only-the-issued
    match format {
        ContentFormat::PKCS7_CERTS_ONLY => Ok(cms::certs_only(std::slice::from_ref(certificate))?),
        ContentFormat::PKIX_CERT => Ok(certificate.der().to_vec()),
        _ => Err(Error::AcceptUnsupported),
    }
}

/// Writes the answer to att.
///
/// # Errors
/// As [`CsrAttrs::to_der`].
pub fn csr_attrs(attrs: &CsrAttrs) -> Result<Vec<u8>, Error> {
    attrs.to_der()
}

/// Writes the answer to skg or skc: the key in PKCS#8, not encrypted but by the channel, and the certificate.
///
/// # Errors
/// [`Error::PathUnknown`] for another resource, [`Error::Pki`] (`Fault`).
// RFC9148-5.8-key-and-certificate
pub fn key_and_certificate(
    resource: Resource,
    pkcs8: &Secret<Vec<u8>>,
    certificate: &Certificate,
) -> Result<Secret<Vec<u8>>, Error> {
    let format = match resource {
        Resource::Skg => ContentFormat::PKCS7_CERTS_ONLY,
        Resource::Skc => ContentFormat::PKIX_CERT,
        Resource::Crts | Resource::Sen | Resource::Sren | Resource::Att => return Err(Error::PathUnknown),
    };
    let body = issued(format, certificate)?;
    let key = Part { format: ContentFormat::PKCS8, body: pkcs8.expose() };
    Ok(Secret::new(multipart::write(&[key, Part { format, body: &body }])))
}

/// Reads an answer to crts, as a client; of a collection the parts that are certificates.
///
/// # Errors
/// [`Error::CaCertsInvalid`] when there is none; [`Error::MediaTypeUnsupported`] (`Unsupported`);
/// [`Error::MultipartMalformed`], [`Error::Pki`] (`Malformed`).
pub fn read_ca_certs(format: ContentFormat, body: &[u8]) -> Result<Vec<Certificate>, Error> {
    let certificates = match format {
        ContentFormat::MULTIPART_CORE => {
            let parts = multipart::parse(body)?;
            let parts = parts.iter().filter(|part| part.format == ContentFormat::PKIX_CERT);
            parts.map(|part| Certificate::parse(part.body)).collect::<Result<_, _>>()?
        }
        _ => certificates(format, body)?,
    };
    if certificates.is_empty() { Err(Error::CaCertsInvalid) } else { Ok(certificates) }
}

/// Reads an answer to sen or sren, as the client whose key it must certify.
///
/// # Errors
/// [`Error::IssuedCertificateInvalid`] (`Untrusted`) when it holds not exactly one certificate or one for another key;
/// [`Error::MediaTypeUnsupported`] (`Unsupported`); [`Error::Pki`] (`Malformed`).
pub fn read_issued(format: ContentFormat, body: &[u8], key: &PublicKey) -> Result<Certificate, Error> {
    // RFC7030-4.2.3-only-the-issued
    only_issued(&certificates(format, body)?, key)
}

/// A key that the server made, with the certificate for it.
#[derive(Debug)]
pub struct ServerKey {
    /// The private key in PKCS#8, as DER.
    pub pkcs8: Secret<Vec<u8>>,
    /// The certificate; that it is of this key is the caller's to check.
    pub certificate: Certificate,
}

/// Reads an answer to skg or skc, as a client; the parts come in any order.
///
/// # Errors
/// [`Error::MultipartMalformed`] (`Malformed`) when there is not exactly one key and one certificate;
/// [`Error::ServerKeyEncrypted`] (`Unsupported`); [`Error::Pki`] (`Malformed`).
// RFC9148-5.8-any-order
pub fn read_key_and_certificate(body: &[u8]) -> Result<ServerKey, Error> {
    let parts = multipart::parse(body)?;
    if parts.iter().any(|part| part.format == ContentFormat::PKCS7_SERVER_GENERATED_KEY) {
        return Err(Error::ServerKeyEncrypted);
    }
    let (keys, others): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
        parts.iter().partition(|part| part.format == ContentFormat::PKCS8);
    let ([key], [other]) = (keys.as_slice(), others.as_slice()) else {
        return Err(Error::MultipartMalformed);
    };
    match <[Certificate; 1]>::try_from(certificates(other.format, other.body)?) {
        Ok([certificate]) => Ok(ServerKey { pkcs8: Secret::new(key.body.to_vec()), certificate }),
        Err(_) => Err(Error::MultipartMalformed),
    }
}

fn certificates(format: ContentFormat, body: &[u8]) -> Result<Vec<Certificate>, Error> {
    match format {
        ContentFormat::PKCS7_CERTS_ONLY => Ok(cms::parse_certs_only(body)?),
        ContentFormat::PKIX_CERT => Ok(vec![Certificate::parse(body)?]),
        _ => Err(Error::MediaTypeUnsupported),
    }
}
