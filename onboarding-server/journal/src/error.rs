//! Why the journal says no.

use std::path::PathBuf;

use proto::{Class, Reason, ReasonCode, Seq};

/// Every failure of the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory cannot be used.
    #[error("{}: the file cannot be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the journal open.
    #[error("{}: the journal is in use by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The bytes at this place are not what was written.
    #[error("{}: damaged at byte {offset}, where record {seq} should be: {damage}", segment.display())]
    Damaged {
        /// The segment file.
        segment: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// The record expected there.
        seq: Seq,
        /// What does not hold.
        damage: Damage,
    },
    /// A record is larger than [`crate::RECORD_BYTES_MAX`].
    #[error("a record is too large for the journal")]
    RecordTooLarge,
    /// A group has more than [`crate::GROUP_RECORDS_MAX`] records.
    #[error("the group is full")]
    GroupFull,
    /// A write failed earlier; what is on disk is uncertain until the journal is opened anew.
    #[error("the journal takes no more records since a write failed")]
    Poisoned,
    /// The record is not (yet) in the journal.
    #[error("the journal has no record {0}")]
    NoSuchRecord(Seq),
}

/// What does not hold in a damaged place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The segment's header is short, unknown or fails its checksum.
    #[error("the segment header does not hold")]
    Header,
    /// The segment does not begin where the one before ended, or one is missing.
    #[error("the segment does not follow the one before")]
    SegmentGap,
    /// The record ends after the file does.
    #[error("the record is cut short")]
    Short,
    /// The length is out of bounds.
    #[error("the length is out of bounds")]
    Length,
    /// The checksum is another.
    #[error("the checksum does not hold")]
    Checksum,
    /// The sequence number is another.
    #[error("the sequence number is another")]
    Sequence,
    /// The hash does not continue the chain.
    #[error("the hash chain does not hold")]
    Chain,
}

impl Damage {
    /// Names the damage, as reports print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::SegmentGap => "segment-gap",
            Self::Short => "short",
            Self::Length => "length",
            Self::Checksum => "checksum",
            Self::Sequence => "sequence",
            Self::Chain => "chain",
        }
    }
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::RecordTooLarge => Class::Malformed,
            Self::NoSuchRecord(_) => Class::Unknown,
            Self::Io { .. }
            | Self::Locked { .. }
            | Self::Damaged { .. }
            | Self::GroupFull
            | Self::Poisoned => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::Io { .. } => "journal-io",
            Self::Locked { .. } => "journal-locked",
            Self::Damaged { .. } => "journal-damaged",
            Self::RecordTooLarge => "journal-record-too-large",
            Self::GroupFull => "journal-group-full",
            Self::Poisoned => "journal-poisoned",
            Self::NoSuchRecord(_) => "journal-no-such-record",
        })
    }
}
