//! The words that configuration values may be, and small rules shared by its tables.
//!
//! Does not: decide anything; policies read these words and decide.
//! Invariants: each word is written and read in one spelling only.

use std::fmt;
use std::str::FromStr;

use proto::{Authority, HTTPS_PORT, HttpsUrl, IpLiterals, is_dns_name, well_known};

use super::reader::Reader;

/// The most characters of a name in a certificate: 64 (RFC 5280 appendix A.1) less what `init` adds.
const CERTIFICATE_NAME_CHARS_MAX: usize = 48;

/// The text is none of the words that may stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidWord {
    /// The words that may stand here.
    pub expected: &'static [&'static str],
}

impl fmt::Display for InvalidWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of {}", self.expected.join(", "))
    }
}

impl std::error::Error for InvalidWord {}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Returns the word as it stands in the file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = InvalidWord;

            fn from_str(text: &str) -> Result<Self, InvalidWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(InvalidWord { expected: &[$($word),+] }),
                }
            }
        }
    };
}

words!(
    /// The form of log lines.
    LogFormat {
        /// Human on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
);
words!(
    /// A version of TLS.
    TlsVersion {
        /// TLS 1.2 (RFC 5246).
        Tls12 = "1.2",
        /// TLS 1.3 (RFC 8446).
        Tls13 = "1.3",
    }
);
words!(
    /// What happens to a genuine device that the owner never announced.
    UnknownDevices {
        /// It waits for a person.
        Defer = "defer",
        /// It is refused.
        Refuse = "refuse",
        /// It is admitted: whoever reaches the registrar with a genuine device comes aboard.
        Admit = "admit",
    }
);
words!(
    /// A kind of key that devices may have certified.
    DeviceKey {
        /// ECDSA on P-256.
        EcdsaP256 = "ecdsa-p256",
        /// ECDSA on P-384.
        EcdsaP384 = "ecdsa-p384",
        /// Ed25519.
        Ed25519 = "ed25519",
        /// RSA of 2048 to 8192 bits.
        Rsa = "rsa",
    }
);
words!(
    /// What happens to a device that was operational and asks for a voucher again.
    Reonboarding {
        /// It waits for a person.
        Defer = "defer",
        /// It is refused.
        Refuse = "refuse",
        /// It is admitted, as after a factory reset.
        Admit = "admit",
    }
);
words!(
    /// What the MASA's log of a device's past domains means (RFC 8995 §5.8.3).
    AuditLog {
        /// Nothing; it is not asked for.
        Ignore = "ignore",
        /// It is asked for and kept; what is wrong with it is reported.
        Warn = "warn",
        /// No certificate before it is here, and none when something is wrong with it.
        Require = "require",
    }
);
words!(
    /// When the MASA gives out a voucher.
    VoucherPolicy {
        /// To every owner that asks; the log is the evidence.
        Logged = "logged",
        /// To an owner that the device itself has seen (RFC 8995 §5.5.5).
        Proximity = "proximity",
        /// To the owner that the unit was sold to, and no other.
        SalesVerified = "sales-verified",
        /// To nobody.
        Blocked = "blocked",
    }
);

/// Reads a list of DNS names (letters, digits and hyphens; no wildcard, no closing dot).
pub(super) fn dns_names(table: &Reader<'_>, key: &'static str) -> Vec<String> {
    let names: Vec<String> = table.list(key);
    for name in names.iter().filter(|name| !is_dns_name(name)) {
        table.report(key, format!("{name:?} is not a DNS name"));
    }
    names
}

/// Reads a name that `init` writes into certificates, with a word or two after it.
pub(super) fn certificate_name(table: &Reader<'_>, key: &'static str, default: &str) -> String {
    let name = table.text(key, default);
    let is_printable = !name.chars().any(char::is_control) && name.trim() == name;
    if !(1..=CERTIFICATE_NAME_CHARS_MAX).contains(&name.chars().count()) || !is_printable {
        table.report(key, format!("must have 1 to {CERTIFICATE_NAME_CHARS_MAX} printable characters"));
    }
    name
}

/// Narrows a number that has passed its range check; the ranges lie far below 32 bits.
pub(super) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Says whether `text` is `http://` or another `scheme` followed by an authority, with or without a path.
pub(super) fn is_url(text: &str, scheme: &str) -> bool {
    let Some(rest) = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) else {
        return false;
    };
    let is_clean = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    is_clean && Authority::parse(authority, IpLiterals::Accept).is_ok()
}

/// Reports what the protocol would refuse of a text that says where a MASA is (RFC 8995 §2.3.2).
pub(super) fn check_masa_url(table: &Reader<'_>, text: &str, ip_literals: IpLiterals) {
    if let Err(reason) = HttpsUrl::parse(text, well_known::BRSKI, ip_literals) {
        table.report("masa_url", format!("{text:?} is neither host, host:port nor an https URL: {reason}"));
    }
}

/// Reads the MASAs that may be asked, each as `host:port` in the one spelling by which they are compared.
pub(super) fn masa_hosts(table: &Reader<'_>, ip_literals: IpLiterals) -> Vec<String> {
    let one_spelling = |text: String| match Authority::parse(&text, ip_literals) {
        Ok(Authority { host, port }) => format!("{host}:{}", port.unwrap_or(HTTPS_PORT)),
        Err(reason) => {
            table.report("masa_hosts", format!("{text:?} is neither host nor host:port: {reason}"));
            text
        }
    };
    table.list("masa_hosts").into_iter().map(one_spelling).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_their_scheme_and_no_odd_characters() {
        assert!(is_url("https://mud.example/x.json", "https"));
        for bad in
            ["http://mud.example/x", "https://", "https:///x", "https://mud.example/\u{e9}", "https://a/ b"]
        {
            assert!(!is_url(bad, "https"), "{bad}");
        }
    }

    #[test]
    fn a_wrong_word_names_the_right_ones() {
        let error = "sometimes".parse::<UnknownDevices>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of defer, refuse, admit");
        assert_eq!(UnknownDevices::Admit.as_str().parse(), Ok(UnknownDevices::Admit));
    }
}
