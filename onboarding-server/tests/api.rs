//! The operators' API in one process, over a real store: who may call what, and an operator's day.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::{Extension, Router};
use http::{Request, Version, header};
use http_body_util::BodyExt;
use onboarding_server::app::publish_crl;
use onboarding_server::clock::Clock;
use onboarding_server::context::Context;
use onboarding_server::run::Mode;
use onboarding_server::{grpc, http as plain_http};
use pki::{Certificate, Crl, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template};
use proto_api::v1::device_reference::By;
use proto_api::v1::device_service_client::DeviceServiceClient;
use proto_api::v1::event_service_client::EventServiceClient;
use proto_api::v1::factory_service_client::FactoryServiceClient;
use proto_api::v1::journal_service_client::JournalServiceClient;
use proto_api::v1::verify_journal_response::Item as Verified;
use proto_api::v1::watch_response::Item as Watched;
use proto_api::{ROLES, Role, v1};
use server_listen::{Peer, load_chain, load_key, stop_signal};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty message in the framing of gRPC: no compression, no bytes.
const EMPTY_MESSAGE: &[u8] = &[0; 5];

struct House {
    _directory: tempfile::TempDir,
    context: Arc<Context>,
}

fn house(clock: Clock) -> House {
    let directory = tempfile::tempdir().unwrap();
    let context = Arc::new(common::open(directory.path(), clock));
    House { _directory: directory, context }
}

impl House {
    fn profile(&self, name: &str) -> Vec<Certificate> {
        let directory = self.context.config.profiles_dir();
        load_chain(&directory.join(format!("{name}.pem"))).unwrap()
    }

    /// The API as someone with that chain meets it.
    fn api(&self, chain: Vec<Certificate>, mode: Mode) -> Router {
        let remote = SocketAddr::from(([127, 0, 0, 1], 4711));
        let peer = Arc::new(Peer::new(remote, None, chain));
        grpc::router(Arc::clone(&self.context), mode).layer(Extension(peer))
    }

    fn api_of(&self, role: Role) -> Router {
        self.api(self.profile(role.name()), Mode::Production)
    }
}

/// Calls a method with an empty message and returns the status that its head carries, if any.
async fn call(api: &Router, path: &str) -> Option<Status> {
    let request = Request::post(path)
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::from(EMPTY_MESSAGE))
        .unwrap();
    let response = api.clone().oneshot(request).await.unwrap();
    Status::from_header_map(response.headers())
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

async fn refusal(api: &Router, path: &str) -> (Code, String) {
    let status = call(api, path).await.expect("the call is refused");
    (status.code(), reason(&status))
}

#[tokio::test]
async fn every_method_is_for_the_roles_of_the_table_and_for_no_other() {
    let house = house(Clock::system());
    for role in Role::ALL {
        let api = house.api_of(role);
        for (path, roles) in ROLES {
            let status = call(&api, path).await;
            let is_denied = status.as_ref().is_some_and(|status| {
                status.code() == Code::PermissionDenied && reason(status) == "caller-role-insufficient"
            });
            assert_eq!(is_denied, !roles.contains(&role), "{role} {path}: {status:?}");
            let is_served = status.is_none_or(|status| {
                !matches!(status.code(), Code::Unauthenticated | Code::Unimplemented | Code::Internal)
            });
            assert!(is_served, "{role} {path}");
        }
    }
}

#[tokio::test]
async fn who_shows_no_certificate_of_the_operators_ca_is_nobody() {
    const PATH: &str = "/onboarding.v1.DeviceService/ListDevices";
    let house = house(Clock::system());
    let missing = (Code::Unauthenticated, "peer-certificate-missing".to_owned());
    let untrusted = (Code::Unauthenticated, "peer-certificate-untrusted".to_owned());
    let nobody = house.api(Vec::new(), Mode::Production);
    assert_eq!(refusal(&nobody, PATH).await, missing);
    assert_eq!(refusal(&nobody, "/grpc.health.v1.Health/Check").await, missing);
    let registrar = house.context.owner.as_ref().unwrap().registrar.chain.clone();
    assert_eq!(refusal(&house.api(registrar, Mode::Production), PATH).await, untrusted);
    let server = load_chain(&house.context.config.admin.certificate).unwrap();
    assert_eq!(refusal(&house.api(server, Mode::Production), PATH).await, untrusted);
}

impl House {
    /// Makes a certificate of the operators' CA with this role and place.
    fn made(&self, profile: Profile, (role, place): (&str, Option<&str>)) -> Vec<Certificate> {
        let admin = &self.context.config.admin;
        let anchor = load_chain(&admin.anchor).unwrap().remove(0);
        let issuer = Issuer::new(anchor, load_key(&admin.anchor_key).unwrap()).unwrap();
        let subject = Subject {
            organizational_unit: Some(role.to_owned()),
            locality: place.map(ToOwned::to_owned),
            ..Subject::new("somebody")
        };
        let key = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap().public_key().clone();
        let (now, serial) = (Clock::system().now(), pki::random_serial().unwrap());
        let validity = (now.minus(Duration::from_secs(60)), now.plus(Duration::from_secs(3_600)));
        let template = Template::new(profile, subject, key, serial, validity);
        vec![issuer.sign(issuer.prepare(&template).unwrap()).unwrap()]
    }
}

#[tokio::test]
async fn a_certificate_without_a_role_and_a_station_without_a_line_may_nothing() {
    let house = house(Clock::system());
    let missing = (Code::PermissionDenied, "caller-role-missing".to_owned());
    let chains = [
        house.made(Profile::Operator, ("janitor", None)),
        house.made(Profile::Operator, ("Admin", None)),
        house.made(Profile::Station, ("station", Some("no name of a line"))),
    ];
    for chain in chains {
        let subject = chain[0].subject_text();
        let api = house.api(chain, Mode::Production);
        assert_eq!(refusal(&api, "/onboarding.v1.FactoryService/ListOrders").await, missing, "{subject}");
    }
    let viewer = house.api(house.made(Profile::Operator, ("viewer", None)), Mode::Production);
    assert!(call(&viewer, "/onboarding.v1.FactoryService/ListOrders").await.is_none());
}

#[tokio::test]
async fn an_operator_whose_certificate_has_ended_is_nobody() {
    let in_three_years = Clock::system().now().plus(Duration::from_secs(3 * 365 * 86_400));
    let house = house(Clock::fixed(in_three_years));
    let (code, reason) =
        refusal(&house.api_of(Role::Admin), "/onboarding.v1.DeviceService/ListDevices").await;
    assert_eq!((code, reason.as_str()), (Code::Unauthenticated, "peer-certificate-untrusted"));
}

#[tokio::test]
async fn what_the_api_does_not_have_is_unimplemented_and_reflection_is_for_development() {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let house = house(Clock::system());
    let admin = house.api_of(Role::Admin);
    let (code, reason) = refusal(&admin, "/onboarding.v1.DeviceService/DeleteDevice").await;
    assert_eq!((code, reason.as_str()), (Code::Unimplemented, "method-unknown"));
    assert_eq!(refusal(&admin, REFLECTION).await.0, Code::Unimplemented);
    let development = house.api(house.profile("admin"), Mode::Development);
    assert!(call(&development, REFLECTION).await.is_none_or(|status| status.code() != Code::Unimplemented));
    assert!(call(&admin, "/grpc.health.v1.Health/Check").await.is_none());
}

fn expected(row: u64, serial: &str) -> v1::ExpectedDevice {
    v1::ExpectedDevice {
        row,
        manufacturer: "test-maker".to_owned(),
        serial_number: serial.to_owned(),
        product: "sensor-one".to_owned(),
        labels: [("site".to_owned(), "hall 3".to_owned())].into(),
    }
}

async fn import(api: &Router, devices: Vec<v1::ExpectedDevice>) -> Vec<v1::ImportResult> {
    let batches = tokio_stream::iter([v1::ImportDevicesRequest { devices }]);
    let mut answers =
        DeviceServiceClient::new(api.clone()).import_devices(batches).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().results
}

fn by_serial(serial: &str) -> Option<v1::DeviceReference> {
    let name = v1::DeviceName { manufacturer: String::new(), serial_number: serial.to_owned() };
    Some(v1::DeviceReference { by: Some(By::Name(name)) })
}

fn change(serial: &str, expected_version: Option<u64>) -> Option<v1::DeviceChange> {
    Some(v1::DeviceChange { device: by_serial(serial), expected_version, reason: "by hand".to_owned() })
}

#[tokio::test]
async fn an_import_tells_row_by_row_and_can_be_run_again() {
    let house = house(Clock::system());
    let api = house.api_of(Role::Operator);
    let mut unknown = expected(3, "S-3");
    unknown.manufacturer = "nobody".to_owned();
    let rows = vec![expected(1, "S-1"), expected(2, "S-2"), unknown];
    let outcomes = |results: &[v1::ImportResult]| {
        results.iter().map(|result| (result.row, result.outcome())).collect::<Vec<_>>()
    };
    use v1::ImportOutcome::{Created, Refused, Unchanged};
    let first = import(&api, rows.clone()).await;
    assert_eq!(outcomes(&first), [(1, Created), (2, Created), (3, Refused)]);
    assert_eq!(first[2].refusal.as_ref().unwrap().reason_code, "manufacturer-unregistered");
    assert_eq!(outcomes(&import(&api, rows).await), [(1, Unchanged), (2, Unchanged), (3, Refused)]);
    let counted = refusals(&house, "DeviceService/ImportDevices", "unknown", "manufacturer-unregistered");
    assert_eq!(counted, 2);
}

/// How often a method is counted to have refused for a reason.
fn refusals(house: &House, method: &str, class: &str, reason: &str) -> u64 {
    let labels = format!(r#"endpoint="/onboarding.v1.{method}",class="{class}",reason="{reason}""#);
    let page = house.context.metrics.encode();
    let line =
        page.lines().find(|line| line.starts_with("gangway_refusals_total{") && line.contains(&labels));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn what_a_service_refuses_is_counted_by_its_reason() {
    let house = house(Clock::system());
    let mut devices = DeviceServiceClient::new(house.api_of(Role::Viewer));
    for _ in 0..3 {
        let request = v1::GetDeviceRequest { device: by_serial("S-404") };
        assert_eq!(reason(&devices.get_device(request).await.unwrap_err()), "device-unknown");
    }
    assert_eq!(refusals(&house, "DeviceService/GetDevice", "unknown", "device-unknown"), 3);
    let too_many = v1::ImportDevicesRequest {
        devices: vec![v1::ExpectedDevice::default(); proto_api::BATCH_ITEMS_MAX + 1],
    };
    let mut operator = DeviceServiceClient::new(house.api_of(Role::Operator));
    let mut answers = operator.import_devices(tokio_stream::iter([too_many])).await.unwrap().into_inner();
    assert_eq!(reason(&answers.message().await.unwrap_err()), "factory-batch-too-large");
    let counted = refusals(&house, "DeviceService/ImportDevices", "malformed", "factory-batch-too-large");
    assert_eq!(counted, 1, "the end of a stream counts as well");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_filters_hold() {
    let house = house(Clock::system());
    let api = house.api_of(Role::Operator);
    import(&api, (0..5).map(|n| expected(n, &format!("S-{n}"))).collect()).await;
    let mut devices = DeviceServiceClient::new(api);
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = Some(v1::Page { size: 2, token });
        let filter = Some(v1::DeviceFilter {
            states: vec![v1::DeviceState::Expected.into()],
            labels: [("site".to_owned(), "hall 3".to_owned())].into(),
            ..v1::DeviceFilter::default()
        });
        let part = devices.list_devices(v1::ListDevicesRequest { filter, page }).await.unwrap().into_inner();
        assert!(part.devices.len() <= 2);
        found.extend(part.devices.into_iter().map(|device| device.serial_number));
        token = part.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    found.sort();
    assert_eq!(found, ["S-0", "S-1", "S-2", "S-3", "S-4"]);
    let filter = Some(v1::DeviceFilter { awaits_approval: true, ..v1::DeviceFilter::default() });
    let waiting = devices.list_devices(v1::ListDevicesRequest { filter, page: None }).await.unwrap();
    assert!(waiting.into_inner().devices.is_empty());
}

#[tokio::test]
async fn a_decision_is_bound_to_the_version_that_was_seen_and_told_with_its_author() {
    let house = house(Clock::system());
    let api = house.api_of(Role::Operator);
    import(&api, vec![expected(1, "S-1")]).await;
    let mut devices = DeviceServiceClient::new(api);
    let stale = v1::RetireDeviceRequest { change: change("S-1", Some(7)) };
    let status = devices.retire_device(stale).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "device-changed"));
    let retire = v1::RetireDeviceRequest { change: change("S-1", Some(1)) };
    let device = devices.retire_device(retire).await.unwrap().into_inner().device.unwrap();
    assert_eq!((device.state(), device.note.as_str()), (v1::DeviceState::Retired, "by hand"));
    assert_eq!(device.changed_by.unwrap().name, "operator");
    let reopen = v1::ReopenDeviceRequest { change: change("S-1", None) };
    let status = devices.reopen_device(reopen).await.unwrap_err();
    assert_eq!(reason(&status), "lifecycle-retired");
    let timeline = v1::GetTimelineRequest { device: by_serial("S-1"), page: None };
    let events = devices.get_timeline(timeline).await.unwrap().into_inner().events;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["device-declared", "device-retired"]);
}

#[tokio::test]
async fn records_are_chained_and_the_journal_verifies() {
    let house = house(Clock::system());
    import(&house.api_of(Role::Operator), (0..3).map(|n| expected(n, &format!("S-{n}"))).collect()).await;
    let mut journal = JournalServiceClient::new(house.api_of(Role::Viewer));
    let head = journal.get_head(v1::GetHeadRequest::default()).await.unwrap().into_inner();
    let page = Some(v1::Page { size: 2, token: String::new() });
    let first = journal
        .list_records(v1::ListRecordsRequest { page, ..v1::ListRecordsRequest::default() })
        .await
        .unwrap()
        .into_inner();
    let page = Some(v1::Page { size: 2, token: first.next_page_token });
    let second = journal
        .list_records(v1::ListRecordsRequest { page, ..v1::ListRecordsRequest::default() })
        .await
        .unwrap()
        .into_inner();
    let records: Vec<v1::JournalRecord> = first.records.into_iter().chain(second.records).collect();
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(records[0].previous, [0; 32]);
    assert!(records.windows(2).all(|pair| pair[1].previous == pair[0].hash));
    assert_eq!((head.seq, &head.hash), (3, &records[2].hash));
    assert!(records[0].payload_json.contains("device_declared"), "{}", records[0].payload_json);
    let mut words = journal.verify_journal(v1::VerifyJournalRequest::default()).await.unwrap().into_inner();
    let report = loop {
        if let Some(Verified::Report(report)) = words.message().await.unwrap().unwrap().item {
            break report;
        }
    };
    assert_eq!((report.records, report.last_hash, report.fault), (3, head.hash, None));
}

#[tokio::test]
async fn each_role_has_a_journal_of_its_own_and_the_request_says_which() {
    let house = house(Clock::system());
    import(&house.api_of(Role::Operator), vec![expected(1, "S-1"), expected(2, "S-2")]).await;
    let order = v1::OpenOrderRequest {
        order_id: "O-1".to_owned(),
        product: "sensor-one".to_owned(),
        quota: 5,
        ..v1::OpenOrderRequest::default()
    };
    let mut station = FactoryServiceClient::new(house.api_of(Role::Station));
    let opened = station.open_order(order).await.unwrap().into_inner().order.unwrap();
    let by = opened.opened_by.unwrap();
    assert_eq!((by.kind(), by.name.as_str()), (v1::ActorKind::Station, "line-1"));
    let mut journal = JournalServiceClient::new(house.api_of(Role::Viewer));
    let roles = [v1::JournalRole::Unspecified, v1::JournalRole::Owner, v1::JournalRole::Maker];
    for (role, kinds) in roles.into_iter().zip([
        &["device-declared", "device-declared"][..],
        &["device-declared", "device-declared"],
        &["order-opened"],
    ]) {
        let request = v1::ListRecordsRequest { journal: role.into(), ..v1::ListRecordsRequest::default() };
        let records = journal.list_records(request).await.unwrap().into_inner().records;
        assert_eq!(records.iter().map(|record| record.kind.as_str()).collect::<Vec<_>>(), kinds);
        let head = v1::GetHeadRequest { journal: role.into() };
        let head = journal.get_head(head).await.unwrap().into_inner();
        assert_eq!(head.seq, records.last().unwrap().seq);
        assert_eq!((&head.hash, head.at), (&records.last().unwrap().hash, records.last().unwrap().at));
        let request = v1::VerifyJournalRequest { journal: role.into() };
        let mut words = journal.verify_journal(request).await.unwrap().into_inner();
        let report = loop {
            if let Some(Verified::Report(report)) = words.message().await.unwrap().unwrap().item {
                break report;
            }
        };
        assert_eq!((report.records, report.last_hash, report.fault), (head.seq, head.hash, None));
    }
}

#[tokio::test]
async fn a_watch_sends_what_was_then_what_comes_without_a_gap() {
    let house = house(Clock::system());
    let api = house.api_of(Role::Operator);
    import(&api, vec![expected(1, "S-1")]).await;
    let request = v1::WatchRequest { after_seq: Some(0), ..v1::WatchRequest::default() };
    let mut watch = EventServiceClient::new(api.clone()).watch(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let next = tokio::time::timeout(PATIENCE, watch.message()).await.unwrap().unwrap().unwrap();
        match next.item.unwrap() {
            Watched::Event(event) => seen.push((event.seq, event.serial_number)),
            Watched::ReachedSeq(seq) => {
                assert_eq!(Some(seq), seen.last().map(|(seq, _)| *seq));
                import(&api, vec![expected(seq, &format!("S-{}", seq + 1))]).await;
            }
        }
    }
    let serial = |n: u64| (n, format!("S-{n}"));
    assert_eq!(seen, [serial(1), serial(2), serial(3)]);
}

#[tokio::test]
async fn a_watch_ends_with_the_server() {
    let house = house(Clock::system());
    let (sender, stop) = stop_signal();
    let api = house.api_of(Role::Viewer).layer(Extension(stop));
    let mut watch =
        EventServiceClient::new(api).watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    let first = tokio::time::timeout(PATIENCE, watch.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.item, Some(Watched::ReachedSeq(0)));
    sender.stop();
    assert_eq!(tokio::time::timeout(PATIENCE, watch.message()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_revocation_list_is_there_soon_after_the_start_and_served_to_everybody() {
    let house = house(Clock::system());
    let task = tokio::spawn(publish_crl::keep_current(Arc::clone(&house.context)));
    let made = async {
        while publish_crl::current_crl(&house.context).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, made).await.unwrap();
    task.abort();
    let plain = plain_http::plain_router(Arc::clone(&house.context));
    let request = Request::get("/crl/owner.crl").body(Body::empty()).unwrap();
    let response = plain.oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/pkix-crl");
    let der = response.into_body().collect().await.unwrap().to_bytes();
    let issuer = house.context.owner.as_ref().unwrap().issuer.certificate().clone();
    let list = Crl::parse(&der).unwrap().verify(&issuer, Clock::system().now()).unwrap();
    assert!(list.is_empty());
}
