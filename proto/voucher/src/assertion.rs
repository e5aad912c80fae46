//! On what ground the maker speaks.
//! Source: rfc8366bis §7.3, leaf `assertion`.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Says how the relation between pledge and owner was verified; the order is that of the numbers, not of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assertion {
    /// The MASA knows the owner, for example from sales records.
    Verified,
    /// The MASA checked little and wrote the issue into its log.
    Logged,
    /// The device proved that it spoke with this registrar itself.
    Proximity,
    /// The device proved that it spoke with an agent of this registrar (BRSKI-PRM).
    AgentProximity,
}

impl Assertion {
    /// Lists all assertions in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Logged, Self::Proximity, Self::AgentProximity];

    /// Returns the name that the JSON form carries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Logged => "logged",
            Self::Proximity => "proximity",
            Self::AgentProximity => "agent-proximity",
        }
    }

    /// Returns the number that the CBOR form carries, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Logged => 1,
            Self::Proximity => 2,
            Self::AgentProximity => 3,
        }
    }

    /// Finds the assertion of that name; names are case-sensitive.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assertion| assertion.name() == name)
    }

    /// Finds the assertion of that number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|assertion| u64::from(assertion.number()) == number)
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_go_there_and_back() {
        for assertion in Assertion::ALL {
            assert_eq!(Assertion::from_name(assertion.name()), Some(assertion));
            assert_eq!(Assertion::from_number(assertion.number().into()), Some(assertion));
        }
        assert_eq!(Assertion::from_name("Proximity"), None);
        assert_eq!(Assertion::from_number(4), None);
    }
}
