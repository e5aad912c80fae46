//! Which certificate was found to be signed by which key: a signature that held once holds for ever.
//!
//! Does not: remember a verdict. Names, validity, extensions, constraints and revocation are judged anew for each path;
//! only the arithmetic, which depends on nothing but the two, is not done twice.
//! Invariants: what is remembered was verified here; the room is bounded, and what is asked for stays longest.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, PoisonError};

use proto::Fingerprint;

use crate::{Certificate, Error, PublicKey};

/// The most pairs of one generation; two generations are kept, with 64 bytes for each pair.
const GENERATION_PAIRS_MAX: usize = 1024;

/// A certificate, by the SHA-256 of its DER, and the key that signed it, by that of its SubjectPublicKeyInfo.
type Pair = (Fingerprint, Fingerprint);

/// Remembers pairs; who floods it with certificates of a CA of its own makes it slow, not wrong.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<Pair>,
    old: HashSet<Pair>,
}

impl Memory {
    /// Checks that `certificate` was signed by `key`, by memory where it can.
    pub(super) fn verify(&self, certificate: &Certificate, key: &PublicKey) -> Result<(), Error> {
        let pair = (certificate.fingerprint(), key.fingerprint());
        if self.generations(|generations| generations.recall(pair)) {
            return Ok(());
        }
        certificate.verify_signed_by(key)?;
        self.generations(|generations| generations.keep(pair));
        Ok(())
    }

    fn generations<T>(&self, work: impl FnOnce(&mut Generations) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    /// Tells whether a pair is known, and keeps it among the young then.
    fn recall(&mut self, pair: Pair) -> bool {
        if self.young.contains(&pair) {
            return true;
        }
        let is_old = self.old.contains(&pair);
        if is_old {
            self.keep(pair);
        }
        is_old
    }

    fn keep(&mut self, pair: Pair) {
        if self.young.len() >= GENERATION_PAIRS_MAX {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(number: usize) -> Pair {
        let digest = crate::digest::sha256(&number.to_be_bytes());
        (digest, digest)
    }

    #[test]
    fn what_is_asked_for_outlives_a_flood_and_the_room_is_bounded() {
        let mut generations = Generations::default();
        generations.keep(pair(0));
        for number in 1..10 * GENERATION_PAIRS_MAX {
            generations.keep(pair(number));
            if number % 100 == 0 {
                assert!(generations.recall(pair(0)), "{number}");
            }
        }
        assert!(!generations.recall(pair(1)));
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION_PAIRS_MAX);
    }
}
