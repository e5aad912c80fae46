//! Response bodies that we fetch block by block.
//!
//! Source: RFC 7959 §2.3, §2.4, §2.6; RFC 9175 §3.8.
//! Invariants: a body is handed on only when its blocks came in order, of one size, code, format and entity tag.

use super::Engine;
use crate::message::Message;
use crate::{Block, Code, Error, Peer, Szx, option};

/// How often a representation that changed is fetched anew; ours.
const RESTARTS_MAX: u32 = 2;

/// The blocks that came so far, joined, with the code and options of the first.
#[derive(Debug)]
pub(super) struct Assembly {
    head: Message,
    body: Vec<u8>,
    szx: Szx,
}

impl Assembly {
    /// Returns the block to be asked for next.
    pub(super) fn next_block(&self) -> Result<Block, Error> {
        Block::at(self.body.len(), self.szx, false).ok_or(Error::ResponseBlockInvalid)
    }

    /// Tells whether a block is of the same representation.
    // RFC7959-2.4-etag
    fn is_same(&self, message: &Message) -> bool {
        let same = |number| self.head.value(number) == message.value(number);
        same(option::ETAG) && same(option::CONTENT_FORMAT) && self.head.code() == message.code()
    }
}

impl<P: Peer> Engine<P> {
    /// Takes the body of a response, or a block of it.
    pub(super) fn receive_body(&mut self, number: u64, mut message: Message) {
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        let assembly = open.assembly.take();
        let block = message.value(option::BLOCK2).map(Block::parse);
        if message.code() == Code::CONTINUE {
            return self.fail_request(number, Error::ResponseBlockInvalid);
        }
        match (assembly, block) {
            (None, None) => {
                let body = message.take_payload();
                self.deliver(number, message, body);
            }
            // In the midst of a body, what is no success has no blocks and is the last word.
            (Some(_), None) if !message.code().is_success() => {
                let body = message.take_payload();
                self.deliver(number, message, body);
            }
            (None, Some(Some(block))) => {
                let begun = Assembly { head: message.clone(), body: Vec::new(), szx: block.szx };
                self.append_block(number, begun, block, message);
            }
            (Some(assembly), Some(Some(block))) if assembly.is_same(&message) => {
                self.append_block(number, assembly, block, message);
            }
            (Some(_), Some(Some(_))) => self.restart(number),
            (Some(_), None) | (_, Some(None)) => self.fail_request(number, Error::ResponseBlockInvalid),
        }
    }

    fn append_block(&mut self, number: u64, mut assembly: Assembly, block: Block, mut message: Message) {
        let payload = message.take_payload();
        let bytes_max = self.config.limits.body_bytes_max;
        let announced = message.size(option::SIZE2);
        if announced > bytes_max || assembly.body.len() + payload.len() > bytes_max {
            return self.fail_request(number, Error::BodyTooLarge);
        }
        // RFC7959-2.3-block2-sequence
        let is_whole_block = payload.len() == block.szx.bytes();
        if block.offset() != assembly.body.len() || (block.has_more && !is_whole_block) {
            return self.fail_request(number, Error::ResponseBlockInvalid);
        }
        assembly.body.extend_from_slice(&payload);
        if !block.has_more {
            assembly.head.set_payload(Vec::new());
            return self.deliver(number, assembly.head, assembly.body);
        }
        if let Some(open) = self.requests.get_mut(&number) {
            // RFC7959-2.4-converge
            assembly.szx = block.szx.min(open.szx);
            open.assembly = Some(assembly);
        }
        self.continue_request(number);
    }

    /// Fetches a representation anew that changed meanwhile, when nothing but time is lost by it. Of an observed one
    /// the change will be told; what is fetched beside the notifications has no place in their order.
    // RFC7959-2.4-restart
    fn restart(&mut self, number: u64) {
        let Some(open) = self.requests.get_mut(&number) else {
            return;
        };
        if open.observation.is_some() {
            return self.idle(number);
        }
        if open.request.method() != Code::GET || open.restarts >= RESTARTS_MAX {
            return self.fail_request(number, Error::ResponseChanged);
        }
        open.restarts += 1;
        self.continue_request(number);
    }
}
