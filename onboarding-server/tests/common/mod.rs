//! What the tests of this crate begin with: a first configuration with both roles, its files, and the state over them.
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::path::Path;
use std::sync::Arc;

use onboarding_server::clock::Clock;
use onboarding_server::context::Context;
use onboarding_server::init::{FirstConfig, FirstListeners, init};
use onboarding_server::metrics::Metrics;
use server_config::Config;

/// A first configuration with both roles on loopback.
pub(crate) fn first_config() -> FirstConfig {
    FirstConfig {
        state_dir: "state".to_owned(),
        domain: Some("Test domain".to_owned()),
        maker: Some("test-maker".parse().unwrap()),
        masa_url: "localhost:9444".to_owned(),
        dns_names: vec!["localhost".to_owned()],
        products: vec!["sensor-one".to_owned()],
        listeners: FirstListeners::production(),
        is_loopback: true,
    }
}

/// Writes a configuration into `directory`, with more text at its end, and makes keys and certificates.
pub(crate) fn configuration(directory: &Path, more: &str) -> Config {
    let config = Config::parse(&format!("{}\n{more}\n", first_config().render()), directory).unwrap();
    make_material(&config);
    config
}

/// Makes the keys and certificates that are not there.
pub(crate) fn make_material(config: &Config) {
    init(config, &"line-1".parse().unwrap(), &Clock::system()).unwrap();
}

/// Opens the state of such a configuration.
pub(crate) fn open(directory: &Path, clock: Clock) -> Context {
    Context::open(Arc::new(configuration(directory, "")), clock, Metrics::new()).unwrap()
}
