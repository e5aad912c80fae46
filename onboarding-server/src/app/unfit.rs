//! Forms of BRSKI's requests and answers that are not spoken here, by whichever transport they are asked for.
//!
//! Source: RFC 8995 §5.2, §5.7, §5.8; CBRSKI §6.

use proto::{Class, Reason, ReasonCode};

/// Why a request's or answer's form is not offered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unfit {
    /// The body is no voucher-request in a form that is spoken here.
    #[error("the voucher-request's media type is not offered")]
    VoucherType,
    /// The peer takes no voucher in the form of its request.
    #[error("the voucher's media type is not accepted")]
    VoucherAccept,
    /// The registrar takes no JSON, and an audit log is nothing else.
    #[error("the audit log's media type is not accepted")]
    AuditLogAccept,
    /// The report is not in a form that its transport has: JSON, over CoAP also CBOR.
    #[error("the report's media type is not offered")]
    TelemetryType,
}

impl Reason for Unfit {
    fn class(&self) -> Class {
        Class::Unsupported
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::VoucherType => ReasonCode::new("voucher-media-type-unsupported"),
            Self::VoucherAccept => ReasonCode::new("voucher-accept-unsupported"),
            Self::AuditLogAccept => ReasonCode::new("audit-log-accept-unsupported"),
            Self::TelemetryType => ReasonCode::new("telemetry-media-type-unsupported"),
        }
    }
}
