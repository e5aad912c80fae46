//! The three forms in which a voucher pins a domain and a request names the registrar it spoke with.
//! Source: rfc8366bis §7, §8: `pinned-domain-*`, `proximity-registrar-*`.

use proto::Fingerprint;

/// The forms present, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// An X.509 certificate in DER: `pinned-domain-cert`, `proximity-registrar-cert`.
    pub certificate: Option<Vec<u8>>,
    /// A SubjectPublicKeyInfo in DER (RFC 7250 §3): `pinned-domain-pubk`, `proximity-registrar-pubk`.
    pub public_key: Option<Vec<u8>>,
    /// The SHA-256 of a SubjectPublicKeyInfo: `pinned-domain-pubk-sha256`, `proximity-registrar-pubk-sha256`.
    pub public_key_sha256: Option<Fingerprint>,
}

/// One pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin<'a> {
    /// The SHA-256 of a SubjectPublicKeyInfo.
    PublicKeySha256(&'a Fingerprint),
    /// A SubjectPublicKeyInfo in DER.
    PublicKey(&'a [u8]),
    /// An X.509 certificate in DER.
    Certificate(&'a [u8]),
}

impl Pins {
    /// Makes the pins of one certificate.
    #[must_use]
    pub fn from_certificate(der: &[u8]) -> Self {
        Self { certificate: Some(der.to_vec()), ..Self::default() }
    }

    /// Makes the pins of one SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn from_public_key(spki: &[u8]) -> Self {
        Self { public_key: Some(spki.to_vec()), ..Self::default() }
    }

    /// Makes the pins of the SHA-256 of a SubjectPublicKeyInfo.
    #[must_use]
    pub fn from_public_key_sha256(hash: Fingerprint) -> Self {
        Self { public_key_sha256: Some(hash), ..Self::default() }
    }

    /// Lists the forms present in the order in which rfc8366bis §8 wants them considered.
    // RFC8366-8-pin-order
    pub fn in_order(&self) -> impl Iterator<Item = Pin<'_>> {
        let hash = self.public_key_sha256.as_ref().map(Pin::PublicKeySha256);
        let key = self.public_key.as_deref().map(Pin::PublicKey);
        let certificate = self.certificate.as_deref().map(Pin::Certificate);
        hash.into_iter().chain(key).chain(certificate)
    }

    /// Tells whether no form is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_order().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_comes_before_the_key_and_the_key_before_the_certificate() {
        // RFC8366-8-pin-order
        let hash = Fingerprint::from_array([3; 32]);
        let pins =
            Pins { certificate: Some(vec![1]), public_key: Some(vec![2]), public_key_sha256: Some(hash) };
        let order: Vec<Pin<'_>> = pins.in_order().collect();
        assert_eq!(order, [Pin::PublicKeySha256(&hash), Pin::PublicKey(&[2]), Pin::Certificate(&[1])]);
        assert!(Pins::default().is_empty());
    }
}
