//! Chains that only OpenSSL can make: RSA of three sizes, SHA-1 and MD5.

use std::path::Path;
use std::process::Command;

use pki::Error;

use crate::judge::{Case, IDEVID, has_openssl};

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(directory).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a root, an intermediate and a device, each with its own key size and digest.
fn case(name: &str, bits: [u32; 3], digests: [&str; 2], expected: Result<(), Error>) -> Case {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    std::fs::write(dir.join("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        .unwrap();
    std::fs::write(dir.join("leaf.ext"), "keyUsage=critical,digitalSignature\n").unwrap();
    for (place, subject) in ["/CN=root", "/CN=ca", "/CN=lamp/serialNumber=SN-0001"].into_iter().enumerate() {
        openssl(dir, &format!("genrsa -out {place}.key {}", bits[place]));
        openssl(dir, &format!("req -new -key {place}.key -subj {subject} -out {place}.csr"));
    }
    let issue = "x509 -req -outform DER -days 9000 -set_serial";
    openssl(dir, &format!("{issue} 1 -in 0.csr -signkey 0.key -extfile ca.ext -sha256 -out 0.der"));
    openssl(dir, "x509 -inform DER -in 0.der -out 0.pem");
    openssl(
        dir,
        &format!("{issue} 2 -in 1.csr -CA 0.pem -CAkey 0.key -extfile ca.ext -{} -out 1.der", digests[0]),
    );
    openssl(dir, "x509 -inform DER -in 1.der -out 1.pem");
    openssl(
        dir,
        &format!("{issue} 3 -in 2.csr -CA 1.pem -CAkey 1.key -extfile leaf.ext -{} -out 2.der", digests[1]),
    );
    let read = |place: u8| std::fs::read(dir.join(format!("{place}.der"))).unwrap();
    let (leaf, pool, anchors) = (read(2), vec![read(1)], vec![read(0)]);
    let now = pki::Certificate::parse(&leaf).map_or_else(|_| crate::now(), |leaf| leaf.not_before());
    Case { name: name.into(), leaf, pool, anchors, now, purpose: IDEVID, expected, difference: None }
}

#[test]
fn refuses_weak_rsa_and_broken_digests_as_openssl_does() {
    if !has_openssl() {
        eprintln!("skipped: no openssl here");
        return;
    }
    let sha256 = ["sha256", "sha256"];
    let broken = || Err(Error::SignatureAlgorithmBroken);
    let cases = [
        case("RSA 2048", [2048, 2048, 2048], sha256, Ok(())),
        case("RSA 3072 with SHA-384 and SHA-512", [3072, 2048, 2048], ["sha384", "sha512"], Ok(())),
        case("RSA 1024 device", [2048, 2048, 1024], sha256, Err(Error::KeyTooWeak)),
        case("RSA 1024 CA", [2048, 1024, 2048], sha256, Err(Error::PathIssuerUnknown)),
        case("RSA 1024 root", [1024, 2048, 2048], sha256, Err(Error::KeyTooWeak)),
        case("SHA-1 over the device", [2048, 2048, 2048], ["sha256", "sha1"], broken()),
        case("SHA-1 over the CA", [2048, 2048, 2048], ["sha1", "sha256"], broken()),
        case("MD5 over the device", [2048, 2048, 2048], ["sha256", "md5"], broken()),
    ];
    let directory = tempfile::tempdir().unwrap();
    for case in &cases {
        assert_eq!(case.ours(), case.expected, "{}", case.name);
        let (theirs, text) = case.openssl(directory.path());
        assert_eq!(theirs, case.expected.is_ok(), "{}: {text}", case.name);
    }
}
