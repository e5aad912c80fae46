//! libcoap's command line clients, on OpenSSL and on GnuTLS, before our listener of CoAP over DTLS.
//!
//! They send their own certificate only; the judge knows the maker's issuing CA.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use device_sim::pledge::{Reenrollment, ldevid_request};
use device_sim::transport::Identity;
use proto::ContentFormat;
use proto_coap::{Code, Response, link_format};
use proto_est::coap::read_issued;
use server_coaps::{Handler, Listener, Service, serve};
use server_listen::{Meter, StopSender, stop_signal};
use tests::program::{Ran, run};
use tests::server::Server;
use tests::units;
use tokio::task::spawn_blocking;

use crate::dtls::Files;
use crate::dtls::house::{self, House, World};

const CLIENTS: [&str; 2] = ["coap-client-openssl", "coap-client-gnutls"];
/// More than one block, in either direction.
const BIG: usize = 4_500;

fn handler() -> Handler {
    Arc::new(|peer, request| {
        Box::pin(async move {
            let text = |text: String| Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, text);
            if request.path_is("/.well-known/core") {
                let body = link_format::render(
                    &[link_format::Link::new("/big").with("rt", "test.big")],
                    request.query(),
                );
                return Response::new(Code::CONTENT).with_body(ContentFormat::LINK_FORMAT, body);
            }
            if request.path_is("/big") {
                return text("x".repeat(BIG));
            }
            if request.path_is("/length") {
                return text(format!("{} octets came", request.body().len()));
            }
            let serial = peer.certificate().and_then(pki::Certificate::subject_serial_number);
            text(serial.map(|serial| format!("you are {serial}")).unwrap_or_default())
        })
    })
}

async fn start(world: &World) -> (SocketAddr, StopSender) {
    let listener = Listener::bind("coaps", ([127, 0, 0, 1], 0).into()).await.expect("a socket");
    let (address, started) = (listener.address(), Instant::now());
    let service = Service {
        dtls: world.server.clone(),
        coap: proto_coap::Config::default(),
        handler: handler(),
        meter: Meter::default(),
        now: Arc::new(move || house::at(0).plus(started.elapsed())),
        drain_timeout: Duration::from_secs(5),
    };
    let (stop, signal) = stop_signal();
    tokio::spawn(serve(listener, service, signal));
    (address, stop)
}

/// Runs one of libcoap's clients beside the listener.
async fn ask(client: &'static str, files: &Arc<Files>, server: SocketAddr, path: &str, more: &[&str]) -> Ran {
    let (files, url) = (Arc::clone(files), format!("coaps://{server}{path}"));
    let more: Vec<String> = more.iter().map(|&argument| argument.to_owned()).collect();
    let run_it = move || {
        let mut arguments =
            vec!["-c".to_owned(), files.text("chain.pem"), "-j".to_owned(), files.text("key.pem")];
        arguments.extend(["-R".to_owned(), files.text("root.pem"), "-B".to_owned(), "10".to_owned()]);
        arguments.extend(more);
        arguments.push(url);
        run(client, arguments)
    };
    spawn_blocking(run_it).await.expect("the client is run")
}

#[tokio::test]
async fn libcoaps_clients_discover_read_and_write_by_blocks_with_their_certificates() {
    let world = World::new();
    let (server, _stop) = start(&world).await;
    let files = Arc::new(Files::of(&world.maker.identity, &world.owner));
    let upload = files.text("upload");
    std::fs::write(&upload, vec![b'y'; BIG]).expect("a file is written");
    for client in CLIENTS {
        let said = |ran: Ran| ran.well().text();
        assert!(said(ask(client, &files, server, "/who", &[]).await).contains("you are SN-0001"), "{client}");
        let core = said(ask(client, &files, server, "/.well-known/core?rt=test.big", &[]).await);
        assert!(core.contains("</big>;rt=\"test.big\""), "{client}: {core}");
        assert!(said(ask(client, &files, server, "/big", &[]).await).contains(&"x".repeat(BIG)), "{client}");
        let post = ["-m", "post", "-t", "0", "-f", &upload];
        let length = said(ask(client, &files, server, "/length", &post).await);
        assert!(length.contains(&format!("{BIG} octets came")), "{client}: {length}");
    }
}

#[tokio::test]
async fn libcoaps_client_renews_a_devices_certificate_at_the_real_server() {
    let (server, coaps) = Server::start_with_coaps();
    let units = units::make(&server, "L1", 1).await;
    units::declare(&server, &units).await;
    let aboard = units::come_aboard(&server, &units[0], Reenrollment::None).await;
    let Identity { chain, signer } = aboard.outcome.expect("it comes aboard").ldevid;
    let request = ldevid_request(&chain[0], None).expect("a request");
    let own = proto_dtls::Identity { chain, signer };
    let files = Arc::new(Files::new(&own, server.domain_chain().last().expect("a root")));
    let (csr, out) = (files.text("request.der"), files.text("answer.p7"));
    std::fs::write(&csr, &request.csr).expect("a file is written");
    let core = ask(CLIENTS[0], &files, coaps, "/.well-known/core?rt=ace.est.sren", &[]).await.well().text();
    assert!(core.contains("</.well-known/est/sren>"), "{core}");
    let post = ["-m", "post", "-t", "286", "-A", "281", "-f", &csr, "-o", &out];
    let _ = ask(CLIENTS[0], &files, coaps, "/.well-known/est/sren", &post).await.well();
    let printed = run("openssl", ["pkcs7", "-inform", "DER", "-in", &out, "-print_certs", "-noout"]).well();
    let serial_number = format!("serialNumber = {}", units[0].serial_number());
    assert!(printed.text().contains(&serial_number), "{printed:?}");
    let answer = std::fs::read(&out).expect("an answer");
    let issued = read_issued(ContentFormat::PKCS7_CERTS_ONLY, &answer, request.signer.public_key());
    assert!(issued.is_ok(), "{issued:?}");
}

#[tokio::test]
async fn a_client_of_another_maker_is_not_answered() {
    let world = World::new();
    let (server, _stop) = start(&world).await;
    let files = Arc::new(Files::of(&House::maker().identity, &world.owner));
    for client in CLIENTS {
        let ran = ask(client, &files, server, "/who", &["-B", "3"]).await;
        assert!(!ran.text().contains("you are"), "{client}: {ran:?}");
    }
}
