//! The writer: one thread that checks, records and answers, a group at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use server_journal::{Journal, JournalRecord};

use super::model::{Command, Model, Outcome, Recorded};
use super::state::Rows;
use super::store::Shared;
use super::view::{View, Writes};
use crate::error::Error;
use crate::stamp::{Actor, Stamp};

/// How far apart groups begin where writes come together.
const GROUP_INTERVAL: Duration = Duration::from_millis(4);

/// The payload of a journal record.
#[derive(Debug, Serialize, Deserialize)]
struct Payload<A, E> {
    actor: A,
    event: E,
}

/// Reads a journal record.
pub(crate) fn read<E: serde::de::DeserializeOwned>(record: &JournalRecord) -> Result<Recorded<E>, Error> {
    let payload: Payload<Actor, E> =
        ciborium::from_reader(record.payload.as_slice()).map_err(|_| Error::RecordUnknown(record.seq))?;
    let Payload { actor, event } = payload;
    Ok(Recorded { seq: record.seq, at: record.at, actor, hash: record.hash, event })
}

/// A command with the one who waits for it.
pub(crate) trait Job<M: Model>: Send {
    /// Checks the command and keeps the answer; gives back what is to be recorded.
    fn check(&mut self, view: &View<'_>) -> Option<M::Event>;
    /// Says when and by whom it was asked.
    fn stamp(&self) -> &Stamp;
    /// Replaces the answer.
    fn fail(&mut self, error: Error);
    /// Gives the answer.
    fn answer(self: Box<Self>);
}

/// The one implementation of [`Job`], which forgets the types of command and reply.
pub(crate) struct Asked<M: Model, C: Command<M>, F> {
    pub(crate) stamp: Stamp,
    pub(crate) command: C,
    pub(crate) done: F,
    pub(crate) reply: Option<Result<C::Reply, Error>>,
}

impl<M: Model, C: Command<M>, F: FnOnce(Result<C::Reply, Error>) + Send> Job<M> for Asked<M, C, F> {
    fn check(&mut self, view: &View<'_>) -> Option<M::Event> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.command.check(view, &self.stamp)));
        match outcome.unwrap_or(Err(Error::CommandPanicked)) {
            Ok(Outcome::Record(event, reply)) => {
                self.reply = Some(Ok(reply));
                Some(event)
            }
            Ok(Outcome::Unchanged(reply)) => {
                self.reply = Some(Ok(reply));
                None
            }
            Err(error) => {
                self.reply = Some(Err(error));
                None
            }
        }
    }

    fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    fn fail(&mut self, error: Error) {
        self.reply = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        let Self { done, reply, .. } = *self;
        let reply = reply.unwrap_or(Err(Error::Closed));
        // Those who ask must not be able to stop the writer.
        if catch_unwind(AssertUnwindSafe(|| done(reply))).is_err() {
            tracing::error!("a write's callback panicked");
        }
    }
}

/// The writer's own part of a store.
pub(crate) struct Writer<M: Model> {
    pub(crate) journal: Journal,
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) group_max: usize,
    /// Used again for each payload.
    pub(crate) payload: Vec<u8>,
}

impl<M: Model> Writer<M> {
    /// Works until nobody can ask any more. A write that nobody shares goes at once; where several come together, groups
    /// begin [`GROUP_INTERVAL`] apart, so that those who come meanwhile share one `fdatasync`.
    pub(crate) fn run(mut self, queue: &Receiver<Box<dyn Job<M>>>) {
        let mut group = Vec::new();
        let (mut next_at, mut interval) = (Instant::now(), Duration::ZERO);
        while let Ok(first) = queue.recv() {
            // Asleep, not at the queue: then nobody has to wake this thread for each write that comes.
            thread::sleep(next_at.saturating_duration_since(Instant::now()));
            let begun_at = Instant::now();
            group.push(first);
            group.extend(queue.try_iter().take(self.group_max - 1));
            interval = interval_after(interval, group.len());
            next_at = begun_at + interval;
            self.write(&mut group);
            group.drain(..).for_each(Job::answer);
        }
    }

    fn write(&mut self, group: &mut [Box<dyn Job<M>>]) {
        if self.shared.is_broken() {
            group.iter_mut().for_each(|job| job.fail(Error::ReadOnly));
            return;
        }
        let mut rows = Rows::new();
        for job in group.iter_mut() {
            if let Err(error) = self.take(job.as_mut(), &mut rows) {
                job.fail(error);
            }
        }
        match self.journal.commit() {
            Ok(head) if head == self.shared.state.head() => (),
            Ok(head) => {
                self.shared.state.commit(rows, head);
                self.shared.announce(head);
            }
            Err(error) => {
                tracing::error!(
                    store = M::NAME,
                    error = &error as &dyn core::error::Error,
                    "read-only from now on"
                );
                self.shared.break_down();
                group.iter_mut().for_each(|job| job.fail(Error::ReadOnly));
            }
        }
    }

    /// Checks a command against the state and the group so far, and stages its record.
    fn take(&mut self, job: &mut dyn Job<M>, rows: &mut Rows) -> Result<(), Error> {
        let next_seq = self.journal.staged_head().seq.next();
        let Some(event) = job.check(&View::new(&self.shared.state, Some(rows), next_seq)) else {
            return Ok(());
        };
        let stamp = job.stamp();
        self.payload.clear();
        let payload = Payload { actor: &stamp.actor, event: &event };
        ciborium::into_writer(&payload, &mut self.payload).map_err(|_| Error::BlobTooLarge)?;
        let (seq, hash) = self.journal.stage(stamp.at, &self.payload)?;
        let record = Recorded { seq, at: stamp.at, actor: stamp.actor.clone(), hash, event };
        let mut writes = Writes::default();
        let view = View::new(&self.shared.state, Some(rows), seq);
        let applied = catch_unwind(AssertUnwindSafe(|| M::apply(&view, &record, &mut writes)));
        if let Err(error) = applied.unwrap_or(Err(Error::CommandPanicked)) {
            self.journal.unstage();
            return Err(error);
        }
        writes.lay_over(rows);
        Ok(())
    }
}

/// Says how long after the beginning of a group the next one begins. To wait pays only where somebody comes meanwhile: a
/// single client that writes one thing after the other would be held up by it for nothing.
fn interval_after(interval: Duration, group: usize) -> Duration {
    if group > 1 { GROUP_INTERVAL } else { interval / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_wait_for_one_another_only_while_writes_come_together() {
        assert_eq!(interval_after(Duration::ZERO, 1), Duration::ZERO);
        assert_eq!(interval_after(Duration::ZERO, 2), GROUP_INTERVAL);
        assert_eq!(interval_after(GROUP_INTERVAL, 1), GROUP_INTERVAL / 2, "one alone is no quiet time yet");
        let alone = (0..40).fold(GROUP_INTERVAL, |interval, _| interval_after(interval, 1));
        assert_eq!(alone, Duration::ZERO);
    }
}
