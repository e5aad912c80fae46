//! Building the path: issuers tried one after the other, wrong ones left again.
//! Source: RFC 4158 §3 (path building), RFC 5280 §6.1.
//! Invariants: at most `SIGNATURES_MAX` signatures are checked and no path is longer than `DEPTH_MAX`, whatever the
//! pool; no certificate, and no subject with the same key, stands twice in a path.

use super::{DEPTH_MAX, Revocation, Rules, SIGNATURES_MAX, VerifiedPath, checks, constraints, name};
use crate::certificate::general_name::DIRECTORY_NAME;
use crate::tlv::{Reader, only, tag};
use crate::{Certificate, Error};

pub(super) fn find(
    leaf: &Certificate,
    pool: &[Certificate],
    rules: &Rules<'_>,
) -> Result<VerifiedPath, Error> {
    let mut search =
        Search { pool, rules, signatures_left: SIGNATURES_MAX, furthest: (1, Error::PathIssuerUnknown) };
    let mut path = vec![leaf];
    let is_found = if rules.anchors.certificates().contains(leaf) {
        search.holds(&path, Search::revocation)
    } else {
        search.extend(&mut path)
    };
    match path.split_first() {
        Some((leaf, issuers)) if is_found => Ok(VerifiedPath {
            leaf: (*leaf).clone(),
            issuers: issuers.iter().map(|issuer| (*issuer).clone()).collect(),
        }),
        Some(_) | None => Err(search.furthest.1),
    }
}

struct Search<'a> {
    pool: &'a [Certificate],
    rules: &'a Rules<'a>,
    signatures_left: usize,
    /// The length of the longest path tried, and why it failed.
    furthest: (usize, Error),
}

impl<'a> Search<'a> {
    /// Looks for an issuer of the path's last certificate; true when an anchor was reached and all holds.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> bool {
        let anchors = self.rules.anchors.certificates().iter().map(|anchor| (anchor, true));
        let candidates = anchors.chain(self.pool.iter().map(|candidate| (candidate, false)));
        let named: Vec<_> = candidates.filter(|(issuer, _)| is_named_issuer(path, issuer)).collect();
        if named.is_empty() {
            return self.holds(path, |_, _| Err(Error::PathIssuerUnknown));
        }
        for (issuer, is_anchor) in named {
            if !self.holds(path, |search, path| search.step(path, issuer, is_anchor)) {
                continue;
            }
            path.push(issuer);
            let is_found = if is_anchor { self.holds(path, Self::whole) } else { self.extend(path) };
            if is_found {
                return true;
            }
            path.pop();
        }
        false
    }

    /// Notes why a path failed when none came further; of equally long ones the most telling reason.
    fn holds(
        &mut self,
        path: &[&'a Certificate],
        check: impl FnOnce(&mut Self, &[&'a Certificate]) -> Result<(), Error>,
    ) -> bool {
        let Err(error) = check(self, path) else { return true };
        let (length, worst) = &self.furthest;
        if (path.len(), rank(&error)) > (*length, rank(worst)) {
            self.furthest = (path.len(), error);
        }
        false
    }

    /// Checks that `issuer` may have issued, and did issue, the last certificate of the path.
    fn step(&mut self, path: &[&Certificate], issuer: &Certificate, is_anchor: bool) -> Result<(), Error> {
        let Some((child, issuers)) = path.split_last() else { return Err(Error::PathIssuerUnknown) };
        let longest = if is_anchor { DEPTH_MAX } else { DEPTH_MAX - 1 };
        if path.len() >= longest {
            return Err(Error::PathTooDeep);
        }
        // The end entity stands first and is no CA of the path, but its issuers are, the last one included.
        let below = issuers.iter().skip(1).chain((!issuers.is_empty()).then_some(child));
        let cas_below = below.filter(|ca| !ca.is_self_issued()).count();
        checks::issuer(issuer, is_anchor, cas_below, self.rules)?;
        self.signatures_left = self.signatures_left.checked_sub(1).ok_or(Error::PathTooMuchWork)?;
        self.rules.anchors.verify_signed_by(child, issuer.public_key()).map_err(|error| {
            let is_telling =
                matches!(error, Error::SignatureAlgorithmBroken | Error::SignatureAlgorithmUnsupported);
            if is_telling { error } else { Error::PathSignatureInvalid }
        })
    }

    /// Checks a path that reached an anchor.
    fn whole(&mut self, path: &[&'a Certificate]) -> Result<(), Error> {
        constraints::check(path)?;
        self.revocation(path)
    }

    /// Asks for each certificate but the anchor, from the top down. A pinned end entity is asked for too.
    // RFC5280-6.1.3-revocation
    fn revocation(&mut self, path: &[&'a Certificate]) -> Result<(), Error> {
        let last = path.len().saturating_sub(1).max(1);
        for certificate in path.iter().take(last).rev() {
            match (self.rules.revocation)(certificate) {
                Revocation::Good => {}
                Revocation::Revoked => return Err(Error::PathRevoked),
                Revocation::Unknown => return Err(Error::PathRevocationUnknown),
            }
        }
        Ok(())
    }
}

/// Tells whether names and key identifiers point from the path's last certificate to this one, and it is new.
fn is_named_issuer(path: &[&Certificate], issuer: &Certificate) -> bool {
    let Some(child) = path.last() else { return false };
    let is_new = path.iter().all(|known| {
        known.public_key() != issuer.public_key()
            || !name::is_same_name(known.subject_der(), issuer.subject_der())
    });
    name::is_same_name(child.issuer_der(), issuer.subject_der()) && is_key_match(child, issuer) && is_new
}

/// Compares authorityKeyIdentifier with the issuer where both say something (RFC 5280 §4.2.1.1).
// RFC5280-4.2.1.1-key-identifier
fn is_key_match(child: &Certificate, issuer: &Certificate) -> bool {
    let is_other_key = match (child.authority_key_id(), issuer.subject_key_id()) {
        (Some(wanted), Some(own)) => wanted != own,
        _ => false,
    };
    !is_other_key && child.authority_key_id_extension().is_none_or(|aki| is_issuer_and_serial(aki, issuer))
}

/// Compares authorityCertIssuer and authorityCertSerialNumber, when they are there; malformed counts as no match.
fn is_issuer_and_serial(aki: &[u8], issuer: &Certificate) -> bool {
    let Some(fields) = only(tag::SEQUENCE, aki) else { return false };
    let mut fields = Reader::new(fields);
    let _key_id = fields.take(tag::context(0));
    let names = fields.take(tag::context_constructed(1));
    let serial = fields.take(tag::context(2));
    let is_name = names.is_none_or(|names| {
        let directory = Reader::new(names.content).take(DIRECTORY_NAME);
        directory.is_none_or(|directory| name::is_same_name(directory.content, issuer.issuer_der()))
    });
    let is_serial = serial.is_none_or(|serial| {
        serial.content.strip_prefix(&[0]).unwrap_or(serial.content) == issuer.serial().as_bytes()
    });
    is_name && is_serial && fields.is_empty()
}

/// Orders reasons so that the same pool in another order gives the same one: the later the check, the more telling.
fn rank(error: &Error) -> u8 {
    const ORDER: [Error; 18] = [
        Error::PathIssuerUnknown,
        Error::PathTooDeep,
        Error::PathIssuerNotCa,
        Error::PathLengthExceeded,
        Error::PathIssuerMayNotSign,
        Error::PathNotYetValid,
        Error::PathExpired,
        Error::PathCriticalExtensionUnknown,
        Error::PathPolicyRequired,
        Error::PathIssuerPurposeRestricted,
        Error::PathSignatureInvalid,
        Error::SignatureAlgorithmUnsupported,
        Error::SignatureAlgorithmBroken,
        Error::PathNameConstraintUnsupported,
        Error::PathNameConstraintViolated,
        Error::PathRevocationUnknown,
        Error::PathRevoked,
        Error::PathTooMuchWork,
    ];
    let place = ORDER.iter().position(|known| known == error);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}
