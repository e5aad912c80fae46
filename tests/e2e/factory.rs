//! A factory line at the command line: many certification requests at once, blocks, and the maker's journal.

use std::fs;
use std::path::Path;

use pki::{KeyAlgorithm, Signer, Subject, csr};
use proto_api::v1;
use serde_json::Value;
use tests::program::Ran;
use tests::server::{MANUFACTURER, PRODUCT, Server};

use crate::support::make_units;

/// Runs `gangway` under a profile and returns how it ended and the JSON lines that it wrote.
fn gangway(server: &Server, profile: &str, words: &[&str]) -> (Ran, Vec<Value>) {
    let ran = server.gangway(profile, &[&["--output", "json"][..], words].concat());
    let lines = ran.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (ran, lines)
}

fn write_request(directory: &Path, name: &str, serial: &str) {
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let request = csr::Request::new(Subject::device(&serial.parse().expect("a serial number")));
    fs::write(directory.join(name), csr::create(&request, &signer).expect("a request")).expect("a file");
}

fn outcomes(lines: &[Value]) -> Vec<(String, String)> {
    let mut outcomes: Vec<(String, String)> = lines
        .iter()
        .filter(|line| line.get("outcome").is_some())
        .map(|line| {
            let file = line["file"].as_str().unwrap_or_default();
            let name = file.rsplit('/').next().unwrap_or_default().to_owned();
            (name, line["outcome"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    outcomes.sort();
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_requests_is_issued_with_a_result_for_each() {
    let server = Server::start();
    let open = v1::OpenOrderRequest {
        order_id: "F-1".to_owned(),
        manufacturer: MANUFACTURER.to_owned(),
        product: PRODUCT.to_owned(),
        quota: 10,
        ..v1::OpenOrderRequest::default()
    };
    let _ = server.api("station").factory().open_order(open).await.expect("the order opens");
    let requests = server.directory().join("requests");
    let chains = server.directory().join("chains");
    fs::create_dir(&requests).expect("a directory");
    for n in 1..=3 {
        write_request(&requests, &format!("{n}.csr"), &format!("F-000{n}"));
    }
    write_request(&requests, "4.csr", "F-0001");
    fs::write(requests.join("5.csr"), b"no request").expect("a file");
    let (out_dir, from) = (chains.to_str().expect("text"), requests.to_str().expect("text"));
    let words = ["factory", "issue", "--order", "F-1", "--out-dir", out_dir, from];
    let (ran, lines) = gangway(&server, "station", &words);
    assert_eq!(ran.code, 1, "{}\n{}", ran.text(), ran.stderr);
    let found = outcomes(&lines);
    let issued = found.iter().filter(|(_, outcome)| outcome == "issued").count();
    // Of the two that claim one serial number, whichever came first has it.
    assert_eq!((found.len(), issued), (5, 3), "{found:?}");
    assert_eq!(found[4], ("5.csr".to_owned(), "refused".to_owned()));
    let codes: Vec<&str> = lines.iter().filter_map(|line| line["refusal"]["reason_code"].as_str()).collect();
    assert!(codes.contains(&"unit-key-conflict"), "{codes:?}");
    assert_eq!(lines.last().expect("a summary")["summary"]["refused"], 2);
    for n in 1..=3 {
        let chain = fs::read_to_string(chains.join(format!("F-000{n}.pem"))).expect("a chain");
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "the IDevID and its issuer");
    }
    let (_, again) = gangway(&server, "station", &words);
    let repeated = outcomes(&again).iter().filter(|(_, outcome)| outcome == "issued-before").count();
    assert_eq!(repeated, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_taken_back_and_the_makers_journal_tells_of_both() {
    let server = Server::start();
    let units = make_units(&server, "F2", 1).await;
    let name = units[0].serial_number().as_str();
    let (blocked, lines) =
        gangway(&server, "operator", &["factory", "unit", "block", name, "--reason", "stolen"]);
    assert_eq!((blocked.code, &lines[0]["is_blocked"]), (0, &Value::Bool(true)), "{}", blocked.stderr);
    let (freed, lines) =
        gangway(&server, "operator", &["factory", "unit", "unblock", name, "--reason", "found"]);
    assert_eq!((freed.code, &lines[0]["is_blocked"]), (0, &Value::Bool(false)), "{}", freed.stderr);
    let (listed, _) = gangway(&server, "viewer", &["journal", "list", "--of", "maker"]);
    let text = listed.well().text();
    for kind in ["order-opened", "unit-blocked", "unit-unblocked"] {
        assert!(text.contains(kind), "{kind}: {text}");
    }
    let (verified, _) = gangway(&server, "viewer", &["journal", "verify", "--of", "maker"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
