//! Revocation lists: issued, read by OpenSSL, verified by us.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use std::time::Duration;

use common::{below, now, openssl, root, signer, template, write};
use pki::crl::{CrlEntry, CrlTemplate, RevocationReason, issue};
use pki::{Crl, Error, Issuer, KeyAlgorithm, Profile, random_serial};

const DAY: Duration = Duration::from_secs(86_400);

fn list(entries: Vec<CrlEntry>) -> CrlTemplate {
    CrlTemplate { number: 300, this_update: now(), next_update: now().plus(DAY), entries }
}

fn issuing(algorithm: KeyAlgorithm) -> (Issuer, Issuer) {
    let root = root(Profile::DomainRoot, algorithm);
    let issuing = below(&root, Profile::DomainIssuing, algorithm);
    (root, issuing)
}

#[test]
fn openssl_reads_our_lists_and_refuses_whom_they_name() {
    let dir = tempfile::tempdir().unwrap();
    for algorithm in KeyAlgorithm::ALL {
        let (root, issuing) = issuing(algorithm);
        let revoked = issuing.issue(&template(Profile::LdevId, &signer())).unwrap();
        let good = issuing.issue(&template(Profile::LdevId, &signer())).unwrap();
        let entry = CrlEntry {
            serial: revoked.serial().clone(),
            revoked_at: now(),
            reason: RevocationReason::CertificateHold,
        };
        let der = issue(&issuing, &list(vec![entry])).unwrap();
        let crl = write(dir.path(), "crl.der", &der);
        let ca = write(dir.path(), "ca.pem", common::pem(&[issuing.certificate(), root.certificate()]));
        let (ok, text) =
            openssl(&["crl", "-inform", "DER", "-in", &crl, "-CAfile", &ca, "-noout", "-text", "-crlnumber"]);
        assert!(ok && text.contains("verify OK"), "{algorithm}: {text}");
        for part in ["Version 2", "Certificate Hold", "X509v3 Authority Key Identifier", "crlNumber=0x012C"] {
            assert!(text.contains(part), "{algorithm} lacks {part}: {text}");
        }
        let pem = dir.path().join("crl.pem");
        openssl(&["crl", "-inform", "DER", "-in", &crl, "-out", pem.to_str().unwrap()]);
        let at = now().as_seconds().to_string();
        let check = |leaf: &pki::Certificate| {
            let leaf = write(dir.path(), "leaf.pem", leaf.to_pem());
            openssl(&[
                "verify",
                "-crl_check",
                "-attime",
                &at,
                "-CAfile",
                &ca,
                "-CRLfile",
                pem.to_str().unwrap(),
                &leaf,
            ])
        };
        assert!(check(&good).0, "{:?}", check(&good));
        assert!(check(&revoked).1.contains("certificate revoked"), "{:?}", check(&revoked));
    }
}

// RFC5280-6.3.3-crl-issuer RFC5280-6.3.3-crl-sign RFC5280-6.3.3-crl-current
#[test]
fn a_list_holds_for_its_issuer_and_its_time_only() {
    let (root, issuing) = issuing(KeyAlgorithm::EcdsaP256);
    let serial = random_serial().unwrap();
    let entry =
        CrlEntry { serial: serial.clone(), revoked_at: now(), reason: RevocationReason::KeyCompromise };
    let der = issue(&issuing, &list(vec![entry])).unwrap();
    let parse = || Crl::parse(&der).unwrap();
    let crl = parse().verify(issuing.certificate(), now()).unwrap();
    assert_eq!(crl.revocation_of(&serial), Some((now(), RevocationReason::KeyCompromise)));
    assert_eq!(crl.revocation_of(&random_serial().unwrap()), None);
    assert_eq!(crl.number(), Some(&[1, 44][..]));
    let why = |certificate, at| parse().verify(certificate, at).unwrap_err();
    assert_eq!(why(root.certificate(), now()), Error::CrlIssuerMismatch);
    assert_eq!(why(issuing.certificate(), now().minus(DAY)), Error::CrlNotYetValid);
    assert_eq!(why(issuing.certificate(), now().plus(2 * DAY)), Error::CrlExpired);
    // Same name, another key.
    let namesake = below(&root, Profile::DomainIssuing, KeyAlgorithm::EcdsaP256);
    assert_eq!(namesake.certificate().subject_der(), issuing.certificate().subject_der());
    assert_eq!(why(namesake.certificate(), now()), Error::CrlSignatureInvalid);
    // Same name and key, but a certificate that may not sign lists.
    let mut leaf = template(Profile::LdevId, issuing.signer());
    leaf.subject_der = Some(issuing.certificate().subject_der().to_vec());
    leaf.profile = Profile::MasaVoucherSigner;
    let leaf = root.issue(&leaf).unwrap();
    assert_eq!(why(&leaf, now()), Error::CrlSignNotAllowed);
}

#[test]
fn an_empty_list_and_a_long_one_are_read_back() {
    let (_, issuing) = issuing(KeyAlgorithm::EcdsaP256);
    let empty = issue(&issuing, &list(Vec::new())).unwrap();
    assert!(Crl::parse(&empty).unwrap().verify(issuing.certificate(), now()).unwrap().is_empty());
    let entries: Vec<_> = (0..2000)
        .map(|_| CrlEntry {
            serial: random_serial().unwrap(),
            revoked_at: now(),
            reason: RevocationReason::Unspecified,
        })
        .collect();
    let long = issue(&issuing, &list(entries.clone())).unwrap();
    let crl = Crl::parse(&long).unwrap().verify(issuing.certificate(), now()).unwrap();
    assert_eq!(crl.len(), 2000);
    assert!(
        entries.iter().all(|e| crl.revocation_of(&e.serial) == Some((now(), RevocationReason::Unspecified)))
    );
}

// RFC5280-5.2-critical
#[test]
fn a_list_with_a_critical_extension_that_we_do_not_know_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, issuing) = issuing(KeyAlgorithm::EcdsaP256);
    let ca = write(dir.path(), "ca.pem", issuing.certificate().to_pem());
    let key = write(dir.path(), "ca.key", issuing.signer().to_pkcs8_pem().unwrap().expose());
    let index = write(dir.path(), "index.txt", "");
    let config = write(
        dir.path(),
        "ca.cnf",
        format!(
            "[ca]\ndefault_ca=c\n[c]\ndatabase={index}\ndefault_md=sha256\ndefault_crl_days=1\ncrl_extensions=e\n\
             [e]\nissuingDistributionPoint=critical,@idp\n[idp]\nonlyuser=TRUE\n"
        ),
    );
    let out = dir.path().join("crl.pem");
    let der = dir.path().join("crl.der");
    let (out, der) = (out.to_str().unwrap(), der.to_str().unwrap());
    let (ok, text) =
        openssl(&["ca", "-config", &config, "-gencrl", "-cert", &ca, "-keyfile", &key, "-out", out]);
    assert!(ok, "{text}");
    openssl(&["crl", "-in", out, "-outform", "DER", "-out", der]);
    let refused = Crl::parse(&std::fs::read(der).unwrap());
    assert!(matches!(refused, Err(Error::CrlExtensionUnsupported)));
}
