//! What we write we read, and it says what was put in.

use pki::cose::{Bags, CERTIFICATES_MAX, COSE_BYTES_MAX, CoseSign1, sign, sign_with};
use pki::{Certificate, Error, KeyAlgorithm};
use proptest::prelude::*;

use crate::world;

#[test]
fn what_any_of_our_keys_signs_is_verified_and_kept() {
    // RFC9053-2-algorithm-fits-key RFC9052-4.4-sig-structure RFC9053-2.1-r-and-s
    for algorithm in KeyAlgorithm::ALL {
        let world = world(algorithm);
        let octets = sign(b"payload", &world.signer).unwrap();
        let unverified = CoseSign1::parse(octets.clone()).unwrap();
        assert_eq!(unverified.unverified_payload(), b"payload");
        assert_eq!(unverified.certificates().unwrap(), []);
        let verified = unverified.verify_with_key(world.signer.public_key()).unwrap();
        assert_eq!((verified.payload(), verified.as_bytes()), (&b"payload"[..], &octets[..]));
        assert_eq!(verified.without_certificates(), octets);
    }
}

#[test]
fn the_head_of_what_we_write_is_that_of_the_draft() {
    // RFC9052-2-tagged-or-not
    let message = sign(&[7; 3], &world(KeyAlgorithm::EcdsaP256).signer).unwrap();
    assert_eq!(message[..13], [0xd2, 0x84, 0x43, 0xa1, 1, 0x26, 0xa0, 0x43, 7, 7, 7, 0x58, 64]);
    let message = sign(&[], &world(KeyAlgorithm::Ed25519).signer).unwrap();
    assert_eq!(message[..10], [0xd2, 0x84, 0x43, 0xa1, 1, 0x27, 0xa0, 0x40, 0x58, 64]);
    let message = sign(&[], &world(KeyAlgorithm::EcdsaP384).signer).unwrap();
    assert_eq!(message[..11], [0xd2, 0x84, 0x44, 0xa1, 1, 0x38, 34, 0xa0, 0x40, 0x58, 96]);
}

#[test]
fn certificates_of_both_headers_come_along_and_only_the_unprotected_are_stripped() {
    // CBRSKI-6.8-strip-bags RFC9360-2-one-or-array
    let world = world(KeyAlgorithm::EcdsaP256);
    let bags = Bags { protected: &world.chain[..1], unprotected: &world.chain };
    let message = CoseSign1::parse(sign_with(b"x", &world.signer, bags).unwrap()).unwrap();
    assert_eq!(message.certificates().unwrap(), world.chain);
    let verified = message.verify_with_key(world.signer.public_key()).unwrap();
    let stripped = CoseSign1::parse(verified.without_certificates()).unwrap();
    assert_eq!(stripped.certificates().unwrap(), world.chain[..1]);
    let again = stripped.verify_with_key(world.signer.public_key()).unwrap();
    assert_eq!(again.without_certificates(), again.as_bytes());
}

#[test]
fn the_signer_is_found_among_certificates_by_its_key() {
    let (one, two) = (world(KeyAlgorithm::EcdsaP256), world(KeyAlgorithm::Ed25519));
    let message = CoseSign1::parse(sign(b"x", &one.signer).unwrap()).unwrap();
    let all: Vec<Certificate> = [&two.chain[..], &one.chain[..]].concat();
    assert_eq!(message.find_signer(&all), Some(&one.chain[0]));
    assert_eq!(message.find_signer(&two.chain), None);
}

#[test]
fn another_key_verifies_nothing() {
    let [one, two, other_kind] =
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519].map(world);
    let verdict = |key| {
        let message = CoseSign1::parse(sign(b"x", &one.signer).unwrap()).unwrap();
        message.verify_with_key(key).map(|_| ()).unwrap_err()
    };
    assert_eq!(verdict(two.signer.public_key()), Error::CoseSignatureInvalid);
    assert_eq!(verdict(other_kind.signer.public_key()), Error::SignatureKeyMismatch);
}

#[test]
fn a_message_has_few_certificates_and_octets() {
    let world = world(KeyAlgorithm::EcdsaP256);
    let many = vec![world.chain[0].clone(); CERTIFICATES_MAX + 1];
    let bags = Bags { protected: &[], unprotected: &many };
    assert_eq!(sign_with(b"x", &world.signer, bags), Err(Error::CoseTooManyCertificates));
    let large = sign(&vec![0; COSE_BYTES_MAX], &world.signer).unwrap();
    assert_eq!(CoseSign1::parse(large).map(|_| ()), Err(Error::CoseTooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..128)) {
        if let Ok(message) = CoseSign1::parse(octets) {
            let _ = message.certificates();
        }
    }

    #[test]
    fn no_changed_octet_is_believed(at in any::<usize>(), change in 1..=u8::MAX) {
        static WORLD: std::sync::OnceLock<(crate::World, Vec<u8>)> = std::sync::OnceLock::new();
        let (world, good) = WORLD.get_or_init(|| {
            let world = world(KeyAlgorithm::EcdsaP256);
            let good = sign_with(b"payload", &world.signer, Bags { protected: &world.chain, unprotected: &[] });
            (world, good.unwrap())
        });
        let mut bent = good.clone();
        let at = at % bent.len();
        bent[at] ^= change;
        if let Ok(message) = CoseSign1::parse(bent) {
            prop_assert!(message.verify_with_key(world.signer.public_key()).is_err(), "octet {}", at);
        }
    }
}
