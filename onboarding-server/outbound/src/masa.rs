//! The way to the MASAs: one request at a time on kept connections.
//!
//! Source: RFC 8995 §5.4 (TLS with DNS-ID), §5.5, §5.8 (the requests); a MASA URL is a stranger's text, hence the limits.
//! Does not: judge the answer, decide which MASA may be asked.
//! Invariants: https only; the certificate must carry the name that the URL has; no loopback, private or link-local
//! address unless the manufacturer's registration says so; bounded time and size; redirects are not followed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use pki::cms::CMS_BYTES_MAX;
use pki::path::Anchors;
use pki::{Certificate, Signer};
use proto::{Class, ManufacturerId, Reason, ReasonCode, media_type};
use proto_brski::registrar::MasaReply;
use proto_brski::{AUDIT_LOG_BYTES_MAX, Format, Host, MasaUrl};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The most connections to one MASA that are kept open while nothing is asked.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Why a MASA could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL has no host that TLS could check.
    #[error("the MASA's host has no name that TLS can check")]
    HostInvalid,
    /// The host has no address, or none that may be asked.
    #[error("the MASA has no address that may be asked")]
    AddressForbidden,
    /// The host is not to be reached.
    #[error("the MASA cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// The TLS configuration cannot be made.
    #[error("TLS towards the MASA cannot be configured")]
    Tls(#[source] pki::Error),
    /// The conversation broke off.
    #[error("the conversation with the MASA broke off")]
    BrokenOff(#[source] hyper::Error),
    /// The answer is larger than any voucher.
    #[error("the MASA's answer is too large")]
    AnswerTooLarge,
    /// The answer broke off.
    #[error("the MASA's answer broke off")]
    AnswerBrokenOff,
    /// There was no answer in time.
    #[error("the MASA did not answer in time")]
    TimedOut,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            // The same question would have the same end.
            Self::HostInvalid | Self::AddressForbidden | Self::AnswerTooLarge => Class::Refused,
            Self::Unreachable(_) | Self::BrokenOff(_) | Self::AnswerBrokenOff | Self::TimedOut => Class::Busy,
            Self::Tls(_) => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::HostInvalid => "masa-host-invalid",
            Self::AddressForbidden => "masa-address-forbidden",
            Self::Unreachable(_) => "masa-unreachable",
            Self::Tls(_) => "masa-tls-configuration",
            Self::BrokenOff(_) | Self::AnswerBrokenOff => "masa-broken-off",
            Self::AnswerTooLarge => "masa-answer-too-large",
            Self::TimedOut => "masa-timed-out",
        })
    }
}

/// What a MASA answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type without parameters, if there was one.
    pub media_type: Option<String>,
    /// `Retry-After` in seconds, if there was one.
    pub retry_after_seconds: Option<u64>,
    /// `Location`, if there was one.
    pub location: Option<String>,
    /// The body, within the limit of what was asked.
    pub body: Bytes,
}

impl Answer {
    /// Shows the answer as the protocol core takes it.
    #[must_use]
    pub fn reply(&self) -> MasaReply<'_> {
        MasaReply {
            status: self.status,
            media_type: self.media_type.as_deref(),
            retry_after_seconds: self.retry_after_seconds,
            body: &self.body,
        }
    }
}

/// What is asked of a MASA.
#[derive(Clone, Debug)]
struct Question {
    path: String,
    /// What is posted, and in which form; without it the resource is fetched.
    body: Option<(Bytes, Format)>,
    accept: &'static str,
    answer_bytes_max: usize,
}

type Connection = SendRequest<Full<Bytes>>;

/// The client for all MASAs.
#[derive(Debug)]
pub struct MasaClient {
    timeout: Duration,
    idle: Mutex<HashMap<String, Vec<Connection>>>,
}

/// Where to, by which rules, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Whose MASA it is: no connection is shared between two manufacturers.
    pub manufacturer: &'a ManufacturerId,
    /// Where it is.
    pub url: &'a MasaUrl,
    /// What its TLS certificate must chain to.
    pub anchors: &'a Anchors,
    /// Whether it may have a loopback or private address.
    pub allow_private_addresses: bool,
    /// The chain that we show, leaf first, and the key of its leaf.
    pub identity: (&'a [Certificate], &'a Signer),
}

impl MasaClient {
    /// Makes a client that waits at most `timeout` for each answer.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, idle: Mutex::default() }
    }

    /// Posts a registrar voucher-request; the voucher comes in the same form.
    ///
    /// # Errors
    /// All of [`Error`].
    pub async fn request_voucher(
        &self,
        to: Destination<'_>,
        (rvr, format): (Vec<u8>, Format),
    ) -> Result<Answer, Error> {
        let path = to.url.request_voucher_path();
        let (accept, answer_bytes_max) = (format.media_type(), CMS_BYTES_MAX);
        self.ask(to, Question { path, body: Some((rvr.into(), format)), accept, answer_bytes_max }).await
    }

    /// Posts the same request again, for the log of the device's past domains (RFC 8995 §5.8).
    ///
    /// # Errors
    /// All of [`Error`].
    // RFC8995-5.8-same-request
    pub async fn request_audit_log(
        &self,
        to: Destination<'_>,
        (rvr, format): (Vec<u8>, Format),
    ) -> Result<Answer, Error> {
        let path = to.url.request_audit_log_path();
        let (accept, answer_bytes_max) = (media_type::JSON, AUDIT_LOG_BYTES_MAX);
        self.ask(to, Question { path, body: Some((rvr.into(), format)), accept, answer_bytes_max }).await
    }

    /// Fetches a log from where the MASA has put it, which is the URL of `to`.
    ///
    /// # Errors
    /// All of [`Error`].
    pub async fn fetch_audit_log(&self, to: Destination<'_>) -> Result<Answer, Error> {
        let path = to.url.base_path().to_owned();
        let (accept, answer_bytes_max) = (media_type::JSON, AUDIT_LOG_BYTES_MAX);
        self.ask(to, Question { path, body: None, accept, answer_bytes_max }).await
    }

    async fn ask(&self, to: Destination<'_>, question: Question) -> Result<Answer, Error> {
        let asked = self.send(to, &question);
        tokio::time::timeout(self.timeout, asked).await.unwrap_or(Err(Error::TimedOut))
    }

    async fn send(&self, to: Destination<'_>, question: &Question) -> Result<Answer, Error> {
        let key = format!("{}@{}", to.manufacturer, to.url.authority());
        // A kept connection may have been closed by the far end meanwhile; the request is idempotent, so once more.
        if let Some(connection) = self.take_idle(&key) {
            match exchange(connection, to.url, question).await {
                Ok((answer, connection)) => {
                    self.keep(key, connection);
                    return Ok(answer);
                }
                Err(Error::BrokenOff(_)) => {}
                Err(other) => return Err(other),
            }
        }
        let connection = connect(to).await?;
        let (answer, connection) = exchange(connection, to.url, question).await?;
        self.keep(key, connection);
        Ok(answer)
    }

    fn take_idle(&self, key: &str) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(key)?;
        while let Some(connection) = kept.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, key: String, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(key).or_default();
        if kept.len() < IDLE_CONNECTIONS_MAX {
            kept.push(connection);
        }
    }
}

async fn connect(to: Destination<'_>) -> Result<Connection, Error> {
    let name = match to.url.host() {
        Host::Name(name) => ServerName::try_from(name.as_str().to_owned()).map_err(|_| Error::HostInvalid)?,
        Host::Ip(address) => ServerName::from(*address),
    };
    let stream = dial(to).await?;
    let connector = TlsConnector::from(Arc::new(tls(to)?));
    let stream = connector.connect(name, stream).await.map_err(Error::Unreachable)?;
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::BrokenOff)?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a connection to a MASA ended");
        }
    });
    Ok(connection)
}

fn tls(to: Destination<'_>) -> Result<ClientConfig, Error> {
    pki::tls::client_config(to.anchors, Some(to.identity)).map_err(Error::Tls)
}

/// Connects to the first address that may be asked and answers; the address that was judged is the one that is used.
async fn dial(to: Destination<'_>) -> Result<TcpStream, Error> {
    let addresses: Vec<SocketAddr> = match to.url.host() {
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), to.url.port()))
            .await
            .map_err(Error::Unreachable)?
            .collect(),
        Host::Ip(address) => vec![SocketAddr::new(*address, to.url.port())],
    };
    let mut last = Error::AddressForbidden;
    for address in addresses {
        if !to.allow_private_addresses && !is_public(address.ip()) {
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request is one small write; waiting for more to send only costs time.
                stream.set_nodelay(true).map_err(Error::Unreachable)?;
                return Ok(stream);
            }
            Err(error) => last = Error::Unreachable(error),
        }
    }
    Err(last)
}

/// Tells whether an address is one of the Internet at large (RFC 6890 lists those that are not).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a, b & 0xc0) == (100, 64)
                || (a, b, c) == (192, 0, 0)
                || (a, b & 0xfe) == (198, 18))
        }
        IpAddr::V6(v6) => is_global_unicast(v6),
    }
}

/// Tells whether an address is in 2000::/3 and not of documentation, Teredo or 6to4, which could embed a private one.
fn is_global_unicast(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        && (first, second) != (0x2001, 0xdb8)
        && (first, second) != (0x2001, 0)
        && first != 0x2002
}

async fn exchange(
    mut connection: Connection,
    url: &MasaUrl,
    question: &Question,
) -> Result<(Answer, Connection), Error> {
    connection.ready().await.map_err(Error::BrokenOff)?;
    let (body, format) = question.body.clone().unzip();
    let mut request = Request::new(Full::new(body.unwrap_or_default()));
    *request.method_mut() = if format.is_some() { http::Method::POST } else { http::Method::GET };
    *request.uri_mut() = question.path.parse().map_err(|_| Error::HostInvalid)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(&url.authority()).map_err(|_| Error::HostInvalid)?);
    if let Some(format) = format {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    }
    headers.insert(header::ACCEPT, HeaderValue::from_static(question.accept));
    let response = connection.send_request(request).await.map_err(Error::BrokenOff)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, question.answer_bytes_max).collect().await;
    let body = body.map_err(|error| unread(&*error))?;
    let answer = Answer {
        status: head.status.as_u16(),
        media_type: media_type_of(&head.headers),
        retry_after_seconds: text(&head.headers, header::RETRY_AFTER).and_then(|text| text.parse().ok()),
        location: text(&head.headers, header::LOCATION).map(str::to_owned),
        body: body.to_bytes(),
    };
    Ok((answer, connection))
}

fn unread(error: &(dyn core::error::Error + Send + Sync + 'static)) -> Error {
    if error.is::<LengthLimitError>() { Error::AnswerTooLarge } else { Error::AnswerBrokenOff }
}

fn media_type_of(headers: &HeaderMap) -> Option<String> {
    let essence = text(headers, header::CONTENT_TYPE)?.split(';').next()?.trim();
    Some(essence.to_owned())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What comes of a MASA that sends `answer`, and after it `more` for as long as it is read.
    async fn asked(answer: &str, more: &'static [u8]) -> Result<Answer, Error> {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let (connection, driver) = http1::handshake(TokioIo::new(near)).await.unwrap();
        tokio::spawn(driver);
        let answer = answer.to_owned();
        tokio::spawn(async move {
            let begin_of_request = far.read(&mut [0; 1024]).await.unwrap();
            assert!(begin_of_request > 0);
            far.write_all(answer.as_bytes()).await.unwrap();
            while !more.is_empty() && far.write_all(more).await.is_ok() {}
        });
        let url = MasaUrl::parse("masa.example.com", proto_brski::IpLiterals::Refuse).unwrap();
        let question = Question {
            path: url.request_voucher_path(),
            body: Some((Bytes::new(), Format::CmsJson)),
            accept: media_type::VOUCHER_CMS_JSON,
            answer_bytes_max: CMS_BYTES_MAX,
        };
        exchange(connection, &url, &question).await.map(|(answer, _)| answer)
    }

    #[tokio::test]
    async fn an_answer_that_never_ends_is_refused_and_one_that_broke_off_is_asked_for_again() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let endless = asked(head, b"4\r\nmore\r\n").await.unwrap_err();
        assert_eq!((endless.class(), endless.code().as_str()), (Class::Refused, "masa-answer-too-large"));
        let short = asked("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", b"").await.unwrap_err();
        assert_eq!((short.class(), short.code().as_str()), (Class::Busy, "masa-broken-off"));
        let whole = asked("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfull", b"").await.unwrap();
        assert_eq!(&whole.body[..], b"full");
    }

    #[test]
    fn addresses_of_our_own_networks_are_not_public() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "2001::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
        for outer in ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(outer.parse().unwrap()), "{outer}");
        }
    }
}
