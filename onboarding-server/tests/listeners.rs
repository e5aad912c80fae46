//! What a listener does to good, slow and greedy clients, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Extension, Router};
use onboarding_server::metrics::Metrics;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use server_config::{Config, TlsVersion};
use server_listen::{
    Alpn, Channel, Listener, Peer, Service, StopSender, TlsFiles, load_chain, load_key, serve, stop_signal,
    tls_config,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than the socket buffers of both sides hold.
const LONG_BYTES: usize = 64 * 1024 * 1024;

struct House {
    directory: tempfile::TempDir,
    config: Config,
    address: SocketAddr,
    tls: Arc<ArcSwap<rustls::ServerConfig>>,
    metrics: Metrics,
    gate: Arc<Gate>,
    stop: StopSender,
    served: JoinHandle<()>,
}

/// Where a request waits until a test lets it go on.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
}

fn files(config: &Config) -> TlsFiles {
    let owner = config.owner.as_ref().unwrap();
    TlsFiles { certificate: owner.registrar_certificate.clone(), key: owner.registrar_key.clone() }
}

async fn house(limits: &str) -> House {
    house_with_tls(limits, true).await
}

async fn house_with_tls(limits: &str, has_tls: bool) -> House {
    let directory = tempfile::tempdir().unwrap();
    let config = common::configuration(directory.path(), &format!("[limits]\n{limits}"));
    let made = tls_config(&files(&config), &config.limits, Alpn::Http, &[]);
    let tls = Arc::new(ArcSwap::from_pointee(made.unwrap()));
    let (metrics, gate) = (Metrics::new(), Arc::<Gate>::default());
    let service = Service {
        channel: if has_tls { Channel::Tls(Arc::clone(&tls)) } else { Channel::Plain },
        router: router().layer(Extension(Arc::clone(&gate))),
        limits: Arc::new(config.limits.clone()),
        body_bytes_max: Some(config.limits.body_bytes_max),
        meter: metrics.connections(),
    };
    let listener = Listener::bind("owner", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address();
    let (stop, signal) = stop_signal();
    let served = tokio::spawn(serve(listener, service, signal));
    House { directory, config, address, tls, metrics, gate, stop, served }
}

fn router() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/peer", get(describe_peer))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/long", get(|| async { vec![b'x'; LONG_BYTES] }))
        .route("/panic", get(panics))
        .route("/never", get(std::future::pending::<&'static str>))
        .route("/gate", get(wait_at_gate))
}

async fn panics() -> &'static str {
    panic!("a test asked for it")
}

async fn wait_at_gate(Extension(gate): Extension<Arc<Gate>>) -> &'static str {
    gate.entered.notify_one();
    gate.open.notified().await;
    "through"
}

async fn describe_peer(Extension(peer): Extension<Arc<Peer>>) -> String {
    let version = peer.tls().map_or("none", |tls| tls.version);
    let name =
        peer.certificate().and_then(|certificate| certificate.subject_common_name()).unwrap_or("nobody");
    format!("{version} {name} +{}", peer.intermediates().len())
}

/// A client that takes any server: what is tested here is the server.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        pki::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

struct Client {
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    certificate: Option<TlsFiles>,
    alpn: Vec<Vec<u8>>,
}

impl Default for Client {
    fn default() -> Self {
        Self { versions: rustls::ALL_VERSIONS.to_vec(), certificate: None, alpn: Vec::new() }
    }
}

impl Client {
    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(pki::tls::provider())
            .with_protocol_versions(&self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer));
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let chain = load_chain(&files.certificate).unwrap();
                let key = pki::tls::certified_key(&chain, &load_key(&files.key).unwrap()).unwrap();
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
    }
}

async fn ask(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

impl House {
    async fn get(&self, client: &Client, path: &str) -> String {
        ask(&mut client.connect(self.address).await.unwrap(), &get_request(path)).await
    }

    /// Greets as a TLS 1.2 client without the extended master secret does and returns the first bytes of the answer.
    async fn answer_to_hello(&self) -> [u8; 16] {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(&hello_without_extended_master_secret()).await.unwrap();
        let mut answer = [0; 16];
        let mut length = 0;
        // An alert is shorter than the beginning of a ServerHello, and the connection ends with it.
        while length < answer.len() {
            match timeout(PATIENCE, socket.read(&mut answer[length..])).await.unwrap() {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
        answer
    }

    async fn end(self) {
        self.stop.stop();
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
        drop(self.directory);
    }
}

#[tokio::test]
async fn speaks_tls_1_2_and_1_3_and_tells_which() {
    let house = house("").await;
    for (version, name) in [(&rustls::version::TLS12, "TLSv1_2"), (&rustls::version::TLS13, "TLSv1_3")] {
        let client = Client { versions: vec![version], ..Client::default() };
        let answer = house.get(&client, "/peer").await;
        assert!(answer.ends_with(&format!("{name} nobody +0")), "{answer}");
    }
    house.end().await;
}

#[tokio::test]
async fn tls_1_2_is_refused_where_1_3_is_the_oldest() {
    let house = house("tls_version_min = '1.3'").await;
    assert_eq!(house.config.limits.tls_version_min, TlsVersion::Tls13);
    let old = Client { versions: vec![&rustls::version::TLS12], ..Client::default() };
    assert!(old.connect(house.address).await.is_err());
    assert!(house.get(&Client::default(), "/hello").await.ends_with("hello"));
    house.end().await;
}

#[tokio::test]
async fn tls_1_2_without_the_extended_master_secret_is_refused() {
    // RFC7627-5.2-server-requires
    let house = house("").await;
    assert!(house.tls.load().require_ems);
    // A fatal alert (RFC 5246 §7.2): handshake_failure.
    assert_eq!(house.answer_to_hello().await[..7], [21, 3, 3, 0, 2, 2, 40]);
    house.end().await;
}

#[tokio::test]
async fn tls_1_2_without_the_extended_master_secret_is_let_in_where_the_configuration_says_so() {
    let house = house("extended_master_secret = false").await;
    assert!(!house.tls.load().require_ems);
    let answer = house.answer_to_hello().await;
    // A handshake record with a ServerHello (RFC 5246 §7.4.1.3) of TLS 1.2.
    assert_eq!((answer[0], answer[5], &answer[9..11]), (22, 2, &[3, 3][..]));
    house.end().await;
}

/// A ClientHello of TLS 1.2 that offers all our server needs but the extended master secret.
fn hello_without_extended_master_secret() -> Vec<u8> {
    let extensions: &[&[u8]] = &[
        &[0, 10, 0, 4, 0, 2, 0, 23],      // supported_groups: secp256r1
        &[0, 11, 0, 2, 1, 0],             // ec_point_formats: uncompressed
        &[0, 13, 0, 6, 0, 4, 4, 3, 5, 3], // signature_algorithms: ecdsa with SHA-256, SHA-384
    ];
    let extensions = extensions.concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]); // no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let mut handshake = vec![1, 0];
    handshake.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    handshake.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(handshake.len()).unwrap().to_be_bytes());
    record.extend(handshake);
    record
}

#[tokio::test]
async fn hands_on_the_certificate_that_the_handshake_proved() {
    let house = house("").await;
    let certificate = Some(files(&house.config));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client =
            Client { versions: vec![version], certificate: certificate.clone(), ..Client::default() };
        let answer = house.get(&client, "/peer").await;
        assert!(answer.ends_with("Test domain registrar +1"), "{answer}");
    }
    house.end().await;
}

#[tokio::test]
async fn answers_http_1_0_with_a_content_length() {
    let house = house("").await;
    let mut stream = Client::default().connect(house.address).await.unwrap();
    let answer = ask(&mut stream, "GET /hello HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert!(answer.to_lowercase().contains("content-length: 5\r\n"), "{answer}");
    house.end().await;
}

#[tokio::test]
async fn a_small_answer_is_one_tls_record() {
    let house = house("").await;
    let client = Client { versions: vec![&rustls::version::TLS12], ..Client::default() };
    let mut stream = client.connect(house.address).await.unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let (socket, connection) = stream.get_mut();
    let mut raw = [0; 4096];
    let length = timeout(PATIENCE, socket.read(&mut raw)).await.unwrap().unwrap();
    let record = usize::from(u16::from_be_bytes([raw[3], raw[4]]));
    assert_eq!((raw[0], length), (23, record + 5), "head and body did not come in one record");
    connection.read_tls(&mut &raw[..length]).unwrap();
    assert!(connection.process_new_packets().unwrap().plaintext_bytes_to_read() > 100);
    drop(stream);
    house.end().await;
}

#[tokio::test]
async fn http_2_is_chosen_by_alpn() {
    let house = house("").await;
    let client = Client { alpn: vec![b"h2".to_vec()], ..Client::default() };
    let stream = client.connect(house.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/hello").body(axum::body::Body::empty()).unwrap();
    let answer = timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    drop(sender);
    driven.abort();
    house.end().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_its_length_was_told_or_not() {
    let house = house("body_bytes_max = 4096").await;
    let body = "x".repeat(5000);
    let told =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n{body}");
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n{body}\r\n0\r\n\r\n"
    );
    for request in [told, chunked] {
        let mut stream = Client::default().connect(house.address).await.unwrap();
        let answer = ask(&mut stream, &request).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    house.end().await;
}

#[tokio::test]
async fn nothing_is_smuggled_behind_a_request_with_a_length_and_chunks() {
    // RFC9112-6.1-length-and-coding
    let house = house("").await;
    let (length, coding) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    let smuggled = get_request("/hello");
    for fields in [format!("{length}{coding}"), format!("{coding}{length}")] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n0\r\n\r\n{smuggled}");
        let mut stream = Client::default().connect(house.address).await.unwrap();
        let answer = ask(&mut stream, &request).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields}{answer}");
    }
    house.end().await;
}

#[tokio::test]
async fn a_panic_ends_the_request_and_not_the_server() {
    let house = house("").await;
    let answer = house.get(&Client::default(), "/panic").await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(!answer.contains("a test asked for it"));
    assert!(house.get(&Client::default(), "/hello").await.ends_with("hello"));
    house.end().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_503() {
    let house = house("request_timeout_seconds = 1").await;
    let answer = house.get(&Client::default(), "/never").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after"), "{answer}");
    house.end().await;
}

#[tokio::test]
async fn a_client_that_never_begins_its_handshake_is_let_go() {
    let house = house("handshake_timeout_seconds = 1").await;
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let mut byte = [0];
    let read = timeout(PATIENCE, socket.read(&mut byte)).await.expect("the server held the connection");
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!(house.metrics.encode().contains(r#"reason="handshake-timeout""#));
    house.end().await;
}

#[tokio::test]
async fn a_client_that_sends_half_a_head_is_let_go() {
    let house = house("idle_timeout_seconds = 1").await;
    let mut stream = Client::default().connect(house.address).await.unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the server held the connection").ok();
    house.end().await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answer_is_let_go() {
    let house = house("idle_timeout_seconds = 1").await;
    let mut stream = Client::default().connect(house.address).await.unwrap();
    stream.write_all(get_request("/long").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let let_go = async {
        while !house.metrics.encode().contains(r#"gangway_connections{listener="owner"} 0"#) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, let_go).await.expect("the server held the connection");
    house.end().await;
}

#[tokio::test]
async fn one_address_cannot_take_more_than_its_connections() {
    let house = house("connections_per_address_max = 1").await;
    let first = Client::default().connect(house.address).await.unwrap();
    assert!(Client::default().connect(house.address).await.is_err());
    assert!(house.metrics.encode().contains(r#"reason="address-full""#));
    drop(first);
    let again = async {
        while Client::default().connect(house.address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the place was not given back");
    house.end().await;
}

#[tokio::test]
async fn an_open_request_is_finished_after_the_signal_to_stop() {
    let house = house("").await;
    let mut stream = Client::default().connect(house.address).await.unwrap();
    stream.write_all(b"GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    timeout(PATIENCE, house.gate.entered.notified()).await.unwrap();
    house.stop.stop();
    let refuses = async { while TcpStream::connect(house.address).await.is_ok() {} };
    timeout(PATIENCE, refuses).await.expect("it still accepts");
    house.gate.open.notify_one();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().ok();
    assert!(answer.ends_with("through"), "{answer}");
    house.end().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let house = house("drain_timeout_seconds = 1\nrequest_timeout_seconds = 600").await;
    let mut stream = Client::default().connect(house.address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    house.end().await;
}

#[tokio::test]
async fn a_new_certificate_holds_for_the_next_connection() {
    let house = house("").await;
    let before = server_certificate(&house).await;
    let owner = house.config.owner.as_ref().unwrap();
    std::fs::remove_file(&owner.registrar_certificate).unwrap();
    std::fs::remove_file(&owner.registrar_key).unwrap();
    common::make_material(&house.config);
    house
        .tls
        .store(Arc::new(tls_config(&files(&house.config), &house.config.limits, Alpn::Http, &[]).unwrap()));
    assert_ne!(before, server_certificate(&house).await);
    house.end().await;
}

async fn server_certificate(house: &House) -> Vec<u8> {
    let stream = Client::default().connect(house.address).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn sessions_are_not_resumed() {
    let house = house("").await;
    let answer = house.get(&Client::default(), "/hello").await;
    assert!(answer.ends_with("hello"));
    assert_eq!(house.tls.load().send_tls13_tickets, 0);
    assert!(!house.tls.load().session_storage.can_cache());
    assert!(!house.tls.load().ticketer.enabled());
    house.end().await;
}

#[tokio::test]
async fn the_plain_listener_has_no_peer_certificate() {
    let house = house_with_tls("", false).await;
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    socket.write_all(get_request("/peer").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.ends_with("none nobody +0"), "{answer}");
    house.end().await;
}
