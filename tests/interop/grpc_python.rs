//! A Python client of the operators' API, made by `grpcio-tools` from the .proto files.
//! grpcurl would be another; Debian 12 does not package it.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use device_sim::pledge::Reenrollment;
use serde_json::{Value, json};
use tests::program;
use tests::repository;
use tests::server::Server;
use tests::units;

/// How many devices are on record; the first is aboard.
const DEVICES: u64 = 5;

#[tokio::test]
async fn a_python_client_lists_devices_reads_a_timeline_is_refused_and_follows_events() {
    let Some(python) = python() else { return };
    let server = Server::start();
    let serials = announce(&server).await;
    let saw = run_client(&python, &server, &serials[0]);

    let pages: Vec<Vec<String>> =
        serde_json::from_value(saw["pages"].clone()).expect("lists of serial numbers");
    assert!(pages.iter().all(|page| page.len() <= 2), "{pages:?}");
    assert_eq!(pages.concat(), serials);
    let timeline = saw["timeline"].as_array().expect("a list");
    assert_eq!(
        timeline[..3],
        [json!("device-declared"), json!("voucher-requested"), json!("voucher-issued")]
    );
    assert!(timeline.contains(&json!("enrollment-confirmed")), "{timeline:?}");

    assert_eq!(
        saw["viewer_may_not"],
        json!({"code": "PERMISSION_DENIED", "reasons": ["caller-role-insufficient"]})
    );
    assert_eq!(
        saw["nobody_can"],
        json!({"code": "FAILED_PRECONDITION", "reasons": ["lifecycle-quarantined"]})
    );

    assert_eq!(saw["state"], "DEVICE_STATE_QUARANTINED");
    let (first, cursor) = (saw["from_the_first"].as_array().expect("a list"), saw["cursor"].as_u64());
    assert_eq!(first.first().and_then(|event| event[0].as_u64()), Some(1));
    assert!(first.iter().any(|event| event[1] == "enrollment-confirmed"), "{saw}");
    assert!(first.last().and_then(|event| event[0].as_u64()) <= cursor, "{saw}");
    let resumed = saw["resumed"].as_array().expect("a list");
    assert!(resumed.iter().all(|event| event[0].as_u64() > cursor), "{resumed:?}");
    assert_eq!(resumed.last().expect("an event")[1], "device-quarantined");
}

/// Finds the Python that `make deps` prepared. Elsewhere than in CI a test without it ends here, and says so.
fn python() -> Option<PathBuf> {
    let test = env::current_exe().expect("a test has a path");
    let target = test.ancestors().nth(3).expect("a test lies in target/PROFILE/deps");
    let python = target.join("python/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(env::var_os("CI").is_none(), "{} is missing: run `make deps`", python.display());
    // Nobody but the reader is told; the test passes without having tested.
    let _ = writeln!(io::stderr(), "SKIPPED: {} is missing; `make deps` installs it", python.display());
    None
}

/// Makes the client's code from our .proto files and runs the client.
fn run_client(python: &Path, server: &Server, aboard: &str) -> Value {
    let root = repository::root();
    let stubs = tempfile::tempdir().expect("a temporary directory");
    let protos = root.join("proto/api");
    let files = protos.join("onboarding/v1").read_dir().expect("there are .proto files");
    let files = files.map(|entry| entry.expect("an entry").path().display().to_string());
    let arguments = [
        "-m".to_owned(),
        "grpc_tools.protoc".to_owned(),
        format!("--proto_path={}", protos.display()),
        format!("--python_out={}", stubs.path().display()),
        format!("--grpc_python_out={}", stubs.path().display()),
    ];
    let _ = program::run(python, arguments.into_iter().chain(files)).well();
    let arguments = [
        root.join("tests/interop/grpc_python/client.py").display().to_string(),
        stubs.path().display().to_string(),
        format!("localhost:{}", server.ready().admin.port()),
        server.state().join("admin").display().to_string(),
        aboard.to_owned(),
    ];
    serde_json::from_slice(&program::run(python, arguments).well().stdout).expect("the client prints JSON")
}

/// Makes and announces some units, lets the first come aboard, and returns their serial numbers in order.
async fn announce(server: &Server) -> Vec<String> {
    let units = units::make(server, "PY", DEVICES).await;
    units::declare(server, &units).await;
    let aboard = units::come_aboard(server, &units[0], Reenrollment::None).await;
    assert!(aboard.outcome.is_ok(), "{aboard:?}");
    units.iter().map(|unit| unit.serial_number().to_string()).collect()
}
