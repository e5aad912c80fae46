//! The front door: what becomes of a ClientHello, decided from its octets and one key.
//!
//! Source: RFC 6347 §4.2.1; RFC 9147 §5.1.
//! Does not: keep anything, or let anyone in who has not shown a cookie.
//! Invariants: an answer is never larger than [`AMPLIFICATION_MAX`] times the datagram that it answers.

use std::hash::Hash;

use proto::UnixTime;

use crate::cookie::{Cookie, Mint};
use crate::hello::{ClientHello, HELLOS_MAX, Room};
use crate::wire::{DTLS_1_0, HANDSHAKE, Record, fatal_alert, handshake};
use crate::{Error, Version};

/// How many times the octets of a datagram an address gets that has proved nothing.
pub(crate) const AMPLIFICATION_MAX: usize = 3;

const HELLO_VERIFY_REQUEST: u8 = 3;
const HANDSHAKE_FAILURE: u8 = 40;
const ILLEGAL_PARAMETER: u8 = 47;

/// What becomes of a ClientHello.
#[derive(Debug)]
pub(crate) enum Look<'a> {
    /// It is answered by this datagram, and forgotten.
    Answer(Vec<u8>),
    /// It is answered by a HelloRetryRequest of the engine with this cookie, and forgotten.
    Retry(ClientHello<'a>, Cookie),
    /// Its sender receives what is sent to it: a session may begin.
    Proven(ClientHello<'a>, Version),
    /// It is refused, with an alert or in silence.
    Refuse(Error, Option<Vec<u8>>),
}

/// Looks at a ClientHello.
pub(crate) fn look<'a>(
    mint: &Mint,
    peer: &impl Hash,
    datagram: &'a [u8],
    is_extended_master_secret_required: bool,
    now: UnixTime,
) -> Look<'a> {
    let hello = match ClientHello::read(datagram) {
        Ok(hello) => hello,
        Err(error) => return Look::Refuse(error, None),
    };
    if hello.offers_1_3() {
        look_1_3(mint, peer, hello, now)
    } else if hello.offers_1_2(is_extended_master_secret_required) {
        look_1_2(mint, peer, hello, now)
    } else {
        Look::Refuse(Error::HelloUnsuitable, Some(fatal_alert(hello.number, HANDSHAKE_FAILURE)))
    }
}

// RFC6347-4.2.1-stateless
fn look_1_2<'a>(mint: &Mint, peer: &impl Hash, hello: ClientHello<'a>, now: UnixTime) -> Look<'a> {
    let parameters = hello.parameters_1_2();
    if mint.knows(hello.cookie, peer, &parameters, now) {
        return begin(hello, Version::Dtls12);
    }
    if hello.sequence >= HELLOS_MAX {
        return Look::Refuse(Error::CookieInvalid, None);
    }
    // RFC6347-4.2.1-invalid-cookie: one that is not ours counts as none.
    Look::Answer(hello_verify_request(&hello, &mint.make(peer, &parameters, now)))
}

fn look_1_3<'a>(mint: &Mint, peer: &impl Hash, hello: ClientHello<'a>, now: UnixTime) -> Look<'a> {
    let is_for = |cookie, room| mint.knows(cookie, peer, &[&hello.with(room).first_body()], now);
    match hello.cookie_1_3() {
        // RFC9147-5.3-legacy-cookie
        _ if !hello.cookie.is_empty() => {
            Look::Refuse(Error::HelloMalformed, Some(fatal_alert(hello.number, ILLEGAL_PARAMETER)))
        }
        None => Look::Retry(hello, mint.make(peer, &[&hello.first_body()], now)),
        Some(cookie) if is_for(cookie, Room::Grown) => begin(hello, Version::Dtls13),
        Some(cookie) if is_for(cookie, Room::Padding) => begin(hello.with(Room::Padding), Version::Dtls13),
        // RFC9147-5.1-invalid-cookie
        Some(_) => Look::Refuse(Error::CookieInvalid, Some(fatal_alert(hello.number, ILLEGAL_PARAMETER))),
    }
}

/// A ClientHello with a cookie is never the first message, nor in the first record, of its handshake.
fn begin(hello: ClientHello<'_>, version: Version) -> Look<'_> {
    let before = match version {
        Version::Dtls12 => 1..=HELLOS_MAX,
        Version::Dtls13 => 1..=1,
    };
    if before.contains(&hello.sequence) && hello.number >= u64::from(hello.sequence) {
        Look::Proven(hello, version)
    } else {
        Look::Refuse(Error::HelloMalformed, None)
    }
}

/// Demands proof of the address; numbered like the ClientHello, as nothing else is known that was not sent before.
// RFC6347-4.2.1-hello-verify-number RFC6347-4.2.1-version
fn hello_verify_request(hello: &ClientHello<'_>, cookie: &Cookie) -> Vec<u8> {
    let mut body = DTLS_1_0.to_vec();
    body.push(u8::try_from(cookie.len()).unwrap_or(u8::MAX));
    body.extend_from_slice(cookie);
    let message = handshake(HELLO_VERIFY_REQUEST, hello.sequence, &body);
    Record::write(HANDSHAKE, DTLS_1_0, hello.number, &message)
}

/// What the front door sees in a datagram that begins like a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Refused.
    Refused(Error),
    /// A version that can be spoken, and the same ClientHello as it was before it had a cookie, as a datagram.
    Offers(Version, Vec<u8>),
}

/// Reads a ClientHello as the front door does, for tests that give it any octets.
#[must_use]
pub fn outlook(datagram: &[u8]) -> Outlook {
    match ClientHello::read(datagram) {
        Err(error) => Outlook::Refused(error),
        Ok(hello) if hello.offers_1_3() => Outlook::Offers(Version::Dtls13, hello.first(0)),
        Ok(hello) if hello.offers_1_2(true) => Outlook::Offers(Version::Dtls12, hello.first(0)),
        Ok(_) => Outlook::Refused(Error::HelloUnsuitable),
    }
}
