//! What a MASA's log of past domains says against a device.
//!
//! Source: RFC 8995 §5.8.3.
//! Does not: read a log, or decide what follows.
//! Invariants: an entry of a domain that is neither ours nor known always counts against the device.

use std::time::Duration;

use proto::{DomainId, UnixTime};
use serde::{Deserialize, Serialize};

/// How far, in seconds, an entry may lie before the owner's first word on a device and still belong to it: the clocks
/// of owner and MASA differ, and a delivery note may be entered late.
pub const EARLY_TOLERANCE_SECONDS: u64 = 24 * 60 * 60;

/// Holds what the MASA's log of past domains says, counted (RFC 8995 §5.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLogFacts {
    /// Since when all that it says is known.
    pub known_at: UnixTime,
    /// How many of its entries are of a domain that is neither ours nor known.
    pub foreign_entries: u32,
    /// How many vouchers without a nonce it has, ours not counted: each could take the device over.
    pub nonceless_entries: u32,
    /// How many entries of our own domain are from before the owner knew of the device.
    pub early_entries: u32,
    /// How many entries the MASA left out at will: there could be anything in them.
    pub hidden_entries: u32,
}

/// One voucher in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEntry<'a> {
    /// When it was given.
    pub at: UnixTime,
    /// For which domain.
    pub domain: &'a DomainId,
    /// Whether it has a nonce.
    pub is_nonced: bool,
}

/// What the owner knows, against which a log is held.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// All ids that our own domain has.
    pub ours: &'a [DomainId],
    /// Ids of other domains in which the owner's devices may have been before; ours may be among them, which says that
    /// there is a past of which this server has no record.
    pub expected: &'a [DomainId],
    /// When the owner first spoke of the device, or it came by itself.
    pub device_since_at: UnixTime,
}

/// What a domain in a log is to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainStanding {
    /// The owner's own.
    Ours,
    /// Another in which the owner's devices may have been.
    Known,
    /// Neither.
    Foreign,
}

/// One domain of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastDomain {
    /// Its id.
    pub id: DomainId,
    /// What it is to the owner.
    pub standing: DomainStanding,
    /// How many vouchers of the log are for it.
    pub entries: u32,
    /// When the last of them was given.
    pub last_at: UnixTime,
}

impl Known<'_> {
    /// Says what a domain is to the owner.
    #[must_use]
    pub fn standing(&self, domain: &DomainId) -> DomainStanding {
        if self.ours.contains(domain) {
            DomainStanding::Ours
        } else if self.expected.contains(domain) {
            DomainStanding::Known
        } else {
            DomainStanding::Foreign
        }
    }

    /// Gathers the entries of a log by domain, in the order in which the domains come in it.
    #[must_use]
    pub fn by_domain<'a>(&self, entries: impl Iterator<Item = PastEntry<'a>>) -> Vec<PastDomain> {
        let mut domains: Vec<PastDomain> = Vec::new();
        for entry in entries {
            if let Some(domain) = domains.iter_mut().find(|domain| domain.id == *entry.domain) {
                domain.entries += 1;
                domain.last_at = domain.last_at.max(entry.at);
            } else {
                let (id, standing) = (entry.domain.clone(), self.standing(entry.domain));
                domains.push(PastDomain { id, standing, entries: 1, last_at: entry.at });
            }
        }
        domains
    }
}

impl AuditLogFacts {
    /// Counts what there is against the device.
    // RFC8995-5.8.3-log-findings
    #[must_use]
    pub fn count<'a>(
        entries: impl Iterator<Item = PastEntry<'a>>,
        hidden_entries: u32,
        known: &Known<'_>,
        known_at: UnixTime,
    ) -> Self {
        let early = known.device_since_at.minus(Duration::from_secs(EARLY_TOLERANCE_SECONDS));
        let none =
            Self { known_at, foreign_entries: 0, nonceless_entries: 0, early_entries: 0, hidden_entries };
        entries.fold(none, |so_far, entry| {
            let standing = known.standing(entry.domain);
            let is_ours = standing == DomainStanding::Ours;
            let is_expected = known.expected.contains(entry.domain);
            Self {
                foreign_entries: so_far.foreign_entries + u32::from(standing == DomainStanding::Foreign),
                nonceless_entries: so_far.nonceless_entries + u32::from(!is_ours && !entry.is_nonced),
                early_entries: so_far.early_entries + u32::from(is_ours && !is_expected && entry.at < early),
                ..so_far
            }
        })
    }

    /// Tells whether there is anything against the device.
    #[must_use]
    pub const fn is_suspicious(&self) -> bool {
        self.foreign_entries > 0
            || self.nonceless_entries > 0
            || self.early_entries > 0
            || self.hidden_entries > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: UnixTime = UnixTime::from_seconds(1_700_000_000);

    fn domain(octet: u8) -> DomainId {
        DomainId::new(&[octet; 20]).unwrap()
    }

    fn count(entries: &[(u8, bool, UnixTime)], hidden: u32) -> (u32, u32, u32, u32) {
        let domains: Vec<DomainId> = entries.iter().map(|(octet, ..)| domain(*octet)).collect();
        let entries = entries.iter().zip(&domains).map(|((_, is_nonced, at), domain)| PastEntry {
            at: *at,
            domain,
            is_nonced: *is_nonced,
        });
        // Domain 1 is ours, 2 another that may have had the device, 3 ours with a past that is not on record here.
        let known = Known {
            ours: &[domain(1), domain(3)],
            expected: &[domain(2), domain(3)],
            device_since_at: SINCE,
        };
        let facts = AuditLogFacts::count(entries, hidden, &known, SINCE);
        assert_eq!(facts.is_suspicious(), facts != AuditLogFacts::count([].into_iter(), 0, &known, SINCE));
        (facts.foreign_entries, facts.nonceless_entries, facts.early_entries, facts.hidden_entries)
    }

    #[test]
    fn gathers_a_log_by_domain_and_says_what_each_is_to_the_owner() {
        let known = Known { ours: &[domain(1)], expected: &[domain(1), domain(2)], device_since_at: SINCE };
        let later = SINCE.plus(Duration::from_secs(1));
        let (one, two, three) = (domain(1), domain(2), domain(3));
        let log = [(&two, later), (&one, SINCE), (&two, SINCE), (&three, SINCE)];
        let entries = log.iter().map(|(domain, at)| PastEntry { at: *at, domain, is_nonced: true });
        let found: Vec<_> =
            known.by_domain(entries).into_iter().map(|d| (d.id, d.standing, d.entries, d.last_at)).collect();
        assert_eq!(
            found,
            [
                (two.clone(), DomainStanding::Known, 2, later),
                (one.clone(), DomainStanding::Ours, 1, SINCE),
                (three.clone(), DomainStanding::Foreign, 1, SINCE),
            ]
        );
    }

    #[test]
    fn counts_foreign_domains_vouchers_without_nonce_early_and_hidden_entries() {
        // RFC8995-5.8.3-log-findings
        let day = Duration::from_secs(EARLY_TOLERANCE_SECONDS);
        let early = SINCE.minus(day).minus(Duration::from_secs(1));
        assert_eq!(count(&[(1, true, SINCE), (1, false, SINCE), (2, true, SINCE)], 0), (0, 0, 0, 0));
        assert_eq!(count(&[(4, true, SINCE), (4, false, early)], 0), (2, 1, 0, 0));
        assert_eq!(count(&[(2, false, SINCE)], 0), (0, 1, 0, 0));
        assert_eq!(count(&[(1, true, early), (2, true, early), (3, true, early)], 0), (0, 0, 1, 0));
        assert_eq!(count(&[(1, true, SINCE.minus(day))], 0), (0, 0, 0, 0));
        assert_eq!(count(&[], 7), (0, 0, 0, 7));
    }
}
