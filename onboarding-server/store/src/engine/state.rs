//! The state: sled below, and above it in memory the rows that are durable in the journal but not yet in sled, and those
//! that are known to be in sled.
//!
//! A row that changes often (a device on its way in, a counter) is written to sled once per flush, not once per change.
//! Losing the rows in memory loses nothing: the next start applies the journal from where sled stands.
//! Invariants: a flush is one atomic sled batch that carries the number and hash of the last record in it and the sum of
//! all rows' fingerprints; so a state that opens with a fitting sum is whole.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use proto::{Fingerprint, Seq};
use serde::{Deserialize, Serialize};
use server_journal::Head;

use super::known::{Known, KnownRows};
use super::row;
use crate::error::Error;

/// Rows by key; `None` where the row is deleted.
pub(crate) type Rows = BTreeMap<Vec<u8>, Known>;

/// A key and the bytes under it.
pub(crate) type Row = (Vec<u8>, Arc<[u8]>);

/// How far down a row is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// In memory only, so that nobody waits for the disk.
    Memory,
    /// In sled too.
    Disk,
}

/// How many rows may wait in memory before they are flushed.
const FLUSH_ROWS: usize = 8 * 1024;
/// How many rows may wait before the writer waits for the flusher.
const BACKLOG_ROWS: usize = 8 * FLUSH_ROWS;
/// How long a row waits for a flush at most.
const FLUSH_AFTER: Duration = Duration::from_millis(250);
/// How long sled may keep its file after the last handle on it is gone, in milliseconds; it takes microseconds.
const RELEASE_MILLIS_MAX: u32 = 2_000;
/// The file of sled's that it locks.
const LOCKED_FILE: &str = "db";
/// How many flushed rows become known while readers wait.
const NOTED_TOGETHER: usize = 128;
/// The key of [`Applied`]; models' keys begin with a letter.
const APPLIED_KEY: &[u8] = &[0];

/// What a state is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) seq: Seq,
    pub(crate) hash: Fingerprint,
    /// The sum of the fingerprints of all other rows, as two halves (CBOR has no 128-bit integer).
    sum: (u64, u64),
}

impl Applied {
    const NONE: Self = Self { seq: Seq(0), hash: Fingerprint::from_array([0; 32]), sum: (0, 0) };
}

/// The rows of a store.
#[derive(Debug)]
pub(crate) struct State {
    // Declared before `db`, which must go last.
    recent: RwLock<Recent>,
    flush: Mutex<FlushOrder>,
    wake: Condvar,
    flushed: Condvar,
    has_failed: AtomicBool,
    applied: Mutex<Applied>,
    db: sled::Db,
}

#[derive(Debug)]
struct Recent {
    rows: Rows,
    flushing: Arc<Rows>,
    /// What sled holds, but for what is being flushed.
    known: KnownRows,
    /// How many flushes reached sled.
    flushes: u64,
    head: Head,
}

impl Recent {
    /// Returns what is known of a key without sled; `None` when nothing is.
    fn find(&self, key: &[u8]) -> Option<&Known> {
        let waiting = self.rows.get(key).or_else(|| self.flushing.get(key));
        waiting.or_else(|| self.known.find(key))
    }
}

#[derive(Debug, Default)]
struct FlushOrder {
    is_closing: bool,
    rows_waiting: usize,
}

impl State {
    /// Opens sled and checks every row. Any doubt is an error; the caller then makes a new one.
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, Error> {
        await_release(path);
        let opened = catch_unwind(|| {
            let config =
                sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(1000));
            let db = config.open().map_err(failed)?;
            let applied = check(&db)?;
            Ok::<_, Error>((db, applied))
        });
        let (db, applied) = opened.map_err(|_| Error::StateDamaged)??;
        let head = Head { seq: applied.seq, hash: applied.hash };
        Ok(Self {
            recent: RwLock::new(Recent {
                rows: Rows::new(),
                flushing: Arc::default(),
                known: KnownRows::default(),
                flushes: 0,
                head,
            }),
            flush: Mutex::default(),
            wake: Condvar::new(),
            flushed: Condvar::new(),
            has_failed: AtomicBool::new(false),
            applied: Mutex::new(applied),
            db,
        })
    }

    /// Returns the last record that the rows contain.
    pub(crate) fn head(&self) -> Head {
        self.recent.read().unwrap_or_else(PoisonError::into_inner).head
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Reads a row's bytes; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::NotInMemory`], and those of sled.
    pub(crate) fn read(&self, key: &[u8], depth: Depth) -> Result<Known, Error> {
        let flushes = {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = recent.find(key) {
                return Ok(found.clone());
            }
            recent.flushes
        };
        if depth == Depth::Memory {
            return Err(Error::NotInMemory);
        }
        let found = guarded(|| self.db.get(key).map(|row| row.map(|row| Arc::from(&row[..]))))?;
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        // A flush that ended meanwhile may have changed it in sled.
        if recent.flushes == flushes {
            recent.known.note(key.to_vec(), found.clone());
        }
        Ok(found)
    }

    /// Reads up to `limit` rows whose keys begin with `prefix`, from `after` (exclusive) on, in order; `over` is laid
    /// over them.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        over: Option<&Rows>,
    ) -> Result<Vec<Row>, Error> {
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let mut newer = Rows::new();
        {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            for layer in [Some(&*recent.flushing), Some(&recent.rows), over].into_iter().flatten() {
                let range = layer.range::<[u8], _>((from, Bound::Unbounded));
                let within = range.take_while(|(key, _)| key.starts_with(prefix));
                newer.extend(within.map(|(key, row)| (key.clone(), row.clone())));
            }
        }
        guarded(|| merge(&self.db, prefix, from, limit, &newer))
    }

    /// Takes over the rows of a group that is durable in the journal up to `head`; readers see them from now on.
    pub(crate) fn commit(&self, rows: Rows, head: Head) {
        let rows_waiting = {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.rows.extend(rows);
            recent.head = head;
            recent.rows.len()
        };
        let mut order = self.order();
        order.rows_waiting = rows_waiting;
        if rows_waiting >= FLUSH_ROWS {
            self.wake.notify_all();
        }
        while order.rows_waiting >= BACKLOG_ROWS && !order.is_closing && !self.has_failed() {
            // With a bound, because a failing flusher announces itself without the lock.
            order = self.flushed.wait_timeout(order, FLUSH_AFTER).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Flushes whenever enough rows wait or enough time passed, until [`Self::close`]. Runs on a thread of its own.
    pub(crate) fn flush_until_closed(&self) {
        loop {
            let is_closing = {
                let mut order = self.order();
                if !order.is_closing && order.rows_waiting < FLUSH_ROWS {
                    let waited = self.wake.wait_timeout(order, FLUSH_AFTER);
                    order = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                order.is_closing
            };
            if let Err(error) = self.flush_now() {
                tracing::error!(%error, "the state takes no more writes; the next start makes it anew");
                self.has_failed.store(true, Ordering::Release);
            }
            self.flushed.notify_all();
            if is_closing || self.has_failed() {
                return;
            }
        }
    }

    /// Ends the flusher after a last flush.
    pub(crate) fn close(&self) {
        self.order().is_closing = true;
        self.wake.notify_all();
    }

    /// Makes sled durable, as far as sled can.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        guarded(|| self.db.flush().map(|_| ()))
    }

    /// Writes the rows in memory to sled, in one batch.
    pub(crate) fn flush_now(&self) -> Result<(), Error> {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, head) = {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.flushing = Arc::new(core::mem::take(&mut recent.rows));
            (Arc::clone(&recent.flushing), recent.head)
        };
        self.order().rows_waiting = 0;
        if head.seq == applied.seq {
            return Ok(());
        }
        let next = guarded_result(|| self.write_batch(&rows, head, *applied))?;
        *applied = next;
        self.end_flush(&rows);
        Ok(())
    }

    /// Has readers find what was flushed among what is known, piece by piece, so that none of them waits long.
    fn end_flush(&self, rows: &Rows) {
        let recent = || self.recent.write().unwrap_or_else(PoisonError::into_inner);
        // From now on nobody notes what was read of sled before.
        recent().flushes += 1;
        let mut rows = rows.iter().peekable();
        while rows.peek().is_some() {
            let mut recent = recent();
            let piece = rows.by_ref().take(NOTED_TOGETHER);
            piece.for_each(|(key, row)| recent.known.note(key.clone(), row.clone()));
        }
        recent().flushing = Arc::default();
    }

    /// Returns the sum of the fingerprints of all rows in sled.
    pub(crate) fn digest(&self) -> u128 {
        join(self.applied.lock().unwrap_or_else(PoisonError::into_inner).sum)
    }

    fn write_batch(&self, rows: &Rows, head: Head, applied: Applied) -> Result<Applied, Error> {
        let mut sum = join(applied.sum);
        let mut batch = sled::Batch::default();
        for ((key, row), old) in rows.iter().zip(self.known_of(rows)) {
            let old = match old {
                Some(known) => known,
                None => self.db.get(key).map_err(failed)?.map(|old| Arc::from(&old[..])),
            };
            if let Some(old) = &old {
                sum = sum.wrapping_sub(row::fingerprint(key, old));
            }
            match row {
                Some(row) => {
                    sum = sum.wrapping_add(row::fingerprint(key, row));
                    batch.insert(key.as_slice(), &row[..]);
                }
                None if old.is_some() => batch.remove(key.as_slice()),
                // It came and went between two flushes, as what is owed to a MASA mostly does.
                None => (),
            }
        }
        let next = Applied { seq: head.seq, hash: head.hash, sum: split(sum) };
        batch.insert(APPLIED_KEY, row::encode(APPLIED_KEY, &next)?);
        self.db.apply_batch(batch).map_err(failed)?;
        Ok(next)
    }

    /// Says of each row what is known of its place in sled.
    fn known_of(&self, rows: &Rows) -> Vec<Option<Known>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        rows.keys().map(|key| recent.known.find(key).cloned()).collect()
    }

    fn order(&self) -> MutexGuard<'_, FlushOrder> {
        self.flush.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until sled has let go of its file after an earlier opening by this process.
///
/// A thread of sled's pool tells that a buffer is written before it lets go of the buffer, and with it of the file; so
/// the last handle can be gone and the lock still be held for a moment. Who then opens is refused, and would take a whole
/// state for one that does not open. Another process is kept out by the lock of the journal.
fn await_release(path: &Path) {
    let Ok(file) = File::open(path.join(LOCKED_FILE)) else { return };
    for _ in 0..RELEASE_MILLIS_MAX {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            // Free; or unknown, which sled will say better. It is free again when `file` is closed.
            Ok(()) | Err(TryLockError::Error(_)) => return,
        }
    }
}

/// Reads all rows and compares their sum with the one that was written with the last batch.
fn check(db: &sled::Db) -> Result<Applied, Error> {
    let (mut applied, mut sum, mut rows) = (None, 0u128, 0u64);
    for row in db.iter() {
        let (key, row) = row.map_err(failed)?;
        if key == APPLIED_KEY {
            applied = Some(row::decode::<Applied>(&key, &row)?);
        } else {
            row::check(&key, &row)?;
            sum = sum.wrapping_add(row::fingerprint(&key, &row));
            rows += 1;
        }
    }
    let applied = match applied {
        Some(applied) => applied,
        None if rows == 0 => Applied::NONE,
        None => return Err(Error::StateDamaged),
    };
    if join(applied.sum) == sum { Ok(applied) } else { Err(Error::StateDamaged) }
}

/// Lays `newer` over the rows of sled.
fn merge(
    db: &sled::Db,
    prefix: &[u8],
    from: Bound<&[u8]>,
    limit: usize,
    newer: &Rows,
) -> sled::Result<Vec<Row>> {
    let mut found = Vec::new();
    let mut newer = newer.iter().peekable();
    let older = db.range::<&[u8], _>((from, Bound::Unbounded));
    for row in older {
        let (key, row) = row?;
        if !key.starts_with(prefix) {
            break;
        }
        while let Some((newer_key, newer_row)) =
            newer.next_if(|(newer_key, _)| newer_key.as_slice() < &key[..])
        {
            found.extend(newer_row.as_ref().map(|row| (newer_key.clone(), row.clone())));
        }
        match newer.next_if(|(newer_key, _)| newer_key.as_slice() == &key[..]) {
            Some((newer_key, newer_row)) => {
                found.extend(newer_row.as_ref().map(|row| (newer_key.clone(), row.clone())));
            }
            None => found.push((key.to_vec(), Arc::from(&row[..]))),
        }
        if found.len() >= limit {
            break;
        }
    }
    for (key, row) in newer {
        if found.len() >= limit {
            break;
        }
        found.extend(row.as_ref().map(|row| (key.clone(), row.clone())));
    }
    found.truncate(limit);
    Ok(found)
}

fn join((low, high): (u64, u64)) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

fn split(sum: u128) -> (u64, u64) {
    let half = |n: u128| u64::try_from(n & u128::from(u64::MAX)).unwrap_or(0);
    (half(sum), half(sum >> 64))
}

fn failed(error: sled::Error) -> Error {
    Error::State(Box::new(error))
}

/// Calls sled, which can panic on a damaged file.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    guarded_result(|| call().map_err(failed))
}

fn guarded_result<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Error::StateDamaged))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    const CACHE_BYTES: u64 = 1 << 20;

    fn rows(rows: &[(&[u8], Option<&str>)]) -> Rows {
        rows.iter().map(|(key, row)| (key.to_vec(), row.and_then(|row| encoded(key, row)))).collect()
    }

    fn encoded(key: &[u8], row: &str) -> Known {
        Some(row::encode(key, &row).unwrap().into())
    }

    fn head(seq: u64) -> Head {
        Head { seq: Seq(seq), hash: Fingerprint::from_array([7; 32]) }
    }

    fn written(path: &Path) -> State {
        let state = State::open(path, CACHE_BYTES).unwrap();
        state.commit(rows(&[(b"a", Some("old")), (b"b", Some("there"))]), head(1));
        state.flush_now().unwrap();
        state.commit(rows(&[(b"a", Some("new")), (b"c", Some("there"))]), head(2));
        state.flush_now().unwrap();
        state
    }

    /// Writes behind the state's back, as a page does that comes back from the past.
    fn tamper(path: &Path, change: impl FnOnce(&sled::Db)) {
        await_release(path);
        let db = sled::open(path).unwrap();
        change(&db);
        db.flush().unwrap();
    }

    #[test]
    fn a_state_opens_with_what_was_flushed() {
        let dir = tempfile::tempdir().unwrap();
        drop(written(dir.path()));
        let state = State::open(dir.path(), CACHE_BYTES).unwrap();
        assert_eq!(state.head(), head(2));
        assert_eq!(state.read(b"a", Depth::Disk).unwrap(), encoded(b"a", "new"));
    }

    #[test]
    fn a_state_that_is_let_go_of_late_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        drop(written(dir.path()));
        await_release(dir.path());
        let held = File::open(dir.path().join(LOCKED_FILE)).unwrap();
        held.lock().unwrap();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            let opening = scope.spawn(|| {
                barrier.wait();
                State::open(dir.path(), CACHE_BYTES).map(|state| state.head())
            });
            barrier.wait();
            assert!(sled::open(dir.path()).is_err(), "sled itself does not wait");
            drop(held);
            assert_eq!(opening.join().unwrap().unwrap(), head(2));
        });
    }

    #[test]
    fn a_stale_row_with_a_sound_checksum_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        drop(written(dir.path()));
        tamper(dir.path(), |db| {
            db.insert(b"a", row::encode(b"a", &"old").unwrap()).unwrap();
        });
        assert!(matches!(State::open(dir.path(), CACHE_BYTES), Err(Error::StateDamaged)));
    }

    #[test]
    fn a_missing_row_and_a_missing_count_of_records_are_noticed() {
        for key in [b"b", APPLIED_KEY] {
            let dir = tempfile::tempdir().unwrap();
            drop(written(dir.path()));
            tamper(dir.path(), |db| {
                db.remove(key).unwrap();
            });
            assert!(matches!(State::open(dir.path(), CACHE_BYTES), Err(Error::StateDamaged)));
        }
    }

    #[test]
    fn what_was_looked_up_or_flushed_is_in_memory_and_follows_sled() {
        let dir = tempfile::tempdir().unwrap();
        drop(written(dir.path()));
        let state = State::open(dir.path(), CACHE_BYTES).unwrap();
        for (key, there) in [(b"a", encoded(b"a", "new")), (b"z", None)] {
            assert!(matches!(state.read(key, Depth::Memory), Err(Error::NotInMemory)));
            assert_eq!(state.read(key, Depth::Disk).unwrap(), there);
            assert_eq!(state.read(key, Depth::Memory).unwrap(), there);
        }
        state.commit(rows(&[(b"a", None), (b"z", Some("there"))]), head(3));
        for _ in 0..2 {
            assert_eq!(state.read(b"a", Depth::Memory).unwrap(), None);
            assert_eq!(state.read(b"z", Depth::Memory).unwrap(), encoded(b"z", "there"));
            state.flush_now().unwrap();
        }
        assert_eq!(state.db.get(b"a").unwrap(), None);
        drop(state);
        assert_eq!(State::open(dir.path(), CACHE_BYTES).unwrap().head(), head(3));
    }

    #[test]
    fn a_scan_lays_memory_over_sled_and_the_group_over_both() {
        let dir = tempfile::tempdir().unwrap();
        let state = written(dir.path());
        state.commit(rows(&[(b"b", None), (b"d", Some("memory")), (b"e", Some("memory"))]), head(3));
        let group = rows(&[(b"a", Some("group")), (b"e", None), (b"f", Some("group"))]);
        let keys = |after: Option<&[u8]>, limit| {
            let found = state.scan(b"", after, limit, Some(&group)).unwrap().into_iter();
            found.filter(|(key, _)| key != APPLIED_KEY).map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(None, 10), [b"a", b"c", b"d", b"f"]);
        assert_eq!(keys(Some(b"a"), 2), [b"c", b"d"]);
        let found = state.scan(b"a", None, 10, Some(&group)).unwrap();
        assert_eq!(found, [(b"a".to_vec(), row::encode(b"a", &"group").unwrap().into())]);
    }
}
