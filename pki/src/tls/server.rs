//! The server's side: client certificates are asked for, proved, and left for the application to judge.
//! Source: RFC 8995 §5.1, RFC 7030 §3.3.2 (client certificates); DESIGN §4.1.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error as TlsError, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{certified_key, handshake, provider};
use crate::{Certificate, Error, Signer};

/// The most bytes of a client's chain that are read at all.
const CHAIN_BYTES_MAX: usize = 64 * 1024;

/// Asks for a client certificate, lets a client have none, and demands the proof of possession of one that has.
///
/// It does **not** judge the chain: one listener serves pledges with IDevIDs of many makers, devices with LDevIDs and
/// operators. Whoever reads the request must call `path::verify` on the peer's chain before believing it.
#[derive(Debug, Default)]
pub struct UnjudgedClients {
    hints: Vec<DistinguishedName>,
}

impl UnjudgedClients {
    /// Makes the verifier; the subjects of `hints` go out as certificate_authorities, so that a client with several
    /// certificates can choose. None: no hint.
    #[must_use]
    pub fn new(hints: &[Certificate]) -> Self {
        let name = |c: &Certificate| DistinguishedName::from(c.subject_der().to_vec());
        Self { hints: hints.iter().map(name).collect() }
    }
}

impl ClientCertVerifier for UnjudgedClients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let bytes = intermediates.iter().fold(end_entity.len(), |sum, c| sum.saturating_add(c.len()));
        if bytes > CHAIN_BYTES_MAX {
            return Err(rustls::CertificateError::BadEncoding.into());
        }
        // Whether it can be read, the check of its CertificateVerify finds out right after.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        handshake::verify(handshake::Version::Tls12, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        handshake::verify(handshake::Version::Tls13, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        handshake::SCHEMES.to_vec()
    }
}

/// Builds a server configuration: TLS 1.3 and 1.2, own chain (the end entity first), optional client certificates.
///
/// Sessions are not resumed: each connection proves its certificate anew, so that a revocation takes effect at the
/// next one. ALPN is left to the caller.
///
/// # Errors
/// [`Error::IssuerKeyMismatch`], [`Error::TlsConfiguration`] (both `Fault`).
pub fn server_config(
    chain: &[Certificate],
    signer: &Signer,
    clients: UnjudgedClients,
) -> Result<ServerConfig, Error> {
    let key = certified_key(chain, signer)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(|_| Error::TlsConfiguration)?
        .with_client_cert_verifier(Arc::new(clients))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
