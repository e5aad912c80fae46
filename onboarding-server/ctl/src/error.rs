//! What can go wrong on this side and on the far side, and what a person does about it.
//! Does not: print (see `main`).
//! Invariants: whatever a peer sent is made safe for a terminal before it is shown.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proto::{Class, Reason, ReasonCode};
use proto_api::{ERROR_CLASS_KEY, ERROR_DOMAIN};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::record::printable;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    #[error("no server, certificate, key or anchor is named")]
    ConnectionIncomplete,
    #[error("{}: not a profile: {source}", path.display())]
    ProfileInvalid { path: PathBuf, source: toml::de::Error },
    #[error("the server's address is not of the form https://HOST:PORT")]
    ServerAddressInvalid,
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Pem { path: PathBuf, source: pki::Error },
    #[error("the connection cannot be secured: {0}")]
    Tls(pki::Error),
    #[error("the server cannot be reached: {}", causes(.0))]
    Unreachable(tonic::transport::Error),
    #[error("{}", printable(.0.message()))]
    Call(Box<Status>),
    #[error("the server ended the answer early")]
    AnswerCut,
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    #[error("standard input cannot be read")]
    Input(#[source] io::Error),
    #[error("{refused} of {all} were refused")]
    SomeRefused { refused: u64, all: u64 },
    #[error("nothing was done: this cannot be undone and was not confirmed")]
    NotConfirmed,
    #[error("the same --expected-version cannot hold for several devices")]
    VersionForMany,
    #[error("what the server sent is no certificate: {0}")]
    AnswerInvalid(pki::Error),
    #[error("the system gives no event loop: {0}")]
    Runtime(io::Error),
    #[error("the journal does not have the record that was kept")]
    KeptHeadDiffers,
    #[error("a sale needs the owner's domain")]
    DomainMissing,
    #[error("neither a request with its serial number nor a directory for the chains of many is named")]
    RequestsMissing,
    #[error("the journal does not hold")]
    JournalDamaged,
    #[error(transparent)]
    Journal(server_journal::Error),
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::ConnectionIncomplete
            | Self::ProfileInvalid { .. }
            | Self::ServerAddressInvalid
            | Self::Pem { .. }
            | Self::VersionForMany
            | Self::DomainMissing
            | Self::RequestsMissing => Class::Malformed,
            Self::Tls(fault) => fault.class(),
            Self::Call(status) => class_of_status(status),
            Self::SomeRefused { .. } | Self::NotConfirmed => Class::Refused,
            Self::JournalDamaged | Self::KeptHeadDiffers => Class::Untrusted,
            Self::Journal(fault) => fault.class(),
            Self::Unreachable(_) | Self::AnswerCut => Class::Busy,
            Self::File { .. }
            | Self::Output(_)
            | Self::Input(_)
            | Self::AnswerInvalid(_)
            | Self::Runtime(_) => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::ConnectionIncomplete => "ctl-connection-incomplete",
            Self::ProfileInvalid { .. } => "ctl-profile-invalid",
            Self::ServerAddressInvalid => "ctl-server-address-invalid",
            Self::File { .. } => "ctl-file-unusable",
            Self::Pem { .. } => "ctl-pem-invalid",
            Self::Tls(fault) => return fault.code(),
            Self::Unreachable(_) => "ctl-server-unreachable",
            Self::Call(_) => "ctl-call-failed",
            Self::AnswerCut => "ctl-answer-cut",
            Self::Output(_) => "ctl-output-failed",
            Self::Input(_) => "ctl-input-failed",
            Self::SomeRefused { .. } => "ctl-some-refused",
            Self::NotConfirmed => "ctl-not-confirmed",
            Self::VersionForMany => "ctl-version-for-many",
            Self::AnswerInvalid(_) => "ctl-answer-invalid",
            Self::Runtime(_) => "ctl-runtime-unavailable",
            Self::KeptHeadDiffers => "ctl-kept-head-differs",
            Self::DomainMissing => "ctl-domain-missing",
            Self::RequestsMissing => "ctl-requests-missing",
            Self::JournalDamaged => "ctl-journal-damaged",
            Self::Journal(fault) => return fault.code(),
        })
    }
}

impl Error {
    /// Returns 2 when the command line itself is at fault, else 1; 0 when the reader of the output just went away.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if let Self::Output(fault) = self
            && fault.kind() == io::ErrorKind::BrokenPipe
        {
            return ExitCode::SUCCESS;
        }
        let is_usage = matches!(
            self,
            Self::ConnectionIncomplete
                | Self::ServerAddressInvalid
                | Self::VersionForMany
                | Self::DomainMissing
                | Self::RequestsMissing
                | Self::NotConfirmed
        );
        if is_usage { ExitCode::from(2) } else { ExitCode::FAILURE }
    }

    /// Says the reason code, what it means and what to do next; empty when there is nobody to read it.
    pub(crate) fn explanation(&self) -> String {
        if self.exit_code() == ExitCode::SUCCESS {
            return String::new();
        }
        format!(
            "error: {} ({})\n  {self}\n  next: {}; see docs/reason-codes.md\n",
            self.shown_code(),
            self.class(),
            self.next_step()
        )
    }

    /// Returns the code that the far side gave, else our own.
    fn shown_code(&self) -> String {
        if let Self::Call(status) = self
            && let Some(info) = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN)
        {
            return printable(&info.reason);
        }
        self.code().to_string()
    }

    fn next_step(&self) -> &'static str {
        match self {
            Self::ConnectionIncomplete => {
                "name a profile with --profile FILE or GANGWAY_PROFILE; `onboarding-server init` writes one"
            }
            Self::ProfileInvalid { .. } => "a profile has the keys server, anchor, certificate and key",
            Self::ServerAddressInvalid => "give --server https://HOST:PORT",
            Self::Unreachable(_) => {
                "see that the server runs, that the address is right, and that --anchor is the CA of its certificate"
            }
            Self::AnswerCut => "run the command again; what was answered is done",
            Self::SomeRefused { .. } => {
                "correct what was refused and run it again; what succeeded is not done twice"
            }
            Self::NotConfirmed => "run it again with --yes",
            Self::VersionForMany => "name one device, or leave --expected-version out",
            Self::DomainMissing => "give --domain-certificate FILE or --domain-id HEX",
            Self::RequestsMissing => "give --serial, --csr and --out, or requests and --out-dir",
            Self::JournalDamaged | Self::KeptHeadDiffers => {
                "keep this copy as it is, and compare with a backup and with the server's"
            }
            Self::AnswerInvalid(_) => "compare the versions of this program and of the server",
            Self::Runtime(_) => "see to the limits of this process, such as open files",
            Self::Call(_) => next_step_of_class(self.class()),
            Self::File { .. }
            | Self::Pem { .. }
            | Self::Tls(_)
            | Self::Output(_)
            | Self::Input(_)
            | Self::Journal(_) => "see to the file that is named, then run the command again",
        }
    }
}

/// Makes an error of what the system said about `path`.
pub(crate) fn unusable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::File { path: path.to_owned(), source }
}

/// Says what to do about a "no" of the server's, by its kind.
fn next_step_of_class(class: Class) -> &'static str {
    match class {
        Class::Malformed => "correct what was given; --help shows the form",
        Class::Unsupported => "this server does not offer it; compare the versions of both",
        Class::Untrusted => "use a certificate whose role may do this, and see that it has not expired",
        Class::Unknown => "see that the name is right; `list` shows what there is",
        Class::Refused => "look at its state with `show`, and at `timeline` for what led to it",
        Class::NotYet => "it is still being decided; ask again later",
        Class::Busy => "too much at once; wait a little and run it again",
        Class::Fault => "the fault is the server's; its log has the details under this code",
    }
}

/// Finds the class that the server named; for an error that is not of our making, the one that its gRPC code comes from.
fn class_of_status(status: &Status) -> Class {
    let named = status.get_details_error_info().and_then(|info| info.metadata.get(ERROR_CLASS_KEY).cloned());
    let known = named.and_then(|name| Class::ALL.into_iter().find(|class| class.name() == name));
    known.unwrap_or(match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Class::Malformed,
        Code::Unimplemented => Class::Unsupported,
        Code::Unauthenticated | Code::PermissionDenied => Class::Untrusted,
        Code::NotFound => Class::Unknown,
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => Class::Refused,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled => Class::Busy,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Class::Fault,
    })
}

/// Joins an error with its causes; the outermost alone says only "transport error".
fn causes(fault: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(fault.source(), |cause| cause.source()).map(ToString::to_string);
    let mut causes: Vec<_> = causes.collect();
    causes.dedup();
    if causes.is_empty() { printable(&fault.to_string()) } else { printable(&causes.join(": ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refusal(reason: &str, class: &str) -> Error {
        let metadata = HashMap::from([(ERROR_CLASS_KEY.to_owned(), class.to_owned())]);
        let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
        Status::with_error_details(Code::FailedPrecondition, "The order's quota is used up.", details).into()
    }

    #[test]
    fn the_servers_reason_code_meaning_and_next_step_are_shown() {
        let text = refusal("order-quota-exhausted", "refused").explanation();
        assert!(text.ends_with("; see docs/reason-codes.md\n"));
        assert!(text.starts_with(
            "error: order-quota-exhausted (refused)\n  The order's quota is used up.\n  next: "
        ));
    }

    #[test]
    fn a_code_that_would_steer_the_terminal_is_made_safe() {
        assert!(!refusal("x\x1b[2J", "refused").explanation().contains('\x1b'));
    }

    #[test]
    fn an_error_without_our_details_is_classed_by_its_grpc_code() {
        assert_eq!(Error::from(Status::permission_denied("no")).class(), Class::Untrusted);
        assert_eq!(Error::from(Status::unknown("?")).class(), Class::Fault);
        assert_eq!(refusal("x", "no-such-class").class(), Class::Refused);
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let gone = Error::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(gone.exit_code(), ExitCode::SUCCESS);
        assert_eq!(gone.explanation(), "");
    }

    #[test]
    fn usage_errors_exit_with_2_and_refusals_with_1() {
        assert_eq!(Error::ConnectionIncomplete.exit_code(), ExitCode::from(2));
        assert_eq!(refusal("x", "refused").exit_code(), ExitCode::FAILURE);
        assert_eq!(Error::SomeRefused { refused: 1, all: 2 }.exit_code(), ExitCode::FAILURE);
    }
}
