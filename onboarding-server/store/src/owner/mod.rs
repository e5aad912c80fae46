//! The owner's store: devices, their voucher-requests and certificates, CRLs, and what is owed to the outside.

mod apply;
mod audit_log;
mod certificate;
mod check;
mod crl;
mod device;
mod event;
mod keys;
mod read;
mod rows;
mod voucher;

pub use audit_log::{AskAuditLog, CompleteAuditLog, FailAuditLog, LogAsked};
pub use certificate::{
    AbandonCertificate, BeginCertificate, Begun, CompleteCertificate, ConfirmEnrollment, RecordCrl,
};
pub use device::{
    ApproveDevice, ChangeState, CountRepeats, Declaration, DeclareDevice, Declared, Noted, RecordTelemetry,
    RefuseRequest,
};
pub use event::{CertificateDraft, Move, OwnerEvent, VoucherIntake};
pub(crate) use read::list;
pub use read::{DeviceFilter, Page};
pub use rows::{
    Approval, AuditLog, AuditLogStatus, Certificate, CertificateKey, CertificateKind, CertificateStatus, Crl,
    Device, LABELS_MAX, Labels, OutboxRow, PAST_VOUCHERS_MAX, PastVoucher, PastVouchers, Report, ReportKind,
    Revocation, Standing, Task, VoucherRequest, VoucherStatus,
};
pub use voucher::{BeginVoucher, Changed, CompleteVoucher, DeferVoucher, FailVoucher, RefuseVoucher, Taken};

use crate::engine::Store;

/// The model of the owner's store.
#[derive(Debug)]
pub struct Owner;

/// The registrar's store.
pub type OwnerStore = Store<Owner>;
