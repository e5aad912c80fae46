//! The listener on the loopback, before clients of every version of DTLS that is spoken.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use proto::ContentFormat;
use proto_coap::{Code, Request, Response};
use proto_dtls::Offer;
use server_coaps::{Handler, Listener, Service, serve};
use server_listen::{Meter, StopSender, stop_signal};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

#[path = "common/device.rs"]
mod device;
#[path = "../../../proto/dtls/tests/common/mod.rs"]
mod house;

use device::{Device, PATIENCE};
use house::{World, at};

/// More than one block, in either direction.
const BIG: usize = 5_000;

/// A listener that is served, and its end.
struct Served {
    address: SocketAddr,
    stop: StopSender,
    ended: JoinHandle<Result<(), proto_dtls::Error>>,
    /// Lets the answer of `/slow` go.
    release: Arc<Notify>,
}

/// `/big` is long, `/who` names the peer, `/length` tells how much came, `/slow` waits to be released, `/panic` panics.
fn handler(release: Arc<Notify>) -> Handler {
    Arc::new(move |peer, request| {
        let release = Arc::clone(&release);
        Box::pin(async move {
            let text = |text: String| Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, text);
            if request.path_is("/big") {
                return text("x".repeat(BIG));
            }
            if request.path_is("/who") {
                let serial = peer.certificate().and_then(pki::Certificate::subject_serial_number);
                return text(serial.map(|serial| serial.to_string()).unwrap_or_default());
            }
            if request.path_is("/length") {
                return text(request.body().len().to_string());
            }
            if request.path_is("/slow") {
                release.notified().await;
                return text("at last".to_owned());
            }
            assert!(!request.path_is("/panic"), "as this test wants");
            Response::new(Code::NOT_FOUND)
        })
    })
}

async fn start(world: &World) -> Served {
    let listener = Listener::bind("coaps", ([127, 0, 0, 1], 0).into()).await.unwrap();
    let (address, started, release) = (listener.address(), Instant::now(), Arc::new(Notify::new()));
    let service = Service {
        dtls: world.server.clone(),
        coap: proto_coap::Config::default(),
        handler: handler(Arc::clone(&release)),
        meter: Meter::default(),
        now: Arc::new(move || at(0).plus(started.elapsed())),
        drain_timeout: PATIENCE,
    };
    let (stop, signal) = stop_signal();
    Served { address, stop, ended: tokio::spawn(serve(listener, service, signal)), release }
}

fn connect(world: &World, offer: Offer, server: SocketAddr) -> Device {
    Device::connect(&world.client, offer, server, at(0))
}

fn get(path: &str) -> Request {
    Request::new(Code::GET, path)
}

fn text(response: &Response) -> (Code, String) {
    (response.code(), String::from_utf8_lossy(response.body()).into_owned())
}

/// Runs what blocks beside the listener.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn every_version_and_suite_brings_long_bodies_both_ways_and_the_peer_with_them() {
    let world = Arc::new(World::new());
    let served = start(&world).await;
    for offer in Offer::ALL {
        let (world, server) = (Arc::clone(&world), served.address);
        beside(move || {
            let mut device = connect(&world, offer, server);
            assert_eq!(text(&device.ask(get("/who"))), (Code::CONTENT, "SN-0001".to_owned()), "{offer:?}");
            assert_eq!(device.ask(get("/big")).body().len(), BIG, "{offer:?}");
            let post = Request::new(Code::POST, "/length").with_body(ContentFormat::TEXT, vec![7; BIG]);
            assert_eq!(text(&device.ask(post)), (Code::CONTENT, BIG.to_string()), "{offer:?}");
            assert_eq!(device.ask(get("/nowhere")).code(), Code::NOT_FOUND);
        })
        .await;
    }
    served.stop.stop();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_ends_one_request_and_neither_the_session_nor_the_listener() {
    let world = World::new();
    let served = start(&world).await;
    let server = served.address;
    beside(move || {
        let mut device = connect(&world, Offer::Dtls12Ccm8, server);
        assert_eq!(device.ask(get("/panic")).code(), Code::INTERNAL_SERVER_ERROR);
        assert_eq!(device.ask(get("/who")).code(), Code::CONTENT);
    })
    .await;
}

#[tokio::test]
async fn who_is_not_let_pass_is_not_heard() {
    let world = World::new();
    let served = start(&world).await;
    let server = served.address;
    beside(move || {
        let stranger = world.owner.identity.clone();
        let config = proto_dtls::Config { identity: stranger, ..world.client.clone() };
        let world = World { client: config, ..world };
        let device = connect(&world, Offer::Dtls12Ccm8, server);
        assert!(device.client.end().is_some(), "the session is refused");
    })
    .await;
}

#[tokio::test]
async fn a_handshake_that_is_refused_leaves_the_open_session_of_its_address_alone() {
    let world = World::new();
    let served = start(&world).await;
    let server = served.address;
    beside(move || {
        let mut device = connect(&world, Offer::Dtls12Ccm8, server);
        let stranger = proto_dtls::Config { identity: world.owner.identity.clone(), ..world.client.clone() };
        assert!(device.try_beside(&stranger, Offer::Dtls12Ccm8).is_some(), "it is refused");
        assert_eq!(text(&device.ask(get("/who"))), (Code::CONTENT, "SN-0001".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn at_the_end_open_requests_are_answered_and_peers_are_taken_leave_of() {
    let world = World::new();
    let served = start(&world).await;
    let server = served.address;
    let (asked, is_asked) = oneshot::channel();
    let device = tokio::task::spawn_blocking(move || {
        let mut device = connect(&world, Offer::Dtls13, server);
        device.engine.request(device.now(), &device.server, get("/slow")).unwrap();
        // The acknowledgement that goes ahead of a slow answer shows that it was taken.
        assert!(device.drain().is_none());
        while device.engine.usage().outbound > 0 {
            assert!(device.turn().is_none());
        }
        asked.send(()).unwrap();
        let mut outcome = None;
        while outcome.is_none() {
            outcome = device.turn();
        }
        while device.client.end().is_none() {
            assert!(device.started.elapsed() < PATIENCE, "nobody takes leave");
            device.turn();
        }
        (text(&outcome.unwrap().unwrap()), device.client.end())
    });
    is_asked.await.unwrap();
    served.stop.stop();
    served.release.notify_one();
    let (answer, end) = device.await.unwrap();
    assert_eq!((answer, end), ((Code::CONTENT, "at last".to_owned()), Some(None)));
    served.ended.await.unwrap().unwrap();
}
