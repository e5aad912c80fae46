//! **Dangerous.** The pledge's provisional TLS: believe nobody yet, remember who it was.
//! Source: RFC 8995 §5.1, §5.6.2.
//! Does not: authenticate the server. Only a pledge may use this, and only until its voucher is checked against
//! [`ProvisionalVerifier::presented_chain`]. Nothing in the server uses it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::client::with_identity;
use super::{PEER_CERTIFICATES_MAX, handshake, provider};
use crate::{Certificate, Error, Signer};

/// **Dangerous.** Accepts any server chain, checks only that the server has the key of its first certificate, and
/// remembers the chain. One verifier serves one connection.
#[derive(Debug, Default)]
pub struct ProvisionalVerifier {
    presented: Mutex<Vec<Certificate>>,
}

impl ProvisionalVerifier {
    /// Returns the chain that the server presented, its own certificate first; empty before the handshake.
    #[must_use]
    pub fn presented_chain(&self) -> Vec<Certificate> {
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for ProvisionalVerifier {
    // RFC8995-5.1-provisional
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let chain: Vec<Certificate> = core::iter::once(end_entity)
            .chain(intermediates)
            .take(PEER_CERTIFICATES_MAX)
            .map(handshake::parse)
            .collect::<Result<_, _>>()?;
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
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

/// **Dangerous.** Builds the client configuration of a pledge for one connection; `identity` is its IDevID chain and
/// key. SNI is not sent: a registrar ignores it (RFC 8995 erratum 6648).
///
/// # Errors
/// [`Error::TlsConfiguration`], [`Error::IssuerKeyMismatch`] (both `Fault`).
pub fn provisional_client_config(
    verifier: Arc<ProvisionalVerifier>,
    identity: Option<(&[Certificate], &Signer)>,
) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(|_| Error::TlsConfiguration)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = with_identity(builder, identity)?;
    config.enable_sni = false;
    Ok(config)
}
