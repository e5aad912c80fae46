//! In which form requests and vouchers travel: the envelope and the encoding inside.
//! Source: RFC 8366 §8.3 (CMS), CBRSKI §7.1 (COSE): a registrar asks the MASA in the form that the pledge used, and
//! wants the voucher in it.
//! Invariants: a form is known by its media type, never by looking at the bytes.

use pki::cms::Compat;
use proto::{ContentFormat, media_type};
use proto_voucher::cbor::Parsed;
use proto_voucher::{Voucher, VoucherRequest, cbor, json};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The form of a signed request or voucher; the pledge's goes end to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// JSON in CMS: `application/voucher-cms+json` (RFC 8995).
    #[default]
    CmsJson,
    /// YANG-CBOR in COSE: `application/voucher+cose`, Content-Format 836 (CBRSKI).
    CoseCbor,
}

impl Format {
    /// Lists all forms.
    pub const ALL: [Self; 2] = [Self::CmsJson, Self::CoseCbor];

    /// Returns the media type, for Content-Type and Accept.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::CmsJson => media_type::VOUCHER_CMS_JSON,
            Self::CoseCbor => media_type::VOUCHER_COSE,
        }
    }

    /// Returns the Content-Format, for forms that have one.
    #[must_use]
    pub const fn content_format(self) -> Option<ContentFormat> {
        match self {
            Self::CmsJson => None,
            Self::CoseCbor => Some(ContentFormat::VOUCHER_COSE),
        }
    }

    /// Finds the form of a media type without parameters.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.media_type().eq_ignore_ascii_case(media_type))
    }

    /// Finds the form of a Content-Format.
    #[must_use]
    pub fn from_content_format(content_format: ContentFormat) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.content_format() == Some(content_format))
    }

    pub(crate) fn parse_request(self, content: &[u8]) -> Result<Parsed<VoucherRequest>, Error> {
        Ok(match self {
            Self::CmsJson => right(json::parse_voucher_request(content)?),
            Self::CoseCbor => cbor::parse_voucher_request(content)?,
        })
    }

    pub(crate) fn parse_voucher(self, content: &[u8]) -> Result<Parsed<Voucher>, Error> {
        Ok(match self {
            Self::CmsJson => right(json::parse_voucher(content)?),
            Self::CoseCbor => cbor::parse_voucher(content)?,
        })
    }

    pub(crate) fn write_request(self, request: &VoucherRequest) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::CmsJson => json::write_voucher_request(request)?,
            Self::CoseCbor => cbor::write_voucher_request(request)?,
        })
    }

    pub(crate) fn write_voucher(self, voucher: &Voucher) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::CmsJson => json::write_voucher(voucher)?,
            Self::CoseCbor => cbor::write_voucher(voucher)?,
        })
    }
}

/// The JSON reader has no types to deviate in.
const fn right<T>(artifact: T) -> Parsed<T> {
    Parsed { artifact, deviation: None }
}

/// Refuses types that only deviating peers write, unless the manufacturer is registered as one of them.
// CBRSKI-9-deviations-by-registration
pub(crate) fn check_deviation(deviation: Option<&'static str>, compat: Compat) -> Result<(), Error> {
    match deviation {
        Some(leaf) if compat == Compat::Strict => Err(proto_voucher::Error::LeafDeviates { leaf }.into()),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_names_and_no_other() {
        // CBRSKI-7.1-format-end-to-end
        for format in Format::ALL {
            assert_eq!(Format::from_media_type(&format.media_type().to_uppercase()), Some(format));
            let stored = serde_json::to_string(&format).unwrap();
            assert_eq!(serde_json::from_str::<Format>(&stored).unwrap(), format);
        }
        assert_eq!(Format::from_media_type("application/voucher+cose; x=1"), None);
        assert_eq!(Format::from_content_format(ContentFormat::new(836)), Some(Format::CoseCbor));
        assert_eq!(Format::from_content_format(ContentFormat::CBOR), None);
        assert_eq!(Format::default(), Format::CmsJson);
    }
}
