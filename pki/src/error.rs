//! All the ways in which this crate says no.

use proto::{Class, Reason, ReasonCode};

use crate::Lint;

/// Says exactly what was wrong; [`Reason::class`] sorts it, [`Reason::code`] names it for the manual.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // Keys and signatures.
    /// The SubjectPublicKeyInfo does not follow its format.
    #[error("the public key is malformed")]
    KeyMalformed,
    /// The key is of an algorithm, curve or point form that we do not use.
    #[error("the key's algorithm is not supported")]
    KeyUnsupported,
    /// The RSA modulus has fewer than 2048 or more than 8192 bits.
    #[error("the RSA key's size is outside 2048 to 8192 bits")]
    KeyTooWeak,
    /// The text is no unencrypted private key in PEM.
    #[error("the private key is malformed or encrypted")]
    PrivateKeyMalformed,
    /// The provider could not make or export a key.
    #[error("the key could not be generated")]
    KeyGenerationFailed,
    /// The provider could not sign.
    #[error("the signature could not be made")]
    SigningFailed,
    /// The provider could not draw random bytes.
    #[error("no random bytes could be drawn")]
    RandomUnavailable,
    /// The signature algorithm is not one of those that we verify.
    #[error("the signature algorithm is not supported")]
    SignatureAlgorithmUnsupported,
    /// The signature algorithm uses SHA-1 or MD5.
    #[error("the signature algorithm is broken (SHA-1 or MD5)")]
    SignatureAlgorithmBroken,
    /// The signature algorithm is not one of this kind of key.
    #[error("the signature algorithm does not fit the key")]
    SignatureKeyMismatch,
    /// The signature is not of this key over this message.
    #[error("the signature does not hold")]
    SignatureInvalid,
    /// The bytes are no object identifier.
    #[error("the object identifier is malformed")]
    OidMalformed,

    // Certificates.
    /// The text holds no certificate in PEM, or more than it may.
    #[error("the PEM text is malformed")]
    PemMalformed,
    /// The certificate has more bytes than [`crate::CERTIFICATE_BYTES_MAX`].
    #[error("the certificate is too large")]
    CertificateTooLarge,
    /// There are more certificates than [`crate::CHAIN_CERTIFICATES_MAX`].
    #[error("the chain has too many certificates")]
    ChainTooLong,
    /// The certificate does not follow RFC 5280 §4.1.
    #[error("the certificate is malformed")]
    CertificateMalformed,
    /// One of the certificate's extensions that we read does not follow its format.
    #[error("an extension of the certificate is malformed")]
    CertificateExtensionMalformed,
    /// An extension stands twice in the certificate (RFC 5280 §4.2).
    #[error("an extension stands twice in the certificate")]
    CertificateExtensionDuplicate,

    // Issuing.
    /// The certificate and the key of an issuer do not belong together.
    #[error("the issuer's key is not the one in its certificate")]
    IssuerKeyMismatch,
    /// The issuer's certificate may not sign certificates.
    #[error("the issuer's certificate is not that of a CA")]
    IssuerNotCa,
    /// What was prepared by one issuer was brought to another.
    #[error("the certificate was prepared for another issuer")]
    IssuerMismatch,
    /// A name has a part that is empty, too long or of forbidden characters.
    #[error("a part of the name is empty, too long or of forbidden characters")]
    NameInvalid,
    /// A name in subjectAltName, or a URL, has characters that IA5String has not, or is empty.
    #[error("an alternative name or URL is empty or not of IA5 characters")]
    AlternativeNameInvalid,
    /// The builder refused the template.
    #[error("the certificate could not be built")]
    BuildFailed,
    /// The certificate to be signed breaks a rule of its profile.
    #[error("the certificate to be signed breaks a rule: {0}")]
    Lint(#[from] Lint),
    /// The signed certificate is not the one that was prepared.
    #[error("the signed certificate is not the one that was prepared")]
    SignedOtherThanPrepared,

    // Certification requests.
    /// The request has more bytes than [`crate::csr::CSR_BYTES_MAX`].
    #[error("the certification request is too large")]
    CsrTooLarge,
    /// The request does not follow RFC 2986.
    #[error("the certification request is malformed")]
    CsrMalformed,
    /// The request is not signed by the key that it carries.
    #[error("the certification request's own signature does not hold")]
    CsrSelfSignatureInvalid,

    // Certificate revocation lists.
    /// The list has more bytes than [`crate::crl::CRL_BYTES_MAX`].
    #[error("the CRL is too large")]
    CrlTooLarge,
    /// The list does not follow RFC 5280 §5.1.
    #[error("the CRL is malformed")]
    CrlMalformed,
    /// The list has a critical extension that we do not understand (RFC 5280 §5.2).
    #[error("the CRL has a critical extension that is not understood")]
    CrlExtensionUnsupported,
    /// The list names another issuer.
    #[error("the CRL is of another issuer")]
    CrlIssuerMismatch,
    /// The issuer's certificate may not sign such lists.
    #[error("the issuer's certificate may not sign CRLs")]
    CrlSignNotAllowed,
    /// The list is not signed by its issuer.
    #[error("the CRL's signature does not hold")]
    CrlSignatureInvalid,
    /// The list begins in the future.
    #[error("the CRL is not yet valid")]
    CrlNotYetValid,
    /// A newer list should have been there by now.
    #[error("the CRL is out of date")]
    CrlExpired,

    // TLS.
    /// The TLS library refused a configuration that we made.
    #[error("the TLS configuration was refused")]
    TlsConfiguration,
    // Paths and CMS: each adds its own below this line.
}

impl Reason for Error {
    fn class(&self) -> Class {
        use Error as E;
        match self {
            E::KeyMalformed | E::PrivateKeyMalformed | E::OidMalformed => Class::Malformed,
            E::KeyUnsupported | E::KeyTooWeak => Class::Unsupported,
            E::SignatureAlgorithmUnsupported | E::SignatureAlgorithmBroken => Class::Unsupported,
            E::KeyGenerationFailed | E::SigningFailed | E::RandomUnavailable => Class::Fault,
            E::SignatureKeyMismatch | E::SignatureInvalid => Class::Untrusted,
            E::PemMalformed | E::CertificateTooLarge | E::ChainTooLong => Class::Malformed,
            E::CertificateMalformed | E::CertificateExtensionMalformed | E::CertificateExtensionDuplicate => {
                Class::Malformed
            }
            E::IssuerKeyMismatch | E::IssuerNotCa | E::IssuerMismatch => Class::Fault,
            E::NameInvalid | E::AlternativeNameInvalid => Class::Malformed,
            E::BuildFailed | E::Lint(_) | E::SignedOtherThanPrepared => Class::Fault,
            E::CsrTooLarge | E::CsrMalformed => Class::Malformed,
            E::CsrSelfSignatureInvalid => Class::Untrusted,
            E::CrlTooLarge | E::CrlMalformed => Class::Malformed,
            E::CrlExtensionUnsupported => Class::Unsupported,
            E::CrlIssuerMismatch | E::CrlSignNotAllowed | E::CrlSignatureInvalid => Class::Untrusted,
            E::CrlNotYetValid | E::CrlExpired => Class::Untrusted,
            E::TlsConfiguration => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        use Error as E;
        ReasonCode::new(match self {
            E::KeyMalformed => "key-malformed",
            E::KeyUnsupported => "key-unsupported",
            E::KeyTooWeak => "key-too-weak",
            E::PrivateKeyMalformed => "key-private-malformed",
            E::KeyGenerationFailed => "key-generation-failed",
            E::SigningFailed => "key-signing-failed",
            E::RandomUnavailable => "key-random-unavailable",
            E::SignatureAlgorithmUnsupported => "signature-algorithm-unsupported",
            E::SignatureAlgorithmBroken => "signature-algorithm-broken",
            E::SignatureKeyMismatch => "signature-key-mismatch",
            E::SignatureInvalid => "signature-invalid",
            E::OidMalformed => "oid-malformed",
            E::PemMalformed => "pem-malformed",
            E::CertificateTooLarge => "certificate-too-large",
            E::ChainTooLong => "certificate-chain-too-long",
            E::CertificateMalformed => "certificate-malformed",
            E::CertificateExtensionMalformed => "certificate-extension-malformed",
            E::CertificateExtensionDuplicate => "certificate-extension-duplicate",
            E::IssuerKeyMismatch => "issue-issuer-key-mismatch",
            E::IssuerNotCa => "issue-issuer-not-ca",
            E::IssuerMismatch => "issue-issuer-mismatch",
            E::NameInvalid => "issue-name-invalid",
            E::AlternativeNameInvalid => "issue-alternative-name-invalid",
            E::BuildFailed => "issue-build-failed",
            E::Lint(lint) => lint.code(),
            E::SignedOtherThanPrepared => "issue-signed-other-than-prepared",
            E::CsrTooLarge => "csr-too-large",
            E::CsrMalformed => "csr-malformed",
            E::CsrSelfSignatureInvalid => "csr-self-signature-invalid",
            E::CrlTooLarge => "crl-too-large",
            E::CrlMalformed => "crl-malformed",
            E::CrlExtensionUnsupported => "crl-extension-unsupported",
            E::CrlIssuerMismatch => "crl-issuer-mismatch",
            E::CrlSignNotAllowed => "crl-sign-not-allowed",
            E::CrlSignatureInvalid => "crl-signature-invalid",
            E::CrlNotYetValid => "crl-not-yet-valid",
            E::CrlExpired => "crl-expired",
            E::TlsConfiguration => "tls-configuration",
        })
    }
}
