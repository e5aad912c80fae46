//! When the server is killed: moments that follow from a seed.
//!
//! Invariants: a moment is a matter of what was acknowledged and written, never of a clock.

use std::env;

use device_sim::random::Randomness;

/// The figures of a run that names none: less than a minute on two cores.
const KILLS: u64 = 50;
const DEVICES: u64 = 1_000;
/// How far a journal may grow between an acknowledgement and the kill, in octets: a few records.
const GROWTH_BYTES_MAX: u64 = 24 * 1024;
/// One start in so many is killed while it opens its stores.
const OPENINGS_PER_KILL: u64 = 4;
/// The streams of the seed: others are drawn by the fleet.
const MOMENTS_STREAM: u64 = 17;

/// What a run consists of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Decides the moments and what the fleet draws.
    pub(super) seed: u64,
    /// How often the server is killed at work.
    pub(super) kills: u64,
    /// How many devices come aboard meanwhile.
    pub(super) devices: u64,
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// After so many acknowledgements to all clients together.
    pub(super) acknowledgements: u64,
    /// And after the journals have grown by so much since then.
    pub(super) growth_bytes: u64,
    /// Whether the next start is killed as well, while it opens its stores.
    pub(super) is_start_killed: bool,
}

impl Plan {
    /// Reads the environment; without a seed there it is another run each time.
    pub(super) fn from_environment() -> Self {
        let number = |name: &str| {
            env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
        };
        Self {
            seed: number("GANGWAY_KILLS_SEED").unwrap_or_else(fresh_seed),
            kills: number("GANGWAY_KILLS").unwrap_or(KILLS),
            devices: number("GANGWAY_KILLS_DEVICES").unwrap_or(DEVICES).max(10),
        }
    }

    /// Returns the command that runs this plan again.
    pub(super) fn command(&self) -> String {
        format!(
            "GANGWAY_KILLS_SEED={} GANGWAY_KILLS={} GANGWAY_KILLS_DEVICES={} \
             cargo nextest run -p tests --test e2e killed_at_random --no-capture",
            self.seed, self.kills, self.devices
        )
    }

    /// Draws the moments, in order, of a run in which clients are told `acknowledgements` things.
    pub(super) fn moments(&self, acknowledgements: u64) -> Vec<Moment> {
        let mut randomness = Randomness::for_stream(Some(self.seed), MOMENTS_STREAM);
        let mut below = |bound| randomness.below(bound).expect("a seed has numbers");
        let mut moments: Vec<Moment> = (0..self.kills)
            .map(|_| Moment {
                acknowledgements: below(acknowledgements),
                growth_bytes: below(GROWTH_BYTES_MAX),
                is_start_killed: below(OPENINGS_PER_KILL) == 0,
            })
            .collect();
        moments.sort_by_key(|moment| moment.acknowledgements);
        moments
    }
}

fn fresh_seed() -> u64 {
    Randomness::System.below(u64::from(u32::MAX)).expect("there are random numbers")
}
