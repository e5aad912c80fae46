//! A bounded table by peer and key: every entry has an end, and where there is no room the oldest makes it.
//!
//! Does not: read a clock.
//! Invariants: entries, entries of one peer and their weight stay within [`Bounds`] after every call; `order` and
//! `per_peer` name exactly the entries that are there.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};

use proto::UnixTime;

/// What a peer must be able to do to stand in a table.
pub trait Peer: Clone + Ord + core::hash::Hash + core::fmt::Debug {}

impl<T: Clone + Ord + core::hash::Hash + core::fmt::Debug> Peer for T {}

/// The limits of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries_max: usize,
    pub(crate) per_peer_max: usize,
    pub(crate) weight_max: usize,
}

/// A value to be kept, what it weighs and when it ends.
#[derive(Debug)]
pub(crate) struct Item<V> {
    pub(crate) value: V,
    pub(crate) weight: usize,
    pub(crate) ends_at: UnixTime,
}

/// When an entry ends, and a number that tells entries of the same instant apart.
type Stamp = (UnixTime, u64);

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    stamp: Stamp,
}

/// Entries by peer and key. `K::default()` must be the least key.
#[derive(Debug)]
pub(crate) struct Table<P, K, V> {
    entries: BTreeMap<(P, K), Entry<V>>,
    order: BTreeMap<Stamp, (P, K)>,
    per_peer: BTreeMap<P, usize>,
    bounds: Bounds,
    weight: usize,
    stamps: u64,
}

impl<P: Peer, K: Clone + Ord + Default, V> Table<P, K, V> {
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self {
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            per_peer: BTreeMap::new(),
            bounds,
            weight: 0,
            stamps: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn get(&self, peer: &P, key: &K) -> Option<&V> {
        self.entries.get(&(peer.clone(), key.clone())).map(|entry| &entry.value)
    }

    /// Puts a value in the place of the former one, and makes room. What is heavier than the table may hold in all
    /// is not kept. Returns how many other entries had to go.
    pub(crate) fn insert(&mut self, peer: &P, key: K, item: Item<V>) -> usize {
        let Item { value, weight, ends_at } = item;
        self.remove(peer, &key);
        let Bounds { entries_max, per_peer_max, weight_max } = self.bounds;
        if entries_max == 0 || per_peer_max == 0 || weight > weight_max {
            return 0;
        }
        let before = self.entries.len();
        while self.per_peer.get(peer).is_some_and(|count| *count >= per_peer_max)
            && self.remove_oldest_of(peer)
        {}
        while self.entries.len() >= entries_max || self.weight > weight_max - weight {
            if self.pop_oldest().is_none() {
                break;
            }
        }
        let evicted = before - self.entries.len();
        let stamp = self.next_stamp(ends_at);
        self.order.insert(stamp, (peer.clone(), key.clone()));
        *self.per_peer.entry(peer.clone()).or_default() += 1;
        self.weight += weight;
        self.entries.insert((peer.clone(), key), Entry { value, weight, stamp });
        evicted
    }

    /// Gives an entry a later end, as its use does.
    pub(crate) fn touch(&mut self, peer: &P, key: &K, ends_at: UnixTime) {
        let stamp = self.next_stamp(ends_at);
        if let Some(entry) = self.entries.get_mut(&(peer.clone(), key.clone())) {
            if let Some(place) = self.order.remove(&entry.stamp) {
                self.order.insert(stamp, place);
            }
            entry.stamp = stamp;
        }
    }

    pub(crate) fn remove(&mut self, peer: &P, key: &K) -> Option<V> {
        let entry = self.entries.remove(&(peer.clone(), key.clone()))?;
        self.order.remove(&entry.stamp);
        self.weight -= entry.weight;
        if let Some(count) = self.per_peer.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                self.per_peer.remove(peer);
            }
        }
        Some(entry.value)
    }

    /// Removes all that a peer has.
    pub(crate) fn remove_peer(&mut self, peer: &P) {
        for key in self.keys_of(peer) {
            self.remove(peer, &key);
        }
    }

    /// Removes what has ended; returns how much.
    pub(crate) fn expire(&mut self, now: UnixTime) -> usize {
        let before = self.entries.len();
        while self.next_at().is_some_and(|at| at <= now) && self.pop_oldest().is_some() {}
        before - self.entries.len()
    }

    /// Returns when the next entry ends.
    pub(crate) fn next_at(&self) -> Option<UnixTime> {
        self.order.keys().next().map(|(at, _)| *at)
    }

    fn next_stamp(&mut self, ends_at: UnixTime) -> Stamp {
        self.stamps += 1;
        (ends_at, self.stamps)
    }

    fn pop_oldest(&mut self) -> Option<V> {
        let (peer, key) = self.order.values().next().cloned()?;
        self.remove(&peer, &key)
    }

    fn remove_oldest_of(&mut self, peer: &P) -> bool {
        let oldest =
            self.range_of(peer).min_by_key(|(_, entry)| entry.stamp).map(|((_, key), _)| key.clone());
        oldest.is_some_and(|key| self.remove(peer, &key).is_some())
    }

    fn keys_of(&self, peer: &P) -> Vec<K> {
        self.range_of(peer).map(|((_, key), _)| key.clone()).collect()
    }

    fn range_of<'a>(&'a self, peer: &'a P) -> impl Iterator<Item = (&'a (P, K), &'a Entry<V>)> {
        let from = (peer.clone(), K::default());
        self.entries.range((Included(from), Unbounded)).take_while(move |((of, _), _)| of == peer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { entries_max: 6, per_peer_max: 3, weight_max: 100 };

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn item<V>(value: V, weight: usize, ends_at: UnixTime) -> Item<V> {
        Item { value, weight, ends_at }
    }

    #[test]
    fn the_peer_that_fills_its_share_loses_its_own_oldest_entry() {
        let mut table = Table::<u8, u8, u8>::new(BOUNDS);
        table.insert(&2, 0, item(0, 1, at(1)));
        for key in 0..3 {
            table.insert(&1, key, item(key, 1, at(10 + u64::from(key))));
        }
        table.touch(&1, &0, at(20));
        assert_eq!(table.insert(&1, 9, item(9, 1, at(30))), 1);
        assert!(table.get(&1, &1).is_none() && table.get(&1, &0).is_some() && table.get(&2, &0).is_some());
    }

    #[test]
    fn a_heavy_entry_displaces_several_and_one_too_heavy_none() {
        let mut table = Table::<u8, u8, u8>::new(BOUNDS);
        for peer in 0..3 {
            table.insert(&peer, 0, item(0, 30, at(u64::from(peer))));
        }
        assert_eq!(table.insert(&9, 0, item(0, 101, at(9))), 0);
        assert!(table.get(&9, &0).is_none());
        assert_eq!(table.insert(&9, 0, item(0, 60, at(9))), 2);
        assert_eq!((table.len(), table.weight()), (2, 90));
    }

    #[test]
    fn entries_end_and_the_next_end_is_known() {
        let mut table = Table::<u8, u8, u8>::new(BOUNDS);
        table.insert(&1, 1, item(0, 1, at(5)));
        table.insert(&1, 2, item(0, 1, at(7)));
        assert_eq!(table.next_at(), Some(at(5)));
        assert_eq!(table.expire(at(6)), 1);
        table.remove_peer(&1);
        assert_eq!((table.len(), table.weight(), table.next_at()), (0, 0, None));
    }

    proptest! {
        #[test]
        fn the_bounds_hold_after_every_step(steps in prop::collection::vec((0_u8..4, 0_u8..5, 0_usize..60, 0_u64..50, 0_u8..4), 0..200)) {
            let mut table = Table::<u8, u8, u64>::new(BOUNDS);
            for (peer, key, weight, seconds, what) in steps {
                match what {
                    0 | 1 => { table.insert(&peer, key, item(seconds, weight, at(seconds))); }
                    2 => { table.touch(&peer, &key, at(seconds)); }
                    _ => { table.remove(&peer, &key); }
                }
                prop_assert!(table.len() <= BOUNDS.entries_max && table.weight() <= BOUNDS.weight_max);
                prop_assert!(table.per_peer.values().all(|count| (1..=BOUNDS.per_peer_max).contains(count)));
                prop_assert_eq!(table.order.len(), table.len());
                prop_assert_eq!(table.per_peer.values().sum::<usize>(), table.len());
                prop_assert_eq!(table.entries.values().map(|e| e.weight).sum::<usize>(), table.weight());
            }
            table.expire(at(50));
            prop_assert!(table.len() == 0 && table.weight() == 0 && table.per_peer.is_empty());
        }
    }
}
