//! What sled holds under keys that were lately looked up or written, also that it holds nothing.
//!
//! Why: a device on its way in is read a dozen times within a second, and a look-up in sled costs ten times one here; and
//! what is known here needs no thread that may wait for the disk.
//! Invariants: what is known is what sled holds; it takes [`GENERATION_BYTES`] twice at the most.

use std::collections::HashMap;
use std::sync::Arc;

/// How much becomes known before what was known before is forgotten, in bytes of keys, rows and their places.
const GENERATION_BYTES: usize = 16 << 20;
/// About what a place in the map takes beside key and row.
const PLACE_BYTES: usize = 64;

/// The bytes of a row, or that there is none.
pub(crate) type Known = Option<Arc<[u8]>>;

/// Two generations: all goes into the younger one; when that is full, the elder is forgotten.
#[derive(Debug, Default)]
pub(crate) struct KnownRows {
    young: HashMap<Vec<u8>, Known>,
    old: HashMap<Vec<u8>, Known>,
    young_bytes: usize,
}

impl KnownRows {
    /// Returns what is known of a key; `None` when nothing is.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Known> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Notes what sled holds under a key.
    pub(crate) fn note(&mut self, key: Vec<u8>, row: Known) {
        let bytes = PLACE_BYTES + key.len() + row.as_ref().map_or(0, |row| row.len());
        if self.young_bytes + bytes > GENERATION_BYTES {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: usize) -> Known {
        Some(vec![7; bytes].into())
    }

    #[test]
    fn what_was_noted_last_is_known() {
        let mut known = KnownRows::default();
        assert_eq!(known.find(b"key"), None);
        known.note(b"key".to_vec(), None);
        assert_eq!(known.find(b"key"), Some(&None));
        known.note(b"key".to_vec(), row(3));
        assert_eq!(known.find(b"key"), Some(&row(3)));
    }

    #[test]
    fn the_elder_generation_is_forgotten_and_the_newer_row_counts() {
        let mut known = KnownRows::default();
        let big = GENERATION_BYTES - 1_000;
        known.note(b"a".to_vec(), row(5));
        known.note(b"b".to_vec(), row(big));
        known.note(b"a".to_vec(), row(2_000));
        assert!(known.find(b"a") == Some(&row(2_000)) && known.find(b"b").is_some());
        known.note(b"c".to_vec(), row(big));
        assert!(known.find(b"a").is_some() && known.find(b"b").is_none());
        assert!(known.young_bytes <= GENERATION_BYTES);
    }
}
