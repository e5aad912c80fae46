//! A domain in miniature: a root and a registrar.

use std::time::Duration;

use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::{SerialNumber, UnixTime};

use crate::Error;
use crate::transport::Identity;

/// How long before now the validity begins.
const BACKDATE: Duration = Duration::from_secs(3600);
/// How long the certificates are valid: one day, longer than any run.
const VALIDITY: Duration = Duration::from_secs(24 * 3600);

/// Root and registrar of a domain that lives as long as a test.
#[derive(Clone, Debug)]
pub struct Domain {
    root: Issuer,
    registrar: Identity,
    validity: (UnixTime, UnixTime),
}

impl Domain {
    /// Makes a domain.
    ///
    /// # Errors
    /// [`Error::Pki`] (`Fault`).
    pub fn create(name: &str, now: UnixTime) -> Result<Self, Error> {
        let validity = (now.minus(BACKDATE), now.plus(VALIDITY));
        let root_signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let template = |profile, common_name: &str, signer: &Signer| -> Result<Template, Error> {
            let subject = Subject::new(common_name);
            Ok(Template::new(profile, subject, signer.public_key().clone(), random_serial()?, validity))
        };
        let root =
            self_sign(&template(Profile::DomainRoot, &format!("{name} CA"), &root_signer)?, &root_signer)?;
        let root = Issuer::new(root, root_signer)?;
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let leaf = root.issue(&template(Profile::Registrar, &format!("{name} Registrar"), &signer)?)?;
        let registrar = Identity { chain: vec![leaf, root.certificate().clone()], signer };
        Ok(Self { root, registrar, validity })
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> &Certificate {
        self.root.certificate()
    }

    /// Returns the registrar with its chain and key.
    #[must_use]
    pub fn registrar(&self) -> &Identity {
        &self.registrar
    }

    /// Issues an LDevID.
    ///
    /// # Errors
    /// [`Error::Pki`] (`Fault`).
    pub fn issue(&self, serial_number: &SerialNumber, key: &pki::PublicKey) -> Result<Certificate, Error> {
        let subject = Subject::device(serial_number);
        let template = Template::new(Profile::LdevId, subject, key.clone(), random_serial()?, self.validity);
        Ok(self.root.issue(&template)?)
    }
}
