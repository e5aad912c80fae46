//! What a check and an apply may see and change.

use proto::Seq;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::known::Known;
use super::row;
use super::state::{Depth, Rows, State};
use crate::error::Error;

/// The rows on record and, while a group is being made, what it adds to them.
#[derive(Debug)]
pub struct View<'a> {
    state: &'a State,
    over: Option<&'a Rows>,
    depth: Depth,
    next_seq: Seq,
}

impl<'a> View<'a> {
    pub(crate) const fn new(state: &'a State, over: Option<&'a Rows>, next_seq: Seq) -> Self {
        Self { state, over, depth: Depth::Disk, next_seq }
    }

    /// Looks no further down than `depth`.
    pub(crate) const fn within(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }

    /// Returns the number that the next record will have.
    pub(crate) const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Loads a row.
    pub(crate) fn load<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        let over = self.over.and_then(|rows| rows.get(key));
        match over {
            Some(row) => row.as_deref().map(|row| row::decode(key, row)).transpose(),
            None => self.state.read(key, self.depth)?.map(|row| row::decode(key, &row)).transpose(),
        }
    }

    /// Lists up to `limit` rows under `prefix`, in the order of their keys, from `after` (exclusive) on.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, Error> {
        if self.depth == Depth::Memory {
            return Err(Error::NotInMemory);
        }
        let rows = self.state.scan(prefix, after, limit, self.over)?;
        rows.into_iter().map(|(key, row)| row::decode(&key, &row).map(|row| (key, row))).collect()
    }
}

/// What an event changes, in order.
#[derive(Debug, Default)]
pub struct Writes(Vec<(Vec<u8>, Known)>);

impl Writes {
    /// Puts a row in the place of what is there.
    pub(crate) fn put<T: Serialize>(&mut self, key: Vec<u8>, row: &T) -> Result<(), Error> {
        let bytes = row::encode(&key, row)?;
        self.0.push((key, Some(bytes.into())));
        Ok(())
    }

    /// Deletes a row, if it is there.
    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.0.push((key, None));
    }

    pub(crate) fn lay_over(self, rows: &mut Rows) {
        rows.extend(self.0);
    }
}
