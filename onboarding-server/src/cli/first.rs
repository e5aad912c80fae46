//! `init`: from a configuration that is there, or from flags that make a first one.
//!
//! Does not: make keys; `crate::init` does.
//! Invariants: a configuration that is there is never changed; one that cannot be read is never written.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use proto::{LineId, ManufacturerId};
use server_config::Config;

use super::Failure;
use crate::files;
use crate::init::{FirstConfig, FirstListeners};

/// The name of the configuration in `--dir`.
pub(super) const CONFIG_NAME: &str = "gangway.toml";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  onboarding-server init --config /etc/gangway/gangway.toml
  onboarding-server init --dir /etc/gangway --state /var/lib/gangway --owner \"Example Works\" \\
    --host onboard.example.com
  onboarding-server init --dir /etc/gangway --state /var/lib/gangway --maker example-maker --host masa.example.com --product sensor-one")]
pub(super) struct InitArgs {
    /// A configuration that is there.
    #[arg(long, value_name = "FILE", conflicts_with = "dir", required_unless_present = "dir")]
    config: Option<PathBuf>,
    /// The directory of a first configuration, gangway.toml, and of the state.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The state directory, relative to --dir or absolute.
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: String,
    /// The owner's role, with the name of the domain.
    #[arg(long, value_name = "NAME", requires = "dir")]
    owner: Option<String>,
    /// The maker's role, with the id of the manufacturer.
    #[arg(long, value_name = "ID", requires = "dir")]
    maker: Option<ManufacturerId>,
    /// A name by which devices, registrars and operators reach this server; may be repeated.
    #[arg(long = "host", value_name = "NAME", requires = "dir")]
    hosts: Vec<String>,
    /// The MASA as IDevIDs will name it, for ever: host or host:port [default: the first --host, port 9444].
    #[arg(long, value_name = "AUTHORITY", requires = "maker")]
    masa_url: Option<String>,
    /// A product of the maker; may be repeated.
    #[arg(long = "product", value_name = "NAME", requires = "maker")]
    products: Vec<String>,
    /// The factory line of the first station's certificate.
    #[arg(long, value_name = "LINE", default_value = "line-1")]
    pub(super) line: LineId,
}

/// Returns the configuration to work from, written first when it is not there.
pub(super) fn config_file(args: &InitArgs) -> Result<PathBuf, Failure> {
    let Some(dir) = &args.dir else {
        return args.config.clone().ok_or_else(|| Failure::usage("give --config or --dir"));
    };
    let path = dir.join(CONFIG_NAME);
    let has_role = args.owner.is_some() || args.maker.is_some();
    if !path.exists() && !has_role {
        return Err(Failure::usage(format!(
            "{} is not there: give --owner, --maker or both",
            path.display()
        )));
    }
    write_unless_there(&path, &first_config(args))?;
    Ok(path)
}

/// Writes a first configuration, unless a file is there.
pub(super) fn write_unless_there(path: &Path, first: &FirstConfig) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
    let text = first.render();
    if let (false, Err(problems)) = (path.exists(), Config::parse(&text, Path::new(""))) {
        return Err(Failure::usage(server_config::Error::Invalid(problems)));
    }
    path.parent().map_or(Ok(()), files::make_directory).map_err(failed)?;
    match files::write_new(path, text.as_bytes(), files::MODE_PUBLIC) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(failed),
    }
}

fn first_config(args: &InitArgs) -> FirstConfig {
    let host = args.hosts.first().map_or("localhost", String::as_str);
    FirstConfig {
        state_dir: args.state.clone(),
        domain: args.owner.clone(),
        maker: args.maker.clone(),
        masa_url: args.masa_url.clone().unwrap_or_else(|| format!("{host}:9444")),
        dns_names: if args.hosts.is_empty() { vec!["localhost".to_owned()] } else { args.hosts.clone() },
        products: args.products.clone(),
        listeners: FirstListeners::production(),
        is_loopback: false,
    }
}

/// Tells an operator what to do after `init`.
pub(super) fn what_comes_next(path: &Path, config: &Config) -> String {
    let mut text = format!(
        "\nNext:\n  onboarding-server check --config {0}\n  onboarding-server run --config {0}\n",
        path.display()
    );
    let profile = config.profiles_dir().join("admin.toml");
    text.push_str(&format!("  gangway --profile {} devices list\n", profile.display()));
    let keys = [
        Some(&config.admin.anchor_key),
        config.owner.as_ref().map(|owner| &owner.root_key),
        config.maker.as_ref().map(|maker| &maker.root_key),
    ];
    text.push_str("Keep these keys elsewhere; the server never opens them, only `init` does:\n");
    for key in keys.into_iter().flatten() {
        text.push_str(&format!("  {}\n", key.display()));
    }
    text.pop();
    text
}
