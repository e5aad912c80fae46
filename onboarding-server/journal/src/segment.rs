//! Segment files: their names, their order, and a walk through the records of one.

use std::fs;
use std::path::{Path, PathBuf};

use proto::Seq;

use crate::Head;
use crate::error::{Damage, Error};
use crate::format::{Header, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, Sound, parse_segment_header};

/// Returns the path of the segment whose first record is `first`.
pub(crate) fn path_of(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("journal-{:020}.log", first.0))
}

/// Lists the segments of a journal in order: the number of the first record, and the path.
pub(crate) fn list(dir: &Path) -> Result<Vec<(Seq, PathBuf)>, Error> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(io(dir))? {
        let path = entry.map_err(io(dir))?.path();
        if let Some(first) = first_of(&path) {
            segments.push((first, path));
        }
    }
    segments.sort();
    Ok(segments)
}

fn first_of(path: &Path) -> Option<Seq> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("journal-")?.strip_suffix(".log")?;
    let is_number = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Seq))?
}

/// No buffer of ours is longer than a `u64` can say.
pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Makes an error of what the system said about `path`.
pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    |source| Error::Io { path, source }
}

/// Reads the header of a segment and checks it against the name.
pub(crate) fn begin(bytes: &[u8], first: Seq) -> Result<Head, Damage> {
    let before = parse_segment_header(bytes).ok_or(Damage::Header)?;
    if before.seq.next() == first { Ok(before) } else { Err(Damage::SegmentGap) }
}

/// Walks through the records of a segment, each checked against the one before.
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    /// Where the next record begins.
    pub(crate) offset: usize,
    /// The last record that held.
    pub(crate) head: Head,
}

impl<'a> Walk<'a> {
    /// Starts after the header of a segment, which continues after `before`.
    pub(crate) const fn new(bytes: &'a [u8], before: Head) -> Self {
        Self { bytes, offset: SEGMENT_HEADER_BYTES, head: before }
    }

    /// Reads the next record; `None` at the end of the file.
    pub(crate) fn step(&mut self) -> Option<Result<Sound<'a>, Damage>> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let step = Sound::parse(rest).and_then(|record| record.follows(self.head).map(|()| record));
        if let Ok(record) = &step {
            self.offset += record.total_bytes();
            self.head = record.head();
        }
        Some(step)
    }

    /// Says whether what does not hold at the present place may be the rest of an interrupted write: no record of a
    /// later group follows.
    pub(crate) fn is_torn(&self) -> bool {
        let expected = self.head.seq.next();
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let seqs_max = length(rest.len() / RECORD_HEADER_BYTES);
        let is_near = |seq: Seq| seq > expected && seq.0 - expected.0 <= seqs_max;
        !(1..rest.len()).any(|at| {
            let later = rest.get(at..).unwrap_or_default();
            Header::parse(later).and_then(|header| header.seq()).is_some_and(is_near)
                && Sound::parse(later)
                    .is_ok_and(|record| record.seq.0.saturating_sub(u64::from(record.place)) > expected.0)
        })
    }
}
