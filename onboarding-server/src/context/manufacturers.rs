//! The manufacturers whose devices may come, with all that their chains are judged by.
//!
//! Does not: ask a MASA.
//! Invariants: a manufacturer is found by whose anchors a chain ends in, never by a name in a certificate.

use std::time::Duration;

use pki::path::{self, Anchors, Expiry, Purpose, Revocation, Rules};
use pki::{Certificate, cms::Compat};
use proto::{ManufacturerId, UnixTime};
use proto_brski::{IpLiterals, MasaUrl};
use server_config::{AuditLog, Reonboarding, UnknownDevices};
use server_listen::{load_anchors, load_chains};

use super::Error;

/// All manufacturers, in the order of the configuration.
#[derive(Debug)]
pub struct Manufacturers(Vec<Manufacturer>);

/// One manufacturer.
#[derive(Debug)]
pub struct Manufacturer {
    /// Its name with us.
    pub id: ManufacturerId,
    /// What its IDevIDs must chain to.
    pub anchors: Anchors,
    /// Intermediates that its devices do not send.
    pub intermediates: Vec<Certificate>,
    /// Where its MASA is, in place of what the IDevID says.
    pub masa_url: Option<MasaUrl>,
    /// The MASAs that its IDevIDs may name, as `host:port`.
    pub masa_hosts: Vec<String>,
    /// What the TLS certificate of its MASA must chain to.
    pub masa_tls_anchors: Anchors,
    /// What the signer of its vouchers must chain to.
    pub voucher_anchors: Anchors,
    /// Whether its MASA may have a loopback or private address, and be named by one.
    pub allow_private_addresses: bool,
    /// Whether the end of an IDevID's validity counts.
    pub expiry: Expiry,
    /// Whether older forms of CMS are accepted.
    pub compat: Compat,
    /// What becomes of devices that were never announced.
    pub unknown_devices: UnknownDevices,
    /// What becomes of devices that start again by themselves.
    pub reonboarding: Reonboarding,
    /// What its MASA's log means.
    pub audit_log: AuditLog,
    /// How long after its end an LDevID of its devices may be renewed.
    pub renewal_grace: Duration,
}

impl Manufacturers {
    /// Loads the files that `owner` names.
    ///
    /// # Errors
    /// The first file or URL that cannot be used.
    pub fn load(owner: &server_config::Owner) -> Result<Self, Error> {
        owner
            .manufacturers
            .iter()
            .map(|one| Manufacturer::load(one, owner))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Finds a manufacturer by its name.
    #[must_use]
    pub fn find(&self, id: &ManufacturerId) -> Option<&Manufacturer> {
        self.0.iter().find(|one| one.id == *id)
    }

    /// Lists all.
    pub fn iter(&self) -> impl Iterator<Item = &Manufacturer> {
        self.0.iter()
    }

    /// Finds the manufacturer whose anchors the chain of an IDevID ends in.
    ///
    /// # Errors
    /// What is wrong with the chain: of several manufacturers, the first that is not "no path at all", else the last.
    pub fn verify_idevid(
        &self,
        idevid: &Certificate,
        pool: &[Certificate],
        now: UnixTime,
    ) -> Result<&Manufacturer, pki::Error> {
        let mut reason = pki::Error::PathIssuerUnknown;
        for one in &self.0 {
            match one.verify_idevid(idevid, pool, now) {
                Ok(()) => return Ok(one),
                Err(pki::Error::PathIssuerUnknown) => {}
                Err(other) => reason = other,
            }
        }
        Err(reason)
    }
}

impl Manufacturer {
    fn load(settings: &server_config::Manufacturer, owner: &server_config::Owner) -> Result<Self, Error> {
        let anchors = load_anchors(&settings.anchors)?;
        let or_own = |paths: &[std::path::PathBuf]| {
            if paths.is_empty() { Ok(anchors.clone()) } else { load_anchors(paths) }
        };
        let literals = IpLiterals::accepted_if(settings.allow_private_addresses);
        Ok(Self {
            id: settings.id.clone(),
            intermediates: load_chains(&settings.intermediates)?,
            masa_url: settings.masa_url.as_deref().map(|url| MasaUrl::parse(url, literals)).transpose()?,
            masa_hosts: settings.masa_hosts.clone(),
            masa_tls_anchors: or_own(&settings.masa_tls_anchors)?,
            voucher_anchors: or_own(&settings.voucher_anchors)?,
            anchors,
            allow_private_addresses: settings.allow_private_addresses,
            expiry: if settings.ignore_idevid_expiry { Expiry::Ignore } else { Expiry::Enforce },
            compat: if settings.compat { Compat::Lenient } else { Compat::Strict },
            unknown_devices: settings.unknown_devices.unwrap_or(owner.unknown_devices),
            reonboarding: settings.reonboarding.unwrap_or(owner.reonboarding),
            audit_log: settings.audit_log.unwrap_or(owner.audit_log),
            renewal_grace: owner.renewal_grace,
        })
    }

    fn verify_idevid(
        &self,
        idevid: &Certificate,
        pool: &[Certificate],
        now: UnixTime,
    ) -> Result<(), pki::Error> {
        let pool: Vec<Certificate> = pool.iter().chain(&self.intermediates).cloned().collect();
        let rules = Rules {
            anchors: &self.anchors,
            now,
            // Whether the end of its validity counts is the policy's to say, with a reason of its own.
            purpose: Purpose::IdevId { expiry: Expiry::Ignore },
            // Makers publish no revocations of IDevIDs; a device that must not come is refused by its record.
            revocation: &|_| Revocation::Good,
        };
        path::verify(idevid, &pool, &rules).map(|_| ())
    }

    /// Returns how IP literals in MASA URLs are taken.
    #[must_use]
    pub const fn ip_literals(&self) -> IpLiterals {
        IpLiterals::accepted_if(self.allow_private_addresses)
    }

    /// Tells whether an IDevID may name this MASA.
    #[must_use]
    pub fn allows(&self, masa: &MasaUrl) -> bool {
        self.masa_url.as_ref() == Some(masa) || self.masa_hosts.contains(&masa.authority())
    }
}
