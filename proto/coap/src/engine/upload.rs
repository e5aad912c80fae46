//! Request bodies that come block by block.
//!
//! Source: RFC 7959 §2.3, §2.5, §2.9; RFC 9175 §3.3.
//! Invariants: a body is handed on only when each of its octets came, in order, in blocks of one operation; what is
//! kept of it is what came, never what was announced.

use super::Engine;
use crate::engine::server::Arrival;
use crate::key::OperationKey;
use crate::message::Message;
use crate::table::Item;
use crate::{Block, Code, Peer, option};

/// The blocks that came so far, joined.
#[derive(Debug, Default)]
pub(super) struct Upload {
    body: Vec<u8>,
    /// If-None-Match stood on the first block, where alone it may (RFC 7959 §2.10).
    has_if_none_match: bool,
}

/// How a block lies to what came before it.
enum Fit {
    /// Right behind it.
    Next,
    /// It is the last block once more.
    Repeated,
    /// Elsewhere.
    Apart,
}

impl Upload {
    fn fit(&self, offset: usize, payload: &[u8]) -> Fit {
        if offset == self.body.len() {
            return Fit::Next;
        }
        let is_last = self.body.get(offset..).is_some_and(|last| last == payload);
        if is_last { Fit::Repeated } else { Fit::Apart }
    }
}

impl<P: Peer> Engine<P> {
    /// Takes a block in; returns the whole body when it was the last one, and answers the others itself.
    pub(super) fn collect(
        &mut self,
        arrival: &Arrival<P>,
        message: &mut Message,
        block: Block,
    ) -> Option<Vec<u8>> {
        let payload = message.take_payload();
        let key = OperationKey::of_upload(message);
        // RFC7959-2.3-block-size
        if block.has_more && payload.len() != block.szx.bytes() {
            self.refuse_block(arrival, block, Code::BAD_REQUEST);
            return None;
        }
        if self.is_too_large(message, block, payload.len()) {
            self.uploads.remove(&arrival.peer, &key);
            self.refuse_large(arrival, Some(block));
            return None;
        }
        let former = self.uploads.remove(&arrival.peer, &key);
        let upload = match former.filter(|_| block.number > 0) {
            Some(upload) => upload,
            // RFC7959-2.5-overwrites: a first block begins anew, whatever there was.
            None => Upload { body: Vec::new(), has_if_none_match: message.has(option::IF_NONE_MATCH) },
        };
        match upload.fit(block.offset(), &payload) {
            Fit::Next => self.append(arrival, message, block, (key, upload, payload)),
            Fit::Repeated if block.has_more => {
                self.keep(arrival, block, &key, upload);
                None
            }
            // RFC7959-2.5-incomplete
            Fit::Repeated | Fit::Apart => {
                if !upload.body.is_empty() {
                    self.store(arrival, &key, upload);
                }
                self.counters.incomplete += 1;
                self.refuse_block(arrival, block, Code::REQUEST_ENTITY_INCOMPLETE);
                None
            }
        }
    }

    fn append(
        &mut self,
        arrival: &Arrival<P>,
        message: &mut Message,
        block: Block,
        (key, mut upload, payload): (OperationKey, Upload, Vec<u8>),
    ) -> Option<Vec<u8>> {
        upload.body.extend_from_slice(&payload);
        if block.has_more {
            self.keep(arrival, block, &key, upload);
            return None;
        }
        if upload.has_if_none_match {
            message.set(option::IF_NONE_MATCH, Vec::new());
        }
        Some(upload.body)
    }

    /// Keeps what came, and asks for the next block.
    // RFC7959-2.9.1-continue
    fn keep(&mut self, arrival: &Arrival<P>, block: Block, key: &OperationKey, upload: Upload) {
        if !self.store(arrival, key, upload) {
            self.refuse_large(arrival, Some(block));
            return;
        }
        let mut next = Message::new(Code::CONTINUE);
        next.set(option::BLOCK1, self.control(block, true).to_value());
        self.reply(arrival, next);
    }

    fn store(&mut self, arrival: &Arrival<P>, key: &OperationKey, upload: Upload) -> bool {
        let weight = upload.body.len();
        let ends_at = self.now.plus(self.config.body_idle());
        let item = Item { value: upload, weight, ends_at };
        let evicted = self.uploads.insert(&arrival.peer, key.clone(), item);
        self.counters.evicted += evicted as u64;
        self.uploads.get(&arrival.peer, key).is_some()
    }

    fn is_too_large(&self, message: &Message, block: Block, payload_bytes: usize) -> bool {
        let bytes_max = self.config.limits.body_bytes_max;
        let announced = message.size(option::SIZE1);
        announced > bytes_max || block.offset().saturating_add(payload_bytes) > bytes_max
    }

    /// Answers 4.13 and says how large a body may be.
    // RFC7959-2.9.3-too-large
    pub(super) fn refuse_large(&mut self, arrival: &Arrival<P>, block: Option<Block>) {
        self.counters.refused_busy += 1;
        let mut refusal = Message::new(Code::REQUEST_ENTITY_TOO_LARGE);
        let bytes_max = u32::try_from(self.config.limits.body_bytes_max).unwrap_or(u32::MAX);
        refusal.set(option::SIZE1, option::encode_uint(bytes_max));
        if let Some(block) = block {
            refusal.set(option::BLOCK1, self.control(block, false).to_value());
        }
        self.reply(arrival, refusal);
    }

    fn refuse_block(&mut self, arrival: &Arrival<P>, block: Block, code: Code) {
        let mut refusal = Message::new(code);
        refusal.set(option::BLOCK1, self.control(block, false).to_value());
        self.reply(arrival, refusal);
    }

    /// Returns the Block1 option of a response: which block it speaks of, and the largest that we want.
    // RFC7959-2.3-smaller-size
    fn control(&self, block: Block, has_more: bool) -> Block {
        Block { number: block.number, has_more, szx: block.szx.min(self.config.szx) }
    }
}
