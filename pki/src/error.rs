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

    // Paths (RFC 5280 §6).
    /// There are more certificates to look at than [`crate::path::POOL_MAX`].
    #[error("there are too many certificates to look for a path in")]
    PathPoolTooLarge,
    /// No anchor and no certificate at hand is the issuer.
    #[error("the issuer is not known")]
    PathIssuerUnknown,
    /// Every path is longer than [`crate::path::DEPTH_MAX`].
    #[error("the path is too long")]
    PathTooDeep,
    /// [`crate::path::SIGNATURES_MAX`] signatures were checked and no path was found.
    #[error("too many signatures would have to be checked to find a path")]
    PathTooMuchWork,
    /// The certificate was not signed by the key of the issuer it names.
    #[error("a certificate of the path was not signed by its issuer")]
    PathSignatureInvalid,
    /// A certificate of the path begins in the future.
    #[error("a certificate of the path is not yet valid")]
    PathNotYetValid,
    /// A certificate of the path has ended.
    #[error("a certificate of the path has expired")]
    PathExpired,
    /// The issuer is no version 3 certificate whose basicConstraints say that it is a CA.
    #[error("an issuer of the path is not a CA")]
    PathIssuerNotCa,
    /// More CAs follow than a pathLenConstraint allows.
    #[error("a path length constraint is exceeded")]
    PathLengthExceeded,
    /// The issuer's keyUsage lacks keyCertSign.
    #[error("an issuer of the path may not sign certificates")]
    PathIssuerMayNotSign,
    /// The issuer's extKeyUsage does not allow the purpose.
    #[error("an issuer of the path is restricted to other purposes")]
    PathIssuerPurposeRestricted,
    /// A critical extension is not known to us.
    #[error("a certificate of the path has a critical extension that is not known")]
    PathCriticalExtensionUnknown,
    /// A CA requires an explicit certificate policy, which we do not process.
    #[error("a CA of the path requires an explicit certificate policy")]
    PathPolicyRequired,
    /// A name is outside what a CA above allows.
    #[error("a name is outside the name constraints of a CA above")]
    PathNameConstraintViolated,
    /// A CA constrains names of a kind, or in a way, that we do not process.
    #[error("a CA of the path has name constraints that cannot be processed")]
    PathNameConstraintUnsupported,
    /// The end entity's keyUsage lacks digitalSignature.
    #[error("the key usage does not allow signatures")]
    PathKeyUsageUnfit,
    /// The end entity's extKeyUsage does not fit the purpose.
    #[error("the extended key usage does not fit the purpose")]
    PathExtendedKeyUsageUnfit,
    /// The end entity is a CA.
    #[error("the end entity is a CA")]
    PathEndEntityIsCa,
    /// A device's subject has not exactly one proper serialNumber.
    #[error("the subject has no serial number")]
    PathSerialNumberMissing,
    /// A device's certificate was used to sign for its maker.
    #[error("the signer is a device")]
    PathSignerIsDevice,
    /// subjectAltName does not name the host.
    #[error("the certificate is not that of the host")]
    PathHostMismatch,
    /// A certificate of the path is revoked or on hold.
    #[error("a certificate of the path is revoked")]
    PathRevoked,
    /// Policy asks for a certificate's status and there is none.
    #[error("the status of a certificate of the path is not known")]
    PathRevocationUnknown,

    // CMS (RFC 5652).
    /// The message has more bytes than [`crate::cms::CMS_BYTES_MAX`].
    #[error("the CMS message is too large")]
    CmsTooLarge,
    /// The message does not follow RFC 5652 §3, §5, in DER.
    #[error("the CMS message is malformed")]
    CmsMalformed,
    /// The message is of another type than signed data.
    #[error("the CMS message is no signed data")]
    CmsNotSignedData,
    /// The content is not in the message.
    #[error("the CMS message has no content")]
    CmsContentMissing,
    /// There are more certificates than [`crate::cms::CERTIFICATES_MAX`].
    #[error("the CMS message has too many certificates")]
    CmsTooManyCertificates,
    /// There is not exactly one signer, or in a certs-only message there is one.
    #[error("the CMS message has a wrong number of signers")]
    CmsSignerCount,
    /// The signerInfo's version does not go with the way it names the signer.
    #[error("the CMS signer's version does not fit")]
    CmsSignerVersionMismatch,
    /// There are no signed attributes.
    #[error("the CMS signer has no signed attributes")]
    CmsSignedAttributesMissing,
    /// The signed attributes are not in DER order, or one that we need is missing, repeated or malformed.
    #[error("the CMS signed attributes are incomplete, repeated or not in DER")]
    CmsSignedAttributesInvalid,
    /// The digest is none of SHA-256, SHA-384 and SHA-512.
    #[error("the CMS digest algorithm is not supported")]
    CmsDigestAlgorithmUnsupported,
    /// The digest is not announced by the message, or not the one of the signature.
    #[error("the CMS digest and signature algorithms do not fit")]
    CmsDigestAlgorithmMismatch,
    /// The content is none that is accepted.
    #[error("the CMS content type is not accepted")]
    CmsContentTypeUnsupported,
    /// The version is none that is accepted.
    #[error("the CMS version is not accepted")]
    CmsVersionUnsupported,
    /// The signed content type is not that of the message.
    #[error("the CMS content type is not the one that was signed")]
    CmsContentTypeMismatch,
    /// The signed digest is not that of the content.
    #[error("the CMS content is not the one that was signed")]
    CmsDigestMismatch,
    /// The message names another signer than the certificate that is to verify it.
    #[error("the CMS message names another signer")]
    CmsSignerMismatch,
    /// The message does not bring the certificate of its signer.
    #[error("the CMS message lacks its signer's certificate")]
    CmsSignerCertificateMissing,
    /// The signature is not of this key.
    #[error("the CMS signature does not hold")]
    CmsSignatureInvalid,
    /// The first certificate of the chain to sign with is missing or of another key.
    #[error("the certificate to sign with is missing or of another key")]
    CmsSignerKeyMismatch,

    // COSE (RFC 9052).
    /// The message has more bytes than [`crate::cose::COSE_BYTES_MAX`].
    #[error("the COSE message is too large")]
    CoseTooLarge,
    /// The message is no COSE_Sign1 in CBOR.
    #[error("the COSE message is malformed")]
    CoseMalformed,
    /// A header has too many parameters, one in the wrong place or twice, or certificates of no known form.
    #[error("a header of the COSE message is not valid")]
    CoseHeaderInvalid,
    /// The payload is not in the message.
    #[error("the COSE message has no payload")]
    CosePayloadMissing,
    /// The protected header is empty or names no algorithm.
    #[error("the COSE message has no algorithm in its protected header")]
    CoseAlgorithmMissing,
    /// The algorithm is none of ES256, ES384 and EdDSA.
    #[error("the algorithm of the COSE message is not supported")]
    CoseAlgorithmUnsupported,
    /// A parameter that is critical is not known.
    #[error("the COSE message has a critical parameter that is not understood")]
    CoseCriticalUnknown,
    /// There are more certificates than [`crate::cose::CERTIFICATES_MAX`].
    #[error("the COSE message has too many certificates")]
    CoseTooManyCertificates,
    /// None of the certificates at hand is that of the signer.
    #[error("the certificate of the COSE message's signer is not at hand")]
    CoseSignerCertificateMissing,
    /// The signature is not of this key.
    #[error("the COSE signature does not hold")]
    CoseSignatureInvalid,
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
            E::PathPoolTooLarge
            | E::CmsTooLarge
            | E::CmsMalformed
            | E::CmsNotSignedData
            | E::CmsContentMissing
            | E::CmsTooManyCertificates
            | E::CmsSignerCount
            | E::CmsSignerVersionMismatch
            | E::CmsSignedAttributesMissing
            | E::CmsSignedAttributesInvalid => Class::Malformed,
            E::CmsDigestAlgorithmUnsupported | E::CmsContentTypeUnsupported | E::CmsVersionUnsupported => {
                Class::Unsupported
            }
            E::PathIssuerUnknown
            | E::PathTooDeep
            | E::PathTooMuchWork
            | E::PathSignatureInvalid
            | E::PathNotYetValid
            | E::PathExpired
            | E::PathIssuerNotCa
            | E::PathLengthExceeded
            | E::PathIssuerMayNotSign
            | E::PathIssuerPurposeRestricted
            | E::PathCriticalExtensionUnknown
            | E::PathPolicyRequired
            | E::PathNameConstraintViolated
            | E::PathNameConstraintUnsupported
            | E::PathKeyUsageUnfit
            | E::PathExtendedKeyUsageUnfit
            | E::PathEndEntityIsCa
            | E::PathSerialNumberMissing
            | E::PathSignerIsDevice
            | E::PathHostMismatch
            | E::PathRevoked
            | E::PathRevocationUnknown
            | E::CmsDigestAlgorithmMismatch
            | E::CmsContentTypeMismatch
            | E::CmsDigestMismatch
            | E::CmsSignerMismatch
            | E::CmsSignerCertificateMissing
            | E::CmsSignatureInvalid => Class::Untrusted,
            E::CmsSignerKeyMismatch => Class::Fault,
            E::CoseTooLarge | E::CoseMalformed | E::CoseHeaderInvalid | E::CosePayloadMissing => {
                Class::Malformed
            }
            E::CoseAlgorithmMissing | E::CoseTooManyCertificates => Class::Malformed,
            E::CoseAlgorithmUnsupported | E::CoseCriticalUnknown => Class::Unsupported,
            E::CoseSignerCertificateMissing | E::CoseSignatureInvalid => Class::Untrusted,
        }
    }

    #[expect(clippy::too_many_lines, reason = "a flat list, one line for each reason, without a default arm")]
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
            E::PathPoolTooLarge => "path-pool-too-large",
            E::PathIssuerUnknown => "path-issuer-unknown",
            E::PathTooDeep => "path-too-deep",
            E::PathTooMuchWork => "path-too-much-work",
            E::PathSignatureInvalid => "path-signature-invalid",
            E::PathNotYetValid => "path-not-yet-valid",
            E::PathExpired => "path-expired",
            E::PathIssuerNotCa => "path-issuer-not-ca",
            E::PathLengthExceeded => "path-length-exceeded",
            E::PathIssuerMayNotSign => "path-issuer-may-not-sign",
            E::PathIssuerPurposeRestricted => "path-issuer-purpose-restricted",
            E::PathCriticalExtensionUnknown => "path-critical-extension-unknown",
            E::PathPolicyRequired => "path-policy-required",
            E::PathNameConstraintViolated => "path-name-constraint-violated",
            E::PathNameConstraintUnsupported => "path-name-constraint-unsupported",
            E::PathKeyUsageUnfit => "path-key-usage-unfit",
            E::PathExtendedKeyUsageUnfit => "path-extended-key-usage-unfit",
            E::PathEndEntityIsCa => "path-end-entity-is-ca",
            E::PathSerialNumberMissing => "path-serial-number-missing",
            E::PathSignerIsDevice => "path-signer-is-device",
            E::PathHostMismatch => "path-host-mismatch",
            E::PathRevoked => "path-revoked",
            E::PathRevocationUnknown => "path-revocation-unknown",
            E::CmsTooLarge => "cms-too-large",
            E::CmsMalformed => "cms-malformed",
            E::CmsNotSignedData => "cms-not-signed-data",
            E::CmsContentMissing => "cms-content-missing",
            E::CmsTooManyCertificates => "cms-too-many-certificates",
            E::CmsSignerCount => "cms-signer-count",
            E::CmsSignerVersionMismatch => "cms-signer-version-mismatch",
            E::CmsSignedAttributesMissing => "cms-signed-attributes-missing",
            E::CmsSignedAttributesInvalid => "cms-signed-attributes-invalid",
            E::CmsDigestAlgorithmUnsupported => "cms-digest-algorithm-unsupported",
            E::CmsDigestAlgorithmMismatch => "cms-digest-algorithm-mismatch",
            E::CmsContentTypeUnsupported => "cms-content-type-unsupported",
            E::CmsVersionUnsupported => "cms-version-unsupported",
            E::CmsContentTypeMismatch => "cms-content-type-mismatch",
            E::CmsDigestMismatch => "cms-digest-mismatch",
            E::CmsSignerMismatch => "cms-signer-mismatch",
            E::CmsSignerCertificateMissing => "cms-signer-certificate-missing",
            E::CmsSignatureInvalid => "cms-signature-invalid",
            E::CmsSignerKeyMismatch => "cms-signer-key-mismatch",
            E::CoseTooLarge => "cose-too-large",
            E::CoseMalformed => "cose-malformed",
            E::CoseHeaderInvalid => "cose-header-invalid",
            E::CosePayloadMissing => "cose-payload-missing",
            E::CoseAlgorithmMissing => "cose-algorithm-missing",
            E::CoseAlgorithmUnsupported => "cose-algorithm-unsupported",
            E::CoseCriticalUnknown => "cose-critical-unknown",
            E::CoseTooManyCertificates => "cose-too-many-certificates",
            E::CoseSignerCertificateMissing => "cose-signer-certificate-missing",
            E::CoseSignatureInvalid => "cose-signature-invalid",
        })
    }
}
