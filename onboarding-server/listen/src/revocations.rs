//! The revocation lists that registrars' CAs gave to the maker, against which their requests are held.
//!
//! Source: RFC 8995 §5.5.3; RFC 5280 §6.3.
//! Does not: fetch a list. Where the certificate of a stranger's CA points to is the stranger's choice, and a MASA that went
//! there could be sent anywhere.
//! Invariants: each list was signed by an issuer under the maker's registrar anchors; one that is past its next update
//! vouches for nobody.

use std::fs;
use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use pki::crl::CRL_BYTES_MAX;
use pki::path::{Anchors, Revocation};
use pki::{Certificate, Crl, Verified};
use proto::UnixTime;

use crate::tls::Error;

/// The lists, and where they are read from again.
#[derive(Debug)]
pub struct Revocations {
    files: Vec<PathBuf>,
    issuers: Anchors,
    lists: ArcSwap<Vec<Verified<Crl>>>,
}

impl Revocations {
    /// Reads the lists in `files` (DER), each of one of `issuers`.
    ///
    /// # Errors
    /// For the first that cannot be used at `now`: [`Error::Read`], or [`Error::Content`] when it is malformed, of none of
    /// the issuers, or not current.
    pub fn open(files: &[PathBuf], issuers: &Anchors, now: UnixTime) -> Result<Self, Error> {
        let lists = ArcSwap::from_pointee(load(files, issuers, now)?);
        Ok(Self { files: files.to_vec(), issuers: issuers.clone(), lists })
    }

    /// Reads the lists again; when one cannot be used, those of before stay, and end when they end.
    pub fn reload(&self, now: UnixTime) {
        match load(&self.files, &self.issuers, now) {
            Ok(lists) => self.lists.store(lists.into()),
            Err(error) => tracing::error!(%error, "the revocation lists of before stay in use"),
        }
    }

    /// Judges a registrar's certificate, or that of a CA above it; who has no list here is taken for good.
    // RFC8995-5.5.3-revocation
    #[must_use]
    pub fn judge(&self, certificate: &Certificate, now: UnixTime) -> Revocation {
        let lists = self.lists.load();
        let list = lists.iter().find(|list| list.issuer_der() == certificate.issuer_der());
        match list {
            None => Revocation::Good,
            Some(list) if list.revocation_of(certificate.serial()).is_some() => Revocation::Revoked,
            Some(list) if now > list.next_update() => Revocation::Unknown,
            Some(_) => Revocation::Good,
        }
    }
}

fn load(files: &[PathBuf], issuers: &Anchors, now: UnixTime) -> Result<Vec<Verified<Crl>>, Error> {
    files.iter().map(|path| load_one(path, issuers, now)).collect()
}

fn load_one(path: &Path, issuers: &Anchors, now: UnixTime) -> Result<Verified<Crl>, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let wrong = |source| Error::Content { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if usize::try_from(length).is_ok_and(|length| length > CRL_BYTES_MAX) {
        return Err(wrong(pki::Error::CrlTooLarge));
    }
    let der = fs::read(path).map_err(unreadable)?;
    let mut reason = pki::Error::CrlIssuerMismatch;
    for issuer in issuers.certificates() {
        match Crl::parse(&der).map_err(wrong)?.verify(issuer, now) {
            Ok(list) => return Ok(list),
            Err(pki::Error::CrlIssuerMismatch) => {}
            Err(other) => reason = other,
        }
    }
    Err(wrong(reason))
}

#[cfg(test)]
mod tests {
    use pki::crl::{CrlEntry, CrlTemplate, RevocationReason, issue};
    use pki::{Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
    const LATER: UnixTime = UnixTime::from_seconds(1_800_100_000);

    fn ca(name: &str) -> Issuer {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let validity = (NOW, UnixTime::from_seconds(1_900_000_000));
        let template = Template::new(
            Profile::DomainRoot,
            Subject::new(name),
            signer.public_key().clone(),
            random_serial().unwrap(),
            validity,
        );
        Issuer::new(self_sign(&template, &signer).unwrap(), signer).unwrap()
    }

    fn certificate(ca: &Issuer) -> Certificate {
        let key = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap().public_key().clone();
        let validity = (NOW, UnixTime::from_seconds(1_900_000_000));
        let template = Template::new(
            Profile::DomainIssuing,
            Subject::new("below"),
            key,
            random_serial().unwrap(),
            validity,
        );
        ca.sign(ca.prepare(&template).unwrap()).unwrap()
    }

    fn list(ca: &Issuer, revoked: &[&Certificate]) -> Vec<u8> {
        let entry = |certificate: &&Certificate| CrlEntry {
            serial: certificate.serial().clone(),
            revoked_at: NOW,
            reason: RevocationReason::KeyCompromise,
        };
        let entries = revoked.iter().map(entry).collect();
        let next_update = UnixTime::from_seconds(1_800_050_000);
        issue(ca, &CrlTemplate { number: 1, this_update: NOW, next_update, entries }).unwrap()
    }

    // RFC8995-5.5.3-revocation
    #[test]
    fn a_revoked_registrar_is_refused_and_an_old_list_vouches_for_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("registrars.crl");
        let (known, stranger) = (ca("Known"), ca("Stranger"));
        let (good, bad, other) = (certificate(&known), certificate(&known), certificate(&stranger));
        fs::write(&file, list(&known, &[&bad])).unwrap();
        let anchors = Anchors::new([stranger.certificate().clone(), known.certificate().clone()]);
        let revocations = Revocations::open(std::slice::from_ref(&file), &anchors, NOW).unwrap();
        assert_eq!(revocations.judge(&bad, NOW), Revocation::Revoked);
        assert_eq!(revocations.judge(&good, NOW), Revocation::Good);
        assert_eq!(revocations.judge(&good, LATER), Revocation::Unknown);
        assert_eq!(revocations.judge(&other, LATER), Revocation::Good);

        fs::write(&file, list(&known, &[&bad, &good])).unwrap();
        revocations.reload(NOW);
        assert_eq!(revocations.judge(&good, NOW), Revocation::Revoked);
        fs::write(&file, b"no list").unwrap();
        revocations.reload(NOW);
        assert_eq!(revocations.judge(&good, NOW), Revocation::Revoked, "the list of before stays");
    }

    #[test]
    fn a_list_of_a_ca_that_is_no_anchor_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("registrars.crl");
        let (known, stranger) = (ca("Known"), ca("Stranger"));
        fs::write(&file, list(&stranger, &[])).unwrap();
        let anchors = Anchors::new([known.certificate().clone()]);
        let error = Revocations::open(std::slice::from_ref(&file), &anchors, NOW).unwrap_err();
        assert!(matches!(error, Error::Content { source: pki::Error::CrlIssuerMismatch, .. }), "{error}");
    }
}
