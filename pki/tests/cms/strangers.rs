//! OpenSSL on the other side, in both directions, with the very commands that a pledge made of OpenSSL and curl uses.

use std::fs;
use std::process::Command;

use pki::cms::{self, Compat, SignedData};
use pki::{Certificate, Error, KeyAlgorithm};

use crate::{common, world};

/// Tells whether OpenSSL is there; where CI=true it must be.
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
fn has_openssl() -> bool {
    let is_there =
        Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(is_there || !is_ci, "openssl is missing (make deps)");
    if !is_there {
        eprintln!("skipped: no openssl here");
    }
    is_there
}

fn openssl(directory: &std::path::Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl").current_dir(directory).args(arguments.split(' ')).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn openssl_verifies_what_we_sign() {
    // RFC8366-5.4-der RFC8366-5.4-content-type
    if !has_openssl() {
        return;
    }
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let (world, directory) = (world(algorithm), tempfile::tempdir().unwrap());
        for signing_at in [None, Some(common::now())] {
            let der = cms::sign_at(b"{\"a\":1}", &world.signer, &world.chain, signing_at).unwrap();
            fs::write(directory.path().join("voucher.der"), &der).unwrap();
            fs::write(directory.path().join("masa.pem"), world.chain[1].to_pem()).unwrap();
            let time = common::now().as_seconds();
            let (ok, text) = openssl(
                directory.path(),
                &format!(
                    "cms -verify -inform DER -in voucher.der -CAfile masa.pem -purpose any -attime {time}"
                ),
            );
            assert!(ok && text.contains("{\"a\":1}"), "{text}");
            let (ok, text) =
                openssl(directory.path(), "cms -cmsout -print -noout -inform DER -in voucher.der");
            assert!(
                ok && text.contains("version: 3") && text.contains("1.2.840.113549.1.9.16.1.40"),
                "{text}"
            );
            // Written again by a DER encoder it is the same, so ours was DER.
            let (ok, text) = openssl(
                directory.path(),
                "cms -cmsout -inform DER -in voucher.der -outform DER -out again.der",
            );
            assert!(ok, "{text}");
            assert_eq!(fs::read(directory.path().join("again.der")).unwrap(), der);
        }
    }
}

#[test]
fn we_verify_what_openssl_signs_in_every_form() {
    // RFC8366-5.4-content-type RFC5652-5.1-version
    if !has_openssl() {
        return;
    }
    let keys = [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out idev.key",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out idev.key",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out idev.key",
    ];
    for key in keys {
        let directory = tempfile::tempdir().unwrap();
        let run = |arguments: &str| {
            let (ok, text) = openssl(directory.path(), arguments);
            assert!(ok, "{arguments}: {text}");
        };
        fs::write(directory.path().join("vr.json"), "{\"a\":1}").unwrap();
        run(key);
        run("req -x509 -new -key idev.key -subj /CN=lamp/serialNumber=SN-0001 -days 30 -out idev.pem");
        let pem = fs::read_to_string(directory.path().join("idev.pem")).unwrap();
        let certificate = Certificate::from_pem(&pem).unwrap();
        let sign = |options: &str| {
            let files = "-signer idev.pem -inkey idev.key -in vr.json -outform DER -out pvr.der";
            run(&format!("cms -sign -binary -nodetach -nosmimecap {files} {options}"));
            fs::read(directory.path().join("pvr.der")).unwrap()
        };
        let verify = |der: &[u8], compat| {
            let verified = SignedData::parse(der)?.verify_with_certificate(&certificate, compat)?;
            Ok(verified.content().to_vec())
        };
        let content = || Ok::<_, Error>(b"{\"a\":1}".to_vec());
        let voucher = "-econtent_type 1.2.840.113549.1.9.16.1.40";
        for digest in ["sha256", "sha384", "sha512"] {
            let der = sign(&format!("-md {digest} {voucher}"));
            assert_eq!(verify(&der, Compat::Strict), content(), "{key} {digest}");
        }
        let by_key_id = sign(&format!("-md sha256 {voucher} -keyid"));
        assert_eq!(verify(&by_key_id, Compat::Strict), content());
        let old = sign("-md sha256");
        assert_eq!(verify(&old, Compat::Strict), Err(Error::CmsContentTypeUnsupported));
        assert_eq!(verify(&old, Compat::Lenient), content());
        let bare = sign(&format!("-md sha256 {voucher} -noattr"));
        assert_eq!(verify(&bare, Compat::Lenient), Err(Error::CmsSignedAttributesMissing));
        let weak = sign(&format!("-md sha1 {voucher}"));
        assert_eq!(verify(&weak, Compat::Lenient), Err(Error::CmsDigestAlgorithmUnsupported));
    }
}

#[test]
fn openssl_reads_our_bag_of_certificates_and_we_read_its() {
    // RFC7030-4.1.3-certs-only
    if !has_openssl() {
        return;
    }
    let (world, directory) = (world(KeyAlgorithm::EcdsaP256), tempfile::tempdir().unwrap());
    fs::write(directory.path().join("ours.p7"), cms::certs_only(&world.chain).unwrap()).unwrap();
    let (ok, text) = openssl(directory.path(), "pkcs7 -inform DER -in ours.p7 -print_certs");
    assert!(ok, "{text}");
    assert_eq!(Certificate::parse_pem_chain(&text).unwrap(), world.chain);
    fs::write(directory.path().join("chain.pem"), common::pem(&world.chain.iter().collect::<Vec<_>>()))
        .unwrap();
    let (ok, text) =
        openssl(directory.path(), "crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out theirs.p7");
    assert!(ok, "{text}");
    let mut theirs = cms::parse_certs_only(&fs::read(directory.path().join("theirs.p7")).unwrap()).unwrap();
    theirs.sort_by_key(|certificate| *certificate != world.chain[0]);
    assert_eq!(theirs, world.chain);
}
