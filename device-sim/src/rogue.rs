//! A registrar and MASA that play tricks on a pledge, and one that plays none to compare with.
//! Source: RFC 8995 §5.6 says what a pledge must refuse; each trick breaks one of its checks and no other.
//!
//! Does not: verify anything that a pledge sends; it is the adversary, or a stand-in where only the pledge is looked at.
//! Invariants: listens on loopback only, on a port of the system's choice, until it is dropped.

mod answers;
mod claim;
mod domain;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pki::tls::UnjudgedClients;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub(crate) use answers::{flip_last_bit, other_serial};
pub use claim::claim;
pub use domain::Domain;

use crate::transport::Endpoint;
use crate::{Error, maker::Maker};

/// The most octets of a request that are read.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// What a rogue does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Nothing: an honest registrar in miniature.
    None,
    /// The voucher is the manufacturer's but pins another domain.
    PinsAnotherDomain,
    /// The voucher is signed by somebody who is not the manufacturer: an impostor has no other.
    ForeignSigner,
    /// The voucher is for another serial number.
    OtherSerial,
    /// The voucher answers another nonce: one that was overheard earlier.
    OldNonce,
    /// The voucher has no nonce.
    Nonceless,
    /// The voucher has expired.
    Expired,
    /// One bit of the voucher's signature is flipped.
    Tampered,
    /// The voucher pins nobody.
    PinsNobody,
    /// The answer is no voucher at all.
    Gibberish,
    /// The answer sends the pledge elsewhere.
    Redirect,
    /// The CA certificates are those of another domain.
    ForeignCaCerts,
    /// The LDevID is issued by another domain.
    ForeignLdevid,
    /// The LDevID certifies a key that is not the pledge's.
    OtherKey,
    /// The LDevID names another serial number.
    OtherSubject,
}

impl Trick {
    /// Lists all tricks.
    pub const ALL: [Self; 15] = [
        Self::None,
        Self::PinsAnotherDomain,
        Self::ForeignSigner,
        Self::OtherSerial,
        Self::OldNonce,
        Self::Nonceless,
        Self::Expired,
        Self::Tampered,
        Self::PinsNobody,
        Self::Gibberish,
        Self::Redirect,
        Self::ForeignCaCerts,
        Self::ForeignLdevid,
        Self::OtherKey,
        Self::OtherSubject,
    ];

    /// Returns the reason code with which a strict pledge ends its attempt; `None` when it comes aboard.
    #[must_use]
    pub const fn expected(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::PinsAnotherDomain => Some("registrar-not-pinned"),
            Self::ForeignSigner => Some("voucher-signature-invalid"),
            Self::OtherSerial => Some("voucher-serial-mismatch"),
            Self::OldNonce => Some("voucher-nonce-mismatch"),
            Self::Nonceless => Some("voucher-nonce-missing"),
            Self::Expired => Some("voucher-expired"),
            Self::Tampered => Some("voucher-signature-invalid"),
            Self::PinsNobody => Some("voucher-pin-missing"),
            Self::Gibberish => Some("cms-malformed"),
            Self::Redirect => Some("sim-redirected"),
            Self::ForeignCaCerts => Some("sim-cacerts-without-pin"),
            Self::ForeignLdevid => Some("sim-certificate-untrusted"),
            Self::OtherKey => Some("sim-certificate-key-differs"),
            Self::OtherSubject => Some("sim-certificate-subject-differs"),
        }
    }
}

/// A running rogue.
#[derive(Debug)]
pub struct Rogue {
    endpoint: Endpoint,
    accepting: JoinHandle<()>,
}

/// What a rogue answers from.
#[derive(Debug)]
struct Cast {
    trick: Trick,
    /// The registrar's own domain.
    own: Domain,
    /// Another one.
    other: Domain,
    /// The manufacturer of the pledges that come.
    maker: Maker,
    /// Somebody who is not.
    stranger: Maker,
}

impl Rogue {
    /// Starts a rogue towards units of `maker`, whose voucher signer it commands.
    ///
    /// # Errors
    /// [`Error::Connect`] when no port is to be had, [`Error::Pki`] (`Fault`).
    pub async fn start(trick: Trick, maker: &Maker) -> Result<Self, Error> {
        let now = crate::clock::now();
        let cast = Arc::new(Cast {
            trick,
            own: Domain::create("Rogue Domain", now)?,
            other: Domain::create("Another Domain", now)?,
            maker: maker.clone(),
            stranger: Maker::create("Stranger", now)?,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Connect)?;
        let port = listener.local_addr().map_err(Error::Connect)?.port();
        let registrar = cast.own.registrar();
        let config =
            pki::tls::server_config(&registrar.chain, &registrar.signer, UnjudgedClients::default())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), socket, cast.clone()));
            }
        });
        Ok(Self { endpoint: Endpoint::new("127.0.0.1", port)?, accepting })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(acceptor: TlsAcceptor, socket: TcpStream, cast: Arc<Cast>) {
    let Ok(stream) = acceptor.accept(socket).await else { return };
    let service = service_fn(|request| answer(request, cast.clone()));
    // A pledge that has seen through the trick hangs up; that is no fault.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(
    request: http::Request<Incoming>,
    cast: Arc<Cast>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_string();
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let answered = answers::answer(&cast, &path, &body);
    Ok(answered.unwrap_or_else(|_| answers::status(500)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledged::Acknowledgements;
    use crate::pledge::{Params, Reenrollment, Step, onboard};
    use crate::random::Randomness;
    use crate::transport::Patience;

    async fn ends_with(trick: Trick, reenrollment: Reenrollment) -> (Option<String>, Vec<Step>) {
        let now = crate::clock::now();
        let maker = Maker::create("Trick Works", now).unwrap();
        let unit = maker.make(&"T-1".parse().unwrap(), None, now).unwrap();
        let rogue = Rogue::start(trick, &maker).await.unwrap();
        let params = Params {
            endpoint: rogue.endpoint(),
            patience: Patience::default(),
            reenrollment,
            acknowledgements: &Acknowledgements::none(),
        };
        let onboarding = onboard(&unit, params, &mut Randomness::System).await;
        let steps = onboarding.transcript.entries().iter().map(|entry| entry.step).collect();
        (onboarding.outcome.err().map(|error| error.reason()), steps)
    }

    #[tokio::test]
    async fn a_pledge_comes_aboard_where_no_trick_is_played() {
        for reenrollment in [Reenrollment::Renew, Reenrollment::Rekey] {
            let (reason, steps) = ends_with(Trick::None, reenrollment).await;
            assert_eq!(reason, None);
            assert_eq!(steps, Step::ALL);
        }
    }

    #[tokio::test]
    async fn a_pledge_sees_through_each_trick() {
        for trick in Trick::ALL {
            let (reason, _) = ends_with(trick, Reenrollment::None).await;
            assert_eq!(reason.as_deref(), trick.expected(), "{trick:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_voucher_is_reported_before_the_pledge_leaves() {
        let (_, steps) = ends_with(Trick::PinsAnotherDomain, Reenrollment::None).await;
        assert_eq!(steps.last(), Some(&Step::ReportVoucher));
        let (_, steps) = ends_with(Trick::OtherKey, Reenrollment::None).await;
        assert_eq!(steps.last(), Some(&Step::ReportEnrollment));
    }
}
