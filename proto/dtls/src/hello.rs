//! The ClientHello: read without keeping it, and rebuilt as it was before it had a cookie.
//!
//! Source: RFC 6347 §4.2.1, §4.3.2; RFC 9147 §5.1, §5.3; RFC 8446 §4.1.2, §4.2; RFC 7627 §5.1.
//! Does not: say what follows from it; `look` does.
//! Invariants: what is accepted is one whole ClientHello, alone in its datagram; nothing is copied before it is proved.

use crate::Error;
use crate::wire::{HANDSHAKE, Reader, Record, handshake};

/// The most octets of a ClientHello that is read; ours. One fits into a datagram, or is refused.
pub const CLIENT_HELLO_BYTES_MAX: usize = 1500;
/// The most ClientHellos of one handshake, the one that is accepted included; ours.
pub const HELLOS_MAX: u16 = 4;

/// The type of the handshake message.
const CLIENT_HELLO: u64 = 1;
const VERSION_1_2: u64 = 0xfefd;
const VERSION_1_3: u64 = 0xfefc;
const NULL_COMPRESSION: u8 = 0;

const EXTENDED_MASTER_SECRET: u64 = 23;
const PADDING: u64 = 21;
const SUPPORTED_VERSIONS: u64 = 43;
const COOKIE: u64 = 44;
const KEY_SHARE: u64 = 51;

/// `TLS_ECDHE_ECDSA_WITH_AES_{128_GCM_SHA256, 256_GCM_SHA384, 128_CCM_8}`.
pub(crate) const SUITES_1_2: [u64; 3] = [0xc02b, 0xc02c, 0xc0ae];
/// `TLS_{AES_128_GCM_SHA256, AES_256_GCM_SHA384, CHACHA20_POLY1305_SHA256}`.
const SUITES_1_3: [u64; 3] = [0x1301, 0x1302, 0x1303];
/// secp256r1, secp384r1, x25519.
const GROUPS_1_3: [u64; 3] = [23, 24, 29];

/// A ClientHello, borrowed from its datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientHello<'a> {
    /// The number of its record.
    pub(crate) number: u64,
    /// The number of its message in the handshake.
    pub(crate) sequence: u16,
    /// What only this handshake has.
    pub(crate) random: &'a [u8],
    /// The cookie of DTLS 1.2, empty where there is none.
    pub(crate) cookie: &'a [u8],
    record_version: [u8; 2],
    version: u64,
    /// Version, random and session id.
    head: &'a [u8],
    /// Cipher suites and compression methods, with their lengths.
    middle: &'a [u8],
    suites: &'a [u8],
    extensions: Extensions<'a>,
    room: Room,
}

/// The extensions that are looked at, and all as they came.
#[derive(Clone, Copy, Debug, Default)]
struct Extensions<'a> {
    octets: Option<&'a [u8]>,
    has_extended_master_secret: bool,
    versions: &'a [u8],
    key_shares: &'a [u8],
    cookie: Option<CookieExtension<'a>>,
    /// The octets of padding, where padding is the last extension.
    padding: Option<usize>,
}

/// The cookie of DTLS 1.3, and what stands before and behind its extension.
#[derive(Clone, Copy, Debug)]
struct CookieExtension<'a> {
    cookie: &'a [u8],
    before: &'a [u8],
    behind: &'a [u8],
}

/// How the extensions of a ClientHello made room for its cookie (RFC 8446 §4.1.2 allows both).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// They grew by it.
    Grown,
    /// The padding shrank by it (RFC 7685).
    Padding,
}

/// Tells whether a datagram begins with a ClientHello, so that it is for the front door and no session.
pub(crate) fn is_client_hello(datagram: &[u8]) -> bool {
    Record::read(&mut Reader(datagram)).is_some_and(|record| {
        record.content_type == HANDSHAKE && record.epoch == 0 && record.fragment.first() == Some(&1)
    })
}

impl<'a> ClientHello<'a> {
    /// Reads a datagram that holds a ClientHello and nothing else.
    pub(crate) fn read(datagram: &'a [u8]) -> Result<Self, Error> {
        if datagram.len() > CLIENT_HELLO_BYTES_MAX {
            return Err(Error::HelloMalformed);
        }
        let mut rest = Reader(datagram);
        let record = Record::read(&mut rest).ok_or(Error::HelloMalformed)?;
        let mut message = Reader(record.fragment);
        let (sequence, body) = read_header(&mut message)?;
        if record.content_type != HANDSHAKE || record.epoch != 0 || !rest.0.is_empty() {
            return Err(Error::HelloMalformed);
        }
        let hello = Self::read_body(body, record.number, sequence).ok_or(Error::HelloMalformed)?;
        let record_version = datagram.get(1..3).and_then(|v| v.try_into().ok()).unwrap_or([0; 2]);
        Ok(Self { record_version, ..hello })
    }

    fn read_body(body: &'a [u8], number: u64, sequence: u16) -> Option<Self> {
        let mut rest = Reader(body);
        let version = rest.uint(2)?;
        let random = rest.take(32)?;
        let session_id = rest.vector(1)?;
        let head = body.get(..2 + 32 + 1 + session_id.len())?;
        let cookie = rest.vector(1)?;
        let middle = rest.0;
        let suites = rest.vector(2)?;
        let compressions = rest.vector(1)?;
        let middle = middle.get(..2 + suites.len() + 1 + compressions.len())?;
        let extensions = if rest.0.is_empty() { None } else { Some(rest.vector(2)?) };
        let is_sound = session_id.len() <= 32
            && suites.len() >= 2
            && suites.len().is_multiple_of(2)
            && compressions.contains(&NULL_COMPRESSION)
            && rest.0.is_empty();
        let extensions = Extensions::read(extensions)?;
        is_sound.then_some(Self {
            number,
            sequence,
            random,
            cookie,
            record_version: [0; 2],
            version,
            head,
            middle,
            suites,
            extensions,
            room: Room::Grown,
        })
    }

    /// Tells whether DTLS 1.3 can be spoken: version, suite and a key share of a group that we have at once. Another
    /// group would have to be asked for by a HelloRetryRequest, and the first ClientHello could not be rebuilt.
    pub(crate) fn offers_1_3(&self) -> bool {
        has_any(self.extensions.versions, &[VERSION_1_3])
            && has_any(self.suites, &SUITES_1_3)
            && self.shares_a_group()
    }

    /// Tells whether DTLS 1.2 can be spoken.
    // RFC7627-5.2-server-requires
    pub(crate) fn offers_1_2(&self, is_extended_master_secret_required: bool) -> bool {
        let versions = self.extensions.versions;
        let is_1_2 = if versions.is_empty() {
            self.version <= VERSION_1_2 && self.version > 0xfe00
        } else {
            has_any(versions, &[VERSION_1_2])
        };
        is_1_2
            && has_any(self.suites, &SUITES_1_2)
            && (self.extensions.has_extended_master_secret || !is_extended_master_secret_required)
    }

    /// Returns the cookie of DTLS 1.3.
    pub(crate) fn cookie_1_3(&self) -> Option<&'a [u8]> {
        self.extensions.cookie.map(|extension| extension.cookie)
    }

    /// Returns what a client must repeat when it comes with its cookie (RFC 6347 §4.2.1).
    pub(crate) const fn parameters_1_2(&self) -> [&'a [u8]; 2] {
        [self.head, self.middle]
    }

    /// Returns the same, to be rebuilt by another rule.
    pub(crate) const fn with(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// Rebuilds the message body as it was without a cookie of either version.
    pub(crate) fn first_body(&self) -> Vec<u8> {
        let mut body = self.head.to_vec();
        body.push(0);
        body.extend_from_slice(self.middle);
        if self.extensions.octets.is_some() {
            let extensions = self.extensions.without_cookie(self.room);
            body.extend(u16::try_from(extensions.len()).unwrap_or(u16::MAX).to_be_bytes());
            body.extend(extensions);
        }
        body
    }

    /// Rebuilds the ClientHello that came before, as the message of that number.
    pub(crate) fn first(&self, sequence: u16) -> Vec<u8> {
        let message = handshake(1, sequence, &self.first_body());
        Record::write(HANDSHAKE, self.record_version, u64::from(sequence), &message)
    }

    fn shares_a_group(&self) -> bool {
        let mut shares = Reader(self.extensions.key_shares);
        while let (Some(group), Some(_)) = (shares.uint(2), shares.vector(2)) {
            if GROUPS_1_3.contains(&group) {
                return true;
            }
        }
        false
    }
}

/// Reads the header of a ClientHello that is not fragmented.
fn read_header<'a>(message: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Error> {
    let mut field = |octets| message.uint(octets).ok_or(Error::HelloMalformed);
    let (kind, length, sequence) = (field(1)?, field(3)?, field(2)?);
    let (offset, fragment_length) = (field(3)?, field(3)?);
    if kind != CLIENT_HELLO {
        return Err(Error::HelloMalformed);
    }
    if offset != 0 || fragment_length != length {
        return Err(Error::HelloFragmented);
    }
    let body = usize::try_from(length).ok().and_then(|length| message.take(length));
    match (body, u16::try_from(sequence)) {
        (Some(body), Ok(sequence)) if message.0.is_empty() => Ok((sequence, body)),
        _ => Err(Error::HelloMalformed),
    }
}

impl<'a> Extensions<'a> {
    fn read(octets: Option<&'a [u8]>) -> Option<Self> {
        let Some(all) = octets else { return Some(Self::default()) };
        let mut read = Self { octets, ..Self::default() };
        let mut rest = Reader(all);
        while !rest.0.is_empty() {
            let before = all.get(..all.len() - rest.0.len())?;
            let kind = rest.uint(2)?;
            let mut value = Reader(rest.vector(2)?);
            read.padding = (kind == PADDING).then_some(value.0.len());
            match kind {
                EXTENDED_MASTER_SECRET => read.has_extended_master_secret = true,
                SUPPORTED_VERSIONS => read.versions = value.vector(1)?,
                KEY_SHARE => read.key_shares = value.vector(2)?,
                COOKIE if read.cookie.is_some() => return None,
                COOKIE => {
                    let cookie = value.vector(2)?;
                    read.cookie = Some(CookieExtension { cookie, before, behind: rest.0 });
                }
                _ => {}
            }
        }
        Some(read)
    }

    fn without_cookie(&self, room: Room) -> Vec<u8> {
        let all = self.octets.unwrap_or_default();
        let Some(CookieExtension { before, behind, .. }) = self.cookie else { return all.to_vec() };
        let mut octets = [before, behind].concat();
        if let (Room::Padding, Some(padding)) = (room, self.padding) {
            let taken = all.len().saturating_sub(octets.len());
            octets.truncate(octets.len().saturating_sub(padding + 2));
            octets.extend(u16::try_from(padding + taken).unwrap_or(u16::MAX).to_be_bytes());
            octets.resize(octets.len() + padding + taken, 0);
        }
        octets
    }
}

/// Tells whether a list of numbers of two octets has one of these.
fn has_any(list: &[u8], wanted: &[u64]) -> bool {
    let mut list = Reader(list);
    while let Some(number) = list.uint(2) {
        if wanted.contains(&number) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with this cookie of DTLS 1.2 and these extensions.
    fn hello(cookie: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([7; 32]);
        body.push(0);
        body.push(u8::try_from(cookie.len()).unwrap());
        body.extend_from_slice(cookie);
        body.extend([0, 4, 0xc0, 0xae, 0x13, 0x01, 1, 0]);
        let mut all = Vec::new();
        for (kind, value) in extensions {
            all.extend(kind.to_be_bytes());
            all.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            all.extend_from_slice(value);
        }
        body.extend(u16::try_from(all.len()).unwrap().to_be_bytes());
        body.extend(all);
        Record::write(HANDSHAKE, [0xfe, 0xfd], 1, &handshake(1, 1, &body))
    }

    const VERSIONS: (u16, &[u8]) = (43, &[2, 0xfe, 0xfc]);
    const SHARE: (u16, &[u8]) = (51, &[0, 5, 0, 29, 0, 1, 9]);
    const OTHER_SHARE: (u16, &[u8]) = (51, &[0, 5, 0x11, 0xec, 0, 1, 9]);
    const SECRET: (u16, &[u8]) = (23, &[]);

    #[test]
    fn what_is_offered_is_seen() {
        let plain = hello(&[], &[]);
        let plain = ClientHello::read(&plain).unwrap();
        assert!(!plain.offers_1_2(true) && plain.offers_1_2(false) && !plain.offers_1_3());
        let secret = hello(&[], &[SECRET]);
        assert!(ClientHello::read(&secret).unwrap().offers_1_2(true));
        let newer = hello(&[], &[VERSIONS, SHARE]);
        let newer = ClientHello::read(&newer).unwrap();
        assert!(newer.offers_1_3() && !newer.offers_1_2(false));
        let other = hello(&[], &[VERSIONS, OTHER_SHARE]);
        assert!(!ClientHello::read(&other).unwrap().offers_1_3());
    }

    #[test]
    fn the_hello_before_the_cookie_is_rebuilt_octet_for_octet() {
        let with = hello(&[1, 2, 3], &[SECRET]);
        let first = ClientHello::read(&with).unwrap().first(0);
        let mut expected = hello(&[], &[SECRET]);
        (expected[10], expected[18]) = (0, 0);
        assert_eq!(first, expected);
        let grown = hello(&[], &[VERSIONS, (44, &[0, 2, 8, 9]), SHARE]);
        let first = ClientHello::read(&grown).unwrap().first_body();
        let before = hello(&[], &[VERSIONS, SHARE]);
        assert_eq!(first, before[25..]);
        let padded = hello(&[], &[VERSIONS, (44, &[0, 2, 8, 9]), SHARE, (21, &[0; 5])]);
        let first = ClientHello::read(&padded).unwrap().with(Room::Padding).first_body();
        let before = hello(&[], &[VERSIONS, SHARE, (21, &[0; 13])]);
        assert_eq!(first, before[25..]);
    }

    #[test]
    fn what_is_cut_or_in_pieces_is_refused() {
        let whole = hello(&[1, 2], &[SECRET, VERSIONS, SHARE]);
        for cut in 0..whole.len() {
            assert!(ClientHello::read(&whole[..cut]).is_err(), "{cut}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(ClientHello::read(&longer).unwrap_err(), Error::HelloMalformed);
        let mut piece = whole;
        piece[24] -= 1;
        assert_eq!(ClientHello::read(&piece).unwrap_err(), Error::HelloFragmented);
    }
}
