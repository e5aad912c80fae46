//! The order of a run: units are made, announced, brought aboard; the median round of each speaks.
//!
//! Source: issue 2 §7.4.
//! Invariants: the three figures of processor time are of one and the same round, so that they fit each other.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use super::factory::{self, Made};
use super::figures::{Better, Figure, Report};
use super::onboard::{self, Round};
use crate::server::Server;
use crate::{repository, units};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Rounds at the factory; their number is odd, so that there is a median.
    pub factory_rounds: usize,
    /// Units of each.
    pub factory_units: u64,
    /// Rounds of onboarding; their number is odd.
    pub onboard_rounds: usize,
    /// Rounds of onboarding with the MASA's logs asked for; their number is odd.
    pub logged_rounds: usize,
    /// Units of each; all rounds and the one that warms up take theirs from what the factory made.
    pub onboard_units: usize,
    /// How often a primitive is repeated to be priced, in each round.
    pub price_repeats: u32,
}

impl Scale {
    /// The usual run: about a minute on two cores.
    pub const FULL: Self = Self {
        factory_rounds: 5,
        factory_units: 4_000,
        onboard_rounds: 11,
        logged_rounds: 3,
        onboard_units: 500,
        price_repeats: 1_000,
    };
    /// How many units are brought aboard, the warming up included.
    const fn onboarded(&self) -> usize {
        self.onboard_units * (1 + self.onboard_rounds + self.logged_rounds)
    }

    /// A run that shows that all works; its numbers are worth little.
    pub const QUICK: Self = Self {
        factory_rounds: 1,
        factory_units: 80,
        onboard_rounds: 1,
        logged_rounds: 1,
        onboard_units: 40,
        price_repeats: 50,
    };
}

/// Measures everything and tells it on standard output on the way.
///
/// # Errors
/// What standard output says.
///
/// # Panics
/// Panics when the server, the factory or a device fails: then there is nothing to be told.
pub async fn run(scale: Scale) -> io::Result<Report> {
    let mut server = Server::start_with(|config| with_audit_log(&config, "ignore"));
    let (made, units) = make(&server, scale).await;
    units::declare(&server, &units).await;
    let mut units = units.chunks(scale.onboard_units);
    let mut next = || units.next().expect("the factory makes enough for all rounds");
    let _warming_up = onboard::onboard(&server, next(), scale.price_repeats).await;
    let mut rounds = Vec::new();
    for _ in 0..scale.onboard_rounds {
        rounds.push(onboard::onboard(&server, next(), scale.price_repeats).await);
        tell(rounds.len(), &rounds[rounds.len() - 1])?;
    }
    let round = median(rounds, Round::cpu_over_floor);
    writeln!(io::stdout(), "\n{}\nwith the MASA's logs:", round.prices)?;
    server.reconfigure(|config| config.replace("audit_log = \"ignore\"", "audit_log = \"warn\""));
    let mut logged = Vec::new();
    for _ in 0..scale.logged_rounds {
        logged.push(onboard::onboard(&server, next(), scale.price_repeats).await);
        tell(logged.len(), &logged[logged.len() - 1])?;
    }
    let mut report = Report::new(commit());
    onboarding_figures(scale, &round).into_iter().for_each(|figure| report.add(figure));
    report.add(logged_figure(scale, &median(logged, millis)));
    report.add(factory_figure(scale, &made));
    Ok(report)
}

fn tell(number: usize, round: &Round) -> io::Result<()> {
    let (per_second, ms, ratio) = (round.per_second, millis(round), round.cpu_over_floor());
    let mut out = io::stdout();
    writeln!(out, "round {number:2}: {per_second:6.1} onboardings/s, {ms:.3} ms, {ratio:.2} x the floor")
}

/// The MASA's log of past vouchers is neither voucher nor enrolment; what it costs has a figure of its own.
fn with_audit_log(config: &str, rule: &str) -> String {
    config.replace("[owner]\n", &format!("[owner]\naudit_log = \"{rule}\"\n"))
}

/// Returns the median round of the factory and as many units as will be onboarded.
async fn make(server: &Server, scale: Scale) -> (Made, Vec<device_sim::unit::Unit>) {
    let wanted = scale.onboarded();
    let mut units = Vec::new();
    let mut rounds = Vec::new();
    for number in 0..=scale.factory_rounds {
        let made = factory::make(server, &format!("R{number}"), scale.factory_units).await;
        let lacking = wanted.saturating_sub(units.len());
        units.extend(made.units.iter().take(lacking).cloned());
        if number > 0 {
            rounds.push(made);
        }
    }
    assert_eq!(units.len(), wanted, "the factory makes enough for all rounds");
    (median(rounds, Made::per_second), units)
}

/// Picks the round in the middle.
fn median<R>(mut rounds: Vec<R>, of: impl Fn(&R) -> f64) -> R {
    rounds.sort_by(|a, b| of(a).total_cmp(&of(b)));
    let middle = rounds.len() / 2;
    rounds.swap_remove(middle)
}

fn onboarding_figures(scale: Scale, round: &Round) -> [Figure; 4] {
    let Scale { onboard_rounds: rounds, onboard_units: units, .. } = scale;
    let which = format!(
        "median by cpu_over_floor of {rounds} rounds of {units} devices, 16 at a time, over TLS on loopback"
    );
    [
        Figure {
            name: "brski.onboard.per_second",
            value: round.per_second,
            unit: "1/s",
            better: Better::Higher,
            how: format!("{which}; devices and server share the machine"),
        },
        Figure {
            name: "brski.onboard.cpu_ms",
            value: millis(round),
            unit: "ms",
            better: Better::Lower,
            how: format!(
                "utime + stime of the server process, which plays registrar and MASA, by onboarding (voucher, enrolment, \
                 both reports, both handshakes); {which}"
            ),
        },
        Figure {
            name: "brski.onboard.floor_ms",
            value: round.prices.floor().as_secs_f64() * 1e3,
            unit: "ms",
            better: Better::Lower,
            how: format!(
                "2 X25519MLKEM768 agreements, 5 P-256 signatures and 9 verifications that one onboarding needs of registrar \
                 and MASA together, each priced in thread processor time right before and after the round; {which}"
            ),
        },
        Figure {
            name: "brski.onboard.cpu_over_floor",
            value: round.cpu_over_floor(),
            unit: "ratio",
            better: Better::Lower,
            how: format!("cpu_ms / floor_ms; {which}"),
        },
    ]
}

fn logged_figure(scale: Scale, round: &Round) -> Figure {
    let Scale { logged_rounds: rounds, onboard_units: units, .. } = scale;
    Figure {
        name: "brski.onboard.with_audit_log.cpu_ms",
        value: millis(round),
        unit: "ms",
        better: Better::Lower,
        how: format!(
            "as brski.onboard.cpu_ms, and the MASA is asked for the device's log (audit_log = \"warn\", the default); \
             median of {rounds} rounds of {units} devices"
        ),
    }
}

fn factory_figure(scale: Scale, made: &Made) -> Figure {
    let Scale { factory_rounds: rounds, factory_units: units, .. } = scale;
    Figure {
        name: "factory.issue.per_second",
        value: made.per_second(),
        unit: "1/s",
        better: Better::Higher,
        how: format!(
            "IDevIDs through the API's stream of batches, each stored and journalled, keys and requests made by the client \
             on the same machine; median of {rounds} rounds of {units} units"
        ),
    }
}

fn millis(round: &Round) -> f64 {
    round.cpu.as_secs_f64() * 1e3
}

/// Names the sources: the commit, and whether they differ from it.
fn commit() -> String {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
        .current_dir(repository::root())
        .output();
    let text = described.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map_or_else(|| "unknown".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
}

/// Returns where the figures go unless the command line says otherwise.
#[must_use]
pub fn default_file() -> PathBuf {
    repository::root().join("target/bench.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_round_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0], |value| *value).to_bits(), 5.0_f64.to_bits());
        assert_eq!(median(vec![7.0], |value| *value).to_bits(), 7.0_f64.to_bits());
    }

    #[test]
    fn the_factory_makes_enough_for_every_round() {
        for scale in [Scale::FULL, Scale::QUICK] {
            let made = scale.factory_units * (scale.factory_rounds as u64 + 1);
            assert!(made >= scale.onboarded() as u64);
            assert!(
                [scale.factory_rounds, scale.onboard_rounds, scale.logged_rounds].iter().all(|n| n % 2 == 1)
            );
        }
    }
}
