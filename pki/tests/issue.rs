//! Every profile, issued and read back by us and by OpenSSL.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use common::{below, now, openssl, pem, root, signer, template, write};
use pki::{
    Certificate, Error, HardwareModuleName, Issuer, KeyAlgorithm, Lint, Profile, Signer, Subject, Template,
    oid, random_serial, self_sign,
};
use proto::{Class, Reason, UnixTime};

/// The issuer that a profile is issued by.
fn issuer_of(profile: Profile, algorithm: KeyAlgorithm) -> (Issuer, Issuer) {
    let is_makers =
        matches!(profile, Profile::IdevId | Profile::MasaVoucherSigner | Profile::ManufacturerIssuing);
    let (top, middle) = if is_makers {
        (Profile::ManufacturerRoot, Profile::ManufacturerIssuing)
    } else {
        (Profile::DomainRoot, Profile::DomainIssuing)
    };
    let root = root(top, algorithm);
    let issuing = below(&root, middle, algorithm);
    (root, issuing)
}

#[test]
fn openssl_reads_every_profile_as_its_table_says() {
    let dir = tempfile::tempdir().unwrap();
    for profile in Profile::ALL.into_iter().filter(|p| !p.is_ca()) {
        for algorithm in KeyAlgorithm::ALL {
            let (root, issuing) = issuer_of(profile, algorithm);
            let mut template = template(profile, &Signer::generate(algorithm).unwrap());
            template.crl_url = Some("http://crl.example/domain.crl".into());
            let leaf = issuing.issue(&template).unwrap();
            let file = write(dir.path(), "leaf.pem", leaf.to_pem());
            let roots = write(dir.path(), "root.pem", root.certificate().to_pem());
            let middle = write(dir.path(), "middle.pem", issuing.certificate().to_pem());
            let at = now().as_seconds().to_string();
            let (ok, text) = openssl(&[
                "verify",
                "-x509_strict",
                "-attime",
                &at,
                "-CAfile",
                &roots,
                "-untrusted",
                &middle,
                &file,
            ]);
            assert!(ok, "{profile:?} {algorithm}: {text}");
            let (ok, text) = openssl(&["x509", "-in", &file, "-noout", "-text", "-nameopt", "RFC2253"]);
            assert!(ok, "{text}");
            check_text(&text, profile);
        }
    }
}

fn check_text(text: &str, profile: Profile) {
    let has = |part: &str| assert!(text.contains(part), "{profile:?} lacks {part:?}:\n{text}");
    has("Version: 3");
    has("X509v3 Subject Key Identifier");
    has("X509v3 Authority Key Identifier");
    has("X509v3 Basic Constraints: critical\n                CA:FALSE");
    has("X509v3 Key Usage: critical\n                Digital Signature\n");
    has("URI:http://crl.example/domain.crl");
    match profile {
        Profile::Registrar => {
            has("CMC Registration Authority, TLS Web Server Authentication, TLS Web Client Authentication\n");
        }
        Profile::LdevId | Profile::Operator | Profile::Station => has("TLS Web Client Authentication\n"),
        Profile::TlsServer => has("TLS Web Server Authentication\n"),
        _ => assert!(!text.contains("Extended Key Usage"), "{text}"),
    }
    match profile {
        Profile::IdevId => {
            has("Not After : Dec 31 23:59:59 9999 GMT");
            has("1.3.6.1.5.5.7.1.32");
            has("1.3.6.1.5.5.7.1.25");
            has("serialNumber=SN-0001");
        }
        Profile::Registrar | Profile::TlsServer => has("DNS:registrar.example"),
        Profile::Operator => has("OU=viewer"),
        Profile::Station => has("L=line-7"),
        _ => has("Not After : Jan  1 00:00:00 2056 GMT"),
    }
}

// RFC8995-5.5.4-cmcra
#[test]
fn a_registrar_may_do_all_three_of_its_trades() {
    let issuing = issuer_of(Profile::Registrar, KeyAlgorithm::EcdsaP256).1;
    let registrar = issuing.issue(&template(Profile::Registrar, &signer())).unwrap();
    for usage in [oid::CMC_RA, oid::SERVER_AUTH, oid::CLIENT_AUTH] {
        assert!(registrar.has_extended_key_usage(&usage), "{usage}");
    }
}

// RFC8995-2.3.2-masa-url RFC8520-11-mud-url
#[test]
fn the_urls_of_an_idevid_are_ia5_strings() {
    let dir = tempfile::tempdir().unwrap();
    let issuing = issuer_of(Profile::IdevId, KeyAlgorithm::EcdsaP256).1;
    let idevid = issuing.issue(&template(Profile::IdevId, &signer())).unwrap();
    assert_eq!(idevid.masa_url(), Some("masa.acme.example:9443"));
    assert_eq!(idevid.mud_url(), Some("https://mud.acme.example/lamp.json"));
    let masa = idevid.extension(&oid::MASA_URL).unwrap();
    assert_eq!(masa.first(), Some(&0x16));
    let file = write(dir.path(), "masa.der", masa);
    let (ok, text) = openssl(&["asn1parse", "-inform", "DER", "-in", &file]);
    assert!(ok && text.contains("IA5STRING         :masa.acme.example:9443"), "{text}");
}

#[test]
fn a_hardware_module_name_goes_there_and_back() {
    let issuing = issuer_of(Profile::IdevId, KeyAlgorithm::EcdsaP256).1;
    let mut template = template(Profile::IdevId, &signer());
    let module = HardwareModuleName {
        hardware_type: "1.3.6.1.4.1.6715.10.1".parse().unwrap(),
        serial: b"\x01\x02".to_vec(),
    };
    template.hardware_module_name = Some(module.clone());
    assert_eq!(issuing.issue(&template).unwrap().hardware_module_name(), Some(module));
    template.hardware_module_name =
        Some(HardwareModuleName { hardware_type: oid::MUD_URL, serial: Vec::new() });
    assert!(matches!(issuing.prepare(&template), Err(Error::AlternativeNameInvalid)));
}

#[test]
fn what_is_prepared_is_what_is_signed() {
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let prepared = issuing.prepare(&template(Profile::LdevId, &signer())).unwrap();
    let (der, digest) = (prepared.der().to_vec(), prepared.digest());
    let leaf = issuing.sign(prepared).unwrap();
    assert_eq!(leaf.signed_der(), der);
    assert_eq!(digest, pki::digest::sha256(leaf.signed_der()));
    assert!(leaf.verify_signed_by(issuing.certificate().public_key()).is_ok());
    assert!(leaf.is_valid_at(now()));
}

#[test]
fn an_issuer_does_not_sign_what_another_prepared() {
    let (root, issuing) = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256);
    let prepared = issuing.prepare(&template(Profile::LdevId, &signer())).unwrap();
    assert!(matches!(root.sign(prepared), Err(Error::IssuerMismatch)));
}

#[test]
fn re_enrolment_keeps_subject_and_alternative_names_octet_for_octet() {
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let mut first = template(Profile::LdevId, &signer());
    first.dns_names = vec!["lamp.example".into()];
    first.ip_addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    first.uris = vec!["urn:dev:ops:1-lamp-7".into()];
    let first = issuing.issue(&first).unwrap();
    assert_eq!(first.dns_names(), ["lamp.example"]);
    assert_eq!(first.uris(), ["urn:dev:ops:1-lamp-7"]);
    assert_eq!(first.ip_addresses().len(), 2);
    let mut next = template(Profile::LdevId, &signer());
    next.subject_der = Some(first.subject_der().to_vec());
    next.subject_alt_name_der = first.subject_alt_name_der().map(<[u8]>::to_vec);
    let next = issuing.issue(&next).unwrap();
    assert_eq!(next.subject_der(), first.subject_der());
    assert_eq!(next.subject_alt_name_der(), first.subject_alt_name_der());
    assert_ne!(next.public_key(), first.public_key());
}

#[test]
fn a_foreign_ca_is_named_octet_for_octet() {
    // O and CN are PrintableStrings here and stand in one set: nothing that we would write ourselves.
    let dir = tempfile::tempdir().unwrap();
    let key = signer();
    let key_file = write(dir.path(), "ca.key", key.to_pkcs8_pem().unwrap().expose());
    let out = dir.path().join("ca.pem");
    let (ok, text) = openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key_file,
        "-multivalue-rdn",
        "-subj",
        "/DC=com/DC=example/O=Acme+CN=Root",
        "-days",
        "20000",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-out",
        out.to_str().unwrap(),
    ]);
    assert!(ok, "{text}");
    let ca = Certificate::from_pem(&std::fs::read_to_string(&out).unwrap()).unwrap();
    let issuer = Issuer::new(ca.clone(), key).unwrap();
    let mut template = template(Profile::LdevId, &signer());
    template.not_before = ca.not_before();
    template.not_after = ca.not_after();
    let leaf = issuer.issue(&template).unwrap();
    assert_eq!(leaf.issuer_der(), ca.subject_der());
    assert_eq!(leaf.authority_key_id(), ca.subject_key_id());
    let leaf = write(dir.path(), "leaf.pem", leaf.to_pem());
    let (ok, text) = openssl(&["verify", "-x509_strict", "-CAfile", out.to_str().unwrap(), &leaf]);
    assert!(ok, "{text}");
}

#[test]
fn serials_have_128_bits_and_differ() {
    let serials: std::collections::HashSet<_> = (0..1000).map(|_| random_serial().unwrap()).collect();
    assert_eq!(serials.len(), 1000);
    assert!(serials.iter().all(|s| s.as_bytes().len() == 16));
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let template = template(Profile::LdevId, &signer());
    assert_eq!(issuing.issue(&template).unwrap().serial(), &template.serial);
}

fn lint_of(profile: Profile, change: impl FnOnce(&mut Template)) -> Option<Lint> {
    let (root, issuing) = issuer_of(profile, KeyAlgorithm::EcdsaP256);
    let issuer = if profile.is_ca() { root } else { issuing };
    let mut template = template(profile, &signer());
    change(&mut template);
    match issuer.prepare(&template) {
        Err(Error::Lint(lint)) => Some(lint),
        _ => None,
    }
}

// RFC8995-2.3.1-serial-number
#[test]
fn the_lint_refuses_a_subject_that_lacks_what_its_profile_needs() {
    let of = |profile, change: fn(&mut Template)| lint_of(profile, change);
    assert_eq!(of(Profile::LdevId, |_| ()), None);
    assert_eq!(of(Profile::LdevId, |t| t.subject.serial_number = None), Some(Lint::Subject));
    assert_eq!(of(Profile::IdevId, |t| t.subject.serial_number = None), Some(Lint::Subject));
    assert_eq!(of(Profile::Operator, |t| t.subject.organizational_unit = None), Some(Lint::Subject));
    let station = |t: &mut Template| t.subject.organizational_unit = Some("station".into());
    assert_eq!(of(Profile::Operator, station), Some(Lint::Subject));
    assert_eq!(of(Profile::Station, |t| t.subject.locality = None), Some(Lint::Subject));
    assert_eq!(Error::Lint(Lint::Subject).class(), Class::Fault);
}

// IEEE802.1AR-8-not-after
#[test]
fn the_lint_refuses_a_validity_that_is_empty_or_not_of_its_profile() {
    let of = |profile, change: fn(&mut Template)| lint_of(profile, change);
    let at = |text: &str| -> UnixTime { text.parse().unwrap() };
    let (early, late) = (at("2025-01-01T00:00:00Z"), at("2056-01-01T00:00:00Z"));
    assert_eq!(lint_of(Profile::IdevId, |t| t.not_after = late), Some(Lint::Validity));
    assert_eq!(of(Profile::LdevId, |t| t.not_after = t.not_before), Some(Lint::Validity));
    assert_eq!(of(Profile::LdevId, |t| t.not_after = UnixTime::NO_END), Some(Lint::ValidityBeyondIssuer));
    assert_eq!(lint_of(Profile::LdevId, |t| t.not_before = early), Some(Lint::ValidityBeyondIssuer));
}

#[test]
fn the_lint_refuses_extensions_and_serials_that_are_out_of_place() {
    let of = |profile, change: fn(&mut Template)| lint_of(profile, change);
    assert_eq!(of(Profile::LdevId, |t| t.masa_url = Some("x".into())), Some(Lint::DeviceUrl));
    assert_eq!(of(Profile::TlsServer, |t| t.dns_names.clear()), Some(Lint::AlternativeName));
    let short = proto::CertificateSerial::new(&[1; 8]).unwrap();
    assert_eq!(lint_of(Profile::LdevId, |t| t.serial = short), Some(Lint::Serial));
    let odd = |t: &mut Template| t.subject_alt_name_der = Some(vec![0x30, 0x05]);
    assert_eq!(of(Profile::LdevId, odd), Some(Lint::Unreadable));
}

#[test]
fn an_issuing_ca_makes_no_further_ca() {
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let refused = issuing.prepare(&template(Profile::DomainIssuing, &signer()));
    assert!(matches!(refused, Err(Error::Lint(Lint::PathLength))));
}

#[test]
fn only_a_ca_with_its_own_key_is_an_issuer() {
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let key = signer();
    let leaf = issuing.issue(&template(Profile::LdevId, &key)).unwrap();
    assert!(matches!(Issuer::new(leaf.clone(), key), Err(Error::IssuerNotCa)));
    assert!(matches!(Issuer::new(leaf, signer()), Err(Error::IssuerKeyMismatch)));
    assert!(matches!(
        self_sign(&template(Profile::DomainRoot, &signer()), &signer()),
        Err(Error::IssuerKeyMismatch)
    ));
}

#[test]
fn subjects_and_urls_are_checked_before_they_are_written() {
    let issuing = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256).1;
    let mut bad = template(Profile::LdevId, &signer());
    bad.subject = Subject::new("");
    assert!(matches!(issuing.prepare(&bad), Err(Error::NameInvalid)));
    let mut bad = template(Profile::LdevId, &signer());
    bad.dns_names = vec!["lämp.example".into()];
    assert!(matches!(issuing.prepare(&bad), Err(Error::AlternativeNameInvalid)));
    bad.dns_names = Vec::new();
    bad.crl_url = Some("http://a b".into());
    assert!(matches!(issuing.prepare(&bad), Err(Error::AlternativeNameInvalid)));
}

#[test]
fn chains_survive_pem_with_other_blocks_between() {
    let (root, issuing) = issuer_of(Profile::LdevId, KeyAlgorithm::EcdsaP256);
    let text = format!(
        "subject=whatever\n{}-----BEGIN X-----\nAAAA\n-----END X-----\n{}",
        pem(&[issuing.certificate()]),
        pem(&[root.certificate()])
    );
    let chain = Certificate::parse_pem_chain(&text).unwrap();
    assert_eq!(chain, [issuing.certificate().clone(), root.certificate().clone()]);
    assert!(matches!(Certificate::from_pem(&text), Err(Error::PemMalformed)));
    assert!(matches!(Certificate::parse_pem_chain("nothing"), Err(Error::PemMalformed)));
}
