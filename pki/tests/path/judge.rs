//! Asks both judges, ours and `openssl verify`, for their verdict on one case.

use std::path::Path;
use std::process::Command;

use pki::path::{self, Anchors, Expiry, Purpose, Revocation, Rules};
use pki::{Certificate, Error};
use proto::UnixTime;

/// One question and the answers that are expected of both.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) leaf: Vec<u8>,
    pub(crate) pool: Vec<Vec<u8>>,
    pub(crate) anchors: Vec<Vec<u8>>,
    pub(crate) now: UnixTime,
    pub(crate) purpose: Purpose<'static>,
    pub(crate) expected: Result<(), Error>,
    /// The row of [`crate::DIFFERENCES`] that says why OpenSSL answers otherwise.
    pub(crate) difference: Option<&'static str>,
}

impl Case {
    /// Asks ours. What does not parse is refused; in the pool it is left out, as `tls::peer_chain` does.
    pub(crate) fn ours(&self) -> Result<(), Error> {
        let leaf = Certificate::parse(&self.leaf)?;
        let pool: Vec<_> = self.pool.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        let anchors = self.anchors.iter().map(|der| Certificate::parse(der));
        let anchors = Anchors::new(anchors.collect::<Result<Vec<_>, _>>()?);
        let rules = Rules {
            anchors: &anchors,
            now: self.now,
            purpose: self.purpose,
            revocation: &|_| Revocation::Good,
        };
        path::verify(&leaf, &pool, &rules).map(|_| ())
    }

    /// Asks OpenSSL; level 2 of its security levels refuses SHA-1 and RSA below 2048 bits, as we do.
    pub(crate) fn openssl(&self, directory: &Path) -> (bool, String) {
        let write = |file: &str, certificates: &[Vec<u8>]| {
            let path = directory.join(file);
            let blocks =
                certificates.iter().map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", der.clone())));
            std::fs::write(&path, blocks.collect::<String>()).unwrap();
            path
        };
        let mut command = Command::new("openssl");
        command.args(["verify", "-no-CApath", "-no-CAstore", "-auth_level", "2", "-partial_chain"]);
        command.args(["-attime", &self.now.as_seconds().to_string(), "-purpose"]);
        match self.purpose {
            Purpose::TlsServer { host } => {
                let option =
                    if host.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
                command.args(["sslserver", option, host])
            }
            Purpose::IdevId { .. } | Purpose::LdevId | Purpose::TlsClient => command.arg("sslclient"),
            Purpose::VoucherSigner | Purpose::RegistrarRequestSigner | Purpose::Registrar => {
                command.arg("any")
            }
        };
        command.arg("-CAfile").arg(write("anchors.pem", &self.anchors));
        if !self.pool.is_empty() {
            command.arg("-untrusted").arg(write("pool.pem", &self.pool));
        }
        let output = command.arg(write("leaf.pem", std::slice::from_ref(&self.leaf))).output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    }
}

pub(crate) const IDEVID: Purpose<'static> = Purpose::IdevId { expiry: Expiry::Enforce };

/// Tells whether OpenSSL is there; where CI=true it must be.
pub(crate) fn has_openssl() -> bool {
    let is_there =
        Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(is_there || !is_ci, "openssl is missing (make deps)");
    is_there
}
