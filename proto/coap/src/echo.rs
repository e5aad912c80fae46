//! Echo values: a time that only we can have written, bound to the peer that we gave it to.
//!
//! Source: RFC 9175 §2, appendix A.2 (integrity-protected timestamp, over the claimed address).
//! Does not: keep anything for a value given out.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac::{self, Context, HMAC_SHA256, Key};
use proto::UnixTime;

/// The time, in seconds modulo 2³².
const TIME_BYTES: usize = 4;
/// The code of authentication: 64 bits (RFC 9175 appendix A.2).
const MAC_BYTES: usize = 8;

/// Makes and knows Echo values.
pub(crate) struct EchoMint {
    key: Key,
}

impl EchoMint {
    /// Takes a key that no one else has and that does not outlive the engine.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key: Key::new(HMAC_SHA256, &key) }
    }

    /// Makes a value for a peer.
    // RFC9175-A-timestamp-mac
    pub(crate) fn make(&self, peer: &impl Hash, now: UnixTime) -> Vec<u8> {
        let time = seconds(now).to_be_bytes();
        let mut value = time.to_vec();
        value.extend(self.mac(peer, &time).as_ref().iter().take(MAC_BYTES));
        value
    }

    /// Returns how old a value is, rounded up; `None` where it is not ours, another peer's, or older than
    /// `lifetime`.
    pub(crate) fn age(
        &self,
        peer: &impl Hash,
        value: &[u8],
        now: UnixTime,
        lifetime: Duration,
    ) -> Option<Duration> {
        let (time, mac) = value.split_first_chunk::<TIME_BYTES>()?;
        let expected = self.mac(peer, time);
        let expected = expected.as_ref().get(..MAC_BYTES)?;
        constant_time::verify_slices_are_equal(expected, mac).ok()?;
        let age = seconds(now).wrapping_sub(u32::from_be_bytes(*time));
        let age = Duration::from_secs(u64::from(age) + 1);
        (age <= lifetime).then_some(age)
    }

    fn mac(&self, peer: &impl Hash, time: &[u8; TIME_BYTES]) -> hmac::Tag {
        let mut hasher = MacHasher(Context::with_key(&self.key));
        hasher.0.update(time);
        peer.hash(&mut hasher);
        hasher.0.sign()
    }
}

/// Feeds what a peer hashes of itself to the code of authentication.
struct MacHasher(Context);

impl Hasher for MacHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn seconds(now: UnixTime) -> u32 {
    u32::try_from(now.as_seconds() & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(300);

    #[test]
    fn a_value_holds_for_its_peer_and_its_time_only() {
        // RFC9175-A-timestamp-mac
        let mint = EchoMint::new([3; 32]);
        let at = |seconds: u64| UnixTime::from_seconds(1_000_000 + seconds);
        let value = mint.make(&"a", at(0));
        assert_eq!(mint.age(&"a", &value, at(9), LIFETIME), Some(Duration::from_secs(10)));
        assert_eq!(mint.age(&"b", &value, at(9), LIFETIME), None);
        assert_eq!(mint.age(&"a", &value, at(300), LIFETIME), None);
        assert_eq!(EchoMint::new([4; 32]).age(&"a", &value, at(9), LIFETIME), None);
    }

    #[test]
    fn a_value_with_any_bit_changed_is_not_ours() {
        let mint = EchoMint::new([3; 32]);
        let now = UnixTime::from_seconds(7);
        let value = mint.make(&"a", now);
        for bit in 0..value.len() * 8 {
            let mut forged = value.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(mint.age(&"a", &forged, now, LIFETIME), None);
        }
        assert_eq!(mint.age(&"a", &value[..11], now, LIFETIME), None);
        assert_eq!(mint.age(&"a", &[], now, LIFETIME), None);
    }
}
