//! A genuine device that may not come in, and how little of its noise is on record.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::{Extension, Router};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use onboarding_server::app::devices::{self, Change, DeviceReference};
use onboarding_server::app::maker::{self, Author, OrderRequest, UnitRequest};
use onboarding_server::app::refusals;
use onboarding_server::clock::Clock;
use onboarding_server::context::Context;
use onboarding_server::http as house_http;
use onboarding_server::metrics::Metrics;
use pki::{Certificate, KeyAlgorithm, Profile, Signer, Subject, Template, csr};
use proto::{DeviceId, Seq, UnixTime, media_type, well_known};
use proto_brski::pledge::{self, PvrContent};
use proto_brski::{Format, Pvr, PvrCheck, Telemetry, registrar};
use proto_voucher::Nonce;
use server_config::Config;
use server_lifecycle::Event;
use server_listen::Peer;
use server_store::{
    Actor, BeginVoucher, Blob, CAUSES_PER_DEVICE_MAX, CertificateStatus, CompleteVoucher, DeclareDevice,
    Declared, MakerEvent, OwnerEvent, Repeated, SerialRange, Stamp, Text, VoucherIntake, WINDOW_SECONDS,
};
use tempfile::TempDir;
use tower::ServiceExt;

/// A server with both roles, whose clock stands until a test moves it.
struct World {
    context: Arc<Context>,
    seconds: Arc<AtomicU64>,
    config: Arc<Config>,
    _directory: TempDir,
}

/// A unit as it leaves the line.
struct Unit {
    chain: Vec<Certificate>,
    signer: Signer,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Arc::new(common::configuration(directory.path(), ""));
        let seconds = Arc::new(AtomicU64::new(Clock::system().now().as_seconds()));
        let context = open(&config, &seconds);
        Self { context, seconds, config, _directory: directory }
    }

    /// Starts the server again; what was only counted is gone, as after a kill.
    fn restart(self) -> Self {
        let Self { context, seconds, config, _directory } = self;
        drop(context);
        let context = open(&config, &seconds);
        Self { context, seconds, config, _directory }
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> UnixTime {
        self.context.clock.now()
    }

    async fn make(&self, serial: &str) -> Unit {
        let station = Author {
            actor: Actor::Station("line-1".parse().unwrap()),
            line: Some("line-1".parse().unwrap()),
        };
        let order = OrderRequest {
            id: "order-1".parse().unwrap(),
            manufacturer: None,
            product: "sensor-one".parse().unwrap(),
            line: None,
            quota: 100,
            serials: SerialRange::Any,
        };
        let order = maker::open_order(&self.context, &station, order).await.unwrap();
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let csr = request_of(serial, &signer);
        let unit = UnitRequest { serial: serial.parse().unwrap(), csr: &csr };
        let issued = maker::issue_idevid(&self.context, &station, &order, unit).await.unwrap();
        let issuers = maker::issuers(&self.context).unwrap();
        let chain = std::iter::once(&issued.certificate).chain(&issuers);
        Unit { chain: chain.map(|der| Certificate::parse(der).unwrap()).collect(), signer }
    }

    /// Another IDevID of the maker's for the same serial number, as no maker should ever issue.
    fn twin(&self, serial: &str) -> Unit {
        let maker = self.context.maker.as_ref().unwrap();
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::device(&serial.parse().unwrap());
        let validity = (self.now(), UnixTime::NO_END);
        let random = pki::random_serial().unwrap();
        let mut template =
            Template::new(Profile::IdevId, subject, signer.public_key().clone(), random, validity);
        template.masa_url = Some("localhost:9444".to_owned());
        let idevid = maker.issuer.sign(maker.issuer.prepare(&template).unwrap()).unwrap();
        let issuers = maker::issuers(&self.context).unwrap();
        let above = issuers.iter().map(|der| Certificate::parse(der).unwrap());
        Unit { chain: std::iter::once(idevid).chain(above).collect(), signer }
    }

    fn declare(&self, serial: &str) -> DeviceId {
        let command = DeclareDevice {
            manufacturer: "test-maker".parse().unwrap(),
            serial: serial.parse().unwrap(),
            product: None,
            labels: None,
        };
        let store = self.context.owner.as_ref().unwrap().store.store();
        let Declared { device, .. } = store.execute(Stamp::system(self.now()), command).unwrap();
        device
    }

    async fn retire(&self, device: DeviceId) {
        let change = Change {
            device: DeviceReference::Id(device),
            expected: None,
            reason: Text::clipped("scrapped"),
            operator: Text::clipped("olga"),
        };
        devices::change_state(&self.context, change, Event::Retire).await.unwrap();
    }

    /// A request for a voucher of the registrar that `unit` believes to speak with.
    fn voucher_request(&self, unit: &Unit, registrar: &Certificate) -> Vec<u8> {
        let nonce = Nonce::from_random(pki::random_serial().unwrap().as_bytes().try_into().unwrap());
        let content = PvrContent::honest(&unit.chain[0], registrar, nonce, Some(self.now())).unwrap();
        let asking = pledge::request(&content, Format::CmsJson, &unit.signer, &unit.chain).unwrap();
        asking.request().to_vec()
    }

    fn registrar(&self) -> Certificate {
        self.context.owner.as_ref().unwrap().registrar.chain[0].clone()
    }

    /// The owner's listener as `unit` meets it.
    fn listener(&self, unit: &Unit) -> Router {
        let remote = SocketAddr::from(([127, 0, 0, 1], 4711));
        let peer = Arc::new(Peer::new(remote, None, unit.chain.clone()));
        house_http::owner_router(Arc::clone(&self.context)).layer(Extension(peer))
    }

    fn head(&self) -> u64 {
        self.context.owner.as_ref().unwrap().store.store().head().seq.0
    }

    /// All that is on record of a device from record `from` on.
    fn history(&self, device: DeviceId, from: u64) -> Vec<OwnerEvent> {
        let store = self.context.owner.as_ref().unwrap().store.store();
        let records = store.timeline(device, Seq(from), 10_000).unwrap();
        records.into_iter().map(|record| record.event).collect()
    }

    /// The sum of a counter over those of its labels that have `label`.
    fn counted(&self, name: &str, label: &str) -> u64 {
        let page = self.context.metrics.encode();
        let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    }
}

fn open(config: &Arc<Config>, seconds: &Arc<AtomicU64>) -> Arc<Context> {
    let seconds = Arc::clone(seconds);
    let clock = Clock::from_fn(move || UnixTime::from_seconds(seconds.load(Ordering::Relaxed)));
    Arc::new(Context::open(Arc::clone(config), clock, Metrics::new()).unwrap())
}

fn request_of(serial: &str, signer: &Signer) -> Vec<u8> {
    csr::create(&csr::Request::new(Subject::device(&serial.parse().unwrap())), signer).unwrap()
}

async fn post(listener: &Router, path: &str, media_type: &str, body: &[u8]) -> StatusCode {
    let request =
        Request::post(path).header(header::CONTENT_TYPE, media_type).body(Body::from(body.to_vec()));
    listener.clone().oneshot(request.unwrap()).await.unwrap().status()
}

async fn ask(listener: &Router, body: &[u8]) -> StatusCode {
    post(listener, well_known::REQUEST_VOUCHER, media_type::VOUCHER_CMS_JSON, body).await
}

async fn enroll(listener: &Router, csr: &[u8]) -> StatusCode {
    let text = proto_est::body::encode(csr);
    post(listener, "/.well-known/est/simpleenroll", media_type::PKCS10, text.as_bytes()).await
}

/// Of how many requests the history tells, each alone or in a count.
fn told(history: &[OwnerEvent]) -> u64 {
    let told = |event: &OwnerEvent| {
        if let OwnerEvent::RepeatsCounted { repeats } = event { repeats.count } else { 1 }
    };
    history.iter().map(told).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_requests_of_a_retired_device_make_forty_records() {
    const ROUNDS: usize = 500;
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = world.declare("S-1");
    world.retire(device).await;
    let from = world.head() + 1;
    let listener = world.listener(&unit);
    let csr = request_of("S-1", &unit.signer);
    let foreign = world.voucher_request(&unit, &world.context.owner.as_ref().unwrap().ca_path[0]);
    let report = Telemetry::success().write();
    for _ in 0..ROUNDS {
        let fresh = world.voucher_request(&unit, &world.registrar());
        for _ in 0..4 {
            assert_eq!(ask(&listener, &fresh).await, StatusCode::NOT_FOUND);
        }
        for _ in 0..3 {
            assert_eq!(enroll(&listener, &csr).await, StatusCode::NOT_FOUND);
        }
        assert_eq!(ask(&listener, &foreign).await, StatusCode::UNAUTHORIZED);
        for _ in 0..2 {
            let status = post(&listener, well_known::ENROLL_STATUS, media_type::JSON, &report).await;
            assert_eq!(status, StatusCode::OK);
        }
    }
    assert_eq!(world.counted("gangway_requests_total", ""), 5_000);
    assert_eq!(world.counted("gangway_refusals_total", "policy-device-retired"), 3_500);
    assert_eq!(world.counted("gangway_refusals_total", "pvr-proximity-mismatch"), 500);
    // Three first refusals, one summary of each when another reason came, and as many reports as a device may make in an
    // hour; then, at the end, one more summary of each of the four.
    let at_once = 3 + 3 + server_store::PACE_RECORDS_MAX as usize;
    let history = world.history(device, from);
    assert!(history.len() <= at_once, "{} records", history.len());
    refusals::tell_all(&world.context).await;
    let history = world.history(device, from);
    assert!(history.len() <= at_once + 4, "{} records", history.len());
    assert!(history.len() <= 3 * CAUSES_PER_DEVICE_MAX);
    assert_eq!(told(&history), 5_000);
    assert_eq!(world.head() + 1 - from, history.len() as u64, "nothing else was recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_that_goes_on_is_told_once_an_hour() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = world.declare("S-1");
    world.retire(device).await;
    let from = world.head() + 1;
    let listener = world.listener(&unit);
    let pvr = world.voucher_request(&unit, &world.registrar());
    for _ in 0..24 * 6 {
        assert_eq!(ask(&listener, &pvr).await, StatusCode::NOT_FOUND);
        world.pass(600);
        refusals::tell_due(&world.context).await;
    }
    let history = world.history(device, from);
    assert_eq!(history.len(), 1 + 24);
    assert_eq!(told(&history), 24 * 6);
    world.pass(2 * WINDOW_SECONDS);
    refusals::tell_due(&world.context).await;
    assert_eq!(ask(&listener, &pvr).await, StatusCode::NOT_FOUND);
    let last = world.history(device, from).pop().unwrap();
    assert_eq!(last.name(), "voucher_refused", "after silence the next one is a first one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_loses_counts_of_a_window_and_no_grant() {
    let world = World::new();
    let (good, bad) = (world.make("S-1").await, world.make("S-2").await);
    let device = world.declare("S-1");
    let refused = world.declare("S-2");
    world.retire(refused).await;
    vouch(&world, &good);
    let from = world.head() + 1;
    let csr = request_of("S-1", &good.signer);
    let pvr = world.voucher_request(&bad, &world.registrar());
    for round in 0..200 {
        assert_eq!(ask(&world.listener(&bad), &pvr).await, StatusCode::NOT_FOUND);
        if round == 100 {
            assert_eq!(enroll(&world.listener(&good), &csr).await, StatusCode::OK);
        }
    }
    let world = world.restart();
    let certificates = world.context.owner.as_ref().unwrap().store.store().list_certificates(device).unwrap();
    assert!(matches!(certificates[0].status, CertificateStatus::Issued { .. }));
    assert_eq!(told(&world.history(refused, from)), 1, "the first is on record, what was counted is lost");
    for _ in 0..200 {
        assert_eq!(ask(&world.listener(&bad), &pvr).await, StatusCode::NOT_FOUND);
    }
    refusals::tell_all(&world.context).await;
    assert_eq!(told(&world.history(refused, from)), 201);
    assert_eq!(world.history(refused, from).len(), 3);
}

/// Puts a voucher of `unit` on record.
fn vouch(world: &World, unit: &Unit) {
    let owner = world.context.owner.as_ref().unwrap();
    let store = owner.store.store();
    let serial = unit.chain[0].subject_serial_number().unwrap();
    let device = server_store::device_id(&"test-maker".parse().unwrap(), &serial);
    let version = || store.load_device(device).unwrap().map(|device| device.version);
    let pvr_digest = unit.chain[0].fingerprint();
    let intake = VoucherIntake {
        manufacturer: "test-maker".parse().unwrap(),
        serial,
        idevid: unit.chain[0].fingerprint(),
        idevid_certificate: Blob::new(unit.chain[0].der()).unwrap(),
        pvr_digest,
        nonce: None,
        facts: Blob::default(),
    };
    let begin = BeginVoucher { intake, expected: version(), awaiting: Blob::default() };
    store.execute(Stamp::system(world.now()), begin).unwrap();
    let complete = CompleteVoucher {
        pvr_digest,
        expected: version().unwrap(),
        voucher: Blob::default(),
        assertion: Text::clipped("proximity"),
    };
    store.execute(Stamp::system(world.now()), complete).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_waits_and_asks_anew_each_time_is_on_record_once() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = server_store::device_id(&"test-maker".parse().unwrap(), &"S-1".parse().unwrap());
    let listener = world.listener(&unit);
    for _ in 0..50 {
        let fresh = world.voucher_request(&unit, &world.registrar());
        assert_eq!(ask(&listener, &fresh).await, StatusCode::ACCEPTED);
        assert_eq!(ask(&listener, &fresh).await, StatusCode::ACCEPTED);
    }
    assert_eq!(world.history(device, 0).len(), 1);
    refusals::tell_all(&world.context).await;
    let history = world.history(device, 0);
    let Some(OwnerEvent::RepeatsCounted { repeats }) = history.last() else { panic!("{history:?}") };
    assert!(matches!(repeats.what, Repeated::Deferred { .. }));
    assert_eq!((history.len(), repeats.count), (2, 98), "all but the two of the first request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_enrolls_without_end_is_told_to_wait_and_its_history_says_so() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = world.declare("S-1");
    vouch(&world, &unit);
    let mut statuses = Vec::new();
    for _ in 0..server_store::PACE_RECORDS_MAX + 10 {
        let csr = request_of("S-1", &Signer::generate(KeyAlgorithm::EcdsaP256).unwrap());
        statuses.push(enroll(&world.listener(&unit), &csr).await);
    }
    let granted = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    let told_to_wait = statuses.iter().filter(|status| **status == StatusCode::SERVICE_UNAVAILABLE).count();
    assert_eq!((granted, told_to_wait), (29, 11), "one of thirty records is the voucher's");
    refusals::tell_all(&world.context).await;
    let history = world.history(device, 0);
    let [.., first, rest] = &history[..] else { panic!("{history:?}") };
    assert_eq!((first.name(), rest.name()), ("request_refused", "repeats_counted"));
    assert_eq!(told(&history[history.len() - 2..]), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_writes_nothing() {
    let (world, elsewhere) = (World::new(), World::new());
    let (own, foreign) = (world.make("S-1").await, elsewhere.make("S-1").await);
    let nobody = Unit { chain: Vec::new(), signer: Signer::generate(KeyAlgorithm::EcdsaP256).unwrap() };
    let from = world.head();
    let pvr = world.voucher_request(&foreign, &world.registrar());
    let csr = request_of("S-1", &foreign.signer);
    for stranger in [&foreign, &nobody] {
        let listener = world.listener(stranger);
        assert_eq!(ask(&listener, &pvr).await, StatusCode::FORBIDDEN);
        assert_eq!(enroll(&listener, &csr).await, StatusCode::FORBIDDEN);
        let report = Telemetry::success().write();
        let told = post(&listener, well_known::VOUCHER_STATUS, media_type::JSON, &report).await;
        assert_eq!(told, StatusCode::FORBIDDEN);
    }
    assert_eq!(ask(&world.listener(&own), b"no voucher-request").await, StatusCode::BAD_REQUEST);
    refusals::tell_all(&world.context).await;
    assert_eq!(world.head(), from);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_idevid_for_a_serial_number_is_refused_however_often_it_comes() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = world.declare("S-1");
    vouch(&world, &unit);
    let twin = world.twin("S-1");
    for _ in 0..3 {
        let fresh = world.voucher_request(&twin, &world.registrar());
        assert_eq!(ask(&world.listener(&twin), &fresh).await, StatusCode::FORBIDDEN);
    }
    let owner = world.context.owner.as_ref().unwrap();
    let found = owner.store.store().load_device(device).unwrap().unwrap();
    assert_eq!(found.idevid, Some(unit.chain[0].fingerprint()), "who was refused is not the device");
    let csr = request_of("S-1", &unit.signer);
    assert_eq!(enroll(&world.listener(&unit), &csr).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_certification_request_on_many_connections_gets_one_certificate() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let device = world.declare("S-1");
    vouch(&world, &unit);
    let csr = proto_est::body::encode(&request_of("S-1", &unit.signer));
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let request = Request::post("/.well-known/est/simpleenroll")
            .header(header::CONTENT_TYPE, media_type::PKCS10)
            .body(Body::from(csr.clone()));
        asked.spawn(world.listener(&unit).oneshot(request.unwrap()));
    }
    let mut answers = Vec::new();
    for answer in asked.join_all().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answers.push(answer.into_body().collect().await.unwrap().to_bytes());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let owner = world.context.owner.as_ref().unwrap();
    assert_eq!(owner.store.store().list_certificates(device).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_masa_are_on_record_once_and_counted() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let person = Author { actor: Actor::Operator(Text::clipped("olga")), line: None };
    let serial = unit.chain[0].subject_serial_number().unwrap();
    let stolen = Text::clipped("stolen");
    let blocked = maker::block_unit(&world.context, &person, (None, &serial), stolen).await.unwrap();
    let store = world.context.maker.as_ref().unwrap().store.store();
    let before = store.head().seq.0;
    let stranger = Peer::new(SocketAddr::from(([127, 0, 0, 1], 1)), None, Vec::new());
    for _ in 0..50 {
        let rvr = registrar_request(&world, &unit);
        let refused =
            maker::request_voucher(&world.context, &stranger, (&rvr, Format::CmsJson)).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "unit-blocked");
    }
    assert_eq!(store.head().seq.0, before + 1);
    refusals::tell_all(&world.context).await;
    assert_eq!(store.head().seq.0, before + 2);
    let last = store.unit_timeline(blocked.unit.id, Seq(before + 1), 10).unwrap().pop().unwrap();
    let MakerEvent::RepeatsCounted { repeats } = last.event else { panic!("{:?}", last.event) };
    assert_eq!(repeats.count, 49);
}

fn registrar_request(world: &World, unit: &Unit) -> Vec<u8> {
    let owner = world.context.owner.as_ref().unwrap();
    let body = world.voucher_request(unit, &world.registrar());
    let check = PvrCheck {
        idevid: &unit.chain[0],
        registrar_certificates: &owner.registrar.chain[..1],
        compat: pki::cms::Compat::Strict,
        now: world.now(),
    };
    let pvr = Pvr::parse(&body, Format::CmsJson).unwrap().verify(&check).unwrap();
    let draft = registrar::prepare(&pvr, &unit.chain, world.now()).unwrap();
    draft.sign(&owner.registrar.signer, &owner.registrar.chain).unwrap().rvr
}
