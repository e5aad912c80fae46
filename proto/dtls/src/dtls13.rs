//! DTLS 1.3 by dimpl.
//!
//! Source: RFC 9147 §5; docs/adr/0012-dtls-engines.md.
//! Does not: send more than our own certificate, or see more than the peer's: dimpl has no place for the rest of a chain.
//! Invariants: the private key stays in its `Signer`; dimpl's cookies are those of the front door.
//!
//! dimpl keeps a peer's state from its first ClientHello on. Ours does not: its randomness for cookies is taken from the
//! caller, so that the same ClientHello and cookie give the same HelloRetryRequest, in a session that is made for it and
//! thrown away. When the second comes with a good cookie, a new session is shown the first, rebuilt, and then the second.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, HmacProvider, KeyProvider, SignatureAlgorithm, SigningKey,
};
use dimpl::{CryptoError, CryptoOperation, Dtls, DtlsCertificate, Output};
use pki::{KeyAlgorithm, Signer};
use proto::UnixTime;

use crate::cookie::Cookie;
use crate::hello::ClientHello;
use crate::judge::{Verifier, judge};
use crate::session::Happening;
use crate::wire::Numbers;
use crate::{Config, DATAGRAM_BYTES_MAX, Error, Version};

/// How often a flight is sent again (RFC 9147 §5.8.2 leaves it open).
const FLIGHT_RETRIES: usize = 6;
/// The most datagrams that dimpl keeps of a flight whose messages are not whole yet.
const DATAGRAMS_QUEUED_MAX: usize = 30;
/// Room for one output. For a certificate dimpl must have it at once, and panics otherwise: no certificate is larger than
/// the datagrams that it comes in.
const OUTPUT_BYTES: usize = DATAGRAMS_QUEUED_MAX * DATAGRAM_BYTES_MAX;

/// What all sessions of a side share.
pub(crate) struct Shared {
    config: Arc<dimpl::Config>,
    certificate: Vec<u8>,
    seam: &'static Seam,
    verifier: Arc<Verifier>,
    clock: Clock,
}

impl Shared {
    /// dimpl wants its providers for ever, so each `Shared` leaves some octets behind; the key is not among them.
    pub(crate) fn new(config: &Config, started: Instant) -> Result<Self, Error> {
        let own = config.identity.chain.first().ok_or(Error::ConfigurationInvalid)?;
        let signer = &config.identity.signer;
        if own.public_key() != signer.public_key() || signer.algorithm() == KeyAlgorithm::Ed25519 {
            return Err(Error::ConfigurationInvalid);
        }
        let default = dimpl::crypto::aws_lc_rs::default_provider();
        let seam: &'static Seam = Box::leak(Box::new(Seam {
            default: default.hmac_provider,
            cookie: Mutex::new(None),
            signer: Mutex::new(Some(signer.clone())),
        }));
        let provider = CryptoProvider { key_provider: seam, hmac_provider: seam, ..default };
        let engine = dimpl::Config::builder()
            .mtu(config.datagram_bytes_sent)
            .max_queue_rx(DATAGRAMS_QUEUED_MAX)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(config.limits.handshake)
            .with_crypto_provider(provider)
            .build()
            .map_err(|_| Error::ConfigurationInvalid)?;
        Ok(Self {
            config: Arc::new(engine),
            certificate: own.der().to_vec(),
            seam,
            verifier: Arc::clone(&config.verifier),
            clock: Clock { started, first_at: None },
        })
    }

    /// Answers a first ClientHello with a HelloRetryRequest that carries the cookie, and forgets both.
    // RFC9147-5.1-stateless
    pub(crate) fn retry(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: Cookie,
        now: UnixTime,
    ) -> Option<Vec<u8>> {
        let mut session = Session13::new(self, Dtls::new_13, now);
        session.numbers = Numbers::from(hello.number);
        self.seam.set_cookie(Some(cookie));
        let happenings = session.on_datagram(&hello.first(0), now);
        self.seam.set_cookie(None);
        happenings.iter().find_map(Happening::datagram).map(<[u8]>::to_vec)
    }

    fn certificate(&self) -> DtlsCertificate {
        DtlsCertificate { certificate: self.certificate.clone(), private_key: Vec::new() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.seam.lock_signer().take();
    }
}

/// Turns our time into dimpl's, of which only differences count.
#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    first_at: Option<UnixTime>,
}

impl Clock {
    fn instant(&mut self, now: UnixTime) -> Instant {
        let first_at = *self.first_at.get_or_insert(now);
        self.started + now.since(first_at)
    }

    fn time(&self, instant: Instant) -> UnixTime {
        // Rounded up: a timer that is called too early only asks again.
        let since = instant.saturating_duration_since(self.started) + core::time::Duration::from_millis(1);
        self.first_at.unwrap_or_default().plus(since)
    }
}

/// One session.
pub(crate) struct Session13 {
    dtls: Dtls,
    clock: Clock,
    verifier: Arc<Verifier>,
    numbers: Numbers,
    presented: Option<Vec<u8>>,
    next_at: Option<UnixTime>,
}

type Make = fn(Arc<dimpl::Config>, DtlsCertificate, Instant) -> Dtls;

impl Session13 {
    /// Begins a session with a ClientHello that carries a good cookie.
    pub(crate) fn accept(
        shared: &mut Shared,
        hello: &ClientHello<'_>,
        datagram: &[u8],
        now: UnixTime,
    ) -> (Self, Vec<Happening>) {
        let mut session = Self::new(shared, Dtls::new_13, now);
        shared.seam.set_cookie(hello.cookie_1_3().and_then(|cookie| cookie.try_into().ok()));
        // The HelloRetryRequest that comes of it was sent long ago.
        session.on_datagram(&hello.first(0), now);
        session.numbers = Numbers::from(hello.number);
        let happenings = session.on_datagram(datagram, now);
        shared.seam.set_cookie(None);
        (session, happenings)
    }

    /// Begins a session as client, of DTLS 1.3 or, with the suites of GCM, of 1.2.
    pub(crate) fn connect(shared: &mut Shared, version: Version, now: UnixTime) -> (Self, Vec<Happening>) {
        let make: Make = match version {
            Version::Dtls12 => Dtls::new_12,
            Version::Dtls13 => Dtls::new_13,
        };
        let mut session = Self::new(shared, make, now);
        session.dtls.set_active(true);
        let happenings = session.on_timeout(now);
        (session, happenings)
    }

    fn new(shared: &mut Shared, make: Make, now: UnixTime) -> Self {
        let instant = shared.clock.instant(now);
        Self {
            dtls: make(Arc::clone(&shared.config), shared.certificate(), instant),
            clock: shared.clock,
            verifier: Arc::clone(&shared.verifier),
            numbers: Numbers::from(0),
            presented: None,
            next_at: None,
        }
    }

    pub(crate) fn on_datagram(&mut self, datagram: &[u8], now: UnixTime) -> Vec<Happening> {
        let result = self
            .dtls
            .handle_timeout(self.clock.instant(now))
            .and_then(|()| self.dtls.handle_packet(datagram));
        self.drain(result, now)
    }

    pub(crate) fn on_timeout(&mut self, now: UnixTime) -> Vec<Happening> {
        let result = self.dtls.handle_timeout(self.clock.instant(now));
        self.drain(result, now)
    }

    pub(crate) const fn next_timeout(&self) -> Option<UnixTime> {
        self.next_at
    }

    pub(crate) fn send(&mut self, message: &[u8], now: UnixTime) -> Result<Vec<Happening>, Error> {
        self.dtls.send_application_data(message).map_err(|_| Error::SessionBroken)?;
        Ok(self.drain(Ok(()), now))
    }

    pub(crate) fn close(&mut self, now: UnixTime) -> Vec<Happening> {
        let result = self.dtls.close();
        self.drain(result, now)
    }

    /// Takes what dimpl has to say until it waits; every error of its own is an end.
    fn drain(&mut self, result: Result<(), dimpl::Error>, now: UnixTime) -> Vec<Happening> {
        let mut happenings = Vec::new();
        let mut place = vec![0; OUTPUT_BYTES];
        loop {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "SRTP is not ours, and a later dimpl may add others"
            )]
            match self.dtls.poll_output(&mut place) {
                Output::Packet(datagram) => {
                    let mut datagram = datagram.to_vec();
                    self.numbers.stamp(&mut datagram);
                    happenings.push(Happening::Transmit(datagram));
                }
                Output::BufferTooSmall { needed } => place.resize(needed, 0),
                Output::Timeout(at) => {
                    self.next_at = Some(self.clock.time(at));
                    break;
                }
                Output::PeerCert(der) => self.presented = Some(der.to_vec()),
                Output::Connected => happenings.push(self.verdict(now)),
                Output::ApplicationData(data) => happenings.push(Happening::Received(data.to_vec())),
                Output::CloseNotify => happenings.push(Happening::Closed),
                _ => {}
            }
        }
        if let Err(error) = result {
            happenings.push(Happening::Ended(if matches!(error, dimpl::Error::Timeout(_)) {
                Error::HandshakeTimedOut
            } else {
                Error::HandshakeFailed
            }));
        }
        happenings
    }

    fn verdict(&mut self, now: UnixTime) -> Happening {
        let presented: Vec<_> = self.presented.take().into_iter().collect();
        match judge(self.verifier.as_ref(), &presented, now) {
            Ok(admitted) => Happening::Established(admitted),
            Err(error) => Happening::Refused(error),
        }
    }
}

/// What dimpl is given of ours: the key that signs, and the cookie of the ClientHello in hand.
struct Seam {
    default: &'static dyn HmacProvider,
    cookie: Mutex<Option<Cookie>>,
    signer: Mutex<Option<Signer>>,
}

impl Seam {
    fn set_cookie(&self, cookie: Option<Cookie>) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = cookie;
    }

    fn lock_signer(&self) -> std::sync::MutexGuard<'_, Option<Signer>> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seam")
    }
}

impl HmacProvider for Seam {
    /// dimpl calls this one for its cookies only, and compares them with what the ClientHello carries.
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Result<[u8; 32], CryptoError> {
        let cookie = *self.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        cookie.map_or_else(|| self.default.hmac_sha256(key, data), Ok)
    }

    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.default.hmac(hash, key, data, out)
    }
}

impl KeyProvider for Seam {
    fn load_private_key(&self, _: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let signer = self.lock_signer().clone().ok_or(CryptoError::InvalidPrivateKey)?;
        Ok(Box::new(Key(Mutex::new(signer))))
    }
}

/// The key of one session; a lock only because dimpl demands that a panic leaves it whole.
#[derive(Debug)]
struct Key(Mutex<Signer>);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let failed = CryptoError::OperationFailed(CryptoOperation::Sign);
        if hash != self.hash_algorithm() {
            return Err(failed);
        }
        let signer = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let signature = signer.sign(data).map_err(|_| failed)?;
        out.clear();
        out.extend_from_slice(&signature);
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        let signer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match signer.algorithm() {
            KeyAlgorithm::EcdsaP384 => HashAlgorithm::SHA384,
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519 => HashAlgorithm::SHA256,
        }
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        match self.hash_algorithm() {
            HashAlgorithm::SHA384 => &[HashAlgorithm::SHA384],
            _ => &[HashAlgorithm::SHA256],
        }
    }
}
