//! Whether a certificate is that of a host.
//! Source: RFC 6125 §6 (DNS-ID, wildcard only as the whole first label, no fall-back to commonName); RFC 5280 §4.2.1.6.

use std::net::IpAddr;

use crate::Certificate;

/// Tells whether subjectAltName names this host: a DNS name, or the text of an IP address.
// RFC6125-6.4-dns-id
pub(super) fn is_named(certificate: &Certificate, host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => certificate.ip_addresses().contains(&address.octets().as_slice()),
        Ok(IpAddr::V6(address)) => certificate.ip_addresses().contains(&address.octets().as_slice()),
        Err(_) => certificate.dns_names().iter().any(|name| is_match(name, host)),
    }
}

fn is_match(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return false;
    }
    match pattern.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && domain.contains('.') && rest.eq_ignore_ascii_case(domain)
        }),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        // RFC6125-6.4-dns-id
        assert!(is_match("*.example.com", "masa.EXAMPLE.com."));
        for host in ["example.com", "a.b.example.com", ".example.com", "", "masa.example.org"] {
            assert!(!is_match("*.example.com", host), "{host}");
        }
        assert!(!is_match("*.com", "example.com"));
        assert!(!is_match("m*.example.com", "masa.example.com"));
        assert!(is_match("Masa.example.com", "masa.example.com"));
    }
}
