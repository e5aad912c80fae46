//! The verb `check`, with the server's clock.
//!
//! Does not: look; `server-init` does.

use server_config::Config;
pub use server_init::{Finding, Level};

use crate::clock::Clock;

/// Looks at all files that `config` names.
#[must_use]
pub fn check(config: &Config, clock: &Clock) -> Vec<Finding> {
    server_init::check(config, clock.now())
}
