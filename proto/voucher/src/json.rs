//! The JSON form of vouchers and voucher-requests.
//! Source: RFC 7951 (YANG in JSON); RFC 8995 §3.3; rfc8366bis §7.2, §7.5, §7.6.
//! Does not: sign or verify; the JSON travels inside a CMS object.
//! Invariants: what `write_…` makes, `parse_…` reads back to an equal value, save for a nonce or opaque content that
//! is no JSON by nature.
//!
//! Tolerant only where real peers differ: `created-on` may lack its zone (then UTC), `idevid-issuer` may be text that
//! is no base64 (kept as it stands), the nonce is any text. All else is strict.

mod document;
mod leaves;

use serde_json::{Map, Value};

use crate::{Error, VOUCHER_BYTES_MAX, Voucher, VoucherRequest, form};
use leaves::{Leaves, Writer};

/// The member that holds a voucher (rfc8366bis §7.2).
pub const VOUCHER: &str = "ietf-voucher:voucher";
/// The member that holds a voucher-request (RFC 8995 §3.3).
pub const VOUCHER_REQUEST: &str = "ietf-voucher-request:voucher";

/// Reads a voucher.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotJson`], [`Error::DuplicateMember`], [`Error::TooComplex`],
/// [`Error::ContainerMissing`], [`Error::SerialNumberMissing`], [`Error::LeafInvalid`], [`Error::NonceLength`],
/// [`Error::RenewalWithoutExpiry`] (malformed); [`Error::AssertionUnknown`] (unsupported).
pub fn parse_voucher(json: &[u8]) -> Result<Voucher, Error> {
    form::read_voucher(&mut open(json, VOUCHER)?)
}

/// Reads a voucher-request; `last-renewal-date` and `domain-cert-revocation-checks` are ignored in it.
///
/// # Errors
/// As [`parse_voucher`], without [`Error::RenewalWithoutExpiry`].
pub fn parse_voucher_request(json: &[u8]) -> Result<VoucherRequest, Error> {
    form::read_voucher_request(&mut open(json, VOUCHER_REQUEST)?)
}

/// Writes a voucher.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when an extension is not JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher(voucher: &Voucher) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::default();
    form::write_voucher(voucher, &mut writer)?;
    close(VOUCHER, writer)
}

/// Writes a voucher-request.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when an extension is not JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher_request(request: &VoucherRequest) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::default();
    form::write_voucher_request(request, &mut writer)?;
    close(VOUCHER_REQUEST, writer)
}

fn open(json: &[u8], container: &'static str) -> Result<Leaves, Error> {
    let Value::Object(mut outer) = parse_value(json)? else {
        return Err(Error::ContainerMissing { container });
    };
    match outer.remove(container) {
        Some(Value::Object(leaves)) => Ok(Leaves::new(leaves)),
        Some(_) | None => Err(Error::ContainerMissing { container }),
    }
}

fn close(container: &str, writer: Writer) -> Result<Vec<u8>, Error> {
    let mut outer = Map::new();
    outer.insert(container.to_owned(), Value::Object(writer.into_members()));
    let json = Value::Object(outer).to_string().into_bytes();
    if json.len() > VOUCHER_BYTES_MAX { Err(Error::TooLarge) } else { Ok(json) }
}

/// Reads any JSON under the same bounds and rules as a voucher: at most 64 KiB, 16 levels and 512 values, no
/// duplicate members. The telemetry and the audit log of `proto-brski` are read by it too.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotJson`], [`Error::DuplicateMember`], [`Error::TooComplex`] (malformed).
pub fn parse_value(json: &[u8]) -> Result<Value, Error> {
    if json.len() > VOUCHER_BYTES_MAX { Err(Error::TooLarge) } else { document::parse(json) }
}
