//! OpenSSL's and GnuTLS's command line clients before our DTLS endpoint, over UDP.
//!
//! The endpoint has no sockets; a thread here lends it one. It gives every message back and takes leave.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::UnixTime;
use proto_dtls::{Config, Endpoint, Error, Event, Identity, Version};
use tempfile::TempDir;
use tests::program::{Ran, run_with_input};

#[path = "../../proto/dtls/tests/common/mod.rs"]
pub(crate) mod house;

use house::{House, World};

const WORD: &str = "a word from a stranger";

/// Our endpoint on a socket of the loopback, in a thread.
struct Node {
    address: SocketAddr,
    events: Receiver<Event<SocketAddr>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    fn start(config: Config) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
        let address = socket.local_addr().expect("its address");
        let (sender, events) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let started_at = Instant::now();
        let endpoint = Endpoint::new(config, [9; 32], started_at).expect("an endpoint");
        let mut task = Task { endpoint, socket, started_at, sender };
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                task.turn();
            }
        });
        Self { address, events, is_over, thread: Some(thread) }
    }

    fn next(&self) -> Event<SocketAddr> {
        self.events.recv_timeout(Duration::from_secs(20)).expect("something happens")
    }

    /// Expects a session that opens, brings the word, and nothing else.
    fn expect_word(&self, version: Version) {
        assert!(matches!(self.next(), Event::Opened { version: spoken, .. } if spoken == version));
        let Event::Received { message, .. } = self.next() else { panic!("no message") };
        assert_eq!(String::from_utf8_lossy(&message).trim_end(), WORD);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the endpoint's thread does not panic");
        }
    }
}

/// What the thread does in turn.
struct Task {
    endpoint: Endpoint<SocketAddr>,
    socket: UdpSocket,
    started_at: Instant,
    sender: Sender<Event<SocketAddr>>,
}

impl Task {
    fn now(&self) -> UnixTime {
        house::at(0).plus(self.started_at.elapsed())
    }

    fn turn(&mut self) {
        let mut datagram = [0; 2048];
        if let Ok((bytes, peer)) = self.socket.recv_from(&mut datagram) {
            self.endpoint.on_datagram(self.now(), &peer, &datagram[..bytes]);
        }
        self.endpoint.on_timeout(self.now());
        while let Some(event) = self.endpoint.recv() {
            if let Event::Received { peer, message } = &event {
                self.endpoint.send(self.now(), peer, message).expect("a message goes back");
                self.endpoint.close(self.now(), peer);
            }
            let _ = self.sender.send(event);
        }
        while let Some((peer, datagram)) = self.endpoint.poll_transmit() {
            self.socket.send_to(&datagram, peer).expect("a datagram goes out");
        }
    }
}

/// A stranger's files: its chain, its key, and the owner's root.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn of(identity: &Identity, owner: &House) -> Self {
        Self::new(identity, owner.root.certificate())
    }

    pub(crate) fn new(identity: &Identity, root: &pki::Certificate) -> Self {
        let files = Self { directory: TempDir::new().expect("a directory") };
        let chain: String = identity.chain.iter().map(pki::Certificate::to_pem).collect();
        let write = |name, text: &str| std::fs::write(files.path(name), text).expect("a file is written");
        write("chain.pem", &chain);
        write("key.pem", identity.signer.to_pkcs8_pem().expect("a key").expose());
        write("root.pem", &root.to_pem());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn openssl(&self, node: &Node, more: &[&str]) -> Ran {
        let to = node.address.to_string();
        let (chain, key, root) = (self.text("chain.pem"), self.text("key.pem"), self.text("root.pem"));
        let mut arguments = vec!["s_client", "-dtls1_2", "-connect", &to, "-ign_eof", "-verify_return_error"];
        arguments.extend(["-cert", &chain, "-cert_chain", &chain, "-key", &key, "-CAfile", &root]);
        arguments.extend(more);
        run_with_input("openssl", arguments, format!("{WORD}\n").as_bytes())
    }

    fn gnutls(&self, node: &Node, cipher: &str) -> Ran {
        let port = node.address.port().to_string();
        let priority = format!("NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CIPHER-ALL:+{cipher}");
        let (chain, key, root) = (self.text("chain.pem"), self.text("key.pem"), self.text("root.pem"));
        let mut arguments = vec!["--udp", "127.0.0.1", "--port", &port, "--priority", &priority];
        arguments.extend(["--x509certfile", &chain, "--x509keyfile", &key, "--x509cafile", &root]);
        arguments.extend(["--verify-hostname", "registrar.example"]);
        run_with_input("gnutls-cli", arguments, format!("{WORD}\n").as_bytes())
    }
}

// RFC7252-9.1.3.3-suite
#[test]
fn openssl_speaks_with_our_endpoint_in_ccm_8_and_gcm() {
    let world = World::new();
    let node = Node::start(world.server.clone());
    let files = Files::of(&world.maker.identity, &world.owner);
    for suite in ["ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    {
        let ran = files.openssl(&node, &["-cipher", &format!("{suite}:@SECLEVEL=0")]).well();
        assert!(ran.text().contains("Verify return code: 0 (ok)"), "{ran:?}");
        assert!(ran.text().contains(&format!("Cipher is {suite}")) && ran.text().contains(WORD), "{ran:?}");
        node.expect_word(Version::Dtls12);
    }
}

#[test]
fn openssl_resumes_a_session_by_its_ticket_and_is_judged_anew() {
    let world = World::new();
    let is_withdrawn = Arc::new(AtomicBool::new(false));
    let (verifier, flag) = (Arc::clone(&world.server.verifier), Arc::clone(&is_withdrawn));
    let mut config = world.server.clone();
    config.verifier = Arc::new(move |chain: &[pki::Certificate], now| {
        if flag.load(Ordering::Relaxed) { Err(pki::Error::PathIssuerUnknown) } else { verifier(chain, now) }
    });
    let node = Node::start(config);
    let files = Files::of(&world.maker.identity, &world.owner);
    let session = files.text("session.pem");
    let first = files.openssl(&node, &["-sess_out", &session]).well();
    assert!(first.text().contains("New, TLSv1.2"), "{first:?}");
    node.expect_word(Version::Dtls12);
    let resumed = files.openssl(&node, &["-sess_in", &session]).well();
    assert!(resumed.text().contains("Reused, TLSv1.2"), "{resumed:?}");
    node.expect_word(Version::Dtls12);
    is_withdrawn.store(true, Ordering::Relaxed);
    let refused = files.openssl(&node, &["-sess_in", &session]);
    assert!(!refused.text().contains(WORD), "{refused:?}");
    assert!(matches!(node.next(), Event::Ended { error: Some(Error::PeerUntrusted(_)), .. }));
}

#[test]
fn gnutls_speaks_with_our_endpoint_in_ccm_8_and_gcm() {
    let world = World::new();
    let node = Node::start(world.server.clone());
    let files = Files::of(&world.maker.identity, &world.owner);
    for cipher in ["AES-128-CCM-8", "AES-128-GCM"] {
        let ran = files.gnutls(&node, cipher).well();
        assert!(ran.text().contains("Handshake was completed") && ran.text().contains(cipher), "{ran:?}");
        node.expect_word(Version::Dtls12);
    }
}

#[test]
fn strangers_of_another_maker_get_an_alert_and_are_not_heard() {
    let world = World::new();
    let node = Node::start(world.server.clone());
    let files = Files::of(&House::maker().identity, &world.owner);
    let by_openssl = files.openssl(&node, &[]);
    assert!(!by_openssl.is_success && by_openssl.stderr.contains("alert unknown ca"), "{by_openssl:?}");
    assert!(matches!(node.next(), Event::Ended { error: Some(Error::PeerUntrusted(_)), .. }));
    let by_gnutls = files.gnutls(&node, "AES-128-CCM-8");
    assert!(!by_gnutls.is_success && by_gnutls.text().contains("alert"), "{by_gnutls:?}");
    assert!(matches!(node.next(), Event::Ended { error: Some(Error::PeerUntrusted(_)), .. }));
}
