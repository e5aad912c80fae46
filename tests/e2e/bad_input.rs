//! Bad input to every endpoint of the real server: each case is refused with its own status and reason code, none ends in
//! a panic or a fault, nothing changes in the stores but that a device was refused, and afterwards an honest pledge comes aboard all the same.
//!
//! The cases are tables, one module for each protocol; a case is a name, an endpoint, who asks, what, and what must
//! come of it.

mod brski;
mod call;
mod case;
mod cms;
mod est;
mod grpc;
mod http;
mod masa;
mod slow;
mod stage;
mod wire;

use std::collections::BTreeSet;

use device_sim::pledge::Reenrollment;
use onboarding_server::http::paths;
use proto::Fingerprint;
use proto_api::{ROLES, v1};
use proto_est::{Operation, Route};

use self::call::Call;
use self::case::{Case, Listener};
use self::cms::Sender;
use self::stage::{Peer, Stage};
use crate::support::{come_aboard, declare};

/// The least number of named cases.
const CASES_MIN: usize = 60;

/// The tables of requests in HTTP/1.1.
const HTTP: [(&str, &[Case]); 9] = [
    ("voucher", brski::VOUCHER),
    ("status", brski::STATUS),
    ("EST form", est::FORM),
    ("EST request", est::REQUEST),
    ("MASA", masa::CASES),
    ("HTTP head", http::HEAD),
    ("HTTP body", http::BODY),
    ("transport", http::TRANSPORT),
    ("plain", http::PLAIN),
];

/// The tables of calls.
const CALLS: [(&str, &[Call]); 4] = [
    ("gRPC framing", grpc::FRAMING),
    ("gRPC devices", grpc::devices::CASES),
    ("gRPC reading", grpc::reading::CASES),
    ("gRPC factory", grpc::factory::CASES),
];

/// The kinds of records by which the owner remembers that a device was refused, and nothing else.
const REFUSALS: [&str; 2] = ["request-refused", "repeats-counted"];

/// What must not change: the records of both journals, from which everything else is computed, but for those of
/// [`REFUSALS`]; and what the API shows of it.
#[derive(Debug, PartialEq)]
struct Remembered {
    owner: Vec<(u64, String)>,
    maker: (u64, Fingerprint),
    devices: Vec<v1::Device>,
    orders: Vec<v1::Order>,
}

impl Remembered {
    async fn of(stage: &Stage) -> Self {
        let report = server_journal::verify(&stage.server.state().join("maker/journal"));
        let report = report.expect("the journal reads");
        assert!(report.damage.is_none(), "{report:?}");
        let api = stage.server.api("viewer");
        let page = Some(v1::Page { size: 1000, token: String::new() });
        let records = api
            .journal()
            .list_records(v1::ListRecordsRequest { page, ..v1::ListRecordsRequest::default() })
            .await;
        let records = records.expect("records").into_inner().records.into_iter();
        let records = records.map(|record| (record.seq, record.kind));
        let owner = records.filter(|(_, kind)| !REFUSALS.contains(&kind.as_str())).collect();
        let devices = api.devices().list_devices(v1::ListDevicesRequest::default()).await.expect("devices");
        let orders = api.factory().list_orders(v1::ListOrdersRequest::default()).await.expect("orders");
        let (devices, orders) = (devices.into_inner().devices, orders.into_inner().orders);
        Self { owner, maker: (report.head.seq.0, report.head.hash), devices, orders }
    }
}

/// Notes a change that a group of cases made.
async fn note_change(before: &mut Remembered, stage: &Stage, group: &str, offences: &mut Vec<String>) {
    let after = Remembered::of(stage).await;
    if *before != after {
        let shown = |of: &Remembered| format!("{:?}, {:?}, {:?}", of.owner.last(), of.maker, of.devices);
        offences.push(format!("{group}: a store changed from {} to {}", shown(before), shown(&after)));
    }
    *before = after;
}

fn no_offences(offences: &[String]) {
    assert!(offences.is_empty(), "{} offences:\n{}", offences.len(), offences.join("\n"));
}

/// Sees that the server is the one that was started, that it did not panic, and that it still does its work.
async fn is_well(mut stage: Stage) {
    assert!(stage.server.is_running(), "the server ended");
    let log = stage.server.log();
    for word in ["panicked", r#""level":"ERROR""#] {
        assert!(!log.contains(word), "{word} is in the log");
    }
    declare(&stage.server, std::slice::from_ref(&stage.honest)).await;
    let onboarding = come_aboard(&stage.server, &stage.honest, Reenrollment::Renew).await;
    assert!(onboarding.outcome.is_ok(), "an honest pledge is kept out: {onboarding:?}");
}

#[tokio::test]
async fn every_bad_request_is_refused_for_its_own_reason_and_changes_nothing() {
    let stage = Stage::set().await;
    let mut before = Remembered::of(&stage).await;
    let mut offences = Vec::new();
    for (group, cases) in HTTP {
        for case in cases {
            offences.extend(case.offence(&stage).await);
        }
        note_change(&mut before, &stage, group, &mut offences).await;
    }
    no_offences(&offences);
    is_well(stage).await;
}

#[tokio::test]
async fn every_bad_call_is_refused_for_its_own_reason_and_changes_nothing() {
    let stage = Stage::set().await;
    let mut before = Remembered::of(&stage).await;
    let mut offences = Vec::new();
    for (group, calls) in CALLS {
        for call in calls {
            offences.extend(call.offence(&stage).await);
        }
        note_change(&mut before, &stage, group, &mut offences).await;
    }
    no_offences(&offences);
    is_well(stage).await;
}

#[tokio::test]
async fn a_genuine_voucher_request_that_was_changed_anywhere_is_refused() {
    let stage = Stage::set().await;
    let mut before = Remembered::of(&stage).await;
    let mut offences = Vec::new();
    let genuine = stage.granted.clone();
    let mut sender = Sender::new(&stage, Peer::Vouched);
    for place in cms::boundaries(&genuine) {
        let told = sender.send(genuine[..place].to_vec()).await;
        if told != (400, "cms-malformed".to_owned()) {
            offences.push(format!("cut at octet {place}: {told:?}"));
        }
    }
    for place in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[place] ^= 1 << (place % 8);
        let (status, reason) = sender.send(changed).await;
        if ![400, 401, 403, 415].contains(&status) || reason.starts_with("http-") {
            offences.push(format!("bit {} of octet {place}: {status} {reason}", place % 8));
        }
    }
    assert!(sender.heard.len() > 3, "all changes were refused alike: {:?}", sender.heard);
    // RFC8995-5.6-same-request-same-answer: unchanged, it still gets its voucher.
    assert_eq!(sender.send(genuine).await.0, 200);
    let mut sender = Sender::new(&stage, Peer::Idevid);
    for form in cms::FORMS {
        let told = sender.send((form.make)(&stage)).await;
        if (told.0, told.1.as_str()) != form.expected {
            offences.push(format!("{}: expected {:?}, heard {told:?}", form.name, form.expected));
        }
    }
    note_change(&mut before, &stage, "CMS", &mut offences).await;
    no_offences(&offences);
    is_well(stage).await;
}

#[test]
fn the_tables_name_each_case_once_and_have_one_for_every_endpoint() {
    let cases = || HTTP.iter().flat_map(|(_, cases)| cases.iter());
    let calls = || CALLS.iter().flat_map(|(_, calls)| calls.iter());
    let forms = || cms::FORMS.iter().map(|form| form.name);
    let names: Vec<&str> =
        cases().map(|case| case.name).chain(calls().map(|call| call.name)).chain(forms()).collect();
    assert!(names.len() >= CASES_MIN, "{} cases", names.len());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name stands twice");
    let is_asked = |listener, matches: &dyn Fn(&str) -> bool| {
        cases().any(|case| case.listener == listener && matches(case.path))
    };
    for (listener, patterns) in paths() {
        let listener = match listener {
            "owner" => Listener::Owner,
            "maker" => Listener::Maker,
            _ => Listener::Metrics,
        };
        for pattern in patterns {
            assert!(is_asked(listener, &|path| is_of(path, pattern)), "no case for {pattern}");
        }
    }
    for operation in Operation::ALL {
        for has_label in [false, true] {
            let is_such = |path: &str| {
                path.parse::<Route>()
                    .is_ok_and(|route| route.operation == operation && route.label.is_some() == has_label)
            };
            assert!(is_asked(Listener::Owner, &is_such), "no case for {operation:?}, label: {has_label}");
        }
    }
    for (method, _) in ROLES {
        assert!(calls().any(|call| call.path == *method), "no case for {method}");
    }
}

/// Tells whether a path is of a router's pattern.
fn is_of(path: &str, pattern: &str) -> bool {
    let (path, pattern): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), pattern.split('/').collect());
    path.len() == pattern.len()
        && path.iter().zip(pattern).all(|(part, wanted)| wanted.starts_with('{') || *part == wanted)
}
