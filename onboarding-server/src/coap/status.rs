//! The one place that turns a refusal into a CoAP response.
//!
//! Source: DESIGN §7; RFC 7252 §5.9; RFC 9148 §5.7 (an answer that is not there yet).
//! Invariants: the diagnostic payload is one line of text, `CODE: sentence.`, and tells nothing of ours.

use proto::{Class, ReasonCode};
use proto_coap::{Code, Response};

use crate::app::Refusal;
use crate::app::exact::{FINAL, NOT_ACCEPTABLE, ON_PATH_ATTACKER};

/// The code of a method that a path does not have.
const METHOD: &str = "coap-method-unsupported";

/// Turns a refusal into a response.
#[must_use]
pub fn response(refusal: &Refusal) -> Response {
    let code = refusal.code();
    let response = Response::new(status(refusal.class(), &code));
    let response = match refusal.retry_after_seconds() {
        // RFC9148-5.7-not-yet
        Some(seconds) => response.with_max_age(seconds),
        None => response,
    };
    response.with_diagnostic(&format!("{code}: {}.", refusal.external()))
}

/// Maps a class, and in four cases the exact reason, to a code.
#[must_use]
pub fn status(class: Class, code: &ReasonCode) -> Code {
    match class {
        Class::Malformed => Code::BAD_REQUEST,
        Class::Unsupported if NOT_ACCEPTABLE.contains(&code.as_str()) => Code::NOT_ACCEPTABLE,
        Class::Unsupported => Code::UNSUPPORTED_CONTENT_FORMAT,
        Class::Untrusted if code.as_str() == ON_PATH_ATTACKER => Code::UNAUTHORIZED,
        Class::Untrusted => Code::FORBIDDEN,
        Class::Unknown if code.as_str() == METHOD => Code::METHOD_NOT_ALLOWED,
        Class::Unknown => Code::NOT_FOUND,
        Class::Refused if FINAL.contains(&code.as_str()) => Code::NOT_FOUND,
        Class::Refused => Code::FORBIDDEN,
        Class::NotYet | Class::Busy => Code::SERVICE_UNAVAILABLE,
        Class::Fault => Code::INTERNAL_SERVER_ERROR,
    }
}

/// Writes a code as the three digits that people know it by, for metrics.
#[must_use]
pub fn number(code: Code) -> u16 {
    let byte = u16::from(code.as_byte());
    (byte >> 5) * 100 + (byte & 0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_is_asked_for_again_when_the_response_is_stale() {
        // RFC9148-5.7-not-yet
        let response = response(&crate::app::Error::InProgress { retry_after_seconds: 7 }.into());
        assert_eq!((response.code(), response.max_age_seconds()), (Code::SERVICE_UNAVAILABLE, 7));
        assert!(response.body().starts_with(b"request-in-progress: "));
    }

    #[test]
    fn every_class_has_its_code() {
        let other = ReasonCode::new("other");
        let of = |class| number(status(class, &other));
        assert_eq!([Class::Malformed, Class::Unsupported, Class::Untrusted].map(of), [400, 415, 403]);
        assert_eq!([Class::Unknown, Class::Refused, Class::NotYet].map(of), [404, 403, 503]);
        assert_eq!([Class::Busy, Class::Fault].map(of), [503, 500]);
        assert_eq!(status(Class::Unsupported, &ReasonCode::new(NOT_ACCEPTABLE[0])), Code::NOT_ACCEPTABLE);
        assert_eq!(status(Class::Unknown, &ReasonCode::new(METHOD)), Code::METHOD_NOT_ALLOWED);
        assert_eq!(status(Class::Refused, &ReasonCode::new(FINAL[0])), Code::NOT_FOUND);
        assert_eq!(status(Class::Untrusted, &ReasonCode::new(ON_PATH_ATTACKER)), Code::UNAUTHORIZED);
    }
}
