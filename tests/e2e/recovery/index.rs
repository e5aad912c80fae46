//! The index is made from the journal: deleted or damaged, it comes back the same.

use std::fs;
use std::path::{Path, PathBuf};

use proto_api::v1;
use tests::server::Server;

use super::history;

/// Damage is done to each file in so many places.
const DAMAGED_PLACES: usize = 211;

/// What the API shows of everything that is made from the index.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    /// All devices.
    pub(super) devices: Vec<v1::Device>,
    orders: Vec<v1::Order>,
    events: Vec<v1::Event>,
}

impl Shown {
    /// Reads all of it.
    pub(super) async fn read(server: &Server) -> Self {
        Self {
            devices: devices(server).await,
            orders: orders(server).await,
            // A list of revocations is made again from time to time, index or not.
            events: history::read(server)
                .await
                .into_iter()
                .filter(|event| event.kind != "crl-published")
                .collect(),
        }
    }
}

/// Deletes one role's index and damages the other's, then the other way round; each time all is as before.
/// The server must not run, and runs afterwards.
pub(super) async fn check_rebuilt(server: &mut Server, before: &Shown) {
    for (deleted, damaged) in [("owner", "maker"), ("maker", "owner")] {
        server.kill();
        fs::remove_dir_all(index(server, deleted)).expect("the index can be deleted");
        damage(&index(server, damaged));
        let logged = server.log().len();
        server.restart();
        let log = server.log();
        for role in [deleted, damaged] {
            check_opening(&log[logged..], role);
        }
        assert_eq!(&Shown::read(server).await, before, "deleted: {deleted}, damaged: {damaged}");
    }
}

fn index(server: &Server, role: &str) -> PathBuf {
    server.state().join(role).join("state")
}

/// Turns bits in many places of every file.
fn damage(directory: &Path) {
    let files =
        fs::read_dir(directory).expect("there is an index").map(|entry| entry.expect("an entry").path());
    for file in files.filter(|path| path.is_file()) {
        let mut bytes = fs::read(&file).expect("a file of the index");
        let step = (bytes.len() / DAMAGED_PLACES).max(1);
        bytes.iter_mut().step_by(step).for_each(|octet| *octet ^= 0x41);
        fs::write(&file, bytes).expect("the index is writable");
    }
}

/// Checks in the log that all of a role's journal was applied anew.
fn check_opening(log: &str, role: &str) {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut opened = lines.filter(|line| line["message"] == "the store is open" && line["role"] == role);
    let opened = opened.next().unwrap_or_else(|| panic!("the store of the {role} was not opened\n{log}"));
    assert_eq!(opened["replayed"], opened["head"], "{opened}");
}

async fn devices(server: &Server) -> Vec<v1::Device> {
    let (mut devices, mut page) = (Vec::new(), v1::Page { size: 100, token: String::new() });
    loop {
        let request = v1::ListDevicesRequest { filter: None, page: Some(page.clone()) };
        let answer = server.api("viewer").devices().list_devices(request).await.expect("a list").into_inner();
        devices.extend(answer.devices);
        page.token = answer.next_page_token;
        if page.token.is_empty() {
            return devices;
        }
    }
}

async fn orders(server: &Server) -> Vec<v1::Order> {
    let page = Some(v1::Page { size: 1000, token: String::new() });
    let request = v1::ListOrdersRequest { page, ..v1::ListOrdersRequest::default() };
    server.api("viewer").factory().list_orders(request).await.expect("a list").into_inner().orders
}
