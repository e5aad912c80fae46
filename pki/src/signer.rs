//! The seam through which every private key is used.
//! Source: DESIGN §7; PKCS #8 (RFC 5958). Why this is no trait: `docs/adr/0002-signer-is-a-struct.md`.
//! Does not: read files, show key bytes to anyone but as [`Secret`].
//! Invariants: a signer's public key is the other half of its private key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use zeroize::Zeroizing;

use crate::tlv::{bit_string, tag, tlv};
use crate::{Error, KeyAlgorithm, PublicKey, Secret, SignatureAlgorithm};

/// The most characters of a private key's PEM text; one of P-384 has about 300.
const KEY_TEXT_CHARS_MAX: usize = 16 * 1024;

/// Signs with one private key. Clones are cheap and share the key.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    algorithm: KeyAlgorithm,
    key: Key,
    public_key: PublicKey,
}

enum Key {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`Error::KeyGenerationFailed`] (`Fault`).
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let failed = |_| Error::KeyGenerationFailed;
        let key = match ecdsa(algorithm) {
            Some(ecdsa) => Key::Ecdsa(EcdsaKeyPair::generate(ecdsa).map_err(failed)?),
            None => Key::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Self::new(algorithm, key)
    }

    /// Reads an unencrypted PKCS #8 key (`BEGIN PRIVATE KEY`) or an EC key of SEC 1 (`BEGIN EC PRIVATE KEY`).
    ///
    /// # Errors
    /// [`Error::PrivateKeyMalformed`] (`Malformed`) when it is neither or is encrypted; [`Error::KeyUnsupported`]
    /// (`Unsupported`) when it is of no [`KeyAlgorithm`].
    pub fn from_pkcs8_pem(text: &Secret<String>) -> Result<Self, Error> {
        if text.expose().len() > KEY_TEXT_CHARS_MAX {
            return Err(Error::PrivateKeyMalformed);
        }
        let blocks = pem::parse_many(text.expose()).map_err(|_| Error::PrivateKeyMalformed)?;
        // OpenSSL writes an EC PARAMETERS block before the key.
        let block = blocks
            .into_iter()
            .find(|b| b.tag().ends_with("PRIVATE KEY"))
            .ok_or(Error::PrivateKeyMalformed)?;
        let is_sec1 = match block.tag() {
            "PRIVATE KEY" => false,
            "EC PRIVATE KEY" => true,
            _ => return Err(Error::PrivateKeyMalformed),
        };
        let der = Zeroizing::new(block.into_contents());
        KeyAlgorithm::ALL
            .into_iter()
            .find_map(|algorithm| Some((algorithm, parse(algorithm, &der, is_sec1)?)))
            .map_or(Err(Error::KeyUnsupported), |(algorithm, key)| Self::new(algorithm, key))
    }

    /// Writes the key as PKCS #8 PEM, to be kept in a file of mode 0600.
    ///
    /// # Errors
    /// [`Error::KeyGenerationFailed`] (`Fault`) when the provider refuses.
    pub fn to_pkcs8_pem(&self) -> Result<Secret<String>, Error> {
        let document = match &self.0.key {
            Key::Ecdsa(key) => key.to_pkcs8v1(),
            Key::Ed25519(key) => key.to_pkcs8v1(),
        }
        .map_err(|_| Error::KeyGenerationFailed)?;
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let block = pem::Pem::new("PRIVATE KEY", document.as_ref());
        let text = Secret::new(pem::encode_config(&block, config));
        drop(Zeroizing::new(block.into_contents()));
        Ok(text)
    }

    /// Returns the other half of the key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Returns the kind of key.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm
    }

    /// Returns the kind of signature that [`Signer::sign`] makes.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm.signature()
    }

    /// Signs a message: ECDSA as DER `Ecdsa-Sig-Value`, Ed25519 as 64 octets. The hash is taken inside.
    ///
    /// # Errors
    /// [`Error::SigningFailed`] (`Fault`).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = match &self.0.key {
            Key::Ecdsa(key) => key.sign(&SystemRandom::new(), message),
            Key::Ed25519(key) => key.try_sign(message),
        };
        signature.map(|s| s.as_ref().to_vec()).map_err(|_| Error::SigningFailed)
    }

    fn new(algorithm: KeyAlgorithm, key: Key) -> Result<Self, Error> {
        let point = match &key {
            Key::Ecdsa(key) => key.public_key().as_ref(),
            Key::Ed25519(key) => key.public_key().as_ref(),
        };
        let public_key = PublicKey::from_spki_der(&spki(algorithm, point))?;
        Ok(Self(Arc::new(Inner { algorithm, key, public_key })))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} {})", self.0.algorithm, self.0.public_key.fingerprint())
    }
}

fn ecdsa(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyAlgorithm::Ed25519 => None,
    }
}

fn parse(algorithm: KeyAlgorithm, der: &[u8], is_sec1: bool) -> Option<Key> {
    match ecdsa(algorithm) {
        Some(ecdsa) if is_sec1 => EcdsaKeyPair::from_private_key_der(ecdsa, der).ok().map(Key::Ecdsa),
        Some(ecdsa) => EcdsaKeyPair::from_pkcs8(ecdsa, der).ok().map(Key::Ecdsa),
        None if is_sec1 => None,
        None => Ed25519KeyPair::from_pkcs8(der).ok().map(Key::Ed25519),
    }
}

fn spki(algorithm: KeyAlgorithm, key: &[u8]) -> Vec<u8> {
    let identifier: &[u8] = match algorithm {
        KeyAlgorithm::EcdsaP256 => crate::public_key::P256,
        KeyAlgorithm::EcdsaP384 => crate::public_key::P384,
        KeyAlgorithm::Ed25519 => crate::public_key::ED25519,
    };
    tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[identifier]), &bit_string(key)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_pem_form() {
        for algorithm in KeyAlgorithm::ALL {
            let signer = Signer::generate(algorithm).unwrap();
            let again = Signer::from_pkcs8_pem(&signer.to_pkcs8_pem().unwrap()).unwrap();
            assert_eq!(again.public_key(), signer.public_key());
            assert_eq!(again.algorithm(), algorithm);
            let signature = again.sign(b"m").unwrap();
            assert!(signer.public_key().verify(signer.signature_algorithm(), b"m", &signature).is_ok());
        }
    }

    #[test]
    fn refuses_text_that_holds_no_key() {
        for text in ["", "no pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(Signer::from_pkcs8_pem(&Secret::new(text.to_string())).is_err(), "{text}");
        }
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let error = Signer::from_pkcs8_pem(&Secret::new(encrypted.to_string()));
        assert!(matches!(error, Err(Error::PrivateKeyMalformed)));
    }

    #[test]
    fn does_not_show_its_key_in_a_log() {
        let signer = Signer::generate(KeyAlgorithm::Ed25519).unwrap();
        assert_eq!(format!("{signer:?}"), format!("Signer(ed25519 {})", signer.public_key().fingerprint()));
    }
}
