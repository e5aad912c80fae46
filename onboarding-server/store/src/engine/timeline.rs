//! Which records are about one subject, oldest first.
//!
//! Why not a row for each: most devices have a dozen records, and a row costs sled ten times the number in it.
//! The newest numbers stand under the subject's key; as soon as there are [`CHUNK_RECORDS`] of them, they go under that
//! key with the first of them behind it, and stay as they are.

use proto::Seq;

use super::view::{View, Writes};
use crate::error::Error;

/// How many numbers stand in one row.
const CHUNK_RECORDS: usize = 64;

/// Adds the newest record to the timeline under `key`.
pub(crate) fn add(view: &View<'_>, writes: &mut Writes, key: Vec<u8>, seq: Seq) -> Result<(), Error> {
    let mut newest: Vec<Seq> = view.load(&key)?.unwrap_or_default();
    newest.push(seq);
    match newest.first() {
        Some(first) if newest.len() >= CHUNK_RECORDS => {
            writes.put([&key[..], &first.0.to_be_bytes()].concat(), &newest)?;
            writes.put(key, &Vec::<Seq>::new())
        }
        Some(_) | None => writes.put(key, &newest),
    }
}

/// Lists up to `limit` records from `from` on.
pub(crate) fn list(view: &View<'_>, key: &[u8], from: Seq, limit: usize) -> Result<Vec<Seq>, Error> {
    Ok(all(view, key)?.filter(|seq| *seq >= from).take(limit).collect())
}

/// Counts the records.
pub(crate) fn count(view: &View<'_>, key: &[u8]) -> Result<u64, Error> {
    Ok(u64::try_from(all(view, key)?.count()).unwrap_or(u64::MAX))
}

/// The row of the newest sorts before those of the others.
fn all(view: &View<'_>, key: &[u8]) -> Result<impl Iterator<Item = Seq>, Error> {
    let mut rows = view.list::<Vec<Seq>>(key, None, usize::MAX)?;
    let newest = rows.len().min(1);
    rows.rotate_left(newest);
    Ok(rows.into_iter().flat_map(|(_, seqs)| seqs))
}

#[cfg(test)]
mod tests {
    use proto::Fingerprint;
    use server_journal::Head;

    use super::super::state::{Rows, State};
    use super::*;

    const KEY: &[u8] = b"tdevice-sixteen-b";

    fn with_records(state: &State, records: u64) {
        for seq in 1..=records {
            let mut writes = Writes::default();
            add(&View::new(state, None, Seq(2 * seq)), &mut writes, KEY.to_vec(), Seq(2 * seq)).unwrap();
            let mut rows = Rows::new();
            writes.lay_over(&mut rows);
            state.commit(rows, Head { seq: Seq(2 * seq), hash: Fingerprint::from_array([1; 32]) });
        }
    }

    #[test]
    fn records_are_listed_in_order_from_any_on_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path(), 1 << 20).unwrap();
        let view = View::new(&state, None, Seq(1));
        assert_eq!((list(&view, KEY, Seq(0), 9).unwrap(), count(&view, KEY).unwrap()), (vec![], 0));
        let records = 3 * CHUNK_RECORDS as u64 + 5;
        with_records(&state, records);
        state.flush_now().unwrap();
        let all: Vec<Seq> = (1..=records).map(|seq| Seq(2 * seq)).collect();
        assert_eq!(list(&view, KEY, Seq(0), usize::MAX).unwrap(), all);
        assert_eq!(count(&view, KEY).unwrap(), records);
        for from in [1, 2, 3, 127, 128, 129, 2 * records, 2 * records + 1] {
            let wanted: Vec<Seq> = all.iter().copied().filter(|seq| seq.0 >= from).take(70).collect();
            assert_eq!(list(&view, KEY, Seq(from), 70).unwrap(), wanted, "from {from}");
        }
    }

    #[test]
    fn a_full_row_is_put_away_and_never_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path(), 1 << 20).unwrap();
        with_records(&state, CHUNK_RECORDS as u64);
        let rows = state.scan(KEY, None, 9, None).unwrap();
        with_records(&state, 3);
        assert_eq!(rows.len(), 2);
        assert_eq!(state.scan(KEY, None, 9, None).unwrap()[1], rows[1]);
    }
}
