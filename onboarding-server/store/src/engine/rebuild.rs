//! Opening the state: trust it where it proves whole and of this journal, else make it anew.

use std::fs;
use std::path::Path;

use proto::Seq;
use server_journal::{Head, Journal};

use super::model::Model;
use super::state::{Rows, State};
use super::view::{View, Writes};
use super::writer;
use super::{Opening, Options};
use crate::error::Error;

/// How many records are applied between two flushes of the state.
const FLUSH_RECORDS: u64 = 2000;
/// How many records are applied between two lines of progress in the log.
const PROGRESS_RECORDS: u64 = 100_000;

/// Opens the state and brings it up to the journal's head.
pub(crate) fn open_state<M: Model>(
    path: &Path,
    journal: &Journal,
    options: &Options,
) -> Result<(State, Opening), Error> {
    let head = journal.head();
    let opened = State::open(path, options.cache_bytes).and_then(|state| {
        let applied = state.head();
        let is_ours = is_of(journal, applied)?;
        if !is_ours {
            tracing::error!(
                store = M::NAME,
                applied = applied.seq.0,
                head = head.seq.0,
                "the state is not of this journal"
            );
            return Ok(Err(applied.seq));
        }
        let replayed = replay::<M>(&state, journal, applied.seq.next())?;
        Ok(Ok((state, replayed)))
    });
    let was_ahead = match opened {
        Ok(Ok((state, replayed))) => {
            return Ok((state, Opening { head, replayed, is_rebuilt: false, state_was_ahead: None }));
        }
        Ok(Err(applied)) => (applied > head.seq).then_some(applied),
        Err(error @ Error::Journal(_)) => return Err(error),
        Err(error) => {
            tracing::warn!(
                store = M::NAME,
                error = &error as &dyn core::error::Error,
                "the state does not open"
            );
            None
        }
    };
    move_aside(path)?;
    tracing::warn!(store = M::NAME, records = head.seq.0, "making the state anew from the journal");
    let state = State::open(path, options.cache_bytes)?;
    let replayed = replay::<M>(&state, journal, Seq(1))?;
    Ok((state, Opening { head, replayed, is_rebuilt: true, state_was_ahead: was_ahead }))
}

/// Says whether a state made up to `applied` was made from this journal.
fn is_of(journal: &Journal, applied: Head) -> Result<bool, Error> {
    if applied.seq == Seq(0) {
        return Ok(true);
    }
    if applied.seq > journal.head().seq {
        return Ok(false);
    }
    Ok(journal.reader().read(applied.seq)?.hash == applied.hash)
}

/// Keeps the newest state that was given up, for whoever wants to know why.
fn move_aside(path: &Path) -> Result<(), Error> {
    let aside = path.with_extension("aside");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    if path.exists() {
        fs::rename(path, &aside)?;
    }
    Ok(())
}

/// Applies the journal to the state from record `from` on.
fn replay<M: Model>(state: &State, journal: &Journal, from: Seq) -> Result<u64, Error> {
    let mut replayed = 0;
    for record in journal.reader().records(from) {
        let record = writer::read::<M::Event>(&record?)?;
        let mut writes = Writes::default();
        M::apply(&View::new(state, None, record.seq), &record, &mut writes)?;
        let mut rows = Rows::new();
        writes.lay_over(&mut rows);
        state.commit(rows, Head { seq: record.seq, hash: record.hash });
        replayed += 1;
        if replayed % FLUSH_RECORDS == 0 {
            state.flush_now()?;
        }
        if replayed % PROGRESS_RECORDS == 0 {
            tracing::info!(
                store = M::NAME,
                record = record.seq.0,
                of = journal.head().seq.0,
                "applying the journal"
            );
        }
    }
    state.flush_now()?;
    Ok(replayed)
}
