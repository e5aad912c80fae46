//! What comes of the facts, and by which rule.

use proto::UnixTime;
use serde::{Deserialize, Serialize};

use crate::{Facts, Refusal, Rule};

/// How long a request may wait for a person, in seconds: a pledge keeps asking for four days (RFC 8995 §5.6).
pub const DEFERRAL_SECONDS_MAX: u64 = 4 * 24 * 60 * 60;

/// Says whether the device gets what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[must_use]
pub enum Decision {
    /// It does.
    Admit {
        /// The rule that decided.
        rule: Rule,
    },
    /// A person has to decide.
    Defer {
        /// The rule that decided.
        rule: Rule,
        /// When the request lapses if nobody has decided.
        until: UnixTime,
    },
    /// It does not.
    Refuse {
        /// The rule that decided.
        rule: Rule,
        /// Why.
        reason: Refusal,
    },
}

impl Decision {
    /// Returns the rule that decided.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::Admit { rule } | Self::Defer { rule, .. } | Self::Refuse { rule, .. } => rule,
        }
    }

    /// Tells whether the device gets what it asks for.
    #[must_use]
    pub const fn is_admitted(self) -> bool {
        matches!(self, Self::Admit { .. })
    }

    /// Returns the reason of a refusal.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refuse { reason, .. } => Some(reason),
            Self::Admit { .. } | Self::Defer { .. } => None,
        }
    }
}

/// Decides by the first rule that has something to say; a request about which no rule speaks is refused.
pub fn decide(facts: &Facts) -> Decision {
    Rule::for_request(facts.request)
        .iter()
        .find_map(|rule| rule.judge(facts))
        .unwrap_or(Decision::Refuse { rule: Rule::DeviceIsOnRecord, reason: Refusal::DeviceUnknown })
}
