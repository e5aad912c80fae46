//! Parsing and trusting are different types.

use core::fmt;
use core::ops::Deref;

use crate::envelope::Envelope;

/// A signed message that parsed and of which nothing was checked yet; only its `verify` opens it.
#[derive(Clone)]
#[must_use]
pub struct Unverified<T> {
    envelope: Envelope,
    value: T,
}

impl<T> Unverified<T> {
    pub(crate) const fn new(envelope: Envelope, value: T) -> Self {
        Self { envelope, value }
    }

    pub(crate) const fn peek(&self) -> (&Envelope, &T) {
        (&self.envelope, &self.value)
    }

    pub(crate) fn into_parts(self) -> (Envelope, T) {
        (self.envelope, self.value)
    }
}

impl<T> fmt::Debug for Unverified<T> {
    /// Says nothing of the content: it is a stranger's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unverified(…)")
    }
}

/// A message whose checks all held; which ones is said at the `verify` that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// Takes the value out, when what follows no longer asks where it came from.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
