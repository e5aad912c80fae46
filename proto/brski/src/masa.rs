//! The MASA's part after the checks: what it says in a voucher and whom it pins.
//! Source: RFC 8995 §5.5.2 (pinning), §5.5.5 (assertion), §5.6 (fields); CBRSKI §8.2, §8.3 (pin choice), §9.2.3.
//!
//! 1. `Rvr::parse`, `verify` (see `rvr`).
//! 2. The caller's policy decides and names the [`Terms`].
//! 3. [`draft`]: the voucher as data, so that it can be recorded before it is signed.
//! 4. [`VoucherDraft::sign`]: the bytes to answer with.
//!
//! Does not: know units, owners or earlier vouchers; one (serial, nonce) gives one voucher by the caller's record.
//! Invariants: proximity is asserted only when proved; a voucher without nonce ends.

use core::time::Duration;

use pki::{Certificate, Signer};
use proto::{DomainId, UnixTime};
use proto_voucher::{Assertion, Pins, Voucher};

use crate::envelope::{self, Certificates};
use crate::{Error, Format, IdevidIssuer, Rvr, Verified, domain_id};

/// How long a voucher is good for when its lifetime is not configured: 20 minutes (RFC 8995 §5.6).
pub const LIFETIME_SECONDS: u64 = 20 * 60;

/// Which certificate of the registrar's chain is pinned, or which form of the registrar's own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinChoice {
    /// The registrar's own certificate (RFC 8995 §5.5.2 allows that policy); breaks when the registrar renews.
    EndEntity,
    /// The CA that issued the registrar's certificate: the most specific that survives a renewal (cBRSKI, nonced).
    LowestCa,
    /// The certificate farthest from the registrar's (RFC 8995 §5.5.2; cBRSKI, nonceless).
    HighestCa,
    /// The registrar's public key, for pledges without PKIX (CBRSKI §8.3).
    RegistrarKey,
    /// The SHA-256 of the registrar's public key, for pledges without PKIX that know this leaf (CBRSKI §8.3).
    RegistrarKeySha256,
}

impl PinChoice {
    /// Chooses as cBRSKI does: the lowest CA for a voucher that is used now, the highest for one for later.
    // RFC8995-5.5.2-pin-choice CBRSKI-8.2-lowest-ca
    #[must_use]
    pub const fn for_request(is_nonced: bool) -> Self {
        if is_nonced { Self::LowestCa } else { Self::HighestCa }
    }

    /// Picks out of a chain that begins with the registrar's certificate; a chain of one offers only that.
    #[must_use]
    pub fn pick(self, chain: &[Certificate]) -> Option<&Certificate> {
        match self {
            Self::EndEntity | Self::RegistrarKey | Self::RegistrarKeySha256 => chain.first(),
            Self::LowestCa => chain.get(1).or_else(|| chain.first()),
            Self::HighestCa => chain.last(),
        }
    }

    /// Makes the leaf of a certificate that was picked.
    // CBRSKI-8.3-key-of-the-registrar
    fn pins(self, picked: &Certificate) -> Pins {
        match self {
            Self::EndEntity | Self::LowestCa | Self::HighestCa => Pins::from_certificate(picked.der()),
            Self::RegistrarKey => Pins::from_public_key(picked.public_key().spki_der()),
            Self::RegistrarKeySha256 => Pins::from_public_key_sha256(picked.public_key().fingerprint()),
        }
    }
}

/// What a pledge has built in to know the signer of its vouchers by; it matters for COSE, where certificates cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PledgeKnows {
    /// A CA above the signer: the chain below it comes along where nobody may strip it (CBRSKI §9.2.3).
    #[default]
    Anchor,
    /// The signer's own key: the chain comes along for the registrar only, the pledge gets none.
    Signer,
}

/// When a voucher ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Never: only with a nonce, for pledges that have no clock.
    Never,
    /// So many seconds after its issue, but not after the certificates that it rests on.
    After {
        /// How many seconds.
        seconds: u64,
    },
}

/// What the MASA's policy decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// On what ground the voucher is given.
    pub assertion: Assertion,
    /// Whom it pins.
    pub pin: PinChoice,
    /// When it ends.
    pub end: End,
    /// What the pledge knows the signer by.
    pub pledge_knows: PledgeKnows,
    /// Whether serial numbers are not unique within this MASA, so that the voucher must name the issuer too.
    pub names_issuer: bool,
}

impl Terms {
    /// Makes the usual terms for a verified request: proximity if proved, else logged; the pin of
    /// [`PinChoice::for_request`]; an end only without nonce; a pledge that knows an anchor.
    #[must_use]
    pub fn for_request(rvr: &Verified<Rvr>) -> Self {
        let is_nonced = rvr.nonce().is_some();
        Self {
            assertion: if rvr.is_proximity_proved() { Assertion::Proximity } else { Assertion::Logged },
            pin: PinChoice::for_request(is_nonced),
            end: if is_nonced { End::Never } else { End::After { seconds: LIFETIME_SECONDS } },
            pledge_knows: PledgeKnows::default(),
            names_issuer: false,
        }
    }
}

/// A voucher before it is signed, and the domain for which the audit log will name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherDraft {
    /// What will be said.
    pub voucher: Voucher,
    /// In which form: the request's.
    pub format: Format,
    /// What the pledge knows the signer by.
    pub pledge_knows: PledgeKnows,
    /// The domain pinned (RFC 8995 §5.8.2).
    pub domain_id: DomainId,
}

/// Drafts the voucher that answers a request.
///
/// # Errors
/// [`Error::IssueProximityUnproved`], [`Error::IssueNoncelessWithoutEnd`] (fault), [`Error::IssuePinExpired`]
/// (refused), [`Error::RvrChainInvalid`] (fault).
pub fn draft(rvr: &Verified<Rvr>, terms: &Terms, now: UnixTime) -> Result<VoucherDraft, Error> {
    // RFC8995-5.5.5-assertion
    if terms.assertion == Assertion::Proximity && !rvr.is_proximity_proved() {
        return Err(Error::IssueProximityUnproved);
    }
    let pinned = terms.pin.pick(rvr.domain_chain()).ok_or(Error::RvrChainInvalid)?;
    let mut voucher = Voucher::new(rvr.serial_number().clone());
    voucher.assertion = Some(terms.assertion);
    voucher.created_at = Some(now);
    voucher.expires_at = expires_at(rvr, terms.end, pinned, now)?;
    // RFC8995-5.6-nonce-in-voucher
    voucher.nonce = rvr.nonce().cloned();
    voucher.pinned_domain = terms.pin.pins(pinned);
    // A pledge that has no network but this one cannot check revocation (RFC 8995 §5.6).
    voucher.domain_cert_revocation_checks = Some(false);
    if terms.names_issuer {
        let key_id = rvr.idevid_issuer();
        voucher.idevid_issuer = key_id.map(|key_id| IdevidIssuer::from_key_id(&key_id).as_bytes().to_vec());
    }
    // CBRSKI-7.1-format-end-to-end
    let (format, pledge_knows, domain_id) = (rvr.format(), terms.pledge_knows, domain_id(pinned));
    Ok(VoucherDraft { voucher, format, pledge_knows, domain_id })
}

/// The earliest of the lifetime, the end of the pinned certificate and the end of the registrar's.
// RFC8995-5.6-expires-on
fn expires_at(rvr: &Rvr, end: End, pinned: &Certificate, now: UnixTime) -> Result<Option<UnixTime>, Error> {
    let rests_on = rvr.domain_chain().first().into_iter().chain([pinned]);
    let last = rests_on.map(Certificate::not_after).min().unwrap_or(UnixTime::NO_END);
    if last <= now {
        return Err(Error::IssuePinExpired);
    }
    match end {
        End::Never if rvr.nonce().is_none() => Err(Error::IssueNoncelessWithoutEnd),
        End::Never => Ok(None),
        End::After { seconds } => Ok(Some(now.plus(Duration::from_secs(seconds)).min(last))),
    }
}

impl VoucherDraft {
    /// Signs the voucher; `chain` begins with the signer's certificate and leads towards the anchor in the pledge.
    ///
    /// # Errors
    /// [`Error::Pki`], [`Error::Data`].
    // CBRSKI-9.2.3-signer-chain
    pub fn sign(&self, signer: &Signer, chain: &[Certificate]) -> Result<Vec<u8>, Error> {
        let content = self.format.write_voucher(&self.voucher)?;
        // A self-issued certificate is an anchor: the pledge has it.
        let below_anchor = chain.iter().take_while(|certificate| !certificate.is_self_issued()).count();
        let protected = match self.pledge_knows {
            PledgeKnows::Anchor => chain.get(..below_anchor).unwrap_or_default(),
            PledgeKnows::Signer => &[],
        };
        let certificates = Certificates { chain, protected, ..Certificates::default() };
        envelope::sign(&content, self.format, signer, &certificates)
    }
}
