//! Cookies: a time that only we can have written, bound to the peer and to the ClientHello that they were given for.
//!
//! Source: RFC 6347 §4.2.1, RFC 9147 §5.1.
//! Does not: keep anything for a cookie given out.

use core::time::Duration;
use std::hash::{Hash, Hasher};

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac::{self, Context, HMAC_SHA256, Key};
use proto::UnixTime;

/// How long a cookie proves an address; ours. A client comes back at once, or after it sent again a few times.
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(60);

/// The octets of a cookie: what the engine of DTLS 1.3 gives it, and what old clients take.
pub(crate) const COOKIE_BYTES: usize = 32;
/// The time, in seconds modulo 2³².
const TIME_BYTES: usize = 4;
/// The code of authentication: 224 bits.
const MAC_BYTES: usize = COOKIE_BYTES - TIME_BYTES;

/// A cookie.
pub(crate) type Cookie = [u8; COOKIE_BYTES];

/// Makes and knows cookies.
pub(crate) struct Mint(Key);

impl Mint {
    /// Takes a key that no one else has.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(Key::new(HMAC_SHA256, &key))
    }

    /// Makes a cookie for a peer and its ClientHello.
    // RFC6347-4.2.1-cookie-binding RFC9147-5.1-cookie-binding
    pub(crate) fn make(&self, peer: &impl Hash, hello: &[&[u8]], now: UnixTime) -> Cookie {
        let time = seconds(now).to_be_bytes();
        let mac = self.mac(peer, hello, time);
        let mut cookie = [0; COOKIE_BYTES];
        for (place, octet) in cookie.iter_mut().zip(time.iter().chain(mac.as_ref())) {
            *place = *octet;
        }
        cookie
    }

    /// Tells whether a cookie is ours, this peer's, for this ClientHello, and not older than [`COOKIE_LIFETIME`].
    pub(crate) fn knows(&self, cookie: &[u8], peer: &impl Hash, hello: &[&[u8]], now: UnixTime) -> bool {
        let Some((time, mac)) = cookie.split_first_chunk::<TIME_BYTES>() else { return false };
        let expected = self.mac(peer, hello, *time);
        let is_ours = expected
            .as_ref()
            .get(..MAC_BYTES)
            .is_some_and(|expected| constant_time::verify_slices_are_equal(expected, mac).is_ok());
        let age = seconds(now).wrapping_sub(u32::from_be_bytes(*time));
        is_ours && u64::from(age) <= COOKIE_LIFETIME.as_secs()
    }

    fn mac(&self, peer: &impl Hash, hello: &[&[u8]], time: [u8; TIME_BYTES]) -> hmac::Tag {
        let mut hasher = MacHasher(Context::with_key(&self.0));
        hasher.0.update(&time);
        peer.hash(&mut hasher);
        for part in hello {
            hasher.write_usize(part.len());
            hasher.0.update(part);
        }
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

    #[test]
    fn a_cookie_holds_for_its_peer_its_hello_and_its_time_only() {
        // RFC6347-4.2.1-cookie-binding RFC9147-5.1-cookie-binding
        let mint = Mint::new([3; 32]);
        let at = |seconds: u64| UnixTime::from_seconds(1_000_000 + seconds);
        let hello: &[&[u8]] = &[b"head", b"middle"];
        let cookie = mint.make(&"a", hello, at(0));
        assert!(mint.knows(&cookie, &"a", hello, at(60)));
        assert!(!mint.knows(&cookie, &"a", hello, at(61)));
        assert!(!mint.knows(&cookie, &"b", hello, at(1)));
        assert!(!mint.knows(&cookie, &"a", &[b"hea", b"dmiddle"], at(1)));
        assert!(!Mint::new([4; 32]).knows(&cookie, &"a", hello, at(1)));
    }

    #[test]
    fn a_cookie_with_any_bit_changed_or_of_another_length_is_not_ours() {
        let mint = Mint::new([3; 32]);
        let now = UnixTime::from_seconds(7);
        let cookie = mint.make(&"a", &[], now);
        for bit in 0..cookie.len() * 8 {
            let mut forged = cookie;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!mint.knows(&forged, &"a", &[], now));
        }
        let longer = [&cookie[..], &[0]].concat();
        assert!(!mint.knows(&longer, &"a", &[], now));
        assert!(!mint.knows(&cookie[..31], &"a", &[], now) && !mint.knows(&[], &"a", &[], now));
    }
}
