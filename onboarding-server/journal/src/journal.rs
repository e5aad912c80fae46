//! The writing side: open, stage, commit.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::{Fingerprint, Seq, UnixTime};

use crate::Head;
use crate::error::Error;
use crate::format::{
    GROUP_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, segment_header,
    write_record,
};
use crate::reader::{JournalReader, Marks, Shared};
use crate::segment::{self, Walk, io, length};

/// How a journal is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When a segment is full, in bytes; one group may pass it.
    pub segment_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes_max: 64 << 20 }
    }
}

/// A journal open for writing; there is one per directory.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: Options,
    file: File,
    path: PathBuf,
    /// Bytes of the present segment that are durable.
    bytes: u64,
    durable: Head,
    staged: Head,
    /// The staged group, as it will be written; where each record begins in it, and after which head.
    group: Vec<u8>,
    begins: Vec<(usize, Head)>,
    is_poisoned: bool,
    shared: Arc<Shared>,
    _lock: File,
}

impl Journal {
    /// Opens the journal in `dir`, makes it where there is none, cuts off what a crash left unfinished.
    ///
    /// The last segment is checked whole, of the others the headers; their records are checked when read and by
    /// [`crate::verify`].
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Locked`], [`Error::Damaged`], all `Fault`.
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        make_dir(dir)?;
        let lock = lock(dir)?;
        let mut segments = segment::list(dir)?;
        while let Some(path) = unfinished(&segments)? {
            fs::remove_file(&path).map_err(io(&path))?;
            sync_dir(dir)?;
            segments.pop();
        }
        let shared = Arc::new(Shared::new(&segments));
        check_headers(&segments)?;
        let (first, path) = match segments.pop() {
            Some(last) => last,
            None => (Seq(1), begin_segment(dir, Head::EMPTY)?),
        };
        let (head, bytes, marks) = mend(&path, first)?;
        let mut file = OpenOptions::new().write(true).open(&path).map_err(io(&path))?;
        file.seek(SeekFrom::Start(bytes)).map_err(io(&path))?;
        shared.begin(first, &path);
        shared.publish(head, marks);
        Ok(Self {
            dir: dir.to_path_buf(),
            options,
            file,
            path,
            bytes,
            durable: head,
            staged: head,
            group: Vec::new(),
            begins: Vec::new(),
            is_poisoned: false,
            shared,
            _lock: lock,
        })
    }

    /// Returns the newest durable record.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.durable
    }

    /// Returns the head that the present group will make.
    #[must_use]
    pub const fn staged_head(&self) -> Head {
        self.staged
    }

    /// Returns a reader, which sees what is durable from now on too.
    #[must_use]
    pub fn reader(&self) -> JournalReader {
        JournalReader::new(Arc::clone(&self.shared))
    }

    /// Adds a record to the present group and says what number and hash it will have. Nothing is written yet.
    ///
    /// # Errors
    /// [`Error::RecordTooLarge`] (`Malformed`): empty, or above [`RECORD_BYTES_MAX`]; [`Error::GroupFull`],
    /// [`Error::Poisoned`] (`Fault`).
    pub fn stage(&mut self, at: UnixTime, payload: &[u8]) -> Result<(Seq, Fingerprint), Error> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        if !(1..=RECORD_BYTES_MAX).contains(&payload.len()) {
            return Err(Error::RecordTooLarge);
        }
        let place = self.begins.len();
        let place =
            u16::try_from(place).ok().filter(|_| place < GROUP_RECORDS_MAX).ok_or(Error::GroupFull)?;
        let begin = (self.group.len(), self.staged);
        self.staged =
            write_record(&mut self.group, self.staged, place, at, payload).ok_or(Error::RecordTooLarge)?;
        self.begins.push(begin);
        Ok((self.staged.seq, self.staged.hash))
    }

    /// Takes back the last record of the present group.
    pub fn unstage(&mut self) {
        if let Some((begin, before)) = self.begins.pop() {
            self.group.truncate(begin);
            self.staged = before;
        }
    }

    /// Takes back the present group.
    pub fn discard(&mut self) {
        self.group.clear();
        self.begins.clear();
        self.staged = self.durable;
    }

    /// Writes the present group and makes it durable; from then on readers see it. Blocks for one `fdatasync`.
    ///
    /// # Errors
    /// [`Error::Io`] (`Fault`): what became of the group is uncertain until the journal is opened anew, and until then
    /// each further write is answered [`Error::Poisoned`].
    pub fn commit(&mut self) -> Result<Head, Error> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        if self.begins.is_empty() {
            return Ok(self.durable);
        }
        let written = self.write_group();
        self.is_poisoned = written.is_err();
        written?;
        let marks = self.marks();
        self.bytes += length(self.group.len());
        self.durable = self.staged;
        self.shared.publish(self.durable, marks);
        self.discard();
        Ok(self.durable)
    }

    fn write_group(&mut self) -> Result<(), Error> {
        let is_full = self.bytes + length(self.group.len()) > self.options.segment_bytes_max;
        if is_full && self.bytes > length(SEGMENT_HEADER_BYTES) {
            self.rotate()?;
        }
        self.file.write_all(&self.group).map_err(io(&self.path))?;
        self.file.sync_data().map_err(io(&self.path))
    }

    fn rotate(&mut self) -> Result<(), Error> {
        self.path = begin_segment(&self.dir, self.durable)?;
        self.file = OpenOptions::new().write(true).open(&self.path).map_err(io(&self.path))?;
        self.file.seek(SeekFrom::End(0)).map_err(io(&self.path))?;
        self.bytes = length(SEGMENT_HEADER_BYTES);
        self.shared.begin(self.durable.seq.next(), &self.path);
        Ok(())
    }

    fn marks(&self) -> Marks {
        let mut marks = Marks::default();
        for (begin, before) in &self.begins {
            marks.note(before.seq.next(), self.bytes + length(*begin));
        }
        marks
    }
}

/// Makes a directory and those above it, each durable under its name: a record in a file that is lost with its directory
/// is lost.
fn make_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir(above)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io(dir)(error)),
        Ok(()) | Err(_) => sync_dir(above),
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

/// Returns the last segment when it was being made: no record in it, and the header does not hold.
fn unfinished(segments: &[(Seq, PathBuf)]) -> Result<Option<PathBuf>, Error> {
    let Some((first, path)) = segments.last() else { return Ok(None) };
    let bytes = fs::metadata(path).map_err(io(path))?.len();
    if bytes > length(SEGMENT_HEADER_BYTES) {
        return Ok(None);
    }
    let header = fs::read(path).map_err(io(path))?;
    Ok(segment::begin(&header, *first).is_err().then(|| path.clone()))
}

/// Checks that each segment begins where the one before ends, as far as names and headers tell.
fn check_headers(segments: &[(Seq, PathBuf)]) -> Result<(), Error> {
    use std::io::Read;
    let mut expected = Some(Seq(1));
    for (first, path) in segments {
        let mut header = Vec::new();
        let file = File::open(path).map_err(io(path))?;
        file.take(length(SEGMENT_HEADER_BYTES)).read_to_end(&mut header).map_err(io(path))?;
        let fits = expected.is_none_or(|expected| expected == *first);
        let damage = segment::begin(&header, *first).err().or((!fits).then_some(crate::Damage::SegmentGap));
        if let Some(damage) = damage {
            return Err(Error::Damaged { segment: path.clone(), offset: 0, seq: *first, damage });
        }
        expected = None;
    }
    Ok(())
}

/// Makes a new segment with nothing but its header, durable under its name.
fn begin_segment(dir: &Path, before: Head) -> Result<PathBuf, Error> {
    let path = segment::path_of(dir, before.seq.next());
    let mut file = File::create(&path).map_err(io(&path))?;
    file.write_all(&segment_header(before)).map_err(io(&path))?;
    file.sync_all().map_err(io(&path))?;
    sync_dir(dir)?;
    Ok(path)
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

/// Checks the last segment, cuts off an unfinished end, and makes the rest durable: a record may have been written and
/// the machine's process killed before it was.
fn mend(path: &Path, first: Seq) -> Result<(Head, u64, Marks), Error> {
    let bytes = fs::read(path).map_err(io(path))?;
    let damaged = |offset, seq, damage| Error::Damaged { segment: path.to_path_buf(), offset, seq, damage };
    let before = segment::begin(&bytes, first).map_err(|damage| damaged(0, first, damage))?;
    let (mut walk, mut marks) = (Walk::new(&bytes, before), Marks::default());
    loop {
        let offset = length(walk.offset);
        match walk.step() {
            None => break,
            Some(Ok(record)) => marks.note(record.seq, offset),
            Some(Err(_)) if walk.is_torn() => break,
            Some(Err(damage)) => return Err(damaged(offset, walk.head.seq.next(), damage)),
        }
    }
    let file = OpenOptions::new().write(true).open(path).map_err(io(path))?;
    file.set_len(length(walk.offset)).map_err(io(path))?;
    file.sync_all().map_err(io(path))?;
    Ok((walk.head, length(walk.offset), marks))
}

const _: () = assert!(RECORD_HEADER_BYTES == 60 && GROUP_RECORDS_MAX <= u16::MAX as usize);
