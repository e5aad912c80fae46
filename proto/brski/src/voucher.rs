//! Signed vouchers: what a registrar and a pledge have in common when they check one.
//! Source: RFC 8366 §5.4; RFC 8995 §5.6.1; rfc8366bis §7.3; CBRSKI §6.8, §9.2.3, §9.2.4.
//! Does not: compare with the request (see `registrar`, `pledge`).
//! Invariants: a `Verified<SignedVoucher>` was signed by a certificate that leads to the manufacturer's anchors.

use core::fmt;

use pki::cms::Compat;
use pki::path::{self, Anchors, Purpose, Revocation, Rules};
use pki::{Certificate, digest};
use proto::{Fingerprint, SerialNumber, UnixTime};
use proto_voucher::Voucher;

use crate::envelope::{Envelope, Stripped};
use crate::format::check_deviation;
use crate::pvr::is_ahead;
use crate::{Error, Format, Unverified, Verified};

/// A voucher with the signed object it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedVoucher {
    octets: Vec<u8>,
    stripped: Stripped,
    voucher: Voucher,
    deviation: Option<&'static str>,
}

/// What a voucher's signature and dates are held against.
#[derive(Clone, Copy)]
pub struct VoucherTrust<'a> {
    /// The anchors of the manufacturer's voucher signers.
    pub anchors: &'a Anchors,
    /// The time now; `None` only for a pledge without a clock that it has confidence in (RFC 8995 §2.6.1).
    pub clock: Option<UnixTime>,
    /// Whether CMS version 1, id-data and deviating types in CBOR are accepted.
    pub compat: Compat,
}

impl fmt::Debug for VoucherTrust<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoucherTrust").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl SignedVoucher {
    /// Reads a voucher of the form that its media type names; nothing of it is believed yet.
    ///
    /// # Errors
    /// [`Error::Pki`], [`Error::Data`] (malformed or unsupported).
    pub fn parse(octets: &[u8], format: Format) -> Result<Unverified<Self>, Error> {
        let envelope = Envelope::parse(octets, format)?;
        let parsed = format.parse_voucher(envelope.unverified_content())?;
        let (voucher, deviation) = (parsed.artifact, parsed.deviation);
        let octets = octets.to_vec();
        Ok(Unverified::new(envelope, Self { octets, stripped: None, voucher, deviation }))
    }

    /// Returns the signed object, octet for octet as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// Returns what a registrar relays to the pledge: CMS as it came, COSE without the certificates in its unprotected
    /// header, which were for the registrar only.
    // CBRSKI-6.8-strip-bags
    #[must_use]
    pub fn to_relay(&self) -> &[u8] {
        self.stripped.as_deref().unwrap_or(&self.octets)
    }

    /// Returns the SHA-256 of the signed object.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        digest::sha256(&self.octets)
    }

    /// Returns what the manufacturer says.
    #[must_use]
    pub const fn voucher(&self) -> &Voucher {
        &self.voucher
    }
}

impl Unverified<SignedVoucher> {
    /// Returns the SHA-256 of the signed object.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.peek().1.digest()
    }

    /// Returns the device it is said to be for; not believed yet.
    #[must_use]
    pub const fn claimed_serial_number(&self) -> &SerialNumber {
        &self.peek().1.voucher.serial_number
    }

    /// Checks the signature to the manufacturer's anchors, and the dates if there is a clock.
    ///
    /// # Errors
    /// [`Error::Data`] for a leaf that deviates (unsupported); [`Error::VoucherSignatureInvalid`] (untrusted) or
    /// [`Error::Pki`]; [`Error::VoucherExpired`], [`Error::VoucherCreatedInFuture`] (untrusted).
    pub fn verify(self, trust: &VoucherTrust<'_>) -> Result<Verified<SignedVoucher>, Error> {
        let (envelope, mut value) = self.into_parts();
        check_deviation(value.deviation, trust.compat)?;
        let pool = envelope.certificates()?;
        // RFC8995-5.6.1-signature
        let signer = match envelope.find_signer(trust.anchors.certificates().iter().chain(&pool)) {
            Ok(signer) => signer,
            Err(error) => sole_anchor(trust.anchors).ok_or(Error::VoucherSignatureInvalid(error))?,
        };
        verify_path(&signer, &pool, (trust.anchors, Purpose::VoucherSigner), trust.clock)
            .map_err(Error::VoucherSignatureInvalid)?;
        value.stripped = envelope
            .verify_with_certificate(&signer, trust.compat)
            .map_err(|error| Error::of_signature(error, Error::VoucherSignatureInvalid))?;
        if let Some(now) = trust.clock {
            verify_dates(&value.voucher, now)?;
        }
        Ok(Verified::new(value))
    }
}

/// A voucher may come without certificates when its signer is itself the one anchor.
fn sole_anchor(anchors: &Anchors) -> Option<Certificate> {
    match anchors.certificates() {
        [anchor] => Some(anchor.clone()),
        _ => None,
    }
}

/// Checks a path as one who may have no clock and cannot ask for the status of a certificate.
pub(crate) fn verify_path(
    leaf: &Certificate,
    pool: &[Certificate],
    (anchors, purpose): (&Anchors, Purpose<'_>),
    clock: Option<UnixTime>,
) -> Result<(), pki::Error> {
    let times = clock.map_or_else(|| plausible_times(leaf, pool, anchors), |now| vec![now]);
    let mut outcome = Err(pki::Error::SignatureInvalid);
    for now in times {
        let rules = Rules { anchors, now, purpose, revocation: &no_status };
        outcome = path::verify(leaf, pool, &rules).map(|_| ());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Lists the times at which a path could hold for one who has no clock: the beginnings of all validities, the latest
/// first. If a path ever held, it held at the latest beginning within it (RFC 8995 §2.6.1 lets a pledge ignore dates).
// RFC8995-2.6.1-no-clock
fn plausible_times(leaf: &Certificate, pool: &[Certificate], anchors: &Anchors) -> Vec<UnixTime> {
    let certificates = pool.iter().chain(anchors.certificates()).chain([leaf]);
    let mut times: Vec<UnixTime> = certificates.map(Certificate::not_before).collect();
    times.retain(|at| (leaf.not_before()..=leaf.not_after()).contains(at));
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.dedup();
    times
}

/// Neither a registrar nor a pledge can ask for the status of a maker's signer, whose certificates are short-lived; nor
/// can a pledge ask for that of a registrar, which is its only way into the network.
const fn no_status(_: &Certificate) -> Revocation {
    Revocation::Good
}

fn verify_dates(voucher: &Voucher, now: UnixTime) -> Result<(), Error> {
    // RFC8366-7.3-expires-on
    if voucher.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::VoucherExpired);
    }
    // RFC8995-2.6.1-created-on
    if is_ahead(voucher.created_at, now) { Err(Error::VoucherCreatedInFuture) } else { Ok(()) }
}
