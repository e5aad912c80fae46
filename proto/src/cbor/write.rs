//! Writes items one after the other.
//! Source: RFC 8949 §4.2.1: every head is the shortest, every length definite.

use alloc::vec::Vec;

/// Collects a document; the caller sees to it that arrays and maps get as many items as announced, and to the order of
/// keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins an empty document.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Begins an empty document with room for so many octets.
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self(Vec::with_capacity(octets))
    }

    /// Writes an unsigned integer.
    pub fn unsigned(&mut self, number: u64) -> &mut Self {
        self.head(0, number)
    }

    /// Writes an integer of either sign.
    pub fn integer(&mut self, number: i64) -> &mut Self {
        match u64::try_from(number) {
            Ok(number) => self.head(0, number),
            Err(_) => self.head(1, number.unsigned_abs() - 1),
        }
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.head(2, length(bytes.len())).raw(bytes)
    }

    /// Writes a text string.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.head(3, length(text.len())).raw(text.as_bytes())
    }

    /// Announces an array of so many items.
    pub fn array(&mut self, items: usize) -> &mut Self {
        self.head(4, length(items))
    }

    /// Announces a map of so many pairs.
    pub fn map(&mut self, pairs: usize) -> &mut Self {
        self.head(5, length(pairs))
    }

    /// Puts a tag on the next item.
    pub fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(6, tag)
    }

    /// Writes true or false.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.raw(&[if value { 0xf5 } else { 0xf4 }])
    }

    /// Writes an item that is encoded already.
    pub fn raw(&mut self, item: &[u8]) -> &mut Self {
        self.0.extend_from_slice(item);
        self
    }

    /// Returns the document.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    // RFC8949-4.2.1-shortest-head
    fn head(&mut self, major: u8, argument: u64) -> &mut Self {
        let [a, b, c, d, e, f, g, h] = argument.to_be_bytes();
        let major = major << 5;
        match argument {
            0..24 => self.raw(&[major | h]),
            24..0x100 => self.raw(&[major | 24, h]),
            0x100..0x1_0000 => self.raw(&[major | 25, g, h]),
            0x1_0000..0x1_0000_0000 => self.raw(&[major | 26, e, f, g, h]),
            _ => self.raw(&[major | 27, a, b, c, d, e, f, g, h]),
        }
    }
}

/// No target has lengths beyond 64 bits.
fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(write: impl Fn(&mut Writer) -> &mut Writer) -> Vec<u8> {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.into_bytes()
    }

    #[test]
    fn every_head_is_the_shortest() {
        // RFC8949-4.2.1-shortest-head, the values of RFC 8949 appendix A
        assert_eq!(hex(|w| w.unsigned(0)), [0x00]);
        assert_eq!(hex(|w| w.unsigned(23)), [0x17]);
        assert_eq!(hex(|w| w.unsigned(24)), [0x18, 0x18]);
        assert_eq!(hex(|w| w.unsigned(255)), [0x18, 0xff]);
        assert_eq!(hex(|w| w.unsigned(256)), [0x19, 1, 0]);
        assert_eq!(hex(|w| w.unsigned(1_000_000)), [0x1a, 0, 0x0f, 0x42, 0x40]);
        assert_eq!(hex(|w| w.unsigned(1_000_000_000_000)), [0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0]);
        assert_eq!(hex(|w| w.unsigned(u64::MAX)), [0x1b, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(hex(|w| w.integer(-1)), [0x20]);
        assert_eq!(hex(|w| w.integer(-1000)), [0x39, 3, 0xe7]);
        assert_eq!(hex(|w| w.integer(i64::MIN)), [0x3b, 127, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(hex(|w| w.integer(10)), [0x0a]);
    }

    #[test]
    fn writes_strings_and_containers() {
        let document = hex(|w| w.tag(18).array(3).map(1).unsigned(1).boolean(true).bytes(&[7]).text("ü"));
        assert_eq!(document, [0xd2, 0x83, 0xa1, 1, 0xf5, 0x41, 7, 0x62, 0xc3, 0xbc]);
        assert_eq!(hex(|w| w.bytes(&[0; 24]))[..3], [0x58, 24, 0]);
    }
}
