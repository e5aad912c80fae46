//! A server of one's own: the real binary, both roles, free ports, a state directory that goes with the test.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use device_sim::api::Api;
use device_sim::transport::{Endpoint, Identity};
use pki::path::Anchors;
use pki::{Certificate, Secret, Signer};
use server_init::Ready;
use tempfile::TempDir;

use crate::program::{self, Ran};

/// How long a server may take to be ready.
const READY_WAIT: Duration = Duration::from_secs(60);
/// The name of the factory line and of the product that development configurations have.
pub const PRODUCT: &str = "sensor-one";
/// The name of the manufacturer that development configurations have.
pub const MANUFACTURER: &str = "example-maker";

/// A running server and the directory that it lives in.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    child: Option<Child>,
    ready: Option<Ready>,
}

impl Server {
    /// Prepares a server with both roles, and starts it.
    ///
    /// # Panics
    /// Panics when it does not become ready.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|config| config)
    }

    /// Like [`Server::start`], with the configuration changed before.
    ///
    /// # Panics
    /// Panics when it does not become ready.
    #[must_use]
    pub fn start_with(change: impl FnOnce(String) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let dir = directory.path().as_os_str().to_owned();
        let prepare =
            ["dev".into(), "run".into(), "--any-port".into(), "--prepare-only".into(), "--dir".into(), dir];
        let _ = program::run(program::ours("onboarding-server"), prepare).well();
        let mut server = Self { directory, child: None, ready: None };
        server.reconfigure(change);
        server
    }

    /// Like [`Server::start`], and it speaks CoAP; returns where.
    ///
    /// # Panics
    /// Panics when it does not become ready.
    #[must_use]
    pub fn start_with_coaps() -> (Self, SocketAddr) {
        let server = Self::start_with(|config| {
            config.replacen("[owner]\n", "[owner]\ncoaps_listen = \"127.0.0.1:0\"\n", 1)
        });
        let address = server.ready().owner_coaps.expect("it listens for CoAP");
        (server, address)
    }

    /// Starts the server again with another configuration.
    ///
    /// # Panics
    /// Panics when it does not become ready.
    pub fn reconfigure(&mut self, change: impl FnOnce(String) -> String) {
        let path = self.directory.path().join("gangway.toml");
        let config = fs::read_to_string(&path).expect("the configuration was written");
        fs::write(&path, change(config)).expect("the configuration is writable");
        self.restart();
    }

    /// Starts the server (again); its state is as the last one left it.
    ///
    /// # Panics
    /// Panics when it does not become ready.
    pub fn restart(&mut self) {
        self.begin();
        self.ready = Some(self.wait_ready(&self.state().join("ready.json")));
    }

    /// Starts the server (again) and does not wait until it is ready.
    ///
    /// # Panics
    /// Panics when the program cannot be started.
    pub fn begin(&mut self) {
        self.kill();
        let ready_file = self.state().join("ready.json");
        // A server that was killed left the file of its life behind.
        let _ = fs::remove_file(&ready_file);
        let log =
            fs::File::options().create(true).append(true).open(self.log_path()).expect("the log is writable");
        let child = Command::new(program::ours("onboarding-server"))
            .args(["dev", "run", "--dir"])
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the server starts");
        self.child = Some(child);
    }

    fn wait_ready(&mut self, ready_file: &Path) -> Ready {
        let begun = Instant::now();
        while begun.elapsed() < READY_WAIT {
            if let Some(ready) = fs::read(ready_file).ok().and_then(|text| serde_json::from_slice(&text).ok())
            {
                return ready;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the server is not ready\n{}", self.log());
    }

    /// Ends the server as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; either way it is gone then.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Returns the number of the server's process.
    ///
    /// # Panics
    /// Panics when the server does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Returns the directory of configuration and state.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the directory of state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Returns all that the server logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// Returns where the listeners are.
    ///
    /// # Panics
    /// Panics when the server does not run.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        self.ready.as_ref().expect("the server runs")
    }

    /// Returns the registrar as pledges reach it.
    ///
    /// # Panics
    /// Panics when the server does not run.
    #[must_use]
    pub fn registrar(&self) -> Endpoint {
        endpoint(self.ready().owner.expect("there is an owner"))
    }

    /// Opens the API as `admin`, `operator`, `viewer` or `station`.
    ///
    /// # Panics
    /// Panics when the files of that profile are not there.
    #[must_use]
    pub fn api(&self, who: &str) -> Api {
        let anchors = Anchors::new(self.chain("admin/root"));
        Api::new(&endpoint(self.ready().admin), &anchors, &self.profile(who)).expect("the API opens")
    }

    /// Returns the certificate and key of `admin`, `operator`, `viewer` or `station`.
    ///
    /// # Panics
    /// Panics when the files of that profile are not there.
    #[must_use]
    pub fn profile(&self, who: &str) -> Identity {
        self.identity(&format!("admin/profiles/{who}"))
    }

    /// Runs the operators' command line under the profile of `who`.
    ///
    /// # Panics
    /// Panics when the program was not built.
    #[must_use]
    pub fn gangway(&self, who: &str, words: &[&str]) -> Ran {
        let profile = self.state().join(format!("admin/profiles/{who}.toml"));
        let profile = ["--profile".into(), profile.into_os_string()];
        program::run(program::ours("gangway"), profile.into_iter().chain(words.iter().map(Into::into)))
    }

    /// Returns the registrar's own certificate and key.
    ///
    /// # Panics
    /// Panics when the files are not there.
    #[must_use]
    pub fn registrar_identity(&self) -> Identity {
        self.identity("owner/pki/registrar")
    }

    /// Returns the certificates of the domain's CAs, the issuing one first.
    ///
    /// # Panics
    /// Panics when the files are not there.
    #[must_use]
    pub fn domain_chain(&self) -> Vec<Certificate> {
        [self.chain("owner/pki/issuing"), self.chain("owner/pki/root")].concat()
    }

    fn identity(&self, name: &str) -> Identity {
        Identity { chain: self.chain(name), signer: read_key(&self.state().join(format!("{name}-key.pem"))) }
    }

    fn chain(&self, name: &str) -> Vec<Certificate> {
        read_chain(&self.state().join(format!("{name}.pem")))
    }

    /// Tells whether the server that was started last still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Returns the manufacturer's root, which its units trust for vouchers.
    ///
    /// # Panics
    /// Panics when the file is not there.
    #[must_use]
    pub fn manufacturer_anchors(&self) -> Anchors {
        Anchors::new(self.chain("maker/pki/root"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            // A test that failed has nowhere else to say it.
            let _ = writeln!(io::stderr(), "the server's log:\n{}", self.log());
        }
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    format!("localhost:{}", address.port()).parse().expect("localhost is a host")
}

fn read_chain(path: &Path) -> Vec<Certificate> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Certificate::parse_pem_chain(&text).expect("the chain parses")
}

fn read_key(path: &Path) -> Signer {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Signer::from_pkcs8_pem(&Secret::new(text)).expect("the key parses")
}
