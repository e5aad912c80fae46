//! Several representations in one body: `application/multipart-core`.
//! Source: RFC 8710 §2; RFC 9148 §5.3.
//! Invariants: a collection has few parts, and each has a Content-Format and octets.

use proto::ContentFormat;
use proto::cbor::{self, Limits, Writer};

use crate::Error;
use crate::body::BODY_BYTES_MAX;

/// The most parts in one body: a path has eight certificates at most, a change of root brings three more.
pub const PARTS_MAX: usize = 16;
const LIMITS: Limits = Limits { depth_max: 1, items_max: 1 + 2 * PARTS_MAX };

/// The most octets of the heads of one part: a format of 3 and a length of 9.
const HEADS_BYTES_MAX: usize = 12;

/// One representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it is.
    pub format: ContentFormat,
    /// Its octets.
    pub body: &'a [u8],
}

/// Reads the parts in their order; their formats are the caller's to judge. A part without content is left out.
///
/// # Errors
/// [`Error::BodyTooLarge`], [`Error::MultipartMalformed`] (`Malformed`).
// RFC8710-2-alternating
pub fn parse(body: &[u8]) -> Result<Vec<Part<'_>>, Error> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Error::BodyTooLarge);
    }
    let document = cbor::parse(body, LIMITS).map_err(|_| Error::MultipartMalformed)?;
    let items = document.into_array().ok_or(Error::MultipartMalformed)?;
    let mut parts = Vec::with_capacity(items.len() / 2);
    for pair in items.chunks(2) {
        let [format, content] = pair else { return Err(Error::MultipartMalformed) };
        let format = format.as_unsigned().and_then(|number| u16::try_from(number).ok());
        let format = ContentFormat::new(format.ok_or(Error::MultipartMalformed)?);
        if content.value == cbor::Value::Null {
            continue;
        }
        parts.push(Part { format, body: content.as_bytes().ok_or(Error::MultipartMalformed)? });
    }
    Ok(parts)
}

/// Writes the parts in the order given.
#[must_use]
pub fn write(parts: &[Part<'_>]) -> Vec<u8> {
    // Room for all at once: where a key is among them, no copy of it is left behind by growing.
    let bodies: usize = parts.iter().map(|part| part.body.len()).sum();
    let mut writer = Writer::with_capacity(bodies + HEADS_BYTES_MAX * (1 + parts.len()));
    writer.array(2 * parts.len());
    for part in parts {
        writer.unsigned(part.format.number().into()).bytes(part.body);
    }
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_read_and_written_octet_for_octet() {
        // RFC8710-2-alternating, RFC 9148 §5.3
        let (key, certificate) =
            ([1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef], [0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10]);
        let parts = [
            Part { format: ContentFormat::PKCS8, body: &key },
            Part { format: ContentFormat::PKCS7_CERTS_ONLY, body: &certificate },
        ];
        let octets = write(&parts);
        assert_eq!(octets[..5], [0x84, 0x19, 0x01, 0x1c, 0x48]);
        assert_eq!(octets[13..17], [0x19, 0x01, 0x19, 0x48]);
        assert_eq!(parse(&octets), Ok(parts.to_vec()));
    }

    #[test]
    fn an_absent_part_is_left_out() {
        assert_eq!(parse(&[0x82, 0x18, 62, 0xf6]), Ok(vec![]));
        assert_eq!(parse(&[0x80]), Ok(vec![]));
    }

    #[test]
    fn refuses_what_is_no_collection_or_too_many() {
        for octets in [
            &[][..],
            &[0xa0],
            &[0x81, 1],
            &[0x82, 1, 1],
            &[0x82, 0x20, 0x40],
            &[0x82, 0x1a, 0, 1, 0, 0, 0x40],
            &[0x82, 1, 0x80],
            &[0x82, 1, 0x40, 0],
        ] {
            assert_eq!(parse(octets), Err(Error::MultipartMalformed), "{octets:?}");
        }
        let many = |count: usize| write(&vec![Part { format: ContentFormat::PKIX_CERT, body: &[] }; count]);
        assert_eq!(parse(&many(PARTS_MAX)).map(|parts| parts.len()), Ok(PARTS_MAX));
        assert_eq!(parse(&many(PARTS_MAX + 1)), Err(Error::MultipartMalformed));
        assert_eq!(parse(&vec![0; BODY_BYTES_MAX + 1]), Err(Error::BodyTooLarge));
    }
}
