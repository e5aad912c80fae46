//! The store's face that is the same for every model: open, write, watch, read the journal.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proto::Seq;
use server_journal::{Head, Journal, JournalReader};

use super::model::{Command, Model};
use super::reader::Reader;
use super::state::{Depth, State};
use super::writer::{Asked, Job, Writer};
use super::{Opening, Options, rebuild};
use crate::error::Error;
use crate::stamp::Stamp;

/// A journal with the state and indexes that follow from it. It reads as its [`Reader`] does.
pub struct Store<M: Model> {
    reader: Reader<M>,
    memory: Reader<M>,
    opening: Opening,
    /// `None` only while dropping.
    queue: Option<SyncSender<Box<dyn Job<M>>>>,
    writer: Option<JoinHandle<()>>,
    flusher: Option<JoinHandle<()>>,
}

/// What the store's threads share.
pub(crate) struct Shared<M> {
    pub(crate) state: State,
    pub(crate) reader: JournalReader,
    is_broken: AtomicBool,
    announced: Mutex<Head>,
    news: Condvar,
    listeners: RwLock<Vec<Listener>>,
    _model: core::marker::PhantomData<fn() -> M>,
}

type Listener = Box<dyn Fn(Head) + Send + Sync>;

impl<M> Shared<M> {
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire) || self.state.has_failed()
    }

    pub(crate) fn break_down(&self) {
        self.is_broken.store(true, Ordering::Release);
    }

    /// Tells those who watch that everything up to `head` is durable.
    pub(crate) fn announce(&self, head: Head) {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = head;
        self.news.notify_all();
        for listener in &*self.listeners.read().unwrap_or_else(PoisonError::into_inner) {
            listener(head);
        }
    }
}

impl<M: Model> Store<M> {
    /// Opens the store in `dir` (`dir/journal`, `dir/state`), making what is missing. Blocks.
    ///
    /// A state that is missing, damaged or not of this journal is moved aside and made anew from the journal.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::RecordUnknown`], [`Error::Io`], [`Error::State`], all `Fault`.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, Error> {
        let journal_options = server_journal::Options { segment_bytes_max: options.segment_bytes_max };
        let journal = Journal::open(&dir.join("journal"), journal_options)?;
        let (state, opening) = rebuild::open_state::<M>(&dir.join("state"), &journal, options)?;
        let shared = Arc::new(Shared {
            state,
            reader: journal.reader(),
            is_broken: AtomicBool::new(false),
            announced: Mutex::new(journal.head()),
            news: Condvar::new(),
            listeners: RwLock::default(),
            _model: core::marker::PhantomData,
        });
        let (queue, jobs) = mpsc::sync_channel(options.queue_max.max(1));
        let group_max = options.group_max.clamp(1, server_journal::GROUP_RECORDS_MAX);
        let writer = Writer { journal, shared: Arc::clone(&shared), group_max, payload: Vec::new() };
        let flushed = Arc::clone(&shared);
        let named = |role: &str| thread::Builder::new().name(format!("{}-{role}", M::NAME));
        let flusher = named("flusher").spawn(move || flushed.state.flush_until_closed())?;
        let writer = named("writer").spawn(move || writer.run(&jobs))?;
        Ok(Self {
            memory: Reader::new(Arc::clone(&shared), Depth::Memory),
            reader: Reader::new(shared, Depth::Disk),
            opening,
            queue: Some(queue),
            writer: Some(writer),
            flusher: Some(flusher),
        })
    }

    /// Says how opening went.
    #[must_use]
    pub const fn opening(&self) -> Opening {
        self.opening
    }

    /// Asks for a write and returns at once. `done` is called exactly once: on the writer's thread when the write is
    /// durable or refused, on this one when the queue is full; it must be short and must not call `execute`.
    pub fn submit<C: Command<M>>(
        &self,
        stamp: Stamp,
        command: C,
        done: impl FnOnce(Result<C::Reply, Error>) + Send + 'static,
    ) {
        let job: Box<dyn Job<M>> = Box::new(Asked { stamp, command, done, reply: None });
        let sent = match &self.queue {
            Some(queue) => queue.try_send(job),
            None => Err(TrySendError::Disconnected(job)),
        };
        let (mut job, error) = match sent {
            Ok(()) => return,
            Err(TrySendError::Full(job)) => (job, Error::Busy),
            Err(TrySendError::Disconnected(job)) => (job, Error::Closed),
        };
        job.fail(error);
        job.answer();
    }

    /// Asks for a write and waits until it is durable or refused. Blocks; never on the writer's thread.
    ///
    /// # Errors
    /// What the command's check says; [`Error::Busy`]; [`Error::ReadOnly`] and [`Error::Closed`] (`Fault`).
    pub fn execute<C: Command<M>>(&self, stamp: Stamp, command: C) -> Result<C::Reply, Error> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.submit(stamp, command, move |reply| {
            // The receiver below lives until it has the answer.
            let _ = answer.send(reply);
        });
        answered.recv().unwrap_or(Err(Error::Closed))
    }

    /// Returns a reader that never waits for the disk.
    #[must_use]
    pub const fn in_memory(&self) -> &Reader<M> {
        &self.memory
    }

    /// Returns whether writes are accepted; a failed write ends that until the next start.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.reader.shared().is_broken()
    }

    /// Waits until a record after `seq` is durable, or `timeout` is over; returns the head then. Blocks.
    #[must_use]
    pub fn wait_beyond(&self, seq: Seq, timeout: Duration) -> Head {
        let head = self.reader.shared().announced.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.reader.shared().news.wait_timeout_while(head, timeout, |head| head.seq <= seq);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Has `notify` called on the writer's thread after each group that became durable; it must be short.
    /// Together with [`Self::records`] it makes a watch that resumes from any cursor.
    pub fn on_commit(&self, notify: impl Fn(Head) + Send + Sync + 'static) {
        self.reader.shared().listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(notify));
    }

    /// Returns the journal as it lies on disk, for those who check it or show it byte by byte.
    #[must_use]
    pub fn journal(&self) -> &JournalReader {
        &self.reader.shared().reader
    }

    /// Waits for the writes that were accepted, makes the state durable and ends the writer. Dropping does the same.
    pub fn close(self) {
        drop(self);
    }

    /// Writes the rows in memory to sled and returns a digest of all rows: the same for the same rows, however they came
    /// about.
    ///
    /// # Errors
    /// [`Error::State`], [`Error::StateDamaged`] (`Fault`).
    pub fn digest_state(&self) -> Result<u128, Error> {
        self.reader.shared().state.flush_now()?;
        Ok(self.reader.shared().state.digest())
    }
}

impl<M: Model> core::ops::Deref for Store<M> {
    type Target = Reader<M>;

    fn deref(&self) -> &Reader<M> {
        &self.reader
    }
}

impl<M: Model> core::fmt::Debug for Store<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Store").field("model", &M::NAME).field("head", &self.head()).finish_non_exhaustive()
    }
}

impl<M: Model> Drop for Store<M> {
    fn drop(&mut self) {
        drop(self.queue.take());
        // A callback may hold the last handle; the writer cannot wait for itself.
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        for ended in [self.writer.take(), self.flusher.take()] {
            if let Some(thread) = ended.filter(|thread| !is_own(thread)) {
                // A panic was reported where it happened.
                let _ = thread.join();
            }
            self.reader.shared().state.close();
        }
        if let Err(error) = self.reader.shared().state.sync() {
            tracing::warn!(store = M::NAME, %error, "the state was not flushed");
        }
    }
}
