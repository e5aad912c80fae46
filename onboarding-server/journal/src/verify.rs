//! The verifier: reads a journal from end to end and says whether it is what was written. Needs no server.

use std::fs;
use std::path::{Path, PathBuf};

use proto::{Seq, UnixTime};

use crate::error::{Damage, Error};
use crate::segment::{self, Walk, io, length};
use crate::{Head, JournalRecord};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many segment files hold, the damaged one included.
    pub segments: u64,
    /// How many records hold.
    pub records: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// The time of the first record.
    pub first_at: Option<UnixTime>,
    /// The time of the last record that holds.
    pub last_at: Option<UnixTime>,
    /// The last record that holds. Compare it with a head that was kept elsewhere: a journal cannot show that its
    /// newest records are missing.
    pub head: Head,
    /// What a crash may have left unfinished at the very end; the next opening cuts it off.
    pub tail: Option<Tail>,
    /// The first place that does not hold; what follows it was not judged.
    pub damage: Option<Damaged>,
}

impl Report {
    /// Says whether every byte is accounted for.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.tail.is_none() && self.damage.is_none()
    }
}

/// The rest of an interrupted write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The segment file.
    pub segment: PathBuf,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// A place that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The segment file.
    pub segment: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The record expected there.
    pub seq: Seq,
    /// What does not hold.
    pub damage: Damage,
}

/// Verifies the journal in `dir`: names, headers, checksums, numbers and the hash chain of every record.
///
/// Damage is a finding, not an error. A journal that is being written may show a tail.
///
/// # Errors
/// [`Error::Io`] (`Fault`) when a file cannot be read.
pub fn verify(dir: &Path) -> Result<Report, Error> {
    verify_each(dir, |_| ())
}

/// As [`verify`], and shows each record that holds, in order.
///
/// # Errors
/// As [`verify`].
pub fn verify_each(dir: &Path, mut show: impl FnMut(JournalRecord)) -> Result<Report, Error> {
    let segments = segment::list(dir)?;
    let mut report = Report {
        segments: 0,
        records: 0,
        bytes: 0,
        first_at: None,
        last_at: None,
        head: Head::EMPTY,
        tail: None,
        damage: None,
    };
    for (at, (first, path)) in segments.iter().enumerate() {
        let bytes = fs::read(path).map_err(io(path))?;
        let is_last = at + 1 == segments.len();
        verify_segment(&mut report, (*first, path), &bytes, is_last, &mut show);
        if report.damage.is_some() {
            break;
        }
    }
    Ok(report)
}

fn verify_segment(
    report: &mut Report,
    (first, path): (Seq, &Path),
    bytes: &[u8],
    is_last: bool,
    show: &mut impl FnMut(JournalRecord),
) {
    report.segments += 1;
    report.bytes += length(bytes.len());
    let damaged = |offset, seq, damage| Some(Damaged { segment: path.to_path_buf(), offset, seq, damage });
    let tail = |offset: usize| {
        Some(Tail {
            segment: path.to_path_buf(),
            offset: length(offset),
            bytes: length(bytes.len() - offset),
        })
    };
    match segment::begin(bytes, first) {
        Ok(before) if before == report.head => (),
        Ok(_) => {
            report.damage = damaged(0, report.head.seq.next(), Damage::SegmentGap);
            return;
        }
        Err(_) if is_last && bytes.len() <= crate::format::SEGMENT_HEADER_BYTES => {
            report.tail = tail(0);
            return;
        }
        Err(damage) => {
            report.damage = damaged(0, report.head.seq.next(), damage);
            return;
        }
    }
    let mut walk = Walk::new(bytes, report.head);
    while let Some(step) = walk.step() {
        match step {
            Ok(record) => {
                report.records += 1;
                report.first_at = report.first_at.or(Some(record.at));
                report.last_at = Some(record.at);
                show(record.to_record());
            }
            Err(_) if is_last && walk.is_torn() => {
                report.tail = tail(walk.offset);
                break;
            }
            Err(damage) => {
                report.damage = damaged(length(walk.offset), walk.head.seq.next(), damage);
                break;
            }
        }
    }
    report.head = walk.head;
}
