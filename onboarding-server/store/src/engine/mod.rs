//! The engine under both stores: one writer, the journal first, the state after it.
//!
//! 1. A command is checked against the durable state and what its group adds to it; a check makes an event or says no.
//! 2. The events of a group are appended to the journal and made durable by one `fdatasync`.
//! 3. What [`Model::apply`] makes of them goes into the state.
//! 4. Then, and only then, those who asked are told.
//!
//! Does not: know devices or units (a [`Model`] does), read a clock, run tasks of an async runtime.
//! Invariants: readers see durable records only; the state is a pure function of the journal.

pub(crate) mod bytes;
mod known;
mod model;
mod reader;
mod rebuild;
mod row;
mod state;
mod store;
pub(crate) mod timeline;
mod view;
mod writer;

pub use model::{Command, Model, Outcome, Recorded};
pub use reader::Reader;
pub use server_journal::Head;
pub use store::Store;
pub use view::{View, Writes};

use proto::Seq;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// sled's page cache, in bytes.
    pub cache_bytes: u64,
    /// How many writes may wait; one more is answered `Busy`.
    pub queue_max: usize,
    /// How many records one `fdatasync` may cover.
    pub group_max: usize,
    /// When a journal segment is full, in bytes.
    pub segment_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, queue_max: 4096, group_max: 256, segment_bytes_max: 64 << 20 }
    }
}

/// How opening went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The newest record.
    pub head: Head,
    /// How many records were applied to the state, because it lacked them or was made anew.
    pub replayed: u64,
    /// Whether the state was missing, damaged or of another journal, and was made anew.
    pub is_rebuilt: bool,
    /// The record up to which the former state had been made, when that is more than the journal has: records that were
    /// durable are missing from the journal's end, and an operator should know.
    pub state_was_ahead: Option<Seq>,
}
