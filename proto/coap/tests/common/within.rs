//! What an engine may hold at the most, for tests that try to have it hold more.

use proto_coap::{Limits, Usage};

/// The octets of a remembered reply to a stranger, on average at the most, as the engine has it.
const STRANGER_REPLY_BYTES: usize = 64;

/// Tells whether all of `usage` is within `limits`, with so many peers.
pub(crate) fn is_within(usage: &Usage, limits: &Limits, peers: usize) -> bool {
    usage.seen <= limits.seen_max + limits.seen_of_strangers_max
        && usage.seen_bytes
            <= limits.seen_bytes_max + STRANGER_REPLY_BYTES * limits.seen_of_strangers_max
        && usage.exchanges <= limits.exchanges_max
        && usage.uploads <= limits.uploads_max
        && usage.upload_bytes <= limits.upload_bytes_max
        && usage.downloads <= limits.downloads_max
        && usage.download_bytes <= limits.download_bytes_max
        && usage.observers <= limits.observers_max
        && usage.requests <= limits.requests_max
        && usage.proofs <= 2 * limits.proofs_max
        // For each peer in each of two roles: what waits, what is under way, and the lane; further blocks belong to requests.
        && usage.outbound <= 2 * peers * (limits.waiting_per_peer_max + 2) + limits.requests_max
        && usage.timers <= usage.outbound + 2 * usage.exchanges + usage.requests
}
