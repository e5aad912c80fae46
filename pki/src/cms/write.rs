//! Writes `SignedData`: version 3, one signer, DER throughout; and the certs-only form.
//! Source: RFC 5652 §5; RFC 8366 §5.4; RFC 7030 §4.1.3.
//! Does not: write another content type than id-ct-animaJSONVoucher, CRLs or unsigned attributes.

use proto::UnixTime;

use super::digest::Digest;
use super::read::{ANIMA_JSON_VOUCHER, CONTENT_TYPE, DATA, MESSAGE_DIGEST, SIGNING_TIME};
use super::{CERTIFICATES_MAX, content_info};
use crate::tlv::{self, tag, tlv, unsigned};
use crate::{Certificate, Error, Signer};

/// Signs `content` (a JSON voucher or voucher-request) and returns the DER of the `ContentInfo`.
///
/// `chain` starts with the signer's own certificate; all of it is included, so pass only what may be pinned.
///
/// # Errors
/// [`Error::CmsSignerKeyMismatch`] when the first certificate is missing or of another key, [`Error::SigningFailed`]
/// (both `Fault`); [`Error::CmsTooManyCertificates`] (`Malformed`).
pub fn sign(content: &[u8], signer: &Signer, chain: &[Certificate]) -> Result<Vec<u8>, Error> {
    sign_at(content, signer, chain, None)
}

/// Signs like [`sign`] and adds the signing time when there is one.
///
/// # Errors
/// As [`sign`].
pub fn sign_at(
    content: &[u8],
    signer: &Signer,
    chain: &[Certificate],
    signing_at: Option<UnixTime>,
) -> Result<Vec<u8>, Error> {
    let own = chain.first().filter(|own| own.public_key() == signer.public_key());
    let own = own.ok_or(Error::CmsSignerKeyMismatch)?;
    let digest = Digest::for_key(signer.algorithm());
    let signer_info = signer_info(own, signer, &signed_attributes(digest, content, signing_at))?;
    let octets = tlv(tag::OCTET_STRING, &[content]);
    let explicit = tlv(tag::context_constructed(0), &[&octets]);
    let encapsulated = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ANIMA_JSON_VOUCHER]), &explicit]);
    // RFC8366-5.4-der: a SET OF in ascending order.
    let mut certificates = certificate_set(chain)?;
    certificates.sort_unstable();
    Ok(content_info(&tlv(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 3],
            &tlv(tag::SET, &[&digest.der()]),
            &encapsulated,
            &tlv(tag::context_constructed(0), &certificates),
            &tlv(tag::SET, &[&signer_info]),
        ],
    )))
}

/// Packs certificates without a signature (RFC 5652 §5.2, RFC 7030 §4.1.3), in the order given, because simple
/// clients take the first for their own; a SET OF has no order in BER, which the RFC allows here.
///
/// # Errors
/// [`Error::CmsTooManyCertificates`] (`Malformed`).
// RFC7030-4.1.3-certs-only
pub fn certs_only(certificates: &[Certificate]) -> Result<Vec<u8>, Error> {
    Ok(content_info(&tlv(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 1],
            &[tag::SET, 0],
            &tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[DATA])]),
            &tlv(tag::context_constructed(0), &certificate_set(certificates)?),
            &[tag::SET, 0],
        ],
    )))
}

fn certificate_set(certificates: &[Certificate]) -> Result<Vec<&[u8]>, Error> {
    if certificates.len() > CERTIFICATES_MAX {
        return Err(Error::CmsTooManyCertificates);
    }
    Ok(certificates.iter().map(Certificate::der).collect())
}

/// Writes the attributes as the SET that is signed (RFC 5652 §5.4).
fn signed_attributes(digest: Digest, content: &[u8], signing_at: Option<UnixTime>) -> Vec<u8> {
    let attribute =
        |oid: &[u8], value: &[u8]| tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &tlv(tag::SET, &[value])]);
    let mut attributes = vec![
        attribute(CONTENT_TYPE, &tlv(tag::OID, &[ANIMA_JSON_VOUCHER])),
        attribute(MESSAGE_DIGEST, &tlv(tag::OCTET_STRING, &[digest.of(content).as_ref()])),
    ];
    attributes.extend(signing_at.map(|at| attribute(SIGNING_TIME, &tlv::time(at))));
    attributes.sort_unstable();
    let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
    tlv(tag::SET, &attributes)
}

fn signer_info(own: &Certificate, signer: &Signer, attributes: &[u8]) -> Result<Vec<u8>, Error> {
    let signature = signer.sign(attributes)?;
    let algorithm = signer.signature_algorithm().der().ok_or(Error::SigningFailed)?;
    let identifier = tlv(tag::SEQUENCE, &[own.issuer_der(), &unsigned(own.serial().as_bytes())]);
    let mut implicit = attributes.to_vec();
    if let Some(first) = implicit.first_mut() {
        *first = tag::context_constructed(0);
    }
    Ok(tlv(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 1],
            &identifier,
            &Digest::for_key(signer.algorithm()).der(),
            &implicit,
            algorithm,
            &tlv(tag::OCTET_STRING, &[&signature]),
        ],
    ))
}
