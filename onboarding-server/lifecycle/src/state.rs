//! Where a device stands.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// Says what is true of a device in its present generation (DESIGN §4).
///
/// A record always begins as [`State::FIRST`], also when not the owner but the device's first verified request makes
/// it: then `VoucherRequested` follows in the same commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The owner declared it; nothing was heard yet in this generation.
    Expected,
    /// A verified request waits for the MASA, a policy or a person.
    Requested,
    /// A voucher for this domain was relayed.
    Vouched,
    /// An LDevID was issued; success is not yet reported.
    Enrolled,
    /// Confirmed and admitted; it renews by itself.
    Operational,
    /// Renewal continues, access is reduced to what safety and remediation need.
    Quarantined,
    /// The certificate is on hold; no access.
    Suspended,
    /// Released by this owner, credential revoked, awaiting its next owner.
    Transferring,
    /// Off the network at the manufacturer or a workshop; credential revoked.
    InRepair,
    /// No, by policy; only a person may reopen.
    Refused,
    /// Credential revoked; a tombstone for ever.
    Retired,
}

impl State {
    /// The state in which every record begins.
    pub const FIRST: Self = Self::Expected;

    /// Lists all states in the order of the table in the manual.
    pub const ALL: [Self; 11] = [
        Self::Expected,
        Self::Requested,
        Self::Vouched,
        Self::Enrolled,
        Self::Operational,
        Self::Quarantined,
        Self::Suspended,
        Self::Transferring,
        Self::InRepair,
        Self::Refused,
        Self::Retired,
    ];

    /// Names the state as records, filters and URLs do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Requested => "requested",
            Self::Vouched => "vouched",
            Self::Enrolled => "enrolled",
            Self::Operational => "operational",
            Self::Quarantined => "quarantined",
            Self::Suspended => "suspended",
            Self::Transferring => "transferring",
            Self::InRepair => "in_repair",
            Self::Refused => "refused",
            Self::Retired => "retired",
        }
    }

    /// Says in one clause what is true of a device in this state, for tables and help texts.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Expected => "the owner declared it; nothing heard yet",
            Self::Requested => "a verified request waits for the MASA, a policy or a person",
            Self::Vouched => "a voucher for this domain was relayed",
            Self::Enrolled => "an LDevID was issued; success not yet reported",
            Self::Operational => "confirmed, admitted; renews by itself",
            Self::Quarantined => "renewal continues, access is reduced to what safety and remediation need",
            Self::Suspended => "certificate on hold, no access",
            Self::Transferring => "released by this owner, credential revoked, awaiting its next owner",
            Self::InRepair => "off the network at the manufacturer or a workshop; credential revoked",
            Self::Refused => "no, by policy; only a person may reopen",
            Self::Retired => {
                "credential revoked; tombstone for ever: a returning device is refused and reported"
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(UnknownName)
    }
}
