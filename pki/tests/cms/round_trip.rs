//! What we write we read, and it says what was put in.

use pki::cms::{self, CERTIFICATES_MAX, CMS_BYTES_MAX, Compat, SignedData, SignerIdentifier};
use pki::{Error, KeyAlgorithm};
use proptest::prelude::*;

use crate::{common, world};

#[test]
fn what_any_of_our_keys_signs_is_verified_and_kept() {
    // RFC8419-3.1-sha512 RFC8366-5.4-content-type RFC5652-5.1-version
    for algorithm in KeyAlgorithm::ALL {
        let world = world(algorithm);
        let der = cms::sign_at(b"{\"a\":1}", &world.signer, &world.chain, Some(common::now())).unwrap();
        let unverified = SignedData::parse(der.clone()).unwrap();
        assert_eq!(unverified.unverified_content(), b"{\"a\":1}");
        assert_eq!(unverified.signer_certificate().unwrap(), world.chain[0]);
        let verified = unverified.verify_with_certificate(&world.chain[0], Compat::Strict).unwrap();
        assert_eq!((verified.content(), verified.der()), (&b"{\"a\":1}"[..], &der[..]));
        assert_eq!(verified.signing_at(), Some(common::now()));
        assert!(!verified.needs_compat());
        let mut certificates = verified.certificates().unwrap();
        certificates.sort_by_key(|certificate| *certificate != world.chain[0]);
        assert_eq!(certificates, world.chain);
        let SignerIdentifier::IssuerAndSerialNumber { serial, .. } = verified.signer_identifier() else {
            panic!("we name signers by issuer and serial number")
        };
        assert_eq!(serial, world.chain[0].serial());
    }
}

#[test]
fn another_key_or_certificate_verifies_nothing() {
    let (one, two) = (world(KeyAlgorithm::EcdsaP256), world(KeyAlgorithm::EcdsaP256));
    let parse = || SignedData::parse(cms::sign(b"x", &one.signer, &one.chain).unwrap()).unwrap();
    let verdict = parse().verify_with_key(two.signer.public_key(), Compat::Strict).map(|_| ());
    assert_eq!(verdict, Err(Error::CmsSignatureInvalid));
    let verdict = parse().verify_with_certificate(&two.chain[0], Compat::Strict).map(|_| ());
    assert_eq!(verdict, Err(Error::CmsSignerMismatch));
    let other_kind = world(KeyAlgorithm::Ed25519);
    let verdict = parse().verify_with_key(other_kind.signer.public_key(), Compat::Strict).map(|_| ());
    assert_eq!(verdict, Err(Error::SignatureKeyMismatch));
}

#[test]
fn signing_needs_the_key_of_the_first_certificate_and_few_of_them() {
    let (one, two) = (world(KeyAlgorithm::EcdsaP256), world(KeyAlgorithm::EcdsaP256));
    assert_eq!(cms::sign(b"x", &one.signer, &two.chain), Err(Error::CmsSignerKeyMismatch));
    assert_eq!(cms::sign(b"x", &one.signer, &[]), Err(Error::CmsSignerKeyMismatch));
    let many = vec![one.chain[0].clone(); CERTIFICATES_MAX + 1];
    assert_eq!(cms::sign(b"x", &one.signer, &many), Err(Error::CmsTooManyCertificates));
    assert_eq!(cms::certs_only(&many), Err(Error::CmsTooManyCertificates));
}

#[test]
fn a_message_that_is_too_large_is_not_looked_at() {
    let world = world(KeyAlgorithm::EcdsaP256);
    let der = cms::sign(&vec![b' '; CMS_BYTES_MAX], &world.signer, &world.chain).unwrap();
    assert_eq!(SignedData::parse(der.clone()).map(|_| ()).unwrap_err(), Error::CmsTooLarge);
    assert_eq!(cms::parse_certs_only(&der).unwrap_err(), Error::CmsTooLarge);
}

#[test]
fn a_bag_of_certificates_keeps_their_order() {
    // RFC7030-4.1.3-certs-only
    let world = world(KeyAlgorithm::EcdsaP256);
    for chain in [world.chain.clone(), world.chain.iter().rev().cloned().collect(), Vec::new()] {
        let der = cms::certs_only(&chain).unwrap();
        assert_eq!(cms::parse_certs_only(&der).unwrap(), chain);
        assert_eq!(SignedData::parse(der).map(|_| ()).unwrap_err(), Error::CmsSignerCount);
    }
    let signed = cms::sign(b"x", &world.signer, &world.chain).unwrap();
    assert_eq!(cms::parse_certs_only(&signed).unwrap_err(), Error::CmsSignerCount);
    let mut unread = cms::certs_only(&world.chain).unwrap();
    let place = unread.len() / 2;
    unread.truncate(place);
    assert_eq!(cms::parse_certs_only(&unread).unwrap_err(), Error::CmsMalformed);
    let (_, issuer) = (&world.signer, &world.issuer);
    assert_eq!(issuer.certificate(), &world.chain[1]);
}

fn message() -> &'static (Vec<u8>, pki::PublicKey) {
    static MESSAGE: std::sync::OnceLock<(Vec<u8>, pki::PublicKey)> = std::sync::OnceLock::new();
    MESSAGE.get_or_init(|| {
        let world = world(KeyAlgorithm::EcdsaP256);
        let der = cms::sign_at(b"{}", &world.signer, &world.chain, Some(common::now())).unwrap();
        (der, world.signer.public_key().clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damage_never_panics_and_never_changes_what_is_believed(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (original, key) = message();
        let mut bytes = original.clone();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = cms::parse_certs_only(&bytes);
        if let Ok(unverified) = SignedData::parse(bytes) {
            let _ = (unverified.certificates(), unverified.signer_certificate());
            if let Ok(verified) = unverified.verify_with_key(key, Compat::Lenient) {
                prop_assert_eq!(verified.content(), b"{}");
                prop_assert_eq!(verified.signing_at(), Some(common::now()));
            }
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = cms::parse_certs_only(&bytes);
        let _ = SignedData::parse(bytes);
    }
}
