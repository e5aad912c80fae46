//! A value that must not be seen: not in a log, not after its end.
//! Source: DESIGN §7.
//! Does not: encrypt, lock memory.
//! Invariants: `Debug` shows nothing; the memory is wiped on drop; equality of byte strings takes constant time.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Holds a secret: redacted when printed, wiped when dropped, neither copied nor serialised.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the secret into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the secret to the one who must use it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl PartialEq for Secret<Vec<u8>> {
    /// Compares in a time that depends on the lengths only.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret<Vec<u8>> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_show_itself_in_a_log() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn byte_strings_are_equal_only_when_all_octets_are() {
        let secret = |bytes: &[u8]| Secret::new(bytes.to_vec());
        assert_eq!(secret(b"abc"), secret(b"abc"));
        assert_ne!(secret(b"abc"), secret(b"abd"));
        assert_ne!(secret(b"abc"), secret(b"ab"));
    }
}
