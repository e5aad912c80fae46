//! Log lines: human on a terminal, JSON otherwise, on standard error.
//!
//! Does not: write files, rotate, send anything over a network.
//! Invariants: installed once, by the command line; levels come from the configuration, or from `GANGWAY_LOG`.

use std::io::{self, IsTerminal};

use server_config::{Log, LogFormat};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable that overrides `[log] filter`.
pub const FILTER_VARIABLE: &str = "GANGWAY_LOG";

/// Starts logging for the whole process; a second call changes nothing.
///
/// # Errors
/// When `GANGWAY_LOG` (or the filter of the configuration, if it was not checked) is not a filter.
pub fn install(log: &Log) -> Result<(), ParseError> {
    let text = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| log.filter.clone());
    let filter: Targets = text.parse()?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(true);
    let layer = if is_human(log.format) {
        lines.with_ansi(io::stderr().is_terminal()).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    };
    // The only error is that another subscriber is there already, as in tests: then that one stays.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

fn is_human(format: LogFormat) -> bool {
    match format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    }
}
