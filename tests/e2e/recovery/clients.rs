//! Those who go on while the server is killed: a factory line, the owner who announces, devices, an approver, a watcher.
//!
//! Invariants: each goes on where it stopped and repeats nothing that was acknowledged; what is acknowledged is written down before
//! the next step.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use device_sim::acknowledged::{Acknowledgement, Acknowledgements};
use device_sim::api::{Api, refused};
use proto_api::v1;
use proto_api::v1::device_reference::By;
use proto_api::v1::watch_response::Item;
use tests::program::{self, Ran};
use tests::server::{MANUFACTURER, PRODUCT, Server};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::moments::Plan;

/// How many units an order of the line has.
pub(super) const LINE_ORDER_UNITS: u64 = 25;
/// The order of the units that come aboard.
pub(super) const FLEET_ORDER: &str = "fleet";
/// One device in so many was not announced and waits for a person.
const UNANNOUNCED_IN: u64 = 10;
/// How long a client goes on when the server is away.
const PATIENCE_SECONDS: &str = "120";
/// What is waited before a server that was away is called again.
const OUTAGE_PAUSE: Duration = Duration::from_millis(20);

/// What is to be done, and where it is written down.
#[derive(Clone, Debug)]
pub(super) struct Work {
    plan: Plan,
    state: PathBuf,
    api: String,
    registrar: String,
    /// Where all clients write down what they were told.
    pub(super) acknowledged: PathBuf,
}

impl Work {
    pub(super) fn prepare(server: &Server, plan: &Plan) -> Self {
        let port = |address: std::net::SocketAddr| format!("https://localhost:{}", address.port());
        Self {
            plan: *plan,
            state: server.state(),
            api: port(server.ready().admin),
            registrar: server.registrar().to_string(),
            acknowledged: server.directory().join("acknowledged.jsonl"),
        }
    }

    /// How many devices come aboard.
    pub(super) fn devices(&self) -> u64 {
        self.plan.devices
    }

    /// Which orders the line works off beside the fleet's.
    pub(super) fn line_orders(&self) -> Vec<String> {
        (1..=self.plan.devices.div_ceil(2 * LINE_ORDER_UNITS))
            .map(|number| format!("line-{number}"))
            .collect()
    }

    /// How many devices wait for a person.
    pub(super) fn unannounced(&self) -> u64 {
        self.plan.devices / UNANNOUNCED_IN
    }

    /// How many units are made.
    pub(super) fn units(&self) -> u64 {
        let orders = u64::try_from(self.line_orders().len()).unwrap_or(u64::MAX);
        self.plan.devices + orders * LINE_ORDER_UNITS
    }

    /// How many things the clients are told when all goes well: each unit has an IDevID, each device a voucher and two
    /// certificates, and some an approval.
    pub(super) fn acknowledgements(&self) -> u64 {
        self.units() + 3 * self.plan.devices + self.unannounced()
    }

    fn fleet_file(&self) -> PathBuf {
        self.acknowledged.with_file_name("fleet.jsonl")
    }

    /// Has the factory make the units of an order.
    fn make(&self, order: &str, count: u64, out: &Path) {
        let profiles = self.state.join("admin/profiles");
        let ran = program::run(
            program::ours("device-sim"),
            [
                "make".into(),
                format!("--api={}", self.api),
                format!("--api-ca={}", self.state.join("admin/root.pem").display()),
                format!("--api-cert={}", profiles.join("station.pem").display()),
                format!("--api-key={}", profiles.join("station-key.pem").display()),
                format!("--anchors={}", self.state.join("maker/pki/root.pem").display()),
                format!("--manufacturer={MANUFACTURER}"),
                format!("--product={PRODUCT}"),
                format!("--order={order}"),
                format!("--serial-prefix={order}-"),
                format!("--count={count}"),
                format!("--out={}", out.display()),
                format!("--retry-seconds={PATIENCE_SECONDS}"),
                format!("--acknowledged={}", self.acknowledged.display()),
            ],
        );
        let _ = ran.well();
    }

    /// Announces all devices of the fleet but some, again and again until all of it is acknowledged.
    fn announce(&self) {
        let mut rows = String::from("manufacturer,serial,product,labels\n");
        for number in self.unannounced() + 1..=self.plan.devices {
            rows.push_str(&format!("{MANUFACTURER},{FLEET_ORDER}-{number:08},{PRODUCT},site=hall-1\n"));
        }
        let file = self.acknowledged.with_file_name("bought.csv");
        fs::write(&file, rows).expect("a file");
        let profile = self.state.join("admin/profiles/operator.toml");
        let import = || {
            let arguments =
                ["--profile".into(), profile.clone(), "devices".into(), "import".into(), file.clone()];
            program::run(program::ours("gangway"), arguments)
        };
        let began_at = Instant::now();
        let mut ran: Ran = import();
        while !ran.is_success && began_at.elapsed().as_secs() < 120 {
            ran = import();
        }
        let _ = ran.well();
    }

    /// Has all devices of the fleet come aboard and renew.
    fn come_aboard(&self) {
        let ran = program::run(
            program::ours("device-sim"),
            [
                "fleet".into(),
                format!("--registrar={}", self.registrar),
                format!("--fleet={}", self.fleet_file().display()),
                "--concurrency=16".into(),
                "--reenroll=renew".into(),
                format!("--seed={}", self.plan.seed),
                format!("--retry-seconds={PATIENCE_SECONDS}"),
                format!("--pending-seconds={PATIENCE_SECONDS}"),
                format!("--acknowledged={}", self.acknowledged.display()),
                "--json".into(),
            ],
        );
        let _ = ran.well();
    }
}

/// The clients at work.
pub(super) struct Clients {
    fleet: JoinHandle<()>,
    line: JoinHandle<()>,
    watcher: JoinHandle<Vec<v1::Event>>,
    approver: JoinHandle<()>,
    last: watch::Sender<Option<u64>>,
}

impl Clients {
    /// Sets all to work.
    pub(super) fn start(server: &Server, work: &Work) -> Self {
        let (last, until) = watch::channel(None);
        let (deferred, waiting) = mpsc::unbounded_channel();
        let acknowledgements = Acknowledgements::append(&work.acknowledged).expect("a file");
        let (for_fleet, for_line) = (work.clone(), work.clone());
        Self {
            fleet: spawn_blocking(move || {
                for_fleet.make(FLEET_ORDER, for_fleet.devices(), &for_fleet.fleet_file());
                for_fleet.announce();
                for_fleet.come_aboard();
            }),
            line: spawn_blocking(move || {
                let out = for_line.acknowledged.with_file_name("line.jsonl");
                for_line.line_orders().iter().for_each(|order| for_line.make(order, LINE_ORDER_UNITS, &out));
            }),
            watcher: tokio::spawn(watch(server.api("viewer"), deferred, until)),
            approver: tokio::spawn(approve_all(server.api("operator"), waiting, acknowledgements)),
            last,
        }
    }

    /// Waits for all to end, and returns what the watcher saw, across all kills.
    pub(super) async fn finish(self, server: &Server) -> Vec<v1::Event> {
        self.fleet.await.expect("every device comes aboard");
        self.line.await.expect("every unit is made");
        let head =
            server.api("viewer").journal().get_head(v1::GetHeadRequest::default()).await.expect("a head");
        self.last.send_replace(Some(head.into_inner().seq));
        let seen = self.watcher.await.expect("the watcher sees it all");
        self.approver.await.expect("every device that waits is approved");
        seen
    }
}

/// Watches from the very first event up to the last, and goes on from its cursor when the server was away.
async fn watch(
    api: Api,
    deferred: mpsc::UnboundedSender<String>,
    mut last: watch::Receiver<Option<u64>>,
) -> Vec<v1::Event> {
    let (mut events, mut cursor) = (Vec::new(), 0);
    let is_last =
        |last: &watch::Receiver<Option<u64>>, cursor| last.borrow().is_some_and(|last| cursor >= last);
    while !is_last(&last, cursor) {
        let request = v1::WatchRequest { after_seq: Some(cursor), ..v1::WatchRequest::default() };
        let Ok(stream) = api.events().watch(request).await else {
            sleep(OUTAGE_PAUSE).await;
            continue;
        };
        let mut stream = stream.into_inner();
        while !is_last(&last, cursor) {
            let item = tokio::select! {
                item = stream.message() => item,
                _ = last.changed() => continue,
            };
            match item.ok().flatten().and_then(|response| response.item) {
                Some(Item::Event(event)) => {
                    cursor = event.seq;
                    if event.kind == "voucher-deferred" {
                        // The approver ends after the watcher.
                        deferred.send(event.device_id.clone()).expect("the approver listens");
                    }
                    events.push(event);
                }
                Some(Item::ReachedSeq(reached)) => cursor = reached,
                None => break,
            }
        }
    }
    events
}

/// Approves each device once, as often as it takes until that is acknowledged.
async fn approve_all(
    api: Api,
    mut waiting: mpsc::UnboundedReceiver<String>,
    acknowledgements: Acknowledgements,
) {
    let mut approved = BTreeSet::new();
    while let Some(device) = waiting.recv().await {
        if approved.insert(device.clone()) {
            let device = approve(&api, &device).await;
            let serial_number = device.serial_number.parse().expect("a serial number");
            let approval = Acknowledgement::Approval { serial_number, version: device.version };
            acknowledgements.note(&approval).expect("it is written down");
        }
    }
}

async fn approve(api: &Api, device: &str) -> v1::Device {
    loop {
        let change = Some(v1::DeviceChange {
            device: Some(v1::DeviceReference { by: Some(By::Id(device.to_owned())) }),
            expected_version: None,
            reason: "seen on the bench".to_owned(),
        });
        match api.devices().approve_device(v1::ApproveDeviceRequest { change }).await.map_err(refused) {
            Ok(answer) => return answer.into_inner().device.expect("a device"),
            // The device asked again meanwhile, or the server was away.
            Err(error) if error.reason() == "device-changed" || error.is_outage() => {
                sleep(OUTAGE_PAUSE).await;
            }
            Err(error) => panic!("an approval was refused: {error:?}"),
        }
    }
}
