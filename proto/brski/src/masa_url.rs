//! Where a device's MASA is, as its certificate says.
//! Source: RFC 8995 §2.3.2, §2.8; what a URL may be is the house's rule, [`proto::HttpsUrl`].
//! Does not: resolve names or decide whether to go there; the caller verifies the IDevID's path first and has an
//! allow-list, for the URL is data of the manufacturer's choosing.
//! Invariants: a `MasaUrl` is always https, has a host and no user information, query or fragment.

use core::fmt;

pub use proto::{HTTPS_URL_CHARS_MAX as MASA_URL_CHARS_MAX, Host, IpLiterals};
use proto::{HttpsUrl, InvalidUrl};

use crate::Error;

/// A place to ask for vouchers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasaUrl(HttpsUrl);

impl MasaUrl {
    /// Reads the extension's text: an authority alone when there is no slash in it, else a whole URL.
    ///
    /// # Errors
    /// [`Error::MasaUrlLength`], [`Error::MasaUrlPartForbidden`], [`Error::MasaUrlHostInvalid`],
    /// [`Error::MasaUrlPortInvalid`], [`Error::MasaUrlPathInvalid`] (malformed); [`Error::MasaUrlNotHttps`],
    /// [`Error::MasaUrlIpLiteral`] (refused).
    pub fn parse(text: &str, ip_literals: IpLiterals) -> Result<Self, Error> {
        // RFC8995-2.3.2-authority-only
        // RFC8995-2.3.2-always-https
        let url = HttpsUrl::parse(text, proto::well_known::BRSKI, ip_literals)?;
        Ok(Self(url))
    }

    /// Returns the host, against whose name the MASA's certificate is checked (RFC 8995 §5.4).
    #[must_use]
    pub const fn host(&self) -> &Host {
        self.0.host()
    }

    /// Returns the port; 443 when the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.0.port()
    }

    /// Returns the path under which the resources are, without a slash at its end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        self.0.path()
    }

    /// Returns the path that gives vouchers.
    #[must_use]
    pub fn request_voucher_path(&self) -> String {
        format!("{}/requestvoucher", self.base_path())
    }

    /// Returns the path that gives the audit log.
    #[must_use]
    pub fn request_audit_log_path(&self) -> String {
        format!("{}/requestauditlog", self.base_path())
    }

    /// Returns `host:port`, as the Host header and an allow-list have it; an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        self.0.authority()
    }
}

impl fmt::Display for MasaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<InvalidUrl> for Error {
    fn from(reason: InvalidUrl) -> Self {
        match reason {
            InvalidUrl::Length => Self::MasaUrlLength,
            InvalidUrl::NotHttps => Self::MasaUrlNotHttps,
            InvalidUrl::PartForbidden => Self::MasaUrlPartForbidden,
            InvalidUrl::IpLiteral => Self::MasaUrlIpLiteral,
            InvalidUrl::Port => Self::MasaUrlPortInvalid,
            InvalidUrl::Path => Self::MasaUrlPathInvalid,
            InvalidUrl::Host => Self::MasaUrlHostInvalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MasaUrl, Error> {
        MasaUrl::parse(text, IpLiterals::Refuse)
    }

    #[test]
    fn an_authority_alone_gets_the_well_known_path() {
        // RFC8995-2.3.2-authority-only
        let url = parse("Highway-Test.example.com:9443").unwrap();
        assert_eq!(url.to_string(), "https://highway-test.example.com:9443/.well-known/brski");
        assert_eq!(url.request_voucher_path(), proto::well_known::REQUEST_VOUCHER);
        assert_eq!(url.request_audit_log_path(), proto::well_known::REQUEST_AUDIT_LOG);
        assert_eq!(parse("masa.example").unwrap().port(), 443);
    }

    #[test]
    fn a_whole_url_keeps_its_path() {
        assert_eq!(parse("https://m.example/a/b/").unwrap().base_path(), "/a/b");
        assert_eq!(parse("HTTPS://m.example/").unwrap().base_path(), "/.well-known/brski");
        assert_eq!(parse("https://m.example").unwrap().base_path(), "/.well-known/brski");
    }

    #[test]
    fn nothing_but_https_is_a_masa_url() {
        // RFC8995-2.3.2-always-https
        for text in
            ["http://m.example/", "ldap://m.example/", "m.example/path", "//m.example", "/", "https:/x"]
        {
            assert_eq!(parse(text), Err(Error::MasaUrlNotHttps), "{text}");
        }
    }

    #[test]
    fn refuses_each_bad_part_by_its_name() {
        assert_eq!(parse(""), Err(Error::MasaUrlLength));
        assert_eq!(parse(&"a".repeat(513)), Err(Error::MasaUrlLength));
        for text in ["u:p@m.example", "https://m.example/x?y", "https://m.example/#f", "m.example\\x"] {
            assert_eq!(parse(text), Err(Error::MasaUrlPartForbidden), "{text}");
        }
        for text in
            ["m.example:", "m.example:0", "m.example:65536", "m.example::1", "m.example:+1", "m.example:1x"]
        {
            assert_eq!(parse(text), Err(Error::MasaUrlPortInvalid), "{text}");
        }
        for text in [
            "m..example",
            ".",
            "-m.example",
            "m_x.example",
            "1.2.3",
            "0x7f.1",
            "2130706433",
            "mäsa",
            "m ",
            "[::1",
            "[x]",
        ] {
            assert_eq!(parse(text), Err(Error::MasaUrlHostInvalid), "{text}");
        }
        for text in [
            "https://m.example/../x",
            "https://m.example/a//b",
            "https://m.example/%2e",
            "https://m.example/ä",
        ] {
            assert_eq!(parse(text), Err(Error::MasaUrlPathInvalid), "{text}");
        }
    }

    #[test]
    fn an_address_is_a_host_only_where_allowed() {
        for text in ["127.0.0.1:9443", "[::1]:9443", "https://10.0.0.1/x"] {
            assert_eq!(parse(text), Err(Error::MasaUrlIpLiteral), "{text}");
            assert!(MasaUrl::parse(text, IpLiterals::Accept).is_ok(), "{text}");
        }
        let url = MasaUrl::parse("[::1]:9443", IpLiterals::Accept).unwrap();
        assert_eq!(url.authority(), "[::1]:9443");
    }
}
