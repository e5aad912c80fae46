//! The maker's verbs over a real store, with a pledge and a registrar in memory: what a station and a MASA promise.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use onboarding_server::app::Refusal;
use onboarding_server::app::maker::{self, Author, OrderRequest, UnitRequest};
use onboarding_server::clock::Clock;
use onboarding_server::context::Context;
use pki::cms::Compat;
use pki::path::Anchors;
use pki::{Certificate, KeyAlgorithm, Signer, Subject, csr};
use proto::{Class, LineId, SerialNumber, UnixTime};
use proto_brski::pledge::{self, AwaitVoucher, PvrContent, VoucherPolicy as Strictness};
use proto_brski::{Format, MasaAuditLog, Pvr, PvrCheck, domain_id, registrar};
use proto_voucher::{Assertion, Nonce};
use server_config::VoucherPolicy;
use server_listen::Peer;
use server_store::{Actor, Order, SerialRange, Text};
use tempfile::TempDir;

/// A maker, and a registrar of some domain.
struct World {
    context: Arc<Context>,
    station: Author,
    _directory: TempDir,
}

/// A unit as it leaves the line.
struct Made {
    chain: Vec<Certificate>,
    signer: Signer,
}

impl World {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Context)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut context = common::open(directory.path(), Clock::system());
        change(&mut context);
        let station = Author { actor: Actor::Station(line("line-1")), line: Some(line("line-1")) };
        Self { context: Arc::new(context), station, _directory: directory }
    }

    async fn order(&self, quota: u64) -> Order {
        let request = OrderRequest {
            id: "order-1".parse().unwrap(),
            manufacturer: None,
            product: "sensor-one".parse().unwrap(),
            line: None,
            quota,
            serials: SerialRange::Any,
        };
        maker::open_order(&self.context, &self.station, request).await.unwrap()
    }

    async fn issue(&self, order: &Order, serial: &str, csr: &[u8]) -> Result<Vec<u8>, Refusal> {
        let unit = UnitRequest { serial: serial.parse().unwrap(), csr };
        maker::issue_idevid(&self.context, &self.station, order, unit).await.map(|issued| issued.certificate)
    }

    async fn make(&self, serial: &str) -> Made {
        let order = self.order(100).await;
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let idevid = self.issue(&order, serial, &request_of(serial, &signer)).await.unwrap();
        let issuers = maker::issuers(&self.context).unwrap();
        let chain = [idevid].iter().chain(&issuers).map(|der| Certificate::parse(der).unwrap()).collect();
        Made { chain, signer }
    }

    /// What the registrar of our own test domain sends for a pledge that speaks with it.
    fn registrar_request(&self, unit: &Made) -> (AwaitVoucher, Vec<u8>) {
        let owner = self.context.owner.as_ref().unwrap();
        let (own, now) = (&owner.registrar.chain[0], self.context.clock.now());
        let nonce = Nonce::from_random(rand16());
        let content = PvrContent::honest(&unit.chain[0], own, nonce, Some(now)).unwrap();
        let awaiting = pledge::request(&content, Format::CmsJson, &unit.signer, &unit.chain).unwrap();
        let check = PvrCheck {
            idevid: &unit.chain[0],
            registrar_certificates: std::slice::from_ref(own),
            compat: Compat::Strict,
            now,
        };
        let pvr = Pvr::parse(awaiting.request(), Format::CmsJson).unwrap().verify(&check).unwrap();
        let draft = registrar::prepare(&pvr, &unit.chain, now).unwrap();
        let rvr = draft.sign(&owner.registrar.signer, &owner.registrar.chain).unwrap().rvr;
        (awaiting, rvr)
    }

    /// What a registrar sends for a device that it does not hold.
    fn nonceless_request(&self, unit: &Made) -> Vec<u8> {
        let owner = self.context.owner.as_ref().unwrap();
        let issuer = proto_brski::IdevidIssuer::of(&unit.chain[0]);
        let serial = unit.chain[0].subject_serial_number().unwrap();
        let draft = registrar::prepare_nonceless(serial, &issuer, Format::CmsJson, self.context.clock.now());
        draft.sign(&owner.registrar.signer, &owner.registrar.chain).unwrap().rvr
    }

    async fn voucher(&self, rvr: &[u8]) -> Result<Vec<u8>, Refusal> {
        maker::request_voucher(&self.context, &stranger(), (rvr, Format::CmsJson)).await
    }

    fn maker_anchors(&self) -> &Anchors {
        &self.context.maker.as_ref().unwrap().anchors
    }
}

fn set_policy(context: &mut Context, policy: VoucherPolicy) {
    context.maker.as_mut().unwrap().settings.voucher_policy = policy;
}

fn line(name: &str) -> LineId {
    name.parse().unwrap()
}

fn request_of(serial: &str, signer: &Signer) -> Vec<u8> {
    let serial: SerialNumber = serial.parse().unwrap();
    csr::create(&csr::Request::new(Subject::device(&serial)), signer).unwrap()
}

fn rand16() -> [u8; 16] {
    pki::random_serial().unwrap().as_bytes().try_into().unwrap()
}

/// A registrar that showed no certificate of its own at the TLS handshake.
fn stranger() -> Peer {
    Peer::new(SocketAddr::from(([127, 0, 0, 1], 1)), None, Vec::new())
}

fn code<T>(result: Result<T, Refusal>) -> String {
    result.err().map(|refusal| refusal.code().to_string()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idevid_has_what_802_1ar_and_brski_ask_and_nothing_of_the_request_but_its_key() {
    // IEEE802.1AR-8.7-no-end
    let world = World::new();
    let order = world.order(1).await;
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let serial: SerialNumber = "S-1".parse().unwrap();
    let wicked = csr::Request::new(Subject::device(&serial)).asking_for_ca();
    let idevid = world.issue(&order, "S-1", &csr::create(&wicked, &signer).unwrap()).await.unwrap();
    let idevid = Certificate::parse(&idevid).unwrap();
    assert_eq!(idevid.not_after(), UnixTime::NO_END);
    assert_eq!(idevid.subject_serial_number(), Some(serial));
    assert_eq!(idevid.masa_url(), Some("localhost:9444"));
    assert_eq!(idevid.mud_url(), Some("https://mud.example.com/sensor-one.json"));
    assert_eq!(idevid.public_key(), signer.public_key());
    assert!(!idevid.is_ca());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gets_the_same_certificate_and_another_key_none() {
    let world = World::new();
    let order = world.order(2).await;
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let first = world.issue(&order, "S-1", &request_of("S-1", &signer)).await.unwrap();
    let again = world.issue(&order, "S-1", &request_of("S-1", &signer)).await.unwrap();
    assert_eq!(first, again);
    let other = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
    assert_eq!(code(world.issue(&order, "S-1", &request_of("S-1", &other)).await), "unit-key-conflict");
    assert_eq!(code(world.issue(&order, "S-2", &request_of("S-2", &signer)).await), "unit-key-used");
    let mixed_up = request_of("S-3", &other);
    assert_eq!(code(world.issue(&order, "S-2", &mixed_up).await), "unit-csr-serial-mismatch");
    let mut forged = request_of("S-2", &other);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(code(world.issue(&order, "S-2", &forged).await), "csr-self-signature-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_one_certificate_for_one_unit_and_never_exceed_the_quota() {
    let world = Arc::new(World::new());
    let order = Arc::new(world.order(8).await);
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut same = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (world, order, csr) = (Arc::clone(&world), Arc::clone(&order), request_of("S-0", &signer));
        same.spawn(async move { world.issue(&order, "S-0", &csr).await.unwrap() });
    }
    let mut issued = same.join_all().await;
    issued.dedup();
    assert_eq!(issued.len(), 1);
    let mut many = tokio::task::JoinSet::new();
    for index in 1..=16 {
        let (world, order) = (Arc::clone(&world), Arc::clone(&order));
        many.spawn(async move {
            let serial = format!("S-{index}");
            let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
            code(world.issue(&order, &serial, &request_of(&serial, &signer)).await)
        });
    }
    let codes = many.join_all().await;
    assert_eq!(codes.iter().filter(|code| code.is_empty()).count(), 7);
    assert_eq!(codes.iter().filter(|code| *code == "order-quota").count(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_neither_opens_nor_sees_nor_uses_the_order_of_another_line() {
    let world = World::new();
    let order = world.order(1).await;
    let other = Author { actor: Actor::Station(line("line-2")), line: Some(line("line-2")) };
    let found = maker::load_order(&world.context, &other, order.id.clone()).await;
    assert_eq!(code(found), "station-line-mismatch");
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let csr = request_of("S-1", &signer);
    let unit = UnitRequest { serial: "S-1".parse().unwrap(), csr: &csr };
    let issued = maker::issue_idevid(&world.context, &other, &order, unit).await;
    assert_eq!(code(issued), "station-line-mismatch");
    let page = maker::list_orders(&world.context, &other, &Default::default(), None, 10).await.unwrap();
    assert!(page.rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_accepts_the_voucher_and_the_same_request_again_brings_the_same_bytes() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let (awaiting, rvr) = world.registrar_request(&unit);
    let voucher = world.voucher(&rvr).await.unwrap();
    assert_eq!(world.voucher(&rvr).await.unwrap(), voucher);
    let policy = Strictness::strict(world.maker_anchors(), Some(world.context.clock.now()));
    let imprint = awaiting.verify(&voucher, &policy).unwrap();
    assert_eq!(imprint.voucher().assertion, Some(Assertion::Proximity));
    imprint.check_registrar(&world.context.owner.as_ref().unwrap().registrar.chain).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_for_a_domain_that_had_a_voucher_and_for_no_other() {
    // RFC8995-5.8-owner-only
    let world = World::new();
    let unit = world.make("S-1").await;
    let (_, rvr) = world.registrar_request(&unit);
    let stranger = stranger();
    let ask = || maker::request_audit_log(&world.context, &stranger, (&rvr, Format::CmsJson));
    let before = ask().await;
    assert_eq!(before.as_ref().err().map(Refusal::class), Some(Class::Unknown));
    assert_eq!(code(before), "masa-audit-log-foreign");
    world.voucher(&rvr).await.unwrap();
    let log = MasaAuditLog::parse(&ask().await.unwrap()).unwrap();
    assert_eq!(log.events.len(), 1);
    assert_eq!(log.events[0].assertion, Assertion::Proximity);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_unit_gets_no_voucher_and_the_refusal_is_in_its_timeline() {
    let world = World::new();
    let unit = world.make("S-1").await;
    let person = Author { actor: Actor::Operator(Text::clipped("olga")), line: None };
    let serial = unit.chain[0].subject_serial_number().unwrap();
    let blocked =
        maker::block_unit(&world.context, &person, (None, &serial), Text::clipped("stolen")).await.unwrap();
    let (_, rvr) = world.registrar_request(&unit);
    assert_eq!(code(world.voucher(&rvr).await), "unit-blocked");
    assert_eq!(blocked.unit.block.unwrap().note.as_str(), "stolen");
    let store = world.context.maker.as_ref().unwrap().store.store();
    let timeline = store.unit_timeline(blocked.unit.id, proto::Seq(0), 100).unwrap();
    assert_eq!(timeline.last().unwrap().event.name(), "masa_voucher_refused");
    let name = (None, &serial);
    let freed = maker::unblock_unit(&world.context, &person, name, Text::clipped("found")).await.unwrap();
    assert_eq!(freed.unit.block, None);
    let (_, again) = world.registrar_request(&unit);
    assert!(world.voucher(&again).await.is_ok());
    let timeline = store.unit_timeline(blocked.unit.id, proto::Seq(0), 100).unwrap();
    assert!(timeline.iter().any(|record| record.event.name() == "unit_unblocked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_verified_needs_a_sale_to_the_domain_that_asks() {
    let world = World::with(|context| set_policy(context, VoucherPolicy::SalesVerified));
    let unit = world.make("S-1").await;
    let (awaiting, rvr) = world.registrar_request(&unit);
    assert_eq!(code(world.voucher(&rvr).await), "masa-owner-unverified");
    let person = Author { actor: Actor::Operator(Text::clipped("sam")), line: None };
    let serial = unit.chain[0].subject_serial_number().unwrap();
    let issuing = &world.context.owner.as_ref().unwrap().ca_path[0];
    let (customer, domain) = (Text::clipped("Acme"), Some(domain_id(issuing)));
    maker::record_sale(&world.context, &person, (None, &serial), customer, domain).await.unwrap();
    let voucher = world.voucher(&rvr).await.unwrap();
    let mut policy = Strictness::strict(world.maker_anchors(), Some(world.context.clock.now()));
    policy.assertions = &[Assertion::Verified];
    assert!(awaiting.verify(&voucher, &policy).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_nonce_only_a_known_registrar_gets_a_voucher() {
    // RFC8995-5.5.4-nonceless-authenticated
    let world = World::with(|context| set_policy(context, VoucherPolicy::Logged));
    let unit = world.make("S-1").await;
    let refused = world.voucher(&world.nonceless_request(&unit)).await;
    assert_eq!(refused.err().map(|refusal| refusal.class()), Some(Class::Untrusted));
    let world = World::with(|context| {
        set_policy(context, VoucherPolicy::Logged);
        let known = context.owner.as_ref().unwrap().domain_anchors.clone();
        context.maker.as_mut().unwrap().registrar_anchors = Some(known);
    });
    let unit = world.make("S-1").await;
    assert!(world.voucher(&world.nonceless_request(&unit)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_of_another_maker_is_untrusted() {
    let (world, elsewhere) = (World::new(), World::new());
    let foreign = elsewhere.make("S-1").await;
    world.make("S-1").await;
    let (_, rvr) = world.registrar_request(&foreign);
    let refused = world.voucher(&rvr).await;
    assert_eq!(refused.err().map(|refusal| refusal.class()), Some(Class::Untrusted));
}
