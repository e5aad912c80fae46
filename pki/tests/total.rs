//! No bytes make a parser panic, and what still parses after damage is not believed.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use common::{below, now, root, signer, template};
use pki::crl::{CrlEntry, CrlTemplate, RevocationReason, issue};
use pki::csr::{Request, create};
use pki::{
    CERTIFICATE_BYTES_MAX, Certificate, Crl, Csr, Error, KeyAlgorithm, Oid, Profile, PublicKey, Subject,
};
use pki::{SignatureAlgorithm, random_serial};
use proptest::prelude::*;

struct Samples {
    issuer: Certificate,
    certificate: Vec<u8>,
    csr: Vec<u8>,
    crl: Vec<u8>,
}

fn samples() -> &'static Samples {
    static SAMPLES: std::sync::OnceLock<Samples> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| {
        let root = root(Profile::ManufacturerRoot, KeyAlgorithm::EcdsaP256);
        let issuing = below(&root, Profile::ManufacturerIssuing, KeyAlgorithm::EcdsaP256);
        let mut idevid = template(Profile::IdevId, &signer());
        idevid.dns_names = vec!["lamp.example".into()];
        idevid.crl_url = Some("http://crl.example/".into());
        let mut request = Request::new(Subject::new("lamp")).asking_for_ca();
        request.challenge_password = Some("secret".into());
        let entry = || CrlEntry {
            serial: random_serial().unwrap(),
            revoked_at: now(),
            reason: RevocationReason::Superseded,
        };
        let list = CrlTemplate {
            number: 7,
            this_update: now(),
            next_update: now().plus(std::time::Duration::from_secs(60)),
            entries: vec![entry(), entry()],
        };
        Samples {
            issuer: issuing.certificate().clone(),
            certificate: issuing.issue(&idevid).unwrap().der().to_vec(),
            csr: create(&request, &signer()).unwrap(),
            crl: issue(&issuing, &list).unwrap(),
        }
    })
}

/// Damage: some octets changed, then perhaps cut or lengthened.
fn damaged(original: &[u8], changes: &[(prop::sample::Index, u8)], end: prop::sample::Index) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for (at, value) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    let end = end.index(2 * original.len());
    if end < original.len() / 4 {
        bytes.truncate(end);
    }
    bytes
}

fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, prop::sample::Index)> {
    (prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..6), any::<prop::sample::Index>())
}

/// Calls every getter, so that none of them panics either.
fn read_all(certificate: &Certificate) {
    let _ =
        (certificate.subject_text(), certificate.issuer_text(), certificate.dns_names(), certificate.uris());
    let _ = (certificate.ip_addresses(), certificate.hardware_module_name(), certificate.crl_url());
    let _ =
        (certificate.subject_serial_number(), certificate.masa_url(), certificate.public_key().fingerprint());
    let _ = format!("{certificate:?}");
}

#[test]
fn an_extension_of_another_tag_class_is_malformed() {
    let original = samples().certificate.clone();
    let extensions: [&[u8]; 6] = [
        b"\x55\x1d\x23\x04\x18\x30",             // authorityKeyIdentifier
        b"\x55\x1d\x23\x04\x18\x30\x16\x80",     // its keyIdentifier
        b"\x55\x1d\x0e\x04\x16\x04",             // subjectKeyIdentifier
        b"\x55\x1d\x0f\x01\x01\xff\x04\x04\x03", // keyUsage
        b"\x55\x1d\x13\x01\x01\xff\x04\x02\x30", // basicConstraints
        b"\x55\x1d\x11\x04\x10\x30",             // subjectAltName
    ];
    for extension in extensions {
        let at = original.windows(extension.len()).position(|part| part == extension).unwrap();
        let mut bytes = original.clone();
        bytes[at + extension.len() - 1] ^= 0x80;
        let error = Certificate::parse(&bytes).unwrap_err();
        assert_eq!(error, Error::CertificateExtensionMalformed, "{extension:02x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damaged_certificates_never_panic_nor_verify((changes, end) in damage()) {
        let samples = samples();
        let bytes = damaged(&samples.certificate, &changes, end);
        if let Ok(certificate) = Certificate::parse(&bytes) {
            read_all(&certificate);
            let holds = certificate.verify_signed_by(samples.issuer.public_key()).is_ok();
            prop_assert_eq!(holds, certificate.der() == samples.certificate);
        }
    }

    #[test]
    fn damaged_requests_never_panic_nor_verify((changes, end) in damage()) {
        let samples = samples();
        let bytes = damaged(&samples.csr, &changes, end);
        if let Ok(csr) = Csr::parse(&bytes) {
            prop_assert_eq!(csr.verify().is_ok(), bytes == samples.csr);
        }
    }

    #[test]
    fn damaged_lists_never_panic_nor_verify((changes, end) in damage()) {
        let samples = samples();
        let bytes = damaged(&samples.crl, &changes, end);
        if let Ok(crl) = Crl::parse(&bytes) {
            prop_assert_eq!(crl.verify(&samples.issuer, now()).is_ok(), bytes == samples.crl);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Certificate::parse(&bytes);
        let _ = Csr::parse(&bytes);
        let _ = Crl::parse(&bytes);
        let _ = PublicKey::from_spki_der(&bytes);
        let _ = SignatureAlgorithm::from_der(&bytes);
        let _ = Oid::new(&bytes).map(|oid| oid.to_string());
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[-A-Z a-z0-9+/=\n]{0,400}") {
        let _ = Certificate::parse_pem_chain(&text);
        let _ = text.parse::<Oid>();
    }
}

#[test]
fn certificates_that_are_too_large_cut_or_padded_are_malformed() {
    let der = &samples().certificate;
    assert!(matches!(
        Certificate::parse(&vec![0x30; CERTIFICATE_BYTES_MAX + 1]),
        Err(Error::CertificateTooLarge)
    ));
    assert!(matches!(Certificate::parse(&[&der[..], &[0]].concat()), Err(Error::CertificateMalformed)));
    for end in 0..der.len() {
        assert!(matches!(Certificate::parse(&der[..end]), Err(Error::CertificateMalformed)), "{end}");
    }
}
