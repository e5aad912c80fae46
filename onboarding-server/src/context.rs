//! What every verb is given: time, stores, keys, anchors and the way out, loaded once.
//!
//! Does not: decide anything, serve anything.
//! Invariants: keys are here as `Signer`s only; a manufacturer without anchors of its own kind has its `anchors` there.

mod ledger;
mod manufacturers;

use std::sync::Arc;

use pki::path::Anchors;
use pki::{Certificate, Issuer, KeyKind, Signer};
use proto::{DomainId, UnixTime};
use proto_brski::MasaUrl;
use server_config::{Config, DeviceKey};
use server_listen::{Revocations, load_anchors, load_chain, load_key};
use server_outbound::{Destination, MasaClient};
use server_store::{Maker, Options, Owner, Store};

use crate::app::refusals::Refusals;
use crate::clock::Clock;
use crate::metrics::Metrics;

pub use ledger::Ledger;
pub use manufacturers::{Manufacturer, Manufacturers};

/// Everything that a verb may use.
#[derive(Debug)]
pub struct Context {
    /// The time.
    pub clock: Clock,
    /// The configuration.
    pub config: Arc<Config>,
    /// The counters.
    pub metrics: Metrics,
    /// The owner's role, where it is configured.
    pub owner: Option<OwnerContext>,
    /// The maker's role, where it is configured.
    pub maker: Option<MakerContext>,
    /// What the chains of operators and stations must end in.
    pub admin_anchors: Anchors,
}

/// The owner's role: registrar, EST, device records.
#[derive(Debug)]
pub struct OwnerContext {
    /// `[owner]`
    pub settings: server_config::Owner,
    /// The devices.
    pub store: Ledger<Owner>,
    /// The registrar, as TLS server and as signer of voucher-requests.
    pub registrar: Credential,
    /// The CA that issues LDevIDs.
    pub issuer: Issuer,
    /// That CA's certificate and those above it, the root last.
    pub ca_path: Vec<Certificate>,
    /// The kinds of key that devices may have certified; the first is the one that they are asked for.
    pub device_keys: Vec<KeyKind>,
    /// The domain's root.
    pub domain_anchors: Anchors,
    /// Every id by which a MASA may know this domain: of the registrar and of all above it (RFC 8995 §5.8.2).
    pub domain_ids: Vec<DomainId>,
    /// Whose devices may come.
    pub manufacturers: Manufacturers,
    /// The way to the MASAs.
    pub masa: MasaClient,
    /// What was refused and is not on record one by one.
    pub refusals: Refusals,
}

/// The maker's role: factory and MASA.
#[derive(Debug)]
pub struct MakerContext {
    /// `[maker]`
    pub settings: server_config::Maker,
    /// The orders and units.
    pub store: Ledger<Maker>,
    /// The CA that issues IDevIDs.
    pub issuer: Issuer,
    /// That CA's certificate and those above it, the root last.
    pub ca_chain: Vec<Certificate>,
    /// The signer of vouchers.
    pub voucher: Credential,
    /// What IDevIDs must chain to.
    pub anchors: Anchors,
    /// What registrars must chain to that may ask without a nonce; `None` when none may.
    pub registrar_anchors: Option<Anchors>,
    /// What was refused and is not on record one by one.
    pub refusals: Refusals,
    /// Which registrars' certificates are revoked.
    pub registrar_revocations: Revocations,
}

/// A key and the chain that says whose it is, its own certificate first.
#[derive(Debug)]
pub struct Credential {
    /// The chain, leaf first.
    pub chain: Vec<Certificate>,
    /// The key.
    pub signer: Signer,
}

/// Why the state cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A chain or key cannot be used.
    #[error(transparent)]
    Files(#[from] server_listen::TlsError),
    /// A revocation list cannot be used.
    #[error("revocation list: {0}")]
    Revocations(#[source] server_listen::TlsError),
    /// A CA's certificate and key do not make an issuer.
    #[error("the issuing CA: {0}")]
    Issuer(#[from] pki::Error),
    /// A store cannot be opened.
    #[error("the store of the {role}: {source}")]
    Store {
        /// Whose.
        role: &'static str,
        /// Why.
        source: server_store::Error,
    },
    /// The threads that read the store cannot be started.
    #[error("a thread cannot be started: {0}")]
    Threads(#[from] std::io::Error),
    /// A MASA URL in the configuration is not one.
    #[error("masa_url: {0}")]
    MasaUrl(#[from] proto_brski::Error),
    /// The TLS configuration towards a MASA cannot be made.
    #[error("TLS towards the MASA: {0}")]
    Tls(#[from] rustls::Error),
}

impl Context {
    /// Opens stores and keys as `config` names them. Blocks.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(config: Arc<Config>, clock: Clock, metrics: Metrics) -> Result<Self, Error> {
        let owner = config.owner.as_ref().map(|owner| OwnerContext::open(&config, owner)).transpose()?;
        let maker =
            config.maker.as_ref().map(|maker| MakerContext::open(&config, maker, clock.now())).transpose()?;
        let admin_anchors = load_anchors(std::slice::from_ref(&config.admin.anchor))?;
        Ok(Self { clock, config, metrics, owner, maker, admin_anchors })
    }

    /// Reads again what may change while the server runs: the revocation lists of registrars.
    pub fn reload(&self) {
        if let Some(maker) = &self.maker {
            maker.registrar_revocations.reload(self.clock.now());
        }
    }
}

impl OwnerContext {
    fn open(config: &Config, owner: &server_config::Owner) -> Result<Self, Error> {
        let store = Store::open(&config.owner_dir(), &options(config))
            .map_err(|source| Error::Store { role: "owner", source })?;
        tell_opening("owner", store.opening());
        let ca_path = ca_path(&owner.issuing_certificate, &owner.root)?;
        let registrar = Credential::load(&owner.registrar_certificate, &owner.registrar_key)?;
        Ok(Self {
            settings: owner.clone(),
            device_keys: owner.ldevid_keys.iter().copied().map(key_kind).collect(),
            store: Ledger::new(store)?,
            domain_ids: registrar.chain.iter().chain(&ca_path).map(proto_brski::domain_id).collect(),
            registrar,
            issuer: issuer(&ca_path, &owner.issuing_key)?,
            domain_anchors: load_anchors(std::slice::from_ref(&owner.root))?,
            ca_path,
            manufacturers: Manufacturers::load(owner)?,
            masa: MasaClient::new(owner.masa_timeout),
            refusals: Refusals::default(),
        })
    }

    /// Returns the kind of key that devices are asked for.
    #[must_use]
    pub fn asked_key(&self) -> KeyKind {
        self.device_keys.first().copied().unwrap_or(KeyKind::P256)
    }

    /// Says where and how a MASA of this manufacturer's is reached.
    #[must_use]
    pub fn destination<'a>(&'a self, manufacturer: &'a Manufacturer, url: &'a MasaUrl) -> Destination<'a> {
        Destination {
            manufacturer: &manufacturer.id,
            url,
            anchors: &manufacturer.masa_tls_anchors,
            allow_private_addresses: manufacturer.allow_private_addresses,
            identity: (&self.registrar.chain, &self.registrar.signer),
        }
    }
}

impl MakerContext {
    fn open(config: &Config, maker: &server_config::Maker, now: UnixTime) -> Result<Self, Error> {
        let registrars = load_anchors(&maker.registrar_anchors)?;
        let store = Store::open(&config.maker_dir(), &options(config))
            .map_err(|source| Error::Store { role: "maker", source })?;
        tell_opening("maker", store.opening());
        let ca_chain = ca_path(&maker.issuing_certificate, &maker.root)?;
        Ok(Self {
            settings: maker.clone(),
            store: Ledger::new(store)?,
            issuer: issuer(&ca_chain, &maker.issuing_key)?,
            anchors: Anchors::new(ca_chain.clone()),
            ca_chain,
            voucher: Credential::load(&maker.voucher_certificate, &maker.voucher_key)?,
            registrar_revocations: Revocations::open(&maker.registrar_crls, &registrars, now)
                .map_err(Error::Revocations)?,
            registrar_anchors: Some(registrars).filter(|registrars| !registrars.is_empty()),
            refusals: Refusals::default(),
        })
    }
}

impl Credential {
    fn load(certificate: &std::path::Path, key: &std::path::Path) -> Result<Self, Error> {
        Ok(Self { chain: load_chain(certificate)?, signer: load_key(key)? })
    }
}

fn key_kind(key: DeviceKey) -> KeyKind {
    match key {
        DeviceKey::EcdsaP256 => KeyKind::P256,
        DeviceKey::EcdsaP384 => KeyKind::P384,
        DeviceKey::Ed25519 => KeyKind::Ed25519,
        DeviceKey::Rsa => KeyKind::Rsa,
    }
}

fn options(config: &Config) -> Options {
    Options {
        cache_bytes: config.store.cache_bytes,
        queue_max: config.store.queue_max,
        segment_bytes_max: config.store.segment_bytes_max,
        ..Options::default()
    }
}

fn ca_path(issuing: &std::path::Path, root: &std::path::Path) -> Result<Vec<Certificate>, Error> {
    let mut path = load_chain(issuing)?;
    path.extend(load_chain(root)?);
    Ok(path)
}

fn issuer(ca_path: &[Certificate], key: &std::path::Path) -> Result<Issuer, Error> {
    let certificate = ca_path.first().cloned().ok_or(pki::Error::PemMalformed)?;
    Ok(Issuer::new(certificate, load_key(key)?)?)
}

fn tell_opening(role: &'static str, opening: server_store::Opening) {
    tracing::info!(role, head = opening.head.seq.0, replayed = opening.replayed, "the store is open");
    if opening.is_rebuilt && opening.head.seq.0 > 0 {
        tracing::warn!(role, "the state was missing or damaged and was made anew from the journal");
    }
    if let Some(seq) = opening.state_was_ahead {
        tracing::error!(
            role,
            seq = seq.0,
            "the journal lacks records that were durable: compare with a backup"
        );
    }
}
