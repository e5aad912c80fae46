//! The options of each verb.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::profile::ApiAccess;
use crate::misbehaviour::Case;
use crate::pledge::Reenrollment;
use crate::transport::{Endpoint, Patience};

/// Where the registrar is and how long to wait for it.
#[derive(Debug, Args)]
pub(super) struct Registrar {
    /// The registrar: https://HOST[:PORT]
    #[arg(long, value_name = "URL")]
    pub registrar: Endpoint,
    /// Seconds to keep trying when the server cannot be reached, as while it starts again
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub retry_seconds: u64,
    /// Seconds to wait for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub answer_seconds: u64,
    /// Seconds to keep asking while a decision is pending (202); RFC 8995 says four days
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub pending_seconds: u64,
}

impl Registrar {
    pub(super) fn patience(&self) -> Patience {
        Patience {
            answer_seconds: self.answer_seconds,
            pending_seconds_max: self.pending_seconds,
            outage_seconds_max: self.retry_seconds,
            ..Patience::default()
        }
    }
}

/// Whether and how to re-enroll.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Reenroll {
    /// Not at all
    No,
    /// With the same key
    Renew,
    /// With a new key
    Rekey,
}

impl From<Reenroll> for Reenrollment {
    fn from(reenroll: Reenroll) -> Self {
        match reenroll {
            Reenroll::No => Self::None,
            Reenroll::Renew => Self::Renew,
            Reenroll::Rekey => Self::Rekey,
        }
    }
}

/// Options of `make`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").args(["profile", "api", "maker"]).required(true).multiple(true))]
pub(super) struct Make {
    #[command(flatten)]
    pub access: ApiAccess,
    /// A directory with a manufacturer's CA, made when it is missing: no server is needed, and none is asked
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "api")]
    pub maker: Option<PathBuf>,
    /// The manufacturer's anchors for vouchers, PEM; needed at a server
    #[arg(long, value_name = "FILE", conflicts_with = "maker")]
    pub anchors: Option<PathBuf>,
    /// The MASA's address in the IDevIDs; only with --maker
    #[arg(long, value_name = "HOST[:PORT]", requires = "maker")]
    pub masa_url: Option<String>,
    /// The production order, opened when it is not open; only at a server
    #[arg(long, value_name = "ID", default_value = "device-sim")]
    pub order: String,
    /// The manufacturer's name in the server's configuration; only at a server
    #[arg(long, value_name = "NAME", default_value = "")]
    pub manufacturer: String,
    /// The product; only at a server
    #[arg(long, value_name = "NAME", default_value = "sensor-one")]
    pub product: String,
    /// The factory line, the station's own when left out; only at a server
    #[arg(long, value_name = "ID", default_value = "")]
    pub line: String,
    /// What serial numbers begin with; eight digits follow
    #[arg(long, value_name = "TEXT", default_value = "SIM-")]
    pub serial_prefix: String,
    /// The first number after the prefix
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub first: u64,
    /// How many units
    #[arg(long, value_name = "N")]
    pub count: u64,
    /// The fleet file that the units are appended to
    #[arg(long, value_name = "FILE", required_unless_present = "out_dir")]
    pub out: Option<PathBuf>,
    /// A directory that gets a directory of PEM files for each unit
    #[arg(long, value_name = "DIRECTORY")]
    pub out_dir: Option<PathBuf>,
    /// Seconds to keep trying when the server cannot be reached, as while it starts again; only at a server
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub retry_seconds: u64,
    /// Appends a JSON line for each IDevID that the server gave; only at a server
    #[arg(long, value_name = "FILE", conflicts_with = "maker")]
    pub acknowledged: Option<PathBuf>,
}

/// Options of `onboard`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["unit", "fleet"]).required(true))]
pub(super) struct Onboard {
    #[command(flatten)]
    pub registrar: Registrar,
    /// A unit's directory: idevid.pem, idevid-key.pem, manufacturer.pem
    #[arg(long, value_name = "DIRECTORY")]
    pub unit: Option<PathBuf>,
    /// A fleet file
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Which unit of the fleet file, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: usize,
    /// Whether to re-enroll at the end
    #[arg(long, value_enum, default_value = "no")]
    pub reenroll: Reenroll,
    /// Where to write the LDevID chain, the key and the anchors to, PEM
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `fleet`.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    #[command(flatten)]
    pub registrar: Registrar,
    /// The fleet file
    #[arg(long, value_name = "FILE")]
    pub fleet: PathBuf,
    /// How many of its units go, the first ones; all when left out
    #[arg(long, value_name = "N")]
    pub devices: Option<usize>,
    /// How many are under way at once
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub concurrency: usize,
    /// Makes order, misbehaviours and nonces repeatable; for tests, once per unit and server
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many of a hundred devices misbehave
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub misbehave: u8,
    /// Whether to re-enroll at the end
    #[arg(long, value_enum, default_value = "no")]
    pub reenroll: Reenroll,
    /// Appends a JSON line for each voucher and certificate that the server gave
    #[arg(long, value_name = "FILE")]
    pub acknowledged: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `attack`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["all", "name"]).required(true))]
pub(super) struct Attack {
    #[command(flatten)]
    pub registrar: Registrar,
    /// A fleet file of genuine units that have not been onboarded; each misbehaviour takes up to two
    #[arg(long, value_name = "FILE")]
    pub fleet: PathBuf,
    /// How many units of the fleet file to leave alone
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: usize,
    /// Stage every misbehaviour
    #[arg(long)]
    pub all: bool,
    /// Stage this misbehaviour; may be given several times
    #[arg(long, value_name = "NAME", value_parser = named)]
    pub name: Vec<&'static Case>,
    /// The directory with the CA of a manufacturer that the server knows, for IDevIDs that have ended
    #[arg(long, value_name = "DIRECTORY")]
    pub maker: Option<PathBuf>,
    #[command(flatten)]
    pub access: ApiAccess,
    /// Do not count what could not be staged as a failure
    #[arg(long)]
    pub allow_skipped: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `list-attacks`.
#[derive(Debug, Args)]
pub(super) struct ListAttacks {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn named(name: &str) -> Result<&'static Case, String> {
    Case::named(name).ok_or_else(|| "no such misbehaviour; see `device-sim list-attacks`".to_string())
}
