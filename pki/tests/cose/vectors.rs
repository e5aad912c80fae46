//! The examples of draft-ietf-anima-constrained-voucher-31, and older ones that must be refused.

use pki::cose::CoseSign1;
use pki::{Error, Secret, Signer};

macro_rules! vector {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/cbrski-constrained-voucher/examples/", $name)
    };
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(pem: &str) -> Signer {
    Signer::from_pkcs8_pem(&Secret::new(pem.to_owned())).unwrap()
}

/// Each message, and the key that signed it.
fn messages() -> [(&'static str, Vec<u8>, Signer); 5] {
    let pledge = key(include_str!(vector!("script-cose-examples/keys/privkey_pledge.pem")));
    let registrar = key(include_str!(vector!("script-cose-examples/keys/privkey_registrar.pem")));
    let masa_ca = key(include_str!(vector!("script-cose-examples/keys/privkey_masa_ca.pem")));
    [
        ("pvr", hex(include_str!(vector!("cose-examples/pvr.hex"))), pledge.clone()),
        ("rvr", hex(include_str!(vector!("cose-examples/rvr.hex"))), registrar.clone()),
        ("voucher", hex(include_str!(vector!("cose-examples/voucher.hex"))), masa_ca),
        ("new pvr", hex(include_str!(vector!("script-cose-examples/cose-hex/pvr.hex"))), pledge),
        ("new rvr", hex(include_str!(vector!("script-cose-examples/cose-hex/rvr.hex"))), registrar),
    ]
}

#[test]
fn the_examples_of_the_draft_verify_with_their_keys_and_no_other() {
    // RFC9052-4.4-sig-structure RFC9053-2-algorithm-fits-key
    let messages = messages();
    for (name, octets, signer) in &messages {
        for (other, _, key) in &messages {
            let is_own = key.public_key() == signer.public_key();
            let message = CoseSign1::parse(octets.as_slice()).unwrap();
            let verdict = message.verify_with_key(key.public_key());
            assert_eq!(verdict.is_ok(), is_own, "{name} with the key of {other}");
        }
    }
}

#[test]
fn the_sizes_are_those_that_the_draft_prints() {
    let sizes = messages().map(|(_, octets, _)| octets.len());
    assert_eq!(sizes, [201, 1604, 724, 201, 1604]);
}

#[test]
fn the_voucher_with_an_array_of_one_is_read_and_stripped() {
    // RFC9360-2-one-or-array CBRSKI-6.8-strip-bags
    let octets = hex(include_str!(vector!("script-cose-examples/cose-hex/voucher.hex")));
    assert_eq!(octets.len(), 1231);
    let message = CoseSign1::parse(octets).unwrap();
    let certificates = message.certificates().unwrap();
    let masa_ca = key(include_str!(vector!("script-cose-examples/keys/privkey_masa_ca.pem")));
    assert_eq!((certificates.len(), message.find_signer(&certificates)), (1, certificates.first()));
    assert_eq!(certificates[0].public_key(), masa_ca.public_key());
    let verified = message.verify_with_key(masa_ca.public_key()).unwrap();
    let stripped = verified.without_certificates();
    assert_eq!(stripped.len(), 724);
    let again = CoseSign1::parse(stripped).unwrap();
    assert!(again.certificates().unwrap().is_empty());
    assert_eq!(again.verify_with_key(masa_ca.public_key()).unwrap().payload(), verified.payload());
}

#[test]
fn the_registrar_of_the_example_is_found_in_its_bag() {
    let (_, octets, registrar) = messages().into_iter().nth(1).unwrap();
    let message = CoseSign1::parse(octets).unwrap();
    let certificates = message.certificates().unwrap();
    assert_eq!(certificates.len(), 2);
    assert_eq!(message.find_signer(&certificates).unwrap().public_key(), registrar.public_key());
}

#[test]
fn older_examples_without_an_algorithm_are_refused() {
    // RFC9052-3-protected-algorithm
    let old = [
        &include_bytes!(vector!("vr_00-D0-E5-F2-00-03.vrq"))[..],
        include_bytes!(vector!("parboiled_vr_00-D0-E5-F2-00-03.vrq")),
        include_bytes!(vector!("voucher_00-D0-E5-F2-00-03.vch")),
    ];
    for octets in old {
        assert_eq!(CoseSign1::parse(octets).map(|_| ()), Err(Error::CoseAlgorithmMissing));
    }
}
