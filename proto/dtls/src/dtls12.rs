//! DTLS 1.2 by OpenSSL, over a queue of datagrams in memory.
//!
//! Source: RFC 6347 §4.2; RFC 7251 (the CCM suites); RFC 5077 (tickets); docs/adr/0012-dtls-engines.md.
//! Does not: trust OpenSSL with the peer's chain; nor with our retransmissions where its clock would have to be read.
//! Invariants: versions, suites, groups and signatures are those named here, whatever the system's OpenSSL defaults to.
//!
//! OpenSSL reads the system's clock for its retransmissions and none can be given to it. A flight in plain view is kept
//! here and sent again by the caller's clock, with new record numbers; a flight with sealed records cannot be numbered
//! anew by us, so OpenSSL is called and sends it again by its own clock, which runs by the same steps.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::pkey::PKey;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslRef,
    SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509Ref, X509StoreContextRef};
use proto::UnixTime;

use crate::config::{RETRANSMIT_AFTER, RETRANSMIT_AFTER_MAX};
use crate::hello::ClientHello;
use crate::judge::{Admitted, Verifier, judge};
use crate::session::Happening;
use crate::wire::Numbers;
use crate::{Config, DATAGRAM_BYTES_MAX, Error};

/// In our order: GCM has the longer tag, CCM_8 is what RFC 7252 §9.1.3.3 has every device know.
// RFC7252-9.1.3.3-suite
pub(crate) const CCM_8: &str = "ECDHE-ECDSA-AES128-CCM8";
/// The suites with GCM.
pub(crate) const GCM: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
const GROUPS: &str = "P-256:P-384";
const SIGNATURES: &str = "ECDSA+SHA256:ECDSA+SHA384";
/// Tickets are bound to this name, and their keys live in the context.
const SESSION_CONTEXT: &[u8] = b"gangway-dtls";
/// What all sessions of a side share.
#[derive(Clone)]
pub(crate) struct Shared {
    context: SslContext,
    verifier: Arc<Verifier>,
    datagram_bytes: u32,
}

impl Shared {
    pub(crate) fn new(config: &Config, suites: &str) -> Result<Self, Error> {
        let context = context(config, suites).map_err(|_| Error::ConfigurationInvalid)?;
        let datagram_bytes =
            u32::try_from(config.datagram_bytes_sent).map_err(|_| Error::ConfigurationInvalid)?;
        Ok(Self { context, verifier: Arc::clone(&config.verifier), datagram_bytes })
    }
}

fn context(config: &Config, suites: &str) -> Result<SslContext, Box<dyn core::error::Error>> {
    let mut builder = SslContext::builder(SslMethod::dtls())?;
    // CCM_8 lies below every level but 0; what the levels would forbid is forbidden by the lists.
    builder.set_security_level(0);
    builder.set_cipher_list(suites)?;
    builder.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
    builder.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
    builder.set_groups_list(GROUPS)?;
    builder.set_sigalgs_list(SIGNATURES)?;
    builder.set_mode(SslMode::RELEASE_BUFFERS | SslMode::NO_AUTO_CHAIN);
    builder.set_options(
        SslOptions::NO_QUERY_MTU
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_COMPRESSION
            | SslOptions::CIPHER_SERVER_PREFERENCE
            | SslOptions::COOKIE_EXCHANGE,
    );
    // The front door has judged the cookie; OpenSSL must only count the messages.
    builder.set_cookie_generate_cb(|_, place| {
        Ok(place.first_mut().map_or(0, |octet| {
            *octet = 0;
            1
        }))
    });
    builder.set_cookie_verify_cb(|_, _| true);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_session_id_context(SESSION_CONTEXT)?;
    set_identity(&mut builder, config)?;
    Ok(builder.build())
}

/// The key leaves the `Signer` here: this OpenSSL takes a key's octets and nothing that signs for it.
fn set_identity(builder: &mut SslContextBuilder, config: &Config) -> Result<(), Box<dyn core::error::Error>> {
    let (own, others) = config.identity.chain.split_first().ok_or(Error::ConfigurationInvalid)?;
    builder.set_certificate(&*X509::from_der(own.der())?)?;
    for certificate in others {
        builder.add_extra_chain_cert(X509::from_der(certificate.der())?)?;
    }
    let key = config.identity.signer.to_pkcs8_pem()?;
    builder.set_private_key(&*PKey::private_key_from_pem(key.expose().as_bytes())?)?;
    builder.check_private_key()?;
    Ok(())
}

/// What the verify callback and the session know in common.
struct Judging {
    verifier: Arc<Verifier>,
    now: UnixTime,
    verdict: Option<Result<Admitted, Error>>,
}

impl Judging {
    /// Judges once, whatever OpenSSL has to say and however often.
    fn admits<'a>(&mut self, presented: impl Iterator<Item = &'a X509Ref>) -> bool {
        let (verifier, now) = (&self.verifier, self.now);
        let verdict = self.verdict.get_or_insert_with(|| {
            let presented: Result<Vec<_>, _> = presented.map(X509Ref::to_der).collect();
            presented
                .map_err(|_| Error::PeerCertificateMissing)
                .and_then(|presented| judge(verifier.as_ref(), &presented, now))
        });
        verdict.is_ok()
    }
}

/// One session.
pub(crate) struct Session12 {
    stream: SslStream<Pipe>,
    judging: Arc<Mutex<Judging>>,
    flight: Flight,
    is_established: bool,
}

/// What was sent last in a handshake, to be sent again.
#[derive(Default)]
struct Flight {
    datagrams: Vec<Vec<u8>>,
    resend_at: Option<UnixTime>,
    wait: Duration,
}

impl Session12 {
    /// Begins a session with a ClientHello that carries a good cookie: those before it are rebuilt and shown first.
    pub(crate) fn accept(
        shared: &Shared,
        hello: &ClientHello<'_>,
        datagram: &[u8],
        now: UnixTime,
    ) -> Result<(Self, Vec<Happening>), Error> {
        let mut session = Self::new(shared, SslRef::set_accept_state, now)?;
        for sequence in 0..hello.sequence {
            session.stream.get_mut().inbound.push_back(hello.first(sequence));
            let _ = session.stream.do_handshake();
        }
        let pipe = session.stream.get_mut();
        pipe.outbound.clear();
        pipe.numbers = Numbers::from(hello.number);
        let happenings = session.on_datagram(datagram, now);
        Ok((session, happenings))
    }

    /// Begins a session as client.
    pub(crate) fn connect(shared: &Shared, now: UnixTime) -> Result<(Self, Vec<Happening>), Error> {
        let mut session = Self::new(shared, SslRef::set_connect_state, now)?;
        let happenings = session.advance(now);
        session.set_flight(&happenings, now);
        Ok((session, happenings))
    }

    fn new(shared: &Shared, set_role: fn(&mut SslRef), now: UnixTime) -> Result<Self, Error> {
        let invalid = |_| Error::ConfigurationInvalid;
        let judging = Judging { verifier: Arc::clone(&shared.verifier), now, verdict: None };
        let judging = Arc::new(Mutex::new(judging));
        let mut ssl = Ssl::new(&shared.context).map_err(invalid)?;
        set_role(&mut ssl);
        ssl.set_mtu(shared.datagram_bytes).map_err(invalid)?;
        let seen = Arc::clone(&judging);
        ssl.set_verify_callback(
            SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
            move |_, context: &mut X509StoreContextRef| {
                let mut judging = seen.lock().unwrap_or_else(PoisonError::into_inner);
                judging.admits(context.chain().into_iter().flatten())
            },
        );
        let stream = SslStream::new(ssl, Pipe::default()).map_err(invalid)?;
        Ok(Self { stream, judging, flight: Flight::default(), is_established: false })
    }

    pub(crate) fn on_datagram(&mut self, datagram: &[u8], now: UnixTime) -> Vec<Happening> {
        self.stream.get_mut().inbound.push_back(datagram.to_vec());
        let happenings = self.advance(now);
        self.set_flight(&happenings, now);
        happenings
    }

    /// Sends the last flight again when its time has come.
    pub(crate) fn on_timeout(&mut self, now: UnixTime) -> Vec<Happening> {
        if self.flight.resend_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.flight.wait = self.flight.wait.saturating_mul(2).min(RETRANSMIT_AFTER_MAX);
        self.flight.resend_at = Some(now.plus(self.flight.wait));
        if self.stream.get_ref().is_plain { self.repeat() } else { self.advance(now) }
    }

    /// Sends the last flight again, as the peer did with its own.
    pub(crate) fn repeat(&mut self) -> Vec<Happening> {
        let pipe = self.stream.get_mut();
        let mut happenings = Vec::new();
        if pipe.is_plain {
            for datagram in &mut self.flight.datagrams {
                pipe.numbers.stamp(datagram);
                happenings.push(Happening::Transmit(datagram.clone()));
            }
        }
        happenings
    }

    pub(crate) const fn next_timeout(&self) -> Option<UnixTime> {
        self.flight.resend_at
    }

    pub(crate) fn send(&mut self, message: &[u8]) -> Result<Vec<Happening>, Error> {
        self.stream.ssl_write(message).map_err(|_| Error::SessionBroken)?;
        Ok(self.take_outbound())
    }

    pub(crate) fn close(&mut self) -> Vec<Happening> {
        // Without a session there is nothing to take leave of; OpenSSL says so, and nothing is sent.
        let _ = self.stream.shutdown();
        self.take_outbound()
    }

    /// Lets OpenSSL read what is there, and tells what came of it.
    fn advance(&mut self, now: UnixTime) -> Vec<Happening> {
        self.judge_at(now);
        let mut happenings = Vec::new();
        let result = if self.is_established { Ok(()) } else { self.hand_shake(&mut happenings) };
        let result = result.and_then(|()| self.read(&mut happenings));
        // An input that was not read ends with the call that brought it.
        self.stream.get_mut().inbound.clear();
        // What was sent goes before the news of an end, so that an alert is not lost.
        let mut all = self.take_outbound();
        all.append(&mut happenings);
        all.extend(result.err().map(Happening::Ended));
        all
    }

    fn hand_shake(&mut self, happenings: &mut Vec<Happening>) -> Result<(), Error> {
        match self.stream.do_handshake() {
            Ok(()) => {
                self.is_established = true;
                happenings.push(self.verdict().map_or_else(Happening::Refused, Happening::Established));
                Ok(())
            }
            Err(error) if is_waiting(&error) => Ok(()),
            Err(_) => match self.lock().verdict.take() {
                Some(Err(refused)) => Err(refused),
                _ => Err(Error::HandshakeFailed),
            },
        }
    }

    /// Takes the verdict on the peer. A session that is resumed has had none yet: it is judged by what its ticket says of
    /// the peer, so that what was withdrawn meanwhile counts.
    fn verdict(&mut self) -> Result<Admitted, Error> {
        let own = self.stream.ssl().peer_certificate();
        let mut judging = self.lock();
        judging.admits(own.as_deref().into_iter());
        judging.verdict.take().unwrap_or(Err(Error::PeerCertificateMissing))
    }

    fn read(&mut self, happenings: &mut Vec<Happening>) -> Result<(), Error> {
        if !self.is_established {
            return Ok(());
        }
        let mut plaintext = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            match self.stream.ssl_read(&mut plaintext) {
                Ok(count) => {
                    happenings.push(Happening::Received(plaintext.iter().take(count).copied().collect()));
                }
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    happenings.push(Happening::Closed);
                    return Ok(());
                }
                Err(error) if is_waiting(&error) => return Ok(()),
                Err(_) => return Err(Error::SessionBroken),
            }
        }
    }

    fn set_flight(&mut self, happenings: &[Happening], now: UnixTime) {
        let datagrams: Vec<_> =
            happenings.iter().filter_map(Happening::datagram).map(<[u8]>::to_vec).collect();
        if self.is_established {
            self.flight = Flight::default();
        } else if !datagrams.is_empty() {
            let resend_at = Some(now.plus(RETRANSMIT_AFTER));
            self.flight = Flight { datagrams, resend_at, wait: RETRANSMIT_AFTER };
        }
    }

    fn take_outbound(&mut self) -> Vec<Happening> {
        let pipe = self.stream.get_mut();
        let sent = core::mem::take(&mut pipe.outbound);
        let mut is_plain = true;
        let numbered: Vec<_> = sent
            .into_iter()
            .map(|mut datagram| {
                is_plain &= pipe.numbers.stamp(&mut datagram);
                Happening::Transmit(datagram)
            })
            .collect();
        if !numbered.is_empty() {
            pipe.is_plain = is_plain;
        }
        numbered
    }

    fn judge_at(&mut self, now: UnixTime) {
        self.lock().now = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Judging> {
        self.judging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_waiting(error: &openssl::ssl::Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}

/// Datagrams to and from OpenSSL: what it reads or writes in one call is one of them.
struct Pipe {
    inbound: VecDeque<Vec<u8>>,
    outbound: Vec<Vec<u8>>,
    numbers: Numbers,
    /// Whether the last flight has no sealed records, so that we send it again and not OpenSSL.
    is_plain: bool,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { inbound: VecDeque::new(), outbound: Vec::new(), numbers: Numbers::from(0), is_plain: false }
    }
}

impl Read for Pipe {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        let datagram = self.inbound.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        datagram.as_slice().read(place)
    }
}

impl Write for Pipe {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        // What is written before the input was read is a flight that OpenSSL sends again by its own clock.
        if !self.is_plain || self.inbound.is_empty() {
            self.outbound.push(datagram.to_vec());
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
