//! A persistent HTTP/1.1 connection over TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use pki::tls::ProvisionalVerifier;
use pki::{Certificate, Signer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{ANSWER_BYTES_MAX, Answer, Endpoint};
use crate::Error;

/// Certificate chain, leaf first, and the key of the leaf.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What is sent in the handshake.
    pub chain: Vec<Certificate>,
    /// Signs the handshake.
    pub signer: Signer,
}

/// How long a device waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection and its handshake.
    pub connect_seconds: u64,
    /// For one answer.
    pub answer_seconds: u64,
    /// After a 202, whatever `Retry-After` says: 60 by RFC 8995 §5.6.
    pub retry_after_seconds_max: u64,
    /// Altogether for answers of 202: four days by RFC 8995 §5.6, less in a test.
    pub pending_seconds_max: u64,
    /// Altogether for a server that cannot be reached, as while it starts again; zero gives up at once.
    pub outage_seconds_max: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect_seconds: 10,
            answer_seconds: 60,
            retry_after_seconds_max: 60,
            pending_seconds_max: 4 * 24 * 3600,
            outage_seconds_max: 0,
        }
    }
}

/// One request; `Host` is added.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// Absolute path.
    pub path: String,
    /// `Content-Type`, when there is a body.
    pub content_type: Option<&'static str>,
    /// `Accept`.
    pub accept: Option<&'static str>,
    /// The body; `Content-Length` is set from it.
    pub body: Bytes,
}

impl Request {
    /// Asks for a resource.
    #[must_use]
    pub fn get(path: &str, accept: &'static str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_string(),
            content_type: None,
            accept: Some(accept),
            body: Bytes::new(),
        }
    }

    /// Brings a body.
    #[must_use]
    pub fn post(path: &str, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            path: path.to_string(),
            content_type: Some(content_type),
            accept: None,
            body: body.into(),
        }
    }

    /// Says what answer is understood.
    #[must_use]
    pub fn accepting(mut self, media_type: &'static str) -> Self {
        self.accept = Some(media_type);
        self
    }
}

/// A connection whose server has proved that it holds the key of the certificate it showed, and nothing more.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    chain: Vec<Certificate>,
    authority: String,
    answer_wait: Duration,
}

impl Connection {
    /// Connects and shakes hands; the server's chain is kept and not judged.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Handshake`], [`Error::TimedOut`] (class `Busy`); [`Error::ServerChainUnreadable`] (class `Malformed`).
    pub async fn open(
        endpoint: &Endpoint,
        identity: Option<&Identity>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let stream = open_tls(endpoint, identity, patience).await?;
        let chain = server_chain(&stream)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::Http)?;
        // The driver ends by itself when the connection does; what failed is told to whoever awaits an answer.
        let driver = tokio::spawn(async move { driver.await.unwrap_or(()) });
        let answer_wait = Duration::from_secs(patience.answer_seconds);
        Ok(Self { sender, driver, chain, authority: endpoint.authority(), answer_wait })
    }

    /// Returns the chain that the server sent, leaf first, never empty.
    #[must_use]
    pub fn server_chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Tells whether no more requests can be sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until the server closes the connection, `patience` at the most, and tells whether it did.
    pub async fn closes_within(&mut self, patience: Duration) -> bool {
        timeout(patience, &mut self.driver).await.is_ok()
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Error::Http`], [`Error::TimedOut`] (class `Busy`); [`Error::AnswerTooLarge`] (class `Malformed`).
    pub async fn send(&mut self, request: &Request) -> Result<Answer, Error> {
        let wait = self.answer_wait;
        timeout(wait, self.send_patiently(request)).await.map_err(|_| Error::TimedOut)?
    }

    async fn send_patiently(&mut self, request: &Request) -> Result<Answer, Error> {
        self.sender.ready().await.map_err(Error::Http)?;
        let mut message = http::Request::builder()
            .method(request.method.clone())
            .uri(&request.path)
            .header(HOST, &self.authority);
        if let Some(content_type) = request.content_type {
            message = message.header(CONTENT_TYPE, content_type);
        }
        if let Some(accept) = request.accept {
            message = message.header(ACCEPT, accept);
        }
        let message = message.body(Full::new(request.body.clone())).map_err(|_| Error::AddressInvalid)?;
        let answer = self.sender.send_request(message).await.map_err(Error::Http)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(body_error)?;
        Ok(Answer::new(head.status.as_u16(), &head.headers, body.to_bytes()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connects and shakes hands, provisionally (RFC 8995 §5.1).
pub(super) async fn open_tls(
    endpoint: &Endpoint,
    identity: Option<&Identity>,
    patience: Patience,
) -> Result<TlsStream<TcpStream>, Error> {
    let config = client_config(identity)?;
    let name = endpoint.server_name()?;
    let connect = async {
        let socket = TcpStream::connect((endpoint.host(), endpoint.port())).await.map_err(Error::Connect)?;
        socket.set_nodelay(true).map_err(Error::Connect)?;
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.map_err(Error::Handshake)
    };
    timeout(Duration::from_secs(patience.connect_seconds), connect).await.map_err(|_| Error::TimedOut)?
}

/// Builds the TLS configuration of one connection.
fn client_config(identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let verifier = Arc::new(ProvisionalVerifier::default());
    let identity = identity.map(|identity| (identity.chain.as_slice(), &identity.signer));
    let mut config = pki::tls::provisional_client_config(verifier, identity)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns the chain that the server sent; rustls keeps it as it came.
fn server_chain(stream: &TlsStream<TcpStream>) -> Result<Vec<Certificate>, Error> {
    let (_, session) = stream.get_ref();
    let sent = session.peer_certificates().unwrap_or_default();
    let chain: Result<Vec<_>, _> = sent.iter().map(|der| Certificate::parse(der)).collect();
    chain.map_err(Error::ServerChainUnreadable)
}

/// Sorts what went wrong while a body came in.
fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<hyper::Error>() {
        Ok(error) => Error::Http(*error),
        Err(_) => Error::AnswerTooLarge,
    }
}
