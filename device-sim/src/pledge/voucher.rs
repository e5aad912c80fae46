//! Voucher-request and voucher, at the pledge's end.
//! Source: RFC 8995 §3.3 (request), §5.6.1 (voucher), §5.6.2 (pin), §5.7 and §5.9.4 (telemetry); RFC 8366 §5.
//!
//! Does not: send anything.
//! Invariants: an [`Imprint`] comes only from a voucher that every check of §5.6.1 held for.

use pki::cms::{Compat, SignedData};
use pki::path::{Anchors, Purpose, Revocation, Rules};
use pki::{Certificate, path};
use proto::{SerialNumber, UnixTime, media_type, well_known};
use proto_voucher::{Assertion, Nonce, Pin, Pins, Voucher, VoucherRequest, json};
use serde::Serialize;

use crate::Error;
use crate::transport::{Identity, Request};
use crate::unit::Unit;

/// What a pledge remembers between its request and the voucher.
#[derive(Clone, Debug)]
pub struct AwaitVoucher {
    serial_number: SerialNumber,
    nonce: Nonce,
    anchors: Anchors,
}

/// Writes the voucher-request of RFC 8995 §3.3: nonce, own serial number, and the registrar as seen in TLS.
#[must_use]
pub fn voucher_request(
    serial_number: &SerialNumber,
    registrar: &Certificate,
    nonce: &Nonce,
    now: UnixTime,
) -> VoucherRequest {
    let mut request = VoucherRequest::new(serial_number.clone());
    request.assertion = Some(Assertion::Proximity);
    request.created_at = Some(now);
    request.nonce = Some(nonce.clone());
    request.proximity_registrar = Pins::from_certificate(registrar.der());
    request
}

/// Signs a voucher-request; the signer's certificate alone goes along, since the registrar has the chain from TLS.
///
/// # Errors
/// [`Error::RequestUnbuildable`], [`Error::Pki`].
pub fn signed_request(request: &VoucherRequest, signer: &Identity) -> Result<Vec<u8>, Error> {
    let content = json::write_voucher_request(request).map_err(Error::RequestUnbuildable)?;
    let leaf = signer.chain.get(..1).unwrap_or_default();
    Ok(pki::cms::sign(&content, &signer.signer, leaf)?)
}

/// Wraps a signed voucher-request for the road (RFC 8995 §5.2).
#[must_use]
pub fn request_voucher(signed: Vec<u8>) -> Request {
    Request::post(well_known::REQUEST_VOUCHER, media_type::VOUCHER_CMS_JSON, signed)
        .accepting(media_type::VOUCHER_CMS_JSON)
}

impl AwaitVoucher {
    /// Remembers what the voucher must answer.
    #[must_use]
    pub fn new(unit: &Unit, nonce: Nonce) -> Self {
        Self { serial_number: unit.serial_number().clone(), nonce, anchors: unit.anchors().clone() }
    }

    /// Verifies a voucher (RFC 8995 §5.6.1): signature up to the manufacturer's anchor, own serial number, own nonce, not
    /// expired, assertion known, somebody pinned. Unknown fields are ignored.
    ///
    /// # Errors
    /// The variants of [`Error`] that begin with `Voucher`.
    pub fn receive(&self, cms: &[u8], now: UnixTime) -> Result<Imprint, Error> {
        let voucher = self.verified(cms, now)?;
        if voucher.serial_number != self.serial_number {
            return Err(Error::VoucherSerialDiffers);
        }
        match &voucher.nonce {
            Some(nonce) if *nonce == self.nonce => {}
            Some(_) => return Err(Error::VoucherNonceDiffers),
            None => return Err(Error::VoucherNonceMissing),
        }
        if voucher.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Error::VoucherExpired);
        }
        let assertion = voucher.assertion.ok_or(Error::VoucherAssertion)?;
        if assertion == Assertion::AgentProximity {
            return Err(Error::VoucherAssertion);
        }
        Imprint::of(&voucher, assertion)
    }

    /// Opens the envelope: the signer's certificate, found in it, must chain to an anchor of the manufacturer.
    fn verified(&self, cms: &[u8], now: UnixTime) -> Result<Voucher, Error> {
        let unreadable = |error: pki::Error| Error::VoucherUnreadable(Box::new(error));
        let message = SignedData::parse(cms).map_err(unreadable)?;
        let pool = message.certificates().map_err(unreadable)?;
        let signer = message.signer_certificate().map_err(Error::VoucherSignerUntrusted)?;
        let rules = Rules {
            anchors: &self.anchors,
            now,
            purpose: Purpose::VoucherSigner,
            revocation: &|_| Revocation::Good,
        };
        path::verify(&signer, &pool, &rules).map_err(Error::VoucherSignerUntrusted)?;
        let message = message
            .verify_with_certificate(&signer, Compat::Strict)
            .map_err(Error::VoucherSignatureInvalid)?;
        json::parse_voucher(message.content()).map_err(|error| Error::VoucherUnreadable(Box::new(error)))
    }
}

/// What a verified voucher tells: whom to trust.
#[derive(Clone, Debug)]
pub struct Imprint {
    /// On what ground the manufacturer speaks.
    pub assertion: Assertion,
    pinned: Pinned,
}

#[derive(Clone, Debug)]
enum Pinned {
    Certificate(Certificate),
    Key(Vec<u8>),
    KeySha256(proto::Fingerprint),
}

impl Imprint {
    fn of(voucher: &Voucher, assertion: Assertion) -> Result<Self, Error> {
        // The request named the registrar by its certificate, so that form comes first here (rfc8366bis §8).
        let pins: Vec<Pin<'_>> = voucher.pinned_domain.in_order().collect();
        let pin = pins.last().ok_or(Error::VoucherPinMissing)?;
        let pinned = match pin {
            Pin::Certificate(der) => {
                Pinned::Certificate(Certificate::parse(der).map_err(|_| Error::VoucherPinMissing)?)
            }
            Pin::PublicKey(spki) => Pinned::Key(spki.to_vec()),
            Pin::PublicKeySha256(hash) => Pinned::KeySha256(**hash),
        };
        Ok(Self { assertion, pinned })
    }

    /// Returns the pinned certificate, when the pin has that form.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        if let Pinned::Certificate(certificate) = &self.pinned { Some(certificate) } else { None }
    }

    /// Judges the chain that the registrar showed in TLS (RFC 8995 §5.6.2): it leads to the pinned certificate, or its
    /// first certificate has the pinned key.
    ///
    /// # Errors
    /// [`Error::RegistrarNotPinned`] (`Untrusted`).
    pub fn check_registrar(&self, chain: &[Certificate], now: UnixTime) -> Result<(), Error> {
        let (leaf, pool) = chain.split_first().ok_or(Error::RegistrarNotPinned)?;
        let is_pinned = match &self.pinned {
            Pinned::Certificate(pinned) => {
                leaf.public_key() == pinned.public_key() || leads_to(leaf, pool, pinned, now)
            }
            Pinned::Key(spki) => leaf.public_key().spki_der() == spki.as_slice(),
            Pinned::KeySha256(hash) => leaf.public_key().fingerprint() == *hash,
        };
        if is_pinned { Ok(()) } else { Err(Error::RegistrarNotPinned) }
    }
}

fn leads_to(leaf: &Certificate, pool: &[Certificate], pinned: &Certificate, now: UnixTime) -> bool {
    let anchors = Anchors::new([pinned.clone()]);
    let rules =
        Rules { anchors: &anchors, now, purpose: Purpose::Registrar, revocation: &|_| Revocation::Good };
    path::verify(leaf, pool, &rules).is_ok()
}

/// What a pledge reports (RFC 8995 §5.7, §5.9.4).
#[derive(Clone, Debug, Serialize)]
pub struct Telemetry<'a> {
    version: u32,
    status: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Telemetry<'a> {
    /// Reports success, or failure with a reason that helps no attacker: our stable code.
    #[must_use]
    pub fn new(failure: Option<&'a str>) -> Self {
        Self { version: 1, status: failure.is_none(), reason: failure }
    }

    /// Addresses the report to `path`.
    #[must_use]
    pub fn request(&self, path: &str) -> Request {
        let body = serde_json::to_vec(self).unwrap_or_default();
        Request::post(path, media_type::JSON, body)
    }
}

/// Reports on the voucher.
#[must_use]
pub fn voucher_status(failure: Option<&str>) -> Request {
    Telemetry::new(failure).request(well_known::VOUCHER_STATUS)
}
