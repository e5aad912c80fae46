//! Name constraints: what a CA said the names below it may be.
//! Source: RFC 5280 §4.2.1.10, §6.1.3 (b), (c), §6.1.4 (g).
//! Does not: bind a serial number to a device; nobody may rely on it for that, since a certificate without a name of the
//! constrained kind always passes. Of kinds other than dNSName, directoryName and iPAddress it only sees that they are
//! constrained, and then refuses.

use super::name;
use crate::certificate::general_name::{DIRECTORY_NAME, DNS_NAME, IP_ADDRESS, RFC822_NAME};
use crate::tlv::{Reader, Tlv, only, tag};
use crate::{Certificate, Error, Oid, oid};

/// emailAddress in a subject, which an rfc822Name constraint covers (RFC 5280 §4.2.1.10).
const EMAIL_ADDRESS: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]);

/// Checks every certificate of the path against the constraints of all CAs above it, the anchor's too; self-issued ones
/// that are not the end entity are exempt (RFC 5280 §6.1.3 (b)).
// RFC5280-6.1.3-name-constraints
pub(super) fn check(path: &[&Certificate]) -> Result<(), Error> {
    for (place, ca) in path.iter().enumerate().skip(1) {
        let Some(der) = ca.extension(&oid::NAME_CONSTRAINTS) else { continue };
        let constraints = Constraints::read(der).ok_or(Error::PathNameConstraintUnsupported)?;
        for (below, certificate) in path.iter().enumerate().take(place) {
            if below == 0 || !certificate.is_self_issued() {
                constraints.check(certificate)?;
            }
        }
    }
    Ok(())
}

/// The bases of the subtrees.
struct Constraints<'a> {
    permitted: Vec<Tlv<'a>>,
    excluded: Vec<Tlv<'a>>,
}

impl<'a> Constraints<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut fields = Reader::new(only(tag::SEQUENCE, der)?);
        let mut subtrees = |number| match fields.take(tag::context_constructed(number)) {
            Some(list) => bases(list.content),
            None => Some(Vec::new()),
        };
        let (permitted, excluded) = (subtrees(0)?, subtrees(1)?);
        fields.is_empty().then_some(Self { permitted, excluded })
    }

    fn check(&self, certificate: &Certificate) -> Result<(), Error> {
        let subject = certificate.subject_der();
        if only(tag::SEQUENCE, subject).is_some_and(|rdns| !rdns.is_empty()) {
            self.check_name(DIRECTORY_NAME, subject)?;
        }
        if name::has_attribute(subject, &EMAIL_ADDRESS) {
            self.check_name(RFC822_NAME, &[])?;
        }
        let mut names = Reader::new(
            certificate.subject_alt_name_der().and_then(|der| only(tag::SEQUENCE, der)).unwrap_or_default(),
        );
        while let Some(name) = names.any() {
            self.check_name(name.tag, name.content)?;
        }
        if names.is_empty() { Ok(()) } else { Err(Error::PathNameConstraintUnsupported) }
    }

    fn check_name(&self, kind: u8, name: &[u8]) -> Result<(), Error> {
        let mut all = self.permitted.iter().chain(&self.excluded);
        if !all.any(|base| base.tag == kind) {
            return Ok(());
        }
        if !matches!(kind, DNS_NAME | DIRECTORY_NAME | IP_ADDRESS) {
            return Err(Error::PathNameConstraintUnsupported);
        }
        let is_excluded = of_kind(&self.excluded, kind)
            .any(|base| is_in(kind, name, base.content) || may_reach(kind, name, base.content));
        let mut permitted = of_kind(&self.permitted, kind).peekable();
        let is_permitted =
            permitted.peek().is_none() || permitted.any(|base| is_in(kind, name, base.content));
        if is_excluded || !is_permitted { Err(Error::PathNameConstraintViolated) } else { Ok(()) }
    }
}

fn of_kind<'a, 'b>(bases: &'b [Tlv<'a>], kind: u8) -> impl Iterator<Item = &'b Tlv<'a>> {
    bases.iter().filter(move |base| base.tag == kind)
}

/// Reads GeneralSubtrees; minimum and maximum must have their defaults (RFC 5280 §4.2.1.10).
fn bases(list: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut reader = Reader::new(list);
    let mut bases = Vec::new();
    while !reader.is_empty() {
        let mut subtree = Reader::new(reader.take(tag::SEQUENCE)?.content);
        bases.push(subtree.any().filter(|_| subtree.is_empty())?);
    }
    Some(bases)
}

fn is_in(kind: u8, name: &[u8], base: &[u8]) -> bool {
    match kind {
        DNS_NAME => is_dns_in(name, base),
        DIRECTORY_NAME => name::is_within(name, base),
        _ => is_address_in(name, base),
    }
}

/// Tells whether a name is the base or ends in it after a dot; a base that begins with a dot means only names below.
fn is_dns_in(name: &[u8], base: &[u8]) -> bool {
    if base.is_empty() {
        return true;
    }
    let Some((labels, end)) = name.len().checked_sub(base.len()).and_then(|at| name.split_at_checked(at))
    else {
        return false;
    };
    let is_at_label = labels.is_empty() || labels.ends_with(b".") || base.starts_with(b".");
    end.eq_ignore_ascii_case(base) && is_at_label
}

/// Tells whether a wildcard could stand for a name within an excluded base.
fn may_reach(kind: u8, name: &[u8], base: &[u8]) -> bool {
    kind == DNS_NAME && name.strip_prefix(b"*.").is_some_and(|domain| is_dns_in(base, domain))
}

/// Compares an address with an address and mask, 8 or 32 octets.
fn is_address_in(name: &[u8], base: &[u8]) -> bool {
    let Some((address, mask)) =
        base.split_at_checked(name.len()).filter(|(_, mask)| mask.len() == name.len())
    else {
        return false;
    };
    name.iter().zip(address).zip(mask).all(|((name, address), mask)| name & mask == address & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_subtree_ends_at_a_dot() {
        assert!(is_dns_in(b"example.com", b"example.com"));
        assert!(is_dns_in(b"a.Example.com", b"example.com"));
        assert!(is_dns_in(b"a.example.com", b".example.com"));
        assert!(is_dns_in(b"anything", b""));
        assert!(!is_dns_in(b"badexample.com", b"example.com"));
        assert!(!is_dns_in(b"com", b"example.com"));
        assert!(!is_dns_in(b"example.com", b".example.com"));
    }

    #[test]
    fn a_wildcard_may_reach_an_excluded_name() {
        assert!(may_reach(DNS_NAME, b"*.example.com", b"secret.example.com"));
        assert!(!may_reach(DNS_NAME, b"*.example.com", b"secret.example.org"));
        assert!(!may_reach(IP_ADDRESS, b"*.example.com", b"secret.example.com"));
    }

    #[test]
    fn an_address_subtree_is_address_and_mask_of_its_family() {
        assert!(is_address_in(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!is_address_in(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!is_address_in(&[10, 1, 2, 3], &[0; 32]));
        assert!(!is_address_in(&[10, 1, 2, 3], &[0; 7]));
    }
}
