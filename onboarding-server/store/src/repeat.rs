//! What came again and again, as one value in place of many records.
//!
//! Does not: count; whoever answers the requests does.

use proto::{DeviceId, ReasonCode, UnixTime};
use serde::{Deserialize, Serialize};

use crate::owner::ReportKind;

/// What a device, or a registrar for a unit, asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// A voucher.
    RequestVoucher,
    /// A certificate, the first or the next.
    Enroll,
    /// That its report be taken.
    ReportStatus,
}

impl Verb {
    /// Names the verb, as timelines print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestVoucher => "request_voucher",
            Self::Enroll => "enroll",
            Self::ReportStatus => "report_status",
        }
    }
}

/// What happened again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeated {
    /// A request was refused.
    Refused {
        /// What was asked for.
        verb: Verb,
        /// Why.
        code: ReasonCode,
    },
    /// A voucher-request with other bytes came while an earlier one of the device waits for the same.
    Deferred {
        /// What is waited for.
        code: ReasonCode,
    },
    /// The device reported the same.
    Reported {
        /// About what.
        kind: ReportKind,
        /// Its `status`.
        is_success: bool,
    },
    /// All that there was no place to count apart.
    Various,
}

/// How often something happened beyond what has records of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// By which device, or for which unit; `None` where it was of many.
    pub subject: Option<DeviceId>,
    /// What.
    pub what: Repeated,
    /// How often, at least once.
    pub count: u64,
    /// When the first of them came.
    pub first_at: UnixTime,
    /// When the last of them came.
    pub last_at: UnixTime,
}
