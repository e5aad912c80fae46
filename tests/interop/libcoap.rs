//! libcoap's example client and server, without DTLS, beside our CoAP engine.
//!
//! The engine has no sockets; a thread here lends it one.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::{ContentFormat, UnixTime};
use proto_coap::link_format::{self, Link};
use proto_coap::{
    Addresses, Code, Config, Engine, Error, ExchangeId, ObservationId, Output, Request, RequestId, Response,
};
use tests::program::{self, Ran};

/// How long one step of a conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message of [`Node::asks`]: whom to ask, what, and where the outcome goes.
type Ask = (SocketAddr, Request, Sender<Result<Response, Error>>);

/// Our engine on a socket of the loopback, in a thread.
struct Node {
    address: SocketAddr,
    asks: Sender<Ask>,
    stored: Arc<Mutex<Vec<u8>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("its address");
        let (asks, incoming) = mpsc::channel();
        let stored = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let mut task = Task::new(socket, incoming, Arc::clone(&stored));
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                task.turn();
            }
        });
        Self { address, asks, stored, is_over, thread: Some(thread) }
    }

    fn uri(&self, path: &str) -> String {
        format!("coap://{}/{path}", self.address)
    }

    /// Sends a request; what comes of it, notifications included, comes by the receiver.
    fn ask(&self, peer: SocketAddr, request: Request) -> Receiver<Result<Response, Error>> {
        let (outcome, receiver) = mpsc::channel();
        self.asks.send((peer, request, outcome)).expect("the thread runs");
        receiver
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the engine's thread does not panic");
        }
    }
}

/// What the thread does in turn.
struct Task {
    engine: Engine<SocketAddr>,
    socket: UdpSocket,
    started_at: Instant,
    asks: Receiver<Ask>,
    stored: Arc<Mutex<Vec<u8>>>,
    outcomes: BTreeMap<RequestId, Sender<Result<Response, Error>>>,
    slow: Vec<(Instant, ExchangeId)>,
    observers: Vec<ObservationId>,
    ticked_at: Instant,
}

impl Task {
    fn new(socket: UdpSocket, asks: Receiver<Ask>, stored: Arc<Mutex<Vec<u8>>>) -> Self {
        let config = Config { addresses: Addresses::Proven, ..Config::default() };
        Self {
            engine: Engine::new(config, [9; 32]),
            socket,
            started_at: Instant::now(),
            asks,
            stored,
            outcomes: BTreeMap::new(),
            slow: Vec::new(),
            observers: Vec::new(),
            ticked_at: Instant::now(),
        }
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(1_000).plus(self.started_at.elapsed())
    }

    fn turn(&mut self) {
        let mut datagram = [0; 2048];
        self.socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
        if let Ok((bytes, peer)) = self.socket.recv_from(&mut datagram) {
            self.engine.handle_packet(self.now(), &peer, &datagram[..bytes]);
        }
        self.engine.handle_timeout(self.now());
        while let Ok((peer, request, outcome)) = self.asks.try_recv() {
            let id = self.engine.request(self.now(), &peer, request).expect("a request that can be sent");
            self.outcomes.insert(id, outcome);
        }
        self.answer_slow();
        self.tick();
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.engine.poll_output() {
                Output::Transmit { peer, datagram } => {
                    self.socket.send_to(&datagram, peer).expect("the loopback takes it");
                }
                Output::Request { exchange, request, .. } => self.serve(exchange, &request),
                Output::Response { request, response, .. } => {
                    let _ = self.outcomes[&request].send(Ok(*response));
                }
                Output::Failed { request, error } => {
                    let _ = self.outcomes[&request].send(Err(error));
                }
                Output::ObservationEnded { observation } => self.observers.retain(|o| *o != observation),
                Output::Timeout(_) => return,
            }
        }
    }

    fn serve(&mut self, exchange: ExchangeId, request: &Request) {
        let now = self.now();
        let response = if request.path_is("/.well-known/core") {
            let links =
                [Link::new("/big").with("rt", "test.big"), Link::new("/store").with("rt", "test.store x")];
            let body = link_format::render(&links, request.query());
            Response::new(Code::CONTENT).with_body(ContentFormat::LINK_FORMAT, body)
        } else if request.path_is("/big") {
            Response::new(Code::CONTENT).with_body(ContentFormat::new(42), body(5_000))
        } else if request.path_is("/store") && request.method() == Code::POST {
            *self.stored.lock().expect("a lock") = request.body().to_vec();
            Response::new(Code::CHANGED).with_body(ContentFormat::new(42), request.body().clone())
        } else if request.path_is("/slow") {
            self.slow.push((Instant::now() + Duration::from_millis(1_500), exchange));
            return;
        } else if request.path_is("/tick") {
            let first = Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, &b"tick 0 "[..]);
            let observer = self.engine.observe(now, exchange, first).expect("it is open");
            self.observers.extend(observer);
            return;
        } else {
            Response::new(Code::NOT_FOUND)
        };
        self.engine.respond(now, exchange, response).expect("it is open");
    }

    fn answer_slow(&mut self) {
        let now = self.now();
        let due = self.slow.iter().position(|(at, _)| *at <= Instant::now());
        if let Some(at) = due {
            let (_, exchange) = self.slow.remove(at);
            let response = Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, &b"at last"[..]);
            self.engine.respond(now, exchange, response).expect("it is open");
        }
    }

    fn tick(&mut self) {
        if self.ticked_at.elapsed() < Duration::from_millis(300) {
            return;
        }
        self.ticked_at = Instant::now();
        for observer in self.observers.clone() {
            let text = format!("tick {} ", self.started_at.elapsed().as_millis());
            let response = Response::new(Code::CONTENT).with_body(ContentFormat::TEXT, text);
            self.engine.notify(self.now(), observer, response, true).expect("it is there");
        }
    }
}

/// Printable octets, each telling where it stands.
fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'!' + ((at + at / 90) % 90) as u8).collect()
}

/// Runs libcoap's client.
fn coap_client(arguments: &[&str]) -> Ran {
    program::run("coap-client-notls", arguments)
}

/// The same, where the outcome is in a file.
fn coap_client_to_file(arguments: &[&str]) {
    let _ = coap_client(arguments).well();
}

#[test]
fn libcoaps_client_discovers_fetches_and_stores() {
    let node = Node::start();
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();

    let all = coap_client(&["-m", "get", &node.uri(".well-known/core")]).well().text();
    assert!(all.contains("</big>;rt=\"test.big\",</store>;rt=\"test.store x\""), "{all}");
    let some = coap_client(&["-m", "get", &node.uri(".well-known/core?rt=test.s*")]).well().text();
    assert!(some.contains("</store>") && !some.contains("</big>"), "{some}");

    for size in ["16", "64", "1024"] {
        coap_client_to_file(&["-m", "get", "-b", size, "-o", &path("big"), &node.uri("big")]);
        assert!(std::fs::read(path("big")).expect("an answer") == body(5_000), "in blocks of {size}");
    }
    for size in ["32", "256", "1024"] {
        std::fs::write(path("in"), body(3_333)).expect("a file");
        let (input, output) = (path("in"), path("out"));
        let store = node.uri("store");
        coap_client_to_file(&["-m", "post", "-t", "42", "-b", size, "-f", &input, "-o", &output, &store]);
        assert!(*node.stored.lock().expect("a lock") == body(3_333), "in blocks of {size}");
        assert!(std::fs::read(&output).expect("an answer") == body(3_333), "in blocks of {size}");
        node.stored.lock().expect("a lock").clear();
    }
}

#[test]
fn libcoaps_client_waits_observes_and_is_refused() {
    let node = Node::start();
    let slow = coap_client(&["-m", "get", &node.uri("slow")]).well().text();
    assert!(slow.contains("at last"), "{slow}");
    let non = coap_client(&["-N", "-m", "get", &node.uri("slow")]).well().text();
    assert!(non.contains("at last"), "{non}");
    let ticks = coap_client(&["-s", "3", "-m", "get", &node.uri("tick")]).well().text();
    assert!(ticks.matches("tick ").count() >= 5, "{ticks}");
    // It writes errors to standard error.
    let missing = coap_client(&["-m", "get", &node.uri("nowhere")]).stderr;
    assert!(missing.contains("4.04"), "{missing}");
    let refused = coap_client(&["-O", "65001,0x01", "-m", "get", &node.uri("big")]).stderr;
    assert!(refused.contains("4.02"), "{refused}");
}

/// libcoap's example server.
struct Libcoap {
    child: Child,
    address: SocketAddr,
}

impl Libcoap {
    fn start() -> Self {
        // The port is free at this moment, and the example server can be told no socket.
        let address = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a free port");
        let port = address.port().to_string();
        let child = Command::new("coap-server-notls")
            .args(["-A", "127.0.0.1", "-p", &port, "-v", "2"])
            .spawn()
            .expect("coap-server-notls is installed (Debian: libcoap3-bin)");
        Self { child, address }
    }
}

impl Drop for Libcoap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn our_client_speaks_with_libcoaps_server() {
    let server = Libcoap::start();
    let node = Node::start();
    let ask = |request: Request| {
        let outcome = node.ask(server.address, request).recv_timeout(PATIENCE);
        outcome.expect("an outcome in time").expect("a response")
    };
    let core = ask(Request::new(Code::GET, "/.well-known/core"));
    assert_eq!((core.code(), core.content_format()), (Code::CONTENT, Some(ContentFormat::LINK_FORMAT)));
    assert!(String::from_utf8_lossy(core.body()).contains("</time>"));

    let put = ask(Request::new(Code::PUT, "/example_data").with_body(ContentFormat::TEXT, body(4_000)));
    assert!(put.code().is_success(), "{}", put.code());
    let got = ask(Request::new(Code::GET, "/example_data"));
    assert_eq!(got.code(), Code::CONTENT);
    assert!(got.body()[..] == body(4_000)[..]);

    let separate = ask(Request::new(Code::GET, "/async").with_query("1"));
    assert!(separate.code().is_success(), "{}", separate.code());

    let ticks = node.ask(server.address, Request::new(Code::GET, "/time").observing());
    for _ in 0..3 {
        let tick = ticks.recv_timeout(PATIENCE).expect("a notification in time").expect("a response");
        assert_eq!(tick.code(), Code::CONTENT);
    }
    let missing = ask(Request::new(Code::GET, "/nowhere"));
    assert_eq!(missing.code(), Code::NOT_FOUND);
}
