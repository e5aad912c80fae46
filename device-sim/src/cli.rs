//! The command line: what can be asked for, and the way from words to parameters.
//!
//! Invariants: exit code 0 when all went as it should, 1 when not, 2 when the command line is wrong.

mod options;
mod profile;
mod verbs;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Error;

/// Simulated devices, honest and wicked, for a Gangway server.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  device-sim make --maker works --count 10 --out fleet.jsonl
  device-sim make --profile station.toml --anchors root.pem --count 10 --out fleet.jsonl
  device-sim onboard --registrar https://localhost:8443 --fleet fleet.jsonl
  device-sim fleet --registrar https://localhost:8443 --fleet fleet.jsonl --devices 200 --concurrency 16
  device-sim attack --registrar https://localhost:8443 --fleet spare.jsonl --all
  device-sim list-attacks

Exit codes: 0 all went as it should, 1 it did not, 2 the command line is wrong.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes units: at a server's factory API, or with a manufacturer's CA kept in a directory
    Make(Box<options::Make>),
    /// Onboards one unit and prints the transcript
    Onboard(options::Onboard),
    /// Onboards many units at once and prints outcomes and latencies
    Fleet(options::Fleet),
    /// Misbehaves and sees whether it is refused for the right reason
    Attack(Box<options::Attack>),
    /// Lists the misbehaviours with what must come of each
    ListAttacks(options::ListAttacks),
}

/// Runs the command line and returns the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // The stream it goes to may be gone; the exit code still tells.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match block_on(cli.verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn block_on(verb: Verb) -> Result<bool, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::File)?;
    runtime.block_on(async {
        match verb {
            Verb::Make(options) => verbs::make(*options).await,
            Verb::Onboard(options) => verbs::onboard(options).await,
            Verb::Fleet(options) => verbs::fleet(options).await,
            Verb::Attack(options) => verbs::attack(*options).await,
            Verb::ListAttacks(options) => verbs::list_attacks(&options),
        }
    })
}

/// Says what went wrong, with all causes and the reason code.
fn complain(error: &Error) {
    let mut text = format!("device-sim: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    // Nowhere is left to complain to when standard error is gone.
    drop(writeln!(io::stderr(), "{text} [{}]", error.reason()));
}

/// Writes to standard output.
fn say(text: &str) -> Result<(), Error> {
    writeln!(io::stdout(), "{}", text.trim_end()).map_err(Error::File)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_in_the_help_parses() {
        let lines = EXAMPLES.lines().filter(|line| line.trim_start().starts_with("device-sim"));
        let examples: Vec<&str> = lines.map(str::trim).collect();
        assert_eq!(examples.len(), 6);
        for example in examples {
            Cli::try_parse_from(example.split(' ')).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "device-sim attack --registrar https://h:1 --fleet f",
            "device-sim attack --registrar https://h:1 --fleet f --all --name bad-signature",
            "device-sim attack --registrar https://h:1 --fleet f --name no-such-thing",
            "device-sim onboard --registrar https://h:1",
            "device-sim make --count 1 --out f",
            "device-sim make --count 1 --out f --maker d --api https://h:1",
            "device-sim make --count 1 --out f --maker d --anchors f",
            "device-sim fleet --registrar http://h:1 --fleet f",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
