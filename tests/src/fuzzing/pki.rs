//! X.509, PKCS #10, CRLs, CMS and PEM, as strangers send them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::cms::{self, CERTIFICATES_MAX, Compat, SignedData};
use pki::path::{self, Anchors, Expiry, Purpose, Rules};
use pki::{CHAIN_CERTIFICATES_MAX, Certificate, Crl, Csr, Secret, Signer};
use proto::{CertificateSerial, Reason, UnixTime};

use super::world::{WORLD, good, later, that_day};

/// The most octets of a damaged key that are changed.
const CHANGES_MAX: usize = 16;

/// Reads a certificate, uses all that it says, and looks for a path that it must not have.
pub fn certificate(bytes: &[u8]) {
    let certificate = match Certificate::parse(bytes) {
        Ok(certificate) => certificate,
        Err(error) => return is_explained(&error),
    };
    assert_eq!(certificate.der(), bytes, "what was read is kept octet for octet");
    check_fields(&certificate);
    let again = Certificate::from_pem(&certificate.to_pem()).expect("its own PEM is read");
    assert_eq!(again.der(), bytes, "PEM goes there and back");
    check_trust(&certificate);
}

fn check_fields(certificate: &Certificate) {
    let texts = (certificate.subject_text(), certificate.issuer_text(), format!("{certificate:?}"));
    let names = (certificate.dns_names(), certificate.uris(), certificate.crl_url());
    let subject = (certificate.subject_organization(), certificate.subject_locality());
    let urls = (certificate.masa_url(), certificate.mud_url(), certificate.subject_common_name());
    std::hint::black_box((texts, names, subject, urls, certificate.subject_serial_number()));
    for address in certificate.ip_addresses() {
        assert!(matches!(address.len(), 4 | 16), "an address has 4 or 16 octets");
    }
    if let Some(module) = certificate.hardware_module_name() {
        assert!((1..=64).contains(&module.serial.len()), "a hardware serial number is bounded");
    }
    let extensions = certificate.extensions();
    for (at, extension) in extensions.iter().enumerate() {
        assert!(extensions.iter().skip(at + 1).all(|later| later.oid != extension.oid), "no extension twice");
        assert_eq!(extension.oid.to_string().is_empty(), extension.oid.as_bytes().is_empty());
    }
    assert!(certificate.not_after() <= UnixTime::NO_END);
    let issuer = proto_brski::IdevidIssuer::of(certificate);
    assert!(certificate.authority_key_id().is_none() || issuer.names_issuer_of(certificate));
    std::hint::black_box(proto_brski::domain_id(certificate));
}

fn check_trust(certificate: &Certificate) {
    let world = &*WORLD;
    let stranger = world.stranger.certificate();
    assert!(certificate.verify_signed_by(stranger.public_key()).is_err(), "the stranger signed nothing");
    if certificate.verify_signed_by(world.vendor.public_key()).is_ok() {
        assert!(world.is_certified(certificate.signed_der()), "the vendor did not sign this");
    }
    let purposes = [
        Purpose::IdevId { expiry: Expiry::Enforce },
        Purpose::IdevId { expiry: Expiry::Ignore },
        Purpose::LdevId,
        Purpose::VoucherSigner,
        Purpose::RegistrarRequestSigner,
        Purpose::Registrar,
        Purpose::TlsServer { host: "highway-test.example.com" },
        Purpose::TlsClient,
    ];
    let pool = [certificate.clone(), world.masa.clone()];
    for purpose in purposes {
        let now = later();
        let judge = |leaf: &Certificate, anchors: &Anchors| {
            path::verify(leaf, &pool, &Rules { anchors, now, purpose, revocation: &good }).is_ok()
        };
        assert!(!judge(certificate, &world.stranger_anchors), "no way leads to the stranger");
        let is_good = judge(certificate, &world.vendor_anchors);
        assert!(!is_good || world.is_certified(certificate.signed_der()), "the vendor did not sign this");
        // As an intermediate it must not help anybody to the stranger's anchor either.
        assert!(!judge(&world.idevid, &world.stranger_anchors));
        if judge(certificate, &Anchors::new([certificate.clone()])) {
            assert!(certificate.is_valid_at(now) || matches!(purpose, Purpose::IdevId { .. }));
        }
    }
}

/// Reads a request, checks its signature and holds it against a device's certificate.
pub fn csr(bytes: &[u8]) {
    let csr = match Csr::parse(bytes) {
        Ok(csr) => csr,
        Err(error) => return is_explained(&error),
    };
    let Ok(csr) = csr.verify() else { return };
    assert_eq!(csr.der(), bytes);
    assert!(KNOWN_KEYS.contains(&csr.public_key().fingerprint().to_string()), "nobody signed this request");
    std::hint::black_box((csr.subject_text(), csr.subject_common_name(), csr.subject_serial_number()));
    std::hint::black_box((csr.subject_alt_name_der(), csr.challenge_password(), csr.digest()));
    check_enrollment(bytes);
}

fn check_enrollment(bytes: &[u8]) {
    use proto_est::{ChallengePassword, EnrollRequest, RenewalRequest};
    let (idevid, body) = (&WORLD.idevid, proto_est::body::encode(bytes));
    let received = || proto_est::parse_csr(body.as_bytes()).expect("it was read before").0;
    for challenge_password in [ChallengePassword::Refuse, ChallengePassword::Ignore] {
        if let Ok(request) = EnrollRequest::verify(received(), idevid, challenge_password) {
            assert_eq!(Some(request.serial_number()), idevid.subject_serial_number().as_ref());
            assert!(!request.csr().asks_for_ca());
        }
        if let Ok(request) = RenewalRequest::verify(received(), idevid, challenge_password) {
            assert_eq!(request.csr().subject_der(), idevid.subject_der());
            assert_eq!(request.csr().subject_alt_name_der(), idevid.subject_alt_name_der());
        }
    }
}

/// The keys that signed the requests among the inputs, by the SHA-256 of their SubjectPublicKeyInfo.
static KNOWN_KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let requests: [&[u8]; 5] = [
        include_bytes!("../../vectors/rfc7030/a3-enroll-csr.der"),
        include_bytes!("../../vectors/rfc7030/a4-skg-csr.der"),
        include_bytes!("../../vectors/rfc9148/a2-sen-csr.der"),
        include_bytes!("../../vectors/rfc9148/a3-skg-csr.der"),
        include_bytes!("../../fuzz/seeds/csr/wicked"),
    ];
    let verified = requests.into_iter().filter_map(|der| Csr::parse(der).ok()?.verify().ok());
    verified.map(|csr| csr.public_key().fingerprint().to_string()).collect()
});

/// Reads a revocation list; what the vendor did not sign must not count.
pub fn crl(bytes: &[u8]) {
    let world = &*WORLD;
    let parse = || match Crl::parse(bytes) {
        Ok(crl) => Some(crl),
        Err(error) => {
            is_explained(&error);
            None
        }
    };
    let (Some(for_stranger), Some(for_vendor)) = (parse(), parse()) else { return };
    assert!(for_stranger.verify(world.stranger.certificate(), that_day()).is_err());
    let Ok(crl) = for_vendor.verify(&world.vendor, that_day()) else { return };
    let original = Crl::parse(VENDOR_CRL).and_then(|crl| crl.verify(&world.vendor, that_day()));
    let original = original.expect("the seed verifies");
    let said = |crl: &Crl| {
        let entries = [1, 2].map(|octet| crl.revocation_of(&CertificateSerial::new(&[octet; 16]).ok()?));
        (crl.number().map(<[u8]>::to_vec), crl.this_update(), crl.next_update(), crl.len(), entries)
    };
    assert_eq!(said(&crl), said(&original), "the vendor did not sign this");
}

/// A list that the vendor's key signed; good on the day of the example.
const VENDOR_CRL: &[u8] = include_bytes!("../../fuzz/seeds/crl/vendor");

/// Reads a CMS message as a signed one and as a bag of certificates.
pub fn cms(bytes: &[u8]) {
    if let Ok(certificates) = cms::parse_certs_only(bytes) {
        assert!(certificates.len() <= CERTIFICATES_MAX);
        let written = cms::certs_only(&certificates).expect("as many as were read can be written");
        let again = cms::parse_certs_only(&written).expect("what is written is read");
        assert_eq!(again, certificates);
    }
    let signed = match SignedData::parse(bytes) {
        Ok(signed) => signed,
        Err(error) => return is_explained(&error),
    };
    assert_eq!(signed.der(), bytes);
    std::hint::black_box((signed.certificates().is_ok(), signed.signer_certificate().is_ok()));
    std::hint::black_box(signed.unverified_content());
    let world = &*WORLD;
    let stranger = world.stranger.certificate();
    for compat in [Compat::Strict, Compat::Lenient] {
        assert!(signed.clone().verify_with_key(stranger.public_key(), compat).is_err());
        assert!(signed.clone().verify_with_certificate(stranger, compat).is_err());
    }
    let signers =
        [(&world.idevid, &world.pvr), (&world.registrar, &world.rvr), (&world.masa, &world.voucher)];
    for (certificate, message) in signers {
        if let Ok(verified) = signed.clone().verify_with_key(certificate.public_key(), Compat::Lenient) {
            let original = SignedData::parse(message.as_slice()).expect("a message of the vectors");
            assert_eq!(verified.content(), original.unverified_content(), "this was not signed");
        }
    }
}

/// Reads a PEM text of certificates.
pub fn pem(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let chain = match Certificate::parse_pem_chain(text) {
        Ok(chain) => chain,
        Err(error) => return is_explained(&error),
    };
    assert!((1..=CHAIN_CERTIFICATES_MAX).contains(&chain.len()));
    let written: String = chain.iter().map(Certificate::to_pem).collect();
    assert_eq!(Certificate::parse_pem_chain(&written).expect("what is written is read"), chain);
    assert_eq!(Certificate::from_pem(text).is_ok(), chain.len() == 1);
}

/// Reads a private key: a public test key with octets changed, in one of four kinds of PEM block, or any octets.
///
/// The inputs hold the changes and never a key, so that none is kept in the repository.
pub fn private_key(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let label = ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY"];
    let label = label.get(usize::from(kind & 3)).copied().unwrap_or_default();
    let der = match kind >> 2 & 3 {
        0 => rest.to_vec(),
        1 => changed(&SEC1_KEY, rest),
        2 => changed(&PKCS8_KEY, rest),
        _ => changed(&ED25519_KEY, rest),
    };
    let text = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
    let signer = match Signer::from_pkcs8_pem(&Secret::new(text)) {
        Ok(signer) => signer,
        Err(error) => return is_explained(&error),
    };
    let written = signer.to_pkcs8_pem().expect("a key that was read is written");
    let again = Signer::from_pkcs8_pem(&written).expect("what is written is read");
    assert_eq!(again.public_key(), signer.public_key());
    let signature = again.sign(b"message").expect("the key signs");
    let verified = signer.public_key().verify(signer.signature_algorithm(), b"message", &signature);
    assert!(verified.is_ok(), "both halves of a key belong together");
}

/// Changes octets at places that the input names, in pairs of place and value.
fn changed(original: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut der = original.to_vec();
    for pair in changes.chunks_exact(2).take(CHANGES_MAX) {
        let [at, value] = pair else { continue };
        let at = usize::from(*at) % der.len().max(1);
        if let Some(octet) = der.get_mut(at) {
            *octet ^= value;
        }
    }
    der
}

static SEC1_KEY: LazyLock<Vec<u8>> =
    LazyLock::new(|| decoded(include_str!("../../vectors/rfc8995-anima-bootstrap/examples/masa.key")));
static PKCS8_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let written = WORLD.masa_signer.to_pkcs8_pem().expect("a key of the vectors");
    decoded(written.expose())
});
/// RFC 8410 §10.3 has this key as its example.
static ED25519_KEY: LazyLock<Vec<u8>> =
    LazyLock::new(|| decoded("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"));

fn decoded(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("a key of the vectors")
}

/// Every refusal has a class and a code that a manual can explain.
pub(super) fn is_explained(error: &dyn Reason) {
    let code = error.code();
    assert!(!code.as_str().is_empty() && !error.to_string().is_empty() && !error.class().name().is_empty());
}
