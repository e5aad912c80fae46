//! What is no call at all, and what tonic refuses before a service sees it: both get a reason code like any refusal.
//!
//! Source: gRPC over HTTP/2 (`doc/PROTOCOL-HTTP2.md` of grpc: Content-Type, Message-Encoding); RFC 9110 §15.6.6.
//! Does not: judge who calls, read a message.
//! Invariants: a message that cannot be read is the caller's fault and never `INTERNAL`, which here means ours. (gRPC's
//! page on compression wants `INTERNAL` for a compressed message without an encoding; a caller reads the reason anyway.)

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use proto::{Class, Reason, ReasonCode};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::{Code, Status};

use super::authorize;
use crate::app::Refusal;
use crate::http::status::{field, method_not_allowed};

/// Says how a message is compressed.
const ENCODING: &str = "grpc-encoding";

/// Why a request is no call, or its message none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
enum Error {
    /// The request came with HTTP/1.
    #[error("gRPC needs HTTP/2")]
    HttpVersion,
    /// The body is not in the framing of gRPC.
    #[error("the body's media type is not that of gRPC")]
    MediaType,
    /// The message is compressed in a way that is not known here.
    #[error("the message's encoding is not offered")]
    Encoding,
    /// The message is longer than a service takes.
    #[error("the message is too large")]
    TooLarge,
    /// The bytes are no message: wrong framing, wrong Protobuf, or too few.
    #[error("the message cannot be read")]
    Unreadable,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::HttpVersion | Self::MediaType | Self::Encoding => Class::Unsupported,
            Self::TooLarge | Self::Unreadable => Class::Malformed,
        }
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::HttpVersion => ReasonCode::new("grpc-http-version-unsupported"),
            Self::MediaType => ReasonCode::new("grpc-media-type-unsupported"),
            Self::Encoding => ReasonCode::new("grpc-encoding-unsupported"),
            Self::TooLarge => ReasonCode::new("grpc-message-too-large"),
            Self::Unreadable => ReasonCode::new("grpc-message-malformed"),
        }
    }
}

/// Answers in HTTP what is no call of gRPC, and lets calls through.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    if request.version() != Version::HTTP_2 {
        let mut response = Refusal::from(Error::HttpVersion).into_response();
        *response.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return response;
    }
    if request.method() != Method::POST {
        let mut response = method_not_allowed().await;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !is_framed(request.headers()) {
        return Refusal::from(Error::MediaType).into_response();
    }
    next.run(request).await
}

/// Tells whether the media type is `application/grpc`, alone or with a suffix or parameters.
fn is_framed(headers: &HeaderMap) -> bool {
    let rest = field(headers, header::CONTENT_TYPE)
        .and_then(|given| given.strip_prefix(GRPC_CONTENT_TYPE.to_str().unwrap_or_default()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Puts our reason into what tonic refuses by itself.
pub(super) async fn explain(request: Request, next: Next) -> Response {
    let is_encoded = request.headers().contains_key(ENCODING);
    let response = next.run(request).await;
    let Some(told) = Status::from_header_map(response.headers()) else { return response };
    if told.code() != Code::Unimplemented || !told.details().is_empty() {
        return unread(&told).map_or(response, Status::into_http);
    }
    if !is_encoded {
        return Status::from(Refusal::from(authorize::Error::MethodUnknown)).into_http();
    }
    let mut status = Status::from(Refusal::from(Error::Encoding));
    // It says which encodings there are.
    status.metadata_mut().clone_from(told.metadata());
    status.into_http()
}

/// Turns what tonic says of a message that it cannot read into our words; `None` when it is our own refusal already.
pub(super) fn unread(told: &Status) -> Option<Status> {
    if !told.details().is_empty() {
        return None;
    }
    let error = match told.code() {
        Code::OutOfRange | Code::ResourceExhausted => Error::TooLarge,
        Code::Internal => Error::Unreadable,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => return None,
    };
    Some(Refusal::from(error).into())
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    #[test]
    fn a_body_is_framed_when_its_media_type_is_grpc_whatever_the_suffix() {
        for (given, is_so) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(given))]);
            assert_eq!(is_framed(&headers), is_so, "{given}");
        }
        assert!(!is_framed(&HeaderMap::new()));
    }

    #[test]
    fn what_tonic_cannot_read_is_the_callers_fault_and_our_own_refusals_stay() {
        let reason = |status: Status| status.get_error_details().error_info().map(|info| info.reason.clone());
        let unreadable = unread(&Status::internal("failed to decode")).unwrap();
        assert_eq!(unreadable.code(), Code::InvalidArgument);
        assert_eq!(reason(unreadable).as_deref(), Some("grpc-message-malformed"));
        let long = unread(&Status::out_of_range("too long")).unwrap();
        assert_eq!(reason(long).as_deref(), Some("grpc-message-too-large"));
        let ours = Status::from(Refusal::from(crate::app::Error::RecordUnreadable));
        assert!(unread(&ours).is_none());
        assert!(unread(&Status::cancelled("gone")).is_none());
    }
}
