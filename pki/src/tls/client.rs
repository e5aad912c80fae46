//! The client's side towards a server whose domain we know: strict.
//! Source: RFC 8995 §5.4 (towards the MASA), RFC 6125 (DNS-ID).

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use super::{certified_key, provider};
use crate::path::Anchors;
use crate::{Certificate, Error, Signer};

/// Builds a client configuration: the server's chain must end in one of the anchors and its certificate must carry
/// the name that is connected to. `identity` is the client's own chain (the end entity first) and key, if it has one.
///
/// # Errors
/// [`Error::TlsConfiguration`] (`Fault`) when there is no usable anchor; [`Error::IssuerKeyMismatch`] (`Fault`).
pub fn client_config(
    anchors: &Anchors,
    identity: Option<(&[Certificate], &Signer)>,
) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors.certificates() {
        roots.add(CertificateDer::from(anchor)).map_err(|_| Error::TlsConfiguration)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|_| Error::TlsConfiguration)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(|_| Error::TlsConfiguration)?
        .with_webpki_verifier(verifier);
    with_identity(builder, identity)
}

/// Adds the client's own certificate, if it has one; sessions are not resumed.
pub(super) fn with_identity(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    identity: Option<(&[Certificate], &Signer)>,
) -> Result<ClientConfig, Error> {
    let mut config = match identity {
        Some((chain, signer)) => {
            let key = certified_key(chain, signer)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}
