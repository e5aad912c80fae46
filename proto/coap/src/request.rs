//! A whole request, as the application sends or receives it: never one block of it.
//!
//! Source: RFC 7252 §5.1, §5.10; RFC 7641 §2; RFC 9175 §2.3.

use core::time::Duration;

use bytes::Bytes;
use proto::ContentFormat;

use crate::message::Message;
use crate::{Code, Error, Szx, option, path};

/// A method, options and a whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub(crate) message: Message,
    pub(crate) body: Bytes,
    pub(crate) is_confirmable: bool,
    pub(crate) szx: Option<Szx>,
    pub(crate) echo_age: Option<Duration>,
}

impl Request {
    /// Makes a confirmable request for a path such as `/.well-known/brski/rv`; segments are taken as they are.
    #[must_use]
    pub fn new(method: Code, path: &str) -> Self {
        let mut message = Message::new(method);
        for segment in path::segments(path) {
            message.add(option::URI_PATH, segment.as_bytes().to_vec());
        }
        Self { message, body: Bytes::new(), is_confirmable: true, szx: None, echo_age: None }
    }

    /// Makes a confirmable request for the path that a number stands for, to a server known to take it
    /// (draft-ietf-core-uri-path-abbrev §2.2).
    #[must_use]
    pub fn abbreviated(method: Code, number: u32) -> Self {
        Self::new(method, "").with_option(option::URI_PATH_ABBREV, option::encode_uint(number))
    }

    /// Adds an argument of the query.
    #[must_use]
    pub fn with_query(self, argument: &str) -> Self {
        self.with_option(option::URI_QUERY, argument.as_bytes().to_vec())
    }

    /// Sets the body and its format.
    #[must_use]
    pub fn with_body(mut self, format: ContentFormat, body: impl Into<Bytes>) -> Self {
        self.message.add_format(option::CONTENT_FORMAT, format);
        self.body = body.into();
        self
    }

    /// Says which format the response shall have.
    #[must_use]
    pub fn with_accept(mut self, format: ContentFormat) -> Self {
        self.message.add_format(option::ACCEPT, format);
        self
    }

    /// Asks for notifications of change (RFC 7641 §3.1); only with GET and FETCH.
    #[must_use]
    pub fn observing(self) -> Self {
        self.with_option(option::OBSERVE, Vec::new())
    }

    /// Sends the request once, without acknowledgement.
    #[must_use]
    pub fn non_confirmable(mut self) -> Self {
        self.is_confirmable = false;
        self
    }

    /// Sends and asks for blocks of no more than that size, instead of [`crate::Config::szx`].
    #[must_use]
    pub fn with_szx(mut self, szx: Szx) -> Self {
        self.szx = Some(szx);
        self
    }

    /// Adds an option; Block1, Block2, Size1, Request-Tag and Echo are the engine's own.
    #[must_use]
    pub fn with_option(mut self, number: u16, value: Vec<u8>) -> Self {
        self.message.add(number, value);
        self
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> Code {
        self.message.code()
    }

    /// Lists the segments of the path; an abbreviated path has been expanded.
    pub fn path(&self) -> impl Iterator<Item = &[u8]> {
        self.message.values(option::URI_PATH)
    }

    /// Tells whether the path has exactly the segments of `path`. A slash within a segment is never taken for one
    /// between segments.
    #[must_use]
    pub fn path_is(&self, path: &str) -> bool {
        path::segments(path).map(str::as_bytes).eq(self.path())
    }

    /// Lists the arguments of the query.
    pub fn query(&self) -> impl Iterator<Item = &[u8]> {
        self.message.values(option::URI_QUERY)
    }

    /// Returns the format of the body.
    #[must_use]
    pub fn content_format(&self) -> Option<ContentFormat> {
        self.message.format(option::CONTENT_FORMAT)
    }

    /// Returns the format that the client wants.
    #[must_use]
    pub fn accept(&self) -> Option<ContentFormat> {
        self.message.format(option::ACCEPT)
    }

    /// Tells whether the client asks for notifications.
    #[must_use]
    pub fn is_observing(&self) -> bool {
        self.message.uint(option::OBSERVE) == Some(0)
    }

    /// Returns how old an Echo value of ours is that the request carries: the request is no older (RFC 9175 §2.3).
    #[must_use]
    pub const fn echo_age(&self) -> Option<Duration> {
        self.echo_age
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
        check(self.method().is_request(), &self.body, body_bytes_max)
    }
}

/// Checks what is to be sent: a code that suits the message, and a body within bounds.
pub(crate) fn check(is_suitable: bool, body: &Bytes, body_bytes_max: usize) -> Result<(), Error> {
    if !is_suitable {
        return Err(Error::CodeUnsuitable);
    }
    if body.len() > body_bytes_max { Err(Error::BodyTooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_in_a_segment_does_not_make_two() {
        let honest = Request::new(Code::GET, "/a/b");
        assert!(honest.path_is("/a/b") && honest.path_is("a/b") && !honest.path_is("/a"));
        let sly = Request::new(Code::GET, "").with_option(option::URI_PATH, b"a/b".to_vec());
        assert!(!sly.path_is("/a/b"));
    }

    #[test]
    fn a_request_says_its_formats() {
        let format = ContentFormat::VOUCHER_COSE;
        let request = Request::new(Code::POST, "/x").with_body(format, &b"x"[..]).with_accept(format);
        assert_eq!((request.content_format(), request.accept()), (Some(format), Some(format)));
        assert!(!request.is_observing() && Request::new(Code::GET, "/x").observing().is_observing());
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert_eq!(Request::new(Code::CONTENT, "/x").check(9), Err(Error::CodeUnsuitable));
        assert_eq!(
            Request::new(Code::PUT, "/x").with_body(ContentFormat::TEXT, vec![0; 10]).check(9),
            Err(Error::BodyTooLarge)
        );
    }
}
