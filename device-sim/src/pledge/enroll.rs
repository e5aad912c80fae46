//! EST at the pledge's end.
//! Source: RFC 7030 §4.1, §4.2, RFC 8951 §3 (base64 bodies), RFC 8995 §5.9.
//!
//! Does not: send anything.
//! Invariants: an LDevID is accepted only when it chains to the explicit trust anchor, has the requested key and our serial number, and is no
//! CA's.

use pki::path::{Anchors, Purpose, Revocation, Rules};
use pki::{Certificate, KeyAlgorithm, KeyKind, Signer, csr, path};
use proto::{Fingerprint, SerialNumber, UnixTime, media_type};
use proto_brski::pledge::PinnedDomain;
use proto_est::{CsrAttrs, Encoding, body};

use crate::Error;
use crate::transport::{Answer, Identity, Request};

/// Whom a device trusts after its voucher, and the certificates that help to get there.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    anchors: Anchors,
    pool: Vec<Certificate>,
}

impl TrustAnchors {
    /// Takes over the CA certificates of the registrar (RFC 8995 §5.9.1); the pin stays an anchor when it is a CA's.
    ///
    /// # Errors
    /// [`Error::CaCertsWithoutPin`] (`Untrusted`) when neither the pinned key is among them nor the pinned certificate leads to
    /// one of them.
    pub fn new(pinned: &PinnedDomain, ca_certs: Vec<Certificate>, now: UnixTime) -> Result<Self, Error> {
        let roots = ca_certs.iter().filter(|certificate| certificate.is_self_issued()).cloned();
        let mut anchors: Vec<Certificate> = roots.collect();
        if let Some(pinned) = pinned.certificate() {
            let is_there = ca_certs.iter().any(|ca| ca.public_key() == pinned.public_key());
            if !is_there && !is_registrar_of(pinned, &anchors, &ca_certs, now) {
                return Err(Error::CaCertsWithoutPin);
            }
            anchors.extend(Some(pinned.clone()).filter(Certificate::is_ca));
        }
        Ok(Self { anchors: Anchors::new(anchors), pool: ca_certs })
    }

    /// Returns the anchors.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        self.anchors.certificates()
    }

    fn verify(
        &self,
        leaf: &Certificate,
        sent: &[Certificate],
        purpose: Purpose<'_>,
        now: UnixTime,
    ) -> Result<(), pki::Error> {
        let pool: Vec<Certificate> = sent.iter().chain(&self.pool).cloned().collect();
        let rules = Rules { anchors: &self.anchors, now, purpose, revocation: &|_| Revocation::Good };
        path::verify(leaf, &pool, &rules).map(|_| ())
    }
}

fn is_registrar_of(pinned: &Certificate, roots: &[Certificate], pool: &[Certificate], now: UnixTime) -> bool {
    let anchors = Anchors::new(roots.iter().cloned());
    let rules =
        Rules { anchors: &anchors, now, purpose: Purpose::Registrar, revocation: &|_| Revocation::Good };
    path::verify(pinned, pool, &rules).is_ok()
}

/// Judges the chain of a server by the explicit trust anchors, any name: the registrar is known by its purpose.
///
/// # Errors
/// [`Error::ServerUntrusted`] (`Untrusted`).
pub fn verify_server(anchors: &TrustAnchors, chain: &[Certificate], now: UnixTime) -> Result<(), Error> {
    let (leaf, sent) = chain.split_first().ok_or(Error::AnswerUnreadable)?;
    anchors.verify(leaf, sent, Purpose::Registrar, now).map_err(Error::ServerUntrusted)
}

/// A certification request with its key, kept until the certificate comes.
#[derive(Clone, Debug)]
pub struct Enrollment {
    /// The key to be certified.
    pub signer: Signer,
    /// The request in DER.
    pub csr: Vec<u8>,
}

impl Enrollment {
    /// Wraps the request for the road.
    #[must_use]
    pub fn request(&self, path: &str) -> Request {
        Request::post(path, media_type::PKCS10, body::encode(&self.csr)).accepting(media_type::PKCS7_MIME)
    }

    /// Returns the SHA-256 of the request.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        pki::digest::sha256(&self.csr)
    }
}

/// Asks for a certificate with the subject and subjectAltName of `current`; `key` is certified again, or a new one is made.
///
/// # Errors
/// [`Error::Pki`].
pub fn ldevid_request(current: &Certificate, key: Option<Signer>) -> Result<Enrollment, Error> {
    let signer = match key {
        Some(signer) => signer,
        None => Signer::generate(KeyAlgorithm::EcdsaP256)?,
    };
    let mut request =
        csr::Request { subject_der: Some(current.subject_der().to_vec()), ..csr::Request::default() };
    if let Some(names) = current.subject_alt_name_der() {
        request = request.with_subject_alt_name(names);
    }
    let csr = csr::create(&request, &signer)?;
    Ok(Enrollment { signer, csr })
}

/// Verifies an issued certificate and binds it to its key.
///
/// # Errors
/// [`Error::CertificateCount`] (`Malformed`), [`Error::CertificateKeyDiffers`], [`Error::CertificateSubjectDiffers`],
/// [`Error::CertificateIsCa`], [`Error::CertificateUntrusted`] (`Untrusted`).
pub fn verify_ldevid(
    issued: &[Certificate],
    enrollment: &Enrollment,
    serial_number: &SerialNumber,
    anchors: &TrustAnchors,
    now: UnixTime,
) -> Result<Identity, Error> {
    let [leaf] = issued else { return Err(Error::CertificateCount) };
    if leaf.public_key() != enrollment.signer.public_key() {
        return Err(Error::CertificateKeyDiffers);
    }
    if leaf.subject_serial_number().as_ref() != Some(serial_number) {
        return Err(Error::CertificateSubjectDiffers);
    }
    if leaf.is_ca() {
        return Err(Error::CertificateIsCa);
    }
    anchors.verify(leaf, &[], Purpose::LdevId, now).map_err(Error::CertificateUntrusted)?;
    Ok(Identity { chain: ldevid_chain(leaf, &anchors.pool), signer: enrollment.signer.clone() })
}

/// What is sent in TLS: the LDevID and, when known, its issuer.
fn ldevid_chain(leaf: &Certificate, pool: &[Certificate]) -> Vec<Certificate> {
    let is_issuer = |ca: &&Certificate| ca.subject_der() == leaf.issuer_der() && !ca.is_self_issued();
    let issuer = pool.iter().find(is_issuer).cloned();
    [leaf.clone()].into_iter().chain(issuer).collect()
}

/// Decodes an EST body: base64 and nothing else, where a server of ours forgives bare DER (RFC 8951 §3.1).
///
/// # Errors
/// [`Error::AnswerUnreadable`] (`Malformed`).
pub(crate) fn decode_est(text: &[u8]) -> Result<Vec<u8>, Error> {
    match body::decode(text) {
        Ok((der, Encoding::Base64)) => Ok(der),
        Ok((_, Encoding::Der)) | Err(_) => Err(Error::AnswerUnreadable),
    }
}

/// Reads from an answer to csrattrs which kind of key to make: our usual one where the server does not care, which it
/// says by an answer without any, by 204 or by 404 (RFC 7030 §4.5.2).
///
/// # Errors
/// [`Error::Refused`] with what the server said; [`Error::AnswerUnreadable`] (`Malformed`); [`Error::KeyKindUnknown`]
/// (`Unsupported`) when it wants a kind that this pledge cannot make.
pub(super) fn wanted_key(answer: &Answer) -> Result<KeyAlgorithm, Error> {
    let attributes = match answer.status {
        200 => CsrAttrs::read(&answer.body).map_err(|_| Error::AnswerUnreadable)?,
        204 | 404 => CsrAttrs::default(),
        _ => return Err(Error::Refused(answer.refusal())),
    };
    match attributes.wanted_key() {
        None => Ok(KeyAlgorithm::default()),
        Some(KeyKind::P256) => Ok(KeyAlgorithm::EcdsaP256),
        Some(KeyKind::P384) => Ok(KeyAlgorithm::EcdsaP384),
        Some(KeyKind::Ed25519) => Ok(KeyAlgorithm::Ed25519),
        Some(KeyKind::Rsa) => Err(Error::KeyKindUnknown),
    }
}

/// Reads the certificates of an EST answer.
///
/// # Errors
/// [`Error::AnswerMediaType`] (`Unsupported`), [`Error::AnswerUnreadable`] (`Malformed`), [`Error::Pki`].
pub fn parse_certificates(answer: &Answer) -> Result<Vec<Certificate>, Error> {
    if !answer.is_of(media_type::PKCS7_MIME) {
        return Err(Error::AnswerMediaType);
    }
    Ok(pki::cms::parse_certs_only(&decode_est(&answer.body)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn est_bodies_may_be_broken_into_lines() {
        let der: Vec<u8> = (0..=255).collect();
        let broken: String = body::encode(&der)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line) + "\r\n")
            .collect();
        assert_eq!(decode_est(broken.as_bytes()).unwrap(), der);
        assert!(decode_est(b"!").is_err());
        assert!(decode_est(&[0x30, 3, 2, 1, 0xff]).is_err(), "bare DER");
    }
}
