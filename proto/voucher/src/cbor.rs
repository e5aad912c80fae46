//! The CBOR form of vouchers and voucher-requests.
//! Source: RFC 9254 (YANG in CBOR) §3, §4, §6; SIDs: rfc8366bis §7.4, §8.4; draft-ietf-anima-constrained-voucher-31
//! (CBRSKI) §9, §12.1, §15.2.2 (names and SIDs may be mixed).
//! Does not: sign or verify; the CBOR travels inside a COSE object.
//! Invariants: what `write_…` makes is deterministic (RFC 8949 §4.2.1) and `parse_…` reads it back to an equal value;
//! the leaves are those of the JSON form.
//!
//! Writes SIDs, reads SIDs (as deltas, or absolute with tag 47) and names, even mixed. Some peers write types that RFC
//! 9254 does not allow; such a document is read, and [`Parsed::deviation`] names the first leaf that deviates, so that
//! the caller can refuse it where the manufacturer is not registered as one of those.

mod leaves;
mod sid;

use proto::cbor::{InvalidCbor, Item, Limits, Writer, parse};

use crate::{Error, VOUCHER_BYTES_MAX, Voucher, VoucherRequest, form};
use leaves::{Leaves, Members};
use sid::Container;

/// The most levels and items: ours, as in the JSON form.
const LIMITS: Limits = Limits { depth_max: 16, items_max: 512 };
/// The tag of an absolute SID among deltas (RFC 9254 §4.2.1).
const TAG_SID: u64 = 47;

/// An artifact, and whether it was written as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What it says.
    pub artifact: T,
    /// The first leaf whose type is not the one of RFC 9254; `None` when all are right.
    pub deviation: Option<&'static str>,
}

/// Reads a voucher.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotCbor`], [`Error::DuplicateMember`], [`Error::TooComplex`], [`Error::KeyInvalid`],
/// [`Error::ContainerMissing`], [`Error::SerialNumberMissing`], [`Error::LeafInvalid`], [`Error::NonceLength`],
/// [`Error::RenewalWithoutExpiry`] (malformed); [`Error::AssertionUnknown`] (unsupported).
pub fn parse_voucher(cbor: &[u8]) -> Result<Parsed<Voucher>, Error> {
    let mut leaves = open(cbor, &sid::VOUCHER)?;
    let artifact = form::read_voucher(&mut leaves)?;
    Ok(Parsed { artifact, deviation: leaves.deviation() })
}

/// Reads a voucher-request; `last-renewal-date` and `domain-cert-revocation-checks` are ignored in it.
///
/// # Errors
/// As [`parse_voucher`], without [`Error::RenewalWithoutExpiry`].
pub fn parse_voucher_request(cbor: &[u8]) -> Result<Parsed<VoucherRequest>, Error> {
    let mut leaves = open(cbor, &sid::VOUCHER_REQUEST)?;
    let artifact = form::read_voucher_request(&mut leaves)?;
    Ok(Parsed { artifact, deviation: leaves.deviation() })
}

/// Writes a voucher.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when opaque content is JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher(voucher: &Voucher) -> Result<Vec<u8>, Error> {
    let mut members = Members::new(&sid::VOUCHER);
    form::write_voucher(voucher, &mut members)?;
    close(&sid::VOUCHER, &members)
}

/// Writes a voucher-request.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when opaque content is JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher_request(request: &VoucherRequest) -> Result<Vec<u8>, Error> {
    let mut members = Members::new(&sid::VOUCHER_REQUEST);
    form::write_voucher_request(request, &mut members)?;
    close(&sid::VOUCHER_REQUEST, &members)
}

/// Finds the artifact in the outermost map, by SID or name.
// RFC9254-3-sids-and-names
fn open<'a>(cbor: &'a [u8], container: &'static Container) -> Result<Leaves<'a>, Error> {
    if cbor.len() > VOUCHER_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    let missing = Error::ContainerMissing { container: container.name };
    let document = parse(cbor, LIMITS).map_err(error_of)?;
    let outer = document.into_map().ok_or_else(|| missing.clone())?;
    let is_container = |key: &Item<'_>| {
        key.as_text() == Some(container.name) || sid::absolute(key, 0) == Some(container.sid)
    };
    let mut found = outer.into_iter().filter(|(key, _)| is_container(key)).map(|(_, value)| value);
    let leaves = found.next().and_then(Item::into_map).ok_or(missing)?;
    // Named once and numbered once is twice.
    if found.next().is_some() { Err(Error::DuplicateMember) } else { Leaves::new(container, leaves) }
}

fn error_of(error: InvalidCbor) -> Error {
    match error {
        InvalidCbor::Malformed => Error::NotCbor,
        InvalidCbor::TooComplex => Error::TooComplex,
        InvalidCbor::DuplicateKey => Error::DuplicateMember,
    }
}

fn close(container: &Container, members: &Members) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new();
    writer.map(1).unsigned(container.sid);
    members.write(&mut writer);
    let cbor = writer.into_bytes();
    if cbor.len() > VOUCHER_BYTES_MAX { Err(Error::TooLarge) } else { Ok(cbor) }
}
