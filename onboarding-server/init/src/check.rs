//! Looks at everything that a configuration names, before the server does, and tells all findings.
//!
//! Does not: change anything, open a socket, stop at the first finding.
//! Invariants: with no finding of [`Level::Error`], `run` finds all its files usable.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pki::path::{self, Anchors, Purpose, Revocation, Rules};
use pki::{Certificate, Signer};
use proto::UnixTime;
use server_config::{Config, Maker, Manufacturer, Owner};
use server_listen::{Revocations, load_anchors, load_chain, load_key};

/// How long before its end a certificate is warned of.
const WARNING_BEFORE_END: Duration = Duration::from_secs(30 * 86_400);

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// The server runs, but somebody should look.
    Warning,
    /// The server would not run, or devices would be refused.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What it is, for a person.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.level {
            Level::Good => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{word:<8} {}", self.text)
    }
}

/// Looks at all files that `config` names, as they count at `now`.
#[must_use]
pub fn check(config: &Config, now: UnixTime) -> Vec<Finding> {
    let mut inspection = Inspection { now, findings: Vec::new() };
    inspection.state_dir(config);
    inspection.admin(config);
    if let Some(owner) = &config.owner {
        inspection.owner(owner);
    }
    if let Some(maker) = &config.maker {
        inspection.maker(maker);
    }
    inspection.findings
}

/// A chain with its key.
struct Pair<'a> {
    what: &'a str,
    certificate: &'a PathBuf,
    key: &'a PathBuf,
}

struct Inspection {
    now: UnixTime,
    findings: Vec<Finding>,
}

impl Inspection {
    fn state_dir(&mut self, config: &Config) {
        let dir = &config.state_dir;
        match std::fs::metadata(dir) {
            Ok(metadata) if metadata.is_dir() => self.good(format!("state directory {}", dir.display())),
            Ok(_) => self.error(format!("{} is not a directory", dir.display())),
            Err(error) => self.error(format!("state directory {}: {error}; `init` makes it", dir.display())),
        }
    }

    fn admin(&mut self, config: &Config) {
        let admin = &config.admin;
        let pair = Pair { what: "gRPC listener", certificate: &admin.certificate, key: &admin.key };
        let anchors = self.anchors("operators' CA", std::slice::from_ref(&admin.anchor));
        let addresses = admin.ip_addresses.iter().map(ToString::to_string);
        let host = admin.dns_names.iter().cloned().chain(addresses).next();
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        self.pair(&pair, anchors.as_ref(), Purpose::TlsServer { host: &host });
        if !admin.listen.ip().is_loopback() {
            self.warning(format!("[admin] listens at {}, beyond this machine", admin.listen));
        }
        if !config.metrics.listen.ip().is_loopback() {
            self.warning(format!("[metrics] listens at {}, beyond this machine", config.metrics.listen));
        }
    }

    fn owner(&mut self, owner: &Owner) {
        let anchors = self.anchors("domain root", std::slice::from_ref(&owner.root));
        let registrar =
            Pair { what: "registrar", certificate: &owner.registrar_certificate, key: &owner.registrar_key };
        self.pair(&registrar, anchors.as_ref(), Purpose::RegistrarRequestSigner);
        let issuing = Pair {
            what: "domain issuing CA",
            certificate: &owner.issuing_certificate,
            key: &owner.issuing_key,
        };
        self.authority(&issuing, anchors.as_ref());
        self.root_key("domain root", &owner.root_key);
        if owner.manufacturers.is_empty() {
            self.warning("no [[owner.manufacturer]]: every device will be refused".to_owned());
        }
        for manufacturer in &owner.manufacturers {
            self.manufacturer(manufacturer);
        }
    }

    fn manufacturer(&mut self, manufacturer: &Manufacturer) {
        let id = &manufacturer.id;
        for (what, paths) in [
            ("anchors", &manufacturer.anchors),
            ("intermediates", &manufacturer.intermediates),
            ("MASA TLS anchors", &manufacturer.masa_tls_anchors),
            ("voucher anchors", &manufacturer.voucher_anchors),
        ] {
            if !paths.is_empty() {
                self.anchors(&format!("{id}: {what}"), paths);
            }
        }
        for (is_set, what) in [
            (manufacturer.allow_private_addresses, "its MASA may have a private address"),
            (manufacturer.ignore_idevid_expiry, "IDevIDs past their end are accepted"),
            (manufacturer.compat, "older forms of CMS are accepted"),
        ] {
            if is_set {
                self.warning(format!("{id}: {what}"));
            }
        }
    }

    fn maker(&mut self, maker: &Maker) {
        let anchors = self.anchors("manufacturer root", std::slice::from_ref(&maker.root));
        let voucher =
            Pair { what: "voucher signer", certificate: &maker.voucher_certificate, key: &maker.voucher_key };
        self.pair(&voucher, anchors.as_ref(), Purpose::VoucherSigner);
        let issuing = Pair {
            what: "manufacturer issuing CA",
            certificate: &maker.issuing_certificate,
            key: &maker.issuing_key,
        };
        self.authority(&issuing, anchors.as_ref());
        // The listener may have a certificate of a public CA: then only its key and time are looked at.
        let tls = Pair { what: "MASA listener", certificate: &maker.tls_certificate, key: &maker.tls_key };
        self.load(&tls);
        self.root_key("manufacturer root", &maker.root_key);
        if !maker.registrar_anchors.is_empty() {
            let registrars = self.anchors("registrar anchors", &maker.registrar_anchors);
            let issuers = registrars.unwrap_or_default();
            if let Err(error) = Revocations::open(&maker.registrar_crls, &issuers, self.now) {
                self.error(format!("registrar revocation list: {error}"));
            }
        }
        if maker.products.is_empty() {
            self.warning("no [[maker.product]]: no production order can be opened".to_owned());
        }
    }

    fn root_key(&mut self, what: &str, key: &Path) {
        if key.exists() {
            self.warning(format!(
                "the key of the {what} is on this machine: keep {} elsewhere",
                key.display()
            ));
        }
    }

    fn anchors(&mut self, what: &str, paths: &[PathBuf]) -> Option<Anchors> {
        for path in paths {
            match load_chain(path) {
                Ok(certificates) => {
                    for certificate in &certificates {
                        self.validity(what, certificate);
                    }
                }
                Err(error) => self.error(format!("{what}: {error}")),
            }
        }
        load_anchors(paths).ok()
    }

    fn pair(&mut self, pair: &Pair<'_>, anchors: Option<&Anchors>, purpose: Purpose<'_>) {
        let (Some((leaf, rest)), Some(anchors)) = (self.load(pair), anchors) else { return };
        let revocation = |_: &Certificate| Revocation::Good;
        let rules = Rules { anchors, now: self.now, purpose, revocation: &revocation };
        match path::verify(&leaf, &rest, &rules) {
            Ok(_) => self.good(format!("{}: chain of {}", pair.what, pair.certificate.display())),
            Err(error) => self.error(format!("{}: {}: {error}", pair.what, pair.certificate.display())),
        }
    }

    /// An issuing CA is judged by its root's signature; no purpose of an end entity fits it.
    fn authority(&mut self, pair: &Pair<'_>, anchors: Option<&Anchors>) {
        let (Some((ca, _)), Some(anchors)) = (self.load(pair), anchors) else { return };
        let is_signed =
            anchors.certificates().iter().any(|root| ca.verify_signed_by(root.public_key()).is_ok());
        match (ca.is_ca(), is_signed) {
            (true, true) => self.good(format!("{}: {}", pair.what, pair.certificate.display())),
            (false, _) => self.error(format!("{}: {} is no CA", pair.what, pair.certificate.display())),
            (true, false) => {
                self.error(format!("{}: {} is not from the root", pair.what, pair.certificate.display()));
            }
        }
    }

    fn load(&mut self, pair: &Pair<'_>) -> Option<(Certificate, Vec<Certificate>)> {
        let chain = self.loaded(pair.what, load_chain(pair.certificate));
        let key = self.loaded(pair.what, load_key(pair.key));
        let mut chain = chain?.into_iter();
        let leaf = chain.next()?;
        self.validity(pair.what, &leaf);
        self.same_key(pair, &leaf, &key?);
        Some((leaf, chain.collect()))
    }

    fn loaded<T>(&mut self, what: &str, result: Result<T, server_listen::TlsError>) -> Option<T> {
        result.map_err(|error| self.error(format!("{what}: {error}"))).ok()
    }

    fn same_key(&mut self, pair: &Pair<'_>, leaf: &Certificate, key: &Signer) {
        if leaf.public_key() != key.public_key() {
            let (certificate, key) = (pair.certificate.display(), pair.key.display());
            self.error(format!("{}: {key} is not the key of {certificate}", pair.what));
        }
    }

    fn validity(&mut self, what: &str, certificate: &Certificate) {
        let (end, subject) = (certificate.not_after(), certificate.subject_text());
        if !certificate.is_valid_at(self.now) {
            let begin = certificate.not_before();
            self.error(format!("{what}: {subject} is valid from {begin} to {end} only"));
        } else if end.minus(WARNING_BEFORE_END) < self.now {
            self.warning(format!("{what}: {subject} ends at {end}"));
        }
    }

    fn good(&mut self, text: String) {
        self.findings.push(Finding { level: Level::Good, text });
    }

    fn warning(&mut self, text: String) {
        self.findings.push(Finding { level: Level::Warning, text });
    }

    fn error(&mut self, text: String) {
        self.findings.push(Finding { level: Level::Error, text });
    }
}
