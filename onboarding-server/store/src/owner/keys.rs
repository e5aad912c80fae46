//! Under which key each row of the owner's state stands.
//!
//! A key is a letter, then fields; a field of variable length goes last, or ends with a zero byte, or has its length in
//! front. Numbers are big-endian, so that keys sort as numbers do.

use proto::{DeviceId, Fingerprint, KeyId, ManufacturerId, Seq, SerialNumber};
use server_lifecycle::State;

use super::rows::CertificateKey;
use crate::blob::Nonce;

fn key(letter: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![letter];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// The `Device` of an id.
pub(super) fn device(id: DeviceId) -> Vec<u8> {
    key(b'd', &[id.as_bytes()])
}

/// The id under a serial number; with an empty manufacturer, the prefix of all of them.
pub(super) fn serial(serial: &SerialNumber, manufacturer: Option<&ManufacturerId>) -> Vec<u8> {
    let manufacturer = manufacturer.map_or("", ManufacturerId::as_str);
    key(b's', &[serial.as_str().as_bytes(), &[0], manufacturer.as_bytes()])
}

/// The prefix of all serial numbers that begin so.
pub(super) fn serial_prefix(prefix: &str) -> Vec<u8> {
    key(b's', &[prefix.as_bytes()])
}

/// Returns the manufacturer in a key of [`serial`].
pub(super) fn manufacturer_of(key: &[u8]) -> &[u8] {
    key.split(|byte| *byte == 0).next_back().unwrap_or_default()
}

/// That a device is in a state; without a device, the prefix of all of them.
pub(super) fn in_state(state: State, id: Option<DeviceId>) -> Vec<u8> {
    let id = id.as_ref().map_or(&[][..], |id| id.as_bytes());
    key(b'e', &[state.name().as_bytes(), &[0], id])
}

/// How many devices are in a state.
pub(super) fn count(state: State) -> Vec<u8> {
    key(b'c', &[state.name().as_bytes()])
}

/// Which records are about a device.
pub(super) fn timeline(id: DeviceId) -> Vec<u8> {
    key(b't', &[id.as_bytes()])
}

/// The `VoucherRequest` of a PVR.
pub(super) fn voucher(pvr_digest: Fingerprint) -> Vec<u8> {
    key(b'v', &[pvr_digest.as_bytes()])
}

/// Which request used a nonce.
pub(super) fn nonce(nonce: &Nonce) -> Vec<u8> {
    key(b'n', &[nonce.as_bytes()])
}

/// An IDevID in DER.
pub(super) fn idevid(fingerprint: Fingerprint) -> Vec<u8> {
    key(b'i', &[fingerprint.as_bytes()])
}

/// The fields of a certificate's name.
fn named(letter: u8, name: &CertificateKey) -> Vec<u8> {
    let issuer = name.issuer.as_bytes();
    key(letter, &[&[length(issuer)], issuer, name.serial.as_bytes()])
}

/// The `Certificate` of a name.
pub(super) fn certificate(name: &CertificateKey) -> Vec<u8> {
    named(b'x', name)
}

/// The name of an issued certificate.
pub(super) fn fingerprint(fingerprint: Fingerprint) -> Vec<u8> {
    key(b'f', &[fingerprint.as_bytes()])
}

/// The name of the newest certificate that was made for a request.
pub(super) fn csr(id: DeviceId, csr_digest: Fingerprint) -> Vec<u8> {
    key(b'q', &[id.as_bytes(), csr_digest.as_bytes()])
}

/// The name of a certificate that was begun for a device; without a record, the prefix of all of them.
pub(super) fn certificate_of(id: DeviceId, seq: Option<Seq>) -> Vec<u8> {
    let seq = seq.map(|seq| seq.0.to_be_bytes());
    key(b'w', &[id.as_bytes(), seq.as_ref().map_or(&[][..], |seq| &seq[..])])
}

/// The `Revocation` of a name.
pub(super) fn revocation(name: &CertificateKey) -> Vec<u8> {
    named(b'r', name)
}

/// The prefix of an issuer's revocations.
pub(super) fn revocations(issuer: &KeyId) -> Vec<u8> {
    key(b'r', &[&[length(issuer.as_bytes())], issuer.as_bytes()])
}

/// What is known of an issuer's newest CRL.
pub(super) fn crl(issuer: &KeyId) -> Vec<u8> {
    key(b'l', &[issuer.as_bytes()])
}

/// A part of the DER of an issuer's newest CRL.
pub(super) fn crl_part(issuer: &KeyId, part: u32) -> Vec<u8> {
    key(b'm', &[&[length(issuer.as_bytes())], issuer.as_bytes(), &part.to_be_bytes()])
}

/// The prefix of all that is owed.
pub(super) fn outbox() -> Vec<u8> {
    key(b'o', &[])
}

/// The `OutboxRow` of a question to the MASA.
pub(super) fn outbox_ask(seq: Seq) -> Vec<u8> {
    key(b'o', &[&seq.0.to_be_bytes(), b"a"])
}

/// The `OutboxRow` of a CRL; one record can owe several, beside a question.
pub(super) fn outbox_publish(seq: Seq, issuer: &KeyId) -> Vec<u8> {
    key(b'o', &[&seq.0.to_be_bytes(), b"p", issuer.as_bytes()])
}

/// The `OutboxRow` of a question for the MASA's log.
pub(super) fn outbox_log(seq: Seq) -> Vec<u8> {
    key(b'o', &[&seq.0.to_be_bytes(), b"l"])
}

/// The `AuditLog` of a device.
pub(super) fn audit_log(id: DeviceId) -> Vec<u8> {
    key(b'g', &[id.as_bytes()])
}

/// Which record owes the MASA a question for this PVR.
pub(super) fn ask(pvr_digest: Fingerprint) -> Vec<u8> {
    key(b'a', &[pvr_digest.as_bytes()])
}

/// Which record owes a new CRL of this issuer.
pub(super) fn publish(issuer: &KeyId) -> Vec<u8> {
    key(b'p', &[issuer.as_bytes()])
}

/// Key identifiers are at most 64 bytes, by their type.
fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap_or(u8::MAX)
}
