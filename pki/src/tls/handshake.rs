//! The peer's proof that it has the key of its certificate.
//! Source: RFC 8446 §4.2.3, §4.4.3; RFC 5246 §7.4.1.4.1.
//! Why not the library's own: webpki does not even read certificates with a critical extension that it does not
//! know, which real makers issue; the application's judgement must get to see them.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use rustls_pki_types::CertificateDer;

use crate::algorithm::KeyKind;
use crate::{Certificate, Error as PkiError, SignatureAlgorithm};

/// The schemes that we verify, the preferred first.
pub(super) const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Which TLS the handshake is of; 1.3 ties a scheme to its curve and knows no RSA PKCS #1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// Reads a certificate that the peer sent.
pub(super) fn parse(certificate: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::parse(certificate).map_err(|error| {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all the others are encodings that we cannot read"
        )]
        match error {
            PkiError::KeyUnsupported | PkiError::KeyTooWeak => {
                PeerIncompatible::NoSignatureSchemesInCommon.into()
            }
            _ => CertificateError::BadEncoding.into(),
        }
    })
}

/// Checks the signature over the handshake.
pub(super) fn verify(
    version: Version,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = parse(certificate)?;
    let key = certificate.public_key();
    let algorithm = algorithm(version, signed.scheme, key.kind()).ok_or(CertificateError::BadSignature)?;
    match key.verify(algorithm, message, signed.signature()) {
        Ok(()) => Ok(HandshakeSignatureValid::assertion()),
        Err(_) => Err(CertificateError::BadSignature.into()),
    }
}

fn algorithm(version: Version, scheme: SignatureScheme, key: KeyKind) -> Option<SignatureAlgorithm> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the registry is open; what is not listed is not accepted"
    )]
    let (algorithm, curve) = match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => (SignatureAlgorithm::EcdsaSha256, Some(KeyKind::P256)),
        SignatureScheme::ECDSA_NISTP384_SHA384 => (SignatureAlgorithm::EcdsaSha384, Some(KeyKind::P384)),
        SignatureScheme::ED25519 => (SignatureAlgorithm::Ed25519, None),
        SignatureScheme::RSA_PSS_SHA256 => (SignatureAlgorithm::RsaPssSha256, None),
        SignatureScheme::RSA_PSS_SHA384 => (SignatureAlgorithm::RsaPssSha384, None),
        SignatureScheme::RSA_PSS_SHA512 => (SignatureAlgorithm::RsaPssSha512, None),
        SignatureScheme::RSA_PKCS1_SHA256 if version == Version::Tls12 => {
            (SignatureAlgorithm::RsaPkcs1Sha256, None)
        }
        SignatureScheme::RSA_PKCS1_SHA384 if version == Version::Tls12 => {
            (SignatureAlgorithm::RsaPkcs1Sha384, None)
        }
        SignatureScheme::RSA_PKCS1_SHA512 if version == Version::Tls12 => {
            (SignatureAlgorithm::RsaPkcs1Sha512, None)
        }
        _ => return None,
    };
    // RFC8446-4.2.3-curve
    let fits = version == Version::Tls12 || curve.is_none_or(|curve| curve == key);
    fits.then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC8446-4.2.3-curve
    #[test]
    fn tls_1_3_ties_a_scheme_to_its_curve_and_tls_1_2_does_not() {
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        assert!(algorithm(Version::Tls13, scheme, KeyKind::P256).is_some());
        assert!(algorithm(Version::Tls13, scheme, KeyKind::P384).is_none());
        assert!(algorithm(Version::Tls12, scheme, KeyKind::P384).is_some());
    }

    #[test]
    fn tls_1_3_knows_no_rsa_pkcs1_and_nobody_knows_sha1() {
        let scheme = SignatureScheme::RSA_PKCS1_SHA256;
        assert!(algorithm(Version::Tls13, scheme, KeyKind::Rsa).is_none());
        assert!(algorithm(Version::Tls12, scheme, KeyKind::Rsa).is_some());
        for scheme in [SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1_Legacy] {
            assert!(algorithm(Version::Tls12, scheme, KeyKind::Rsa).is_none());
            assert!(!SCHEMES.contains(&scheme));
        }
    }
}
