//! Under which key each row of the maker's state stands; see the owner's for the habits.

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, KeyId, ManufacturerId, OrderId, Seq, SerialNumber,
};

use crate::blob::Nonce;

fn key(letter: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![letter];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// The `Order` of a number; the prefix of all of them without one.
pub(super) fn order(order: Option<&OrderId>) -> Vec<u8> {
    key(b'g', &[order.map_or("", OrderId::as_str).as_bytes()])
}

/// The `Unit` of an id.
pub(super) fn unit(id: DeviceId) -> Vec<u8> {
    key(b'u', &[id.as_bytes()])
}

/// The id under a serial number; without a manufacturer, the prefix of all of them.
pub(super) fn serial(serial: &SerialNumber, manufacturer: Option<&ManufacturerId>) -> Vec<u8> {
    let manufacturer = manufacturer.map_or("", ManufacturerId::as_str);
    key(b's', &[serial.as_str().as_bytes(), &[0], manufacturer.as_bytes()])
}

/// The prefix of all serial numbers that begin so.
pub(super) fn serial_prefix(prefix: &str) -> Vec<u8> {
    key(b's', &[prefix.as_bytes()])
}

/// The id under an order and a serial number.
pub(super) fn in_order(order: &OrderId, serial: &SerialNumber) -> Vec<u8> {
    key(b'h', &[order.as_str().as_bytes(), &[0], serial.as_str().as_bytes()])
}

/// The prefix of an order's serial numbers that begin so.
pub(super) fn in_order_prefix(order: &OrderId, prefix: &str) -> Vec<u8> {
    key(b'h', &[order.as_str().as_bytes(), &[0], prefix.as_bytes()])
}

/// The unit that has a public key.
pub(super) fn public_key(fingerprint: Fingerprint) -> Vec<u8> {
    key(b'k', &[fingerprint.as_bytes()])
}

/// The unit that has a certificate's name.
pub(super) fn certificate(issuer: &KeyId, serial: &CertificateSerial) -> Vec<u8> {
    let length = u8::try_from(issuer.as_bytes().len()).unwrap_or(u8::MAX);
    key(b'x', &[&[length], issuer.as_bytes(), serial.as_bytes()])
}

/// The `MasaVoucher` for a nonce, or for a nonceless request.
pub(super) fn voucher(unit: DeviceId, nonce: Option<&Nonce>, rvr_digest: Fingerprint) -> Vec<u8> {
    match nonce {
        Some(nonce) => key(b'v', &[unit.as_bytes(), b"n", nonce.as_bytes()]),
        None => key(b'v', &[unit.as_bytes(), b"r", rvr_digest.as_bytes()]),
    }
}

/// The `AuditEntry` of a record; without one, the prefix of a unit's.
pub(super) fn audit(unit: DeviceId, seq: Option<Seq>) -> Vec<u8> {
    let seq = seq.map(|seq| seq.0.to_be_bytes());
    key(b'a', &[unit.as_bytes(), seq.as_ref().map_or(&[][..], |seq| &seq[..])])
}

/// That a domain had a voucher for a unit.
pub(super) fn owned(unit: DeviceId, domain: &DomainId) -> Vec<u8> {
    key(b'o', &[unit.as_bytes(), domain.as_bytes()])
}

/// Which records are about a unit.
pub(super) fn timeline(unit: DeviceId) -> Vec<u8> {
    key(b't', &[unit.as_bytes()])
}
