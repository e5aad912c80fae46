//! A whole response, as the application sends or receives it: never one block of it.
//!
//! Source: RFC 7252 §5.2, §5.10; RFC 7641 §3.2.

use bytes::Bytes;
use proto::ContentFormat;

use crate::message::Message;
use crate::request::check;
use crate::{Code, Error, option};

/// How long a response stays fresh that does not say it, in seconds (RFC 7252 §5.10.5).
// RFC7252-5.10.5-max-age
pub const MAX_AGE_SECONDS_DEFAULT: u32 = 60;

/// A response code, options and a whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub(crate) message: Message,
    pub(crate) body: Bytes,
}

impl Response {
    /// Makes a response without body.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { message: Message::new(code), body: Bytes::new() }
    }

    /// Sets the body and its format.
    #[must_use]
    pub fn with_body(mut self, format: ContentFormat, body: impl Into<Bytes>) -> Self {
        self.message.add_format(option::CONTENT_FORMAT, format);
        self.body = body.into();
        self
    }

    /// Sets a sentence for people (RFC 7252 §5.5.2).
    #[must_use]
    pub fn with_diagnostic(mut self, text: &str) -> Self {
        self.body = Bytes::copy_from_slice(text.as_bytes());
        self
    }

    /// Says how long the response stays fresh; with 5.03, when to ask again.
    #[must_use]
    pub fn with_max_age(self, seconds: u32) -> Self {
        self.with_option(option::MAX_AGE, option::encode_uint(seconds))
    }

    /// Adds an option; Block1, Block2, Size2, Observe and Echo are the engine's own.
    #[must_use]
    pub fn with_option(mut self, number: u16, value: Vec<u8>) -> Self {
        self.message.add(number, value);
        self
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.message.code()
    }

    /// Returns the format of the body.
    #[must_use]
    pub fn content_format(&self) -> Option<ContentFormat> {
        self.message.format(option::CONTENT_FORMAT)
    }

    /// Returns how long the response stays fresh, in seconds.
    #[must_use]
    pub fn max_age_seconds(&self) -> u32 {
        self.message.uint(option::MAX_AGE).unwrap_or(MAX_AGE_SECONDS_DEFAULT)
    }

    /// Returns the first value of an option.
    #[must_use]
    pub fn option(&self, number: u16) -> Option<&[u8]> {
        self.message.value(number)
    }

    /// Lists all options, ordered by number.
    pub fn options(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.message.options()
    }

    /// Returns the body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Checks what is to be sent.
    pub(crate) fn check(&self, body_bytes_max: usize) -> Result<(), Error> {
        check(self.code().is_response(), &self.body, body_bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_max_age_is_fresh_for_a_minute() {
        // RFC7252-5.10.5-max-age
        assert_eq!(Response::new(Code::CONTENT).max_age_seconds(), 60);
        assert_eq!(Response::new(Code::SERVICE_UNAVAILABLE).with_max_age(7).max_age_seconds(), 7);
    }

    #[test]
    fn a_method_is_no_response() {
        assert_eq!(Response::new(Code::GET).check(1), Err(Error::CodeUnsuitable));
    }
}
