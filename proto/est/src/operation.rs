//! Which operation a path asks for.
//! Source: RFC 7030 §3.2.2.
//! Does not: decode percent signs; no path of ours needs one.

use std::fmt;
use std::str::FromStr;

use proto::{media_type, well_known};

use crate::Error;

/// The most characters of a label.
pub const LABEL_CHARS_MAX: usize = 64;

/// An operation of EST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Brings the CA certificates (§4.1).
    CaCerts,
    /// Asks for the first certificate (§4.2.1).
    SimpleEnroll,
    /// Asks for the next certificate (§4.2.2).
    SimpleReenroll,
    /// Asks for a key as well as a certificate (§4.4).
    ServerKeygen,
    /// Full CMC (§4.3).
    FullCmc,
    /// Brings the attributes wanted in a request (§4.5).
    CsrAttrs,
}

/// The method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// HTTP GET.
    Get,
    /// HTTP POST.
    Post,
}

/// Tells one CA of a server from another: 1 to 64 letters, digits, `.`, `_`, `~` or `-`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The CA; `None` for the server's only or default one.
    pub label: Option<Label>,
    /// The operation.
    pub operation: Operation,
}

impl Operation {
    /// Lists all operations.
    pub const ALL: [Self; 6] = [
        Self::CaCerts,
        Self::SimpleEnroll,
        Self::SimpleReenroll,
        Self::ServerKeygen,
        Self::FullCmc,
        Self::CsrAttrs,
    ];

    /// Names the operation as the last segment of its path does.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaCerts => "cacerts",
            Self::SimpleEnroll => "simpleenroll",
            Self::SimpleReenroll => "simplereenroll",
            Self::ServerKeygen => "serverkeygen",
            Self::FullCmc => "fullcmc",
            Self::CsrAttrs => "csrattrs",
        }
    }

    /// Returns the method.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::CaCerts | Self::CsrAttrs => Method::Get,
            Self::SimpleEnroll | Self::SimpleReenroll | Self::ServerKeygen | Self::FullCmc => Method::Post,
        }
    }

    /// Returns the media type of the request's body, `None` when it has none.
    #[must_use]
    pub const fn request_type(self) -> Option<&'static str> {
        match self {
            Self::CaCerts | Self::CsrAttrs => None,
            Self::SimpleEnroll | Self::SimpleReenroll | Self::ServerKeygen => Some(media_type::PKCS10),
            Self::FullCmc => Some(media_type::PKCS7_MIME),
        }
    }

    /// Returns the media type of a successful answer.
    #[must_use]
    pub const fn answer_type(self) -> &'static str {
        match self {
            Self::CaCerts | Self::SimpleEnroll | Self::SimpleReenroll => media_type::PKCS7_CERTS_ONLY,
            Self::ServerKeygen => "multipart/mixed",
            Self::FullCmc => "application/pkcs7-mime; smime-type=CMC-response",
            Self::CsrAttrs => media_type::CSR_ATTRS,
        }
    }
}

impl Label {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = Error;

    // RFC7030-3.2.2-label
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_valid = (1..=LABEL_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && operation(text).is_none();
        if is_valid { Ok(Self(text.to_owned())) } else { Err(Error::LabelInvalid) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Route {
    type Err = Error;

    /// Reads `/.well-known/est/OPERATION` or `/.well-known/est/LABEL/OPERATION`.
    fn from_str(path: &str) -> Result<Self, Error> {
        let rest = path.strip_prefix(well_known::EST).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.ok_or(Error::PathUnknown)?;
        let (label, name) = match rest.split_once('/') {
            Some((label, name)) => (Some(label.parse()?), name),
            None => (None, rest),
        };
        let operation = operation(name).ok_or(Error::PathUnknown)?;
        Ok(Self { label, operation })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{}/{label}/{}", well_known::EST, self.operation.name()),
            None => write!(f, "{}/{}", well_known::EST, self.operation.name()),
        }
    }
}

fn operation(name: &str) -> Option<Operation> {
    Operation::ALL.into_iter().find(|operation| operation.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_path_with_and_without_a_label() {
        for operation in Operation::ALL {
            for label in [None, Some("line-2.b~x".parse().unwrap())] {
                let route = Route { label, operation };
                assert_eq!(route.to_string().parse(), Ok(route));
            }
        }
        assert_eq!(Operation::SimpleReenroll.name(), "simplereenroll");
        assert_eq!(well_known::CSR_ATTRS.parse::<Route>().unwrap().operation, Operation::CsrAttrs);
    }

    #[test]
    fn a_label_is_bounded_plain_and_no_operation() {
        // RFC7030-3.2.2-label
        let long = "x".repeat(LABEL_CHARS_MAX + 1);
        for label in ["", ".", "..", "-a", "a b", "a%2f", "ä", "cacerts", "simpleenroll", &long] {
            assert_eq!(label.parse::<Label>(), Err(Error::LabelInvalid), "{label}");
            let path = format!("/.well-known/est/{label}/cacerts");
            assert_eq!(path.parse::<Route>(), Err(Error::LabelInvalid), "{path}");
        }
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in [
            "",
            "/",
            "/.well-known/est",
            "/.well-known/est/",
            "/.well-known/estcacerts",
            "/.well-known/est/CACERTS",
            "/.well-known/est/cacerts?x",
            "/.well-known/est/a/",
            "/.well-known/est/a/b/cacerts",
            "/.well-known/brski/cacerts",
            "x/.well-known/est/cacerts",
        ] {
            assert_eq!(path.parse::<Route>(), Err(Error::PathUnknown), "{path}");
        }
    }
}
