//! The far end of a connection: exactly what the handshake proved, and no more.
//!
//! Does not: judge the chain; whoever reads it calls `pki::path::verify` before believing it.
//! Invariants: the handshake proved that the peer has the key of [`Peer::certificate`]; the rest of the chain is
//! mere data, in any order.

use std::net::SocketAddr;

use pki::{CHAIN_CERTIFICATES_MAX, Certificate};
use rustls::ServerConnection;

/// The far end of one connection, as an `Arc<Peer>` in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    remote: SocketAddr,
    tls: Option<Tls>,
    chain: Vec<Certificate>,
}

/// What was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1_2` or `TLSv1_3`.
    pub version: &'static str,
    /// The cipher suite as IANA names it.
    pub suite: &'static str,
}

impl Peer {
    /// Makes a peer from its parts, for listeners and for tests of what stands behind them.
    #[must_use]
    pub fn new(remote: SocketAddr, tls: Option<Tls>, chain: Vec<Certificate>) -> Self {
        Self { remote, tls, chain }
    }

    /// Takes what the handshake of `connection` proved.
    ///
    /// At most [`CHAIN_CERTIFICATES_MAX`] certificates are kept. Certificates after the first that do not parse are
    /// left out: they could not help a path.
    pub(super) fn of_connection(remote: SocketAddr, connection: &ServerConnection) -> Self {
        let mut chain = Vec::new();
        for der in connection.peer_certificates().unwrap_or_default().iter().take(CHAIN_CERTIFICATES_MAX) {
            match Certificate::parse(der) {
                Ok(certificate) => chain.push(certificate),
                // Without its first certificate a chain is nobody's.
                Err(_) if chain.is_empty() => break,
                Err(_) => {}
            }
        }
        Self { remote, tls: Tls::of_connection(connection), chain }
    }

    /// Returns the address and port of the far end.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Returns what was negotiated; `None` on the plain listener, and over DTLS, whose engines do not tell all of it.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.tls
    }

    /// Returns the certificate whose key the peer proved to have, if it showed one.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// Returns everything that the peer sent: the proved certificate first, the rest in no particular order.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Returns what the peer sent beside its own certificate, as material for a path.
    #[must_use]
    pub fn intermediates(&self) -> &[Certificate] {
        self.chain.get(1..).unwrap_or_default()
    }
}

impl Tls {
    fn of_connection(connection: &ServerConnection) -> Option<Self> {
        Some(Self {
            version: connection.protocol_version()?.as_str()?,
            suite: connection.negotiated_cipher_suite()?.suite().as_str()?,
        })
    }
}
