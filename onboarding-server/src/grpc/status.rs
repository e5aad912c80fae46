//! The one place that turns a refusal into a gRPC status.
//!
//! Source: DESIGN §7; google.rpc.ErrorInfo and RetryInfo.
//! Invariants: each status carries the stable reason code; the message is one of eight fixed sentences.

use std::collections::HashMap;
use std::time::Duration;

use proto::Class;
use proto_api::{ERROR_CLASS_KEY, ERROR_DOMAIN};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::app::Refusal;

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (class, reason) = (refusal.class(), refusal.code());
        if class == Class::Fault {
            tracing::error!(%refusal, "failed");
        } else {
            tracing::info!(%refusal, "refused");
        }
        let metadata = HashMap::from([(ERROR_CLASS_KEY.to_owned(), class.name().to_owned())]);
        let mut details = ErrorDetails::new();
        details.set_error_info(reason.as_str(), ERROR_DOMAIN, metadata);
        if let Some(seconds) = refusal.retry_after_seconds() {
            details.set_retry_info(Some(Duration::from_secs(seconds.into())));
        }
        Self::with_error_details(code(class, reason.as_str()), refusal.external(), details)
    }
}

/// Maps a class to a code; who showed no certificate is unauthenticated, who showed a wrong one may not.
fn code(class: Class, reason: &str) -> Code {
    match class {
        Class::Malformed => Code::InvalidArgument,
        Class::Unsupported => Code::Unimplemented,
        Class::Untrusted if reason.starts_with("peer-") => Code::Unauthenticated,
        Class::Untrusted => Code::PermissionDenied,
        Class::Unknown => Code::NotFound,
        Class::Refused => Code::FailedPrecondition,
        Class::NotYet => Code::Unavailable,
        Class::Busy => Code::ResourceExhausted,
        Class::Fault => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_code() {
        let codes = Class::ALL.map(|class| code(class, "any-reason"));
        assert_eq!(
            codes,
            [
                Code::InvalidArgument,
                Code::Unimplemented,
                Code::PermissionDenied,
                Code::NotFound,
                Code::FailedPrecondition,
                Code::Unavailable,
                Code::ResourceExhausted,
                Code::Internal,
            ]
        );
        assert_eq!(code(Class::Untrusted, "peer-certificate-missing"), Code::Unauthenticated);
    }

    #[test]
    fn a_status_carries_the_reason_and_its_class() {
        let status = Status::from(Refusal::from(crate::app::Error::CrlMissing));
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("crl-missing", ERROR_DOMAIN));
        assert_eq!(info.metadata.get(ERROR_CLASS_KEY).map(String::as_str), Some("unknown"));
    }
}
