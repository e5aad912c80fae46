//! OpenSSL and curl as a whole pledge, and as a relying party.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::server::Server;

use crate::bench::Bench;

#[tokio::test]
async fn openssl_and_curl_come_aboard_as_a_pledge() {
    let server = Server::start();
    let bench = Bench::new(&server, "OC-0001").await;
    let registrar = server.registrar().authority();
    let pki = server.state();
    let (maker_root, domain_root) = (pki.join("maker/pki/root.pem"), pki.join("owner/pki/root.pem"));
    let client = "--cert idev-chain.pem --key idev.key";

    // 1. and 2. The registrar's certificate, unverified, goes into a request signed with the IDevID.
    bench.sign_voucher_request(&registrar, [7; 16]);
    let post = |body: &str, out: &str| {
        format!(
            "curl -sS --fail-with-body --insecure {client} -H 'Content-Type: application/voucher-cms+json' \
             -H 'Accept: application/voucher-cms+json' --data-binary @{body} -o {out} \
             https://{registrar}/.well-known/brski/requestvoucher"
        )
    };
    bench.shell(&post("pvr.der", "voucher.der"));
    // 3. The voucher verifies to the manufacturer, and the same request gets the same voucher.
    bench.openssl(&format!(
        "cms -verify -inform DER -in voucher.der -CAfile {} -purpose any -out voucher.json",
        maker_root.display()
    ));
    let voucher: serde_json::Value = serde_json::from_slice(&bench.read("voucher.json")).expect("JSON");
    let voucher = &voucher["ietf-voucher:voucher"];
    assert_eq!(voucher["serial-number"], bench.serial.as_str());
    assert_eq!(voucher["nonce"], STANDARD.encode([7; 16]).as_str());
    // RFC8995-5.6-same-request-same-answer
    bench.shell(&post("pvr.der", "again.der"));
    assert_eq!(bench.read("voucher.der"), bench.read("again.der"));
    // 4. The pin is the trust anchor from here on.
    let pinned = STANDARD.decode(voucher["pinned-domain-cert"].as_str().expect("a pin")).expect("base64");
    bench.write("pinned.der", &pinned);
    bench.openssl("x509 -inform DER -in pinned.der -out pinned.pem");
    // 5. Enrolment over EST.
    bench.openssl("ecparam -name prime256v1 -genkey -noout -out ldev.key");
    bench.shell(&format!(
        "openssl req -new -key ldev.key -subj /CN={0}/serialNumber={0} -outform DER | openssl base64 -out ldev.b64",
        bench.serial
    ));
    let est = format!("https://{registrar}/.well-known/est");
    let ca = format!("--cacert {}", domain_root.display());
    bench.shell(&format!(
        "curl -sS --fail-with-body {ca} {client} -H 'Content-Type: application/pkcs10' \
         --data-binary @ldev.b64 {est}/simpleenroll | openssl base64 -d -A | \
         openssl pkcs7 -inform DER -print_certs -out ldev.pem"
    ));
    bench.shell(&format!(
        "curl -sS --fail {ca} {est}/cacerts | openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs -out cas.pem"
    ));
    bench.openssl(&format!(
        "verify -CAfile {} -untrusted cas.pem -purpose sslclient ldev.pem",
        domain_root.display()
    ));
    // 6. Both TLS versions take the new certificate, and the enrolment is confirmed with it.
    for version in ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"] {
        bench.shell(&format!(
            "curl -sS --fail-with-body {version} {ca} --cert ldev.pem --key ldev.key \
             -H 'Content-Type: application/json' --data '{{\"version\":1,\"status\":true}}' \
             https://{registrar}/.well-known/brski/enrollstatus"
        ));
    }
    // 7. The revocation list is one that OpenSSL reads and believes.
    let plain = server.ready().metrics;
    bench.shell(&format!("curl -sS --fail http://{plain}/crl/owner.crl -o owner.crl"));
    let crl = bench.openssl("crl -inform DER -in owner.crl -CAfile cas.pem -noout -text");
    assert!(crl.stderr.contains("verify OK") && crl.text().contains("CRL Number"), "{crl:?}");
}

#[tokio::test]
async fn openssl_sees_both_tls_versions_and_no_older_one() {
    let server = Server::start();
    let registrar = server.registrar().authority();
    let hello = |version: &str| {
        let command = format!("openssl s_client -connect {registrar} -{version} </dev/null 2>&1");
        tests::program::run("bash", ["-c", &command]).text()
    };
    assert!(hello("tls1_2").contains("Extended master secret: yes"));
    assert!(hello("tls1_3").contains("TLSv1.3"));
    assert!(!hello("tls1_1").contains("Cipher is ECDHE"));
}
