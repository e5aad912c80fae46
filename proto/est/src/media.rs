//! Media types, as senders write them: any case, with parameters, in lists.
//! Source: RFC 9110 §8.3.1, §12.5.1; RFC 7030 §4.2.1; RFC 8951 §3.

use crate::{Error, Operation};

/// Checks that a request's body is of the operation's media type, parameters not looked at.
///
/// # Errors
/// [`Error::MediaTypeUnsupported`] (`Unsupported`), also when there is no Content-Type.
pub fn check_content_type(operation: Operation, content_type: Option<&str>) -> Result<(), Error> {
    // RFC7030-4.2.1-media-type
    match operation.request_type() {
        None => Ok(()),
        Some(wanted) if content_type.is_some_and(|given| is_same(wanted, given)) => Ok(()),
        Some(_) => Err(Error::MediaTypeUnsupported),
    }
}

/// Checks that a client takes what the operation gives; one that does not say takes all.
///
/// # Errors
/// [`Error::AcceptUnsupported`] (`Unsupported`).
pub fn check_accept(operation: Operation, accept: Option<&str>) -> Result<(), Error> {
    if accept.is_none_or(|accept| accepts(accept, operation.answer_type())) {
        Ok(())
    } else {
        Err(Error::AcceptUnsupported)
    }
}

/// Tells whether an Accept field has a range that covers `offered`, parameters other than `q=0` not looked at.
#[must_use]
pub fn accepts(accept: &str, offered: &str) -> bool {
    accept.trim().is_empty() || accept.split(',').any(|range| covers(range, offered))
}

fn covers(range: &str, offered: &str) -> bool {
    let (kind, subtype) = essence(range).split_once('/').unwrap_or_default();
    let (offered_kind, offered_subtype) = essence(offered).split_once('/').unwrap_or_default();
    let is_named = |name: &str, offered: &str| name == "*" || name.eq_ignore_ascii_case(offered);
    !is_excluded(range) && is_named(kind, offered_kind) && is_named(subtype, offered_subtype)
}

fn is_same(wanted: &str, given: &str) -> bool {
    essence(given).eq_ignore_ascii_case(essence(wanted))
}

/// Returns a media type or range without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Tells whether the range has weight zero: "not acceptable" (RFC 9110 §12.4.2).
fn is_excluded(range: &str) -> bool {
    range
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.trim().split_once('='))
        .any(|(name, value)| name.eq_ignore_ascii_case("q") && value.trim().parse::<f32>() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_pkcs10_in_any_case_and_with_any_parameter() {
        // RFC7030-4.2.1-media-type
        let check = |given| check_content_type(Operation::SimpleEnroll, given);
        for good in [
            "application/pkcs10",
            "Application/PKCS10",
            "application/pkcs10; charset=x",
            " application/pkcs10 ",
        ] {
            assert_eq!(check(Some(good)), Ok(()), "{good}");
        }
        for bad in ["", "application/pkcs7-mime", "application/pkcs10x", "text/plain;application/pkcs10"] {
            assert_eq!(check(Some(bad)), Err(Error::MediaTypeUnsupported), "{bad}");
        }
        assert_eq!(check(None), Err(Error::MediaTypeUnsupported));
        assert_eq!(check_content_type(Operation::CaCerts, None), Ok(()));
    }

    #[test]
    fn an_accept_field_is_a_list_of_ranges_with_weights() {
        for good in [
            "",
            "*/*",
            "application/*",
            "text/html, application/pkcs7-mime",
            "application/PKCS7-mime;smime-type=x",
        ] {
            assert_eq!(check_accept(Operation::CaCerts, Some(good)), Ok(()), "{good}");
        }
        for bad in
            ["text/html", "application/pkcs7-mime;q=0", "*/*; q=0.000", "application", "application/pkcs10"]
        {
            assert_eq!(check_accept(Operation::CaCerts, Some(bad)), Err(Error::AcceptUnsupported), "{bad}");
        }
        assert_eq!(check_accept(Operation::CaCerts, None), Ok(()));
    }
}
