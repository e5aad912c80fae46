//! strongSwan's `pki` as an EST client.

use tests::server::Server;

use crate::bench::Bench;

#[tokio::test]
async fn strongswan_fetches_the_cas_enrolls_and_renews() {
    // It speaks TLS 1.2 without the extended master secret.
    let server = Server::start_with(|config| format!("{config}\n[limits]\nextended_master_secret = false\n"));
    let bench = Bench::new(&server, "SW-0001").await;
    let registrar = server.registrar().authority();
    let root = server.state().join("owner/pki/root.pem");
    let root = root.display();
    vouch(&bench, &registrar);

    bench.shell(&format!(
        "pki --estca --url https://{registrar} --cacert {root} --caout ca.pem --outform pem --force"
    ));
    bench.shell("openssl ecparam -name prime256v1 -genkey -noout -out ldev.key");
    bench.shell(&format!(
        "openssl req -new -key ldev.key -subj '/CN={0}/serialNumber={0}' -outform DER -out ldev.csr",
        bench.serial
    ));
    // With a certificate it always posts to simplereenroll, its first enrolment too.
    bench.shell(&format!(
        "pki --est --url https://{registrar} --in ldev.csr --cacert {root} --cacert mfg.pem --cert idev.pem \
         --key idev.key --interval 1 --outform pem > ldev.pem"
    ));
    let issuing = server.state().join("owner/pki/issuing.pem");
    let issuing = issuing.display();
    bench.openssl(&format!("verify -CAfile {root} -untrusted {issuing} ldev.pem"));
    // The renewal keeps the subject that the first certificate has.
    bench.shell(
        "subject=$(openssl x509 -in ldev.pem -noout -subject -nameopt compat | sed 's/^subject=//') && \
         openssl req -new -utf8 -key ldev.key -subj \"$subject\" -outform DER -out renew.csr",
    );
    bench.shell(&format!(
        "pki --est --url https://{registrar} --in renew.csr --cacert {root} --cacert {issuing} --cert ldev.pem \
         --key ldev.key --interval 1 --outform pem > renewed.pem"
    ));
    bench.openssl(&format!("verify -CAfile {root} -untrusted {issuing} renewed.pem"));
}

/// Gets a voucher with OpenSSL and curl: without one there is no enrolment.
fn vouch(bench: &Bench, registrar: &str) {
    bench.sign_voucher_request(registrar, [9; 16]);
    bench.shell(&format!(
        "curl -sS --fail-with-body --insecure --cert idev-chain.pem --key idev.key \
         -H 'Content-Type: application/voucher-cms+json' --data-binary @pvr.der -o voucher.der \
         https://{registrar}/.well-known/brski/requestvoucher"
    ));
}
