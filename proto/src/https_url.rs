//! Places on the web that configuration and certificates name: an authority, or an `https` URL.
//! Source: RFC 3986 §3 (the subset that can occur here); RFC 1123 §2.1 for host names.
//! Does not: resolve names, or decide whether to go there.
//! Invariants: an [`HttpsUrl`] has a host, a port, a plain path, and no user information, query or fragment; what
//! the configuration accepts by these rules is what the protocols accept, for they have no others.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// The most characters of a URL that are read: ours; a host name has at most 253.
pub const HTTPS_URL_CHARS_MAX: usize = 512;
/// The port where none is named (RFC 9110 §4.2.2).
pub const HTTPS_PORT: u16 = 443;
/// The most characters of a DNS name (RFC 1035 §2.3.4).
const HOST_CHARS_MAX: usize = 253;
/// The most characters of a DNS label (RFC 1035 §2.3.4).
const LABEL_CHARS_MAX: usize = 63;
const SCHEME: &str = "https://";

/// An `https` URL of scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpsUrl {
    host: Host,
    port: u16,
    path: String,
}

/// A host and perhaps a port (RFC 3986 §3.2, without user information).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host.
    pub host: Host,
    /// The port, 1 to 65535, when one is named.
    pub port: Option<u16>,
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

/// Why a text is no place on the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidUrl {
    /// It is empty or longer than [`HTTPS_URL_CHARS_MAX`].
    Length,
    /// It has another scheme than https.
    NotHttps,
    /// It has a part that it must not have: user information, query or fragment.
    PartForbidden,
    /// The host is neither a DNS name nor an address.
    Host,
    /// The host is an IP address, which is not allowed here.
    IpLiteral,
    /// The port is no number from 1 to 65535.
    Port,
    /// The path has characters or segments that it must not have.
    Path,
}

impl HttpsUrl {
    /// Reads an authority alone when there is no slash in the text, else a whole URL; the path is `default_path`
    /// when the text names none.
    ///
    /// # Errors
    /// Each [`InvalidUrl`] by its name.
    pub fn parse(text: &str, default_path: &str, ip_literals: IpLiterals) -> Result<Self, InvalidUrl> {
        if !(1..=HTTPS_URL_CHARS_MAX).contains(&text.len()) {
            return Err(InvalidUrl::Length);
        }
        if text.contains(['@', '?', '#', '\\']) {
            return Err(InvalidUrl::PartForbidden);
        }
        if !text.contains('/') {
            return Self::from_parts(text, default_path, ip_literals);
        }
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            Some(_) | None => return Err(InvalidUrl::NotHttps),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match path.trim_end_matches('/') {
            "" => Self::from_parts(authority, default_path, ip_literals),
            path => Self::from_parts(authority, path, ip_literals),
        }
    }

    fn from_parts(authority: &str, path: &str, ip_literals: IpLiterals) -> Result<Self, InvalidUrl> {
        let authority = Authority::parse(authority, ip_literals)?;
        if !is_path(path) {
            return Err(InvalidUrl::Path);
        }
        let port = authority.port.unwrap_or(HTTPS_PORT);
        Ok(Self { host: authority.host, port, path: path.to_owned() })
    }

    /// Returns the host, against whose name a certificate is checked.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the port; 443 when the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path, without a slash at its end.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns `host:port`, as the Host header and an allow-list have it; an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Authority {
    /// Reads `host` or `host:port`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`InvalidUrl::Host`], [`InvalidUrl::Port`], [`InvalidUrl::IpLiteral`].
    pub fn parse(text: &str, ip_literals: IpLiterals) -> Result<Self, InvalidUrl> {
        let (host, port) = split_port(text)?;
        let host = parse_host(host)?;
        if matches!(host, Host::Ip(_)) && ip_literals == IpLiterals::Refuse {
            return Err(InvalidUrl::IpLiteral);
        }
        Ok(Self { host, port })
    }
}

impl IpLiterals {
    /// Returns [`Self::Accept`] when `is_accepted`.
    #[must_use]
    pub const fn accepted_if(is_accepted: bool) -> Self {
        if is_accepted { Self::Accept } else { Self::Refuse }
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}{}", self.host, self.port, self.path)
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

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "it is empty or has more than 512 characters",
            Self::NotHttps => "it is not https",
            Self::PartForbidden => "it has user information, a query or a fragment",
            Self::Host => "the host is neither a DNS name nor an address",
            Self::IpLiteral => "the host is an IP address, which is not allowed here",
            Self::Port => "the port is no number from 1 to 65535",
            Self::Path => "the path is not made of plain segments",
        })
    }
}

impl core::error::Error for InvalidUrl {}

/// Tells whether the text is a DNS name that no resolver takes for a number: its last label begins with a letter.
#[must_use]
pub fn is_dns_name(text: &str) -> bool {
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

fn split_port(authority: &str) -> Result<(&str, Option<u16>), InvalidUrl> {
    if authority.starts_with('[') && !authority.contains(']') {
        return Err(InvalidUrl::Host);
    }
    let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    let colon = authority.get(after_brackets..).and_then(|rest| rest.find(':')).map(|at| at + after_brackets);
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return Ok((authority, None));
    };
    let digits = port.trim_start_matches(':');
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let port = if is_number && port.len() == digits.len() + 1 { digits.parse().unwrap_or(0) } else { 0 };
    if port == 0 { Err(InvalidUrl::Port) } else { Ok((host, Some(port))) }
}

fn parse_host(text: &str) -> Result<Host, InvalidUrl> {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = Ipv6Addr::from_str(inside).map_err(|_| InvalidUrl::Host)?;
        return Ok(Host::Ip(address.into()));
    }
    if let Ok(address) = Ipv4Addr::from_str(text) {
        return Ok(Host::Ip(address.into()));
    }
    if is_dns_name(text) { Ok(Host::Name(text.to_ascii_lowercase())) } else { Err(InvalidUrl::Host) }
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
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_authority_has_a_host_and_perhaps_a_port() {
        let of = |text| Authority::parse(text, IpLiterals::Accept);
        for (text, host, port) in [
            ("Masa.Example", "masa.example", None),
            ("masa.example:9443", "masa.example", Some(9443)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[0::1]", "[::1]", None),
            ("localhost", "localhost", None),
        ] {
            let authority = of(text).unwrap();
            assert_eq!((authority.host.to_string().as_str(), authority.port), (host, port), "{text}");
        }
        for bad in ["", "a b", "[::1", "::1", "a/b", "-a", "1.2.3", "a.1", "u@a"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_without_a_path_has_the_one_that_is_usual_there() {
        let of = |text| HttpsUrl::parse(text, "/usual", IpLiterals::Refuse).unwrap().to_string();
        assert_eq!(of("M.example"), "https://m.example:443/usual");
        assert_eq!(of("HTTPS://m.example:1/"), "https://m.example:1/usual");
        assert_eq!(of("https://m.example/Own/"), "https://m.example:443/Own");
    }
}
