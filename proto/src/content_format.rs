//! CoAP Content-Formats: the numbers that stand for media types in the options Content-Format and Accept.
//! Source: RFC 7252 §12.3 and the IANA registry that it made; each constant names its document.

use core::fmt;

/// A number of the registry "CoAP Content-Formats".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentFormat(u16);

impl ContentFormat {
    /// `text/plain; charset=utf-8` (RFC 7252 §12.3).
    pub const TEXT: Self = Self(0);
    /// `application/link-format` (RFC 6690 §7.3).
    pub const LINK_FORMAT: Self = Self(40);
    /// `application/json` (RFC 7252 §12.3).
    pub const JSON: Self = Self(50);
    /// `application/cbor` (RFC 8949 §9.4).
    pub const CBOR: Self = Self(60);
    /// `application/multipart-core` (RFC 8710 §5.2).
    pub const MULTIPART_CORE: Self = Self(62);
    /// `application/pkcs7-mime; smime-type=server-generated-key` (RFC 9148 §9.1).
    pub const PKCS7_SERVER_GENERATED_KEY: Self = Self(280);
    /// `application/pkcs7-mime; smime-type=certs-only` (RFC 9148 §9.1).
    pub const PKCS7_CERTS_ONLY: Self = Self(281);
    /// `application/pkcs8` (RFC 9148 §9.1).
    pub const PKCS8: Self = Self(284);
    /// `application/csrattrs` (RFC 9148 §9.1).
    pub const CSR_ATTRS: Self = Self(285);
    /// `application/pkcs10` (RFC 9148 §9.1).
    pub const PKCS10: Self = Self(286);
    /// `application/pkix-cert` (RFC 9148 §9.1).
    pub const PKIX_CERT: Self = Self(287);
    /// `application/voucher+cose` (draft-ietf-anima-constrained-voucher-31 §15.3).
    pub const VOUCHER_COSE: Self = Self(836);

    /// Wraps a number, known here or not.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ContentFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
