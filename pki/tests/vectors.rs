//! The published certificates and requests parse, and say what their RFC says.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

use pki::{Certificate, Csr, Error, oid};

macro_rules! vector {
    ($path:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/", $path)).as_slice()
    };
}

macro_rules! rfc8995 {
    ($name:literal) => {
        core::str::from_utf8(vector!(concat!("rfc8995-anima-bootstrap/examples/", $name))).unwrap()
    };
}

#[test]
fn all_certificates_of_rfc_8995_parse() {
    let vendor = Certificate::from_pem(rfc8995!("vendor.crt")).unwrap();
    let masa = Certificate::from_pem(rfc8995!("masa.crt")).unwrap();
    let owner = Certificate::from_pem(rfc8995!("ownerca_secp384r1.crt")).unwrap();
    let registrar = Certificate::from_pem(rfc8995!("jrc_prime256v1.crt")).unwrap();
    let old_masa = Certificate::from_pem(rfc8995!("masa_secp384r1.crt")).unwrap();
    assert!(vendor.is_ca() && owner.is_ca());
    assert!(!masa.is_ca() && !old_masa.is_ca() && !registrar.is_ca());
    assert!(masa.verify_signed_by(vendor.public_key()).is_ok());
    assert!(vendor.verify_signed_by(vendor.public_key()).is_ok());
    assert!(registrar.verify_signed_by(owner.public_key()).is_ok());
    assert!(matches!(registrar.verify_signed_by(vendor.public_key()), Err(Error::SignatureInvalid)));
    assert_eq!(registrar.subject_common_name(), Some("fountain-test.example.com"));
}

// RFC8995-5.5.4-cmcra
#[test]
fn the_registrar_of_rfc_8995_has_the_usage_cmc_ra() {
    let registrar = Certificate::from_pem(rfc8995!("jrc_prime256v1.crt")).unwrap();
    assert!(registrar.has_extended_key_usage(&oid::CMC_RA));
    assert!(!registrar.has_extended_key_usage(&oid::SERVER_AUTH));
}

// RFC8995-2.3.1-serial-number RFC8995-2.3.2-masa-url
#[test]
fn the_idevid_of_rfc_8995_names_its_device_and_its_masa() {
    let idevid = Certificate::from_pem(rfc8995!("idevid_00-D0-E5-F2-00-02.crt")).unwrap();
    assert_eq!(idevid.subject_serial_number().unwrap().as_str(), "00-D0-E5-F2-00-02");
    assert_eq!(idevid.masa_url(), Some("highway-test.example.com:9443"));
    assert_eq!(idevid.not_after().to_string(), "2999-12-31T00:00:00.000Z");
    assert_eq!(idevid.authority_key_id(), None);
    let vendor = Certificate::from_pem(rfc8995!("vendor.crt")).unwrap();
    assert!(idevid.verify_signed_by(vendor.public_key()).is_ok());
}

#[test]
fn a_key_on_a_curve_that_we_do_not_use_is_unsupported() {
    let parsed = Certificate::from_pem(rfc8995!("server_secp256k1.crt"));
    assert!(matches!(parsed, Err(Error::KeyUnsupported)));
}

#[test]
fn the_certificates_of_cbrski_parse() {
    for (der, common_name) in [
        (vector!("cbrski-constrained-voucher/examples/cose-examples/domain_ca.der"), None),
        (vector!("cbrski-constrained-voucher/examples/cose-examples/masa_ca.der"), None),
        (vector!("cbrski-constrained-voucher/examples/cose-examples/registrar.der"), Some(true)),
        (vector!("cbrski-constrained-voucher/examples/cose-examples/pledge.der"), Some(false)),
    ] {
        let certificate = Certificate::parse(der).unwrap();
        if let Some(is_registrar) = common_name {
            assert_eq!(certificate.has_extended_key_usage(&oid::CMC_RA), is_registrar);
        }
    }
    let pledge =
        Certificate::parse(vector!("cbrski-constrained-voucher/examples/cose-examples/pledge.der")).unwrap();
    assert!(pledge.masa_url().is_some());
    assert!(pledge.subject_serial_number().is_some());
}

// RFC2986-4.2-self-signature
#[test]
fn the_requests_of_rfc_9148_are_signed_by_their_keys() {
    for der in [vector!("rfc9148/a2-sen-csr.der"), vector!("rfc9148/a3-skg-csr.der")] {
        let csr = Csr::parse(der).unwrap().verify().unwrap();
        assert!(!csr.asks_for_ca());
        assert!(!csr.subject_text().is_empty());
    }
    let enroll = Csr::parse(vector!("rfc9148/a2-sen-csr.der")).unwrap().verify().unwrap();
    assert!(enroll.subject_alt_name_der().is_some());
}

#[test]
fn the_requests_of_rfc_7030_parse_and_their_sha1_signatures_are_refused() {
    for der in [vector!("rfc7030/a3-enroll-csr.der"), vector!("rfc7030/a4-skg-csr.der")] {
        let refused = Csr::parse(der).unwrap().verify();
        assert!(matches!(refused, Err(Error::SignatureAlgorithmBroken)));
    }
}
