//! Lets rustls sign with a [`Signer`] without seeing its key.

use std::sync::Arc;

use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error as TlsError, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::{Certificate, Error, KeyAlgorithm, Signer};

/// Brings a chain (the end entity first) and its key into the form that rustls wants.
///
/// # Errors
/// [`Error::IssuerKeyMismatch`] (`Fault`) when the key is not that of the first certificate, or there is none.
pub fn certified_key(chain: &[Certificate], signer: &Signer) -> Result<Arc<CertifiedKey>, Error> {
    let is_own = chain.first().is_some_and(|leaf| leaf.public_key() == signer.public_key());
    if !is_own {
        return Err(Error::IssuerKeyMismatch);
    }
    let chain = chain.iter().map(CertificateDer::from).collect();
    Ok(Arc::new(CertifiedKey::new(chain, signer.tls_key())))
}

impl Signer {
    /// Returns the key in the form that rustls wants; the private half stays inside.
    #[must_use]
    pub fn tls_key(&self) -> Arc<dyn SigningKey> {
        Arc::new(TlsKey(self.clone()))
    }
}

#[derive(Clone, Debug)]
struct TlsKey(Signer);

impl TlsKey {
    fn scheme(&self) -> SignatureScheme {
        match self.0.algorithm() {
            KeyAlgorithm::EcdsaP256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            KeyAlgorithm::EcdsaP384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            KeyAlgorithm::Ed25519 => SignatureScheme::ED25519,
        }
    }
}

impl SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        if offered.contains(&self.scheme()) { Some(Box::new(self.clone())) } else { None }
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.public_key().spki_der().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0.algorithm() {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => SignatureAlgorithm::ECDSA,
            KeyAlgorithm::Ed25519 => SignatureAlgorithm::ED25519,
        }
    }
}

impl rustls::sign::Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TlsError> {
        self.0.sign(message).map_err(|_| TlsError::General("the signature could not be made".into()))
    }

    fn scheme(&self) -> SignatureScheme {
        Self::scheme(self)
    }
}
