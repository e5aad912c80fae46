//! The verb `init`: what `server-init` makes, at the time of the machine's clock.

pub use server_init::{Error, FirstConfig, FirstListeners, OPERATOR_ROLES, Step};

use proto::LineId;
use server_config::Config;

use crate::clock::Clock;

/// Makes everything that `config` names and that is not there; `line` is the factory line of the first station.
///
/// # Errors
/// The first thing that could not be made. What was made until then stays and is kept the next time.
pub fn init(config: &Config, line: &LineId, clock: &Clock) -> Result<Vec<Step>, Error> {
    server_init::make_missing(config, line, clock.now())
}
