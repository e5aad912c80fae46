//! The history that the API tells, against what the clients were told and what a watcher saw across all kills.

use std::collections::{BTreeMap, BTreeSet};

use proto_api::v1;
use proto_api::v1::device_reference::By;
use proto_api::v1::watch_response::Item;
use tests::server::{MANUFACTURER, Server};

use super::ledger::Told;

/// How many devices' timelines are read one by one.
const TIMELINES: usize = 20;

/// Checks the whole history.
pub(super) async fn check(server: &Server, told: &Told, seen: &[v1::Event]) {
    let events = read(server).await;
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq), "a record is told twice");
    // What was announced to a watcher before a kill is durable, and nothing is left out after it.
    let is_seen = events.iter().zip(seen).find(|(event, seen)| event != seen);
    assert!(is_seen.is_none() && events.len() >= seen.len(), "the watcher saw another history: {is_seen:?}");
    check_told(told, &events);
    check_timelines(server, told, &events).await;
}

/// Reads all events that there are.
pub(super) async fn read(server: &Server) -> Vec<v1::Event> {
    let request = v1::WatchRequest { after_seq: Some(0), ..v1::WatchRequest::default() };
    let mut stream = server.api("viewer").events().watch(request).await.expect("a watch").into_inner();
    let mut events = Vec::new();
    while let Some(Item::Event(event)) =
        stream.message().await.expect("the watch goes on").and_then(|it| it.item)
    {
        events.push(event);
    }
    events
}

fn check_told(told: &Told, events: &[v1::Event]) {
    let detail = |event: &v1::Event, name: &str| event.details.get(name).cloned().unwrap_or_default();
    let of_kind = |kind: &'static str| events.iter().filter(move |event| event.kind == kind);
    let mut vouchers = BTreeMap::new();
    for event in of_kind("voucher-issued") {
        let before = vouchers.insert(detail(event, "pvr_digest"), event.serial_number.as_str());
        assert_eq!(before, None, "two vouchers for one request: {event:?}");
    }
    for (request, (serial_number, _)) in &told.vouchers {
        assert_eq!(
            vouchers.get(&request.to_string()).copied(),
            Some(serial_number.as_str()),
            "a voucher is lost"
        );
    }
    let mut certificates = BTreeMap::new();
    for event in of_kind("certificate-issued") {
        let key = (event.serial_number.as_str(), detail(event, "fingerprint"));
        let before = certificates.insert(key, detail(event, "certificate_serial"));
        assert_eq!(before, None, "a certificate is recorded twice: {event:?}");
    }
    for (serial_number, of_device) in &told.certificates {
        for certificate in of_device {
            let key = (serial_number.as_str(), certificate.fingerprint.to_string());
            let serial = certificates.get(&key).expect("a certificate is lost");
            assert_eq!(*serial, certificate.serial.to_string());
        }
    }
    let approved: Vec<&str> = of_kind("device-approved").map(|event| event.serial_number.as_str()).collect();
    let once: BTreeSet<&str> = approved.iter().copied().collect();
    let told: BTreeSet<&str> = told.approvals.keys().map(|serial_number| serial_number.as_str()).collect();
    assert_eq!(once, told, "an approval is lost, or one that nobody gave is there");
    assert_eq!(approved.len(), once.len(), "an approval is recorded twice");
}

/// Checks that a timeline is what the whole history tells of its device, and that each state follows from the one before.
async fn check_timelines(server: &Server, told: &Told, events: &[v1::Event]) {
    let step = (told.certificates.len() / TIMELINES).max(1);
    for serial_number in told.certificates.keys().step_by(step) {
        let timeline = timeline(server, serial_number.as_str()).await;
        let told = events.iter().filter(|event| event.serial_number == serial_number.as_str());
        let seqs: Vec<u64> = told.map(|event| event.seq).collect();
        assert_eq!(timeline.iter().map(|event| event.seq).collect::<Vec<_>>(), seqs, "{serial_number}");
        let moves: Vec<&v1::Event> =
            timeline.iter().filter(|event| event.state() != v1::DeviceState::Unspecified).collect();
        assert!(moves.windows(2).all(|pair| pair[0].state() == pair[1].previous_state()), "{moves:?}");
        assert_eq!(moves.last().expect("it moved").state(), v1::DeviceState::Operational, "{moves:?}");
    }
}

async fn timeline(server: &Server, serial_number: &str) -> Vec<v1::Event> {
    let name =
        v1::DeviceName { manufacturer: MANUFACTURER.to_owned(), serial_number: serial_number.to_owned() };
    let mut request =
        v1::GetTimelineRequest { device: Some(v1::DeviceReference { by: Some(By::Name(name)) }), page: None };
    let mut events = Vec::new();
    loop {
        let answer = server.api("viewer").devices().get_timeline(request.clone()).await.expect("a timeline");
        let answer = answer.into_inner();
        events.extend(answer.events);
        if answer.next_page_token.is_empty() {
            return events;
        }
        request.page = Some(v1::Page { size: 0, token: answer.next_page_token });
    }
}
