//! The value of a Block1 or Block2 option.
//!
//! Source: RFC 7959 §2.2.
//! Invariants: a size exponent is 0 to 6; a block number fits 20 bits.

use crate::option;

/// The highest block number (RFC 7959 §2.2: 20 bits).
pub const BLOCK_NUMBER_MAX: u32 = (1 << 20) - 1;

/// The exponent of a block size: 0 for 16 octets to 6 for 1,024 (RFC 7959 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Szx(u8);

impl Szx {
    /// 16 octets.
    pub const MIN: Self = Self(0);
    /// 1,024 octets.
    pub const MAX: Self = Self(6);

    /// Makes an exponent; `None` above 6.
    #[must_use]
    pub const fn new(exponent: u8) -> Option<Self> {
        if exponent <= Self::MAX.0 { Some(Self(exponent)) } else { None }
    }

    /// Returns the largest block size that is not above `bytes`; 16 octets at the least.
    #[must_use]
    pub fn fitting(bytes: usize) -> Self {
        (0..=Self::MAX.0).rev().map(Self).find(|szx| szx.bytes() <= bytes).unwrap_or(Self::MIN)
    }

    /// Returns the block size in octets.
    #[must_use]
    pub const fn bytes(self) -> usize {
        16 << self.0
    }
}

/// Which block of a body, whether more follow, and how large blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block's number, counted from 0 in blocks of this size.
    pub number: u32,
    /// Whether more blocks follow (or, in a response's Block1, are awaited).
    pub has_more: bool,
    /// The size of blocks.
    pub szx: Szx,
}

impl Block {
    /// Reads the value of the option; `None` for the reserved size exponent 7 and for more than three octets.
    // RFC7959-2.2-structure
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > 3 {
            return None;
        }
        let bits = option::uint(value)?;
        let szx = Szx::new(u8::try_from(bits & 0x07).ok()?)?;
        Some(Self { number: bits >> 4, has_more: bits & 0x08 != 0, szx })
    }

    /// Writes the value of the option; a number above [`BLOCK_NUMBER_MAX`] is cut to it.
    #[must_use]
    pub fn to_value(self) -> Vec<u8> {
        let more = if self.has_more { 0x08 } else { 0 };
        option::encode_uint(self.number.min(BLOCK_NUMBER_MAX) << 4 | more | u32::from(self.szx.0))
    }

    /// Returns where in the body the block begins, in octets.
    #[must_use]
    pub fn offset(self) -> usize {
        usize::try_from(self.number).unwrap_or(usize::MAX).saturating_mul(self.szx.bytes())
    }

    /// Returns the block that begins at `offset`; `None` where no block of that size begins there.
    #[must_use]
    pub fn at(offset: usize, szx: Szx, has_more: bool) -> Option<Self> {
        let number = u32::try_from(offset / szx.bytes()).ok().filter(|number| *number <= BLOCK_NUMBER_MAX)?;
        offset.is_multiple_of(szx.bytes()).then_some(Self { number, has_more, szx })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_no_octets_is_block_zero_of_sixteen_octets() {
        // RFC7959-2.2-structure
        assert_eq!(Block::parse(&[]), Some(Block { number: 0, has_more: false, szx: Szx::MIN }));
    }

    #[test]
    fn the_reserved_size_is_refused() {
        // RFC7959-2.2-szx-7
        assert_eq!(Block::parse(&[0x07]), None);
        assert_eq!(Szx::new(7), None);
    }

    #[test]
    fn every_value_goes_there_and_back() {
        for number in [0, 1, 15, 16, 4_095, 4_096, BLOCK_NUMBER_MAX] {
            for exponent in 0..=6 {
                let block = Block { number, has_more: number % 2 == 1, szx: Szx::new(exponent).unwrap() };
                assert_eq!(Block::parse(&block.to_value()), Some(block));
                assert_eq!(Block::at(block.offset(), block.szx, block.has_more), Some(block));
            }
        }
    }

    #[test]
    fn a_size_is_chosen_that_fits() {
        assert_eq!(Szx::fitting(1023).bytes(), 512);
        assert_eq!(Szx::fitting(5000).bytes(), 1024);
        assert_eq!(Szx::fitting(3).bytes(), 16);
    }
}
