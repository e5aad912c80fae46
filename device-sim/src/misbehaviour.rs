//! Misbehaving devices, attackers on the path, and servers that deceive, each by name and with what must come of it.
//! Source: RFC 8995 §11 (security considerations).
//!
//! Does not: decide what is right; the catalogue says it once, here the outcome is only compared.
//! Invariants: every case has a name, a description and an expected outcome; one that cannot be staged is reported as
//! skipped, never as refused.

mod arena;
mod body;
mod catalogue;
mod deception;
mod enrollment;
mod identity;
mod voucher_request;

use std::fmt;

use serde::Serialize;

pub use arena::Arena;
pub use catalogue::{CASES, Case, Expected, Misbehaviour, Need};

use crate::Error;
use crate::table::Table;
use crate::transport::Refusal;

/// What came of a misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Got {
    /// The server answered with a status that is no success.
    Refusal {
        /// The HTTP status code.
        status: u16,
        /// The reason code, or `http-STATUS`.
        reason: String,
        /// Whether the server closed the connection after it, where that was looked at.
        closed: Option<bool>,
    },
    /// The device refused; this is its reason code.
    DeviceRefused {
        /// The reason code.
        reason: String,
    },
    /// The server ended the connection without an answer.
    HungUp,
    /// The server keeps the request for a person to decide; nothing was given.
    Held,
    /// The server gave what was asked for, and told its people what is wrong.
    Reported {
        /// The kind of the event in the device's timeline.
        event: &'static str,
    },
    /// The misbehaviour paid off.
    Granted {
        /// What was got.
        what: &'static str,
    },
}

impl From<&Refusal> for Got {
    /// Nobody has looked yet whether the connection was closed.
    fn from(refusal: &Refusal) -> Self {
        Self::Refusal { status: refusal.status, reason: refusal.reason(), closed: None }
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refusal { status, reason, closed } => {
                let end = match closed {
                    Some(true) => ", closed",
                    Some(false) => ", left open",
                    None => "",
                };
                write!(f, "{status} {reason}{end}")
            }
            Self::DeviceRefused { reason } => write!(f, "device: {reason}"),
            Self::HungUp => f.write_str("hung up"),
            Self::Held => f.write_str("202 held for a person"),
            Self::Reported { event } => write!(f, "reported as {event}"),
            Self::Granted { what } => write!(f, "GRANTED: {what}"),
        }
    }
}

/// How an outcome compares with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Refused, and for the reason expected.
    AsExpected,
    /// Refused, but for another reason.
    OtherReason,
    /// Not refused.
    NotRefused,
    /// It could not be staged here.
    Skipped,
    /// Staging it failed.
    Broken,
}

impl Verdict {
    /// Names the verdict.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsExpected => "ok",
            Self::OtherReason => "OTHER REASON",
            Self::NotRefused => "NOT REFUSED",
            Self::Skipped => "skipped",
            Self::Broken => "BROKEN",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// The misbehaviour's name.
    pub name: &'static str,
    /// What must come of it.
    pub expected: String,
    /// What came of it, or why it was not staged.
    pub got: String,
    /// The comparison.
    pub verdict: Verdict,
}

impl Trial {
    /// Compares.
    #[must_use]
    pub fn of(case: &Case, outcome: &Result<Got, Error>) -> Self {
        let (got, verdict) = match outcome {
            Ok(got) => (got.to_string(), case.expected.judge(got)),
            Err(Error::CannotStage(need)) => (format!("needs {}", need.words()), Verdict::Skipped),
            Err(error) => (format!("{} ({error})", error.reason()), Verdict::Broken),
        };
        Self { name: case.name, expected: case.expected.to_string(), got, verdict }
    }
}

/// Stages one misbehaviour and compares.
pub async fn attack(case: &Case, arena: &mut Arena) -> Trial {
    let outcome = stage(case.misbehaviour, arena).await;
    Trial::of(case, &outcome)
}

/// Draws trials for people.
#[must_use]
pub fn table(trials: &[Trial]) -> Table {
    let mut table = Table::new(&["misbehaviour", "expected", "got", "verdict"]);
    for trial in trials {
        table.row([trial.name, &trial.expected, &trial.got, trial.verdict.name()]);
    }
    table
}

#[expect(clippy::cognitive_complexity, reason = "a flat table, one line a case")]
async fn stage(misbehaviour: Misbehaviour, arena: &mut Arena) -> Result<Got, Error> {
    match misbehaviour {
        Misbehaviour::ClonedIdevid => identity::cloned(arena).await,
        Misbehaviour::CounterfeitIdevid => identity::counterfeit(arena).await,
        Misbehaviour::ExpiredIdevid => identity::expired(arena).await,
        Misbehaviour::UnknownManufacturer => identity::unknown_manufacturer(arena).await,
        Misbehaviour::NoCertificate => identity::no_certificate(arena).await,
        Misbehaviour::BlockedUnit => identity::blocked(arena).await,
        Misbehaviour::RetiredReturn => identity::retired_return(arena).await,
        Misbehaviour::ForeignPast => identity::foreign_past(arena).await,
        Misbehaviour::ForeignIdevid => voucher_request::foreign_signer(arena).await,
        Misbehaviour::ReplayedRequest => voucher_request::replayed(arena).await,
        Misbehaviour::ReusedNonce => voucher_request::reused_nonce(arena).await,
        Misbehaviour::MissingNonce => voucher_request::missing_nonce(arena).await,
        Misbehaviour::WrongProximity => voucher_request::wrong_proximity(arena).await,
        Misbehaviour::SerialMismatch => voucher_request::serial_mismatch(arena).await,
        Misbehaviour::BadSignature => voucher_request::bad_signature(arena).await,
        Misbehaviour::TruncatedBody => body::truncated(arena).await,
        Misbehaviour::UnfinishedBody => body::unfinished(arena).await,
        Misbehaviour::OversizedBody => body::oversized(arena).await,
        Misbehaviour::EnrollWithoutVoucher => enrollment::without_voucher(arena).await,
        Misbehaviour::CsrOtherSubject => enrollment::other_subject(arena).await,
        Misbehaviour::CsrAsksForCa => enrollment::asks_for_ca(arena).await,
        Misbehaviour::CsrBadSignature => enrollment::bad_signature(arena).await,
        Misbehaviour::ReenrollOtherSubject => enrollment::reenroll_other_subject(arena).await,
        Misbehaviour::RetiredReenroll => enrollment::retired(arena).await,
        Misbehaviour::Deception(trick) => deception::deceive(trick).await,
    }
}
