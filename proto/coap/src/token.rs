//! Tokens: by which a response finds its request.
//!
//! Source: RFC 7252 §5.3.1. Lengths above eight (RFC 8974) are refused by the parser.

use core::fmt;

use crate::Error;

/// The most octets that a token has (RFC 7252 §3).
pub const TOKEN_BYTES_MAX: usize = 8;

/// An opaque sequence of 0 to 8 octets, chosen by the client and echoed by the server.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    // The length stands behind the octets so that the derived order has the empty token first.
    octets: [u8; TOKEN_BYTES_MAX],
    length: u8,
}

impl Token {
    /// Makes a token.
    ///
    /// # Errors
    /// [`Error::TokenTooLong`] (malformed) above [`TOKEN_BYTES_MAX`].
    pub fn new(octets: &[u8]) -> Result<Self, Error> {
        let mut token = Self::default();
        token.octets.get_mut(..octets.len()).ok_or(Error::TokenTooLong)?.copy_from_slice(octets);
        token.length = u8::try_from(octets.len()).map_err(|_| Error::TokenTooLong)?;
        Ok(token)
    }

    /// Makes a token of eight octets.
    pub(crate) const fn full(octets: [u8; TOKEN_BYTES_MAX]) -> Self {
        Self { octets, length: 8 }
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    /// Says the length only: with the octets a response could be forged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} octets)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_at_most_eight_octets() {
        assert_eq!(Token::new(&[7; 8]).unwrap().as_bytes(), [7; 8]);
        assert_eq!(Token::new(&[7; 9]), Err(Error::TokenTooLong));
        assert_ne!(Token::new(&[0]).unwrap(), Token::default());
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Token::new(&[0xab, 0xcd]).unwrap()), "Token(2 octets)");
    }
}
