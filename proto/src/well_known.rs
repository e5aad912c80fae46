//! Well-known paths (RFC 8615) of the protocols that we speak over HTTPS.

/// Where BRSKI resources live (RFC 8995 §8.3.1).
pub const BRSKI: &str = "/.well-known/brski";
/// Where EST resources live (RFC 7030 §3.2.2).
pub const EST: &str = "/.well-known/est";

/// Asks for a voucher: pledge to registrar, registrar to MASA (RFC 8995 §5.2, §5.5).
pub const REQUEST_VOUCHER: &str = "/.well-known/brski/requestvoucher";
/// Tells what became of the voucher (RFC 8995 §5.7); note the underscore.
pub const VOUCHER_STATUS: &str = "/.well-known/brski/voucher_status";
/// Tells what became of the enrolment (RFC 8995 §5.9.4); note its absence.
pub const ENROLL_STATUS: &str = "/.well-known/brski/enrollstatus";
/// Asks the MASA for the log of past domains (RFC 8995 §5.8).
pub const REQUEST_AUDIT_LOG: &str = "/.well-known/brski/requestauditlog";
/// Brings the CA certificates (RFC 7030 §4.1).
pub const CA_CERTS: &str = "/.well-known/est/cacerts";
/// Brings the attributes wanted in a request (RFC 7030 §4.5).
pub const CSR_ATTRS: &str = "/.well-known/est/csrattrs";
/// Asks for the first certificate (RFC 7030 §4.2.1).
pub const SIMPLE_ENROLL: &str = "/.well-known/est/simpleenroll";
/// Asks for the next certificate (RFC 7030 §4.2.2).
pub const SIMPLE_REENROLL: &str = "/.well-known/est/simplereenroll";
