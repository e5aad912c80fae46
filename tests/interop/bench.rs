//! A bench for one unit: a directory with its key, made by OpenSSL, and the IDevID that our factory issued for it.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proto_api::v1;
use tempfile::TempDir;
use tests::program::{self, Ran};
use tests::server::{MANUFACTURER, PRODUCT, Server};
use tests::units;

/// A unit whose every byte of cryptography a stranger makes.
pub(crate) struct Bench {
    directory: TempDir,
    /// Its serial number.
    pub(crate) serial: String,
}

impl Bench {
    /// Makes a key and a request with OpenSSL, has the factory certify it, and announces the unit to the owner.
    pub(crate) async fn new(server: &Server, serial: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let bench = Self { directory, serial: serial.to_owned() };
        bench.openssl("ecparam -name prime256v1 -genkey -noout -out idev.key");
        bench.openssl(&format!(
            "req -new -key idev.key -subj /CN={serial}/serialNumber={serial} -outform DER -out idev.csr"
        ));
        let order = format!("O-{serial}");
        let mut factory = server.api("station").factory();
        let open = v1::OpenOrderRequest {
            order_id: order.clone(),
            manufacturer: MANUFACTURER.to_owned(),
            product: PRODUCT.to_owned(),
            quota: 1,
            ..v1::OpenOrderRequest::default()
        };
        let _ = factory.open_order(open).await.expect("the order opens");
        let issue = v1::IssueIdevIdRequest {
            order_id: order,
            serial_number: serial.to_owned(),
            csr: bench.read("idev.csr"),
        };
        let issued = factory.issue_idev_id(issue).await.expect("the IDevID is issued").into_inner();
        bench.write("idev.der", &issued.certificate);
        bench.write("issuing.der", issued.issuers.first().expect("the issuing CA"));
        bench.openssl("x509 -inform DER -in idev.der -out idev.pem");
        bench.openssl("x509 -inform DER -in issuing.der -out mfg.pem");
        units::announce(server, [serial.to_owned()]).await;
        bench
    }

    /// Writes `pvr.der`: the request for a voucher that names the registrar's certificate as this connection shows it.
    pub(crate) fn sign_voucher_request(&self, registrar: &str, nonce: [u8; 16]) {
        self.shell("cat idev.pem mfg.pem > idev-chain.pem");
        self.shell(&format!(
            "openssl s_client -connect {registrar} </dev/null 2>/dev/null | openssl x509 -outform DER -out jrc.der"
        ));
        let request = format!(
            r#"{{"ietf-voucher-request:voucher":{{"assertion":"proximity","serial-number":"{}","nonce":"{}","proximity-registrar-cert":"{}"}}}}"#,
            self.serial,
            STANDARD.encode(nonce),
            STANDARD.encode(self.read("jrc.der")),
        );
        self.write("vr.json", request.as_bytes());
        self.openssl(
            "cms -sign -binary -nodetach -nosmimecap -md sha256 -econtent_type 1.2.840.113549.1.9.16.1.40 \
             -signer idev.pem -inkey idev.key -certfile mfg.pem -in vr.json -outform DER -out pvr.der",
        );
    }

    /// Returns the path of a file on the bench.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Reads a file on the bench.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file on the bench.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("the bench is writable");
    }

    /// Runs a shell command on the bench and expects it to end well.
    pub(crate) fn shell(&self, command: &str) -> Ran {
        self.try_shell(command).well()
    }

    /// Runs a shell command on the bench.
    pub(crate) fn try_shell(&self, command: &str) -> Ran {
        let directory = self.directory.path().display();
        program::run("bash", ["-c", &format!("cd {directory} && {command}")])
    }

    /// Runs OpenSSL on the bench and expects it to end well.
    pub(crate) fn openssl(&self, arguments: &str) -> Ran {
        self.shell(&format!("openssl {arguments}"))
    }
}
