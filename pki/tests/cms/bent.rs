//! A message made field by field, each field bent in turn; each has its own refusal.

use pki::cms::{Compat, SignedData};
use pki::digest::sha256;
use pki::{Error, KeyAlgorithm};

use crate::{World, world};

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const VOUCHER: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x28";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SIGNING_TIME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
const SHA256: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const SHA384: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02";
const SHA1: &[u8] = b"\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a";
const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ECDSA_SHA384: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
const ECDSA_SHA1: &[u8] = b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01";

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let length = match content.len() {
        0..0x80 => vec![low],
        0x80..0x100 => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [vec![tag], length, content].concat()
}

fn attribute(oid: &[u8], values: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[oid]), &tlv(0x31, values)])
}

/// Every field of the message; what a test does not bend is right.
struct Parts {
    world: World,
    outer_type: &'static [u8],
    version: u8,
    digests: Vec<u8>,
    content_type: &'static [u8],
    content: Option<&'static [u8]>,
    certificates: Option<Vec<u8>>,
    signer_version: u8,
    identifier: Vec<u8>,
    digest_algorithm: &'static [u8],
    attributes: Option<Vec<Vec<u8>>>,
    signature_algorithm: &'static [u8],
    signature_flip: u8,
    signers: usize,
    after_signature: Vec<u8>,
    after_all: Vec<u8>,
}

impl Parts {
    fn new() -> Self {
        let world = world(KeyAlgorithm::EcdsaP256);
        let own = &world.chain[0];
        let serial = tlv(2, &[&[0], own.serial().as_bytes()]);
        let identifier = tlv(0x30, &[own.issuer_der(), &serial]);
        let certificates = Some(tlv(0xa0, &[own.der()]));
        Self {
            world,
            outer_type: SIGNED_DATA,
            version: 3,
            digests: SHA256.to_vec(),
            content_type: VOUCHER,
            content: Some(b"{}"),
            certificates,
            signer_version: 1,
            identifier,
            digest_algorithm: SHA256,
            attributes: Some(vec![content_type(VOUCHER), digest(b"{}")]),
            signature_algorithm: ECDSA_SHA256,
            signature_flip: 0,
            signers: 1,
            after_signature: Vec::new(),
            after_all: Vec::new(),
        }
    }

    fn make(&self) -> Vec<u8> {
        let content = self.content.map(|c| tlv(0xa0, &[&tlv(4, &[c])])).unwrap_or_default();
        let signed_data = tlv(
            0x30,
            &[
                &[2, 1, self.version],
                &tlv(0x31, &[&self.digests]),
                &tlv(0x30, &[&tlv(6, &[self.content_type]), &content]),
                self.certificates.as_deref().unwrap_or_default(),
                &tlv(0x31, &[&self.signer().repeat(self.signers)]),
                &self.after_all,
            ],
        );
        tlv(0x30, &[&tlv(6, &[self.outer_type]), &tlv(0xa0, &[&signed_data])])
    }

    fn signer(&self) -> Vec<u8> {
        let attributes = self.attributes.clone().unwrap_or_default().concat();
        let mut signature = self.world.signer.sign(&tlv(0x31, &[&attributes])).unwrap();
        *signature.last_mut().unwrap() ^= self.signature_flip;
        let attributes = self.attributes.as_ref().map(|_| tlv(0xa0, &[&attributes])).unwrap_or_default();
        tlv(
            0x30,
            &[
                &[2, 1, self.signer_version],
                &self.identifier,
                self.digest_algorithm,
                &attributes,
                self.signature_algorithm,
                &tlv(4, &[&signature]),
                &self.after_signature,
            ],
        )
    }

    fn verdict(&self, compat: Compat) -> Result<(), Error> {
        let verified =
            SignedData::parse(self.make())?.verify_with_certificate(&self.world.chain[0], compat)?;
        assert_eq!(verified.content(), b"{}");
        Ok(())
    }
}

fn content_type(oid: &[u8]) -> Vec<u8> {
    attribute(CONTENT_TYPE, &[&tlv(6, &[oid])])
}

fn digest(content: &[u8]) -> Vec<u8> {
    attribute(MESSAGE_DIGEST, &[&tlv(4, &[sha256(content).as_bytes()])])
}

fn bent(change: impl FnOnce(&mut Parts)) -> Result<(), Error> {
    let mut parts = Parts::new();
    change(&mut parts);
    let strict = parts.verdict(Compat::Strict);
    if strict.is_err()
        && strict != Err(Error::CmsContentTypeUnsupported)
        && strict != Err(Error::CmsVersionUnsupported)
    {
        assert_eq!(parts.verdict(Compat::Lenient), strict, "compat forgives the form and nothing else");
    }
    strict
}

#[test]
fn the_message_is_right_when_nothing_is_bent() {
    assert_eq!(bent(|_| {}), Ok(()));
    assert_eq!(bent(|p| p.certificates = None), Ok(()));
    assert_eq!(bent(|p| p.after_signature = tlv(0xa1, &[&attribute(SIGNING_TIME, &[])])), Ok(()));
}

#[test]
fn each_field_outside_the_signer_has_its_own_refusal() {
    // RFC5652-5.1-version RFC8366-5.4-content-type RFC5652-11.1-content-type RFC5652-11.2-message-digest
    assert_eq!(bent(|p| p.outer_type = DATA), Err(Error::CmsNotSignedData));
    assert_eq!(bent(|p| p.version = 1), Err(Error::CmsVersionUnsupported));
    assert_eq!(bent(|p| p.version = 4), Err(Error::CmsVersionUnsupported));
    assert_eq!(bent(|p| p.version = 0x80), Err(Error::CmsMalformed));
    assert_eq!(bent(|p| p.digests = SHA384.to_vec()), Err(Error::CmsDigestAlgorithmMismatch));
    assert_eq!(bent(|p| p.digests = Vec::new()), Err(Error::CmsDigestAlgorithmMismatch));
}

#[test]
fn content_certificates_and_signers_have_their_own_refusals() {
    // RFC8366-5.4-content-type RFC5652-11.2-message-digest
    assert_eq!(bent(|p| p.content_type = CONTENT_TYPE), Err(Error::CmsContentTypeUnsupported));
    assert_eq!(bent(|p| p.content_type = DATA), Err(Error::CmsContentTypeUnsupported));
    assert_eq!(bent(|p| p.content = None), Err(Error::CmsContentMissing));
    assert_eq!(bent(|p| p.content = Some(b"{ ")), Err(Error::CmsDigestMismatch));
    assert_eq!(bent(|p| p.certificates = Some(tlv(0xa0, &[&[0xa1, 0]]))), Err(Error::CmsMalformed));
    assert_eq!(
        bent(|p| p.certificates = Some(tlv(0xa0, &[&[0x30, 0].repeat(17)]))),
        Err(Error::CmsTooManyCertificates)
    );
    assert_eq!(bent(|p| p.signers = 0), Err(Error::CmsSignerCount));
    assert_eq!(bent(|p| p.signers = 2), Err(Error::CmsSignerCount));
    assert_eq!(bent(|p| p.after_all = vec![5, 0]), Err(Error::CmsMalformed));
    let mut trailing = Parts::new().make();
    trailing.push(0);
    assert_eq!(SignedData::parse(trailing).map(|_| ()).unwrap_err(), Error::CmsMalformed);
}

#[test]
fn each_field_of_the_signer_has_its_own_refusal() {
    // RFC5652-5.3-signer-version RFC5652-5.4-signed-attributes
    assert_eq!(bent(|p| p.signer_version = 3), Err(Error::CmsSignerVersionMismatch));
    assert_eq!(bent(|p| p.identifier = vec![5, 0]), Err(Error::CmsMalformed));
    let other = tlv(0x30, &[&tlv(0x30, &[]), &[2, 1, 1]]);
    assert_eq!(bent(|p| p.identifier = other), Err(Error::CmsSignerMismatch));
    assert_eq!(bent(|p| p.digest_algorithm = SHA1), Err(Error::CmsDigestAlgorithmUnsupported));
    assert_eq!(bent(|p| p.digest_algorithm = SHA384), Err(Error::CmsDigestAlgorithmMismatch));
    assert_eq!(bent(|p| p.signature_algorithm = ECDSA_SHA384), Err(Error::CmsDigestAlgorithmMismatch));
    assert_eq!(bent(|p| p.signature_algorithm = ECDSA_SHA1), Err(Error::SignatureAlgorithmBroken));
    assert_eq!(bent(|p| p.signature_algorithm = SHA256), Err(Error::SignatureAlgorithmUnsupported));
    assert_eq!(bent(|p| p.signature_flip = 1), Err(Error::CmsSignatureInvalid));
    assert_eq!(bent(|p| p.after_signature = vec![5, 0]), Err(Error::CmsMalformed));
}

#[test]
fn the_signed_attributes_are_there_once_in_der_and_true() {
    // RFC5652-5.3-signed-attributes RFC5652-5.4-der RFC5652-11-single-value RFC5652-11.1-content-type
    let invalid = || Err(Error::CmsSignedAttributesInvalid);
    let with = |attributes: Vec<Vec<u8>>| bent(|p| p.attributes = Some(attributes));
    let (kind, hash) = (content_type(VOUCHER), digest(b"{}"));
    let time = |text: &[u8]| attribute(SIGNING_TIME, &[&tlv(0x17, &[text])]);
    assert_eq!(bent(|p| p.attributes = None), Err(Error::CmsSignedAttributesMissing));
    assert_eq!(with(vec![kind.clone(), time(b"261125120000Z"), hash.clone()]), Ok(()));
    assert_eq!(with(vec![]), invalid());
    assert_eq!(with(vec![kind.clone()]), invalid());
    assert_eq!(with(vec![hash.clone()]), invalid());
    assert_eq!(with(vec![hash.clone(), kind.clone()]), invalid(), "not in DER order");
    assert_eq!(with(vec![kind.clone(), kind.clone(), hash.clone()]), invalid(), "twice the same");
    assert_eq!(with(vec![kind.clone(), digest(b"xx"), hash.clone()]), invalid(), "two digests");
    assert_eq!(with(vec![content_type(DATA), hash.clone()]), Err(Error::CmsContentTypeMismatch));
    assert_eq!(with(vec![kind.clone(), digest(b"[]")]), Err(Error::CmsDigestMismatch));
    assert_eq!(with(vec![tlv(0x30, &[&[5, 0]]), hash]), Err(Error::CmsMalformed));
}

#[test]
fn the_signed_attributes_have_one_value_each_of_the_right_type() {
    // RFC5652-11-single-value
    let invalid = || Err(Error::CmsSignedAttributesInvalid);
    let with = |attributes: Vec<Vec<u8>>| bent(|p| p.attributes = Some(attributes));
    let (kind, hash) = (content_type(VOUCHER), digest(b"{}"));
    let time = |text: &[u8]| attribute(SIGNING_TIME, &[&tlv(0x17, &[text])]);
    assert_eq!(with(vec![kind.clone(), time(b"261325120000Z"), hash.clone()]), invalid(), "no such month");
    assert_eq!(with(vec![kind.clone(), time(b"2611251200Z"), hash.clone()]), invalid(), "no seconds");
    let two = attribute(MESSAGE_DIGEST, &[&hash[13..], &hash[13..]]);
    assert_eq!(with(vec![kind.clone(), two]), invalid(), "two values");
    let text = attribute(MESSAGE_DIGEST, &[&tlv(0x0c, &[b"digest"])]);
    assert_eq!(with(vec![text, kind.clone()]), invalid(), "a digest of another type");
}

#[test]
fn compat_accepts_the_old_form_and_still_checks_all_of_it() {
    // RFC8366-5.4-content-type RFC5652-5.1-version
    let mut old = Parts::new();
    (old.version, old.content_type) = (1, DATA);
    old.attributes = Some(vec![content_type(DATA), digest(b"{}")]);
    assert_eq!(old.verdict(Compat::Strict), Err(Error::CmsContentTypeUnsupported));
    assert_eq!(old.verdict(Compat::Lenient), Ok(()));
    assert!(
        SignedData::parse(old.make())
            .unwrap()
            .verify_with_certificate(&old.world.chain[0], Compat::Lenient)
            .unwrap()
            .needs_compat()
    );
    old.version = 2;
    assert_eq!(old.verdict(Compat::Lenient), Err(Error::CmsVersionUnsupported));
    old.version = 1;
    old.attributes = None;
    assert_eq!(old.verdict(Compat::Lenient), Err(Error::CmsSignedAttributesMissing));
    old.attributes = Some(vec![content_type(VOUCHER), digest(b"{}")]);
    assert_eq!(old.verdict(Compat::Lenient), Err(Error::CmsContentTypeMismatch));
    old.content_type = VOUCHER;
    assert_eq!(old.verdict(Compat::Lenient), Ok(()));
    old.content_type = CONTENT_TYPE;
    assert_eq!(old.verdict(Compat::Lenient), Err(Error::CmsContentTypeUnsupported));
}

#[test]
fn a_signer_may_be_named_by_its_key_identifier() {
    // RFC5652-5.3-signer-version
    let mut parts = Parts::new();
    let key_id = parts.world.chain[0].subject_key_id().unwrap().clone();
    (parts.signer_version, parts.identifier) = (3, tlv(0x80, &[key_id.as_bytes()]));
    assert_eq!(parts.verdict(Compat::Strict), Ok(()));
    let parsed = SignedData::parse(parts.make()).unwrap();
    assert_eq!(parsed.signer_certificate().unwrap(), parts.world.chain[0]);
    parts.signer_version = 1;
    assert_eq!(parts.verdict(Compat::Strict), Err(Error::CmsSignerVersionMismatch));
    (parts.signer_version, parts.identifier) = (3, tlv(0x80, &[&[7; 20]]));
    assert_eq!(parts.verdict(Compat::Strict), Err(Error::CmsSignerMismatch));
    let missing = SignedData::parse(parts.make()).unwrap().signer_certificate();
    assert_eq!(missing.unwrap_err(), Error::CmsSignerCertificateMissing);
}
