//! The steps of an onboarding, by name.
//! Source: RFC 8995 §2.1, §5; RFC 7030 §4.

use std::fmt;

/// What a pledge does, in the order in which it does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Opens the provisional TLS connection (RFC 8995 §5.1).
    Connect,
    /// Asks for a voucher, again and again while the registrar says 202 (§5.2).
    RequestVoucher,
    /// Verifies the voucher and judges the registrar by its pin (§5.6.1, §5.6.2).
    VerifyVoucher,
    /// Reports what became of the voucher (§5.7).
    ReportVoucher,
    /// Fetches the CA certificates (§5.9.1).
    CaCerts,
    /// Fetches the attributes wanted in a request (§5.9.2).
    CsrAttrs,
    /// Makes a key and asks for the LDevID (§5.9.3).
    Enroll,
    /// Verifies the LDevID against the explicit trust anchor.
    VerifyCertificate,
    /// Opens a connection with the LDevID (§5.9.4).
    Reconnect,
    /// Reports what became of the enrolment (§5.9.4).
    ReportEnrollment,
    /// Asks for the next LDevID (RFC 7030 §4.2.2).
    Reenroll,
}

impl Step {
    /// Lists all steps in their order.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::RequestVoucher,
        Self::VerifyVoucher,
        Self::ReportVoucher,
        Self::CaCerts,
        Self::CsrAttrs,
        Self::Enroll,
        Self::VerifyCertificate,
        Self::Reconnect,
        Self::ReportEnrollment,
        Self::Reenroll,
    ];

    /// Names the step as tables and JSON print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::RequestVoucher => "request-voucher",
            Self::VerifyVoucher => "verify-voucher",
            Self::ReportVoucher => "report-voucher",
            Self::CaCerts => "cacerts",
            Self::CsrAttrs => "csrattrs",
            Self::Enroll => "enroll",
            Self::VerifyCertificate => "verify-certificate",
            Self::Reconnect => "reconnect",
            Self::ReportEnrollment => "report-enrollment",
            Self::Reenroll => "reenroll",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
