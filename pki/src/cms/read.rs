//! Reads `SignedData`, place by place.
//! Source: RFC 5652 §3 (ContentInfo), §5.1 (SignedData), §5.3 (SignerInfo), §10.2.2 (CertificateSet), §11.
//! Does not: check a signature or whether the parts agree, except where nothing sensible could be kept.
//! Invariants: all of the input is accounted for; every place lies in the input.

use std::sync::OnceLock;

use proto::{CertificateSerial, KeyId, UnixTime};

use super::digest::Digest;
use super::{CERTIFICATES_MAX, CMS_BYTES_MAX, SignedData, SignerIdentifier, SignerInfo};
use crate::place::place;
use crate::tlv::{Reader, Tlv, magnitude, only, tag};
use crate::{Certificate, Error};

/// id-signedData (RFC 5652 §5.1).
pub(super) const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// id-data (RFC 5652 §4).
pub(super) const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// id-ct-animaJSONVoucher, 1.2.840.113549.1.9.16.1.40 (RFC 8366 §8.4).
pub(super) const ANIMA_JSON_VOUCHER: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x28";
/// id-contentType (RFC 5652 §11.1).
pub(super) const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
/// id-messageDigest (RFC 5652 §11.2).
pub(super) const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
/// id-signingTime (RFC 5652 §11.3).
pub(super) const SIGNING_TIME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";

/// Reads a certs-only message (RFC 7030 §4.1.3): its certificates in their order; none is trusted.
///
/// # Errors
/// [`Error::CmsTooLarge`], [`Error::CmsMalformed`], [`Error::CmsNotSignedData`], [`Error::CmsTooManyCertificates`],
/// [`Error::CmsSignerCount`] when somebody signed it (all `Malformed`); those of [`Certificate::parse`].
pub fn parse_certs_only(der: &[u8]) -> Result<Vec<Certificate>, Error> {
    let outline = outline(der)?;
    if !outline.signers.is_empty() {
        return Err(Error::CmsSignerCount);
    }
    outline.certificates.into_iter().map(|certificate| Certificate::parse(certificate.whole)).collect()
}

/// Reads a message that one signer signed.
pub(super) fn signed_data(der: Vec<u8>) -> Result<SignedData, Error> {
    let outline = outline(&der)?;
    let [signer] = outline.signers.as_slice() else { return Err(Error::CmsSignerCount) };
    let content = outline.content.ok_or(Error::CmsContentMissing)?;
    let place = |part: &[u8]| place(&der, part).ok_or(Error::CmsMalformed);
    let fields = SignerFields::read(signer)?;
    let (identifier, digest) = (fields.identifier()?, fields.digest(&outline.digests)?);
    let attributes = Attributes::read(fields.attributes)?;
    let signer = SignerInfo {
        identifier,
        digest,
        attributes: place(fields.attributes.whole)?,
        content_type: place(attributes.content_type)?,
        message_digest: place(attributes.message_digest)?,
        signing_at: attributes.signing_at,
        signature_algorithm: place(fields.signature_algorithm)?,
        signature: place(fields.signature)?,
    };
    let (version, content_type, content) = (outline.version, place(outline.content_type)?, place(content)?);
    let certificates = outline.certificates.iter().map(|c| place(c.whole)).collect::<Result<_, _>>()?;
    let parsed = OnceLock::new();
    Ok(SignedData { der, version, content_type, content, certificates, parsed, signer })
}

/// The fields of `SignedData`.
struct Outline<'a> {
    version: u32,
    digests: Vec<Tlv<'a>>,
    content_type: &'a [u8],
    content: Option<&'a [u8]>,
    certificates: Vec<Tlv<'a>>,
    signers: Vec<Tlv<'a>>,
}

fn outline(der: &[u8]) -> Result<Outline<'_>, Error> {
    if der.len() > CMS_BYTES_MAX {
        return Err(Error::CmsTooLarge);
    }
    let mut info = Reader::new(only(tag::SEQUENCE, der).ok_or(Error::CmsMalformed)?);
    let content_type = info.take(tag::OID).ok_or(Error::CmsMalformed)?;
    if content_type.content != SIGNED_DATA {
        return Err(Error::CmsNotSignedData);
    }
    let explicit = info.take(tag::context_constructed(0)).filter(|_| info.is_empty());
    let fields = explicit.and_then(|explicit| only(tag::SEQUENCE, explicit.content));
    let outline = fields.and_then(fields_of_signed_data).ok_or(Error::CmsMalformed)?;
    if outline.certificates.len() > CERTIFICATES_MAX {
        return Err(Error::CmsTooManyCertificates);
    }
    Ok(outline)
}

fn fields_of_signed_data(fields: &[u8]) -> Option<Outline<'_>> {
    let mut fields = Reader::new(fields);
    let version = small(fields.take(tag::INTEGER)?.content)?;
    let digests = all(fields.take(tag::SET)?.content, tag::SEQUENCE)?;
    let mut encapsulated = Reader::new(fields.take(tag::SEQUENCE)?.content);
    let content_type = encapsulated.take(tag::OID)?.content;
    let content = match encapsulated.take(tag::context_constructed(0)) {
        Some(explicit) => Some(only(tag::OCTET_STRING, explicit.content)?),
        None => None,
    };
    let certificates = match fields.take(tag::context_constructed(0)) {
        // Only the plain X.509 choice of CertificateChoices; the others are tagged or obsolete.
        Some(set) => all(set.content, tag::SEQUENCE)?,
        None => Vec::new(),
    };
    // Revocation lists in the message are discouraged (RFC 8366 §5.4) and not looked at.
    let _crls = fields.take(tag::context_constructed(1));
    let signers = all(fields.take(tag::SET)?.content, tag::SEQUENCE)?;
    let is_whole = encapsulated.is_empty() && fields.is_empty();
    is_whole.then_some(Outline { version, digests, content_type, content, certificates, signers })
}

/// Reads a small non-negative INTEGER, a version.
fn small(content: &[u8]) -> Option<u32> {
    match content {
        [value @ 0..0x80] => Some(u32::from(*value)),
        _ => None,
    }
}

/// Reads values that all have this tag.
fn all(content: &[u8], tag: u8) -> Option<Vec<Tlv<'_>>> {
    let mut reader = Reader::new(content);
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(reader.take(tag)?);
    }
    Some(values)
}

/// The fields of `SignerInfo`.
struct SignerFields<'a> {
    version: u32,
    identifier: Tlv<'a>,
    digest_algorithm: Tlv<'a>,
    attributes: Tlv<'a>,
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignerFields<'a> {
    fn read(signer: &Tlv<'a>) -> Result<Self, Error> {
        let mut fields = Reader::new(signer.content);
        let head = |fields: &mut Reader<'a>| {
            let version = small(fields.take(tag::INTEGER)?.content)?;
            Some((version, fields.any()?, fields.take(tag::SEQUENCE)?))
        };
        let (version, identifier, digest_algorithm) = head(&mut fields).ok_or(Error::CmsMalformed)?;
        // RFC5652-5.3-signed-attributes
        let attributes = fields.take(tag::context_constructed(0)).ok_or(Error::CmsSignedAttributesMissing)?;
        let tail = |fields: &mut Reader<'a>| {
            let algorithm = fields.take(tag::SEQUENCE)?.whole;
            let signature = fields.take(tag::OCTET_STRING)?.content;
            // Unsigned attributes prove nothing and are not looked at.
            let _unsigned = fields.take(tag::context_constructed(1));
            fields.is_empty().then_some((algorithm, signature))
        };
        let (signature_algorithm, signature) = tail(&mut fields).ok_or(Error::CmsMalformed)?;
        Ok(Self { version, identifier, digest_algorithm, attributes, signature_algorithm, signature })
    }

    // RFC5652-5.3-signer-version
    fn identifier(&self) -> Result<SignerIdentifier, Error> {
        let read = identifier(self.identifier).ok_or(Error::CmsMalformed)?;
        let version = match read {
            SignerIdentifier::IssuerAndSerialNumber { .. } => 1,
            SignerIdentifier::SubjectKeyIdentifier(_) => 3,
        };
        if self.version == version { Ok(read) } else { Err(Error::CmsSignerVersionMismatch) }
    }

    /// Reads the signer's digest algorithm, which the message must have announced (RFC 5652 §5.1).
    fn digest(&self, announced: &[Tlv<'_>]) -> Result<Digest, Error> {
        let digest = Digest::from_fields(Reader::new(self.digest_algorithm.content))
            .ok_or(Error::CmsDigestAlgorithmUnsupported)?;
        let mut others =
            announced.iter().map(|algorithm| Digest::from_fields(Reader::new(algorithm.content)));
        if others.any(|other| other == Some(digest)) {
            Ok(digest)
        } else {
            Err(Error::CmsDigestAlgorithmMismatch)
        }
    }
}

fn identifier(value: Tlv<'_>) -> Option<SignerIdentifier> {
    match value.tag {
        tag::SEQUENCE => {
            let mut fields = Reader::new(value.content);
            let issuer_der = fields.take(tag::SEQUENCE)?.whole.to_vec();
            let serial = CertificateSerial::new(magnitude(fields.take(tag::INTEGER)?.content)).ok();
            let serial = serial.filter(|_| fields.is_empty())?;
            Some(SignerIdentifier::IssuerAndSerialNumber { issuer_der, serial })
        }
        ski if ski == tag::context(0) => {
            Some(SignerIdentifier::SubjectKeyIdentifier(KeyId::new(value.content).ok()?))
        }
        _ => None,
    }
}

/// The signed attributes that we know; others are signed too and passed over (RFC 5652 §5.3).
struct Attributes<'a> {
    content_type: &'a [u8],
    message_digest: &'a [u8],
    signing_at: Option<UnixTime>,
}

impl<'a> Attributes<'a> {
    fn read(set: Tlv<'a>) -> Result<Self, Error> {
        let attributes = all(set.content, tag::SEQUENCE).ok_or(Error::CmsMalformed)?;
        // RFC5652-5.4-der: in DER a SET OF is in ascending order; so no attribute stands twice unnoticed either.
        if !attributes.is_sorted_by(|a, b| a.whole < b.whole) {
            return Err(Error::CmsSignedAttributesInvalid);
        }
        let find = |oid: &[u8], tag: &[u8]| single_value(&attributes, oid, tag);
        let content_type = find(CONTENT_TYPE, &[tag::OID])?.ok_or(Error::CmsSignedAttributesInvalid)?;
        let digest = find(MESSAGE_DIGEST, &[tag::OCTET_STRING])?.ok_or(Error::CmsSignedAttributesInvalid)?;
        let signing_at = match find(SIGNING_TIME, &[tag::UTC_TIME, tag::GENERALIZED_TIME])? {
            Some(time) => Some(time_of(time).ok_or(Error::CmsSignedAttributesInvalid)?),
            None => None,
        };
        Ok(Self { content_type: content_type.content, message_digest: digest.content, signing_at })
    }
}

/// Finds the attribute that must occur once at most and have one value of one of these tags.
// RFC5652-11-single-value
fn single_value<'a>(attributes: &[Tlv<'a>], oid: &[u8], tags: &[u8]) -> Result<Option<Tlv<'a>>, Error> {
    let mut found = None;
    for attribute in attributes {
        let mut fields = Reader::new(attribute.content);
        let kind = fields.take(tag::OID).ok_or(Error::CmsMalformed)?;
        let values = fields.take(tag::SET).filter(|_| fields.is_empty()).ok_or(Error::CmsMalformed)?;
        if kind.content != oid {
            continue;
        }
        let mut values = Reader::new(values.content);
        let value = values.any().filter(|value| values.is_empty() && tags.contains(&value.tag));
        if found.is_some() || value.is_none() {
            return Err(Error::CmsSignedAttributesInvalid);
        }
        found = value;
    }
    Ok(found)
}

/// Reads a Time; UTCTime means 1950 to 2049 (RFC 5652 §11.3).
fn time_of(time: Tlv<'_>) -> Option<UnixTime> {
    let text = core::str::from_utf8(time.content).ok()?.strip_suffix('Z')?;
    let (century, text) = if time.tag == tag::GENERALIZED_TIME {
        text.split_at_checked(2)?
    } else {
        (if text < "50" { "20" } else { "19" }, text)
    };
    if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| text.get(at..at + 2);
    let (year, month, day) = (pair(0)?, pair(2)?, pair(4)?);
    let (hour, minute, second) = (pair(6)?, pair(8)?, pair(10)?);
    format!("{century}{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}
