//! The one place that turns a refusal into an HTTP response.
//!
//! Source: DESIGN §7; RFC 8995 §5.6 (401, 404, 202), RFC 7030 §4.2.3.
//! Invariants: the body is one line of text, `CODE: sentence.`, and tells nothing of ours.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use proto::{Class, Reason, ReasonCode, media_type};

use crate::app::Refusal;
use crate::app::exact::{FINAL, NOT_ACCEPTABLE, ON_PATH_ATTACKER};

/// The code of a body over the listener's limit; what is over a limit of its own format is malformed like any other.
const TOO_LARGE: &str = "http-body-too-large";

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (class, code) = (self.class(), self.code());
        let status = status(class, &code);
        tell(class, &self);
        let body = format!("{code}: {}.\n", self.external());
        let mut response = (status, [(header::CONTENT_TYPE, media_type::TEXT_UTF8)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // RFC8995-5.2-close-on-mismatch
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(Told { class, code });
        response
    }
}

/// What was refused, for the metrics.
#[derive(Clone, Debug)]
pub struct Told {
    /// The kind.
    pub class: Class,
    /// The exact reason.
    pub code: ReasonCode,
}

/// Maps a class, and in four cases the exact reason, to a status.
#[must_use]
pub fn status(class: Class, code: &ReasonCode) -> StatusCode {
    match class {
        Class::Malformed if code.as_str() == TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Malformed => StatusCode::BAD_REQUEST,
        Class::Unsupported if NOT_ACCEPTABLE.contains(&code.as_str()) => StatusCode::NOT_ACCEPTABLE,
        Class::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Class::Untrusted if code.as_str() == ON_PATH_ATTACKER => StatusCode::UNAUTHORIZED,
        Class::Untrusted => StatusCode::FORBIDDEN,
        Class::Unknown => StatusCode::NOT_FOUND,
        Class::Refused if FINAL.contains(&code.as_str()) => StatusCode::NOT_FOUND,
        Class::Refused => StatusCode::FORBIDDEN,
        Class::NotYet => StatusCode::ACCEPTED,
        Class::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Class::Fault => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// There is nothing at that path, or not with that method.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Misaddressed {
    /// Nothing is at that path.
    #[error("there is nothing at that path")]
    Path,
    /// The path has other methods.
    #[error("the method is not offered at that path")]
    Method,
}

impl Reason for Misaddressed {
    fn class(&self) -> Class {
        Class::Unknown
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::Path => ReasonCode::new("http-path-unknown"),
            Self::Method => ReasonCode::new("http-method-unsupported"),
        }
    }
}

/// Answers for paths that lead nowhere.
pub async fn not_found() -> Response {
    Refusal::from(Misaddressed::Path).into_response()
}

/// Answers for methods that a path does not have.
pub async fn method_not_allowed() -> Response {
    let mut response = Refusal::from(Misaddressed::Method).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Tells whether the body is of this media type, whatever its parameters; a body without a type is of none.
#[must_use]
pub fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = field(headers, header::CONTENT_TYPE).and_then(|given| given.split(';').next());
    given.is_some_and(|given| given.trim().eq_ignore_ascii_case(wanted))
}

/// Returns a header field as text; one that is not text counts as absent.
#[must_use]
pub fn field(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn tell(class: Class, refusal: &Refusal) {
    match class {
        Class::Malformed => tracing::debug!(%refusal, "refused"),
        Class::Unsupported | Class::Unknown | Class::Refused | Class::NotYet => {
            tracing::info!(%refusal, "refused");
        }
        Class::Untrusted | Class::Busy => tracing::warn!(%refusal, "refused"),
        Class::Fault => tracing::error!(%refusal, "failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_status() {
        let code = ReasonCode::new("any-code");
        let statuses = Class::ALL.map(|class| status(class, &code).as_u16());
        assert_eq!(statuses, [400, 415, 403, 404, 403, 202, 503, 500]);
    }

    #[test]
    fn an_on_path_attacker_gets_401_and_the_connection_ends() {
        // RFC8995-5.2-close-on-mismatch
        let refusal = Refusal::from(proto_brski::Error::PvrProximityMismatch);
        let response = refusal.into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            response.headers().get(header::CONNECTION).map(HeaderValue::as_bytes),
            Some(&b"close"[..])
        );
    }

    #[test]
    fn what_has_a_status_of_its_own_gets_it() {
        assert_eq!(status(Class::Refused, &ReasonCode::new(FINAL[0])), StatusCode::NOT_FOUND);
        assert_eq!(
            status(Class::Unsupported, &ReasonCode::new(NOT_ACCEPTABLE[0])),
            StatusCode::NOT_ACCEPTABLE
        );
        assert_eq!(status(Class::Malformed, &ReasonCode::new(TOO_LARGE)), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
