//! Where a device's MASA is, as its certificate says.
//! Source: RFC 8995 §2.3.2, §2.8; RFC 3986 §3 (the subset that can occur here).
//! Does not: resolve names or decide whether to go there; the caller verifies the IDevID's path first and has an
//! allow-list, for the URL is data of the manufacturer's choosing.
//! Invariants: a `MasaUrl` is always https, has a host and no user information, query or fragment.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use crate::Error;

/// The most characters of the extension that we read: ours; a host name has at most 253.
pub const MASA_URL_CHARS_MAX: usize = 512;
/// The most characters of a DNS name (RFC 1035 §2.3.4).
const HOST_CHARS_MAX: usize = 253;
/// The most characters of a DNS label (RFC 1035 §2.3.4).
const LABEL_CHARS_MAX: usize = 63;
const PORT: u16 = 443;
const SCHEME: &str = "https://";

/// A place to ask for vouchers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasaUrl {
    host: Host,
    port: u16,
    base_path: String,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name in lower case.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

/// Whether an IP address may stand for the host; against one there is no DNS-ID to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpLiterals {
    /// No.
    #[default]
    Refuse,
    /// Yes: for tests and closed networks.
    Accept,
}

impl MasaUrl {
    /// Reads the extension's text: an authority alone when there is no slash in it, else a whole URL.
    ///
    /// # Errors
    /// [`Error::MasaUrlLength`], [`Error::MasaUrlPartForbidden`], [`Error::MasaUrlHostInvalid`],
    /// [`Error::MasaUrlPortInvalid`], [`Error::MasaUrlPathInvalid`] (malformed); [`Error::MasaUrlNotHttps`],
    /// [`Error::MasaUrlIpLiteral`] (refused).
    pub fn parse(text: &str, ip_literals: IpLiterals) -> Result<Self, Error> {
        if !(1..=MASA_URL_CHARS_MAX).contains(&text.len()) {
            return Err(Error::MasaUrlLength);
        }
        if text.contains(['@', '?', '#', '\\']) {
            return Err(Error::MasaUrlPartForbidden);
        }
        // RFC8995-2.3.2-authority-only
        if !text.contains('/') {
            return Self::from_parts(text, proto::well_known::BRSKI, ip_literals);
        }
        // RFC8995-2.3.2-always-https
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            Some(_) | None => return Err(Error::MasaUrlNotHttps),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match path.trim_end_matches('/') {
            "" => Self::from_parts(authority, proto::well_known::BRSKI, ip_literals),
            path => Self::from_parts(authority, path, ip_literals),
        }
    }

    fn from_parts(authority: &str, base_path: &str, ip_literals: IpLiterals) -> Result<Self, Error> {
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        if matches!(host, Host::Ip(_)) && ip_literals == IpLiterals::Refuse {
            return Err(Error::MasaUrlIpLiteral);
        }
        if !is_path(base_path) {
            return Err(Error::MasaUrlPathInvalid);
        }
        Ok(Self { host, port, base_path: base_path.to_owned() })
    }

    /// Returns the host, against whose name the MASA's certificate is checked (RFC 8995 §5.4).
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the port; 443 when the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path under which the resources are, without a slash at its end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Returns the path that gives vouchers.
    #[must_use]
    pub fn request_voucher_path(&self) -> String {
        format!("{}/requestvoucher", self.base_path)
    }

    /// Returns the path that gives the audit log.
    #[must_use]
    pub fn request_audit_log_path(&self) -> String {
        format!("{}/requestauditlog", self.base_path)
    }

    /// Returns `host:port`, as the Host header and an allow-list have it; an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for MasaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.authority(), self.base_path)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, u16), Error> {
    if authority.starts_with('[') && !authority.contains(']') {
        return Err(Error::MasaUrlHostInvalid);
    }
    let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    let colon = authority.get(after_brackets..).and_then(|rest| rest.find(':')).map(|at| at + after_brackets);
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return Ok((authority, PORT));
    };
    let digits = port.trim_start_matches(':');
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let port = if is_number && port.len() == digits.len() + 1 { digits.parse().unwrap_or(0) } else { 0 };
    if port == 0 { Err(Error::MasaUrlPortInvalid) } else { Ok((host, port)) }
}

fn parse_host(text: &str) -> Result<Host, Error> {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = Ipv6Addr::from_str(inside).map_err(|_| Error::MasaUrlHostInvalid)?;
        return Ok(Host::Ip(address.into()));
    }
    if let Ok(address) = Ipv4Addr::from_str(text) {
        return Ok(Host::Ip(address.into()));
    }
    if is_dns_name(text) { Ok(Host::Name(text.to_ascii_lowercase())) } else { Err(Error::MasaUrlHostInvalid) }
}

/// Tells whether the text is a DNS name that no resolver takes for a number: its last label begins with a letter.
fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_CHARS_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= HOST_CHARS_MAX
        && text.split('.').all(is_label)
        && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Tells whether a path is made of plain segments; one that climbs or hides is refused, not resolved.
fn is_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
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
