//! The async face of a store: reads on threads of their own, writes by callback.
//!
//! Does not: know what is stored.
//! Invariants: no call blocks a thread of the async runtime; a write that was accepted is answered even when its
//! caller is gone.

use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use server_store::{Command, Error, Model, Stamp, Store};
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
    reads: SyncSender<Read<M>>,
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
        for _ in 0..READERS {
            let (store, queue) = (Arc::clone(&store), Arc::clone(&queue));
            thread::Builder::new().name(format!("{}-reader", M::NAME)).spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(read) = next else { break };
                    read(&store);
                }
            })?;
        }
        Ok(Self { store, reads })
    }

    /// Returns the store itself: for what does not block, and for threads that may.
    #[must_use]
    pub fn store(&self) -> &Arc<Store<M>> {
        &self.store
    }

    /// Reads.
    ///
    /// # Errors
    /// What `read` says; [`Error::Busy`] when too many reads wait.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store<M>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job: Read<M> = Box::new(move |store| {
            // Who asked may be gone; a read owes nobody anything.
            let _ = answer.send(read(store));
        });
        self.reads.try_send(job).map_err(|_| Error::Busy)?;
        answered.await.unwrap_or(Err(Error::Closed))
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
