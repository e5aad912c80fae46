//! Who goes when, and who misbehaves.

use crate::Error;
use crate::misbehaviour::{CASES, Case, Misbehaviour};
use crate::random::Randomness;

/// The stream of the seed from which the plan is drawn; units draw from streams of their own.
const PLAN_STREAM: u64 = 0;

/// How a unit behaves.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// As the RFC says.
    Honest,
    /// As the case says.
    Wicked(&'static Case),
}

/// Misbehaviours that need nothing but one fresh unit, so that any unit of a fleet can commit them.
fn solitary() -> Vec<&'static Case> {
    let is_solitary = |case: &&Case| {
        matches!(
            case.misbehaviour,
            Misbehaviour::CounterfeitIdevid
                | Misbehaviour::UnknownManufacturer
                | Misbehaviour::NoCertificate
                | Misbehaviour::MissingNonce
                | Misbehaviour::WrongProximity
                | Misbehaviour::SerialMismatch
                | Misbehaviour::BadSignature
                | Misbehaviour::TruncatedBody
                | Misbehaviour::OversizedBody
                | Misbehaviour::EnrollWithoutVoucher
        )
    };
    CASES.iter().filter(is_solitary).collect()
}

/// Draws the order of `units` units and the role of each; `misbehaving_percent` of them, rounded down, misbehave.
///
/// # Errors
/// [`Error::NoRandomness`] (`Fault`).
pub fn plan(units: usize, misbehaving_percent: u8, seed: Option<u64>) -> Result<Vec<(usize, Role)>, Error> {
    let mut randomness = Randomness::for_stream(seed, PLAN_STREAM);
    let cases = solitary();
    let wicked = units.saturating_mul(usize::from(misbehaving_percent.min(100))) / 100;
    let roles = cases.iter().cycle().map(|case| Role::Wicked(case)).take(wicked);
    let mut roles: Vec<Role> = roles.chain(std::iter::repeat(Role::Honest)).take(units).collect();
    let mut order: Vec<usize> = (0..units).collect();
    randomness.shuffle(&mut roles)?;
    randomness.shuffle(&mut order)?;
    Ok(order.into_iter().zip(roles).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(plan: &[(usize, Role)]) -> Vec<(usize, &'static str)> {
        let name = |role: &Role| match role {
            Role::Honest => "honest",
            Role::Wicked(case) => case.name,
        };
        plan.iter().map(|(unit, role)| (*unit, name(role))).collect()
    }

    #[test]
    fn a_seed_plans_the_same_fleet_again_and_another_seed_another() {
        let draw = |seed| names(&plan(100, 20, Some(seed)).unwrap());
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_share_that_misbehaves_is_exact_and_every_unit_goes_once() {
        let plan = names(&plan(250, 10, Some(3)).unwrap());
        assert_eq!(plan.iter().filter(|(_, name)| *name != "honest").count(), 25);
        let mut units: Vec<usize> = plan.iter().map(|(unit, _)| *unit).collect();
        units.sort_unstable();
        assert_eq!(units, (0..250).collect::<Vec<_>>());
    }
}
