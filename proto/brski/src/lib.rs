//! BRSKI without I/O: what a pledge, a registrar and a MASA say to each other and what each must check.
//!
//! Source: RFC 8995 with errata 6648 and 7263; rfc8366bis §6; draft-ietf-anima-constrained-voucher-31 (CBRSKI) for the
//! constrained form.
//!
//! The exchange, in the order of the RFC:
//! 1. The pledge opens a provisional TLS connection and keeps the registrar's chain (§5.1; not here).
//! 2. It signs a request: [`pledge::request`] gives the bytes and an [`pledge::AwaitVoucher`] (§5.2).
//! 3. The registrar reads and checks it: [`Pvr::parse`], then `verify` (§5.2, §5.3).
//! 4. It asks the MASA: [`registrar::prepare`], [`registrar::RvrDraft::sign`] give the bytes and an
//!    [`registrar::AwaitMasa`], which outlives the connection (§5.5).
//! 5. The MASA reads and checks that: [`Rvr::parse`], then `verify` (§5.5.1 to §5.5.6).
//! 6. It decides and issues: [`masa::draft`], [`masa::VoucherDraft::sign`] (§5.6), and writes its [`MasaAuditLog`].
//! 7. The registrar checks the voucher before it relays it: [`registrar::AwaitMasa::resume`].
//! 8. The pledge checks it: [`pledge::AwaitVoucher::receive`] (§5.6.1), then the chain of step 1 against the pin:
//!    [`pledge::Imprint::check_registrar`] (§5.6.2).
//! 9. It tells what became of it: [`Telemetry`] (§5.7, §5.9.4); the registrar may read the audit log (§5.8).
//!
//! All of it goes in one of two forms ([`Format`]), the pledge's from end to end; the checks are the same.
//!
//! Does not: open sockets, read a clock, draw random numbers, decide whom to admit.
//! Invariants: what was [`Unverified`] becomes [`Verified`] only through the checks named at its `verify`.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod audit_log;
mod domain_id;
mod envelope;
mod error;
mod format;
mod idevid_issuer;
mod log_answer;
pub mod masa;
mod masa_url;
pub mod pledge;
mod pvr;
pub mod registrar;
mod rvr;
mod status;
mod telemetry;
mod trust;
mod voucher;

pub use audit_log::{AUDIT_LOG_EVENTS_MAX, AuditEvent, MasaAuditLog, Truncation};
pub use domain_id::domain_id;
pub use error::Error;
pub use format::Format;
pub use idevid_issuer::IdevidIssuer;
pub use log_answer::{AUDIT_LOG_BYTES_MAX, LogAnswer};
pub use masa_url::{Host, IpLiterals, MASA_URL_CHARS_MAX, MasaUrl};
pub use pvr::{CREATED_AHEAD_SECONDS_MAX, PVR_BYTES_MAX, Pvr, PvrCheck};
pub use rvr::{NONCELESS_AGE_SECONDS_MAX, RegistrarAuthentication, Rvr, RvrCheck};
pub use status::{REDIRECTS_MAX, RETRY_AFTER_SECONDS_MAX, WAIT_SECONDS_MAX};
pub use telemetry::{TELEMETRY_BYTES_MAX, Telemetry};
pub use trust::{Unverified, Verified};
pub use voucher::{SignedVoucher, VoucherTrust};
