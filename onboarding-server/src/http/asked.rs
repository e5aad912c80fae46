//! What a handler is given of a request: who asks, how, and the whole body.
//!
//! Source: RFC 9110 §15.5.14 (content too large), RFC 9112 §8 (incomplete messages).
//! Does not: look into the body, or judge the peer.
//! Invariants: a handler runs only when the body has come to its end, and within the listener's limit.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri, header};
use http_body_util::{BodyExt, LengthLimitError};
use proto::{Class, Reason, ReasonCode};
use server_listen::Peer;

use crate::app::{self, Refusal};
use crate::context::Context;

/// One request, read to its end.
pub(super) struct Asked {
    /// What the verbs work on.
    pub(super) context: Arc<Context>,
    /// Who asks.
    pub(super) peer: Arc<Peer>,
    /// How it is asked.
    pub(super) method: Method,
    /// For what.
    pub(super) uri: Uri,
    /// In which forms.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Bytes,
}

impl Asked {
    /// Returns a header field as text; one that is not text counts as absent.
    pub(super) fn field(&self, name: HeaderName) -> Option<&str> {
        super::status::field(&self.headers, name)
    }
}

impl FromRequest<Arc<Context>> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        let peer = head.extensions.remove::<Arc<Peer>>().ok_or(app::Error::CertificateMissing)?;
        let body = read(body).await?;
        let (method, uri, headers) = (head.method, head.uri, head.headers);
        Ok(Self { context: Arc::clone(context), peer, method, uri, headers, body })
    }
}

/// Writes the answer to a request that was granted.
pub(super) fn answer(media_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, media_type)], body.into()).into_response()
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum Unread {
    /// The body is longer than the listener takes.
    #[error("the body is too large")]
    TooLarge,
    /// The body broke off, or its chunks are none.
    #[error("the body did not come to its end")]
    Incomplete(#[source] axum::Error),
}

impl Reason for Unread {
    fn class(&self) -> Class {
        Class::Malformed
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::TooLarge => ReasonCode::new("http-body-too-large"),
            Self::Incomplete(_) => ReasonCode::new("http-body-incomplete"),
        }
    }
}

async fn read(body: Body) -> Result<Bytes, Unread> {
    match body.collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if is_too_large(&error) => Err(Unread::TooLarge),
        Err(error) => Err(Unread::Incomplete(error)),
    }
}

/// Looks for the listener's limit among the causes of an error.
fn is_too_large(error: &axum::Error) -> bool {
    let first: Option<&(dyn StdError + 'static)> = Some(error);
    std::iter::successors(first, |&error| error.source()).any(|cause| cause.is::<LengthLimitError>())
}

#[cfg(test)]
mod tests {
    use http_body_util::Limited;
    use std::io;

    use super::*;

    fn code(read: Result<Bytes, Unread>) -> String {
        read.unwrap_err().code().to_string()
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_read_and_one_beyond_it_is_too_large() {
        let body = |bytes_max| Body::new(Limited::new(Body::from("12345678"), bytes_max));
        assert_eq!(read(body(8)).await.unwrap(), "12345678");
        assert_eq!(code(read(body(7)).await), "http-body-too-large");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let chunks = [Ok(Bytes::from_static(b"half")), Err(io::Error::from(io::ErrorKind::UnexpectedEof))];
        let body = Body::from_stream(tokio_stream::iter(chunks));
        assert_eq!(code(read(body).await), "http-body-incomplete");
    }
}
