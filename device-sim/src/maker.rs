//! A manufacturer without a factory: root, issuing CA and voucher signer, made here and kept in a directory.
//!
//! Does not: speak to the factory API (see `factory.rs`); its units are known to a server only when the server's configuration names
//! this root as an anchor.
//! Invariants: everything it issues follows a profile of `pki`, but for expired units, which follow none on purpose.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pki::path::Anchors;
use pki::{
    Certificate, Issuer, KeyAlgorithm, Profile, Secret, Signer, Subject, Template, random_serial, self_sign,
};
use proto::{SerialNumber, UnixTime};

use crate::unit::{Unit, to_pem, write_new};
use crate::{Error, transport::Identity};

/// How long before now the validity begins, so that clocks may differ.
const BACKDATE: Duration = Duration::from_secs(3600);

/// An expired unit ended so long ago.
const EXPIRED_AGO: Duration = Duration::from_secs(60);

const ROOT_FILE: &str = "root.pem";
const ISSUING_FILE: &str = "issuing.pem";
const ISSUING_KEY_FILE: &str = "issuing-key.pem";
const VOUCHER_FILE: &str = "voucher.pem";
const VOUCHER_KEY_FILE: &str = "voucher-key.pem";

/// A manufacturer of simulated things.
#[derive(Clone, Debug)]
pub struct Maker {
    root: Certificate,
    issuing: Issuer,
    masa: Identity,
}

impl Maker {
    /// Makes a manufacturer; `name` stands in the names of its CAs.
    ///
    /// # Errors
    /// [`Error::Pki`] (`Fault`).
    pub fn create(name: &str, now: UnixTime) -> Result<Self, Error> {
        let validity = (now.minus(BACKDATE), UnixTime::NO_END);
        let root_signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let template = |profile, role: &str, signer: &Signer| -> Result<Template, Error> {
            let subject = Subject::new(&format!("{name} {role}"));
            Ok(Template::new(profile, subject, signer.public_key().clone(), random_serial()?, validity))
        };
        let root = self_sign(&template(Profile::ManufacturerRoot, "Root CA", &root_signer)?, &root_signer)?;
        let root_issuer = Issuer::new(root.clone(), root_signer)?;
        let issuing_signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let issuing =
            root_issuer.issue(&template(Profile::ManufacturerIssuing, "Issuing CA", &issuing_signer)?)?;
        let issuing = Issuer::new(issuing, issuing_signer)?;
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let voucher_signer = issuing.issue(&template(Profile::MasaVoucherSigner, "MASA", &signer)?)?;
        let chain = vec![voucher_signer, issuing.certificate().clone()];
        Ok(Self { root, issuing, masa: Identity { chain, signer } })
    }

    /// Returns the root, which servers and units trust.
    #[must_use]
    pub fn root(&self) -> &Certificate {
        &self.root
    }

    /// Returns the voucher signer with its chain and key.
    #[must_use]
    pub fn masa(&self) -> &Identity {
        &self.masa
    }

    /// Makes a unit with a fresh key; `masa_url` goes into its IDevID.
    ///
    /// # Errors
    /// [`Error::Pki`].
    pub fn make(
        &self,
        serial_number: &SerialNumber,
        masa_url: Option<&str>,
        now: UnixTime,
    ) -> Result<Unit, Error> {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let mut template = Template::new(
            Profile::IdevId,
            Subject::device(serial_number),
            signer.public_key().clone(),
            random_serial()?,
            (now.minus(BACKDATE), UnixTime::NO_END),
        );
        template.masa_url = masa_url.map(str::to_string);
        self.unit(&template, signer)
    }

    /// Makes a unit whose certificate has ended. It has the profile of an LDevID, since that of an IDevID never ends.
    ///
    /// # Errors
    /// [`Error::Pki`].
    pub fn make_expired(&self, serial_number: &SerialNumber, now: UnixTime) -> Result<Unit, Error> {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let template = Template::new(
            Profile::LdevId,
            Subject::device(serial_number),
            signer.public_key().clone(),
            random_serial()?,
            (now.minus(BACKDATE), now.minus(EXPIRED_AGO)),
        );
        self.unit(&template, signer)
    }

    fn unit(&self, template: &Template, signer: Signer) -> Result<Unit, Error> {
        let leaf = self.issuing.issue(template)?;
        let chain = vec![leaf, self.issuing.certificate().clone()];
        Unit::new(chain, signer, Anchors::new([self.root.clone()]))
    }

    /// Tells whether a directory holds a manufacturer.
    #[must_use]
    pub fn is_kept_in(directory: &Path) -> bool {
        directory.join(ROOT_FILE).exists()
    }

    /// Reads a manufacturer from a directory. The voucher signer may be missing where only IDevIDs are wanted, as in
    /// the key directory of a server; then its place is taken by the issuing CA, whose vouchers nobody accepts.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`); [`Error::Pki`], [`Error::UnitFile`] (`Malformed`).
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let text = |name| fs::read_to_string(directory.join(name)).map_err(Error::File);
        let key = |name| -> Result<Signer, Error> { Ok(Signer::from_pkcs8_pem(&Secret::new(text(name)?))?) };
        let root = Certificate::from_pem(&text(ROOT_FILE)?)?;
        let issuing = Certificate::parse_pem_chain(&text(ISSUING_FILE)?)?;
        let issuing = issuing.into_iter().next().ok_or(Error::UnitFile)?;
        let issuing = Issuer::new(issuing, key(ISSUING_KEY_FILE)?)?;
        let masa = if directory.join(VOUCHER_KEY_FILE).exists() {
            Identity {
                chain: Certificate::parse_pem_chain(&text(VOUCHER_FILE)?)?,
                signer: key(VOUCHER_KEY_FILE)?,
            }
        } else {
            Identity { chain: vec![issuing.certificate().clone()], signer: issuing.signer().clone() }
        };
        Ok(Self { root, issuing, masa })
    }

    /// Writes the manufacturer to a directory, which is made when it is missing; the root's key is not kept.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        fs::create_dir_all(directory).map_err(Error::File)?;
        write_new(&directory.join(ROOT_FILE), &self.root.to_pem())?;
        write_new(&directory.join(ISSUING_FILE), &self.issuing.certificate().to_pem())?;
        write_new(&directory.join(ISSUING_KEY_FILE), self.issuing.signer().to_pkcs8_pem()?.expose())?;
        write_new(&directory.join(VOUCHER_FILE), &to_pem(&self.masa.chain))?;
        write_new(&directory.join(VOUCHER_KEY_FILE), self.masa.signer.to_pkcs8_pem()?.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manufacturer_is_the_same_after_reading_it_back() {
        let directory = tempfile::tempdir().unwrap();
        let now = crate::clock::now();
        let made = Maker::create("Test Works", now).unwrap();
        made.save(directory.path()).unwrap();
        let read = Maker::load(directory.path()).unwrap();
        let unit = read.make(&"S-1".parse().unwrap(), Some("masa.example"), now).unwrap();
        assert_eq!(read.root().der(), made.root().der());
        assert_eq!(unit.idevid().chain[0].masa_url(), Some("masa.example"));
    }

    #[test]
    fn an_expired_unit_has_ended() {
        let now = crate::clock::now();
        let unit =
            Maker::create("Test Works", now).unwrap().make_expired(&"S-2".parse().unwrap(), now).unwrap();
        assert!(!unit.idevid().chain[0].is_valid_at(now));
    }
}
