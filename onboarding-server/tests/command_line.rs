//! The binary as an operator uses it: verbs, exit codes, and a server that starts, reloads and ends.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use server_init::{READY_FILE, Ready};

/// Longer than a start or an end takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn server(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_onboarding-server")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn init_then_check_is_all_good_and_a_second_init_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let config = format!("{dir}/gangway.toml");
    let flags = ["init", "--dir", dir, "--owner", "Test", "--maker", "test-maker", "--product", "sensor-one"];
    let made = server(&flags);
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("Next:"));
    let checked = server(&["check", "--config", &config]);
    assert_eq!(code(&checked), 0, "{}{}", text(&checked.stdout), text(&checked.stderr));
    let kept = server(&["init", "--config", &config]);
    assert_eq!(code(&kept), 0);
    assert!(!text(&kept.stdout).contains("made "), "{}", text(&kept.stdout));
}

#[test]
fn init_writes_no_configuration_that_it_could_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("new");
    let flags = ["init", "--dir", dir.to_str().unwrap(), "--maker", "test-maker", "--masa-url", "1.2.3"];
    let refused = server(&flags);
    assert_eq!(code(&refused), 2);
    assert!(text(&refused.stderr).contains("maker.masa_url"), "{}", text(&refused.stderr));
    assert!(!dir.exists());
}

#[test]
fn exit_codes_tell_usage_from_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gangway.toml");
    fs::write(&path, "[owner]\ncolour = 'blue'\nlisten = 'nowhere'\n").unwrap();
    let config = path.to_str().unwrap();
    let misspelt = server(&["check", "--config", config]);
    assert_eq!(code(&misspelt), 2);
    assert!(text(&misspelt.stderr).contains("line 2: owner.colour"));
    assert!(text(&misspelt.stderr).contains("line 3: owner.listen"));
    assert_eq!(code(&server(&["check", "--config", "/nonexistent"])), 2);
    assert_eq!(code(&server(&["chekc"])), 2);
    assert_eq!(code(&server(&["init", "--dir", directory.path().join("new").to_str().unwrap()])), 2);
    fs::write(&path, "[state]\ndir = 'state'\n[owner]\n").unwrap();
    let unmade = server(&["check", "--config", config]);
    assert_eq!(code(&unmade), 1, "keys are missing");
    assert_eq!(code(&server(&["run", "--config", config])), 1);
}

/// A server of development that is ended when the test is.
struct Running {
    child: Child,
    state: PathBuf,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_onboarding-server"))
            .args(["dev", "run", "--any-port", "--dir", dir.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, state: dir.join("state") }
    }

    fn ready(&mut self) -> Ready {
        let begin = Instant::now();
        loop {
            if let Ok(json) = fs::read(self.state.join(READY_FILE)) {
                return serde_json::from_slice(&json).unwrap();
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended");
            assert!(begin.elapsed() < PATIENCE, "the server was not ready in time");
            std::thread::yield_now();
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_starts_tells_where_reloads_and_ends_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let mut running = Running::start(directory.path());
    let ready = running.ready();
    assert_eq!(ready.pid, running.child.id());
    let mut socket = TcpStream::connect(ready.metrics).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("# EOF\n"), "{page}");
    running.signal("HUP");
    assert!(TcpStream::connect(ready.admin).is_ok(), "SIGHUP ended it");
    running.signal("TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(!running.state.join(READY_FILE).exists());
}

#[test]
fn two_servers_never_share_a_state_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut running = Running::start(directory.path());
    running.ready();
    let config = directory.path().join("gangway.toml");
    let second = server(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(code(&second), 1);
    assert!(text(&second.stderr).contains("another server runs on it"), "{}", text(&second.stderr));
}

#[test]
fn a_directory_of_development_is_used_again_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let arguments = ["dev", "run", "--any-port", "--prepare-only", "--dir", dir];
    assert_eq!(code(&server(&arguments)), 0);
    let before = fs::read(directory.path().join("gangway.toml")).unwrap();
    let again = server(&arguments);
    assert!(text(&again.stdout).contains("(0 files or pairs made)"), "{}", text(&again.stdout));
    assert_eq!(before, fs::read(directory.path().join("gangway.toml")).unwrap());
}
