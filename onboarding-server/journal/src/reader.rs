//! The reading side: any record by its number, and all that follow it.
//!
//! Invariants: reads only what is durable; every record read passed its checksum, and every one after the first of an
//! iteration its hash.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use proto::Seq;

use crate::error::{Damage, Error};
use crate::format::{RECORD_BYTES_MAX, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, Sound};
use crate::segment::{self, Walk, io, length};
use crate::{Head, JournalRecord};

/// How far two remembered records are apart in the file, in bytes.
const MARK_BYTES: u64 = 16 * 1024;
/// How much is read at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where some of the records of a segment begin, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<(Seq, u64)>);

impl Marks {
    /// Remembers a record if the last remembered one is far enough.
    pub(crate) fn note(&mut self, seq: Seq, offset: u64) {
        if self.0.last().is_none_or(|(_, last)| offset >= last + MARK_BYTES) {
            self.0.push((seq, offset));
        }
    }

    fn extend(&mut self, more: Self) {
        more.0.into_iter().for_each(|(seq, offset)| self.note(seq, offset));
    }

    /// Returns the last remembered place that is not after `seq`.
    fn before(&self, seq: Seq) -> Option<(Seq, u64)> {
        let after = self.0.partition_point(|(marked, _)| *marked <= seq);
        self.0.get(after.checked_sub(1)?).copied()
    }
}

#[derive(Clone, Debug)]
struct Segment {
    first: Seq,
    path: PathBuf,
    /// `None` until the segment is first read.
    marks: Option<Arc<Marks>>,
}

/// What writer and readers share.
#[derive(Debug)]
pub(crate) struct Shared(RwLock<Index>);

#[derive(Debug)]
struct Index {
    segments: Vec<Segment>,
    head: Head,
}

impl Shared {
    pub(crate) fn new(segments: &[(Seq, PathBuf)]) -> Self {
        let segments =
            segments.iter().map(|(first, path)| Segment { first: *first, path: path.clone(), marks: None });
        Self(RwLock::new(Index { segments: segments.collect(), head: Head::EMPTY }))
    }

    /// Makes the segment that begins with `first` the last one.
    pub(crate) fn begin(&self, first: Seq, path: &Path) {
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        index.segments.retain(|segment| segment.first < first);
        let marks = Some(Arc::default());
        index.segments.push(Segment { first, path: path.to_path_buf(), marks });
    }

    /// Lets readers see up to `head`; `marks` are of the last segment.
    pub(crate) fn publish(&self, head: Head, marks: Marks) {
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        index.head = head;
        if let Some(last) = index.segments.last_mut().and_then(|segment| segment.marks.as_mut()) {
            Arc::make_mut(last).extend(marks);
        }
    }

    fn head(&self) -> Head {
        self.0.read().unwrap_or_else(PoisonError::into_inner).head
    }

    /// Returns the segment that holds `seq`, with its marks.
    fn segment_of(&self, seq: Seq) -> Result<(PathBuf, Seq, Arc<Marks>), Error> {
        let found = {
            let index = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let after = index.segments.partition_point(|segment| segment.first <= seq);
            after.checked_sub(1).and_then(|at| index.segments.get(at)).cloned()
        };
        let segment = found.ok_or(Error::NoSuchRecord(seq))?;
        let marks = match segment.marks {
            Some(marks) => marks,
            None => self.mark(&segment)?,
        };
        Ok((segment.path, segment.first, marks))
    }

    /// Reads a segment through once, to remember where its records are.
    fn mark(&self, segment: &Segment) -> Result<Arc<Marks>, Error> {
        let path = &segment.path;
        let bytes = fs::read(path).map_err(io(path))?;
        let damaged = |offset, seq, damage| Error::Damaged { segment: path.clone(), offset, seq, damage };
        let before =
            segment::begin(&bytes, segment.first).map_err(|damage| damaged(0, segment.first, damage))?;
        let (mut walk, mut marks) = (Walk::new(&bytes, before), Marks::default());
        loop {
            let offset = length(walk.offset);
            match walk.step() {
                None => break,
                Some(Ok(record)) => marks.note(record.seq, offset),
                Some(Err(damage)) => return Err(damaged(offset, walk.head.seq.next(), damage)),
            }
        }
        let marks = Arc::new(marks);
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = index.segments.iter_mut().find(|found| found.first == segment.first) {
            found.marks = Some(Arc::clone(&marks));
        }
        Ok(marks)
    }
}

/// Reads a journal while it is written; cheap to clone.
#[derive(Clone, Debug)]
pub struct JournalReader(Arc<Shared>);

impl JournalReader {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Returns the newest durable record.
    #[must_use]
    pub fn head(&self) -> Head {
        self.0.head()
    }

    /// Reads one record.
    ///
    /// # Errors
    /// [`Error::NoSuchRecord`] (`Unknown`); [`Error::Io`], [`Error::Damaged`] (`Fault`).
    pub fn read(&self, seq: Seq) -> Result<JournalRecord, Error> {
        self.records(seq).next().unwrap_or(Err(Error::NoSuchRecord(seq)))
    }

    /// Reads all records from `from` on, up to what is durable now. After an error it ends.
    #[must_use]
    pub fn records(&self, from: Seq) -> Records {
        Records {
            shared: Arc::clone(&self.0),
            next: from.max(Seq(1)),
            last: self.head().seq,
            open: None,
            before: None,
        }
    }
}

/// An iteration over records.
#[derive(Debug)]
pub struct Records {
    shared: Arc<Shared>,
    next: Seq,
    last: Seq,
    open: Option<Window>,
    before: Option<Head>,
}

/// A part of a segment in memory.
#[derive(Debug)]
struct Window {
    file: File,
    path: PathBuf,
    /// Where the buffer begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
}

impl Window {
    fn open(path: PathBuf, offset: u64) -> Result<Self, Error> {
        let file = File::open(&path).map_err(io(&path))?;
        Ok(Self { file, path, offset, buffer: Vec::new(), at: 0 })
    }

    fn place(&self) -> u64 {
        self.offset + length(self.at)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Reads on until a whole record is in the buffer; `false` when the file ends before any byte of it.
    fn fill(&mut self) -> Result<bool, Error> {
        let mut wanted = CHUNK_BYTES;
        while !matches!(Sound::parse(self.rest()), Ok(_) | Err(Damage::Length | Damage::Checksum)) {
            self.offset = self.place();
            self.buffer.drain(..self.at);
            self.at = 0;
            let had = self.buffer.len();
            if had >= RECORD_HEADER_BYTES + RECORD_BYTES_MAX {
                break;
            }
            self.buffer.resize(had + wanted, 0);
            let from = self.offset + length(had);
            let tail = self.buffer.get_mut(had..).unwrap_or_default();
            let read = self.file.read_at(tail, from).map_err(io(&self.path))?;
            self.buffer.truncate(had + read);
            if read == 0 {
                break;
            }
            wanted *= 2;
        }
        Ok(!self.rest().is_empty())
    }
}

impl Records {
    fn step(&mut self) -> Result<JournalRecord, Error> {
        loop {
            let mut window = match self.open.take() {
                Some(window) => window,
                None => self.seek()?,
            };
            if !window.fill()? {
                // The segment is read; the next record begins another.
                self.open = Some(self.seek_begin(&window.path)?);
                continue;
            }
            let damaged = |damage| Error::Damaged {
                segment: window.path.clone(),
                offset: window.place(),
                seq: self.next,
                damage,
            };
            let record = Sound::parse(window.rest()).map_err(damaged)?;
            if let Some(before) = self.before {
                record.follows(before).map_err(damaged)?;
            } else if record.seq > self.next {
                return Err(damaged(Damage::Sequence));
            }
            self.before = Some(record.head());
            let (seq, bytes) = (record.seq, record.total_bytes());
            let found = (seq == self.next).then(|| record.to_record());
            window.at += bytes;
            self.open = Some(window);
            if let Some(record) = found {
                self.next = self.next.next();
                return Ok(record);
            }
        }
    }

    /// Opens the segment that holds the next record, at or before it.
    fn seek(&self) -> Result<Window, Error> {
        let (path, _, marks) = self.shared.segment_of(self.next)?;
        let offset = marks.before(self.next).map_or(length(SEGMENT_HEADER_BYTES), |(_, offset)| offset);
        Window::open(path, offset)
    }

    /// Opens the segment that begins with the next record; `read` is the one that ended.
    fn seek_begin(&self, read: &Path) -> Result<Window, Error> {
        let (path, first, _) = self.shared.segment_of(self.next)?;
        if path == read || first != self.next {
            return Err(Error::Damaged {
                segment: path,
                offset: 0,
                seq: self.next,
                damage: Damage::SegmentGap,
            });
        }
        Window::open(path, length(SEGMENT_HEADER_BYTES))
    }
}

impl Iterator for Records {
    type Item = Result<JournalRecord, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.last = Seq(0);
        }
        Some(step)
    }
}
