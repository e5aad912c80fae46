//! EST over CoAPS: resources, Content-Formats and bodies.
//! Source: RFC 9148 §5.1 (paths), §5.3 (payloads), §5.8 (keys made by the server); CBRSKI §6.7.5, §6.8 (crts).
//! Does not: know a message layer, a code or an option; decide whether keys are made here; encrypt one (Content-Format
//! 280 is not written).
//! Invariants: bodies are DER or CBOR, never base64; the checks of a request are those of the other transport
//! ([`crate::EnrollRequest`], [`crate::RenewalRequest`]).

mod answers;
pub mod multipart;

use std::fmt;
use std::str::FromStr;

use pki::{Csr, Unverified};
use proto::{ContentFormat, well_known};

use crate::{Error, Label, Operation};

pub use answers::{
    ServerKey, ca_certs, csr_attrs, issued, key_and_certificate, read_ca_certs, read_issued,
    read_key_and_certificate,
};

/// A resource of EST-coaps by its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `crts`: brings the CA certificates.
    Crts,
    /// `sen`: asks for the first certificate.
    Sen,
    /// `sren`: asks for the next certificate.
    Sren,
    /// `att`: brings the attributes wanted in a request.
    Att,
    /// `skg`: asks for a key and a certificate in PKCS#7.
    Skg,
    /// `skc`: asks for a key and a single certificate.
    Skc,
}

impl Resource {
    /// Lists all resources.
    pub const ALL: [Self; 6] = [Self::Crts, Self::Sen, Self::Sren, Self::Att, Self::Skg, Self::Skc];

    /// Names the resource as the last segment of its path does.
    // RFC9148-5.1-short-paths
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crts => "crts",
            Self::Sen => "sen",
            Self::Sren => "sren",
            Self::Att => "att",
            Self::Skg => "skg",
            Self::Skc => "skc",
        }
    }

    /// Finds the resource of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }

    /// Returns the operation of EST that it stands for.
    #[must_use]
    pub const fn operation(self) -> Operation {
        match self {
            Self::Crts => Operation::CaCerts,
            Self::Sen => Operation::SimpleEnroll,
            Self::Sren => Operation::SimpleReenroll,
            Self::Att => Operation::CsrAttrs,
            Self::Skg | Self::Skc => Operation::ServerKeygen,
        }
    }

    /// Returns the Content-Format of the request's body, `None` when it has none.
    #[must_use]
    pub const fn request_format(self) -> Option<ContentFormat> {
        match self {
            Self::Crts | Self::Att => None,
            Self::Sen | Self::Sren | Self::Skg | Self::Skc => Some(ContentFormat::PKCS10),
        }
    }

    /// Lists the Content-Formats of an answer, the one for clients that do not say first.
    // RFC9148-5.3-default-281
    #[must_use]
    pub const fn answer_formats(self) -> &'static [ContentFormat] {
        use ContentFormat as F;
        match self {
            Self::Crts => &[F::PKCS7_CERTS_ONLY, F::PKIX_CERT, F::MULTIPART_CORE],
            Self::Sen | Self::Sren => &[F::PKCS7_CERTS_ONLY, F::PKIX_CERT],
            Self::Att => &[F::CSR_ATTRS],
            Self::Skg | Self::Skc => &[F::MULTIPART_CORE],
        }
    }

    /// Checks the Content-Format of a request's body.
    ///
    /// # Errors
    /// [`Error::MediaTypeUnsupported`] (`Unsupported`), also when there is none and one is needed.
    pub fn check_request_format(self, given: Option<ContentFormat>) -> Result<(), Error> {
        // RFC9148-5.3-pkcs10
        match self.request_format() {
            None => Ok(()),
            wanted if wanted == given => Ok(()),
            Some(_) => Err(Error::MediaTypeUnsupported),
        }
    }

    /// Chooses the Content-Format of the answer by the client's Accept.
    ///
    /// # Errors
    /// [`Error::AcceptUnsupported`] (`Unsupported`).
    pub fn choose_answer(self, accept: Option<ContentFormat>) -> Result<ContentFormat, Error> {
        let mut offered = self.answer_formats().iter().copied();
        let chosen = match accept {
            None => offered.next(),
            Some(wanted) => offered.find(|format| *format == wanted),
        };
        chosen.ok_or(Error::AcceptUnsupported)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The CA; `None` for the server's only or default one.
    pub label: Option<Label>,
    /// The resource.
    pub resource: Resource,
}

impl Target {
    /// Reads the segments of Uri-Path below `.well-known/est`: `RESOURCE` or `LABEL/RESOURCE`.
    ///
    /// # Errors
    /// [`Error::PathUnknown`] (`Unknown`), [`Error::LabelInvalid`] (`Malformed`).
    pub fn from_segments(segments: &[&str]) -> Result<Self, Error> {
        let (label, name) = match segments {
            [name] => (None, *name),
            [label, name] => (Some(label), *name),
            _ => return Err(Error::PathUnknown),
        };
        let resource = Resource::from_name(name).ok_or(Error::PathUnknown)?;
        // A label may not be taken for a resource either.
        let is_resource = label.is_some_and(|label| Resource::from_name(label).is_some());
        if is_resource {
            return Err(Error::LabelInvalid);
        }
        Ok(Self { label: label.map(|label| label.parse()).transpose()?, resource })
    }
}

impl FromStr for Target {
    type Err = Error;

    /// Reads `/.well-known/est/RESOURCE` or `/.well-known/est/LABEL/RESOURCE`.
    fn from_str(path: &str) -> Result<Self, Error> {
        let rest = path.strip_prefix(well_known::EST).and_then(|rest| rest.strip_prefix('/'));
        let segments: Vec<&str> = rest.ok_or(Error::PathUnknown)?.split('/').collect();
        Self::from_segments(&segments)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{}/{label}/{}", well_known::EST, self.resource),
            None => write!(f, "{}/{}", well_known::EST, self.resource),
        }
    }
}

/// Reads the request in a body of sen, sren, skg or skc: DER, without base64 around it.
///
/// # Errors
/// [`Error::BodyEmpty`] (`Malformed`); [`Error::Pki`] when the request is malformed or its key is not one of ours.
// RFC9148-5.3-binary
pub fn parse_csr(body: &[u8]) -> Result<Unverified<Csr>, Error> {
    if body.is_empty() {
        return Err(Error::BodyEmpty);
    }
    Ok(Csr::parse(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_has_its_path_with_and_without_a_label() {
        // RFC9148-5.1-short-paths
        for resource in Resource::ALL {
            for label in [None, Some("b1".parse().unwrap())] {
                let target = Target { label, resource };
                assert_eq!(target.to_string().parse(), Ok(target));
            }
        }
        let paths = [
            (well_known::EST_CRTS, Resource::Crts),
            (well_known::EST_SEN, Resource::Sen),
            (well_known::EST_SREN, Resource::Sren),
            (well_known::EST_ATT, Resource::Att),
            (well_known::EST_SKG, Resource::Skg),
            (well_known::EST_SKC, Resource::Skc),
        ];
        for (path, resource) in paths {
            assert_eq!(path.parse(), Ok(Target { label: None, resource }));
        }
    }

    #[test]
    fn other_paths_are_unknown_and_no_label_is_a_resource() {
        for path in [
            "",
            "/.well-known/est",
            "/.well-known/est/cacerts",
            "/.well-known/est/a/b/crts",
            "/est/crts",
            "/.well-known/est/SEN",
        ] {
            assert_eq!(path.parse::<Target>(), Err(Error::PathUnknown), "{path}");
        }
        for path in ["/.well-known/est/sen/crts", "/.well-known/est//crts", "/.well-known/est/cacerts/crts"] {
            assert_eq!(path.parse::<Target>(), Err(Error::LabelInvalid), "{path}");
        }
        assert_eq!(Target::from_segments(&[]), Err(Error::PathUnknown));
    }

    #[test]
    fn an_answer_is_what_the_client_accepts_and_281_when_it_does_not_say() {
        // RFC9148-5.3-default-281
        use ContentFormat as F;
        for resource in [Resource::Crts, Resource::Sen, Resource::Sren] {
            assert_eq!(resource.choose_answer(None), Ok(F::PKCS7_CERTS_ONLY));
            assert_eq!(resource.choose_answer(Some(F::PKIX_CERT)), Ok(F::PKIX_CERT));
            assert_eq!(resource.choose_answer(Some(F::CBOR)), Err(Error::AcceptUnsupported));
        }
        assert_eq!(Resource::Crts.choose_answer(Some(F::MULTIPART_CORE)), Ok(F::MULTIPART_CORE));
        assert_eq!(Resource::Sen.choose_answer(Some(F::MULTIPART_CORE)), Err(Error::AcceptUnsupported));
        assert_eq!(Resource::Att.choose_answer(None), Ok(F::CSR_ATTRS));
        for resource in [Resource::Skg, Resource::Skc] {
            assert_eq!(resource.choose_answer(None), Ok(F::MULTIPART_CORE));
        }
    }

    #[test]
    fn a_request_is_pkcs10() {
        // RFC9148-5.3-pkcs10
        for resource in [Resource::Sen, Resource::Sren, Resource::Skg, Resource::Skc] {
            assert_eq!(resource.check_request_format(Some(ContentFormat::PKCS10)), Ok(()));
            for given in [None, Some(ContentFormat::CBOR)] {
                assert_eq!(resource.check_request_format(given), Err(Error::MediaTypeUnsupported));
            }
        }
        assert_eq!(Resource::Crts.check_request_format(None), Ok(()));
    }
}
