//! Kills the server when a moment has come, and starts it again on the same state and ports.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tests::server::Server;

use super::moments::Moment;

/// How long nothing may be acknowledged before the run counts as stuck.
const STALL_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether a moment has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What the server logs once a store is open.
const STORE_OPEN: &str = "the store is open";
/// What it logs when a state was of no use.
const MADE_ANEW: &str = "making the state anew";

/// What was done to the server.
#[derive(Debug)]
pub(super) struct Killed {
    at_work: usize,
    while_opening: usize,
    made_anew: usize,
    took: Duration,
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_work, while_opening, made_anew, took } = self;
        write!(
            f,
            "killed {at_work} times at work and {while_opening} times while it opened its stores, within {:.1} s; {made_anew} \
             states were made anew from the journal",
            took.as_secs_f64()
        )
    }
}

/// Kills and restarts the server at each of the moments.
pub(super) fn kill_at(mut server: Server, moments: &[Moment], acknowledged: &Path) -> (Server, Killed) {
    let began_at = Instant::now();
    let mut lines = Lines::follow(acknowledged);
    let mut while_opening = 0;
    for moment in moments {
        wait_for(moment, &server, &mut lines);
        server.kill();
        if moment.is_start_killed {
            while_opening += 1;
            kill_while_opening(&mut server);
        }
        server.restart();
    }
    let made_anew = server.log().matches(MADE_ANEW).count();
    let killed = Killed { at_work: moments.len(), while_opening, made_anew, took: began_at.elapsed() };
    (server, killed)
}

fn wait_for(moment: &Moment, server: &Server, lines: &mut Lines) {
    let mut heard_at = Instant::now();
    while lines.count() < moment.acknowledgements {
        if lines.grew() {
            heard_at = Instant::now();
        }
        assert!(heard_at.elapsed() < STALL_MAX, "nothing happens any more\n{}", server.log());
        thread::sleep(LOOK_EVERY);
    }
    let wanted = journal_bytes(server) + moment.growth_bytes;
    let reached_at = Instant::now();
    // The last client may have been told its last thing: then nothing grows any more.
    while journal_bytes(server) < wanted && reached_at.elapsed() < Duration::from_secs(1) {
        thread::sleep(LOOK_EVERY);
    }
}

/// Kills a start when the first of its two stores is open.
fn kill_while_opening(server: &mut Server) {
    let open = |server: &Server| server.log().matches(STORE_OPEN).count();
    let before = open(server);
    server.begin();
    let began_at = Instant::now();
    while open(server) == before {
        assert!(began_at.elapsed() < STALL_MAX, "no store is opened\n{}", server.log());
        thread::sleep(LOOK_EVERY);
    }
    server.kill();
}

fn journal_bytes(server: &Server) -> u64 {
    ["owner", "maker"].iter().map(|role| directory_bytes(&server.state().join(role).join("journal"))).sum()
}

fn directory_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Counts the lines of a file that grows.
struct Lines {
    path: PathBuf,
    file: Option<File>,
    count: u64,
}

impl Lines {
    fn follow(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, count: 0 }
    }

    fn count(&self) -> u64 {
        self.count
    }

    /// Reads on, and says whether there was more.
    fn grew(&mut self) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut more = Vec::new();
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut more).expect("what was acknowledged can be read");
        }
        let lines = more.iter().filter(|octet| **octet == b'\n').count();
        self.count += u64::try_from(lines).unwrap_or(u64::MAX);
        lines > 0
    }
}
