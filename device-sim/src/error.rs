//! Why a simulated device stopped.
//!
//! Invariants: each variant has a reason code of its own, unless it wraps an error or a refusal that has one.

use std::io;

use proto::{Class, Reason, ReasonCode};
use tonic_types::StatusExt;

use crate::misbehaviour::Need;
use crate::transport::Refusal;

/// Everything that can go wrong at the device's end; what the server refused is [`Error::Refused`].
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system gave no random bytes.
    #[error("no random bytes to be had")]
    NoRandomness,
    /// The address is not `https://HOST[:PORT]`.
    #[error("not an https address")]
    AddressInvalid,

    /// No TCP connection came about.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// The connection ended before the answer.
    #[error("connection ended before the answer")]
    ConnectionLost,
    /// HTTP broke down, most often because the connection ended.
    #[error("HTTP exchange failed")]
    Http(#[source] hyper::Error),
    /// No answer within the time that was set.
    #[error("no answer in time")]
    TimedOut,
    /// The server asked to come again later, more often than the device is willing to.
    #[error("the decision was still pending when patience ran out")]
    StillPending,
    /// The answer exceeds [`crate::transport::ANSWER_BYTES_MAX`].
    #[error("answer too large")]
    AnswerTooLarge,
    /// The answer is no HTTP, or not what its media type promises.
    #[error("answer unreadable")]
    AnswerUnreadable,
    /// The server wants a kind of key that this pledge cannot make.
    #[error("the server wants a kind of key that this pledge cannot make")]
    KeyKindUnknown,
    /// The answer has another media type than was asked for.
    #[error("answer has an unexpected media type")]
    AnswerMediaType,
    /// The server sent a redirect; this pledge was told one registrar and stays with it.
    #[error("redirected to elsewhere")]
    Redirected,
    /// The server said no.
    #[error("refused with status {} ({})", .0.status, .0.reason())]
    Refused(Refusal),

    /// A certificate in the server's chain cannot be read.
    #[error("the server's certificate chain is unreadable")]
    ServerChainUnreadable(#[source] pki::Error),
    /// The server showed another chain after a reconnection within one attempt (RFC 8995 §5.6).
    #[error("the registrar's certificate changed during the attempt")]
    RegistrarChanged,
    /// What BRSKI asks of a pledge did not hold: of the voucher, or of the registrar by its pin.
    #[error(transparent)]
    Brski(#[from] proto_brski::Error),
    /// The server's chain does not lead to the explicit trust anchor.
    #[error("the server's chain does not lead to the domain's anchor")]
    ServerUntrusted(#[source] pki::Error),
    /// A voucher or voucher-request could not be written.
    #[error("cannot build the voucher or request")]
    RequestUnbuildable(#[source] proto_voucher::Error),
    /// `cacerts` does not hold the pinned certificate.
    #[error("the CA certificates do not hold the pinned certificate")]
    CaCertsWithoutPin,
    /// The enrolment brought no certificate, or more than one.
    #[error("the enrolment did not bring exactly one certificate")]
    CertificateCount,
    /// The issued certificate does not chain to the explicit trust anchor.
    #[error("the issued certificate does not chain to the domain's anchor")]
    CertificateUntrusted(#[source] pki::Error),
    /// The issued certificate has another public key than the request.
    #[error("the issued certificate is for another key")]
    CertificateKeyDiffers,
    /// The issued certificate names another serial number than the IDevID.
    #[error("the issued certificate is for another serial number")]
    CertificateSubjectDiffers,
    /// The issued certificate is a CA certificate.
    #[error("the issued certificate is a CA certificate")]
    CertificateIsCa,
    /// A device does not re-enrol before it has enrolled.
    #[error("not enrolled")]
    NotEnrolled,

    /// A key or certificate could not be made or read.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The manufacturer's anchors were not named.
    #[error("--anchors is needed to make units at a server")]
    AnchorsMissing,
    /// Of address, anchor, certificate and key of the API one is not named.
    #[error("the API needs --profile, or all of --api, --api-ca, --api-cert, --api-key")]
    ApiIncomplete,
    /// The profile is not in its format.
    #[error("not a profile")]
    ProfileInvalid(#[source] Box<toml::de::Error>),
    /// A misbehaviour cannot be staged without what is named.
    #[error("cannot be staged: needs {}", .0.words())]
    CannotStage(Need),
    /// A file cannot be read or written.
    #[error("file")]
    File(#[source] io::Error),
    /// A fleet file or unit directory is not in our format.
    #[error("not a unit file of ours")]
    UnitFile,
    /// The fleet file holds fewer units than are needed.
    #[error("not enough units")]
    TooFewUnits,
    /// The API cannot be reached.
    #[error("the API cannot be reached")]
    Api(#[source] tonic::transport::Error),
    /// The API refused.
    #[error("the API refused: {}", .0.message())]
    ApiRefused(Box<tonic::Status>),
    /// The factory refused one item of a batch.
    #[error("the factory refused a unit ({})", .0.reason())]
    FactoryRefused(Refusal),
    /// The API's answer lacks what it promises.
    #[error("the API's answer is incomplete")]
    ApiAnswer,
}

impl Error {
    /// Names the reason for a report: the server's own code where the server refused, else ours.
    #[must_use]
    pub fn reason(&self) -> String {
        if let Self::ApiRefused(status) = self {
            let info = status.get_details_error_info();
            return info.map_or_else(|| self.code().to_string(), |info| info.reason);
        }
        self.refusal().map_or_else(|| self.code().to_string(), Refusal::reason)
    }

    /// Returns what the server or the factory said, when it was the one that said no.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) | Self::FactoryRefused(refusal) = self { Some(refusal) } else { None }
    }

    /// Tells whether the server may simply be away, so that the same bytes are worth another connection.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        if let Self::ApiRefused(status) = self {
            return is_broken_off(status);
        }
        matches!(
            self,
            Self::Connect(_) | Self::Handshake(_) | Self::ConnectionLost | Self::Http(_) | Self::TimedOut
        )
    }
}

/// What the server itself refuses has an `ErrorInfo`; a connection that broke has none.
fn is_broken_off(status: &tonic::Status) -> bool {
    use tonic::Code::{Cancelled, Internal, Unavailable, Unknown};
    matches!(status.code(), Unavailable | Unknown | Cancelled | Internal)
        && status.get_details_error_info().is_none()
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::NoRandomness
            | Self::RequestUnbuildable(_)
            | Self::File(_)
            | Self::CannotStage(_)
            | Self::AnchorsMissing
            | Self::ApiIncomplete
            | Self::TooFewUnits => Class::Fault,
            Self::AddressInvalid
            | Self::ProfileInvalid(_)
            | Self::AnswerTooLarge
            | Self::AnswerUnreadable
            | Self::ServerChainUnreadable(_)
            | Self::UnitFile
            | Self::ApiAnswer
            | Self::CertificateCount => Class::Malformed,
            Self::Connect(_)
            | Self::Handshake(_)
            | Self::ConnectionLost
            | Self::Http(_)
            | Self::TimedOut
            | Self::Api(_) => Class::Busy,
            Self::StillPending => Class::NotYet,
            Self::AnswerMediaType | Self::KeyKindUnknown | Self::Redirected => Class::Unsupported,
            Self::Refused(_) | Self::FactoryRefused(_) | Self::ApiRefused(_) | Self::NotEnrolled => {
                Class::Refused
            }
            Self::RegistrarChanged
            | Self::ServerUntrusted(_)
            | Self::CaCertsWithoutPin
            | Self::CertificateUntrusted(_)
            | Self::CertificateKeyDiffers
            | Self::CertificateSubjectDiffers
            | Self::CertificateIsCa => Class::Untrusted,
            Self::Brski(error) => error.class(),
            Self::Pki(error) => error.class(),
        }
    }

    fn code(&self) -> ReasonCode {
        let code = match self {
            Self::NoRandomness => "sim-no-randomness",
            Self::AddressInvalid => "sim-address-invalid",
            Self::Connect(_) => "sim-connect-failed",
            Self::Handshake(_) => "sim-handshake-failed",
            Self::ConnectionLost => "sim-connection-lost",
            Self::Http(_) => "sim-http-failed",
            Self::TimedOut => "sim-timed-out",
            Self::StillPending => "sim-still-pending",
            Self::AnswerTooLarge => "sim-answer-too-large",
            Self::AnswerUnreadable => "sim-answer-unreadable",
            Self::KeyKindUnknown => "sim-key-kind-unknown",
            Self::AnswerMediaType => "sim-answer-media-type",
            Self::Redirected => "sim-redirected",
            Self::Refused(_) => "sim-refused",
            Self::ServerChainUnreadable(_) => "sim-server-chain-unreadable",
            Self::RegistrarChanged => "sim-registrar-changed",
            Self::ServerUntrusted(_) => "sim-server-untrusted",
            Self::RequestUnbuildable(_) => "sim-request-unbuildable",
            Self::CaCertsWithoutPin => "sim-cacerts-without-pin",
            Self::CertificateCount => "sim-certificate-count",
            Self::CertificateUntrusted(_) => "sim-certificate-untrusted",
            Self::CertificateKeyDiffers => "sim-certificate-key-differs",
            Self::CertificateSubjectDiffers => "sim-certificate-subject-differs",
            Self::CertificateIsCa => "sim-certificate-is-ca",
            Self::NotEnrolled => "sim-not-enrolled",
            Self::AnchorsMissing => "sim-anchors-missing",
            Self::ApiIncomplete => "sim-api-incomplete",
            Self::ProfileInvalid(_) => "sim-profile-invalid",
            Self::CannotStage(_) => "sim-cannot-stage",
            Self::File(_) => "sim-file",
            Self::UnitFile => "sim-unit-file",
            Self::TooFewUnits => "sim-too-few-units",
            Self::Api(_) => "sim-api-unreachable",
            Self::ApiRefused(_) => "sim-api-refused",
            Self::FactoryRefused(_) => "sim-factory-refused",
            Self::ApiAnswer => "sim-api-answer",
            Self::Brski(error) => return error.code(),
            Self::Pki(error) => return error.code(),
        };
        ReasonCode::new(code)
    }
}
