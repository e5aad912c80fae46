//! The configuration: one TOML file, read once, with all its problems reported at once.
//!
//! Does not: open the files it names (`check` does), hold a secret, or change after start.
//! Invariants: a [`Config`] has no unknown key and no value out of its bounds; paths in it are absolute or
//! relative to the working directory as the file's own name was; nothing for development is reachable from it.

mod maker;
mod owner;
mod reader;
mod words;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

use toml::de::DeTable;

pub use maker::{Maker, Product};
pub use owner::{Manufacturer, Owner};
pub use reader::Problem;
use reader::{Reader, Scope};
pub use words::{
    AuditLog, DeviceKey, InvalidWord, LogFormat, Reonboarding, TlsVersion, UnknownDevices, VoucherPolicy,
};

/// The most bytes of a configuration file; ours has about 10,000.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Seconds of a day, for defaults and bounds.
const DAY_SECONDS: u64 = 86_400;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The directory that holds all state: journal, indexes and, unless told otherwise, keys.
    pub state_dir: PathBuf,
    /// How each role's store is opened.
    pub store: Store,
    /// What is logged and how.
    pub log: Log,
    /// The plain HTTP listener for metrics and revocation lists.
    pub metrics: Metrics,
    /// The gRPC listener for operators and factory stations.
    pub admin: Admin,
    /// The limits that hold for each listener.
    pub limits: Limits,
    /// The owner's role: registrar, EST and device records.
    pub owner: Option<Owner>,
    /// The maker's role: factory and MASA.
    pub maker: Option<Maker>,
}

/// How the store of each role is opened: the rest of `[state]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Bytes of memory for the pages of the index.
    pub cache_bytes: u64,
    /// How many writes may wait for the disk; one more is answered "busy".
    pub queue_max: usize,
    /// Bytes after which the journal begins a new file.
    pub segment_bytes_max: u64,
}

/// What is logged and how: `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A filter of `tracing`: `info`, or `info,onboarding_server=debug`. `GANGWAY_LOG` overrides it.
    pub filter: String,
    /// The form of the lines.
    pub format: LogFormat,
}

/// The plain HTTP listener: `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Where it listens. It serves `/metrics` and the revocation lists, which are public by nature.
    pub listen: SocketAddr,
}

/// The gRPC listener: `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The names that `init` writes into its TLS certificate; the first goes into the operators' profiles.
    pub dns_names: Vec<String>,
    /// The addresses that `init` writes into its TLS certificate.
    pub ip_addresses: Vec<std::net::IpAddr>,
    /// The certificate that all operators' and stations' chains must end in (PEM).
    pub anchor: PathBuf,
    /// The key of the anchor, with which `init` makes operators' certificates (PEM); the server never opens it.
    pub anchor_key: PathBuf,
    /// The chain of the listener, leaf first (PEM).
    pub certificate: PathBuf,
    /// The key of the listener (PEM).
    pub key: PathBuf,
}

/// Limits of each TLS or HTTP listener: `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub body_bytes_max: usize,
    /// The most connections at one time on one listener.
    pub connections_max: usize,
    /// The most connections at one time from one address (IPv6: from one /64).
    pub connections_per_address_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a connection may stay without a complete request head (HTTP/1) or without any byte (HTTP/2).
    pub idle_timeout: Duration,
    /// How long a request may take until the head of its response.
    pub request_timeout: Duration,
    /// How long open requests may take to end after the signal to stop.
    pub drain_timeout: Duration,
    /// The oldest version of TLS that is spoken.
    pub tls_version_min: TlsVersion,
    /// Whether TLS 1.2 is spoken only with peers that have the extended master secret (RFC 7627). What it defends
    /// against needs resumption or renegotiation, and neither is offered here; some older EST clients lack it.
    pub is_extended_master_secret_required: bool,
}

impl Config {
    /// Returns the directory of the owner's role.
    #[must_use]
    pub fn owner_dir(&self) -> PathBuf {
        self.state_dir.join("owner")
    }

    /// Returns the directory of the maker's role.
    #[must_use]
    pub fn maker_dir(&self) -> PathBuf {
        self.state_dir.join("maker")
    }

    /// Returns the directory of the operators' CA.
    #[must_use]
    pub fn admin_dir(&self) -> PathBuf {
        self.state_dir.join("admin")
    }

    /// Returns the directory of the operators' profiles and their certificates.
    #[must_use]
    pub fn profiles_dir(&self) -> PathBuf {
        self.admin_dir().join("profiles")
    }

    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, [`Error::TooLong`] past [`CONFIG_BYTES_MAX`],
    /// [`Error::Invalid`] with every problem that its text has.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let length = fs::metadata(path).map_err(Error::Read)?.len();
        if length > CONFIG_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let text = fs::read_to_string(path).map_err(Error::Read)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(Error::Invalid)
    }

    /// Reads `text`, with relative paths starting at `directory`.
    ///
    /// # Errors
    /// Every problem, in the order of the lines.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, Vec<Problem>> {
        let (table, syntax_errors) = DeTable::parse_recoverable(text);
        if !syntax_errors.is_empty() {
            return Err(syntax_errors.iter().map(|error| syntax_problem(text, error)).collect());
        }
        let scope = Scope::new(text, directory);
        let config = read(Reader::root(&scope, table.get_ref()));
        let problems = scope.finish();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

/// Why a configuration is not used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    Read(io::Error),
    /// The file is longer than [`CONFIG_BYTES_MAX`].
    TooLong,
    /// The text has problems.
    Invalid(Vec<Problem>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the configuration cannot be read: {error}"),
            Self::TooLong => write!(f, "the configuration is longer than {CONFIG_BYTES_MAX} bytes"),
            Self::Invalid(problems) => {
                write!(f, "the configuration has {} problem(s)", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Error {}

fn syntax_problem(text: &str, error: &toml::de::Error) -> Problem {
    let line = error.span().map(|span| reader::line_of(text, span.start));
    Problem { line, key: String::new(), message: error.message().to_owned() }
}

fn read(root: Reader<'_>) -> Config {
    let state = root.table("state");
    let state_dir = state.path("dir", || PathBuf::from("/var/lib/gangway"));
    let store = read_store(&state);
    state.finish();
    let owner = root.optional_table("owner").map(|table| owner::read(table, &state_dir.join("owner")));
    let maker = root.optional_table("maker").and_then(|table| maker::read(table, &state_dir.join("maker")));
    if !root.has("owner") && !root.has("maker") {
        root.report("owner", "neither [owner] nor [maker] is there: the server would have nothing to do");
    }
    let config = Config {
        log: read_log(root.table("log")),
        metrics: read_metrics(root.table("metrics")),
        admin: read_admin(root.table("admin"), &state_dir.join("admin")),
        limits: read_limits(root.table("limits")),
        state_dir,
        store,
        owner,
        maker,
    };
    report_shared_ports(&root, &config);
    root.finish();
    config
}

fn read_store(state: &Reader<'_>) -> Store {
    const MEBIBYTE: u64 = 1024 * 1024;
    Store {
        cache_bytes: state.count("cache_bytes", 256 * MEBIBYTE, 16 * MEBIBYTE..=64 * 1024 * MEBIBYTE),
        queue_max: words::size(state.count("queue_max", 4_096, 16..=1_000_000)),
        segment_bytes_max: state.count("segment_bytes_max", 64 * MEBIBYTE, MEBIBYTE..=4_096 * MEBIBYTE),
    }
}

fn read_log(table: Reader<'_>) -> Log {
    let log = Log { filter: table.text("filter", "info"), format: table.parsed("format", LogFormat::Auto) };
    if let Err(error) = log.filter.parse::<tracing_subscriber::filter::Targets>() {
        table.report("filter", format!("{:?}: {error}", log.filter));
    }
    table.finish();
    log
}

fn read_metrics(table: Reader<'_>) -> Metrics {
    let metrics = Metrics { listen: table.parsed("listen", loopback(9464)) };
    table.finish();
    metrics
}

fn read_admin(table: Reader<'_>, dir: &Path) -> Admin {
    let mut admin = Admin {
        listen: table.parsed("listen", loopback(9443)),
        dns_names: words::dns_names(&table, "dns_names"),
        ip_addresses: table.list("ip_addresses"),
        anchor: table.path("anchor", || dir.join("root.pem")),
        anchor_key: table.path("anchor_key", || dir.join("root-key.pem")),
        certificate: table.path("certificate", || dir.join("server.pem")),
        key: table.path("key", || dir.join("server-key.pem")),
    };
    if admin.dns_names.is_empty() && admin.ip_addresses.is_empty() {
        admin.dns_names.push("localhost".to_owned());
    }
    table.finish();
    admin
}

fn read_limits(table: Reader<'_>) -> Limits {
    let limits = Limits {
        body_bytes_max: words::size(table.count("body_bytes_max", 65_536, 4_096..=1_048_576)),
        connections_max: words::size(table.count("connections_max", 8_192, 1..=1_000_000)),
        connections_per_address_max: words::size(table.count(
            "connections_per_address_max",
            1_024,
            1..=1_000_000,
        )),
        handshake_timeout: table.seconds("handshake_timeout_seconds", 10, 1..=120),
        idle_timeout: table.seconds("idle_timeout_seconds", 75, 1..=3_600),
        request_timeout: table.seconds("request_timeout_seconds", 60, 1..=3_600),
        drain_timeout: table.seconds("drain_timeout_seconds", 20, 0..=600),
        tls_version_min: table.parsed("tls_version_min", TlsVersion::Tls12),
        is_extended_master_secret_required: table.flag("extended_master_secret", true),
    };
    table.finish();
    limits
}

/// Two listeners on one address and port: the second would fail at start, so it is said now.
fn report_shared_ports(root: &Reader<'_>, config: &Config) {
    let listeners = [
        ("metrics", Some(config.metrics.listen)),
        ("admin", Some(config.admin.listen)),
        ("owner", config.owner.as_ref().map(|owner| owner.listen)),
        ("maker", config.maker.as_ref().map(|maker| maker.listen)),
    ];
    for (index, (name, address)) in listeners.iter().enumerate() {
        let Some(address) = address.filter(|address| address.port() != 0) else { continue };
        for (other_name, other) in listeners.iter().take(index) {
            if other.is_some_and(|other| overlaps(address, other)) {
                root.report(name, format!("listen {address} is taken by [{other_name}]"));
            }
        }
    }
}

fn overlaps(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests;
