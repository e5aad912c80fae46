//! A "no" on its way to a transport: any reason of the house, with what the peer may be told of it.
//!
//! Invariants: what goes out is a code and one of eight fixed sentences; the cause stays in the log.

use std::fmt;

use proto::{Class, DeviceId, Reason, ReasonCode};

use super::Error;

/// After how many seconds it is worth asking again when nothing more exact is known.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a verb did not do what was asked.
pub struct Refusal {
    reason: Box<dyn Reason + Send + Sync>,
    retry_after_seconds: Option<u32>,
    subject: Option<DeviceId>,
}

impl Refusal {
    /// Returns the kind of refusal.
    #[must_use]
    pub fn class(&self) -> Class {
        self.reason.class()
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        self.reason.code()
    }

    /// Returns after how many seconds it is worth asking again; `None` where the answer would be the same.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        let may_change = matches!(self.class(), Class::NotYet | Class::Busy);
        may_change.then(|| self.retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS))
    }

    /// Names the device that was refused, where it proved who it is: its history is to tell of it.
    pub(super) const fn of(mut self, device: DeviceId) -> Self {
        self.subject = Some(device);
        self
    }

    /// Returns the device that was refused, where it proved who it is.
    pub(super) const fn subject(&self) -> Option<DeviceId> {
        self.subject
    }

    /// Tells whether the device changed while its request was decided, so that it is to be decided anew.
    pub(super) fn is_outdated(&self) -> bool {
        let reason: &(dyn core::error::Error + 'static) = &*self.reason;
        let reason = reason.downcast_ref::<server_store::Error>();
        matches!(reason, Some(server_store::Error::DeviceChanged { .. }))
    }

    /// Returns what the peer is told beside the code: nothing of ours and nothing that it sent.
    #[must_use]
    pub fn external(&self) -> &'static str {
        match self.class() {
            Class::Malformed => "the request does not follow its format",
            Class::Unsupported => "the form, method or algorithm is not offered here",
            Class::Untrusted => "a certificate, signature or proof does not hold",
            Class::Unknown => "there is nothing on record under that name",
            Class::Refused => "the request was refused",
            Class::NotYet => "the request waits for a decision; ask again with the same bytes",
            Class::Busy => "the server is busy; ask again later",
            Class::Fault => "the server failed; its log says more",
        }
    }
}

impl<E: Reason + Send + Sync + 'static> From<E> for Refusal {
    fn from(reason: E) -> Self {
        let any: &(dyn core::error::Error + 'static) = &reason;
        let own = any.downcast_ref::<Error>().and_then(Error::retry_after_seconds);
        let retry_after_seconds = own.or_else(|| match any.downcast_ref::<server_store::Error>() {
            Some(server_store::Error::TooOften { retry_after_seconds }) => Some(*retry_after_seconds),
            Some(_) | None => None,
        });
        Self { reason: Box::new(reason), retry_after_seconds, subject: None }
    }
}

impl fmt::Display for Refusal {
    /// Writes the code and the whole chain of causes, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.reason)?;
        let mut cause = self.reason.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
