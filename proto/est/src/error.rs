//! All the ways in which an EST message or request is refused.

use proto::{Class, Reason, ReasonCode};

/// Says exactly what was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path is not one of EST's, or its operation is not known.
    #[error("no EST operation has this path")]
    PathUnknown,
    /// The label is empty, too long, of forbidden characters or the name of an operation (RFC 7030 §3.2.2).
    #[error("the label in the path is not valid")]
    LabelInvalid,
    /// The body is not of the media type that the operation takes.
    #[error("the media type is not the one of this operation")]
    MediaTypeUnsupported,
    /// The client accepts no media type that the operation gives.
    #[error("no media type that the client accepts is offered")]
    AcceptUnsupported,
    /// The body has more bytes than [`crate::body::BODY_BYTES_MAX`].
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body has no bytes, or only white space.
    #[error("the body is empty")]
    BodyEmpty,
    /// The body is neither base64 nor one DER value.
    #[error("the body is neither base64 nor DER")]
    BodyEncodingInvalid,
    /// The body is no `multipart-core`, has too many parts, or not those that are expected.
    #[error("the collection of representations is malformed or incomplete")]
    MultipartMalformed,
    /// The server encrypted the key that it made, which was not asked for.
    #[error("the key that the server made is encrypted")]
    ServerKeyEncrypted,
    /// What the body carries does not hold; the cellar says why.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The request asks to become a CA.
    #[error("the certification request asks for a CA certificate")]
    CsrAsksForCa,
    /// The request has a challengePassword, and this TLS library has no tls-unique to compare it with.
    #[error("the certification request has a challengePassword, which cannot be verified here")]
    CsrChallengePassword,
    /// The request's key is of a kind that this domain does not certify.
    #[error("the key of the certification request is of a kind that is not taken here")]
    CsrKeyUnwanted,
    /// The request's subject has no serialNumber, or not exactly one.
    #[error("the subject of the certification request has no serialNumber")]
    CsrSerialNumberMissing,
    /// The request's serialNumber is not that of the certificate that opened the channel.
    #[error("the serialNumber of the certification request is another device's")]
    CsrSerialNumberMismatch,
    /// The certificate that opened the channel has no serialNumber.
    #[error("the certificate of the channel has no serialNumber")]
    IdentitySerialNumberMissing,
    /// The request's subject differs from the one of the certificate to be renewed.
    #[error("the renewal asks for another subject")]
    RenewalSubjectChanged,
    /// The request's subjectAltName differs from the one of the certificate to be renewed.
    #[error("the renewal asks for another subjectAltName")]
    RenewalAltNameChanged,
    /// The wanted attributes do not follow RFC 7030 §4.5.2, or are too many.
    #[error("the CSR attributes are malformed")]
    CsrAttrsMalformed,
    /// There is no CA certificate, one is not of a CA, or their order is not that of a path.
    #[error("the CA certificates do not form a path")]
    CaCertsInvalid,
    /// The answer does not hold exactly the certificate that was asked for.
    #[error("the answer does not hold the certificate that was asked for")]
    IssuedCertificateInvalid,
    /// A 202 has no Retry-After, or one that is no number of seconds (RFC 7030 §4.2.3).
    #[error("the answer says to wait and not how long")]
    RetryAfterInvalid,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::PathUnknown => Class::Unknown,
            Self::LabelInvalid | Self::BodyTooLarge | Self::BodyEmpty | Self::BodyEncodingInvalid => {
                Class::Malformed
            }
            Self::MultipartMalformed => Class::Malformed,
            Self::MediaTypeUnsupported | Self::AcceptUnsupported | Self::ServerKeyEncrypted => {
                Class::Unsupported
            }
            Self::Pki(error) => error.class(),
            Self::CsrAsksForCa | Self::CsrChallengePassword | Self::CsrKeyUnwanted => Class::Refused,
            Self::CsrSerialNumberMissing | Self::CsrAttrsMalformed => Class::Malformed,
            Self::CsrSerialNumberMismatch | Self::IdentitySerialNumberMissing => Class::Untrusted,
            Self::RenewalSubjectChanged | Self::RenewalAltNameChanged => Class::Refused,
            Self::CaCertsInvalid => Class::Fault,
            Self::IssuedCertificateInvalid => Class::Untrusted,
            Self::RetryAfterInvalid => Class::Malformed,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::Pki(error) => return error.code(),
            Self::PathUnknown => "est-path-unknown",
            Self::LabelInvalid => "est-label-invalid",
            Self::MediaTypeUnsupported => "est-media-type-unsupported",
            Self::AcceptUnsupported => "est-accept-unsupported",
            Self::BodyTooLarge => "est-body-too-large",
            Self::BodyEmpty => "est-body-empty",
            Self::BodyEncodingInvalid => "est-body-encoding-invalid",
            Self::MultipartMalformed => "est-multipart-malformed",
            Self::ServerKeyEncrypted => "est-server-key-encrypted",
            Self::CsrAsksForCa => "csr-asks-for-ca",
            Self::CsrChallengePassword => "csr-challenge-password",
            Self::CsrKeyUnwanted => "csr-key-unwanted",
            Self::CsrSerialNumberMissing => "csr-serial-number-missing",
            Self::CsrSerialNumberMismatch => "csr-serial-number-mismatch",
            Self::IdentitySerialNumberMissing => "est-identity-serial-number-missing",
            Self::RenewalSubjectChanged => "est-renewal-subject-changed",
            Self::RenewalAltNameChanged => "est-renewal-alt-name-changed",
            Self::CsrAttrsMalformed => "est-csrattrs-malformed",
            Self::CaCertsInvalid => "est-cacerts-invalid",
            Self::IssuedCertificateInvalid => "est-issued-certificate-invalid",
            Self::RetryAfterInvalid => "est-retry-after-invalid",
        })
    }
}
