//! The one place where a peer is let pass.
//!
//! Does not: prove that the peer has the key of its certificate; the handshake does.
//! Invariants: an [`Admitted`] is made here only, and only after the verifier said yes to the chain that it holds.

use pki::Certificate;
use proto::UnixTime;
use rustls_pki_types::CertificateDer;

use crate::Error;

/// Says whether a peer's chain, its own certificate first, may open a session.
///
/// It is given the time, and is meant to be `pki::path::verify` with the anchors of the house, the same as for the
/// peers of TLS; the rest of the chain is a pool, in any order and perhaps without the issuers that a constrained
/// device leaves out. A pledge that may not judge yet (RFC 8995 §5.1) says yes, and judges by its voucher.
pub type Verifier = dyn Fn(&[Certificate], UnixTime) -> Result<(), pki::Error> + Send + Sync;

/// A chain that the verifier let pass.
#[derive(Debug)]
pub(crate) struct Admitted(Vec<Certificate>);

impl Admitted {
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.0
    }
}

/// Judges what a peer presented, as DER, its own certificate first.
pub(crate) fn judge(verifier: &Verifier, presented: &[Vec<u8>], now: UnixTime) -> Result<Admitted, Error> {
    let presented: Vec<_> = presented.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let chain = pki::tls::peer_chain(&presented).map_err(|_| Error::PeerCertificateMissing)?;
    if chain.is_empty() {
        return Err(Error::PeerCertificateMissing);
    }
    verifier(&chain, now).map_err(Error::PeerUntrusted)?;
    Ok(Admitted(chain))
}
