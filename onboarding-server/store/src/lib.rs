//! The store: devices, units and all that belongs to them, with the journal as the truth and sled as its index.
//!
//! Writes are commands, one struct each: `store.submit(stamp, BeginVoucher { … }, |reply| …)` or `execute`. Reads are
//! methods. Two stores stand on one engine: [`OwnerStore`] for the registrar, [`MakerStore`] for factory and MASA.
//!
//! Does not: know a protocol, HTTP or policy; read a clock; run on an async runtime.
//! Invariants: a reply is given only for what is durable; each write is one record and one atomic change; nothing of
//! sled leaks out; any state can be made again from the journal.

mod blob;
mod engine;
mod error;
mod maker;
mod owner;
mod pace;
mod repeat;
mod stamp;
mod tally;

pub use blob::{BLOB_BYTES_MAX, Blob, NONCE_BYTES, Nonce, TEXT_BYTES_MAX, Text};
pub use engine::{Command, Head, Model, Opening, Options, Outcome, Reader, Recorded, Store, View, Writes};
pub use error::Error;
pub use maker::{
    AuditEntry, BeginMasaVoucher, BeginUnit, Block, BlockUnit, CloseOrder, CompleteMasaVoucher, CompleteUnit,
    CountMasaRepeats, IdevId, Maker, MakerEvent, MakerStore, MasaVoucher, MasaVoucherBegun, OpenOrder,
    Opened, Order, OrderTerms, RecordSale, RefuseMasaVoucher, Sale, SerialRange, ShipUnit, UnblockUnit, Unit,
    UnitBegun, UnitFilter,
};
pub use owner::{
    AbandonCertificate, Approval, ApproveDevice, AskAuditLog, AuditLog, AuditLogStatus, BeginCertificate,
    BeginVoucher, Begun, Certificate, CertificateDraft, CertificateKey, CertificateKind, CertificateStatus,
    ChangeState, Changed, CompleteAuditLog, CompleteCertificate, CompleteVoucher, ConfirmEnrollment,
    CountRepeats, Crl, Declaration, DeclareDevice, Declared, DeferVoucher, Device, DeviceFilter,
    FailAuditLog, FailVoucher, LABELS_MAX, Labels, LogAsked, Move, Noted, OutboxRow, Owner, OwnerEvent,
    OwnerStore, PAST_VOUCHERS_MAX, Page, PastVoucher, PastVouchers, RecordCrl, RecordTelemetry,
    RefuseRequest, RefuseVoucher, Report, ReportKind, Revocation, Standing, Taken, Task, VoucherIntake,
    VoucherRequest, VoucherStatus,
};
pub use pace::{PACE_RECORDS_MAX, PACE_SECONDS, Pace};
pub use repeat::{Repeated, Repeats, Verb};
pub use stamp::{Actor, Stamp};
pub use tally::{
    CAUSES_MAX, CAUSES_PER_DEVICE_MAX, RECORDS_PER_MINUTE_MAX, Tally, TallyNote, WINDOW_SECONDS,
};

use aws_lc_rs::digest;
use proto::{DeviceId, ManufacturerId, SerialNumber};

/// The most bytes of a CRL in DER.
pub const CRL_BYTES_MAX: usize = 768 * 1024;

/// Returns the id of the device, or unit, with this serial number: the first 16 bytes of the SHA-256 over manufacturer
/// and serial number, each after its length in one byte.
#[must_use]
pub fn device_id(manufacturer: &ManufacturerId, serial: &SerialNumber) -> DeviceId {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [manufacturer.as_str(), serial.as_str()] {
        // Both are at most 64 characters of ASCII, by their types.
        context.update(&[u8::try_from(part.len()).unwrap_or(u8::MAX)]);
        context.update(part.as_bytes());
    }
    let hash = context.finish();
    let mut id = [0; 16];
    id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    DeviceId::from_array(id)
}
