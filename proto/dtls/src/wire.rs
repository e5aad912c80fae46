//! Records as far as they are not sealed: their headers, and the numbers that we give them.
//!
//! Source: RFC 6347 §4.1, §4.2.2; RFC 9147 §4 (DTLSPlaintext is the same).
//! Does not: open or seal anything.

/// The octets of a record's header.
pub(crate) const RECORD_HEADER: usize = 13;
/// The content type of an alert.
pub(crate) const ALERT: u8 = 21;
/// The content type of a handshake message.
pub(crate) const HANDSHAKE: u8 = 22;
/// The version in records of DTLS 1.0, which a HelloVerifyRequest keeps (RFC 6347 §4.2.1).
pub(crate) const DTLS_1_0: [u8; 2] = [0xfe, 0xff];
/// The version in records of DTLS 1.2 and later.
pub(crate) const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

/// The content types that a record in plain view may have; in DTLS 1.3 a sealed record's first octet is above.
const PLAIN_TYPES: core::ops::RangeInclusive<u8> = 20..=26;
/// The first record number that does not fit into 48 bits.
const NUMBERS_END: u64 = 1 << 48;

/// Takes octets off the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads an unsigned integer of up to eight octets.
    pub(crate) fn uint(&mut self, octets: usize) -> Option<u64> {
        let taken = self.take(octets)?;
        (octets <= 8).then(|| taken.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)))
    }

    /// Reads a length of so many octets, and what it is the length of.
    pub(crate) fn vector(&mut self, length_octets: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.uint(length_octets)?).ok()?;
        self.take(length)
    }
}

/// A record in plain view: its content type, number and fragment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) content_type: u8,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) fragment: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the first record; `None` where there is none of the form that DTLS 1.2 has.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let content_type = u8::try_from(reader.uint(1)?).ok()?;
        let major = reader.take(2)?.first().copied()?;
        let (epoch, number) = (reader.uint(2)?, reader.uint(6)?);
        let fragment = reader.vector(2)?;
        let is_plain_form = PLAIN_TYPES.contains(&content_type) && major == 0xfe;
        is_plain_form.then_some(Self { content_type, epoch, number, fragment })
    }

    /// Writes a record of epoch 0.
    pub(crate) fn write(content_type: u8, version: [u8; 2], number: u64, fragment: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type, version[0], version[1], 0, 0];
        record.extend(number.to_be_bytes().iter().skip(2));
        let length = u16::try_from(fragment.len()).unwrap_or(u16::MAX);
        record.extend(length.to_be_bytes());
        record.extend(fragment.iter().take(usize::from(length)));
        record
    }
}

/// Tells whether a datagram begins with a record that is not in plain view.
pub(crate) fn is_sealed(datagram: &[u8]) -> bool {
    Record::read(&mut Reader(datagram)).is_none_or(|record| record.epoch > 0)
}

/// Writes a handshake message that is not fragmented.
pub(crate) fn handshake(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let [_, length @ ..] = length;
    let mut message = vec![kind];
    message.extend(length);
    message.extend(sequence.to_be_bytes());
    message.extend([0; 3]);
    message.extend(length);
    message.extend_from_slice(body);
    message
}

/// Writes a fatal alert of epoch 0.
pub(crate) fn fatal_alert(number: u64, description: u8) -> Vec<u8> {
    Record::write(ALERT, DTLS_1_2, number, &[2, description])
}

/// The numbers of the records that go out in epoch 0.
///
/// The engines count from their own beginning and do not know of the answers that were given before they were there.
/// Numbers of epoch 0 are in plain view and part of no proof, so they are set here: the first ServerHello has that of
/// the ClientHello, and each transmission of a flight has new ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn from(first: u64) -> Self {
        Self(first)
    }

    /// Numbers the records of epoch 0 in a datagram; tells whether there are no others.
    // RFC6347-4.2.1-server-hello-number RFC6347-4.2.4-new-numbers
    pub(crate) fn stamp(&mut self, datagram: &mut [u8]) -> bool {
        let mut rest = datagram;
        while !rest.is_empty() {
            let mut reader = Reader(rest);
            let Some(Record { epoch: 0, fragment, .. }) = Record::read(&mut reader) else { return false };
            let end = RECORD_HEADER + fragment.len();
            let Some((record, others)) = rest.split_at_mut_checked(end) else { return false };
            let number = self.0 % NUMBERS_END;
            for (octet, new) in
                record.iter_mut().skip(5).take(6).zip(number.to_be_bytes().into_iter().skip(2))
            {
                *octet = new;
            }
            self.0 = number + 1;
            rest = others;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_it_was_written() {
        let written = Record::write(HANDSHAKE, DTLS_1_2, 0x1234_5678_9abc, b"abc");
        let mut reader = Reader(&written);
        let read = Record::read(&mut reader).unwrap();
        assert_eq!((read.content_type, read.epoch, read.number), (HANDSHAKE, 0, 0x1234_5678_9abc));
        assert_eq!((read.fragment, reader.0), (&b"abc"[..], &b""[..]));
        for cut in 0..written.len() {
            assert!(Record::read(&mut Reader(&written[..cut])).is_none(), "{cut}");
        }
    }

    #[test]
    fn records_of_epoch_0_are_numbered_in_turn_and_sealed_ones_are_left() {
        // RFC6347-4.2.1-server-hello-number RFC6347-4.2.4-new-numbers
        let mut datagram = Record::write(HANDSHAKE, DTLS_1_2, 0, b"a");
        datagram.extend(Record::write(ALERT, DTLS_1_2, 0, b"b"));
        let mut sealed = Record::write(HANDSHAKE, DTLS_1_2, 7, b"c");
        sealed[4] = 1;
        let mut numbers = Numbers::from(41);
        assert!(numbers.stamp(&mut datagram));
        assert!(!numbers.stamp(&mut sealed));
        assert!(!numbers.stamp(&mut [0x2f, 1, 2, 3]));
        let mut reader = Reader(&datagram);
        assert_eq!(Record::read(&mut reader).unwrap().number, 41);
        assert_eq!(Record::read(&mut reader).unwrap().number, 42);
        assert_eq!(Record::read(&mut Reader(&sealed)).unwrap().number, 7);
        numbers.stamp(&mut datagram);
        assert_eq!(Record::read(&mut Reader(&datagram)).unwrap().number, 43);
    }
}
