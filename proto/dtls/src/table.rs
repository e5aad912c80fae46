//! A bounded table by peer: a session each, with a time when something is due, and the one used least recently first
//! to go.
//!
//! Does not: read a clock, know what it holds.
//! Invariants: entries in all and of one address stay within the bounds after every call; each index names exactly the
//! entries that are there.

use core::hash::Hash;
use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use proto::UnixTime;

/// Where a session's datagrams come from: an address and a port, or what a relay says instead of them.
pub trait Peer: Clone + Ord + Hash + core::fmt::Debug {
    /// What is limited together, whatever the port.
    type Address: Clone + Ord + core::fmt::Debug;

    /// Returns it.
    fn address(&self) -> Self::Address;
}

impl Peer for SocketAddr {
    type Address = core::net::IpAddr;

    fn address(&self) -> Self::Address {
        self.ip()
    }
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    stamp: u64,
    due_at: UnixTime,
}

/// Entries by peer.
#[derive(Debug)]
pub(crate) struct Table<P: Peer, V> {
    entries: BTreeMap<P, Entry<V>>,
    by_use: BTreeMap<u64, P>,
    by_address: BTreeMap<P::Address, BTreeSet<(u64, P)>>,
    due: BTreeSet<(UnixTime, P)>,
    entries_max: usize,
    per_address_max: usize,
    stamps: u64,
}

impl<P: Peer, V> Table<P, V> {
    pub(crate) const fn new(entries_max: usize, per_address_max: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            by_use: BTreeMap::new(),
            by_address: BTreeMap::new(),
            due: BTreeSet::new(),
            entries_max,
            per_address_max,
            stamps: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, peer: &P) -> Option<&V> {
        self.entries.get(peer).map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, peer: &P) -> Option<&mut V> {
        self.entries.get_mut(peer).map(|entry| &mut entry.value)
    }

    /// Puts a value in, in the place of the peer's former one; returns what had to go for it, the value itself where
    /// nothing may be held.
    pub(crate) fn insert(&mut self, peer: &P, value: V, due_at: UnixTime) -> Vec<(P, V)> {
        let mut gone: Vec<(P, V)> =
            self.remove(peer).map(|former| (peer.clone(), former)).into_iter().collect();
        if self.entries_max == 0 || self.per_address_max == 0 {
            gone.push((peer.clone(), value));
            return gone;
        }
        while let Some(least_used) = self.in_the_way(peer) {
            gone.extend(self.remove(&least_used).map(|value| (least_used, value)));
        }
        self.stamps += 1;
        let stamp = self.stamps;
        self.by_use.insert(stamp, peer.clone());
        self.by_address.entry(peer.address()).or_default().insert((stamp, peer.clone()));
        self.due.insert((due_at, peer.clone()));
        self.entries.insert(peer.clone(), Entry { value, stamp, due_at });
        gone
    }

    /// Takes note that an entry was used.
    pub(crate) fn touch(&mut self, peer: &P) {
        let Some(entry) = self.entries.get_mut(peer) else { return };
        self.stamps += 1;
        let former = core::mem::replace(&mut entry.stamp, self.stamps);
        self.by_use.remove(&former);
        self.by_use.insert(self.stamps, peer.clone());
        if let Some(of_address) = self.by_address.get_mut(&peer.address()) {
            of_address.remove(&(former, peer.clone()));
            of_address.insert((self.stamps, peer.clone()));
        }
    }

    /// Sets when something is due.
    pub(crate) fn schedule(&mut self, peer: &P, due_at: UnixTime) {
        let Some(entry) = self.entries.get_mut(peer) else { return };
        self.due.remove(&(entry.due_at, peer.clone()));
        entry.due_at = due_at;
        self.due.insert((due_at, peer.clone()));
    }

    pub(crate) fn remove(&mut self, peer: &P) -> Option<V> {
        let Entry { value, stamp, due_at } = self.entries.remove(peer)?;
        self.by_use.remove(&stamp);
        self.due.remove(&(due_at, peer.clone()));
        let address = peer.address();
        if let Some(of_address) = self.by_address.get_mut(&address) {
            of_address.remove(&(stamp, peer.clone()));
            if of_address.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(value)
    }

    /// Returns when the next thing is due.
    pub(crate) fn next_at(&self) -> Option<UnixTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Returns a peer for whom something is due. It is for the caller to schedule it anew or to remove it.
    pub(crate) fn due(&self, now: UnixTime) -> Option<P> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, peer)| peer.clone())
    }

    /// Returns the entry that must go before one more of that address may come.
    fn in_the_way(&self, peer: &P) -> Option<P> {
        let of_address = self.by_address.get(&peer.address());
        if let Some(of_address) = of_address.filter(|set| set.len() >= self.per_address_max) {
            return of_address.first().map(|(_, peer)| peer.clone());
        }
        let is_full = self.entries.len() >= self.entries_max;
        self.by_use.values().next().filter(|_| is_full).cloned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Peer for (u8, u8) {
        type Address = u8;

        fn address(&self) -> u8 {
            self.0
        }
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn an_address_that_fills_its_share_loses_its_own_session_and_a_full_table_the_least_used_one() {
        let mut table = Table::new(4, 2);
        table.insert(&(1, 0), "oldest", at(9));
        for port in 0..2 {
            table.insert(&(2, port), "of two", at(9));
        }
        table.touch(&(2, 0));
        assert_eq!(table.insert(&(2, 9), "new", at(9)), [((2, 1), "of two")]);
        table.insert(&(3, 0), "of three", at(9));
        assert_eq!(table.insert(&(4, 0), "of four", at(9)), [((1, 0), "oldest")]);
        assert_eq!(table.insert(&(4, 0), "again", at(9)), [((4, 0), "of four")]);
    }

    #[test]
    fn what_is_due_is_known_and_may_be_put_off() {
        let mut table = Table::new(4, 4);
        table.insert(&(1, 0), (), at(5));
        table.insert(&(2, 0), (), at(7));
        assert_eq!((table.next_at(), table.due(at(4))), (Some(at(5)), None));
        table.schedule(&(1, 0), at(8));
        assert_eq!(table.due(at(9)), Some((2, 0)));
        table.remove(&(2, 0));
        assert_eq!(table.next_at(), Some(at(8)));
    }

    proptest! {
        #[test]
        fn the_bounds_hold_after_every_step(steps in prop::collection::vec((0_u8..4, 0_u8..5, 0_u64..50, 0_u8..5), 0..200)) {
            let mut table = Table::new(6, 3);
            for (address, port, seconds, what) in steps {
                let peer = (address, port);
                match what {
                    0 | 1 => { table.insert(&peer, seconds, at(seconds)); }
                    2 => table.touch(&peer),
                    3 => table.schedule(&peer, at(seconds)),
                    _ => { table.remove(&peer); }
                }
                prop_assert!(table.len() <= 6);
                prop_assert!(table.by_address.values().all(|set| (1..=3).contains(&set.len())));
                prop_assert_eq!(table.by_address.values().map(BTreeSet::len).sum::<usize>(), table.len());
                prop_assert_eq!((table.by_use.len(), table.due.len()), (table.len(), table.len()));
            }
        }
    }
}
