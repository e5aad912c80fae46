//! Reasons that a transport tells apart within their class.
//!
//! Source: DESIGN §7.

/// Codes of `Unsupported` that speak of the answer's form, not the request's.
pub(crate) const NOT_ACCEPTABLE: &[&str] =
    &["est-accept-unsupported", "voucher-accept-unsupported", "audit-log-accept-unsupported"];

/// Somebody stands between us and the pledge (RFC 8995 §5.2).
pub(crate) const ON_PATH_ATTACKER: &str = "pvr-proximity-mismatch";

/// Codes of `Refused` that no person of the owner's can change.
pub(crate) const FINAL: &[&str] = &["policy-device-retired", "lifecycle-retired"];
