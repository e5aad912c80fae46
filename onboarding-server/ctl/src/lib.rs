//! The operator's command line: `gangway`.
//! Does not: decide anything; it asks a server over mutual TLS, or reads a journal that lies beside it.
//! Invariants: exits with 0 when all was done, 1 when something was refused or failed, 2 when the command line is wrong.

mod cli;
mod command;
mod connect;
mod error;
mod output;
mod profile;
mod progress;
mod record;
pub mod rows;
mod table;
mod view;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use crate::cli::Cli;
use crate::error::Error;

/// Does what the command line of this process asks.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            progress::note(fault.explanation().trim_end());
            fault.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Error> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let done = runtime.block_on(cli.run());
    // A thread that still waits for standard input must not keep a failed import from ending.
    runtime.shutdown_background();
    done
}
