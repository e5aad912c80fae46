//! The owner's role in the configuration: `[owner]` and its `[[owner.manufacturer]]`.
//!
//! Does not: open the certificates it names.
//! Invariants: each manufacturer has an id of its own, at least one anchor and a way to its MASA.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::{DomainId, IpLiterals, ManufacturerId};

use super::DAY_SECONDS;
use super::reader::Reader;
use super::words::{self, AuditLog, DeviceKey, Reonboarding, UnknownDevices};

/// The registrar and EST server of one domain: `[owner]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Where pledges and devices connect.
    pub listen: SocketAddr,
    /// Where BRSKI and EST are spoken over CoAP and DTLS; nowhere when there is none.
    pub coaps_listen: Option<SocketAddr>,
    /// The name of the domain, as people read it in certificates.
    pub domain: String,
    /// The names that `init` writes into the registrar certificate.
    pub dns_names: Vec<String>,
    /// The addresses that `init` writes into the registrar certificate.
    pub ip_addresses: Vec<IpAddr>,
    /// The domain's root certificate (PEM).
    pub root: PathBuf,
    /// The root's key, with which `init` makes the issuing CA (PEM); the server never opens it.
    pub root_key: PathBuf,
    /// The certificate of the CA that issues `LDevIDs` (PEM).
    pub issuing_certificate: PathBuf,
    /// The key of that CA (PEM).
    pub issuing_key: PathBuf,
    /// The registrar's chain, leaf first, for TLS and for voucher-requests (PEM).
    pub registrar_certificate: PathBuf,
    /// The registrar's key (PEM).
    pub registrar_key: PathBuf,
    /// The kinds of key that devices may have certified, never none; the first is the one that they are asked for.
    pub ldevid_keys: Vec<DeviceKey>,
    /// How long an `LDevID` is valid.
    pub ldevid_validity: Duration,
    /// How long the old `LDevID` stays valid after a re-enrolment.
    pub ldevid_overlap: Duration,
    /// Where devices and peers find the revocation list: written into `LDevIDs` when given.
    pub crl_url: Option<String>,
    /// How long a revocation list is valid.
    pub crl_validity: Duration,
    /// What a waiting pledge is told to wait; at most 60 s (RFC 8995 §5.6).
    pub retry_after: Duration,
    /// What happens to genuine devices that were never announced.
    pub unknown_devices: UnknownDevices,
    /// What happens to devices that were operational and start again by themselves.
    pub reonboarding: Reonboarding,
    /// How long after its end an `LDevID` may still be renewed; nothing of it opens anything but its own renewal.
    pub renewal_grace: Duration,
    /// What the MASA's log of a device's past domains means.
    pub audit_log: AuditLog,
    /// Other domains in which our devices may have been before (RFC 8995 §5.8.2).
    pub known_domains: Vec<DomainId>,
    /// How long a MASA may take to answer.
    pub masa_timeout: Duration,
    /// The manufacturers whose devices may come.
    pub manufacturers: Vec<Manufacturer>,
}

/// A manufacturer whose devices may come: `[[owner.manufacturer]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manufacturer {
    /// The name by which policies, logs and records speak of it.
    pub id: ManufacturerId,
    /// What its `IDevIDs` must chain to (PEM files).
    pub anchors: Vec<PathBuf>,
    /// Intermediates that its devices do not send themselves (PEM files).
    pub intermediates: Vec<PathBuf>,
    /// Where its MASA is, in place of what the `IDevID` says: `host`, `host:port` or an `https` URL.
    pub masa_url: Option<String>,
    /// The MASAs that its `IDevIDs` may name: `host:port`, the host in lower case.
    pub masa_hosts: Vec<String>,
    /// What the TLS certificate of its MASA must chain to (PEM files); its `anchors` when none is given.
    pub masa_tls_anchors: Vec<PathBuf>,
    /// What its vouchers' signer must chain to (PEM files); its `anchors` when none is given.
    pub voucher_anchors: Vec<PathBuf>,
    /// Whether its MASA may have a loopback or private address.
    pub allow_private_addresses: bool,
    /// Whether its `IDevIDs` count although they are past their end.
    pub ignore_idevid_expiry: bool,
    /// Whether older forms are accepted from it: CMS with content type id-data, version 1; deviating types in CBOR.
    pub compat: bool,
    /// Its own answer for genuine devices that were never announced.
    pub unknown_devices: Option<UnknownDevices>,
    /// Its own answer for devices that start again by themselves.
    pub reonboarding: Option<Reonboarding>,
    /// Its own answer to what its MASA's log means.
    pub audit_log: Option<AuditLog>,
}

/// Reads `[owner]`; key files have their default places in `dir`.
pub(super) fn read(table: Reader<'_>, dir: &Path) -> Owner {
    let pki = dir.join("pki");
    let owner = Owner {
        listen: table.parsed("listen", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443))),
        coaps_listen: table.optional("coaps_listen"),
        domain: words::certificate_name(&table, "domain", "Gangway domain"),
        dns_names: words::dns_names(&table, "dns_names"),
        ip_addresses: table.list("ip_addresses"),
        root: table.path("root", || pki.join("root.pem")),
        root_key: table.path("root_key", || pki.join("root-key.pem")),
        issuing_certificate: table.path("issuing_certificate", || pki.join("issuing.pem")),
        issuing_key: table.path("issuing_key", || pki.join("issuing-key.pem")),
        registrar_certificate: table.path("registrar_certificate", || pki.join("registrar.pem")),
        registrar_key: table.path("registrar_key", || pki.join("registrar-key.pem")),
        ldevid_keys: read_keys(&table),
        ldevid_validity: table.seconds("ldevid_validity_seconds", 90 * DAY_SECONDS, 60..=3_650 * DAY_SECONDS),
        ldevid_overlap: table.seconds("ldevid_overlap_seconds", 7 * DAY_SECONDS, 0..=365 * DAY_SECONDS),
        crl_url: table.optional_text("crl_url"),
        crl_validity: table.seconds("crl_validity_seconds", DAY_SECONDS, 60..=30 * DAY_SECONDS),
        // RFC8995-5.6-retry-after
        retry_after: table.seconds("retry_after_seconds", 10, 1..=60),
        unknown_devices: table.parsed("unknown_devices", UnknownDevices::Defer),
        reonboarding: table.parsed("reonboarding", Reonboarding::Defer),
        renewal_grace: table.seconds("renewal_grace_seconds", 0, 0..=365 * DAY_SECONDS),
        audit_log: table.parsed("audit_log", AuditLog::Warn),
        known_domains: table.list("known_domains"),
        masa_timeout: table.seconds("masa_timeout_seconds", 10, 1..=60),
        manufacturers: table.tables("manufacturer").into_iter().filter_map(read_manufacturer).collect(),
    };
    report_contradictions(&table, &owner);
    table.finish();
    owner
}

fn read_keys(table: &Reader<'_>) -> Vec<DeviceKey> {
    if !table.has("ldevid_keys") {
        return vec![DeviceKey::EcdsaP256, DeviceKey::EcdsaP384, DeviceKey::Ed25519];
    }
    let keys = table.list("ldevid_keys");
    if keys.is_empty() {
        table.report("ldevid_keys", "is empty: no device could have a certificate");
    }
    keys
}

fn read_manufacturer(table: Reader<'_>) -> Option<Manufacturer> {
    // A table without an id is still read to its end, so that its other problems are told as well.
    let id = table.required("id").or_else(|| "unnamed".parse().ok());
    let allow_private_addresses = table.flag("allow_private_addresses", false);
    let literals = IpLiterals::accepted_if(allow_private_addresses);
    let manufacturer = id.map(|id| Manufacturer {
        id,
        anchors: table.paths("anchors"),
        intermediates: table.paths("intermediates"),
        masa_url: table.optional_text("masa_url"),
        masa_hosts: words::masa_hosts(&table, literals),
        masa_tls_anchors: table.paths("masa_tls_anchors"),
        voucher_anchors: table.paths("voucher_anchors"),
        allow_private_addresses,
        ignore_idevid_expiry: table.flag("ignore_idevid_expiry", false),
        compat: table.flag("compat", false),
        unknown_devices: table.optional("unknown_devices"),
        reonboarding: table.optional("reonboarding"),
        audit_log: table.optional("audit_log"),
    });
    manufacturer.iter().for_each(|manufacturer| report_gaps(&table, manufacturer));
    table.finish();
    manufacturer
}

fn report_gaps(table: &Reader<'_>, manufacturer: &Manufacturer) {
    if manufacturer.anchors.is_empty() {
        table.report("anchors", "is missing: without an anchor none of its devices can be verified");
    }
    if manufacturer.masa_url.is_none() && manufacturer.masa_hosts.is_empty() {
        table.report("masa_hosts", "is missing: list the MASAs that its devices may name, or give masa_url");
    }
    if let Some(url) = &manufacturer.masa_url {
        words::check_masa_url(table, url, IpLiterals::accepted_if(manufacturer.allow_private_addresses));
    }
}

fn report_contradictions(table: &Reader<'_>, owner: &Owner) {
    if owner.ldevid_overlap > owner.ldevid_validity {
        table.report("ldevid_overlap_seconds", "must not be longer than ldevid_validity_seconds");
    }
    if let Some(url) = owner.crl_url.as_ref().filter(|url| !words::is_url(url, "http")) {
        table.report(
            "crl_url",
            format!("{url:?} is not an http URL (RFC 5280 §8 advises against https here)"),
        );
    }
    let ids: Vec<_> = owner.manufacturers.iter().map(|manufacturer| &manufacturer.id).collect();
    for (index, id) in ids.iter().enumerate() {
        if ids.iter().take(index).any(|earlier| earlier == id) {
            table.report("manufacturer", format!("two manufacturers have the id {id}"));
        }
    }
}
