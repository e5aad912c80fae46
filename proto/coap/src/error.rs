//! Why a message is not one, why a request has no answer, and what the engine does not do for its caller.

use proto::{Class, Reason, ReasonCode};

/// The exact reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The datagram has fewer octets than a header.
    #[error("the datagram is shorter than a CoAP header")]
    HeaderTruncated,
    /// The version is not 1.
    #[error("the datagram is not CoAP version 1")]
    VersionUnknown,
    /// The datagram has more octets than [`crate::Limits::datagram_bytes_max`].
    #[error("the datagram is too large")]
    DatagramTooLarge,
    /// The token would be longer than eight octets.
    #[error("the token is too long")]
    TokenTooLong,
    /// The datagram ends within the token or an option.
    #[error("the message is truncated")]
    MessageTruncated,
    /// An option's delta or length has the reserved value 15, or its number exceeds 65,535.
    #[error("an option is malformed")]
    OptionMalformed,
    /// There are more than [`crate::OPTIONS_MAX`] options.
    #[error("the message has too many options")]
    OptionsTooMany,
    /// The payload marker stands at the end.
    #[error("the payload marker has no payload behind it")]
    PayloadMissing,
    /// Code 0.00 with a token, options or a payload.
    #[error("an empty message is not empty")]
    EmptyNotEmpty,
    /// The code's class is reserved.
    #[error("the code is of a reserved class")]
    CodeReserved,

    /// A message to be sent has more octets than [`crate::Limits::message_bytes_max`], or an option beyond 65,804.
    #[error("the message to be sent is too large")]
    MessageTooLarge,
    /// A body has more octets than [`crate::Limits::body_bytes_max`].
    #[error("the body is too large")]
    BodyTooLarge,
    /// The code given is no method, or no response code.
    #[error("the code does not fit the message")]
    CodeUnsuitable,
    /// The exchange was answered, given up or is not of this engine.
    #[error("the exchange is not open")]
    ExchangeUnknown,
    /// The request ended, or is not of this engine.
    #[error("the request is not open")]
    RequestUnknown,
    /// The observation ended, or is not of this engine.
    #[error("the observation is not open")]
    ObservationUnknown,
    /// As many messages wait for this peer, or requests in all, as may.
    #[error("too many messages wait to be sent")]
    TooManyWaiting,
    /// Message ids may not be used again yet (RFC 7252 §4.4).
    #[error("the message ids towards this peer are used up for now")]
    MessageIdsUsedUp,

    /// No acknowledgement or no response came in time.
    #[error("the peer did not answer")]
    TimedOut,
    /// The peer answered with a Reset.
    #[error("the peer rejected the message")]
    RejectedByPeer,
    /// The response has a critical option that is not known (RFC 7252 §5.4.1).
    #[error("the response has an unknown critical option")]
    ResponseOptionUnknown,
    /// The blocks of the response do not follow each other, or one has the wrong size (RFC 7959 §2.3).
    #[error("the blocks of the response do not fit each other")]
    ResponseBlockInvalid,
    /// The representation kept changing while it was being fetched (RFC 7959 §2.4).
    #[error("the response changed while it was being fetched")]
    ResponseChanged,
    /// The peer was forgotten: its session ended.
    #[error("the peer's session ended")]
    PeerForgotten,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::HeaderTruncated
            | Self::VersionUnknown
            | Self::DatagramTooLarge
            | Self::TokenTooLong
            | Self::MessageTruncated
            | Self::OptionMalformed
            | Self::OptionsTooMany
            | Self::PayloadMissing
            | Self::EmptyNotEmpty
            | Self::CodeReserved
            | Self::BodyTooLarge
            | Self::ResponseBlockInvalid => Class::Malformed,
            Self::ResponseOptionUnknown => Class::Unsupported,
            Self::ExchangeUnknown | Self::RequestUnknown | Self::ObservationUnknown => Class::Unknown,
            Self::RejectedByPeer => Class::Refused,
            Self::TooManyWaiting | Self::MessageIdsUsedUp | Self::TimedOut | Self::ResponseChanged => {
                Class::Busy
            }
            Self::PeerForgotten => Class::Busy,
            Self::MessageTooLarge | Self::CodeUnsuitable => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::HeaderTruncated => "coap-header-truncated",
            Self::VersionUnknown => "coap-version-unknown",
            Self::DatagramTooLarge => "coap-datagram-too-large",
            Self::TokenTooLong => "coap-token-too-long",
            Self::MessageTruncated => "coap-message-truncated",
            Self::OptionMalformed => "coap-option-malformed",
            Self::OptionsTooMany => "coap-options-too-many",
            Self::PayloadMissing => "coap-payload-missing",
            Self::EmptyNotEmpty => "coap-empty-not-empty",
            Self::CodeReserved => "coap-code-reserved",
            Self::MessageTooLarge => "coap-message-too-large",
            Self::BodyTooLarge => "coap-body-too-large",
            Self::CodeUnsuitable => "coap-code-unsuitable",
            Self::ExchangeUnknown => "coap-exchange-unknown",
            Self::RequestUnknown => "coap-request-unknown",
            Self::ObservationUnknown => "coap-observation-unknown",
            Self::TooManyWaiting => "coap-too-many-waiting",
            Self::MessageIdsUsedUp => "coap-message-ids-used-up",
            Self::TimedOut => "coap-timed-out",
            Self::RejectedByPeer => "coap-rejected-by-peer",
            Self::ResponseOptionUnknown => "coap-response-option-unknown",
            Self::ResponseBlockInvalid => "coap-response-block-invalid",
            Self::ResponseChanged => "coap-response-changed",
            Self::PeerForgotten => "coap-peer-forgotten",
        })
    }
}
