//! The journal: an append-only file of records, each chained to the one before, and the truth of the house.
//!
//! Source: DESIGN §6; CRC32C is that of RFC 3720 §12.1, the hash SHA-256 (FIPS 180-4).
//! Does not: know who calls it or what a payload means, read a clock, run threads of its own.
//! Invariants: a record that [`Journal::commit`] returned for survives a crash; nothing that was committed is ever
//! written again; a reader never sees a record that is not durable.
//!
//! # Format, version 1
//!
//! A journal is a directory of segment files `journal-SSSSSSSSSSSSSSSSSSSS.log`, named by the number of their first
//! record in 20 decimal digits. All integers are little-endian.
//!
//! ```text
//! segment header, 56 bytes            record header, 60 bytes
//!  0  8  magic "GWJOURN\n"             0  4  payload length, bytes, 1 to RECORD_BYTES_MAX
//!  8  4  format version, 1             4  4  CRC32C of the header without this field, then the payload
//! 12  8  number of the first record    8  8  record number, the first is 1
//! 20 32  hash of the record before    16  8  time, milliseconds since 1970
//! 52  4  CRC32C of the 52 before      24  2  place in its group, from 0
//!                                     26  2  zero
//!                                     28 32  hash
//!                                     60     payload
//! ```
//!
//! The hash is SHA-256 over the hash of the record before (32 zero bytes before the first), then the header without CRC
//! and hash, then the payload. A group is what one `fdatasync` made durable; each begins after the one before was durable.
//! So when a record does not hold, and a later *group* holds, then the damage is not the end of an interrupted write.
//!
//! # After a crash
//!
//! Only the last group of the last segment can be unfinished: opening cuts it off. A segment file that is no longer than
//! its header and whose header does not hold was being made: opening removes it. All else is damage, and an error that
//! names the file, the offset and the record. What no file can show is that whole groups are missing from its end: for
//! that the caller keeps the [`Head`] elsewhere, as the store does.

mod error;
mod format;
mod journal;
mod reader;
mod segment;
mod verify;

pub use error::{Damage, Error};
pub use format::{GROUP_RECORDS_MAX, RECORD_BYTES_MAX};
pub use journal::{Journal, Options};
pub use reader::{JournalReader, Records};
pub use verify::{Damaged, Report, Tail, verify, verify_each};

use proto::{Fingerprint, Seq, UnixTime};

/// One record, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its place, from 1.
    pub seq: Seq,
    /// The time it was given.
    pub at: UnixTime,
    /// Its hash.
    pub hash: Fingerprint,
    /// What the caller recorded.
    pub payload: Vec<u8>,
}

/// Where the journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record; 0 when there is none.
    pub seq: Seq,
    /// Its hash; all zero when there is none.
    pub hash: Fingerprint,
}

impl Head {
    /// The head of a journal without records.
    pub const EMPTY: Self = Self { seq: Seq(0), hash: Fingerprint::from_array([0; 32]) };
}
