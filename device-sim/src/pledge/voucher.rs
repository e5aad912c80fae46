//! Voucher-request and voucher, at the pledge's end: the roles of `proto-brski`, as this pledge plays them.
//! Source: RFC 8995 §5.2 (request), §5.6.1 (voucher), §5.6.2 (pin), §5.7 and §5.9.4 (telemetry).
//!
//! Does not: send anything, check anything by itself.
//! Invariants: an [`Imprinted`] comes only from a voucher and a registrar that every check of §5.6 held for.

use pki::Certificate;
use proto::{UnixTime, media_type, well_known};
use proto_brski::pledge::{self, AwaitVoucher, Imprinted, PvrContent, VoucherPolicy};
use proto_brski::{Format, Telemetry};

use crate::Error;
use crate::transport::{Identity, Request};
use crate::unit::Unit;

/// Signs a voucher-request; the signer's certificate alone goes along, since the registrar has the chain from TLS.
///
/// # Errors
/// [`Error::Brski`].
pub fn signed_request(content: &PvrContent, signer: &Identity) -> Result<AwaitVoucher, Error> {
    let leaf = signer.chain.get(..1).unwrap_or_default();
    Ok(pledge::request(content, Format::CmsJson, &signer.signer, leaf)?)
}

/// Wraps a signed voucher-request for the road (RFC 8995 §5.2).
#[must_use]
pub fn request_voucher(signed: &[u8]) -> Request {
    Request::post(well_known::REQUEST_VOUCHER, media_type::VOUCHER_CMS_JSON, signed.to_vec())
        .accepting(media_type::VOUCHER_CMS_JSON)
}

/// Verifies a voucher (RFC 8995 §5.6.1), and the chain that the registrar showed in TLS by its pin (§5.6.2).
///
/// # Errors
/// [`Error::Brski`].
pub fn verify_voucher(
    unit: &Unit,
    awaiting: &AwaitVoucher,
    voucher: &[u8],
    tls_chain: &[Certificate],
    now: UnixTime,
) -> Result<Imprinted, Error> {
    let policy = VoucherPolicy::strict(unit.anchors(), Some(now));
    Ok(awaiting.verify(voucher, &policy)?.check_registrar(tls_chain)?)
}

/// Addresses a report to `path`: success, or failure in words that help no attacker (RFC 8995 §5.7, §5.9.4).
#[must_use]
pub fn report(path: &str, failure: Option<&Error>) -> Request {
    let report = failure.map_or_else(Telemetry::success, |error| Telemetry::failure(error));
    Request::post(path, media_type::JSON, report.write())
}
