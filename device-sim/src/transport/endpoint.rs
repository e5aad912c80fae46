//! Where a registrar listens.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::ServerName;

use crate::Error;

/// The port of `https` (RFC 9110 §4.2.2).
const HTTPS_PORT: u16 = 443;

/// Host and port of an `https` address; the discovery of RFC 8995 §4 is replaced by being told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// Names a host, without brackets when it is an IPv6 address, and a port.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`] when the host is neither a DNS name nor an address.
    pub fn new(host: &str, port: u16) -> Result<Self, Error> {
        ServerName::try_from(host).map_err(|_| Error::AddressInvalid)?;
        Ok(Self { host: host.to_string(), port })
    }

    /// Returns the host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns what TLS calls the host.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`], which [`Self::new`] has ruled out.
    pub fn server_name(&self) -> Result<ServerName<'static>, Error> {
        ServerName::try_from(self.host.clone()).map_err(|_| Error::AddressInvalid)
    }

    /// Returns host and port as the `Host` field carries them (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads `https://HOST[:PORT][/]` or `HOST:PORT`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let authority = text.strip_prefix("https://").unwrap_or(text);
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(Error::AddressInvalid)?,
            None => match authority.rfind(':') {
                Some(colon) => authority.split_at(colon),
                None => (authority, ""),
            },
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().map_err(|_| Error::AddressInvalid)?,
            None if port.is_empty() && text.starts_with("https://") => HTTPS_PORT,
            None => return Err(Error::AddressInvalid),
        };
        Self::new(host, port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_addresses_with_or_without_a_port() {
        for (text, shown) in [
            ("https://localhost:8443", "https://localhost:8443"),
            ("https://localhost:8443/", "https://localhost:8443"),
            ("https://registrar.example", "https://registrar.example:443"),
            ("127.0.0.1:9", "https://127.0.0.1:9"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_https_address() {
        for text in [
            "",
            "localhost",
            "http://localhost:80",
            "https://localhost:x",
            "https://a b:1",
            "https://h:1/path",
            "https://[::1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
