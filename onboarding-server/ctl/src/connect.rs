//! The channel to the server: mutual TLS by our own connector, because tonic's cannot use `pki`'s keys and provider.
//! Does not: choose files (see `profile`), retry.
//! Invariants: no channel without a verified server certificate for the host that was asked for.

use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use pki::path::Anchors;
use pki::{Certificate, Secret, Signer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::error::{Error, unusable};
use crate::profile::Connection;

/// How long a connection may take to stand.
const CONNECT_SECONDS: u64 = 10;

/// How often a silent connection is probed, so that a long watch notices a server that vanished.
const KEEP_ALIVE_SECONDS: u64 = 20;

type Socket = TokioIo<TlsStream<TcpStream>>;
type Dialing = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

/// Opens a channel.
///
/// # Errors
/// [`Error::File`], [`Error::Pem`], [`Error::Tls`] for what the connection names; [`Error::ServerAddressInvalid`];
/// [`Error::Unreachable`].
pub(crate) async fn connect(connection: &Connection) -> Result<Channel, Error> {
    let config = Arc::new(tls_config(connection)?);
    let uri: Uri = connection.server.parse().map_err(|_| Error::ServerAddressInvalid)?;
    if uri.scheme_str() != Some("https") || uri.host().is_none() {
        return Err(Error::ServerAddressInvalid);
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
        .http2_keep_alive_interval(Duration::from_secs(KEEP_ALIVE_SECONDS))
        .keep_alive_while_idle(true);
    let dial = move |uri: Uri| -> Dialing { Box::pin(dial(uri, config.clone())) };
    endpoint.connect_with_connector(service_fn(dial)).await.map_err(Error::Unreachable)
}

async fn dial(uri: Uri, config: Arc<ClientConfig>) -> io::Result<Socket> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let tcp = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?;
    tcp.set_nodelay(true)?;
    TlsConnector::from(config).connect(name, tcp).await.map(TokioIo::new)
}

fn tls_config(connection: &Connection) -> Result<ClientConfig, Error> {
    let anchors = Anchors::new(certificates(&connection.anchor)?);
    let chain = certificates(&connection.certificate)?;
    let key = Secret::new(text(&connection.key)?);
    let signer = Signer::from_pkcs8_pem(&key).map_err(|source| pem(&connection.key, source))?;
    let mut config = pki::tls::client_config(&anchors, Some((&chain, &signer))).map_err(Error::Tls)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// [`Error::File`], [`Error::Pem`].
pub(crate) fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    Certificate::parse_pem_chain(&text(path)?).map_err(|source| pem(path, source))
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(unusable(path))
}

fn pem(path: &Path, source: pki::Error) -> Error {
    Error::Pem { path: path.to_owned(), source }
}
