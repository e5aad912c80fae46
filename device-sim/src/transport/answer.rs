//! What a server answered.
//! Source: RFC 9110 (status, `Retry-After`), RFC 8995 §5.6, RFC 7030 §4.2.3.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use serde::Deserialize;

/// The most octets of an answer that a pledge reads: vouchers and chains are a few thousand.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The most characters of a server's words that are kept for a report.
const WORDS_CHARS_MAX: usize = 200;

/// Status, the few header fields a pledge heeds, and the whole body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// `Content-Type` as it stands.
    pub content_type: Option<String>,
    /// `Retry-After` in seconds; the date form is not read.
    pub retry_after_seconds: Option<u64>,
    /// `Location` as it stands.
    pub location: Option<String>,
    /// Whether the server said `Connection: close`.
    pub is_last: bool,
    /// The body, at most [`ANSWER_BYTES_MAX`] octets.
    pub body: Bytes,
}

impl Answer {
    /// Puts an answer together from its parts.
    #[must_use]
    pub fn new(status: u16, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
        let is_last = headers
            .get(http::header::CONNECTION)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        Self {
            status,
            content_type: text(CONTENT_TYPE),
            retry_after_seconds: text(RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok()),
            location: text(LOCATION),
            is_last,
            body,
        }
    }

    /// Tells whether the content type is `media_type`, its parameters aside.
    #[must_use]
    pub fn is_of(&self, media_type: &str) -> bool {
        let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.content_type.as_deref().is_some_and(|own| essence(own) == essence(media_type))
    }

    /// Reads the refusal that a status of 300 or more stands for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let problem: Option<Problem> = serde_json::from_slice(&self.body).ok();
        let text = String::from_utf8_lossy(&self.body);
        let (code, message) = match (&problem, told(&text)) {
            (Some(problem), _) => (problem.code.as_deref(), problem.message.as_deref()),
            (None, Some((code, message))) => (Some(code), Some(message)),
            (None, None) => (None, None),
        };
        Refusal { status: self.status, code: code.map(clip), message: clip(message.unwrap_or(&text)) }
    }
}

/// A server's "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status code.
    pub status: u16,
    /// The stable reason code, when the body carries one.
    pub code: Option<String>,
    /// The sentence for people, cut to 200 characters.
    pub message: String,
}

impl Refusal {
    /// Returns the reason code, or the status in its stead: `http-404`.
    #[must_use]
    pub fn reason(&self) -> String {
        self.code.clone().unwrap_or_else(|| format!("http-{}", self.status))
    }
}

/// The server's problem body; further members are ignored.
#[derive(Deserialize)]
struct Problem {
    code: Option<String>,
    message: Option<String>,
}

/// Parts `CODE: sentence`, the form in which a Gangway server explains itself; `None` when the text has no code.
fn told(text: &str) -> Option<(&str, &str)> {
    let (code, message) = text.split_once(": ")?;
    let is_code =
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_code.then_some((code, message))
}

/// Keeps what is printable and no more than is useful: the text is a stranger's and goes to a terminal.
fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        Answer::new(status, &headers, Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_problem_body_gives_code_and_message() {
        let body = r#"{"code":"pvr-proximity-mismatch","message":"No.","more":1}"#;
        let refusal = answer(401, &[], body).refusal();
        assert_eq!(refusal.reason(), "pvr-proximity-mismatch");
        assert_eq!(refusal.message, "No.");
    }

    #[test]
    fn a_line_of_text_gives_code_and_message_when_it_begins_with_a_code() {
        let refusal = answer(403, &[], "peer-certificate-missing: no certificate.\n").refusal();
        assert_eq!(refusal.reason(), "peer-certificate-missing");
        assert_eq!(refusal.message, "no certificate.");
        assert_eq!(answer(403, &[], "Sorry: no.").refusal().reason(), "http-403");
    }

    #[test]
    fn a_plain_body_is_clipped_and_loses_its_control_characters() {
        let refusal = answer(404, &[], "gone\u{1b}[31m\n").refusal();
        assert_eq!(refusal.reason(), "http-404");
        assert_eq!(refusal.message, "gone[31m");
    }

    #[test]
    fn parameters_of_a_media_type_do_not_matter_and_dates_are_no_seconds() {
        let answer = answer(
            202,
            &[
                ("content-type", "Application/PKCS7-mime; smime-type=certs-only"),
                ("retry-after", "Wed, 25 Nov 2026 05:00:00 GMT"),
                ("connection", "Close"),
            ],
            "",
        );
        assert!(answer.is_of("application/pkcs7-mime"));
        assert!(!answer.is_of("application/json"));
        assert_eq!(answer.retry_after_seconds, None);
        assert!(answer.is_last);
    }
}
