//! The async face of a store: look-ups in memory, reads on threads of their own, writes by callback.
//!
//! Does not: know what is stored.
//! Invariants: no call blocks a thread of the async runtime; a write that was accepted is answered even when its
//! caller is gone; a read that panics ends with its request and not with its thread; once the ledger is dropped, its store
//! is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use server_store::{Command, Error, Model, Reader, Stamp, Store};
use tokio::sync::oneshot;

/// How many threads read one store.
const READERS: usize = 2;
/// How many reads may wait; more are answered `Busy`.
const READS_WAITING_MAX: usize = 4096;

type Read<M> = Box<dyn FnOnce(&Store<M>) + Send>;

/// A store and the threads that read it.
#[derive(Debug)]
pub struct Ledger<M: Model> {
    store: Arc<Store<M>>,
    /// `None` only while dropping.
    reads: Option<SyncSender<Read<M>>>,
    readers: Vec<JoinHandle<()>>,
}

impl<M: Model> Ledger<M> {
    /// Starts the threads; they end when the ledger is dropped.
    ///
    /// # Errors
    /// What the operating system says when it has no threads left.
    pub fn new(store: Store<M>) -> std::io::Result<Self> {
        let store = Arc::new(store);
        let (reads, queue) = mpsc::sync_channel::<Read<M>>(READS_WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let (store, queue) = (Arc::clone(&store), Arc::clone(&queue));
            let reader = thread::Builder::new().name(format!("{}-reader", M::NAME));
            readers.push(reader.spawn(move || read_all(&store, &queue))?);
        }
        Ok(Self { store, reads: Some(reads), readers })
    }

    /// Returns the store itself: for what does not block, and for threads that may.
    #[must_use]
    pub fn store(&self) -> &Arc<Store<M>> {
        &self.store
    }

    /// Looks few rows up by their keys: at once when they lie in memory, as those of a device on its way in do, else by a
    /// [`Self::read`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn look_up<T: Send + 'static>(
        &self,
        read: impl Fn(&Reader<M>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match read(self.store.in_memory()) {
            Err(Error::NotInMemory) => self.read(move |store| read(store)).await,
            found => found,
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// What `read` says; [`Error::Busy`] when too many reads wait; [`Error::CommandPanicked`] (`Fault`) when it did.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store<M>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job: Read<M> = Box::new(move |store| {
            // Who asked may be gone; a read owes nobody anything.
            let _ = answer.send(read(store));
        });
        let reads = self.reads.as_ref().ok_or(Error::Closed)?;
        reads.try_send(job).map_err(|_| Error::Busy)?;
        answered.await.unwrap_or(Err(Error::CommandPanicked))
    }

    /// Writes, and returns when it is durable or refused.
    ///
    /// # Errors
    /// As [`Store::execute`].
    pub async fn write<C: Command<M>>(&self, stamp: Stamp, command: C) -> Result<C::Reply, Error>
    where
        C::Reply: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.store.submit(stamp, command, move |reply| {
            let _ = answer.send(reply);
        });
        answered.await.unwrap_or(Err(Error::Closed))
    }
}

impl<M: Model> Drop for Ledger<M> {
    /// Waits for the readers, or one of them would be the last to hold the store and close it at a time of its own.
    fn drop(&mut self) {
        drop(self.reads.take());
        let is_own = |reader: &JoinHandle<()>| reader.thread().id() == thread::current().id();
        for reader in self.readers.drain(..).filter(|reader| !is_own(reader)) {
            // A panic was reported where it happened.
            let _ = reader.join();
        }
    }
}

/// Reads what is asked for until nobody can ask any more.
fn read_all<M: Model>(store: &Store<M>, queue: &Mutex<Receiver<Read<M>>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        // Who asked learns of it by the answer that is dropped.
        if catch_unwind(AssertUnwindSafe(|| read(store))).is_err() {
            tracing::error!(store = M::NAME, "a read panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use server_store::{Options, Owner};

    use super::*;

    #[tokio::test]
    async fn a_read_that_panics_is_a_fault_and_takes_no_reader_along() {
        let directory = tempfile::tempdir().unwrap();
        let ledger =
            Ledger::<Owner>::new(Store::open(directory.path(), &Options::default()).unwrap()).unwrap();
        for _ in 0..=READERS {
            let read = ledger.read(|_| -> Result<(), Error> { panic!("as this test wants") });
            assert!(matches!(read.await, Err(Error::CommandPanicked)));
        }
        assert!(ledger.read(|store| Ok(store.head())).await.is_ok());
    }

    #[tokio::test]
    async fn a_store_is_closed_when_its_ledger_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..8 {
            let opened = Store::open(directory.path(), &Options::default());
            let ledger = Ledger::<Owner>::new(opened.expect("the store before was closed")).unwrap();
            ledger.read(|store| Ok(store.head())).await.unwrap();
        }
    }
}
