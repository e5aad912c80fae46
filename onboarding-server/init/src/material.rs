//! Pairs of certificate and key: made when both are missing, kept when they are there.
//!
//! Does not: decide which pairs there are.
//! Invariants: a key file is written before its certificate, so a certificate never stands without a key; a root's
//! key is opened only when something is made under it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::{Host, HttpsUrl, IpLiterals, UnixTime, well_known};
use server_listen::{load_chain, load_key};

use super::{Error, Step};
use crate::files;

/// Seconds of a year, leap days counted in.
const YEAR_SECONDS: u64 = 31_557_600;

/// How far back a validity begins, so that a peer whose clock is slow takes a new certificate.
const BACKDATED: Duration = Duration::from_secs(3_600);

/// Where a certificate and its key lie.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Place {
    /// Names both files.
    pub(super) fn new(certificate: &Path, key: &Path) -> Self {
        Self { certificate: certificate.to_owned(), key: key.to_owned() }
    }

    fn half_there(&self) -> Option<Error> {
        let half = |present: &PathBuf, missing: &PathBuf| {
            Some(Error::HalfThere { present: present.clone(), missing: missing.clone() })
        };
        match (self.certificate.exists(), self.key.exists()) {
            (true, false) => half(&self.certificate, &self.key),
            (false, true) => half(&self.key, &self.certificate),
            (true, true) | (false, false) => None,
        }
    }
}

/// The certificate that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    what: String,
    profile: Profile,
    subject: Subject,
    years: u64,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
}

impl Wish {
    /// Wishes for a certificate with a common name.
    pub(super) fn new(what: &str, profile: Profile, common_name: &str, years: u64) -> Self {
        Self::of_subject(what, profile, Subject::new(common_name), years)
    }

    /// Wishes for a certificate with a whole subject.
    pub(super) fn of_subject(what: &str, profile: Profile, subject: Subject, years: u64) -> Self {
        let (dns_names, ip_addresses) = (Vec::new(), Vec::new());
        Self { what: what.to_owned(), profile, subject, years, dns_names, ip_addresses }
    }

    /// Adds names of the host.
    pub(super) fn named(mut self, dns_names: &[String], ip_addresses: &[IpAddr]) -> Self {
        self.dns_names.extend_from_slice(dns_names);
        self.ip_addresses.extend_from_slice(ip_addresses);
        self
    }

    /// Adds the host of a URL, or of `host` or `host:port`.
    pub(super) fn named_by_url(self, url: &str) -> Self {
        match HttpsUrl::parse(url, well_known::BRSKI, IpLiterals::Accept).map(|url| url.host().clone()) {
            Ok(Host::Name(name)) => self.named(&[name], &[]),
            Ok(Host::Ip(address)) => self.named(&[], &[address]),
            // The configuration has no such URL.
            Err(_) => self,
        }
    }
}

/// Makes the pairs and notes what it did.
#[derive(Debug)]
pub(super) struct Workshop {
    now: UnixTime,
    steps: Vec<Step>,
}

impl Workshop {
    /// Opens the workshop; certificates begin shortly before `now`.
    pub(super) fn new(now: UnixTime) -> Self {
        Self { now, steps: Vec::new() }
    }

    /// Closes it and tells what was done.
    pub(super) fn finish(self) -> Vec<Step> {
        self.steps
    }

    /// Makes a directory that may be there.
    pub(super) fn directory(&self, path: &Path) -> Result<(), Error> {
        files::make_directory(path).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Makes a self-signed pair, unless its certificate is there: its key may be kept elsewhere.
    pub(super) fn root(&mut self, place: &Place, wish: Wish) -> Result<(), Error> {
        if place.certificate.exists() {
            self.note(false, wish.what, &place.certificate);
            return Ok(());
        }
        place.half_there().map_or(Ok(()), Err)?;
        let (signer, template) = self.prepare(&wish)?;
        let certificate = self_sign(&template, &signer).map_err(|source| issue_error(&wish, source))?;
        self.save(place, &signer, &[certificate], wish.what)
    }

    /// Makes a pair under the CA at `issuer`, unless the pair is there.
    pub(super) fn under(&mut self, issuer: &Place, place: &Place, wish: Wish) -> Result<(), Error> {
        place.half_there().map_or(Ok(()), Err)?;
        if place.certificate.exists() {
            self.note(false, wish.what, &place.certificate);
            return Ok(());
        }
        if !issuer.key.exists() {
            return Err(Error::IssuerKeyAway { key: issuer.key.clone(), what: wish.what });
        }
        let issuer_chain = load_chain(&issuer.certificate)?;
        let own_ca =
            issuer_chain.first().cloned().ok_or_else(|| issue_error(&wish, pki::Error::PemMalformed))?;
        let ca = Issuer::new(own_ca, load_key(&issuer.key)?).map_err(|source| issue_error(&wish, source))?;
        let (signer, template) = self.prepare(&wish)?;
        let leaf = ca.issue(&template).map_err(|source| issue_error(&wish, source))?;
        // CAs below a root stand alone in their file; a root is never sent, so it is not in a chain either.
        let mut chain = vec![leaf];
        if !wish.profile.is_ca() {
            chain.extend(issuer_chain.into_iter().filter(|certificate| !certificate.is_self_issued()));
        }
        self.save(place, &signer, &chain, wish.what)
    }

    /// Writes a text file, unless it is there.
    pub(super) fn text(&mut self, what: &str, path: &Path, text: &str, mode: u32) -> Result<(), Error> {
        if path.exists() {
            self.note(false, what.to_owned(), path);
            return Ok(());
        }
        write(path, text.as_bytes(), mode)?;
        self.note(true, what.to_owned(), path);
        Ok(())
    }

    fn prepare(&self, wish: &Wish) -> Result<(Signer, Template), Error> {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).map_err(|source| issue_error(wish, source))?;
        let serial = random_serial().map_err(|source| issue_error(wish, source))?;
        let begin = self.now.minus(BACKDATED);
        let end = self.now.plus(Duration::from_secs(wish.years.saturating_mul(YEAR_SECONDS)));
        let key = signer.public_key().clone();
        let mut template = Template::new(wish.profile, wish.subject.clone(), key, serial, (begin, end));
        template.dns_names.clone_from(&wish.dns_names);
        template.ip_addresses.clone_from(&wish.ip_addresses);
        Ok((signer, template))
    }

    fn save(
        &mut self,
        place: &Place,
        signer: &Signer,
        chain: &[Certificate],
        what: String,
    ) -> Result<(), Error> {
        let key = signer.to_pkcs8_pem().map_err(|source| Error::Issue { what: what.clone(), source })?;
        write(&place.key, key.expose().as_bytes(), files::MODE_SECRET)?;
        let text: String = chain.iter().map(Certificate::to_pem).collect();
        write(&place.certificate, text.as_bytes(), files::MODE_PUBLIC)?;
        self.note(true, what, &place.certificate);
        Ok(())
    }

    fn note(&mut self, is_made: bool, what: String, path: &Path) {
        self.steps.push(Step { is_made, what, path: path.to_owned() });
    }
}

fn issue_error(wish: &Wish, source: pki::Error) -> Error {
    Error::Issue { what: wish.what.clone(), source }
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), files::make_directory);
    made.and_then(|()| files::write_new(path, content, mode))
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}
