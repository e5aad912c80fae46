//! Seeds of what lies on disk and of whole requests.

use pki::Certificate;
use prost::Message;
use proto::{DeviceId, Fingerprint, KeyId, Seq, UnixTime};
use proto_api::v1;
use proto_brski::Format;
use proto_brski::pledge::{self, PvrContent};
use proto_voucher::Nonce;
use serde::Serialize;
use server_lifecycle::{Event, State};
use server_policy::{Facts, RequestKind};
use server_store::{
    Actor, AuditEntry, Blob, MakerEvent, Move, Order, OrderTerms, OutboxRow, OwnerEvent, SerialRange, Stamp,
    Task, Text, VoucherIntake,
};

use super::seeds::{Seed, certificate, seed, signer};

/// Makes the seeds of journal, rows and requests.
pub(crate) fn all() -> Vec<Seed> {
    [journals(), owner_rows(), maker_rows(), states(), calls(), requests()].into_iter().flatten().collect()
}

/// Size of a segment, number of records, one octet for each, then the damage: kind, file, place, what it needs.
fn journals() -> Vec<Seed> {
    vec![
        seed("journal", "flip", [20, 4, 7, 8, 9, 11, 0, 0, 0, 70, 1]),
        seed("journal", "flip-early", [255, 5, 7, 9, 9, 11, 5, 0, 0, 0, 80, 0x80]),
        seed("journal", "cut", [255, 3, 4, 5, 6, 1, 0, 0, 130]),
        seed("journal", "longer", [10, 2, 5, 5, 2, 1, 0, 0, 1, 2, 3]),
        seed("journal", "other", [1, 1, 1, 3, 0, 0, 0, b'G', b'W', b'J']),
        seed("journal", "twice", [255, 3, 7, 7, 7, 4, 0, 0, 56]),
        seed("journal", "empty", [0, 0, 3, 0, 0, 0]),
    ]
}

fn owner_rows() -> Vec<Seed> {
    let (device, at) = (DeviceId::from_array([7; 16]), UnixTime::from_seconds(1_800_000_000));
    let moved = Move { to: State::Requested, generation: proto::Generation(1) };
    let fingerprint = Fingerprint::from_array([9; 32]);
    let declared = OwnerEvent::DeviceDeclared {
        device,
        manufacturer: "acme".parse().expect("a name"),
        serial: "A-1".parse().expect("a serial number"),
        product: Some("lamp".parse().expect("a name")),
        labels: server_store::Labels::default(),
    };
    let intake = VoucherIntake {
        manufacturer: "acme".parse().expect("a name"),
        serial: "A-1".parse().expect("a serial number"),
        idevid: fingerprint,
        idevid_certificate: blob(),
        pvr_digest: fingerprint,
        nonce: server_store::Nonce::new(*b"12345678").ok(),
        facts: blob(),
    };
    let requested = OwnerEvent::VoucherRequested { device, intake, awaiting: blob(), moved: Some(moved) };
    let changed = OwnerEvent::StateChanged {
        device,
        event: Event::Retire,
        moved,
        code: Some(proto::ReasonCode::new("a-code")),
        note: text("by hand"),
    };
    let listed = OwnerEvent::CrlRecorded {
        issuer: KeyId::new(&[3; 20]).expect("a key identifier"),
        number: 4,
        as_of: Seq(5),
        this_update_at: at,
        next_update_at: at,
        der: vec![0x30, 0],
    };
    let owed =
        OutboxRow { seq: Seq(3), device, owed_since_at: at, task: Task::AskMasa { pvr_digest: fingerprint } };
    vec![
        seed("stored_rows", "declared", row(0, &declared)),
        seed("stored_rows", "requested", row(0, &requested)),
        seed("stored_rows", "changed", row(0, &changed)),
        seed("stored_rows", "listed", row(0, &listed)),
        seed("stored_rows", "owed", row(6, &owed)),
        seed("stored_rows", "stamp", row(11, &Stamp::new(at, Actor::Operator(text("admin"))))),
    ]
}

fn maker_rows() -> Vec<Seed> {
    let at = UnixTime::from_seconds(1_800_000_000);
    let terms = OrderTerms {
        manufacturer: "acme".parse().expect("a name"),
        product: "lamp".parse().expect("a name"),
        line: "line-1".parse().expect("a name"),
        quota: 10,
        serials: SerialRange::Numbers { prefix: text("A-"), first: 1, last: 10, digits: 4 },
    };
    let id: proto::OrderId = "order-1".parse().expect("a name");
    let opened = MakerEvent::OrderOpened { order: id.clone(), terms: terms.clone() };
    let (opened_by, closed_at) = (Some(Actor::System), None);
    let order = Order { id, terms, begun: 1, completed: 1, opened_at: at, opened_by, closed_at };
    let entry = AuditEntry {
        seq: Seq(1),
        at,
        domain: proto::DomainId::new(&[1; 20]).expect("a domain id"),
        nonce: None,
        assertion: text("logged"),
    };
    vec![
        seed("stored_rows", "opened", row(1, &opened)),
        seed("stored_rows", "order", row(7, &order)),
        seed("stored_rows", "entry", row(10, &entry)),
    ]
}

fn states() -> Vec<Seed> {
    let idevid: Certificate = certificate("idevid_00-D0-E5-F2-00-02.crt");
    let nonce = Nonce::from_random([7; 16]);
    let content = PvrContent::honest(&idevid, &idevid, nonce, None).expect("a request");
    let awaiting =
        pledge::request(&content, Format::CmsJson, &signer("idevid_00-D0-E5-F2-00-02.key"), &[idevid]);
    let facts = Facts::new(RequestKind::Voucher, UnixTime::from_seconds(1_800_000_000));
    let json = serde_json::to_vec(&facts).expect("facts are written");
    vec![
        seed("stored_rows", "pledge", row(13, &awaiting.expect("a request"))),
        seed("stored_rows", "facts", row(14, &facts)),
        seed("stored_rows", "facts-json", [&[15], json.as_slice()].concat()),
    ]
}

fn blob() -> Blob {
    Blob::new([1, 2, 3]).expect("a small blob")
}

fn text(text: &str) -> Text {
    Text::new(text).expect("a text")
}

fn row(kind: u8, row: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![kind];
    ciborium::into_writer(row, &mut bytes).expect("a row is written");
    bytes
}

fn calls() -> Vec<Seed> {
    let page = |token: &str| Some(v1::Page { size: 2, token: token.to_owned() });
    let name = v1::DeviceName { manufacturer: "test-maker".to_owned(), serial_number: "GW-0001".to_owned() };
    let device = || Some(v1::DeviceReference { by: Some(v1::device_reference::By::Name(name.clone())) });
    let filter = v1::DeviceFilter {
        states: vec![v1::DeviceState::Expected.into()],
        serial_number_prefix: "GW-".to_owned(),
        manufacturer: "test-maker".to_owned(),
        ..v1::DeviceFilter::default()
    };
    let all = v1::ListDevicesRequest { filter: None, page: page("73") };
    let some = v1::ListDevicesRequest { filter: Some(filter), page: page("") };
    let range = v1::list_records_request::Of::Range(v1::SeqRange { first: 1, last: 3 });
    let beyond = v1::WatchRequest { after_seq: Some(u64::MAX), ..v1::WatchRequest::default() };
    let watch = v1::WatchRequest { after_seq: Some(1), ..v1::WatchRequest::default() };
    vec![
        seed("api_request", "devices", called(0, &all)),
        seed("api_request", "devices-filtered", called(0, &some)),
        seed("api_request", "device", called(1, &v1::GetDeviceRequest { device: device() })),
        seed(
            "api_request",
            "timeline",
            called(2, &v1::GetTimelineRequest { device: device(), page: page("1") }),
        ),
        seed("api_request", "watch", called(3, &watch)),
        seed("api_request", "watch-beyond", called(3, &beyond)),
        seed(
            "api_request",
            "records",
            called(4, &v1::ListRecordsRequest { of: Some(range), page: page("2"), journal: 2 }),
        ),
        seed(
            "api_request",
            "orders",
            called(5, &v1::ListOrdersRequest { page: page(""), ..Default::default() }),
        ),
        seed("api_request", "order", called(6, &v1::GetOrderRequest { order_id: "order-1".to_owned() })),
        seed("api_request", "authorities", called(8, &v1::ListAuthoritiesRequest::default())),
    ]
}

fn called(method: u8, message: &impl Message) -> Vec<u8> {
    [vec![method], message.encode_to_vec()].concat()
}

fn requests() -> Vec<Seed> {
    let post = |kind: u8, path: &str, media_type: &str, body: &[u8]| {
        [&[kind], format!("POST {path}\n{media_type}\n*/*\n").as_bytes(), body].concat()
    };
    let report = br#"{"version":1,"status":true}"#;
    vec![
        seed("http_request", "cacerts", b"\x00GET /.well-known/est/cacerts\n\n\n".as_slice()),
        seed("http_request", "csrattrs", b"\x02GET /.well-known/est/ca/csrattrs\n\n*/*\n".as_slice()),
        seed(
            "http_request",
            "voucher",
            post(2, "/.well-known/brski/requestvoucher", "application/voucher-cms+json", &[0x30, 0]),
        ),
        seed(
            "http_request",
            "masa",
            post(7, "/.well-known/brski/requestvoucher", "application/voucher-cms+json", &[0x30, 0]),
        ),
        seed(
            "http_request",
            "audit",
            post(7, "/.well-known/brski/requestauditlog", "application/voucher-cms+json", &[0x30, 0]),
        ),
        seed(
            "http_request",
            "status",
            post(2, "/.well-known/brski/voucher_status", "application/json", report),
        ),
        seed(
            "http_request",
            "enrolled",
            post(2, "/.well-known/brski/enrollstatus", "application/json", report),
        ),
        seed(
            "http_request",
            "enroll",
            post(2, "/.well-known/est/simpleenroll", "application/pkcs10", b"MAMCAQE="),
        ),
        seed(
            "http_request",
            "reenroll",
            post(2, "/.well-known/est/simplereenroll", "application/pkcs10", b"MAMCAQE="),
        ),
    ]
}
