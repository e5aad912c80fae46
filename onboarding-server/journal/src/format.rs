//! The bytes of segment and record headers; the layout is in the crate's documentation.
//!
//! Invariants: nothing here panics on any bytes; every field is covered by a checksum.

use aws_lc_rs::digest;
use proto::{Fingerprint, Seq, UnixTime};

use crate::error::Damage;
use crate::{Head, JournalRecord};

/// The most bytes of one payload.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The most records of one group.
pub const GROUP_RECORDS_MAX: usize = 4096;

pub(crate) const SEGMENT_HEADER_BYTES: usize = 56;
pub(crate) const RECORD_HEADER_BYTES: usize = 60;

const MAGIC: &[u8; 8] = b"GWJOURN\n";
const VERSION: u32 = 1;

/// Writes the header of a segment that continues after `before`.
pub(crate) fn segment_header(before: Head) -> Vec<u8> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&before.seq.next().0.to_le_bytes());
    header.extend_from_slice(before.hash.as_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}

/// Reads the header of a segment: what it continues after.
pub(crate) fn parse_segment_header(bytes: &[u8]) -> Option<Head> {
    let mut fields = Fields(bytes);
    let (magic, version) = (fields.take::<8>()?, u32::from_le_bytes(fields.take()?));
    let first = u64::from_le_bytes(fields.take()?);
    let hash = fields.take::<32>()?;
    let crc = u32::from_le_bytes(fields.take()?);
    let is_whole = crc == crc32c::crc32c(bytes.get(..SEGMENT_HEADER_BYTES - 4)?);
    if !is_whole || &magic != MAGIC || version != VERSION {
        return None;
    }
    Some(Head { seq: Seq(first.checked_sub(1)?), hash: Fingerprint::from_array(hash) })
}

/// Appends one record that follows `before` to `out` and returns the head it makes.
pub(crate) fn write_record(
    out: &mut Vec<u8>,
    before: Head,
    place: u16,
    at: UnixTime,
    payload: &[u8],
) -> Option<Head> {
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let seq = before.seq.next();
    let mut rest = [0; 20];
    let fields =
        [&seq.0.to_le_bytes()[..], &at.as_millis().to_le_bytes(), &place.to_le_bytes(), &[0; 2]].concat();
    rest.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    let hash = chain(before.hash, length, &rest, payload);
    let crc = checksum(length, &rest, hash, payload);
    for part in [&length[..], &crc.to_le_bytes(), &rest, hash.as_bytes(), payload] {
        out.extend_from_slice(part);
    }
    Some(Head { seq, hash })
}

/// A record header whose record passed its checksum.
pub(crate) struct Sound<'a> {
    pub(crate) seq: Seq,
    pub(crate) place: u16,
    pub(crate) at: UnixTime,
    pub(crate) hash: Fingerprint,
    pub(crate) payload: &'a [u8],
    length: [u8; 4],
    rest: [u8; 20],
}

impl<'a> Sound<'a> {
    /// Reads the record that `bytes` begins with; what follows it is not looked at.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let header = Header::parse(bytes).ok_or(Damage::Short)?;
        let payload_bytes = header.payload_bytes().ok_or(Damage::Length)?;
        let end = RECORD_HEADER_BYTES + payload_bytes;
        let payload = bytes.get(RECORD_HEADER_BYTES..end).ok_or(Damage::Short)?;
        if checksum(header.length, &header.rest, header.hash, payload) != header.crc {
            return Err(Damage::Checksum);
        }
        let (seq, at, place) = split(&header.rest).ok_or(Damage::Short)?;
        let Header { length, rest, hash, .. } = header;
        Ok(Self { seq, place, at, hash, payload, length, rest })
    }

    /// Returns the bytes of the whole record.
    pub(crate) const fn total_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload.len()
    }

    /// Checks that this record follows `before`.
    pub(crate) fn follows(&self, before: Head) -> Result<(), Damage> {
        if self.seq != before.seq.next() {
            return Err(Damage::Sequence);
        }
        if chain(before.hash, self.length, &self.rest, self.payload) != self.hash {
            return Err(Damage::Chain);
        }
        Ok(())
    }

    pub(crate) fn to_record(&self) -> JournalRecord {
        JournalRecord { seq: self.seq, at: self.at, hash: self.hash, payload: self.payload.to_vec() }
    }

    pub(crate) const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

/// A record header, unchecked.
pub(crate) struct Header {
    length: [u8; 4],
    crc: u32,
    rest: [u8; 20],
    hash: Fingerprint,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self {
            length: fields.take()?,
            crc: u32::from_le_bytes(fields.take()?),
            rest: fields.take()?,
            hash: Fingerprint::from_array(fields.take()?),
        })
    }

    /// Returns the payload's length where it is within bounds.
    pub(crate) fn payload_bytes(&self) -> Option<usize> {
        let bytes = usize::try_from(u32::from_le_bytes(self.length)).ok()?;
        (1..=RECORD_BYTES_MAX).contains(&bytes).then_some(bytes)
    }

    pub(crate) fn seq(&self) -> Option<Seq> {
        split(&self.rest).map(|(seq, _, _)| seq)
    }
}

fn split(rest: &[u8; 20]) -> Option<(Seq, UnixTime, u16)> {
    let mut fields = Fields(rest);
    let seq = Seq(u64::from_le_bytes(fields.take()?));
    let at = UnixTime::from_millis(u64::from_le_bytes(fields.take()?));
    Some((seq, at, u16::from_le_bytes(fields.take()?)))
}

fn chain(before: Fingerprint, length: [u8; 4], rest: &[u8; 20], payload: &[u8]) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(before.as_bytes());
    context.update(&length);
    context.update(rest);
    context.update(payload);
    let mut hash = [0; 32];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Fingerprint::from_array(hash)
}

fn checksum(length: [u8; 4], rest: &[u8; 20], hash: Fingerprint, payload: &[u8]) -> u32 {
    let mut crc = crc32c::crc32c(&length);
    for part in [&rest[..], hash.as_bytes(), payload] {
        crc = crc32c::crc32c_append(crc, part);
    }
    crc
}

/// What is left of the bytes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_it_was_written_and_follows_only_its_own_head() {
        let mut bytes = Vec::new();
        let head = write_record(&mut bytes, Head::EMPTY, 3, UnixTime::from_seconds(7), b"hello").unwrap();
        let read = Sound::parse(&bytes).unwrap_or_else(|damage| panic!("{damage}"));
        assert_eq!((read.seq, read.place, read.payload), (Seq(1), 3, &b"hello"[..]));
        assert_eq!(read.follows(Head::EMPTY), Ok(()));
        assert_eq!(read.follows(head), Err(Damage::Sequence));
        let other = Head { seq: Seq(0), hash: Fingerprint::from_array([1; 32]) };
        assert_eq!(read.follows(other), Err(Damage::Chain));
    }

    #[test]
    fn a_segment_header_reads_as_it_was_written() {
        let before = Head { seq: Seq(41), hash: Fingerprint::from_array([9; 32]) };
        let header = segment_header(before);
        assert_eq!(header.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(parse_segment_header(&header), Some(before));
        for i in 0..header.len() {
            let mut flipped = header.clone();
            flipped[i] ^= 1;
            assert_eq!(parse_segment_header(&flipped), None, "byte {i}");
        }
    }
}
