//! Where random numbers come from: the operating system, or a seed when a test wants the same run again.
//!
//! Does not: make keys; those always come from the operating system, inside `pki`.
//! Invariants: nonces follow from a seed only where the caller gave one; each unit draws from a stream of its own, so that
//! neither concurrency nor order changes what it draws.

use proto::SerialNumber;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::Error;

/// The octets of a nonce: RFC 8366bis allows 8 to 32; 16 make a collision a matter of 2^64 attempts.
pub const NONCE_BYTES: usize = 16;

/// A source of random bytes for one unit.
#[derive(Debug)]
pub enum Randomness {
    /// The operating system's generator.
    System,
    /// A generator that gives the same bytes for the same seed and stream.
    Seeded(Box<ChaCha20Rng>),
}

impl Randomness {
    /// Opens stream `stream` of `seed`, or the operating system's generator when there is no seed.
    #[must_use]
    pub fn for_stream(seed: Option<u64>, stream: u64) -> Self {
        match seed {
            None => Self::System,
            Some(seed) => {
                let mut generator = ChaCha20Rng::seed_from_u64(seed);
                generator.set_stream(stream);
                Self::Seeded(Box::new(generator))
            }
        }
    }

    /// Opens the stream of one unit: other units, also of other fleets, draw other bytes from the same seed, since a
    /// registrar takes one nonce from two devices for an attack. The same unit with the same seed draws the same again,
    /// so that a registrar that remembers its nonce refuses it.
    #[must_use]
    pub fn for_unit(seed: Option<u64>, serial_number: &SerialNumber) -> Self {
        match seed {
            None => Self::System,
            Some(seed) => {
                let material = [&seed.to_be_bytes(), serial_number.as_str().as_bytes()].concat();
                let key = *pki::digest::sha256(&material).as_bytes();
                Self::Seeded(Box::new(ChaCha20Rng::from_seed(key)))
            }
        }
    }

    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the operating system gives none.
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        match self {
            Self::System => pki::tls::provider().secure_random.fill(bytes).map_err(|_| Error::NoRandomness),
            Self::Seeded(generator) => {
                generator.fill_bytes(bytes);
                Ok(())
            }
        }
    }

    /// Draws a fresh nonce of [`NONCE_BYTES`] octets.
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the operating system gives none.
    pub fn nonce(&mut self) -> Result<[u8; NONCE_BYTES], Error> {
        let mut nonce = [0; NONCE_BYTES];
        self.fill(&mut nonce)?;
        Ok(nonce)
    }

    /// Draws a number below `bound`, which must not be zero; the bias is below `bound` ÷ 2^64.
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the operating system gives none.
    pub fn below(&mut self, bound: u64) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or_default())
    }

    /// Shuffles `items` (Fisher and Yates).
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the operating system gives none.
    pub fn shuffle<T>(&mut self, items: &mut [T]) -> Result<(), Error> {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from(self.below(bound)?).unwrap_or_default();
            items.swap(last, other);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_each_stream_its_own() {
        let nonce = |seed, stream| Randomness::for_stream(Some(seed), stream).nonce().unwrap();
        assert_eq!(nonce(7, 1), nonce(7, 1));
        assert_ne!(nonce(7, 1), nonce(7, 2));
        assert_ne!(nonce(7, 1), nonce(8, 1));
    }

    #[test]
    fn each_unit_draws_its_own_nonce_from_one_seed_and_the_same_again() {
        let nonce =
            |seed, serial: &str| Randomness::for_unit(Some(seed), &serial.parse().unwrap()).nonce().unwrap();
        assert_eq!(nonce(7, "A-1"), nonce(7, "A-1"));
        assert_ne!(nonce(7, "A-1"), nonce(7, "A-2"));
        assert_ne!(nonce(7, "A-1"), nonce(8, "A-1"));
    }

    #[test]
    fn without_a_seed_no_two_nonces_are_alike() {
        let mut source = Randomness::for_stream(None, 0);
        assert_ne!(source.nonce().unwrap(), source.nonce().unwrap());
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Randomness::for_stream(Some(1), 0).shuffle(&mut items).unwrap();
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
