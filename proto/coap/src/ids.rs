//! Message ids, tokens and other things drawn at random from the seed that the engine was given.
//!
//! Source: RFC 7252 §4.4, §4.2, §5.3.1; RFC 9175 §3.4, §4.2.
//! Invariants: towards one peer no message id returns within `EXCHANGE_LIFETIME`; no token and no Request-Tag ever
//! returns.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use proto::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::{Error, Token, option};

/// The message id variables that peers share by a keyed hash (RFC 7252 §4.4: "per prefix or destination"); ours.
const SPACES: u64 = 4_096;

/// How many ids of a variable are given out in one lifetime: half of them, so that the other half rests meanwhile.
const IDS_PER_LIFETIME: u16 = 1 << 15;

/// The generator, and the counters that it starts.
pub(crate) struct Ids {
    random: ChaCha20Rng,
    hash_key: u64,
    spaces: BTreeMap<u64, Space>,
    tokens: u32,
    tags: u32,
}

struct Space {
    next: u16,
    left: u16,
    refill_at: UnixTime,
}

impl Ids {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        let hash_key = random.next_u64();
        Self { random, hash_key, spaces: BTreeMap::new(), tokens: 0, tags: 0 }
    }

    /// Returns random octets.
    pub(crate) fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.random.fill_bytes(&mut octets);
        octets
    }

    /// Returns the next message id towards a peer, counted from a random start.
    ///
    /// # Errors
    /// [`Error::MessageIdsUsedUp`] (busy).
    // RFC7252-4.4-no-reuse
    pub(crate) fn message_id(
        &mut self,
        peer: &impl Hash,
        now: UnixTime,
        lifetime: Duration,
    ) -> Result<u16, Error> {
        let start = u16::from_be_bytes(self.octets());
        let fresh = || Space { next: start, left: IDS_PER_LIFETIME, refill_at: now.plus(lifetime) };
        let space = self.spaces.entry(space_of(peer, self.hash_key)).or_insert_with(fresh);
        if now >= space.refill_at {
            space.left = IDS_PER_LIFETIME;
            space.refill_at = now.plus(lifetime);
        }
        space.left = space.left.checked_sub(1).ok_or(Error::MessageIdsUsedUp)?;
        let id = space.next;
        space.next = id.wrapping_add(1);
        Ok(id)
    }

    /// Returns a token: a number that is not used again, and 32 random bits against forged responses.
    // RFC7252-5.3.1-random-token RFC9175-4.2-token-sequence
    pub(crate) fn token(&mut self) -> Token {
        self.tokens = self.tokens.wrapping_add(1);
        let [a, b, c, d] = self.tokens.to_be_bytes();
        let [e, f, g, h] = self.octets();
        Token::full([a, b, c, d, e, f, g, h])
    }

    /// Returns a Request-Tag that no earlier operation had, as short as it can be.
    // RFC9175-3.4-no-recycling
    pub(crate) fn request_tag(&mut self) -> Vec<u8> {
        self.tags = self.tags.wrapping_add(1);
        option::encode_uint(self.tags)
    }

    /// Returns a span between `shortest` and `longest`.
    pub(crate) fn span(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let extra = longest.saturating_sub(shortest);
        let parts = self.random.next_u32();
        shortest.saturating_add(extra.mul_f64(f64::from(parts) / f64::from(u32::MAX)))
    }
}

fn space_of(peer: &impl Hash, key: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    peer.hash(&mut hasher);
    hasher.finish() % SPACES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(247);

    #[test]
    fn message_ids_rest_for_a_lifetime_before_they_return() {
        // RFC7252-4.4-no-reuse
        let mut ids = Ids::new([1; 32]);
        let mut given = BTreeMap::<u16, UnixTime>::new();
        for seconds in 0..1_000 {
            let now = UnixTime::from_seconds(seconds);
            for _ in 0..200 {
                if let Ok(id) = ids.message_id(&7_u8, now, LIFETIME)
                    && let Some(before) = given.insert(id, now)
                {
                    assert!(now.since(before) >= LIFETIME);
                }
            }
        }
        assert!(given.len() > 60_000);
    }

    #[test]
    fn ids_that_are_used_up_are_an_error_and_return_later() {
        let mut ids = Ids::new([1; 32]);
        let now = UnixTime::from_seconds(1);
        for _ in 0..IDS_PER_LIFETIME {
            ids.message_id(&7_u8, now, LIFETIME).unwrap();
        }
        assert_eq!(ids.message_id(&7_u8, now, LIFETIME), Err(Error::MessageIdsUsedUp));
        assert!(ids.message_id(&7_u8, now.plus(LIFETIME), LIFETIME).is_ok());
    }

    #[test]
    fn tokens_and_tags_do_not_return_and_tokens_are_not_guessed() {
        // RFC7252-5.3.1-random-token RFC9175-4.2-token-sequence RFC9175-3.4-no-recycling
        let mut ids = Ids::new([2; 32]);
        let tokens: Vec<Token> = (0..1_000).map(|_| ids.token()).collect();
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 1_000);
        let random: BTreeSet<_> = tokens.iter().map(|token| token.as_bytes()[4..].to_vec()).collect();
        assert!(random.len() > 990);
        let tags: BTreeSet<_> = (0..1_000).map(|_| ids.request_tag()).collect();
        assert_eq!(tags.len(), 1_000);
    }
}
