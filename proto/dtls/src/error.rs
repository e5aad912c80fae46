//! Why a datagram is nothing to us, why a session ended, and what the endpoint does not do for its caller.

use proto::{Class, Reason, ReasonCode};

/// The exact reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The datagram has more octets than [`crate::DATAGRAM_BYTES_MAX`].
    #[error("the datagram is too large")]
    DatagramTooLarge,
    /// It is no record, or a record of no session.
    #[error("the datagram belongs to no session")]
    DatagramStray,
    /// A ClientHello that cannot be read, or that is not alone in its datagram.
    #[error("the ClientHello is malformed")]
    HelloMalformed,
    /// A ClientHello that comes in pieces: to put them together would need memory before the address is proved.
    #[error("the ClientHello is fragmented")]
    HelloFragmented,
    /// It offers no version, suite or group of ours, or lacks the extended master secret (RFC 7627).
    #[error("the ClientHello offers nothing that is spoken here")]
    HelloUnsuitable,
    /// The cookie is not ours, another peer's, too old, or of another ClientHello.
    #[error("the cookie does not prove the address")]
    CookieInvalid,

    /// The peer showed no certificate, or one that cannot be read.
    #[error("the peer showed no certificate that can be read")]
    PeerCertificateMissing,
    /// The verifier did not let the peer's chain pass.
    #[error("the peer is not trusted: {0}")]
    PeerUntrusted(pki::Error),
    /// The handshake failed: no agreement, or a proof did not hold.
    #[error("the handshake failed")]
    HandshakeFailed,
    /// The handshake was not completed in time.
    #[error("the handshake took too long")]
    HandshakeTimedOut,
    /// The peer ended the session by a fatal alert, or broke the protocol.
    #[error("the session broke")]
    SessionBroken,
    /// Nothing came for longer than [`crate::Limits::idle`].
    #[error("the session was idle for too long")]
    SessionIdle,
    /// The session made room for another.
    #[error("the session made room for another")]
    SessionDisplaced,
    /// The peer opened another session at the same address.
    #[error("the peer opened a new session")]
    SessionReplaced,

    /// There is no open session with the peer.
    #[error("there is no session with this peer")]
    SessionUnknown,
    /// A message does not fit into one datagram.
    #[error("the message does not fit into a datagram")]
    MessageTooLarge,
    /// Certificate and key do not belong together, are of a kind that DTLS does not sign with here, or the library
    /// refuses the settings.
    #[error("DTLS cannot be set up so")]
    ConfigurationInvalid,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::DatagramTooLarge | Self::DatagramStray | Self::HelloMalformed => Class::Malformed,
            Self::HelloFragmented | Self::HelloUnsuitable => Class::Unsupported,
            Self::CookieInvalid
            | Self::PeerCertificateMissing
            | Self::PeerUntrusted(_)
            | Self::HandshakeFailed => Class::Untrusted,
            Self::SessionUnknown => Class::Unknown,
            Self::HandshakeTimedOut
            | Self::SessionBroken
            | Self::SessionIdle
            | Self::SessionDisplaced
            | Self::SessionReplaced => Class::Busy,
            Self::MessageTooLarge | Self::ConfigurationInvalid => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::DatagramTooLarge => "dtls-datagram-too-large",
            Self::DatagramStray => "dtls-datagram-stray",
            Self::HelloMalformed => "dtls-hello-malformed",
            Self::HelloFragmented => "dtls-hello-fragmented",
            Self::HelloUnsuitable => "dtls-hello-unsuitable",
            Self::CookieInvalid => "dtls-cookie-invalid",
            Self::PeerCertificateMissing => "dtls-peer-certificate-missing",
            Self::PeerUntrusted(_) => "dtls-peer-untrusted",
            Self::HandshakeFailed => "dtls-handshake-failed",
            Self::HandshakeTimedOut => "dtls-handshake-timed-out",
            Self::SessionBroken => "dtls-session-broken",
            Self::SessionIdle => "dtls-session-idle",
            Self::SessionDisplaced => "dtls-session-displaced",
            Self::SessionReplaced => "dtls-session-replaced",
            Self::SessionUnknown => "dtls-session-unknown",
            Self::MessageTooLarge => "dtls-message-too-large",
            Self::ConfigurationInvalid => "dtls-configuration-invalid",
        })
    }
}
