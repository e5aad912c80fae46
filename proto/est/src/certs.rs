//! Certificates on their way to a client: certs-only PKCS #7 in base64, and how the client reads them.
//! Source: RFC 7030 §4.1.3, §4.2.3; RFC 8951 §3.
//! Does not: trust what it reads.

use pki::{Certificate, PublicKey, cms};

use crate::{Error, body};

/// Writes the answer to cacerts: the path of the issuing CA up to its root, then what helps in a change of root.
///
/// `path` begins with the CA that issues and each is issued by the next; `rollover` holds OldWithOld, OldWithNew and
/// NewWithOld (RFC 4210 §4.4) and is usually empty.
///
/// # Errors
/// [`Error::CaCertsInvalid`] (`Fault`); [`Error::Pki`] when they are too many.
pub fn ca_certs(path: &[Certificate], rollover: &[Certificate]) -> Result<String, Error> {
    Ok(body::encode(&cms::certs_only(&check_path(path, rollover)?)?))
}

/// Checks that the CA certificates are what both transports send, and puts them into one list.
pub(crate) fn check_path(path: &[Certificate], rollover: &[Certificate]) -> Result<Vec<Certificate>, Error> {
    let is_path =
        path.iter().zip(path.iter().skip(1)).all(|(below, above)| below.issuer_der() == above.subject_der());
    // RFC7030-4.1.3-ca-certs
    if path.is_empty() || !is_path || !path.iter().chain(rollover).all(Certificate::is_ca) {
        return Err(Error::CaCertsInvalid);
    }
    Ok(path.iter().chain(rollover).cloned().collect())
}

/// Writes the answer to simpleenroll or simplereenroll: the issued certificate and no other.
///
/// # Errors
/// [`Error::Pki`] (`Fault`).
pub fn issued(certificate: &Certificate) -> Result<String, Error> {
    // RFC7030-4.2.3-only-the-issued
    Ok(body::encode(&cms::certs_only(std::slice::from_ref(certificate))?))
}

/// Reads an answer to cacerts, as a client.
///
/// # Errors
/// Those of [`body::decode`]; [`Error::Pki`] when it is no certs-only message; [`Error::CaCertsInvalid`] when it holds none.
pub fn read_ca_certs(answer: &[u8]) -> Result<Vec<Certificate>, Error> {
    let (der, _) = body::decode(answer)?;
    let certificates = cms::parse_certs_only(&der)?;
    if certificates.is_empty() { Err(Error::CaCertsInvalid) } else { Ok(certificates) }
}

/// Reads an answer to simpleenroll or simplereenroll, as the client whose key it must certify.
///
/// # Errors
/// Those of [`body::decode`]; [`Error::Pki`] when it is no certs-only message; [`Error::IssuedCertificateInvalid`]
/// (`Untrusted`) when it holds not exactly one certificate or one for another key.
pub fn read_issued(answer: &[u8], key: &PublicKey) -> Result<Certificate, Error> {
    let (der, _) = body::decode(answer)?;
    only_issued(&cms::parse_certs_only(&der)?, key)
}

/// Takes the one certificate of an answer, which is for this key.
pub(crate) fn only_issued(certificates: &[Certificate], key: &PublicKey) -> Result<Certificate, Error> {
    match certificates {
        // RFC7030-4.2.3-only-the-issued
        [certificate] if certificate.public_key() == key => Ok(certificate.clone()),
        _ => Err(Error::IssuedCertificateInvalid),
    }
}
