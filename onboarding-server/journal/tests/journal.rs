//! The journal from outside: what was committed is read again, whatever a crash or a bad disk does to the files.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proto::{Seq, UnixTime};
use server_journal::{Damage, Error, Head, Journal, JournalRecord, Options, Report, verify};
use tempfile::TempDir;

const SMALL: Options = Options { segment_bytes_max: 2000 };

fn at(n: u64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + n)
}

/// Commits groups of payloads; the lengths are what counts.
fn write(journal: &mut Journal, groups: &[Vec<usize>]) {
    for group in groups {
        for length in group {
            let n = journal.staged_head().seq.0;
            let payload = vec![u8::try_from(n % 251).unwrap(); *length];
            journal.stage(at(n), &payload).unwrap();
        }
        journal.commit().unwrap();
    }
}

fn written(groups: &[Vec<usize>], options: Options) -> (TempDir, Vec<JournalRecord>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), options).unwrap();
    write(&mut journal, groups);
    let records = read_all(&journal);
    (dir, records)
}

fn read_all(journal: &Journal) -> Vec<JournalRecord> {
    journal.reader().records(Seq(1)).collect::<Result<_, _>>().unwrap()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    paths.sort();
    paths
}

fn head_of(records: &[JournalRecord]) -> Head {
    records.last().map_or(Head::EMPTY, |record| Head { seq: record.seq, hash: record.hash })
}

fn verified(dir: &Path) -> Report {
    verify(dir).unwrap()
}

#[test]
fn what_was_committed_is_there_after_reopening_over_many_segments() {
    let groups: Vec<_> = (0..50).map(|n| vec![n * 7 % 300 + 1; n % 5 + 1]).collect();
    let (dir, records) = written(&groups, SMALL);
    assert!(segments(dir.path()).len() > 5);
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    assert_eq!(read_all(&journal), records);
    assert_eq!(journal.head(), head_of(&records));
    let report = verified(dir.path());
    assert!(report.is_intact());
    assert_eq!((report.head, report.records), (head_of(&records), records.len() as u64));
    for record in &records {
        assert_eq!(journal.reader().read(record.seq).as_ref().unwrap(), record);
    }
}

#[test]
fn a_reader_sees_what_is_committed_later_and_nothing_that_is_only_staged() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), SMALL).unwrap();
    let reader = journal.reader();
    journal.stage(at(0), b"one").unwrap();
    assert!(matches!(reader.read(Seq(1)), Err(Error::NoSuchRecord(Seq(1)))));
    journal.commit().unwrap();
    assert_eq!(reader.read(Seq(1)).unwrap().payload, b"one");
    assert!(matches!(reader.read(Seq(2)), Err(Error::NoSuchRecord(Seq(2)))));
}

#[test]
fn what_is_unstaged_or_discarded_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), SMALL).unwrap();
    journal.stage(at(0), b"kept").unwrap();
    let kept = journal.staged_head();
    journal.stage(at(0), b"taken back").unwrap();
    journal.unstage();
    assert_eq!(journal.commit().unwrap(), kept);
    journal.stage(at(0), b"discarded").unwrap();
    journal.discard();
    journal.stage(at(0), b"next").unwrap();
    journal.commit().unwrap();
    let payloads: Vec<_> = read_all(&journal).into_iter().map(|record| record.payload).collect();
    assert_eq!(payloads, [b"kept", b"next"]);
    assert!(verified(dir.path()).is_intact());
}

#[test]
fn a_second_writer_is_refused_while_the_first_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let first = Journal::open(dir.path(), SMALL).unwrap();
    assert!(matches!(Journal::open(dir.path(), SMALL), Err(Error::Locked { .. })));
    drop(first);
    assert!(Journal::open(dir.path(), SMALL).is_ok());
}

#[test]
fn records_that_are_empty_or_too_large_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), Options::default()).unwrap();
    assert!(matches!(journal.stage(at(0), b""), Err(Error::RecordTooLarge)));
    let largest = vec![7; server_journal::RECORD_BYTES_MAX];
    assert!(matches!(journal.stage(at(0), &[&largest[..], b"x"].concat()), Err(Error::RecordTooLarge)));
    journal.stage(at(0), &largest).unwrap();
    journal.commit().unwrap();
    assert_eq!(journal.reader().read(Seq(1)).unwrap().payload, largest);
}

#[test]
fn damage_before_the_last_group_is_an_error_that_names_the_place() {
    let (dir, _) = written(&[vec![100, 100], vec![100], vec![100]], Options::default());
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    // The payload of the second record.
    bytes[56 + 160 + 60 + 5] ^= 1;
    fs::write(&path, bytes).unwrap();
    match Journal::open(dir.path(), Options::default()) {
        Err(Error::Damaged { segment, offset: 216, seq: Seq(2), damage: Damage::Checksum }) => {
            assert_eq!(segment, path);
        }
        other => panic!("{other:?}"),
    }
    let damage = verified(dir.path()).damage.unwrap();
    assert_eq!((damage.offset, damage.seq, damage.damage), (216, Seq(2), Damage::Checksum));
}

#[test]
fn a_missing_or_exchanged_segment_is_detected() {
    let groups: Vec<_> = (0..30).map(|_| vec![200; 2]).collect();
    let (dir, _) = written(&groups, SMALL);
    let paths = segments(dir.path());
    fs::remove_file(&paths[1]).unwrap();
    assert_eq!(verified(dir.path()).damage.unwrap().damage, Damage::SegmentGap);
    let (dir, _) = written(&groups, SMALL);
    fs::remove_file(&segments(dir.path())[0]).unwrap();
    assert_eq!(verified(dir.path()).damage.unwrap().damage, Damage::SegmentGap);
    assert!(matches!(Journal::open(dir.path(), SMALL), Err(Error::Damaged { .. })));
}

#[test]
fn a_history_rewritten_with_right_checksums_breaks_the_chain() {
    // Two journals that differ in the first record only: the second segment of one does not follow the first of the other.
    let (one, _) = written(&vec![vec![200; 2]; 10], SMALL);
    let (two, _) = written(&vec![vec![200; 2]; 10], SMALL);
    let other = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(other.path(), SMALL).unwrap();
    journal.stage(at(0), &[9; 200]).unwrap();
    journal.stage(at(1), &[1; 200]).unwrap();
    journal.commit().unwrap();
    write(&mut journal, &vec![vec![200; 2]; 9]);
    assert_eq!(segments(one.path()).len(), segments(other.path()).len());
    fs::copy(&segments(other.path())[1], &segments(one.path())[1]).unwrap();
    assert_eq!(verified(one.path()).damage.unwrap().damage, Damage::SegmentGap);
    assert!(verified(two.path()).is_intact());
}

#[test]
fn a_crash_while_a_segment_was_begun_loses_nothing() {
    let (dir, records) = written(&vec![vec![200; 2]; 10], SMALL);
    let next = dir.path().join(format!("journal-{:020}.log", records.len() + 1));
    for unfinished in [&b""[..], b"GWJOURN\n", &[0; 56]] {
        fs::write(&next, unfinished).unwrap();
        let journal = Journal::open(dir.path(), SMALL).unwrap();
        assert_eq!(read_all(&journal), records);
        assert!(!next.exists());
    }
}

fn groups() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(1..400usize, 1..6), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prefix_of_the_last_segment_opens_to_a_prefix_of_the_records(groups in groups(), cut in 0.0..1.0f64) {
        let (dir, records) = written(&groups, SMALL);
        let path = segments(dir.path()).pop().unwrap();
        let bytes = fs::read(&path).unwrap();
        let kept = (bytes.len() as f64 * cut) as usize;
        fs::write(&path, &bytes[..kept]).unwrap();
        let mut journal = Journal::open(dir.path(), SMALL).unwrap();
        let found = read_all(&journal);
        prop_assert!(records.starts_with(&found));
        // And it goes on from there.
        write(&mut journal, &[vec![10]]);
        drop(journal);
        prop_assert!(verified(dir.path()).is_intact());
    }

    #[test]
    fn any_flipped_bit_is_found_by_the_verifier(groups in groups(), place in 0.0..1.0f64, bit in 0..8u8) {
        let (dir, records) = written(&groups, SMALL);
        let paths = segments(dir.path());
        let path = &paths[(paths.len() as f64 * place) as usize];
        let mut bytes = fs::read(path).unwrap();
        let at = (bytes.len() as f64 * (place * 977.0).fract()) as usize;
        bytes[at] ^= 1 << bit;
        fs::write(path, &bytes).unwrap();
        let report = verified(dir.path());
        prop_assert!(!report.is_intact());
        prop_assert!(report.head.seq < head_of(&records).seq || report.tail.is_some());
        // Opening either says so or keeps a prefix; never other records.
        if let Ok(journal) = Journal::open(dir.path(), SMALL) {
            let found: Vec<_> = journal.reader().records(Seq(1)).map_while(Result::ok).collect();
            prop_assert!(records.starts_with(&found));
        }
    }

    #[test]
    fn power_loss_in_a_group_keeps_all_groups_before_it(
        groups in groups(),
        crash in 0.0..1.0f64,
        fate in prop::collection::vec(0..3u8, 64),
    ) {
        // Writes are recorded as what each group appended; at the crash every group before is on disk, and of the last
        // one each sector is there, is zero, or, at the end, is not in the file at all.
        const SECTOR: usize = 512;
        let options = Options::default();
        let (dir, records) = written(&groups, options);
        let crashed = ((groups.len() - 1) as f64 * crash) as usize;
        let safe: usize = groups[..crashed].iter().map(Vec::len).sum();
        let bytes_of = |groups: &[Vec<usize>]| 56 + groups.iter().flatten().map(|bytes| 60 + bytes).sum::<usize>();
        let (begin, end) = (bytes_of(&groups[..crashed]), bytes_of(&groups[..=crashed]));
        let path = segments(dir.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(end);
        for (at, byte) in bytes.iter_mut().enumerate().skip(begin) {
            if fate[at / SECTOR % fate.len()] == 1 {
                *byte = 0;
            }
        }
        if fate[end / SECTOR % fate.len()] == 2 {
            bytes.truncate(begin.max(end / SECTOR * SECTOR));
        }
        fs::write(&path, &bytes).unwrap();
        let found = read_all(&Journal::open(dir.path(), options).unwrap());
        prop_assert!(found.len() >= safe);
        prop_assert!(records.starts_with(&found));
    }
}
