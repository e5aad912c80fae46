//! What was read and what may be believed are different types.
//! Source: DESIGN §4.1.
//! Does not: check anything; only checks in this crate can make a [`Verified`].

use core::fmt;
use core::ops::Deref;

/// Something that parsed and of which nothing has been checked yet; only its `verify` opens it.
#[derive(Clone)]
#[must_use]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    /// Wraps what a parser made.
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// Looks inside, for the check that decides.
    pub(crate) const fn peek(&self) -> &T {
        &self.0
    }

    /// Ends the doubt; called by the check after its last condition.
    pub(crate) fn into_verified(self) -> Verified<T> {
        Verified(self.0)
    }
}

impl<T> fmt::Debug for Unverified<T> {
    /// Says nothing of the content: it is a stranger's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unverified(…)")
    }
}

/// Something whose checks all held; which ones is said at the `verify` that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
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
