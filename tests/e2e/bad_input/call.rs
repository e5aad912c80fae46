//! A gRPC client at the level of HTTP/2: any bytes as a body, the status as it comes.
//!
//! Source: `doc/PROTOCOL-HTTP2.md` of gRPC.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::case::{Listener, address};
use super::stage::{Peer, Stage};
use super::wire::tls;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

type Body = BoxBody<Bytes, io::Error>;

/// The body of a call.
#[derive(Clone, Copy)]
pub(crate) enum Sent {
    /// One message, framed as it should be.
    Message(fn(&Stage) -> Vec<u8>),
    /// Bytes as they are.
    Bytes(fn(&Stage) -> Vec<u8>),
    /// Bytes as they are, and then the caller is gone.
    Gone(fn(&Stage) -> Vec<u8>),
    /// Bytes as they are, with this method and these fields.
    Odd(&'static str, &'static [(&'static str, &'static str)], &'static [u8]),
}

/// What must come of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// A status with the reason in its `ErrorInfo`.
    Refused(Code, &'static str),
    /// A status that the protocol of that service gives by itself.
    Status(Code),
    /// One item of a batch is refused for this reason.
    Item(&'static str),
    /// No answer, or one that nobody hears.
    Nothing,
    /// No call at all: an HTTP status, and the reason in the body.
    Http(u16, &'static str),
}

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) peer: Peer,
    pub(crate) sent: Sent,
    pub(crate) wanted: Wanted,
}

/// What came of a call.
#[derive(Debug)]
struct Heard {
    http: u16,
    code: Option<Code>,
    reason: String,
    body: Bytes,
}

impl Call {
    /// Stages the case; `Some` is what came instead of what was wanted.
    pub(crate) async fn offence(&self, stage: &Stage) -> Option<String> {
        let heard = match timeout(PATIENCE, self.stage(stage)).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(_)) if matches!(self.wanted, Wanted::Nothing) => return None,
            Ok(Err(error)) => return Some(format!("{}: {error}", self.name)),
            Err(_) => return Some(format!("{}: silence", self.name)),
        };
        let is_so = match self.wanted {
            Wanted::Refused(code, reason) => heard.code == Some(code) && heard.reason == reason,
            Wanted::Status(code) => heard.code == Some(code),
            Wanted::Item(reason) => heard.code == Some(Code::Ok) && heard.names(reason),
            Wanted::Nothing => heard.code != Some(Code::Ok) || heard.body.is_empty(),
            Wanted::Http(status, reason) => heard.http == status && heard.names(reason),
        };
        (!is_so).then(|| format!("{}: wanted {:?}, heard {heard:?}", self.name, self.wanted))
    }

    async fn stage(&self, stage: &Stage) -> Result<Heard, Box<dyn std::error::Error>> {
        let stream = tls(address(stage, Listener::Admin), stage.identity(self.peer), &["h2"]).await?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let driven = tokio::spawn(connection);
        let (head, body) = sender.send_request(self.request(stage)?).await?.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        driven.abort();
        Ok(Heard::new(head.status.as_u16(), &head.headers, &trailers, body.to_bytes()))
    }

    fn request(&self, stage: &Stage) -> Result<Request<Body>, http::Error> {
        let plain: &[(&str, &str)] =
            &[(header::CONTENT_TYPE.as_str(), "application/grpc"), ("te", "trailers")];
        let (method, fields, body) = match self.sent {
            Sent::Message(message) => ("POST", plain, framed(&message(stage))),
            Sent::Bytes(bytes) => ("POST", plain, bytes(stage)),
            Sent::Gone(bytes) => ("POST", plain, bytes(stage)),
            Sent::Odd(method, fields, body) => (method, fields, body.to_vec()),
        };
        let method = Method::from_bytes(method.as_bytes())?;
        let begun = Request::builder().method(method).uri(format!("https://localhost{}", self.path));
        let request = fields.iter().fold(begun, |request, (name, value)| request.header(*name, *value));
        let is_gone = matches!(self.sent, Sent::Gone(_));
        let end = is_gone.then(|| Err(io::Error::from(io::ErrorKind::BrokenPipe)));
        let frames = [Ok(Frame::data(Bytes::from(body)))].into_iter().chain(end);
        request.body(BodyExt::boxed(StreamBody::new(tokio_stream::iter(frames))))
    }
}

impl Heard {
    fn new(http: u16, head: &HeaderMap, trailers: &HeaderMap, body: Bytes) -> Self {
        let status = [head, trailers].into_iter().find_map(Status::from_header_map);
        let info = status.as_ref().and_then(|status| status.get_error_details().error_info().cloned());
        let (code, reason) = (status.map(|status| status.code()), info.map(|info| info.reason));
        Self { http, code, reason: reason.unwrap_or_default(), body }
    }

    /// Tells whether the body, a message or a line of text, has the word.
    fn names(&self, word: &str) -> bool {
        self.body.windows(word.len()).any(|window| window == word.as_bytes())
    }
}

/// Frames a message: not compressed, length, bytes.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message is short").to_be_bytes();
    [&[0][..], &length, message].concat()
}
