//! Pledge voucher-requests: as a registrar and a MASA receive them.
//! Source: RFC 8995 §3, §5.2, §5.5; data: rfc8366bis §8; CBRSKI §9.2.2.
//! Does not: contact the MASA, read a clock, decide admission, tell a retry from a replay (see [`Pvr::digest`]).
//! Invariants: a `Verified<Pvr>` was signed by the key of the IDevID that the caller names, bears that IDevID's serial
//! number and a nonce, and names a certificate of ours as the one the pledge spoke with.

use core::time::Duration;

use pki::cms::Compat;
use pki::{Certificate, PublicKey, digest};
use proto::{Fingerprint, SerialNumber, UnixTime};
use proto_voucher::{Assertion, Nonce, Pin, Pins, VoucherRequest};

use crate::envelope::Envelope;
use crate::format::check_deviation;
use crate::{Error, Format, Unverified, Verified};

/// The most octets of a pledge's request: ours; so that it fits, in base64 and with a chain, into 64 KiB of RVR.
pub const PVR_BYTES_MAX: usize = 32 * 1024;
/// How many seconds a `created-on` may lie ahead of our clock: ours, one day, for clocks and zones set wrongly.
pub const CREATED_AHEAD_SECONDS_MAX: u64 = 24 * 3600;

/// A pledge's request with the signed object it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pvr {
    octets: Vec<u8>,
    format: Format,
    request: VoucherRequest,
    nonce: Nonce,
    deviation: Option<&'static str>,
}

/// What a registrar holds a request against.
#[derive(Clone, Copy, Debug)]
pub struct PvrCheck<'a> {
    /// The client certificate of the TLS session, its path already verified; never one out of the request.
    pub idevid: &'a Certificate,
    /// The end-entity certificate that we presented in this very session, or all of them if the session cannot tell.
    pub registrar_certificates: &'a [Certificate],
    /// Whether CMS version 1, id-data and deviating types in CBOR are accepted from this manufacturer.
    pub compat: Compat,
    /// The time now.
    pub now: UnixTime,
}

impl Pvr {
    /// Reads a request of the form that its media type names; nothing of it is believed yet.
    ///
    /// # Errors
    /// [`Error::PvrTooLarge`], [`Error::Pki`], [`Error::Data`], [`Error::PvrNonceMissing`] (malformed or unsupported).
    pub fn parse(octets: &[u8], format: Format) -> Result<Unverified<Self>, Error> {
        if octets.len() > PVR_BYTES_MAX {
            return Err(Error::PvrTooLarge);
        }
        let envelope = Envelope::parse(octets, format)?;
        let parsed = format.parse_request(envelope.unverified_content())?;
        let (request, deviation) = (parsed.artifact, parsed.deviation);
        // RFC8995-5.2-nonce
        let nonce = request.nonce.clone().ok_or(Error::PvrNonceMissing)?;
        Ok(Unverified::new(envelope, Self { octets: octets.to_vec(), format, request, nonce, deviation }))
    }

    /// Returns the signed object, octet for octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the form, which the request to the MASA and the voucher will have too.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Returns the SHA-256 of the signed object: equal for a retry, which a registrar answers alike (RFC 8995 §5.6).
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        digest::sha256(&self.octets)
    }

    /// Returns the serial number, equal to that of the IDevID.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.request.serial_number
    }

    /// Returns the nonce; the same one in another request is an attack.
    #[must_use]
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Returns all that the pledge said.
    #[must_use]
    pub const fn request(&self) -> &VoucherRequest {
        &self.request
    }
}

impl Unverified<Pvr> {
    /// Returns the SHA-256 of the signed object, by which a retry is known before any signature is checked.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.peek().1.digest()
    }

    /// Checks the request as a registrar must (RFC 8995 §5.2, §5.5).
    ///
    /// # Errors
    /// In this order: [`Error::Data`] for a leaf that deviates (unsupported); [`Error::PvrSignatureInvalid`] (untrusted)
    /// or [`Error::Pki`]; [`Error::IdevidSerialMissing`] (refused); [`Error::PvrSerialMismatch`] (untrusted);
    /// [`Error::PvrAssertionNotProximity`] (unsupported); [`Error::PvrProximityMissing`] (malformed);
    /// [`Error::PvrProximityMismatch`] (untrusted); [`Error::PvrCreatedInFuture`] (refused).
    pub fn verify(self, check: &PvrCheck<'_>) -> Result<Verified<Pvr>, Error> {
        let (envelope, pvr) = self.into_parts();
        check_deviation(pvr.deviation, check.compat)?;
        // RFC8995-5.2-signed-by-idevid CBRSKI-9.2.2-ignore-bags: by the session's certificate, whatever came along.
        verify_signature(envelope, check.idevid, check.compat)?;
        verify_serial(&pvr, check.idevid)?;
        // RFC8995-5.2-assertion
        if pvr.request.assertion != Some(Assertion::Proximity) {
            return Err(Error::PvrAssertionNotProximity);
        }
        let proximity = &pvr.request.proximity_registrar;
        if proximity.is_empty() {
            return Err(Error::PvrProximityMissing);
        }
        // RFC8995-5.2-proximity
        if !check.registrar_certificates.iter().any(|certificate| pins_name(proximity, certificate)) {
            return Err(Error::PvrProximityMismatch);
        }
        // RFC8995-5.2-created-on
        if is_ahead(pvr.request.created_at, check.now) {
            return Err(Error::PvrCreatedInFuture);
        }
        Ok(Verified::new(pvr))
    }

    /// Checks the request as a MASA must: signed by the IDevID's certificate, and its serial number (RFC 8995 §5.5.5).
    pub(crate) fn verify_prior(self, idevid: &Certificate, compat: Compat) -> Result<Pvr, Error> {
        let (envelope, pvr) = self.into_parts();
        check_deviation(pvr.deviation, compat)?;
        verify_signature(envelope, idevid, compat)?;
        verify_serial(&pvr, idevid)?;
        Ok(pvr)
    }

    /// Returns the certificates that came with the request.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        Ok(self.peek().0.certificates()?)
    }

    /// Finds the certificate that signed: the one that the request names, or brings the key, of those at hand.
    pub(crate) fn find_signer<'a>(
        &self,
        at_hand: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Certificate, pki::Error> {
        self.peek().0.find_signer(at_hand)
    }
}

fn verify_signature(envelope: Envelope, idevid: &Certificate, compat: Compat) -> Result<(), Error> {
    let verified = envelope.verify_with_key(idevid.public_key(), compat);
    verified.map_err(|error| Error::of_signature(error, Error::PvrSignatureInvalid))
}

// RFC8995-5.5-serial-from-certificate
fn verify_serial(pvr: &Pvr, idevid: &Certificate) -> Result<(), Error> {
    let own = idevid.subject_serial_number().ok_or(Error::IdevidSerialMissing)?;
    if own == pvr.request.serial_number { Ok(()) } else { Err(Error::PvrSerialMismatch) }
}

/// Tells whether every form present names this very certificate; there must be one.
pub(crate) fn pins_name(pins: &Pins, certificate: &Certificate) -> bool {
    !pins.is_empty()
        && pins.in_order().all(|pin| match pin {
            Pin::Certificate(der) => der == certificate.der(),
            Pin::PublicKey(spki) => spki == certificate.public_key().spki_der(),
            Pin::PublicKeySha256(hash) => *hash == certificate.public_key().fingerprint(),
        })
}

/// Returns the SHA-256 of each public key that the forms name; a certificate that does not parse names none.
pub(crate) fn pin_fingerprints(pins: &Pins) -> Vec<Option<Fingerprint>> {
    let fingerprint = |pin| match pin {
        Pin::Certificate(der) => Certificate::parse(der).ok().map(|c| c.public_key().fingerprint()),
        Pin::PublicKey(spki) => PublicKey::from_spki_der(spki).ok().map(|key| key.fingerprint()),
        Pin::PublicKeySha256(hash) => Some(*hash),
    };
    pins.in_order().map(fingerprint).collect()
}

/// Tells whether a date, if any, lies further ahead than clocks are wrong.
pub(crate) fn is_ahead(created_at: Option<UnixTime>, now: UnixTime) -> bool {
    created_at.is_some_and(|at| at > now.plus(Duration::from_secs(CREATED_AHEAD_SECONDS_MAX)))
}
