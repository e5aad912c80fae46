//! Response bodies that go block by block.
//!
//! Source: RFC 7959 §2.3, §2.4, §2.6, §2.7, §4; RFC 9175 §3.8.
//! Invariants: all blocks of a body are slices of one representation with one entity tag.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use super::Engine;
use crate::engine::server::{Arrival, Blocks, Exchange};
use crate::key::OperationKey;
use crate::message::Message;
use crate::table::Item;
use crate::{Block, Code, Error, Peer, Response, Szx, option};

/// The octets of an entity tag that we make (RFC 7252 §5.10.6: 8 at the most).
const ETAG_BYTES: usize = 8;

/// The octets that stand before the value of an option at the most (RFC 7252 §3.1).
const OPTION_OVERHEAD_BYTES: usize = 5;

/// The octets of a response beside the options that the application gave it and its payload: header, token, Block1,
/// Block2, Size2, entity tag, payload marker.
const RESERVED_BYTES: usize = 4 + crate::TOKEN_BYTES_MAX + 5 + 5 + 6 + 2 + ETAG_BYTES + 1;

/// A body of which blocks are asked for, with the code and options that each of them has.
#[derive(Clone, Debug)]
pub(super) struct Download {
    head: Message,
    body: Bytes,
}

impl Download {
    /// Returns the block that begins at `offset`.
    fn block(&self, offset: usize, szx: Szx) -> Option<Message> {
        let end = offset.saturating_add(szx.bytes()).min(self.body.len());
        let payload = self.body.get(offset..end).filter(|payload| !payload.is_empty() || offset == 0)?;
        let block = Block::at(offset, szx, end < self.body.len())?;
        let mut message = self.head.clone();
        message.set(option::BLOCK2, block.to_value());
        message.set_payload(payload.to_vec());
        Some(message)
    }
}

impl<P: Peer> Engine<P> {
    /// Serves a further block from what is kept; tells whether the request was answered.
    // RFC7959-2.4-further-blocks
    pub(super) fn serve_download(&mut self, arrival: &Arrival<P>, message: &Message, blocks: Blocks) -> bool {
        let Some(block) = blocks.block2.filter(|block| block.number > 0 && blocks.block1.is_none()) else {
            return false;
        };
        let key = OperationKey::of_download(message);
        let Some(download) = self.downloads.get(&arrival.peer, &key) else {
            if message.code() == Code::GET {
                return false;
            }
            // RFC7959-2.7-no-second-effect: asking the application again would do again what was done, and the
            // request's body does not come again.
            self.counters.incomplete += 1;
            self.reply(arrival, Message::new(Code::REQUEST_ENTITY_INCOMPLETE));
            return true;
        };
        let szx = self.block_size(&download.head, Some(block.szx));
        let reply = download.block(block.offset(), szx);
        let ends_at = self.now.plus(self.config.body_idle());
        self.downloads.touch(&arrival.peer, &key, ends_at);
        self.reply(arrival, reply.unwrap_or_else(|| Message::new(Code::BAD_REQUEST)));
        true
    }

    /// Returns the message that answers an exchange: the response, or the block of it that was asked for.
    pub(super) fn first_block(
        &mut self,
        exchange: &Exchange<P>,
        response: Response,
        sequence: Option<u32>,
    ) -> Result<Message, Error> {
        let (peer, key) = (&exchange.arrival.peer, exchange.key.clone());
        self.first_block_for(peer, key, exchange.blocks.block2, (response, sequence))
    }

    /// The same for a peer and an operation, with the sequence number of a notification where it is one.
    pub(super) fn first_block_for(
        &mut self,
        peer: &P,
        key: OperationKey,
        asked: Option<Block>,
        (response, sequence): (Response, Option<u32>),
    ) -> Result<Message, Error> {
        let Response { message: mut head, body } = response;
        if let Some(sequence) = sequence {
            head.set(option::OBSERVE, option::encode_uint(sequence));
        }
        let szx = self.block_size(&head, asked.map(|block| block.szx));
        let offset = asked.map_or(0, Block::offset);
        if body.len() <= szx.bytes() && offset == 0 {
            if asked.is_some() {
                head.set(option::BLOCK2, Block { number: 0, has_more: false, szx }.to_value());
            }
            head.set_payload(body.to_vec());
            return Ok(head);
        }
        let download = self.begin_download(peer, key, head, body);
        let Some(mut message) = download.block(offset, szx) else {
            return Ok(Message::new(Code::BAD_REQUEST));
        };
        if offset == 0 {
            // RFC7959-4-size2
            let size = u32::try_from(download.body.len()).unwrap_or(u32::MAX);
            message.set(option::SIZE2, option::encode_uint(size));
        }
        if let Some(sequence) = sequence {
            message.set(option::OBSERVE, option::encode_uint(sequence));
        }
        Ok(message)
    }

    /// Keeps a body for the blocks that will be asked for.
    fn begin_download(&mut self, peer: &P, key: OperationKey, mut head: Message, body: Bytes) -> Download {
        if !head.has(option::ETAG) {
            // RFC9175-3.8-etag
            head.set(option::ETAG, entity_tag(&head, &body));
        }
        head.remove(option::OBSERVE);
        let download = Download { head, body };
        let ends_at = self.now.plus(self.config.body_idle());
        let weight = download.body.len();
        let item = Item { value: download.clone(), weight, ends_at };
        let evicted = self.downloads.insert(peer, key, item);
        self.counters.evicted += evicted as u64;
        download
    }

    /// Returns the size of blocks: what we prefer, no more than was asked for, and what fits beside the options.
    // RFC7959-2.4-size-negotiation
    fn block_size(&self, head: &Message, asked: Option<Szx>) -> Szx {
        let options_bytes: usize = head.options().map(|(_, value)| value.len() + OPTION_OVERHEAD_BYTES).sum();
        let room = self.config.limits.message_bytes_max.saturating_sub(options_bytes + RESERVED_BYTES);
        let preferred = asked.map_or(self.config.szx, |asked| asked.min(self.config.szx));
        preferred.min(Szx::fitting(room))
    }
}

/// Makes an entity tag that no other representation has.
fn entity_tag(head: &Message, body: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(&[head.code().as_byte()]);
    context.update(head.value(option::CONTENT_FORMAT).unwrap_or_default());
    context.update(&[0xff]);
    context.update(body);
    context.finish().as_ref().iter().take(ETAG_BYTES).copied().collect()
}
