//! The registrar's part: it turns a pledge's request into its own, and the MASA's answer into one for the pledge.
//! Source: RFC 8995 §5.5 (request), §5.6 (answer); rfc8366bis §6.1; erratum 7263; CBRSKI §6.8, §7.1, §7.2, §8.3, §9.2.1.
//!
//! 1. `Pvr::parse`, `verify` (see `pvr`).
//! 2. [`prepare`]: the request to the MASA as data, so that it can be recorded before it is signed.
//! 3. [`RvrDraft::sign`]: the bytes to post, and [`AwaitMasa`], the state until the answer.
//! 4. [`AwaitMasa::resume`]: the voucher; [`SignedVoucher::to_relay`] is what the pledge gets.
//!
//! Does not: find or contact the MASA, decide admission.
//! Invariants: what we know of the device comes from its certificate; what we relay pins a certificate of ours.

use pki::{Certificate, Signer, digest};
use proto::{Fingerprint, KeyId, SerialNumber, UnixTime};
use proto_voucher::{Assertion, Nonce, Pin, Pins, VoucherRequest};
use serde::{Deserialize, Serialize};

use crate::envelope::{self, Certificates};
use crate::status::{Meaning, meaning};
use crate::{Error, Format, IdevidIssuer, Pvr, SignedVoucher, Verified, VoucherTrust};

/// A request to the MASA before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RvrDraft {
    /// What will be asked.
    pub request: VoucherRequest,
    /// In which form: the pledge's.
    pub format: Format,
    /// The certificates by which the pledge identified itself in the session, its IDevID first; empty without a pledge.
    pub device_chain: Vec<Certificate>,
}

/// A signed request to the MASA, and the state until its answer comes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct AskMasa {
    /// The bytes to post to `requestvoucher`, and the same later to `requestauditlog` (RFC 8995 §5.8).
    pub rvr: Vec<u8>,
    /// What the answer will be held against.
    pub awaiting: AwaitMasa,
}

/// The state between request and answer: one value, saved and loaded whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitMasa {
    /// States from before there was a choice have none.
    #[serde(default)]
    format: Format,
    serial_number: SerialNumber,
    idevid_issuer: Option<KeyId>,
    nonce: Option<Nonce>,
    /// The SHA-256 of the request sent.
    rvr_digest: Fingerprint,
    /// What we offered to be pinned.
    offered: Vec<Offered>,
}

/// A certificate of ours, by digests: enough to know it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Offered {
    certificate: Fingerprint,
    public_key: Fingerprint,
}

/// What came back from the MASA.
#[derive(Clone, Copy, Debug)]
pub struct MasaReply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The media type without parameters, if there was one.
    pub media_type: Option<&'a str>,
    /// `Retry-After` in seconds, if there was one.
    pub retry_after_seconds: Option<u64>,
    /// The body.
    pub body: &'a [u8],
}

impl MasaReply<'_> {
    /// Checks that the MASA answered at all.
    pub(crate) const fn check_status(&self) -> Result<(), Error> {
        match meaning(self.status) {
            Meaning::Answer => Ok(()),
            Meaning::Busy | Meaning::Wait => {
                Err(Error::MasaBusy { retry_after_seconds: self.retry_after_seconds })
            }
            Meaning::Redirect | Meaning::Refusal => Err(Error::MasaRefused { status: self.status }),
        }
    }
}

/// Prepares the request for a pledge that asked (RFC 8995 §5.5).
///
/// `device_chain` is what the pledge showed in the session: first the certificate that `pvr` was verified with, then its
/// CAs up to the root, as far as they are known.
///
/// # Errors
/// [`Error::IdevidSerialMissing`] (refused), [`Error::PvrSerialMismatch`] (untrusted).
pub fn prepare(pvr: &Verified<Pvr>, device_chain: &[Certificate], now: UnixTime) -> Result<RvrDraft, Error> {
    let idevid = device_chain.first().ok_or(Error::IdevidSerialMissing)?;
    // RFC8995-5.5-serial-from-certificate
    let serial_number = idevid.subject_serial_number().ok_or(Error::IdevidSerialMissing)?;
    if serial_number != *pvr.serial_number() {
        return Err(Error::PvrSerialMismatch);
    }
    let mut request = VoucherRequest::new(serial_number);
    // CBRSKI-7.2-assertion-forward
    request.assertion = Some(Assertion::Proximity);
    request.created_at = Some(now);
    // RFC8995-5.5-nonce-copied
    request.nonce = Some(pvr.nonce().clone());
    request.idevid_issuer = Some(IdevidIssuer::of(idevid).as_bytes().to_vec());
    // RFC8995-5.5-prior-byte-for-byte
    request.prior_signed_voucher_request = Some(pvr.as_bytes().to_vec());
    // CBRSKI-7.1-format-end-to-end
    Ok(RvrDraft { request, format: pvr.format(), device_chain: device_chain.to_vec() })
}

/// Prepares the request for a device that is not here: the voucher is for later use and amounts to permanent trust.
#[must_use]
pub fn prepare_nonceless(
    serial_number: SerialNumber,
    idevid_issuer: &IdevidIssuer,
    format: Format,
    now: UnixTime,
) -> RvrDraft {
    let mut request = VoucherRequest::new(serial_number);
    request.created_at = Some(now);
    request.idevid_issuer = Some(idevid_issuer.as_bytes().to_vec());
    RvrDraft { request, format, device_chain: Vec::new() }
}

impl RvrDraft {
    /// Signs the request; `chain` begins with the signer's certificate and holds only what may be pinned.
    ///
    /// # Errors
    /// [`Error::RvrChainInvalid`], [`Error::RvrSignerNotRegistrar`], [`Error::Pki`], [`Error::Data`].
    // RFC8995-5.5-only-what-may-be-pinned CBRSKI-9.2.1-pledge-chain
    pub fn sign(self, signer: &Signer, chain: &[Certificate]) -> Result<AskMasa, Error> {
        let own = chain.first().filter(|own| own.public_key() == signer.public_key());
        let own = own.ok_or(Error::RvrChainInvalid)?;
        if !own.has_extended_key_usage(&pki::oid::CMC_RA) {
            return Err(Error::RvrSignerNotRegistrar);
        }
        let content = self.format.write_request(&self.request)?;
        let certificates = Certificates { chain, others: &self.device_chain, ..Certificates::default() };
        let rvr = envelope::sign(&content, self.format, signer, &certificates)?;
        let idevid_issuer =
            self.request.idevid_issuer.and_then(|octets| IdevidIssuer::from_leaf(octets).key_id());
        let awaiting = AwaitMasa {
            format: self.format,
            serial_number: self.request.serial_number,
            idevid_issuer,
            nonce: self.request.nonce,
            rvr_digest: digest::sha256(&rvr),
            offered: chain.iter().map(Offered::of).collect(),
        };
        Ok(AskMasa { rvr, awaiting })
    }
}

impl Offered {
    fn of(certificate: &Certificate) -> Self {
        let public_key = certificate.public_key().fingerprint();
        Self { certificate: certificate.fingerprint(), public_key }
    }
}

impl AwaitMasa {
    /// Returns which device was asked for.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// Returns the form of the request sent: its media type, and the one to accept.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Returns the SHA-256 of the request sent.
    #[must_use]
    pub const fn rvr_digest(&self) -> &Fingerprint {
        &self.rvr_digest
    }

    /// Takes the MASA's answer and checks the voucher before it is relayed.
    ///
    /// Keep a copy when a busy MASA is to be asked again.
    ///
    /// # Errors
    /// [`Error::MasaBusy`] (busy), [`Error::MasaRefused`] (refused), [`Error::AnswerMediaType`] (unsupported),
    /// [`Error::Pki`], [`Error::Data`]; then those of [`crate::Unverified::<SignedVoucher>::verify`]; then
    /// [`Error::VoucherSerialMismatch`], [`Error::VoucherIssuerMismatch`], [`Error::VoucherNonceMissing`],
    /// [`Error::VoucherNonceMismatch`], [`Error::VoucherPinMissing`], [`Error::VoucherPinForeign`] (untrusted).
    pub fn resume(
        self,
        reply: &MasaReply<'_>,
        trust: &VoucherTrust<'_>,
    ) -> Result<Verified<SignedVoucher>, Error> {
        reply.check_status()?;
        if reply.media_type.and_then(Format::from_media_type) != Some(self.format) {
            return Err(Error::AnswerMediaType);
        }
        let signed = SignedVoucher::parse(reply.body, self.format)?.verify(trust)?;
        self.compare(&signed)?;
        Ok(signed)
    }

    fn compare(&self, signed: &SignedVoucher) -> Result<(), Error> {
        let voucher = signed.voucher();
        if voucher.serial_number != self.serial_number {
            return Err(Error::VoucherSerialMismatch);
        }
        let named = voucher.idevid_issuer.clone().and_then(|octets| IdevidIssuer::from_leaf(octets).key_id());
        if named.is_some() && self.idevid_issuer.is_some() && named != self.idevid_issuer {
            return Err(Error::VoucherIssuerMismatch);
        }
        match (&voucher.nonce, &self.nonce) {
            (None, Some(_)) => return Err(Error::VoucherNonceMissing),
            (found, sent) if found != sent => return Err(Error::VoucherNonceMismatch),
            _ => {}
        }
        // RFC8995-5.6-pin-is-ours
        self.compare_pins(&voucher.pinned_domain)
    }

    /// A certificate may be any that was offered; a raw key is the registrar's own, which stands first.
    // CBRSKI-8.3-key-of-the-registrar
    fn compare_pins(&self, pins: &Pins) -> Result<(), Error> {
        if pins.is_empty() {
            return Err(Error::VoucherPinMissing);
        }
        let own_key = self.offered.first().map(|own| own.public_key);
        let is_offered = |pin| match pin {
            Pin::Certificate(der) => self.offered.iter().any(|o| o.certificate == digest::sha256(der)),
            Pin::PublicKey(spki) => own_key == Some(digest::sha256(spki)),
            Pin::PublicKeySha256(hash) => own_key == Some(*hash),
        };
        if pins.in_order().all(is_offered) { Ok(()) } else { Err(Error::VoucherPinForeign) }
    }
}
