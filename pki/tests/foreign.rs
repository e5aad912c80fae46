//! Certificates that others make: what is read, what is verified, what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::path::Path;

use common::openssl;
use pki::{Certificate, Error};

/// Lets OpenSSL make a self-signed certificate.
fn foreign(dir: &Path, key: &[&str], more: &[&str]) -> Result<Certificate, Error> {
    let (key_file, out) = (dir.join("key.pem"), dir.join("cert.pem"));
    let (key_file, out) = (key_file.to_str().unwrap(), out.to_str().unwrap());
    let (ok, text) = openssl(&[&["genpkey", "-out", key_file][..], key].concat());
    assert!(ok, "{text}");
    let make = ["req", "-x509", "-new", "-key", key_file, "-subj", "/CN=maker", "-days", "30", "-out", out];
    let (ok, text) = openssl(&[&make[..], more].concat());
    assert!(ok, "{text}");
    Certificate::from_pem(&std::fs::read_to_string(out).unwrap())
}

const RSA_2048: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];

#[test]
fn signatures_of_all_accepted_algorithms_hold() {
    let dir = tempfile::tempdir().unwrap();
    let pss: &[&str] = &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    let cases: [(&[&str], &[&str]); 9] = [
        (RSA_2048, &["-sha256"]),
        (RSA_2048, &["-sha384"]),
        (RSA_2048, &["-sha512"]),
        (RSA_2048, pss),
        (P256, &["-sha256"]),
        (P256, &["-sha384"]),
        (P256, &["-sha512"]),
        (P384, &["-sha256"]),
        (&["-algorithm", "ED25519"], &[]),
    ];
    for (key, digest) in cases {
        let certificate = foreign(dir.path(), key, digest).unwrap();
        certificate
            .verify_signed_by(certificate.public_key())
            .unwrap_or_else(|e| panic!("{key:?} {digest:?}: {e}"));
        assert!(certificate.is_self_issued() && certificate.is_ca());
        assert_eq!(certificate.subject_key_id(), Some(certificate.public_key().key_id()));
    }
}

#[test]
fn sha1_signatures_are_refused_though_the_certificate_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for key in [RSA_2048, P256] {
        let certificate = foreign(dir.path(), key, &["-sha1"]).unwrap();
        let refused = certificate.verify_signed_by(certificate.public_key());
        assert!(matches!(refused, Err(Error::SignatureAlgorithmBroken)));
    }
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let weak = foreign(dir.path(), &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], &["-sha256"]);
    assert!(matches!(weak, Err(Error::KeyTooWeak)));
    let other = foreign(dir.path(), &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], &[]);
    assert!(matches!(other, Err(Error::KeyUnsupported)));
    let other = foreign(dir.path(), &["-algorithm", "ED448"], &[]);
    assert!(matches!(other, Err(Error::KeyUnsupported)));
}

#[test]
fn an_odd_extension_matters_only_where_something_depends_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let with = |extension: &str| foreign(dir.path(), P256, &["-addext", extension]);
    assert!(with("authorityInfoAccess=DER:0500").is_ok());
    assert!(with("certificatePolicies=DER:0500").is_ok());
    for bad in [
        "certificatePolicies=critical,DER:0500",
        "subjectAltName=DER:0500",
        "nameConstraints=DER:0500",
        "keyUsage=DER:0500",
        "extendedKeyUsage=DER:0500",
        "1.3.6.1.5.5.7.1.32=DER:0500",
    ] {
        assert!(
            matches!(with(bad), Err(Error::CertificateExtensionMalformed | Error::CertificateMalformed)),
            "{bad}"
        );
    }
}

#[test]
fn an_unknown_critical_extension_is_read_and_left_to_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let dice = foreign(dir.path(), P256, &["-addext", "1.3.6.1.4.1.11129.2.1.24=critical,DER:3000"]).unwrap();
    let oid = "1.3.6.1.4.1.11129.2.1.24".parse().unwrap();
    assert!(dice.extensions().iter().any(|e| e.oid == oid && e.critical));
    assert_eq!(dice.extension(&oid), Some(&[0x30, 0][..]));
}

#[test]
fn a_name_that_stands_twice_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let twice = foreign(dir.path(), P256, &["-subj", "/CN=a/serialNumber=1/serialNumber=2"]).unwrap();
    assert_eq!(twice.subject_serial_number(), None);
    assert_eq!(twice.subject_common_name(), Some("a"));
}
