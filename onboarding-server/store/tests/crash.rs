//! A process that is killed, and a disk that is full: what was acknowledged is there, and nothing is acknowledged that
//! is not.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use common::*;
use server_lifecycle::State;

/// Says in which directory the child works.
const CHILD_DIR: &str = "GANGWAY_STORE_TEST_DIR";
/// Says from which number on the child declares devices.
const CHILD_FROM: &str = "GANGWAY_STORE_TEST_FROM";
const IN_FLIGHT: u64 = 200;

/// Not a test of its own: the process that the others start and kill.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let from: u64 = std::env::var(CHILD_FROM).unwrap().parse().unwrap();
    let store = owner(Path::new(&dir));
    let (sender, receiver) = mpsc::channel();
    let submit = |n: u64| {
        let sender = sender.clone();
        store.submit(stamp(n), declare(n), move |reply| sender.send((n, reply.is_ok())).unwrap());
    };
    (from..from + IN_FLIGHT).for_each(submit);
    let mut out = std::io::stdout().lock();
    for next in from + IN_FLIGHT.. {
        let (n, is_ok) = receiver.recv().unwrap();
        let word = if is_ok { "acknowledged" } else { "refused" };
        writeln!(out, "\n{word} {n}").unwrap();
        out.flush().unwrap();
        if !is_ok && !store.is_writable() {
            return;
        }
        submit(next);
    }
}

fn child(mut command: Command, dir: &Path, from: u64) -> Child {
    command.env(CHILD_DIR, dir).env(CHILD_FROM, from.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

const CHILD_ARGS: [&str; 3] = ["--exact", "child_writes_until_it_is_killed", "--nocapture"];

fn words(line: &str) -> Option<(&str, u64)> {
    let (word, number) = line.split_once(' ')?;
    Some((word, number.parse().ok()?))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed_thirty_times() {
    let dir = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut next) = (HashSet::new(), 0);
    for round in 0..30u64 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(CHILD_ARGS);
        let mut child = child(command, dir.path(), next);
        // Killed after so many answers, and what was still in the pipe counts as acknowledged too.
        let kill_at = 1 + round * round * 37 % 1900;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = 0;
        for line in lines.by_ref() {
            if let Some(("acknowledged", n)) = words(&line) {
                acknowledged.insert(n);
                seen += 1;
            }
            if seen == kill_at {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= kill_at, "the child ended by itself");
        next = acknowledged.iter().max().unwrap() + IN_FLIGHT + 1;
    }
    let report = server_journal::verify(&dir.path().join("journal")).unwrap();
    assert_eq!(report.damage, None);
    let store = owner(dir.path());
    for n in &acknowledged {
        assert_eq!(
            store.load_device(device(*n)).unwrap().unwrap().state,
            State::Expected,
            "device {n} is lost"
        );
    }
    let digest = store.digest_state().unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    assert_eq!(owner(dir.path()).digest_state().unwrap(), digest);
}

#[test]
fn a_journal_that_cannot_grow_makes_the_store_read_only_and_acknowledges_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    // A file size limit of 100 KiB stands for a full disk: segments are larger here.
    let mut command = Command::new("/bin/sh");
    let script = "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"";
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).args(CHILD_ARGS);
    let mut child = child(command, dir.path(), 0);
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match words(&line) {
            Some(("acknowledged", _)) if refused > 0 => panic!("acknowledged after a refusal"),
            Some(("acknowledged", n)) => acknowledged.push(n),
            Some(("refused", _)) => refused += 1,
            _ => (),
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(refused > 0 && !acknowledged.is_empty());
    // With room again, the store opens and has all that was acknowledged.
    let store = owner(dir.path());
    for n in &acknowledged {
        assert!(store.load_device(device(*n)).unwrap().is_some(), "device {n} is lost");
    }
    assert!(store.execute(stamp(0), declare(1_000_000)).is_ok());
}
