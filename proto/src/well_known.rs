//! Well-known paths (RFC 8615) of the protocols that we speak over HTTPS, and the short ones over CoAPS.

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

/// Asks for a voucher over CoAPS (draft-ietf-anima-constrained-voucher-31 §6.5.2).
pub const BRSKI_RV: &str = "/.well-known/brski/rv";
/// Tells over CoAPS what became of the voucher.
pub const BRSKI_VS: &str = "/.well-known/brski/vs";
/// Tells over CoAPS what became of the enrolment.
pub const BRSKI_ES: &str = "/.well-known/brski/es";
/// Brings the CA certificates over CoAPS (RFC 9148 §5.1).
pub const EST_CRTS: &str = "/.well-known/est/crts";
/// Asks for the first certificate over CoAPS.
pub const EST_SEN: &str = "/.well-known/est/sen";
/// Asks for the next certificate over CoAPS.
pub const EST_SREN: &str = "/.well-known/est/sren";
/// Brings the attributes wanted in a request over CoAPS.
pub const EST_ATT: &str = "/.well-known/est/att";
/// Asks for a key and a certs-only PKCS#7 over CoAPS.
pub const EST_SKG: &str = "/.well-known/est/skg";
/// Asks for a key and a single certificate over CoAPS.
pub const EST_SKC: &str = "/.well-known/est/skc";
