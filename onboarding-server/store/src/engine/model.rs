//! What a kind of store has to say for itself: its events, how a command is checked, what an event changes.

use proto::{Fingerprint, Seq, UnixTime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::view::{View, Writes};
use crate::error::Error;
use crate::stamp::{Actor, Stamp};

/// A kind of store. Two exist: the owner's and the maker's.
pub trait Model: Send + Sync + 'static {
    /// What its journal records.
    type Event: Serialize + DeserializeOwned + Send + 'static;

    /// Its name, as logs print it.
    const NAME: &'static str;

    /// Says what a record changes; the same live and on replay, so it looks at nothing but `view` and `record`.
    ///
    /// # Errors
    /// The errors of reading the state; and when the record does not fit what is there.
    fn apply(view: &View<'_>, record: &Recorded<Self::Event>, writes: &mut Writes) -> Result<(), Error>;
}

/// A write that can be asked of a store.
pub trait Command<M: Model>: Send + 'static {
    /// What the caller learns.
    type Reply: Send + 'static;

    /// Checks the command against what is on record and says what to record.
    ///
    /// # Errors
    /// Why not. Nothing changes then.
    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<M::Event, Self::Reply>, Error>;
}

/// What a check comes to.
#[derive(Debug)]
pub enum Outcome<E, R> {
    /// Record the event, then give the reply.
    Record(E, R),
    /// All of it is on record; give the reply.
    Unchanged(R),
}

/// A journal record, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<E> {
    /// Its place in the journal.
    pub seq: Seq,
    /// When the server took the request up.
    pub at: UnixTime,
    /// Who asked.
    pub actor: Actor,
    /// The record's hash, which contains the hash of the one before.
    pub hash: Fingerprint,
    /// What happened.
    pub event: E,
}
