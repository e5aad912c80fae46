//! The pledge's part, as strict as RFC 8995 §5.6 asks.
//! Source: RFC 8995 §2.6.1, §5.2, §5.6, §5.6.1, §5.6.2; rfc8366bis §7; CBRSKI §8.3, §9.2.2, §13.
//!
//! 1. The provisional TLS connection gave the registrar's chain (not here).
//! 2. [`PvrContent::honest`], [`request`]: the bytes to post and [`AwaitVoucher`].
//! 3. [`AwaitVoucher::receive`]: a [`Step`]: wait, follow a redirection, or a voucher that holds ([`Imprint`]).
//! 4. [`Imprint::check_registrar`]: the chain of step 1 against the pin; now the connection is no longer provisional.
//!
//! Does not: draw the nonce, keep a clock, open connections.
//! Invariants: nothing that the registrar sent is trusted before step 4 is done.

use core::fmt;

use pki::cms::Compat;
use pki::path::{Anchors, Purpose};
use pki::{Certificate, PublicKey, Signer};
use proto::{Fingerprint, SerialNumber, UnixTime};
use proto_voucher::{Assertion, Nonce, Pin, Pins, Voucher, VoucherRequest};
use serde::{Deserialize, Serialize};

use crate::status::{Meaning, REDIRECTS_MAX, WAIT_SECONDS_MAX, meaning, retry_after_seconds};
use crate::voucher::verify_path;
use crate::{Error, Format, IdevidIssuer, SignedVoucher, VoucherTrust, envelope};

/// What a pledge says in its request; an honest one uses [`PvrContent::honest`], a simulator says what it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PvrContent {
    /// `serial-number`.
    pub serial_number: SerialNumber,
    /// `nonce`: drawn anew for every attempt, never used again.
    pub nonce: Option<Nonce>,
    /// `created-on`: only with a clock.
    pub created_at: Option<UnixTime>,
    /// `assertion`.
    pub assertion: Option<Assertion>,
    /// `proximity-registrar-cert` and its other forms.
    pub proximity_registrar: Pins,
}

impl PvrContent {
    /// Says what RFC 8995 §5.2 asks: proximity to `registrar`, the first certificate of its TLS chain.
    ///
    /// # Errors
    /// [`Error::IdevidSerialMissing`] (refused).
    pub fn honest(
        idevid: &Certificate,
        registrar: &Certificate,
        nonce: Nonce,
        created_at: Option<UnixTime>,
    ) -> Result<Self, Error> {
        Ok(Self {
            serial_number: idevid.subject_serial_number().ok_or(Error::IdevidSerialMissing)?,
            nonce: Some(nonce),
            created_at,
            assertion: Some(Assertion::Proximity),
            proximity_registrar: Pins::from_certificate(registrar.der()),
        })
    }

    fn to_request(&self) -> VoucherRequest {
        let mut request = VoucherRequest::new(self.serial_number.clone());
        request.nonce.clone_from(&self.nonce);
        request.created_at = self.created_at;
        request.assertion = self.assertion;
        request.proximity_registrar = self.proximity_registrar.clone();
        request
    }
}

/// Signs a request; `chain` begins with the IDevID and comes along in CMS. The bytes to post are
/// [`AwaitVoucher::request`].
///
/// # Errors
/// [`Error::IdevidSerialMissing`] (refused) without an IDevID that has one;
/// [`Error::Pki`], [`Error::Data`].
pub fn request(
    content: &PvrContent,
    format: Format,
    signer: &Signer,
    chain: &[Certificate],
) -> Result<AwaitVoucher, Error> {
    let idevid = chain.first().ok_or(Error::IdevidSerialMissing)?;
    let serial_number = idevid.subject_serial_number().ok_or(Error::IdevidSerialMissing)?;
    let data = format.write_request(&content.to_request())?;
    Ok(AwaitVoucher {
        request: envelope::sign_as_pledge(&data, format, signer, chain)?,
        format,
        proximity: content.proximity_registrar.in_order().next().map(PinForm::of),
        serial_number,
        idevid_issuer: IdevidIssuer::of(idevid).as_bytes().to_vec(),
        nonce: content.nonce.clone(),
        redirects: 0,
        waited_seconds: 0,
    })
}

/// The state between request and answer: one value, saved and loaded whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct AwaitVoucher {
    #[serde(with = "proto_voucher::octets")]
    request: Vec<u8>,
    /// States from before there was a choice have none.
    #[serde(default)]
    format: Format,
    /// The form in which the request named the registrar.
    #[serde(default)]
    proximity: Option<PinForm>,
    serial_number: SerialNumber,
    #[serde(with = "proto_voucher::octets")]
    idevid_issuer: Vec<u8>,
    nonce: Option<Nonce>,
    redirects: u8,
    waited_seconds: u64,
}

/// The forms of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PinForm {
    PublicKeySha256,
    PublicKey,
    Certificate,
}

impl PinForm {
    const fn of(pin: Pin<'_>) -> Self {
        match pin {
            Pin::PublicKeySha256(_) => Self::PublicKeySha256,
            Pin::PublicKey(_) => Self::PublicKey,
            Pin::Certificate(_) => Self::Certificate,
        }
    }
}

/// What came back from the registrar.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarReply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, if there was one.
    pub retry_after_seconds: Option<u64>,
    /// The body.
    pub body: &'a [u8],
}

/// What a pledge accepts.
#[derive(Clone, Copy, Debug)]
pub struct VoucherPolicy<'a> {
    /// The anchors built in by the manufacturer, the clock if there is one it has confidence in, and what is
    /// forgiven.
    pub trust: VoucherTrust<'a>,
    /// The assertions that are good enough.
    pub assertions: &'a [Assertion],
    /// Whether a voucher without nonce is accepted (RFC 8995 §7.2: a reduction of security).
    pub accepts_nonceless: bool,
}

impl<'a> VoucherPolicy<'a> {
    /// Accepts what RFC 8995 §5.6.1 has every pledge accept: a voucher with the nonce, verified, logged or proximity.
    #[must_use]
    pub const fn strict(anchors: &'a Anchors, clock: Option<UnixTime>) -> Self {
        Self {
            trust: VoucherTrust { anchors, clock, compat: Compat::Strict },
            assertions: &[Assertion::Verified, Assertion::Logged, Assertion::Proximity],
            accepts_nonceless: false,
        }
    }
}

/// What a pledge does next.
#[derive(Clone, Debug)]
#[must_use]
pub enum Step {
    /// Checks the registrar's chain against the pin.
    CheckRegistrar(Box<Imprint>),
    /// Waits, then sends the very same bytes again.
    Wait {
        /// How long: 1 to 60 seconds.
        retry_after_seconds: u64,
        /// The state until then.
        awaiting: AwaitVoucher,
    },
    /// Sends the very same bytes to the place that the answer named.
    FollowRedirect {
        /// The state until then.
        awaiting: AwaitVoucher,
    },
}

impl AwaitVoucher {
    /// Returns the bytes to post, the same for every retry (RFC 8995 §5.6).
    // RFC8995-5.6-same-request
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Returns the nonce that was sent.
    #[must_use]
    pub const fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Takes the registrar's answer.
    ///
    /// # Errors
    /// [`Error::RegistrarRefused`], [`Error::RegistrarRedirects`], [`Error::RegistrarWaitedTooLong`] (refused);
    /// those of [`AwaitVoucher::verify`].
    pub fn receive(mut self, reply: &RegistrarReply<'_>, policy: &VoucherPolicy<'_>) -> Result<Step, Error> {
        match meaning(reply.status) {
            Meaning::Answer => {
                self.verify(reply.body, policy).map(|imprint| Step::CheckRegistrar(Box::new(imprint)))
            }
            Meaning::Wait | Meaning::Busy => {
                let retry_after_seconds = retry_after_seconds(reply.retry_after_seconds);
                self.waited_seconds = self.waited_seconds.saturating_add(retry_after_seconds);
                // RFC8995-5.6-four-days
                if self.waited_seconds > WAIT_SECONDS_MAX {
                    return Err(Error::RegistrarWaitedTooLong);
                }
                Ok(Step::Wait { retry_after_seconds, awaiting: self })
            }
            // RFC8995-5.6-one-redirect
            Meaning::Redirect if self.redirects >= REDIRECTS_MAX => Err(Error::RegistrarRedirects),
            Meaning::Redirect => {
                self.redirects += 1;
                Ok(Step::FollowRedirect { awaiting: self })
            }
            Meaning::Refusal => Err(Error::RegistrarRefused { status: reply.status }),
        }
    }

    /// Checks a voucher (RFC 8995 §5.6.1).
    ///
    /// # Errors
    /// [`Error::Pki`], [`Error::Data`]; those of [`crate::Unverified::<SignedVoucher>::verify`]; then, in this order,
    /// [`Error::VoucherSerialMismatch`], [`Error::VoucherIssuerMismatch`], [`Error::VoucherNonceMissing`],
    /// [`Error::VoucherNonceMismatch`], [`Error::VoucherAssertionRefused`], [`Error::VoucherPinMissing`] (untrusted),
    /// [`Error::VoucherRevocationChecksUnsupported`] (unsupported).
    pub fn verify(&self, voucher: &[u8], policy: &VoucherPolicy<'_>) -> Result<Imprint, Error> {
        let signed = SignedVoucher::parse(voucher, self.format)?.verify(&policy.trust)?;
        let voucher = signed.voucher();
        self.compare_identity(voucher)?;
        self.compare_nonce(voucher, policy.accepts_nonceless)?;
        // RFC8366-7.3-assertion
        if !voucher.assertion.is_some_and(|assertion| policy.assertions.contains(&assertion)) {
            return Err(Error::VoucherAssertionRefused);
        }
        if voucher.domain_cert_revocation_checks == Some(true) {
            return Err(Error::VoucherRevocationChecksUnsupported);
        }
        let pinned = PinnedDomain::parse(self.choose_pin(voucher)?)?;
        Ok(Imprint { voucher: signed.into_inner(), pinned, clock: policy.trust.clock })
    }

    /// Of several pins counts the form in which the request named the registrar; without a nonce, or without that form,
    /// the first in order (rfc8366bis §7).
    // RFC8366-7-pin-form
    fn choose_pin<'a>(&self, voucher: &'a Voucher) -> Result<Pin<'a>, Error> {
        let pins = || voucher.pinned_domain.in_order();
        let used = pins().find(|pin| voucher.nonce.is_some() && self.proximity == Some(PinForm::of(*pin)));
        // RFC8995-5.6.1-pin-present
        used.or_else(|| pins().next()).ok_or(Error::VoucherPinMissing)
    }

    fn compare_identity(&self, voucher: &Voucher) -> Result<(), Error> {
        // RFC8995-5.6.1-serial
        if voucher.serial_number != self.serial_number {
            return Err(Error::VoucherSerialMismatch);
        }
        // RFC8366-7.3-idevid-issuer
        let own = IdevidIssuer::from_leaf(self.idevid_issuer.clone()).key_id();
        match &voucher.idevid_issuer {
            Some(octets) if IdevidIssuer::from_leaf(octets.clone()).key_id() != own => {
                Err(Error::VoucherIssuerMismatch)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn compare_nonce(&self, voucher: &Voucher, accepts_nonceless: bool) -> Result<(), Error> {
        // RFC8995-5.6.1-nonce
        match &voucher.nonce {
            None if accepts_nonceless => Ok(()),
            None => Err(Error::VoucherNonceMissing),
            found if *found == self.nonce => Ok(()),
            Some(_) => Err(Error::VoucherNonceMismatch),
        }
    }
}

/// Whom the manufacturer pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinnedDomain {
    /// A certificate: of a CA of the domain, or of the registrar itself.
    Certificate(Certificate),
    /// The registrar's own public key.
    PublicKey(PublicKey),
    /// The SHA-256 of the registrar's own public key.
    PublicKeySha256(Fingerprint),
}

impl PinnedDomain {
    fn parse(pin: Pin<'_>) -> Result<Self, Error> {
        Ok(match pin {
            Pin::Certificate(der) => Self::Certificate(Certificate::parse(der)?),
            Pin::PublicKey(spki) => Self::PublicKey(PublicKey::from_spki_der(spki)?),
            Pin::PublicKeySha256(hash) => Self::PublicKeySha256(*hash),
        })
    }

    /// Returns the pinned certificate, when it is one.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Certificate> {
        if let Self::Certificate(certificate) = self { Some(certificate) } else { None }
    }

    /// Tells whether this is the key that is pinned.
    fn is_key(&self, key: &PublicKey) -> bool {
        match self {
            Self::Certificate(pinned) => pinned.public_key() == key,
            Self::PublicKey(pinned) => pinned == key,
            Self::PublicKeySha256(pinned) => *pinned == key.fingerprint(),
        }
    }
}

/// A voucher that holds; the connection is still provisional.
#[derive(Clone)]
#[must_use]
pub struct Imprint {
    voucher: SignedVoucher,
    pinned: PinnedDomain,
    clock: Option<UnixTime>,
}

impl fmt::Debug for Imprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imprint").field("pinned", &self.pinned).finish_non_exhaustive()
    }
}

impl Imprint {
    /// Returns the voucher.
    #[must_use]
    pub const fn voucher(&self) -> &Voucher {
        self.voucher.voucher()
    }

    /// Returns whom the manufacturer pins.
    #[must_use]
    pub const fn pinned(&self) -> &PinnedDomain {
        &self.pinned
    }

    /// Checks the chain that the registrar presented in the handshake, its own certificate first, with the pin as the
    /// sole anchor (RFC 8995 §5.6.2): it must lead to the pinned certificate, or begin with the pinned key.
    /// A raw key pins the registrar itself (CBRSKI §8.3).
    ///
    /// # Errors
    /// [`Error::RegistrarChainEmpty`] (malformed), [`Error::RegistrarNotPinned`] (untrusted).
    // RFC8995-5.6.2-chain-to-pin CBRSKI-8.3-key-of-the-registrar
    pub fn check_registrar(self, tls_chain: &[Certificate]) -> Result<Imprinted, Error> {
        let (registrar, pool) = tls_chain.split_first().ok_or(Error::RegistrarChainEmpty)?;
        let is_pinned_key = self.pinned.is_key(registrar.public_key());
        let is_in_time = self.clock.is_none_or(|now| registrar.is_valid_at(now));
        if !(is_pinned_key && is_in_time) {
            let anchors = Anchors::new(self.pinned.certificate().cloned());
            verify_path(registrar, pool, (&anchors, Purpose::Registrar), self.clock)
                .map_err(Error::RegistrarNotPinned)?;
        }
        Ok(Imprinted { voucher: self.voucher, pinned: self.pinned })
    }
}

/// The pledge knows its owner: the connection that was provisional is so no longer.
#[derive(Clone, Debug)]
pub struct Imprinted {
    voucher: SignedVoucher,
    pinned: PinnedDomain,
}

impl Imprinted {
    /// Returns the voucher as it was signed, for the pledge's records.
    #[must_use]
    pub const fn voucher(&self) -> &SignedVoucher {
        &self.voucher
    }

    /// Returns whom the voucher pinned; a certificate is the explicit trust anchor until `cacerts` brings the rest
    /// (RFC 8995 §5.9.1).
    #[must_use]
    pub const fn pinned(&self) -> &PinnedDomain {
        &self.pinned
    }
}
