//! What can be said on the command line, and who does it.
//! Does not: know the words of each noun (see `command`).
//! Invariants: the options of connection and output stand before or after the verb alike.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::command::authorities::AuthoritiesCommand;
use crate::command::devices::DevicesCommand;
use crate::command::factory::FactoryCommand;
use crate::command::journal::JournalCommand;
use crate::command::{authorities, devices, factory, journal};
use crate::error::Error;
use crate::output::{Format, Output};
use crate::profile::ConnectionArgs;

/// The operator's command line of Gangway.
///
/// Shows and decides what happens to devices, makes units, and checks the journal, over mutual TLS with a running
/// onboarding-server. Results go to standard output, errors and advice to standard error.
#[derive(Debug, Parser)]
#[command(
    name = "gangway",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  gangway --profile operator.toml devices list --awaiting-approval
  export GANGWAY_PROFILE=/etc/gangway/profiles/operator.toml
  gangway devices approve acme/A-000123 --reason 'seen on site'
  gangway devices watch --output json
  gangway journal verify --dir /var/lib/gangway/owner/journal

Exit codes: 0 all done, 1 refused or failed, 2 the command line is wrong.
Reason codes are explained in docs/reason-codes.md."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    noun: Noun,
}

/// What the command is about.
#[derive(Debug, Subcommand)]
enum Noun {
    /// The owner's devices: show, decide, import, watch
    #[command(subcommand)]
    Devices(DevicesCommand),
    /// The maker's side: production orders, IDevIDs, units
    #[command(subcommand)]
    Factory(FactoryCommand),
    /// Whom the server trusts, whom it signs as, and what it has revoked
    #[command(subcommand)]
    Authorities(AuthoritiesCommand),
    /// The hash-chained history
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Write a completion script for a shell to standard output
    #[command(after_help = "Example: gangway completions bash > /etc/bash_completion.d/gangway")]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

impl Cli {
    /// Does what was said.
    ///
    /// # Errors
    /// Those of the verb.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let mut output = Output::standard(self.output);
        match self.noun {
            Noun::Devices(command) => devices::run(command, &self.connection, &mut output).await,
            Noun::Factory(command) => factory::run(command, &self.connection, &mut output).await,
            Noun::Authorities(command) => authorities::run(command, &self.connection, &mut output).await,
            Noun::Journal(command) => journal::run(command, &self.connection, &mut output).await,
            Noun::Completions { shell } => output.raw(&completions(shell)),
        }
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gangway", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, ErrorKind> {
        Cli::try_parse_from(line.split_whitespace()).map_err(|fault| fault.kind())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_of_the_guide_is_understood() {
        for line in [
            "gangway devices list --state in-repair --state operational --label a=b --limit 5",
            "gangway devices show acme/A-1 --profile p.toml",
            "gangway --profile p.toml --output json devices timeline A-1 --all",
            "gangway devices approve A-1 A-2 --reason ok",
            "gangway devices refuse 00112233445566778899aabbccddeeff --expected-version 3",
            "gangway devices reopen A-1",
            "gangway devices quarantine A-1",
            "gangway devices release A-1",
            "gangway devices suspend A-1",
            "gangway devices resume A-1",
            "gangway devices retire A-1 --yes",
            "gangway devices import - --format jsonl",
            "gangway devices watch --from 0 --until-caught-up",
            "gangway factory order open O-1 --manufacturer acme --product lamp --quota 10 --first A-1 --last A-9",
            "gangway factory order close O-1 --reason done",
            "gangway factory order show O-1",
            "gangway factory order list --state open",
            "gangway factory issue --order O-1 --serial A-1 --csr a.csr --out a.pem",
            "gangway factory unit show acme/A-1",
            "gangway factory unit sell A-1 --owner Works --domain-certificate ca.pem",
            "gangway factory unit sell A-1 --owner Works --domain-id 00ff",
            "gangway factory unit block A-1 --reason stolen",
            "gangway authorities list --kind domain-root",
            "gangway authorities crl --out crl.der",
            "gangway authorities manufacturers",
            "gangway journal list --first 1 --last 9",
            "gangway journal head",
            "gangway journal verify",
            "gangway journal verify --dir /tmp/journal",
            "gangway completions zsh",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_2() {
        for (line, kind) in [
            ("gangway devices list --state asleep", ErrorKind::ValueValidation),
            ("gangway devices list --output xml", ErrorKind::InvalidValue),
            ("gangway devices approve", ErrorKind::MissingRequiredArgument),
            ("gangway devices approve A-1 --expected-version x", ErrorKind::ValueValidation),
            (
                "gangway factory order open O-1 --manufacturer a --product b",
                ErrorKind::MissingRequiredArgument,
            ),
            ("gangway factory unit sell A-1 --owner Works", ErrorKind::MissingRequiredArgument),
            ("gangway factory unit sell A-1 --owner W --domain-id 0", ErrorKind::ValueValidation),
            (
                "gangway factory unit sell A-1 --owner W --domain-id 00 --domain-certificate x",
                ErrorKind::ArgumentConflict,
            ),
            ("gangway journal list --device 00 --first 1", ErrorKind::ArgumentConflict),
            ("gangway nothing", ErrorKind::InvalidSubcommand),
        ] {
            assert_eq!(parse(line).err(), Some(kind), "{line}");
        }
    }

    #[test]
    fn a_completion_script_knows_the_verbs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let script = String::from_utf8(completions(shell)).unwrap();
            assert!(script.contains("quarantine"), "{shell}");
        }
    }
}
