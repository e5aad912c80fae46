//! What makes two messages parts of one operation.
//!
//! Source: RFC 7959 §2.3 to §2.7; RFC 9175 §3.3; RFC 7252 §5.4.2.
//! Invariants: messages of one peer with the same key differ in nothing but what a block-wise transfer varies.

use std::sync::Arc;

use crate::message::Message;
use crate::option;

/// A method and the options that tell operations apart, written out; the least key is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationKey(Arc<[u8]>);

impl OperationKey {
    /// Returns the key of a request body: method, path, query, Request-Tag, Content-Format and all else but the block
    /// options, what is no part of the cache key, and If-None-Match, which stands on the first block only.
    // RFC9175-3.3-request-tag RFC7959-2.3-content-format RFC7959-2.10-if-none-match
    pub(crate) fn of_upload(message: &Message) -> Self {
        Self::without(message, &[option::BLOCK1, option::BLOCK2, option::IF_NONE_MATCH])
    }

    /// Returns the key of a response body. Content-Format speaks of the request's body, which is not sent again;
    /// Observe and entity tags stand on the first request only (RFC 7959 §2.6).
    pub(crate) fn of_download(message: &Message) -> Self {
        let varying = [
            option::BLOCK1,
            option::BLOCK2,
            option::IF_NONE_MATCH,
            option::IF_MATCH,
            option::CONTENT_FORMAT,
            option::OBSERVE,
            option::ETAG,
        ];
        Self::without(message, &varying)
    }

    fn without(message: &Message, varying: &[u16]) -> Self {
        let mut octets = vec![message.code().as_byte()];
        let kept = message
            .options()
            .filter(|(number, _)| !option::is_no_cache_key(*number) && !varying.contains(number));
        for (number, value) in kept {
            octets.extend(number.to_be_bytes());
            octets.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
            octets.extend(value);
        }
        Self(octets.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn message(options: &[(u16, &[u8])]) -> Message {
        let mut message = Message::new(Code::POST);
        for (number, value) in options {
            message.add(*number, value.to_vec());
        }
        message
    }

    #[test]
    fn what_stands_in_a_path_cannot_pass_for_another_path() {
        let keys = [
            message(&[(option::URI_PATH, b"a"), (option::URI_PATH, b"b")]),
            message(&[(option::URI_PATH, b"ab")]),
            message(&[(option::URI_PATH, b"a"), (option::URI_QUERY, b"b")]),
            message(&[(option::URI_PATH, b"a"), (option::REQUEST_TAG, b"b")]),
            message(&[(option::URI_PATH, b"a"), (option::CONTENT_FORMAT, b"b")]),
        ]
        .map(|message| OperationKey::of_upload(&message));
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys.iter().skip(at + 1).any(|other| other == key));
        }
    }

    #[test]
    fn blocks_of_one_body_have_one_key() {
        // RFC7959-2.10-if-none-match
        let first = message(&[(option::BLOCK1, &[8]), (option::SIZE1, &[9]), (option::IF_NONE_MATCH, &[])]);
        let second = message(&[(option::BLOCK1, &[16]), (option::ECHO, &[1])]);
        assert_eq!(OperationKey::of_upload(&first), OperationKey::of_upload(&second));
    }

    #[test]
    fn another_request_tag_or_format_is_another_operation() {
        // RFC9175-3.3-request-tag RFC7959-2.3-content-format
        let plain = OperationKey::of_upload(&message(&[]));
        assert_ne!(plain, OperationKey::of_upload(&message(&[(option::REQUEST_TAG, &[])])));
        assert_ne!(plain, OperationKey::of_upload(&message(&[(option::CONTENT_FORMAT, &[])])));
    }
}
