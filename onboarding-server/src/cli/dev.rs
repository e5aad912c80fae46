//! `dev`: both roles on loopback, wired to each other, with gRPC reflection.
//!
//! Does not: exist for production; what it allows no configuration can ask for.
//! Invariants: every listener it configures is on loopback; a directory that it made before is used as it is.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto::{LineId, ManufacturerId};

use super::{Failure, first, load, run_server, say};
use crate::clock::Clock;
use crate::init::{FirstConfig, FirstListeners, init};
use crate::run::Mode;

/// The domain and manufacturer of development; they show in certificates.
const DOMAIN: &str = "Gangway development";
const MAKER: &str = "example-maker";
const PRODUCT: &str = "sensor-one";
const LINE: &str = "line-1";

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    #[command(subcommand)]
    verb: DevVerb,
}

#[derive(Debug, Subcommand)]
enum DevVerb {
    /// Makes a configuration and keys if they are not there, and runs.
    Run(DevRunArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  onboarding-server dev run
  onboarding-server dev run --dir /tmp/gangway --any-port")]
struct DevRunArgs {
    /// The directory of configuration and state [default: a new one under the directory for temporary files].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Takes free ports in place of 8443, 9444, 9443 and 9464; they are written to the configuration and stay.
    #[arg(long)]
    any_port: bool,
    /// Makes configuration and keys, and does not run.
    #[arg(long)]
    prepare_only: bool,
}

/// Does a verb of development.
pub(super) fn run_dev(args: &DevArgs) -> Result<(), Failure> {
    let DevVerb::Run(args) = &args.verb;
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("gangway-dev-{}", std::process::id())),
    };
    let path = dir.join(first::CONFIG_NAME);
    if !path.exists() {
        first::write_unless_there(&path, &first_config(args.any_port)?)?;
    }
    let config = load(&path)?;
    let line: LineId = LINE.parse().map_err(Failure::failed)?;
    let made = init(&config, &line, &Clock::system()).map_err(Failure::failed)?;
    let count = made.iter().filter(|step| step.is_made).count();
    say(&format!("development directory {} ({count} files or pairs made)", dir.display()))?;
    say(&format!("configuration {}", path.display()))?;
    say(&format!("profiles {}", config.profiles_dir().display()))?;
    if args.prepare_only { Ok(()) } else { run_server(config, Mode::Development) }
}

fn first_config(any_port: bool) -> Result<FirstConfig, Failure> {
    let listeners = listeners(any_port).map_err(Failure::failed)?;
    let maker: ManufacturerId = MAKER.parse().map_err(Failure::failed)?;
    Ok(FirstConfig {
        state_dir: "state".to_owned(),
        domain: Some(DOMAIN.to_owned()),
        maker: Some(maker),
        masa_url: format!("localhost:{}", listeners.maker.port()),
        dns_names: vec!["localhost".to_owned()],
        products: vec![PRODUCT.to_owned()],
        listeners,
        is_loopback: true,
    })
}

fn listeners(any_port: bool) -> std::io::Result<FirstListeners> {
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    if !any_port {
        let [owner, maker, admin, metrics] = [8443, 9444, 9443, 9464].map(loopback);
        return Ok(FirstListeners { owner, maker, admin, metrics });
    }
    // All four are held until all four are known, so that no two are the same.
    let [a, b, c, d] = [(); 4].map(|()| TcpListener::bind(loopback(0)));
    let (a, b, c, d) = (a?, b?, c?, d?);
    Ok(FirstListeners {
        owner: a.local_addr()?,
        maker: b.local_addr()?,
        admin: c.local_addr()?,
        metrics: d.local_addr()?,
    })
}
