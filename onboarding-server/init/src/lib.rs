//! Makes the keys and certificates that the configured roles need, and the first configuration; and looks whether what
//! is there can be used.
//!
//! Source: RFC 8995 §5.5.4 (registrar EKUs), IEEE 802.1AR (manufacturer's CA); profiles: `pki::Profile`.
//! Does not: overwrite anything, renew what is there, start the server.
//! Invariants: what is there is kept; a key without its certificate, or the reverse, stops the work.

mod check;
pub mod files;
mod first_config;
mod material;
mod profiles;
mod ready;

use std::io;
use std::path::PathBuf;

use pki::{Profile, Subject};
use proto::{LineId, Reason, ReasonCode, UnixTime};

pub use check::{Finding, Level, check};
pub use first_config::{FirstConfig, FirstListeners};
use material::{Place, Wish, Workshop};
pub use ready::{READY_FILE, Ready, ReadyFile};
use server_config::{Admin, Config, Maker, Owner};

/// Years that roots are valid: longer than the devices that trust them.
const ROOT_YEARS: u64 = 25;
/// Years that issuing CAs are valid.
const ISSUING_YEARS: u64 = 10;
/// Years that the voucher signer is valid.
const VOUCHER_SIGNER_YEARS: u64 = 5;
/// Years that TLS servers, registrars, operators and stations are valid.
const LEAF_YEARS: u64 = 1;

/// The roles of operators, as they stand in their certificates' organizationalUnitName.
pub const OPERATOR_ROLES: [&str; 3] = ["admin", "operator", "viewer"];

/// One file, or pair of files, that `init` looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it was made; otherwise it was there.
    pub is_made: bool,
    /// What it is, in words.
    pub what: String,
    /// The certificate or profile.
    pub path: PathBuf,
}

/// Why key material could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file that is there could not be used.
    #[error(transparent)]
    Load(#[from] server_listen::TlsError),
    /// Of a certificate and its key only one is there.
    #[error("{} is there and {} is not: bring it back, or move the other away", present.display(), missing.display())]
    HalfThere {
        /// The file that is there.
        present: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// The key of a CA is needed and is kept elsewhere.
    #[error("{} is needed to make {what}: bring it back for as long as this takes", key.display())]
    IssuerKeyAway {
        /// The key file.
        key: PathBuf,
        /// What was to be made.
        what: String,
    },
    /// A certificate could not be made from the names in the configuration.
    #[error("{what}: {source}")]
    Issue {
        /// What was to be made.
        what: String,
        /// What is wrong.
        source: pki::Error,
    },
}

impl Error {
    /// Returns the stable code of the exact reason, where pki has one.
    #[must_use]
    pub fn code(&self) -> Option<ReasonCode> {
        match self {
            Self::Issue { source, .. } => Some(source.code()),
            Self::Write { .. } | Self::Load(_) | Self::HalfThere { .. } | Self::IssuerKeyAway { .. } => None,
        }
    }
}

/// Makes everything that `config` names and that is not there; `line` is the factory line of the first station.
///
/// # Errors
/// The first thing that could not be made. What was made until then stays and is kept the next time.
pub fn make_missing(config: &Config, line: &LineId, now: UnixTime) -> Result<Vec<Step>, Error> {
    let mut workshop = Workshop::new(now);
    workshop.directory(&config.state_dir)?;
    make_admin(&mut workshop, config, line)?;
    if let Some(owner) = &config.owner {
        make_owner(&mut workshop, owner)?;
    }
    if let Some(maker) = &config.maker {
        make_maker(&mut workshop, maker)?;
    }
    Ok(workshop.finish())
}

fn make_admin(workshop: &mut Workshop, config: &Config, line: &LineId) -> Result<(), Error> {
    let admin = &config.admin;
    let root = Place::new(&admin.anchor, &admin.anchor_key);
    workshop.root(&root, Wish::new("operators' CA", Profile::DomainRoot, "Gangway operators", ROOT_YEARS))?;
    let server = Wish::new("gRPC listener", Profile::TlsServer, "Gangway admin", LEAF_YEARS)
        .named(&admin.dns_names, &admin.ip_addresses);
    workshop.under(&root, &Place::new(&admin.certificate, &admin.key), server)?;
    for role in OPERATOR_ROLES {
        let subject = Subject { organizational_unit: Some(role.to_owned()), ..Subject::new(role) };
        let wish =
            Wish::of_subject(&format!("certificate of {role}"), Profile::Operator, subject, LEAF_YEARS);
        make_client(workshop, (config, admin), role, wish)?;
    }
    if config.maker.is_some() {
        let subject = Subject {
            organizational_unit: Some(Profile::STATION_ROLE.to_owned()),
            locality: Some(line.as_str().to_owned()),
            ..Subject::new(Profile::STATION_ROLE)
        };
        let what = format!("certificate of the station at {line}");
        let wish = Wish::of_subject(&what, Profile::Station, subject, LEAF_YEARS);
        make_client(workshop, (config, admin), Profile::STATION_ROLE, wish)?;
    }
    Ok(())
}

fn make_client(
    workshop: &mut Workshop,
    (config, admin): (&Config, &Admin),
    name: &str,
    wish: Wish,
) -> Result<(), Error> {
    let directory = config.profiles_dir();
    let place =
        Place::new(&directory.join(format!("{name}.pem")), &directory.join(format!("{name}-key.pem")));
    workshop.under(&Place::new(&admin.anchor, &admin.anchor_key), &place, wish)?;
    let path = directory.join(format!("{name}.toml"));
    let text = profiles::render(admin, &place);
    workshop.text(&format!("gangway profile of {name}"), &path, &text, files::MODE_SECRET)
}

fn make_owner(workshop: &mut Workshop, owner: &Owner) -> Result<(), Error> {
    let domain = &owner.domain;
    let root = Place::new(&owner.root, &owner.root_key);
    let issuing = Place::new(&owner.issuing_certificate, &owner.issuing_key);
    let registrar = Place::new(&owner.registrar_certificate, &owner.registrar_key);
    workshop
        .root(&root, Wish::new("domain root", Profile::DomainRoot, &format!("{domain} root"), ROOT_YEARS))?;
    let ca = Wish::new(
        "domain issuing CA",
        Profile::DomainIssuing,
        &format!("{domain} issuing CA"),
        ISSUING_YEARS,
    );
    workshop.under(&root, &issuing, ca)?;
    let wish = Wish::new("registrar", Profile::Registrar, &format!("{domain} registrar"), LEAF_YEARS)
        .named(&owner.dns_names, &owner.ip_addresses);
    workshop.under(&issuing, &registrar, wish)
}

fn make_maker(workshop: &mut Workshop, maker: &Maker) -> Result<(), Error> {
    let name = &maker.name;
    let root = Place::new(&maker.root, &maker.root_key);
    let issuing = Place::new(&maker.issuing_certificate, &maker.issuing_key);
    let common_name = format!("{name} root");
    workshop
        .root(&root, Wish::new("manufacturer root", Profile::ManufacturerRoot, &common_name, ROOT_YEARS))?;
    let common_name = format!("{name} issuing CA");
    let ca = Wish::new("manufacturer issuing CA", Profile::ManufacturerIssuing, &common_name, ISSUING_YEARS);
    workshop.under(&root, &issuing, ca)?;
    let common_name = format!("{name} MASA");
    let signer = Wish::new("voucher signer", Profile::MasaVoucherSigner, &common_name, VOUCHER_SIGNER_YEARS);
    workshop.under(&root, &Place::new(&maker.voucher_certificate, &maker.voucher_key), signer)?;
    let tls = Wish::new("MASA listener", Profile::TlsServer, &common_name, LEAF_YEARS);
    let tls = if maker.dns_names.is_empty() && maker.ip_addresses.is_empty() {
        tls.named_by_url(&maker.masa_url)
    } else {
        tls.named(&maker.dns_names, &maker.ip_addresses)
    };
    workshop.under(&root, &Place::new(&maker.tls_certificate, &maker.tls_key), tls)
}
