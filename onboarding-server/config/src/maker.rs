//! The maker's role in the configuration: `[maker]` and its `[[maker.product]]`.
//!
//! Does not: open the certificates it names.
//! Invariants: each product has a name of its own; each MUD URL is an `https` URL (RFC 8520 §1.8).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::{IpLiterals, ManufacturerId, ProductName};

use super::DAY_SECONDS;
use super::reader::Reader;
use super::words::{self, VoucherPolicy};

/// The factory and MASA of one manufacturer: `[maker]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// Where registrars reach the MASA.
    pub listen: SocketAddr,
    /// The name by which logs and records speak of this manufacturer.
    pub id: ManufacturerId,
    /// The name of the manufacturer, as people read it in certificates.
    pub name: String,
    /// The names that `init` writes into the MASA's TLS certificate.
    pub dns_names: Vec<String>,
    /// The addresses that `init` writes into the MASA's TLS certificate.
    pub ip_addresses: Vec<IpAddr>,
    /// The MASA as each `IDevID` names it: `host`, `host:port` or an `https` URL (RFC 8995 §2.3.2).
    pub masa_url: String,
    /// The manufacturer's root certificate (PEM).
    pub root: PathBuf,
    /// The root's key, with which `init` makes the others (PEM); the server never opens it.
    pub root_key: PathBuf,
    /// The certificate of the CA that issues `IDevIDs` (PEM).
    pub issuing_certificate: PathBuf,
    /// The key of that CA (PEM).
    pub issuing_key: PathBuf,
    /// The voucher signer's chain, leaf first (PEM).
    pub voucher_certificate: PathBuf,
    /// The voucher signer's key (PEM).
    pub voucher_key: PathBuf,
    /// The chain of the MASA's listener, leaf first (PEM).
    pub tls_certificate: PathBuf,
    /// The key of the MASA's listener (PEM).
    pub tls_key: PathBuf,
    /// When the MASA gives out a voucher.
    pub voucher_policy: VoucherPolicy,
    /// How long a voucher without a nonce is valid.
    pub voucher_validity: Duration,
    /// What the chains of registrars must end in that may ask without a nonce (PEM files).
    pub registrar_anchors: Vec<PathBuf>,
    /// Revocation lists of those anchors (DER files).
    pub registrar_crls: Vec<PathBuf>,
    /// The products that are made here.
    pub products: Vec<Product>,
}

/// A product that is made here: `[[maker.product]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The name by which orders and policies speak of it.
    pub name: ProductName,
    /// The MUD URL that its `IDevIDs` carry (RFC 8520 §11).
    pub mud_url: Option<String>,
    /// Its own answer to the question when the MASA gives out a voucher.
    pub voucher_policy: Option<VoucherPolicy>,
}

/// Reads `[maker]`; key files have their default places in `dir`.
pub(super) fn read(table: Reader<'_>, dir: &Path) -> Option<Maker> {
    let pki = dir.join("pki");
    // Without an id the table is still read to its end, so that its other problems are told as well.
    let id = table.required("id").or_else(|| "unnamed".parse().ok())?;
    let maker = Maker {
        listen: table.parsed("listen", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9444))),
        id,
        name: words::certificate_name(&table, "name", "Gangway maker"),
        dns_names: words::dns_names(&table, "dns_names"),
        ip_addresses: table.list("ip_addresses"),
        masa_url: table.required("masa_url").unwrap_or_default(),
        root: table.path("root", || pki.join("root.pem")),
        root_key: table.path("root_key", || pki.join("root-key.pem")),
        issuing_certificate: table.path("issuing_certificate", || pki.join("issuing.pem")),
        issuing_key: table.path("issuing_key", || pki.join("issuing-key.pem")),
        voucher_certificate: table.path("voucher_certificate", || pki.join("voucher.pem")),
        voucher_key: table.path("voucher_key", || pki.join("voucher-key.pem")),
        tls_certificate: table.path("tls_certificate", || pki.join("masa.pem")),
        tls_key: table.path("tls_key", || pki.join("masa-key.pem")),
        voucher_policy: table.parsed("voucher_policy", VoucherPolicy::Proximity),
        voucher_validity: table.seconds(
            "voucher_validity_seconds",
            14 * DAY_SECONDS,
            60..=3_650 * DAY_SECONDS,
        ),
        registrar_anchors: table.paths("registrar_anchors"),
        registrar_crls: table.paths("registrar_crls"),
        products: table.tables("product").into_iter().filter_map(read_product).collect(),
    };
    report_problems(&table, &maker);
    table.finish();
    Some(maker)
}

fn read_product(table: Reader<'_>) -> Option<Product> {
    let product = Product {
        name: table.required("name").or_else(|| "unnamed".parse().ok())?,
        mud_url: table.optional_text("mud_url"),
        voucher_policy: table.optional("voucher_policy"),
    };
    if let Some(url) = product.mud_url.as_ref().filter(|url| !words::is_url(url, "https")) {
        table.report("mud_url", format!("{url:?} is not an https URL"));
    }
    table.finish();
    Some(product)
}

fn report_problems(table: &Reader<'_>, maker: &Maker) {
    // Whether an address may stand there is for each owner to say that reads the IDevID.
    if table.has("masa_url") {
        words::check_masa_url(table, &maker.masa_url, IpLiterals::Accept);
    }
    if maker.registrar_anchors.is_empty() && !maker.registrar_crls.is_empty() {
        table.report("registrar_crls", "needs registrar_anchors: a list counts when one of them signed it");
    }
    for (index, product) in maker.products.iter().enumerate() {
        if maker.products.iter().take(index).any(|earlier| earlier.name == product.name) {
            table.report("product", format!("two products have the name {}", product.name));
        }
    }
}
