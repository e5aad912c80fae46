//! The command line of the server.
//!
//! Does not: do the work of a verb; it calls `init`, `check` and `run` and prints what they say.
//! Invariants: exit codes are 0 for done, 1 for not done, 2 for a command or configuration that cannot be understood.

mod dev;
mod first;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use server_config::Config;

use crate::check::{Level, check};
use crate::clock::Clock;
use crate::init::{Step, init};
use crate::run::{Mode, run};
use crate::telemetry;

/// Exit code of a verb that could not be done.
const EXIT_FAILED: u8 = 1;

/// Exit code of a command line or configuration that cannot be understood; clap uses the same.
const EXIT_USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  onboarding-server init --dir /etc/gangway --owner \"Example Works\" --host onboard.example.com
  onboarding-server check --config /etc/gangway/gangway.toml
  onboarding-server run --config /etc/gangway/gangway.toml
  onboarding-server dev run --dir /tmp/gangway

Exit codes: 0 done; 1 not done; 2 the command or the configuration cannot be understood.";

/// Gangway: secure onboarding and lifecycle of devices.
#[derive(Debug, Parser)]
#[command(name = "onboarding-server", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes keys and certificates of the configured roles, and a first configuration; never overwrites.
    Init(first::InitArgs),
    /// Looks at a configuration and all files that it names, and tells every finding.
    Check(ConfigArgs),
    /// Runs the server until SIGTERM or SIGINT; SIGHUP reads certificates and keys again.
    Run(ConfigArgs),
    /// For development: both roles on loopback, wired to each other.
    Dev(dev::DevArgs),
    /// Writes a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/gangway/gangway.toml")]
    config: PathBuf,
}

/// Why a verb was not done: the exit code and what to tell.
struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    fn usage(error: impl std::fmt::Display) -> Self {
        Self { code: EXIT_USAGE, text: error.to_string() }
    }

    fn failed(error: impl std::fmt::Display) -> Self {
        Self { code: EXIT_FAILED, text: error.to_string() }
    }
}

/// Does what the command line asks.
#[must_use]
pub fn main() -> ExitCode {
    match do_verb(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody listens to standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "onboarding-server: {}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn do_verb(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Init(args) => init_files(&args),
        Verb::Check(args) => check_files(&args),
        Verb::Run(args) => run_server(load(&args.config)?, Mode::Production),
        Verb::Dev(args) => dev::run_dev(&args),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "onboarding-server", &mut io::stdout());
            Ok(())
        }
    }
}

fn load(path: &std::path::Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn init_files(args: &first::InitArgs) -> Result<(), Failure> {
    let path = first::config_file(args)?;
    let config = load(&path)?;
    let steps = init(&config, &args.line, &Clock::system()).map_err(Failure::failed)?;
    steps.iter().try_for_each(|step| say(&line_of(step)))?;
    say(&first::what_comes_next(&path, &config))
}

fn line_of(step: &Step) -> String {
    let word = if step.is_made { "made" } else { "kept" };
    format!("{word}  {:<36} {}", step.what, step.path.display())
}

fn check_files(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    say(&format!("{:<8} configuration {}", "ok", args.config.display()))?;
    let findings = check(&config, &Clock::system());
    findings.iter().try_for_each(|finding| say(&finding.to_string()))?;
    match findings.iter().filter(|finding| finding.level == Level::Error).count() {
        0 => Ok(()),
        errors => Err(Failure::failed(format!("{errors} error(s)"))),
    }
}

fn run_server(config: Config, mode: Mode) -> Result<(), Failure> {
    telemetry::install(&config.log).map_err(Failure::usage)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(run(config, mode, Clock::system())).map_err(Failure::failed)
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_of_the_examples_parses() {
        for line in EXAMPLES.lines().filter(|line| line.starts_with("  onboarding-server")) {
            let words = line.replace("\"Example Works\"", "Example-Works");
            assert!(Cli::try_parse_from(words.split_whitespace()).is_ok(), "{line}");
        }
    }
}
