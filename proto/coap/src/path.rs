//! Paths: segments, and the numbers that stand for whole paths.
//!
//! Source: RFC 7252 §5.10.1, §6.5; draft-ietf-core-uri-path-abbrev §2 and its registry of initial values.
//! Invariants: an abbreviated path is told from its segments by no one above this crate.

use proto::well_known;

use crate::message::Message;
use crate::option;

/// The registry of draft-ietf-core-uri-path-abbrev, "Initial Uri-Path-Abbrev values".
pub const ABBREVIATIONS: [(u32, &str); 12] = [
    (0, "/.well-known/core"),
    (1, "/.well-known/rd"),
    (2, "/.well-known/edhoc"),
    (301, well_known::EST_CRTS),
    (302, well_known::EST_SEN),
    (303, well_known::EST_SREN),
    (304, well_known::EST_SKG),
    (305, well_known::EST_SKC),
    (306, well_known::EST_ATT),
    (401, well_known::BRSKI_ES),
    (402, well_known::BRSKI_RV),
    (403, well_known::BRSKI_VS),
];

/// Returns the path that a number stands for.
#[must_use]
pub fn expand(number: u32) -> Option<&'static str> {
    ABBREVIATIONS.iter().find(|(known, _)| *known == number).map(|(_, path)| *path)
}

/// Returns the number that stands for a path.
#[must_use]
pub fn abbreviate(path: &str) -> Option<u32> {
    ABBREVIATIONS.iter().find(|(_, known)| *known == path).map(|(number, _)| *number)
}

/// Lists the segments of a path; the empty path and `/` have none (RFC 7252 §6.4).
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    inner.split('/').take(if inner.is_empty() { 0 } else { usize::MAX })
}

/// Puts the segments in the place of Uri-Path-Abbrev.
///
/// # Errors
/// The option's number where its value is unknown or Uri-Path stands beside it.
pub(crate) fn expand_in(message: &mut Message) -> Result<(), u16> {
    let Some(value) = message.value(option::URI_PATH_ABBREV) else {
        return Ok(());
    };
    let path = option::uint(value).and_then(expand).filter(|_| !message.has(option::URI_PATH));
    let path = path.ok_or(option::URI_PATH_ABBREV)?;
    message.remove(option::URI_PATH_ABBREV);
    for segment in segments(path) {
        message.add(option::URI_PATH, segment.as_bytes().to_vec());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn every_number_stands_for_one_path_and_back() {
        for (number, path) in ABBREVIATIONS {
            assert_eq!(expand(number), Some(path));
            assert_eq!(abbreviate(path), Some(number));
            // The draft reserves values whose topmost octet has its topmost bit set.
            assert!(number == 0 || !(32 - number.leading_zeros()).is_multiple_of(8));
        }
    }

    #[test]
    fn a_path_falls_into_segments() {
        assert_eq!(segments("/").count(), 0);
        assert_eq!(segments("").count(), 0);
        assert_eq!(segments("/a//b/").collect::<Vec<_>>(), ["a", "", "b", ""]);
    }

    #[test]
    fn an_abbreviation_is_replaced_by_its_segments() {
        let mut message = Message::new(Code::POST);
        message.add(option::URI_PATH_ABBREV, option::encode_uint(402));
        expand_in(&mut message).unwrap();
        let path: Vec<_> = message.values(option::URI_PATH).collect();
        assert_eq!(path, [&b".well-known"[..], b"brski", b"rv"]);
        assert!(!message.has(option::URI_PATH_ABBREV));
    }

    #[test]
    fn an_unknown_abbreviation_or_one_beside_a_path_is_refused() {
        let mut unknown = Message::new(Code::GET);
        unknown.add(option::URI_PATH_ABBREV, option::encode_uint(999));
        assert_eq!(expand_in(&mut unknown), Err(option::URI_PATH_ABBREV));
        let mut both = Message::new(Code::GET);
        both.add(option::URI_PATH_ABBREV, option::encode_uint(402));
        both.add(option::URI_PATH, b"x".to_vec());
        assert_eq!(expand_in(&mut both), Err(option::URI_PATH_ABBREV));
    }
}
