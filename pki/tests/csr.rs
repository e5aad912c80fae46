//! Requests: ours read by OpenSSL, OpenSSL's read by us, and what a wicked one gets.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use common::{below, openssl, root, signer, template, write};
use pki::csr::{CSR_BYTES_MAX, Request, create};
use pki::{Csr, Error, Extension, KeyAlgorithm, Profile, Signer, Subject, oid};

fn request(common_name: &str) -> Request {
    Request::new(Subject { serial_number: Some("SN-1".parse().unwrap()), ..Subject::new(common_name) })
}

#[test]
fn openssl_reads_and_verifies_our_requests() {
    let dir = tempfile::tempdir().unwrap();
    for algorithm in KeyAlgorithm::ALL {
        let mut wanted = request("lamp").asking_for_ca().with_subject_alt_name(b"\x30\x06\x82\x04lamp");
        wanted.challenge_password = Some("secret".into());
        let der = create(&wanted, &Signer::generate(algorithm).unwrap()).unwrap();
        let file = write(dir.path(), "csr.der", &der);
        let (ok, text) = openssl(&["req", "-inform", "DER", "-in", &file, "-verify", "-noout", "-text"]);
        assert!(ok && text.contains("self-signature verify OK"), "{algorithm}: {text}");
        for part in ["CN = lamp", "serialNumber = SN-1", "CA:TRUE", "DNS:lamp", "challengePassword"] {
            assert!(text.contains(part), "{algorithm} lacks {part}: {text}");
        }
    }
}

#[test]
fn our_requests_come_back_as_they_were_asked() {
    let key = signer();
    let mut wanted = request("lamp").asking_for_ca().with_subject_alt_name(b"\x30\x06\x82\x04lamp");
    wanted.challenge_password = Some("secret".into());
    let csr = Csr::parse(&create(&wanted, &key).unwrap()).unwrap().verify().unwrap();
    assert_eq!(csr.public_key(), key.public_key());
    assert_eq!(csr.subject_common_name(), Some("lamp"));
    assert_eq!(csr.subject_serial_number().map(proto::SerialNumber::as_str), Some("SN-1"));
    assert_eq!(csr.challenge_password(), Some("secret"));
    assert_eq!(csr.subject_alt_name_der(), Some(&b"\x30\x06\x82\x04lamp"[..]));
    assert!(csr.asks_for_ca());
    assert_eq!(csr.asked_extensions(), [oid::BASIC_CONSTRAINTS, oid::SUBJECT_ALT_NAME]);
    assert_eq!(csr.digest(), pki::digest::sha256(csr.der()));
}

#[test]
fn a_plain_request_asks_for_nothing() {
    let csr = Csr::parse(&create(&request("lamp"), &signer()).unwrap()).unwrap().verify().unwrap();
    assert!(!csr.asks_for_ca() && csr.asked_extensions().is_empty() && csr.challenge_password().is_none());
}

#[test]
fn openssls_requests_are_read_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("csr.der");
    let (ok, text) = openssl(&[
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        dir.path().join("key").to_str().unwrap(),
        "-subj",
        "/CN=lamp/serialNumber=SN-2",
        "-addext",
        "subjectAltName=DNS:lamp.example",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-outform",
        "DER",
        "-out",
        out.to_str().unwrap(),
    ]);
    assert!(ok, "{text}");
    let csr = Csr::parse(&std::fs::read(&out).unwrap()).unwrap().verify().unwrap();
    assert_eq!(csr.subject_serial_number().map(proto::SerialNumber::as_str), Some("SN-2"));
    assert!(!csr.asks_for_ca());
    assert!(csr.subject_alt_name_der().is_some());
}

// RFC2986-4.2-self-signature
#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let der = create(&request("lamp"), &signer()).unwrap();
    let at = der.windows(4).position(|w| w == b"lamp").unwrap();
    let mut forged = der.clone();
    forged[at] = b'L';
    let refused = Csr::parse(&forged).unwrap().verify();
    assert!(matches!(refused, Err(Error::CsrSelfSignatureInvalid)));
    // Another key in the same place: proof of possession fails.
    let (mine, other) = (signer(), signer());
    let der = create(&request("lamp"), &mine).unwrap();
    let spki = mine.public_key().spki_der();
    let at = der.windows(spki.len()).position(|w| w == spki).unwrap();
    let mut stolen = der;
    stolen[at..at + spki.len()].copy_from_slice(other.public_key().spki_der());
    assert!(matches!(Csr::parse(&stolen).unwrap().verify(), Err(Error::CsrSelfSignatureInvalid)));
}

#[test]
fn requests_that_are_too_large_cut_or_padded_are_malformed() {
    let der = create(&request("lamp"), &signer()).unwrap();
    assert!(matches!(Csr::parse(&vec![0x30; CSR_BYTES_MAX + 1]), Err(Error::CsrTooLarge)));
    assert!(matches!(Csr::parse(&[&der[..], &[0]].concat()), Err(Error::CsrMalformed)));
    for end in 0..der.len() {
        assert!(matches!(Csr::parse(&der[..end]), Err(Error::CsrMalformed)), "{end}");
    }
}

#[test]
fn an_extension_asked_for_twice_is_malformed() {
    let twice = request("lamp").asking_for_ca().asking_for_ca();
    let der = create(&twice, &signer()).unwrap();
    assert!(matches!(Csr::parse(&der), Err(Error::CsrMalformed)));
}

#[test]
fn constraints_that_cannot_be_read_count_as_asking_for_ca() {
    let mut odd = request("lamp");
    odd.extensions.push(Extension { oid: oid::BASIC_CONSTRAINTS, critical: false, value: vec![4, 0] });
    if let Ok(csr) = Csr::parse(&create(&odd, &signer()).unwrap()) {
        assert!(csr.verify().unwrap().asks_for_ca());
    }
}

#[test]
fn a_wicked_request_gets_nothing_of_what_it_asks() {
    let key = signer();
    let csr = create(&request("root of all").asking_for_ca(), &key).unwrap();
    let csr = Csr::parse(&csr).unwrap().verify().unwrap();
    let root = root(Profile::DomainRoot, KeyAlgorithm::EcdsaP256);
    let issuing = below(&root, Profile::DomainIssuing, KeyAlgorithm::EcdsaP256);
    let mut policy = template(Profile::LdevId, &key);
    policy.public_key = csr.public_key().clone();
    let leaf = issuing.issue(&policy).unwrap();
    assert!(!leaf.is_ca());
    assert_eq!(leaf.subject_common_name(), Some("SN-0001"));
    assert_eq!(leaf.public_key(), csr.public_key());
}
