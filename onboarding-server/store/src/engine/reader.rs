//! Reading what is on record: rows by key, lists, records of the journal.

use std::sync::Arc;

use proto::Seq;
use server_journal::Head;

use super::model::{Model, Recorded};
use super::state::Depth;
use super::store::Shared;
use super::view::View;
use super::writer;
use crate::error::Error;

/// What can be read of a store. Each model adds reads of its own.
///
/// A store's own reader goes to the disk for what is not in memory. [`crate::Store::in_memory`] is one that does not: what
/// it cannot tell is [`Error::NotInMemory`].
pub struct Reader<M> {
    shared: Arc<Shared<M>>,
    depth: Depth,
}

impl<M: Model> Reader<M> {
    pub(crate) const fn new(shared: Arc<Shared<M>>, depth: Depth) -> Self {
        Self { shared, depth }
    }

    /// Returns the newest durable record.
    #[must_use]
    pub fn head(&self) -> Head {
        self.shared.state.head()
    }

    /// Reads up to `limit` records from `from` on, in order. Past the head the page is empty.
    ///
    /// # Errors
    /// [`Error::Journal`] and [`Error::RecordUnknown`] (`Fault`); [`Error::NotInMemory`].
    pub fn records(&self, from: Seq, limit: usize) -> Result<Vec<Recorded<M::Event>>, Error> {
        self.check_depth()?;
        self.shared.reader.records(from).take(limit).map(|record| writer::read(&record?)).collect()
    }

    /// Reads one record.
    ///
    /// # Errors
    /// [`Error::Journal`] (`Unknown` past the head, else `Fault`) and [`Error::RecordUnknown`] (`Fault`);
    /// [`Error::NotInMemory`].
    pub fn record(&self, seq: Seq) -> Result<Recorded<M::Event>, Error> {
        self.check_depth()?;
        writer::read(&self.shared.reader.read(seq)?)
    }

    /// Records are on disk only.
    fn check_depth(&self) -> Result<(), Error> {
        if self.depth == Depth::Disk { Ok(()) } else { Err(Error::NotInMemory) }
    }

    /// Returns what is on record.
    pub(crate) fn view(&self) -> View<'_> {
        View::new(&self.shared.state, None, self.head().seq.next()).within(self.depth)
    }

    pub(crate) fn shared(&self) -> &Shared<M> {
        &self.shared
    }
}

impl<M: Model> core::fmt::Debug for Reader<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Reader");
        shown.field("model", &M::NAME).field("depth", &self.depth).field("head", &self.head());
        shown.finish_non_exhaustive()
    }
}
