//! How a domain is named in the audit log.
//! Source: RFC 8995 §5.8.2.

use pki::Certificate;
use proto::DomainId;

/// Computes the domainID of a pinned certificate: its SubjectKeyIdentifier, else the SHA-256 of its public key.
// RFC8995-5.8.2-domain-id
#[must_use]
pub fn domain_id(pinned: &Certificate) -> DomainId {
    let key_id = pinned.subject_key_id().and_then(|id| DomainId::new(id.as_bytes()).ok());
    key_id.unwrap_or_else(|| from_fingerprint(pinned))
}

fn from_fingerprint(pinned: &Certificate) -> DomainId {
    let fingerprint = pinned.public_key().fingerprint();
    DomainId::new(fingerprint.as_bytes()).unwrap_or_else(|_| unreachable!("32 octets are a domain id"))
}
