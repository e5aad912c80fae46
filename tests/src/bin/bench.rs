//! `make bench`: the real server is started, measured, and ended.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use tests::bench::run::{Scale, default_file, run};

/// Measures factory and onboarding against a server of its own, prints a table and writes the figures as JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// Shows in seconds that all works; the numbers are worth little
    #[arg(long)]
    quick: bool,
    /// Where the figures go [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let report = run(if arguments.quick { Scale::QUICK } else { Scale::FULL }).await?;
    let file = arguments.out.unwrap_or_else(default_file);
    report.write(&file)?;
    writeln!(io::stdout(), "\n{report}\nwritten to {}", file.display())?;
    Ok(())
}
