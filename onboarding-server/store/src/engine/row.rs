//! The bytes of one row: format version, CRC32C, the fields by postcard.
//!
//! Why not CBOR, as in the journal: rows are decoded and encoded many times for each record, and without the names of
//! their fields they are half as long. What is written need not last, since rows can be made anew; but nothing in a row
//! tells that a type has changed, so [`VERSION`] must.
//! Invariants: the checksum covers key and value, so a row read under another key does not hold.

use aws_lc_rs::digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The version of all rows; another means the state is rebuilt.
const VERSION: u8 = 3;
const HEADER_BYTES: usize = 5;

/// The most bytes of a row: what sled keeps in one page without a file of its own.
pub(crate) const ROW_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn encode<T: Serialize>(key: &[u8], row: &T) -> Result<Vec<u8>, Error> {
    let header = vec![VERSION, 0, 0, 0, 0];
    let mut bytes = postcard::to_extend(row, header).map_err(|_| Error::BlobTooLarge)?;
    if bytes.len() > ROW_BYTES_MAX {
        return Err(Error::BlobTooLarge);
    }
    let crc = checksum(key, bytes.get(HEADER_BYTES..).unwrap_or_default()).to_le_bytes();
    bytes.iter_mut().skip(1).zip(crc).for_each(|(to, from)| *to = from);
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(check(key, bytes)?) {
        Ok((row, [])) => Ok(row),
        Ok(_) | Err(_) => Err(Error::StateDamaged),
    }
}

/// Checks version and checksum, and returns the fields.
pub(crate) fn check<'a>(key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let (header, fields) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Error::StateDamaged)?;
    let [version, crc @ ..] = *header;
    if version == VERSION && u32::from_le_bytes(crc) == checksum(key, fields) {
        Ok(fields)
    } else {
        Err(Error::StateDamaged)
    }
}

fn checksum(key: &[u8], fields: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), fields)
}

/// Names one row of the state; the sum over all rows names the state, in whatever order they came.
pub(crate) fn fingerprint(key: &[u8], bytes: &[u8]) -> u128 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&key.len().to_le_bytes());
    context.update(key);
    context.update(bytes);
    let hash = context.finish();
    hash.as_ref().first_chunk::<16>().map_or(0, |half| u128::from_le_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_byte_of_a_row_and_any_other_key_is_detected() {
        let bytes = encode(b"key", &"some value").unwrap();
        assert_eq!(decode::<String>(b"key", &bytes).unwrap(), "some value");
        assert!(decode::<String>(b"kez", &bytes).is_err());
        for i in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[i] ^= 0x10;
            assert!(decode::<String>(b"key", &flipped).is_err(), "byte {i}");
        }
    }
}
