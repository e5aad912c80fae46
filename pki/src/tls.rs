//! The glue to rustls: provider, own keys, and the verifiers of both sides.
//! Source: RFC 8446 §4.4.3, RFC 5246 §7.4.8 (handshake signatures); RFC 8995 §5.1 (provisional TLS).
//! Does not: open connections, judge a client's chain (the application does, by `path::verify`, before it accepts a
//! byte).
//! Invariants: whatever a verifier here lets pass, the peer proved that it has the key of its certificate.

mod client;
mod handshake;
mod key;
mod provisional;
mod server;

use std::sync::{Arc, OnceLock};

use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;

use crate::{Certificate, Error};

pub use client::client_config;
pub use key::certified_key;
pub use provisional::{ProvisionalVerifier, provisional_client_config};
pub use server::{UnjudgedClients, server_config};

/// Returns the one crypto provider of the house: aws-lc-rs, X25519MLKEM768 first, and of the cipher suites those first whose
/// strength is that of P-256 and whose hash, SHA-256, processors have instructions for.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            let mut provider = rustls::crypto::aws_lc_rs::default_provider();
            provider.cipher_suites.sort_by_key(|suite| !FIRST_SUITES.contains(&suite.suite()));
            Arc::new(provider)
        })
        .clone()
}

/// What we would rather speak than what else is offered (RFC 8446 §9.1 has every TLS 1.3 speak the first).
const FIRST_SUITES: [CipherSuite; 2] =
    [CipherSuite::TLS13_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];

/// The most certificates of a peer that are read; a path has at most eight.
const PEER_CERTIFICATES_MAX: usize = 10;

/// Reads what a peer presented in the handshake, its own certificate first.
///
/// Neither length nor order of the rest is to be relied on (some clients append their anchor), so what cannot be read
/// there is left out; `path::verify` takes it as a pool.
///
/// # Errors
/// Those of [`Certificate::parse`], for the peer's own certificate.
pub fn peer_chain(presented: &[CertificateDer<'_>]) -> Result<Vec<Certificate>, Error> {
    let Some((own, others)) = presented.split_first() else { return Ok(Vec::new()) };
    let others = others.iter().take(PEER_CERTIFICATES_MAX - 1).filter_map(|der| Certificate::parse(der).ok());
    Ok(core::iter::once(Certificate::parse(own)?).chain(others).collect())
}
