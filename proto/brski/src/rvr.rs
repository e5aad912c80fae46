//! Registrar voucher-requests, as a MASA receives them.
//! Source: RFC 8995 §5.5, §5.5.2 to §5.5.6; rfc8366bis §6.1; erratum 7263; CBRSKI §7.2, §8.1, §9.2.1.
//! Does not: know units or owners, decide, issue (see `masa`).
//! Invariants: a `Verified<Rvr>` was signed by a certificate with EKU cmcRA whose chain is consistent; if it has a
//! nonce it holds the request of a device of this maker with the same serial number and nonce, signed by that device,
//! which spoke with a key of the signing chain; if it has none, the registrar is authenticated.

use core::fmt;
use core::time::Duration;

use pki::cms::Compat;
use pki::path::{self, Anchors, Expiry, Purpose, Revocation, Rules};
use pki::{Certificate, digest, oid};
use proto::{Fingerprint, KeyId, SerialNumber, UnixTime};
use proto_voucher::{Assertion, Nonce, VoucherRequest};

use crate::envelope::Envelope;
use crate::format::check_deviation;
use crate::pvr::{is_ahead, pin_fingerprints};
use crate::{Error, Format, IdevidIssuer, Pvr, Unverified, Verified};

/// The oldest, in seconds, that a request without nonce may be: ours, one day; its date is all that makes it fresh.
pub const NONCELESS_AGE_SECONDS_MAX: u64 = 24 * 3600;

/// A registrar's request with the signed object it came in.
#[derive(Clone, Debug)]
pub struct Rvr {
    octets: Vec<u8>,
    format: Format,
    request: VoucherRequest,
    deviation: Option<&'static str>,
    chain: Vec<Certificate>,
    prior: Option<Prior>,
    is_registrar_authenticated: bool,
}

/// The pledge's request inside, and who signed it.
#[derive(Clone, Debug)]
struct Prior {
    idevid: Certificate,
    asserts_proximity: bool,
}

/// How the MASA knows the registrar, beside the consistency of its chain.
#[derive(Clone, Copy, Debug)]
pub enum RegistrarAuthentication<'a> {
    /// It does not: enough for a request with a nonce (RFC 8995 §5.5.4).
    None,
    /// The transport authenticated it: a TLS client certificate or HTTP authentication.
    Transport,
    /// The chain that signed must end in one of these domain anchors to count as authenticated.
    Anchors(&'a Anchors),
}

/// What a MASA holds a request against.
#[derive(Clone, Copy)]
pub struct RvrCheck<'a> {
    /// The anchors of the maker's own IDevIDs.
    pub idevid_anchors: &'a Anchors,
    /// Intermediate CAs of the maker's IDevIDs, for devices that do not send their chain.
    pub idevid_pool: &'a [Certificate],
    /// Whether the end of an IDevID's validity counts.
    pub idevid_expiry: Expiry,
    /// How the registrar is known.
    pub registrar: RegistrarAuthentication<'a>,
    /// Asked for each certificate of the registrar's chain and of the device's (RFC 8995 §5.5.3).
    pub revocation: &'a dyn Fn(&Certificate) -> Revocation,
    /// Whether CMS version 1, id-data and deviating types in CBOR are accepted.
    pub compat: Compat,
    /// The time now.
    pub now: UnixTime,
}

impl fmt::Debug for RvrCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RvrCheck")
            .field("registrar", &self.registrar)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Rvr {
    /// Reads a request of the form that its media type names; nothing of it is believed yet.
    ///
    /// # Errors
    /// [`Error::Pki`], [`Error::Data`], [`Error::RvrProximityPresent`] (malformed or unsupported).
    pub fn parse(octets: &[u8], format: Format) -> Result<Unverified<Self>, Error> {
        let envelope = Envelope::parse(octets, format)?;
        let parsed = format.parse_request(envelope.unverified_content())?;
        let (request, deviation) = (parsed.artifact, parsed.deviation);
        // RFC8995-5.5-no-proximity-in-rvr
        if !request.proximity_registrar.is_empty() {
            return Err(Error::RvrProximityPresent);
        }
        let (octets, chain, prior) = (octets.to_vec(), Vec::new(), None);
        let is_registrar_authenticated = false;
        let rvr = Self { octets, format, request, deviation, chain, prior, is_registrar_authenticated };
        Ok(Unverified::new(envelope, rvr))
    }

    /// Returns the signed object, octet for octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the form, which the request inside has too and the voucher will have.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Returns the SHA-256 of the signed object.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        digest::sha256(&self.octets)
    }

    /// Returns which device is asked for; if there was a nonce it is the serial number of the device's certificate.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.request.serial_number
    }

    /// Returns the nonce, equal to that of the pledge's own request; `None` in a request for later use.
    #[must_use]
    pub const fn nonce(&self) -> Option<&Nonce> {
        self.request.nonce.as_ref()
    }

    /// Returns the key identifier of the device's issuer: from its certificate if that came, else as the registrar
    /// says; `None` when it says nothing that we understand.
    #[must_use]
    pub fn idevid_issuer(&self) -> Option<KeyId> {
        match &self.prior {
            Some(prior) => IdevidIssuer::of(&prior.idevid).key_id(),
            None => {
                self.request.idevid_issuer.clone().and_then(|octets| IdevidIssuer::from_leaf(octets).key_id())
            }
        }
    }

    /// Tells whether what the registrar says of the issuer agrees with the device's certificate; `None` when one of
    /// the two is absent. A request with a nonce never fails on this alone: the forms in the wild differ.
    // RFC8366-6.3-idevid-issuer-lenient
    #[must_use]
    pub fn idevid_issuer_agrees(&self) -> Option<bool> {
        let idevid = self.idevid()?;
        let octets = self.request.idevid_issuer.clone()?;
        Some(IdevidIssuer::from_leaf(octets).names_issuer_of(idevid))
    }

    /// Returns the certificate of the device that signed the request inside.
    #[must_use]
    pub fn idevid(&self) -> Option<&Certificate> {
        self.prior.as_ref().map(|prior| &prior.idevid)
    }

    /// Tells whether proximity is proved: the pledge claims it and spoke with a key of the chain that signed.
    #[must_use]
    pub fn is_proximity_proved(&self) -> bool {
        self.prior.as_ref().is_some_and(|prior| prior.asserts_proximity)
    }

    /// Tells whether the registrar is authenticated, not only consistent.
    #[must_use]
    pub const fn is_registrar_authenticated(&self) -> bool {
        self.is_registrar_authenticated
    }

    /// Returns the registrar's chain as it came: the signer first, the CA farthest from it last; never empty.
    #[must_use]
    pub fn domain_chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Returns all that the registrar said; its assertion counts for nothing.
    #[must_use]
    pub const fn request(&self) -> &VoucherRequest {
        &self.request
    }
}

impl Unverified<Rvr> {
    /// Returns the SHA-256 of the signed object.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.peek().1.digest()
    }

    /// Returns the serial number asked for, not yet believed: to find the product and with it the anchors.
    #[must_use]
    pub const fn claimed_serial_number(&self) -> &SerialNumber {
        self.peek().1.serial_number()
    }

    /// Returns the nonce in it, not yet believed: to find what was answered to the very same request before.
    #[must_use]
    pub const fn claimed_nonce(&self) -> Option<&Nonce> {
        self.peek().1.nonce()
    }

    /// Checks the request as a MASA must (RFC 8995 §5.5.2 to §5.5.6).
    ///
    /// # Errors
    /// In this order: [`Error::Data`] for a leaf that deviates (unsupported); [`Error::RvrSignerNotRegistrar`],
    /// [`Error::RvrChainUntrusted`], [`Error::RvrSignatureInvalid`] (untrusted); [`Error::RvrCreatedInFuture`] (refused);
    /// without nonce [`Error::RvrNoncelessUnauthenticated`] (untrusted), [`Error::RvrStale`] (refused); with one
    /// [`Error::RvrPriorMissing`] (malformed), [`Error::RvrPriorUntrusted`], [`Error::PvrSignatureInvalid`],
    /// [`Error::PvrSerialMismatch`], [`Error::RvrSerialMismatch`], [`Error::RvrNonceMismatch`],
    /// [`Error::RvrProximityMismatch`] (untrusted), [`Error::PvrProximityMissing`] (malformed).
    pub fn verify(self, check: &RvrCheck<'_>) -> Result<Verified<Rvr>, Error> {
        let (envelope, mut rvr) = self.into_parts();
        check_deviation(rvr.deviation, check.compat)?;
        let pool = envelope.certificates()?;
        let signer = envelope.find_signer(registrars_first(&pool)).map_err(Error::RvrSignatureInvalid)?;
        rvr.chain = verify_chain(&signer, &pool, check)?;
        // RFC8995-5.5.3-signature
        envelope
            .verify_with_certificate(&signer, check.compat)
            .map_err(|error| Error::of_signature(error, Error::RvrSignatureInvalid))?;
        // RFC8995-5.5-created-on
        if is_ahead(rvr.request.created_at, check.now) {
            return Err(Error::RvrCreatedInFuture);
        }
        rvr.is_registrar_authenticated = is_authenticated(&signer, &pool, check);
        if rvr.request.nonce.is_none() && rvr.request.prior_signed_voucher_request.is_none() {
            verify_nonceless(&rvr, check.now)?;
        } else {
            rvr.prior = Some(verify_prior(&rvr, &pool, check)?);
        }
        Ok(Verified::new(rvr))
    }
}

/// Lists certificates with EKU cmcRA before others of perhaps the same key: a bag has no order (CBRSKI §9.2.1).
// CBRSKI-9.2.1-bag-without-order
fn registrars_first(pool: &[Certificate]) -> impl Iterator<Item = &Certificate> {
    let is_registrar = |certificate: &&Certificate| certificate.has_extended_key_usage(&oid::CMC_RA);
    let others = pool.iter().filter(move |certificate| !is_registrar(certificate));
    pool.iter().filter(is_registrar).chain(others)
}

/// Orders the registrar's chain and checks that it is consistent, its farthest certificate being trusted for that.
fn verify_chain(
    signer: &Certificate,
    pool: &[Certificate],
    check: &RvrCheck<'_>,
) -> Result<Vec<Certificate>, Error> {
    // RFC8995-5.5.4-cmcra
    if !signer.has_extended_key_usage(&oid::CMC_RA) {
        return Err(Error::RvrSignerNotRegistrar);
    }
    // RFC8995-5.5.2-temporary-anchor
    let chain = order_chain(signer, pool, check.idevid_anchors);
    let anchors = check.idevid_anchors.beside(chain.last().cloned());
    path::verify(signer, pool, &registrar_rules(&anchors, check)).map_err(Error::RvrChainUntrusted)?;
    Ok(chain)
}

/// Follows the issuers from the signer as far as the certificates that came along go.
///
/// A registrar's chain is the same in each of its requests, so the signatures in it are looked up in what `memory` remembers.
fn order_chain(signer: &Certificate, pool: &[Certificate], memory: &Anchors) -> Vec<Certificate> {
    let mut chain = vec![signer.clone()];
    while chain.len() < path::DEPTH_MAX {
        let Some(last) = chain.last().filter(|last| !last.is_self_issued()) else { break };
        let is_issuer =
            |candidate: &&Certificate| issued(candidate, last, memory) && !chain.contains(candidate);
        let issuer = pool.iter().find(is_issuer);
        match issuer {
            Some(issuer) => chain.push(issuer.clone()),
            None => break,
        }
    }
    chain
}

fn issued(issuer: &Certificate, subject: &Certificate, memory: &Anchors) -> bool {
    issuer.subject_der() == subject.issuer_der()
        && memory.verify_signed_by(subject, issuer.public_key()).is_ok()
}

fn registrar_rules<'a>(anchors: &'a Anchors, check: &RvrCheck<'a>) -> Rules<'a> {
    let purpose = Purpose::RegistrarRequestSigner;
    Rules { anchors, now: check.now, purpose, revocation: check.revocation }
}

fn is_authenticated(signer: &Certificate, pool: &[Certificate], check: &RvrCheck<'_>) -> bool {
    match check.registrar {
        RegistrarAuthentication::None => false,
        RegistrarAuthentication::Transport => true,
        RegistrarAuthentication::Anchors(anchors) => {
            path::verify(signer, pool, &registrar_rules(anchors, check)).is_ok()
        }
    }
}

/// Without a nonce only the registrar's identity and the date stand against replay.
fn verify_nonceless(rvr: &Rvr, now: UnixTime) -> Result<(), Error> {
    // RFC8995-5.5.4-nonceless-authenticated
    if !rvr.is_registrar_authenticated {
        return Err(Error::RvrNoncelessUnauthenticated);
    }
    // RFC8995-5.6-stale
    let oldest = now.minus(Duration::from_secs(NONCELESS_AGE_SECONDS_MAX));
    if rvr.request.created_at.is_some_and(|at| at >= oldest) { Ok(()) } else { Err(Error::RvrStale) }
}

/// Checks the pledge's request inside, which has the form of the one around it (CBRSKI §7.1).
// CBRSKI-7.1-format-end-to-end
fn verify_prior(rvr: &Rvr, pool: &[Certificate], check: &RvrCheck<'_>) -> Result<Prior, Error> {
    let octets = rvr.request.prior_signed_voucher_request.as_deref().ok_or(Error::RvrPriorMissing)?;
    let parsed = Pvr::parse(octets, rvr.format)?;
    let sent = [parsed.certificates()?.as_slice(), pool].concat();
    let idevid = verify_idevid(&parsed, &sent, rvr.serial_number(), check)?;
    // RFC8995-5.5.5-prior-signature
    let pvr = parsed.verify_prior(&idevid, check.compat)?;
    // RFC8995-5.5.5-serial
    if pvr.serial_number() != rvr.serial_number() {
        return Err(Error::RvrSerialMismatch);
    }
    // RFC8995-5.5.6-nonce
    if Some(pvr.nonce()) != rvr.nonce() {
        return Err(Error::RvrNonceMismatch);
    }
    verify_proximity(&pvr, &rvr.chain)?;
    let asserts_proximity = pvr.request().assertion == Some(Assertion::Proximity);
    Ok(Prior { idevid, asserts_proximity })
}

/// Finds the device's certificate in its own request, in the registrar's, or among those that the maker knows, and
/// checks its path.
// CBRSKI-9.2.1-pledge-chain
fn verify_idevid(
    parsed: &Unverified<Pvr>,
    sent: &[Certificate],
    serial: &SerialNumber,
    check: &RvrCheck<'_>,
) -> Result<Certificate, Error> {
    let is_known = |known: &&Certificate| known.subject_serial_number().as_ref() == Some(serial);
    let known = || check.idevid_pool.iter().find(is_known).cloned();
    let idevid = match parsed.find_signer(sent) {
        Ok(signer) => signer,
        Err(missing) => known().ok_or(Error::RvrPriorUntrusted(missing))?,
    };
    // The maker's own come first, so that a crowd of strangers' cannot displace them.
    let mut pool = [check.idevid_pool, sent].concat();
    pool.truncate(path::POOL_MAX);
    let rules = Rules {
        anchors: check.idevid_anchors,
        now: check.now,
        purpose: Purpose::IdevId { expiry: check.idevid_expiry },
        revocation: check.revocation,
    };
    path::verify(&idevid, &pool, &rules).map_err(Error::RvrPriorUntrusted)?;
    Ok(idevid)
}

/// Looks for every key that the pledge names in the chain that signed; what it names must be there.
// RFC8995-5.5.5-proximity
fn verify_proximity(pvr: &Pvr, chain: &[Certificate]) -> Result<(), Error> {
    let named = pin_fingerprints(&pvr.request().proximity_registrar);
    if named.is_empty() {
        return Err(Error::PvrProximityMissing);
    }
    let in_chain = |named: &Option<Fingerprint>| {
        named.is_some_and(|named| chain.iter().any(|c| c.public_key().fingerprint() == named))
    };
    if named.iter().all(in_chain) { Ok(()) } else { Err(Error::RvrProximityMismatch) }
}
