//! A server in this process, without sockets: its routers over real stores, with a few devices and an order on record.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use onboarding_server::clock::Clock;
use onboarding_server::context::Context;
use onboarding_server::init::{FirstConfig, FirstListeners, init};
use onboarding_server::metrics::Metrics;
use pki::{Certificate, KeyAlgorithm, Profile, Signer, Subject, Template};
use proto::UnixTime;
use server_config::Config;
use server_listen::{Peer, load_chain};
use server_store::{Actor, DeclareDevice, OpenOrder, OrderTerms, SerialRange, Stamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::scratch;

/// The server, and what runs its tasks.
pub(super) struct House {
    pub(super) context: Arc<Context>,
    pub(super) runtime: Runtime,
    /// A device of the server's own maker that no owner knows, with the chain it shows.
    pub(super) idevid: Vec<Certificate>,
    pub(super) admin: Vec<Certificate>,
    _directory: TempDir,
}

/// One request at a time: what a request finds must not depend on another one.
pub(super) static HOUSE: LazyLock<Mutex<House>> = LazyLock::new(|| Mutex::new(House::new()));

impl House {
    fn new() -> Self {
        let directory = scratch();
        let first = FirstConfig {
            state_dir: "state".to_owned(),
            domain: Some("A domain".to_owned()),
            maker: Some("test-maker".parse().expect("a name")),
            masa_url: "localhost:9444".to_owned(),
            dns_names: vec!["localhost".to_owned()],
            products: vec!["sensor-one".to_owned()],
            listeners: FirstListeners::production(),
            is_loopback: true,
        };
        let config = Config::parse(&first.render(), directory.path()).expect("a configuration");
        init(&config, &"line-1".parse().expect("a name"), &clock()).expect("keys");
        let profiles = config.admin_dir().join("profiles");
        let context = Context::open(Arc::new(config), clock(), Metrics::new()).expect("stores");
        furnish(&context);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self {
            idevid: idevid(&context),
            admin: load_chain(&profiles.join("admin.pem")).expect("a profile"),
            context: Arc::new(context),
            runtime,
            _directory: directory,
        }
    }

    /// Makes the far end of a connection that showed this chain.
    pub(super) fn peer(chain: &[Certificate]) -> Arc<Peer> {
        Arc::new(Peer::new(SocketAddr::from(([127, 0, 0, 1], 4711)), None, chain.to_vec()))
    }

    /// Returns how many records both journals have.
    pub(super) fn records(&self) -> [u64; 2] {
        let (owner, maker) = (self.context.owner.as_ref(), self.context.maker.as_ref());
        [
            owner.map_or(0, |owner| owner.store.store().head().seq.0),
            maker.map_or(0, |maker| maker.store.store().head().seq.0),
        ]
    }
}

/// Stands still: the certificates of this house are new for as long as it runs.
fn clock() -> Clock {
    Clock::fixed(UnixTime::from_seconds(1_800_000_000))
}

fn furnish(context: &Context) {
    let stamp = || Stamp::new(context.clock.now(), Actor::System);
    let owner = context.owner.as_ref().expect("an owner");
    for number in 0..5 {
        let device = DeclareDevice {
            manufacturer: "test-maker".parse().expect("a name"),
            serial: format!("GW-{number:04}").parse().expect("a serial number"),
            product: Some("sensor-one".parse().expect("a name")),
            labels: None,
        };
        owner.store.store().execute(stamp(), device).expect("a device is declared");
    }
    let order = OpenOrder {
        order: "order-1".parse().expect("a name"),
        terms: OrderTerms {
            manufacturer: "test-maker".parse().expect("a name"),
            product: "sensor-one".parse().expect("a name"),
            line: "line-1".parse().expect("a name"),
            quota: 10,
            serials: SerialRange::Any,
        },
    };
    let maker = context.maker.as_ref().expect("a maker");
    maker.store.store().execute(stamp(), order).expect("an order is opened");
}

fn idevid(context: &Context) -> Vec<Certificate> {
    let maker = context.maker.as_ref().expect("a maker");
    let key = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let serial = pki::random_serial().expect("random bytes");
    let validity = (context.clock.now(), UnixTime::NO_END);
    let subject = Subject::device(&"GW-9999".parse().expect("a serial number"));
    let mut template = Template::new(Profile::IdevId, subject, key.public_key().clone(), serial, validity);
    template.masa_url = Some("localhost:9444".to_owned());
    let certificate = maker.issuer.issue(&template).expect("a certificate");
    [vec![certificate], maker.ca_chain.clone()].concat()
}
