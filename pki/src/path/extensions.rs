//! Which critical extensions a path may have, and why each is safe to accept.
//! Source: RFC 5280 §4.2, §6.1; what real makers issue: docs/adr/0003-own-path-validation.md.

use crate::tlv::{Reader, only, tag};
use crate::{Certificate, Error, Oid, oid};

/// policyMappings (RFC 5280 §4.2.1.5).
const POLICY_MAPPINGS: Oid = Oid::from_static(&[0x55, 0x1d, 33]);
/// The Open Profile for DICE: the inputs of a layer, 1.3.6.1.4.1.11129.2.1.24.
const OPEN_DICE: Oid = Oid::from_static(&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 1, 24]);

/// The extensions that may be critical.
///
/// | Extension | Why it may |
/// | --- | --- |
/// | basicConstraints, keyUsage, extKeyUsage, nameConstraints, subjectAltName | processed |
/// | subjectKeyIdentifier, authorityKeyIdentifier | used to choose issuers; RFC 5280 forbids them critical, some do so |
/// | certificatePolicies | any policy will do: none is demanded of a path (RFC 5280 §6.1.1 (c), (e)) |
/// | policyMappings, inhibitAnyPolicy | they change the policies found; none is demanded |
/// | policyConstraints | only when it does not require an explicit policy; else the path is refused |
/// | Open-DICE | says what was measured; trusted for nothing here, so ignoring it grants nothing |
const KNOWN: [Oid; 12] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXTENDED_KEY_USAGE,
    oid::NAME_CONSTRAINTS,
    oid::SUBJECT_ALT_NAME,
    oid::SUBJECT_KEY_ID,
    oid::AUTHORITY_KEY_ID,
    oid::CERTIFICATE_POLICIES,
    POLICY_MAPPINGS,
    oid::INHIBIT_ANY_POLICY,
    oid::POLICY_CONSTRAINTS,
    OPEN_DICE,
];

/// Checks that every critical extension is known and that no explicit policy is required.
// RFC5280-4.2-critical
pub(super) fn check(certificate: &Certificate) -> Result<(), Error> {
    let mut critical = certificate.extensions().iter().filter(|extension| extension.critical);
    if critical.any(|extension| !KNOWN.contains(&extension.oid)) {
        return Err(Error::PathCriticalExtensionUnknown);
    }
    match certificate.extension(&oid::POLICY_CONSTRAINTS) {
        Some(constraints) if requires_policy(constraints) => Err(Error::PathPolicyRequired),
        Some(_) | None => Ok(()),
    }
}

/// Tells whether policyConstraints has requireExplicitPolicy (RFC 5280 §4.2.1.11); malformed counts as yes.
// RFC5280-6.1-explicit-policy
fn requires_policy(constraints: &[u8]) -> bool {
    let Some(fields) = only(tag::SEQUENCE, constraints) else { return true };
    let mut fields = Reader::new(fields);
    let is_mapping_only = fields.take(tag::context(1)).is_some() && fields.is_empty();
    !is_mapping_only
}
