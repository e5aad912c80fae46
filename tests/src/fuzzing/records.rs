//! What lies on disk: the journal, damaged in every way, and the rows and states that the store keeps.

use std::fs;
use std::path::{Path, PathBuf};

use proto::{Seq, UnixTime};
use proto_brski::pledge::AwaitVoucher;
use proto_brski::registrar::AwaitMasa;
use serde::Serialize;
use serde::de::DeserializeOwned;
use server_journal::{Journal, Options, verify_each};
use server_policy::{Facts, decide};
use server_store::{
    AuditEntry, Certificate, Device, MakerEvent, MasaVoucher, Order, OutboxRow, OwnerEvent, Revocation,
    Stamp, Unit, VoucherRequest,
};

use super::scratch;

/// The most records that one journal here has.
const RECORDS_MAX: usize = 32;

/// Writes a journal as the input says, damages it as the input says, and looks what verifier and writer make of it.
///
/// The input: the size of a segment, the number of records, for each its length and whether its group ends with it; then
/// what kind of damage, its place in two bytes, and what else the damage needs.
pub fn journal(bytes: &[u8]) {
    let directory = scratch();
    let (mut input, written) = match write(directory.path(), bytes) {
        Some(done) => done,
        None => return,
    };
    let records = u64::try_from(written.len()).expect("few records");
    let whole = server_journal::verify(directory.path()).expect("the files are read");
    assert!(whole.is_intact() && whole.records == records, "what was written verifies");
    let Some(damage) = damage(directory.path(), &mut input) else { return };
    let mut shown = Vec::new();
    let report =
        verify_each(directory.path(), |record| shown.push(record.payload)).expect("the files are read");
    let is_prefix = shown.len() <= written.len() && shown.iter().zip(&written).all(|(a, b)| *a == b.payload);
    assert!(is_prefix, "no record is shown that was not written");
    assert!(!(damage == Damage::Flip && report.is_intact()), "a changed octet is found");
    match Journal::open(directory.path(), Options::default()) {
        Ok(journal) => check_opened(journal, &written, damage),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if report.damage.is_none() && directory.path().exists() {
        let after = server_journal::verify(directory.path()).expect("the files are read");
        let kept = u64::try_from(shown.len()).expect("few records");
        assert!(after.is_intact() && after.records == kept + 1, "an opened journal goes on");
    }
}

/// A record as it was written, and in which group.
struct Written {
    payload: Vec<u8>,
    group: usize,
}

/// Writes what the input begins with and returns its rest.
fn write<'a>(directory: &Path, bytes: &'a [u8]) -> Option<(&'a [u8], Vec<Written>)> {
    let ([segment, count], mut rest) = bytes.split_first_chunk::<2>()?;
    let options = Options { segment_bytes_max: u64::from(*segment) * 8 + 1 };
    let mut journal = Journal::open(directory, options).expect("an empty directory is a journal");
    let (mut written, mut group) = (Vec::new(), 0);
    for at in 0..usize::from(*count) % RECORDS_MAX {
        let (plan, tail) = rest.split_first()?;
        let payload = vec![u8::try_from(at).unwrap_or_default(); usize::from(plan >> 1) + 1];
        let time = UnixTime::from_seconds(u64::from(*plan) << 24);
        journal.stage(time, &payload).expect("a small record");
        written.push(Written { payload, group });
        if plan & 1 == 1 {
            journal.commit().expect("the group is written");
            group += 1;
        }
        rest = tail;
    }
    journal.commit().expect("the last group is written");
    Some((rest, written))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Flip,
    Other,
}

/// Damages one of the files; `None` when the input says nothing or asks for no change.
fn damage(directory: &Path, input: &mut &[u8]) -> Option<Damage> {
    let ([kind, file, high, low], rest) = input.split_first_chunk::<4>()?;
    let files = files(directory);
    let path = files.get(usize::from(*file) % files.len().max(1))?;
    let mut bytes = fs::read(path).expect("a segment is read");
    let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len().max(1);
    let mut damage = Damage::Other;
    match kind % 5 {
        0 => {
            let octet = bytes.get_mut(at)?;
            *octet ^= *rest.first().filter(|change| **change != 0)?;
            damage = Damage::Flip;
        }
        1 => bytes.truncate(at),
        2 => bytes.extend_from_slice(rest),
        3 => bytes = rest.to_vec(),
        _ => {
            // What was there stands there a second time.
            let again = bytes.get(at..)?.to_vec();
            bytes.extend(again);
        }
    }
    fs::write(path, bytes).expect("a segment is written");
    Some(damage)
}

/// Reads all that an opened journal still has, and writes one record more.
fn check_opened(mut journal: Journal, written: &[Written], damage: Damage) {
    let head = journal.head().seq;
    assert!(head.0 <= u64::try_from(written.len()).expect("few records"));
    let read: Vec<_> = journal.reader().records(Seq(1)).map_while(Result::ok).collect();
    for (record, original) in read.iter().zip(written) {
        assert_eq!(record.payload, original.payload, "what is read was written");
    }
    let last_group = written.last().map_or(0, |record| record.group);
    let before_it = written.iter().filter(|record| record.group < last_group).count();
    // One changed octet is never taken for the unfinished end of more than the last group.
    assert!(damage == Damage::Other || head.0 >= u64::try_from(before_it).expect("few records"));
    journal.stage(UnixTime::from_seconds(1), b"one more").expect("a small record");
    assert_eq!(journal.commit().expect("the record is written").seq, head.next());
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory is read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    files.sort();
    files
}

/// Reads a row or a saved state of the kind that the first byte names; what is read is written and read alike.
pub fn stored_rows(bytes: &[u8]) {
    let Some((kind, row)) = bytes.split_first() else { return };
    match kind % 16 {
        0 => there_and_back::<OwnerEvent>(row),
        1 => there_and_back::<MakerEvent>(row),
        2 => there_and_back::<Device>(row),
        3 => there_and_back::<VoucherRequest>(row),
        4 => there_and_back::<Certificate>(row),
        5 => there_and_back::<Revocation>(row),
        6 => there_and_back::<OutboxRow>(row),
        7 => there_and_back::<Order>(row),
        8 => there_and_back::<Unit>(row),
        9 => there_and_back::<MasaVoucher>(row),
        10 => there_and_back::<AuditEntry>(row),
        11 => there_and_back::<Stamp>(row),
        12 => there_and_back::<AwaitMasa>(row),
        13 => there_and_back::<AwaitVoucher>(row),
        14 => {
            there_and_back::<Facts>(row);
            if let Ok(facts) = ciborium::from_reader::<Facts, _>(row) {
                let _ = decide(&facts);
            }
        }
        _ => {
            if let Ok(facts) = serde_json::from_slice::<Facts>(row) {
                let text = serde_json::to_string(&facts).expect("facts are written");
                let again: Facts = serde_json::from_str(&text).expect("what is written is read");
                assert_eq!(decide(&again), decide(&facts), "a decision can be replayed");
            }
        }
    }
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(bytes: &[u8]) {
    let Ok(value) = ciborium::from_reader::<T, _>(bytes) else { return };
    let mut written = Vec::new();
    ciborium::into_writer(&value, &mut written).expect("what was read can be written");
    let again: T = ciborium::from_reader(written.as_slice()).expect("what is written is read");
    assert_eq!(again, value);
}
