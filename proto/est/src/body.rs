//! Bodies: base64 over HTTP, in and out.
//! Source: RFC 7030 §4, RFC 8951 §3.
//! Does not: look at Content-Transfer-Encoding, which means nothing (RFC 8951 §3).
//! Invariants: what is written is one line without white space (some clients cannot join lines).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// The most bytes of a body, white space included: four times the largest request or certificate that the cellar reads.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How the sender wrote the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As the RFC has it.
    Base64,
    /// Bare DER, as some clients send it; worth a word in the log.
    Der,
}

/// Reads a body that should be base64, with any white space in it, and takes one bare DER SEQUENCE as well.
///
/// # Errors
/// [`Error::BodyTooLarge`], [`Error::BodyEmpty`], [`Error::BodyEncodingInvalid`] (all `Malformed`).
pub fn decode(body: &[u8]) -> Result<(Vec<u8>, Encoding), Error> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Error::BodyTooLarge);
    }
    // RFC8951-3.1-whitespace
    let text: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if text.is_empty() {
        return Err(Error::BodyEmpty);
    }
    match STANDARD.decode(&text) {
        Ok(der) => Ok((der, Encoding::Base64)),
        Err(_) if is_one_sequence(body) => Ok((body.to_vec(), Encoding::Der)),
        Err(_) => Err(Error::BodyEncodingInvalid),
    }
}

/// Writes a body: base64 in one line.
#[must_use]
pub fn encode(der: &[u8]) -> String {
    // RFC8951-3.1-one-line
    STANDARD.encode(der)
}

/// Tells whether the bytes are one DER SEQUENCE from the first to the last.
fn is_one_sequence(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    let (header_bytes, content_bytes) = match bytes {
        [SEQUENCE, length @ 0..=0x7f, ..] => (2, usize::from(*length)),
        [SEQUENCE, 0x81, length, ..] => (3, usize::from(*length)),
        [SEQUENCE, 0x82, high, low, ..] => (4, usize::from(*high) << 8 | usize::from(*low)),
        _ => return false,
    };
    header_bytes + content_bytes == bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_base64_however_it_is_broken() {
        // RFC8951-3.1-whitespace
        for body in ["MAMCAQE=", "MAMC\r\nAQE=\r\n", " M A\tM\nC A Q E = \n", "MAMCAQE=\n"] {
            assert_eq!(decode(body.as_bytes()), Ok((vec![0x30, 3, 2, 1, 1], Encoding::Base64)), "{body:?}");
        }
    }

    #[test]
    fn reads_one_bare_sequence_and_nothing_around_it() {
        let der = [0x30, 3, 2, 1, 0xff];
        assert_eq!(decode(&der), Ok((der.to_vec(), Encoding::Der)));
        assert_eq!(decode(&[0x30, 3, 2, 1, 0xff, 0]), Err(Error::BodyEncodingInvalid));
        assert_eq!(decode(&[0x30, 4, 2, 1, 0xff]), Err(Error::BodyEncodingInvalid));
        let long = [&[0x30, 0x82, 1, 0][..], &[0xff; 256]].concat();
        assert_eq!(decode(&long).map(|(_, encoding)| encoding), Ok(Encoding::Der));
    }

    #[test]
    fn refuses_what_is_neither() {
        for body in [
            &b"MAMCAQE"[..],
            b"MAMC*AQE=",
            b"-----BEGIN CERTIFICATE REQUEST-----",
            b"=",
            b"\xff\xfe",
            b"MAMCAQF=",
        ] {
            assert_eq!(decode(body), Err(Error::BodyEncodingInvalid), "{body:?}");
        }
        assert_eq!(decode(b""), Err(Error::BodyEmpty));
        assert_eq!(decode(b" \r\n\t"), Err(Error::BodyEmpty));
        assert_eq!(decode(&vec![b'A'; BODY_BYTES_MAX + 1]), Err(Error::BodyTooLarge));
    }

    #[test]
    fn writes_one_line_that_reads_back() {
        // RFC8951-3.1-one-line
        let der: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let text = encode(&der);
        assert!(text.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(decode(text.as_bytes()), Ok((der, Encoding::Base64)));
    }
}
