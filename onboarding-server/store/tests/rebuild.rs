//! Whatever happens to the state, it is made again from the journal and is the same; live and replayed never differ.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use proptest::prelude::*;
use proto::{ReasonCode, Seq};
use server_lifecycle::{Event, State};
use server_store::*;

const CODE: ReasonCode = ReasonCode::new("test-code");

/// Onboards devices until sled has some megabytes, and returns the digest of the state.
fn fill(dir: &Path) -> u128 {
    let store = owner(dir);
    for n in 0..300 {
        onboard(&store, n, n);
        if n % 100 == 50 {
            store.digest_state().unwrap();
        }
    }
    store.digest_state().unwrap()
}

/// Opens the store and checks that nothing is lost and all is as it was.
fn check(dir: &Path, digest: u128) -> Opening {
    let store = owner(dir);
    assert_eq!(store.digest_state().unwrap(), digest);
    assert_eq!(store.head().seq, Seq(1500));
    assert_eq!(store.load_device(device(299)).unwrap().unwrap().state, State::Operational);
    store.opening()
}

fn state_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("state")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

#[test]
fn a_whole_state_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let digest = fill(dir.path());
    let opening = check(dir.path(), digest);
    assert_eq!((opening.replayed, opening.is_rebuilt, opening.state_was_ahead), (0, false, None));
}

#[test]
fn a_deleted_state_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let digest = fill(dir.path());
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    assert_eq!(check(dir.path(), digest).replayed, 1500);
}

#[test]
fn a_truncated_or_garbled_state_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let digest = fill(dir.path());
    let mut rebuilt = 0;
    for round in 0..12u64 {
        for path in state_files(dir.path()) {
            let mut bytes = fs::read(&path).unwrap();
            if round % 3 == 0 {
                bytes.truncate(bytes.len() - (bytes.len() / 8 * (round as usize + 1) % bytes.len().max(1)));
            } else {
                // Many places, so that some are in use; sled's own checks need not see it, ours must.
                let step = (bytes.len() / 97).max(1);
                let shift = round as usize * 13;
                bytes.iter_mut().skip(shift).step_by(step).for_each(|byte| *byte ^= 0x41);
            }
            fs::write(&path, bytes).unwrap();
        }
        rebuilt += u32::from(check(dir.path(), digest).is_rebuilt);
    }
    assert!(rebuilt >= 6, "only {rebuilt} of 12 damages were noticed: the test damages too little");
}

#[test]
fn a_state_of_another_journal_is_made_anew() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let digest = fill(one.path());
    let other = owner(two.path());
    for n in 0..2000 {
        other.execute(stamp(n), declare(n)).unwrap();
    }
    drop(other);
    fs::remove_dir_all(one.path().join("state")).unwrap();
    fs::rename(two.path().join("state"), one.path().join("state")).unwrap();
    let opening = check(one.path(), digest);
    assert!(opening.is_rebuilt);
    assert_eq!(opening.state_was_ahead, Some(Seq(2000)));
    assert!(one.path().join("state.aside").exists());
}

#[test]
fn a_state_that_lags_behind_takes_up_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    for n in 0..10 {
        store.execute(stamp(n), declare(n)).unwrap();
    }
    drop(store);
    copy_dir(&dir.path().join("state"), &copy.path().join("state"));
    let store = owner(dir.path());
    for n in 10..20 {
        store.execute(stamp(n), declare(n)).unwrap();
    }
    let digest = store.digest_state().unwrap();
    drop(store);
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    copy_dir(&copy.path().join("state"), &dir.path().join("state"));
    let store = owner(dir.path());
    assert_eq!((store.opening().replayed, store.opening().is_rebuilt), (10, false));
    assert_eq!(store.digest_state().unwrap(), digest);
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_dir(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

/// One step of a random life: which verb, which device of few, which number for request, certificate, key.
type Step = (u8, u64, u64);

/// Owes a device's log, or settles the debt one way or the other.
fn log_step(store: &OwnerStore, n: u64, time: u64) -> Result<(), Error> {
    let at_time = stamp(time);
    match (store.load_audit_log(device(n)).unwrap(), time % 2) {
        (None, _) => store.execute(at_time, AskAuditLog { device: device(n) }).map(drop),
        (Some(asked), 0) => store.execute(at_time, audit_log(n, asked.pvr_digest)).map(drop),
        (Some(AuditLog { pvr_digest, .. }), _) => {
            store.execute(at_time, FailAuditLog { device: device(n), pvr_digest, code: CODE }).map(drop)
        }
    }
}

fn owner_step(store: &OwnerStore, (verb, n, id): Step, time: u64) {
    let expected = store.load_device(device(n)).unwrap().map(|device| device.version);
    let known = expected.unwrap_or(proto::Version(1));
    let at_time = stamp(time);
    // A refusal is a fine outcome of a random step.
    let _ = match verb {
        0 => store.execute(at_time, declare(n)).map(drop),
        1 | 2 => store.execute(at_time, begin_voucher(store, n, id)).map(drop),
        3 => {
            let command = defer(n, id, expected, CODE);
            store.execute(at_time, command).map(drop)
        }
        4 => {
            let command =
                RefuseVoucher { intake: intake(n, id), expected, code: CODE, is_final: id % 2 == 0 };
            store.execute(at_time, command).map(drop)
        }
        _ if expected.is_none() => Ok(()),
        5 | 6 => {
            let newest = store.load_device(device(n)).unwrap().unwrap().voucher_request;
            let pvr_digest = newest.unwrap_or_else(|| digest(id));
            let command = CompleteVoucher { pvr_digest, ..complete_voucher(store, n, id) };
            store.execute(at_time, command).map(drop)
        }
        7 => {
            let command = FailVoucher { pvr_digest: digest(id), expected: known, code: CODE };
            store.execute(at_time, command).map(drop)
        }
        8 | 9 => store.execute(at_time, begin_certificate(store, n, time, id, id % 3)).map(drop),
        10 | 11 => {
            let intent = store.load_device(device(n)).unwrap().unwrap().certificate_intent;
            let key = intent.unwrap_or_else(|| key(id));
            let fingerprint = digest(2_000_000 + time);
            let command = CompleteCertificate { key, fingerprint, ..complete_certificate(store, n, id) };
            store.execute(at_time, command).map(drop)
        }
        12 => {
            let newest = store.list_certificates(device(n)).unwrap().pop();
            let Some(CertificateStatus::Issued { fingerprint, .. }) = newest.map(|newest| newest.status)
            else {
                return;
            };
            let command = ConfirmEnrollment { device: device(n), expected: known, certificate: fingerprint };
            store.execute(at_time, command).map(drop)
        }
        13 => {
            let command = RecordTelemetry {
                device: device(n),
                kind: ReportKind::Voucher,
                is_success: true,
                reason: text("fine"),
                certificate: None,
                asks_log: true,
            };
            store.execute(at_time, command).map(drop)
        }
        16 | 17 => refusal_step(store, (verb, n, id), time),
        14 => {
            let command = ApproveDevice { device: device(n), expected: known, note: text("ours") };
            store.execute(at_time, command).map(drop)
        }
        15 => log_step(store, n, time),
        _ => {
            let event = Event::ALL[(id * 31 + time) as usize % Event::ALL.len()];
            let (device, note) = (device(n), text(""));
            let command = ChangeState { device, expected: known, event, code: Some(CODE), note };
            store.execute(at_time, command).map(drop)
        }
    };
}

/// A step of one who is refused.
fn refusal_step(store: &OwnerStore, (verb, n, id): Step, time: u64) -> Result<(), Error> {
    let at_time = stamp(time);
    if verb == 16 {
        let (verb, certificate) = (Verb::Enroll, Some(digest(id)));
        let command = RefuseRequest { device: device(n), verb, code: CODE, certificate };
        return store.execute(at_time, command).map(drop);
    }
    let reported = Repeated::Reported { kind: ReportKind::Enrollment, is_success: id % 2 == 0 };
    let (subject, what) = if id > 8 { (None, Repeated::Various) } else { (Some(device(n)), reported) };
    let (first_at, last_at) = (at(time), at(time + id));
    let command = CountRepeats { repeats: Repeats { subject, what, count: 7, first_at, last_at } };
    store.execute(at_time, command).map(drop)
}

/// What must hold of any state, however it came about.
fn check_invariants(store: &OwnerStore) {
    let devices = store.list_devices(&DeviceFilter::default(), None, 100).unwrap().rows;
    for (state, count) in store.count_by_state().unwrap() {
        let found = devices.iter().filter(|device| device.state == state).count() as u64;
        let listed = DeviceFilter { state: Some(state), ..DeviceFilter::default() };
        assert_eq!(count, found, "{state}");
        assert_eq!(store.list_devices(&listed, None, 100).unwrap().rows.len() as u64, found);
    }
    let revoked = store.list_revocations(&issuer(), at(0)).unwrap();
    for device in &devices {
        for certificate in store.list_certificates(device.id).unwrap() {
            let listed = revoked.iter().find(|revoked| revoked.key == certificate.key);
            match certificate.standing(device, at(0)) {
                Standing::Revoked => assert!(listed.is_some_and(|listed| !listed.is_hold)),
                Standing::Held => assert!(listed.is_some_and(|listed| listed.is_hold)),
                Standing::Good | Standing::Superseded | Standing::NotIssued => assert!(listed.is_none()),
            }
        }
        let asks = store.list_outbox(None, 100).unwrap().rows.into_iter();
        let asks = asks.filter(|row| row.device == device.id && matches!(row.task, Task::AskMasa { .. }));
        let request = device.voucher_request.and_then(|digest| store.voucher_by_pvr_digest(digest).unwrap());
        let is_asking = request.is_some_and(|r| matches!(r.status, VoucherStatus::Asking { .. }));
        assert_eq!(asks.count(), usize::from(is_asking));
        let history = store.timeline(device.id, Seq(0), 1000).unwrap();
        assert!(history.iter().all(|entry| entry.event.device() == Some(device.id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_owners_state_is_the_same_live_and_replayed(
        steps in prop::collection::vec((0..20u8, 0..3u64, 0..12u64), 1..120),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = owner(dir.path());
        for (time, step) in (0..).zip(&steps) {
            owner_step(&store, *step, time);
        }
        check_invariants(&store);
        let digest = store.digest_state().unwrap();
        drop(store);
        fs::remove_dir_all(dir.path().join("state")).unwrap();
        let store = owner(dir.path());
        prop_assert_eq!(store.digest_state().unwrap(), digest);
        check_invariants(&store);
        prop_assert!(server_journal::verify(&dir.path().join("journal")).unwrap().is_intact());
    }

    #[test]
    fn a_makers_state_is_the_same_live_and_replayed_and_keeps_its_quota(
        quota in 1..6u64,
        steps in prop::collection::vec((0..9u8, 0..8u64, 0..8u64), 1..120),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = maker(dir.path());
        store.execute(stamp(0), open_order("o1", quota)).unwrap();
        for (time, step) in (1..).zip(&steps) {
            maker_step(&store, *step, time);
        }
        let units = store.list_units(&UnitFilter::default(), None, 100).unwrap().rows;
        let order = store.load_order(&"o1".parse().unwrap()).unwrap().unwrap();
        prop_assert!(order.begun <= quota);
        prop_assert_eq!(order.begun, units.len() as u64);
        let issued = units.iter().filter(|unit| matches!(unit.idevid, IdevId::Issued { .. })).count();
        prop_assert_eq!(order.completed, issued as u64);
        for (i, unit) in units.iter().enumerate() {
            prop_assert!(units[i + 1..].iter().all(|other| other.public_key != unit.public_key));
        }
        let digest = store.digest_state().unwrap();
        drop(store);
        fs::remove_dir_all(dir.path().join("state")).unwrap();
        prop_assert_eq!(maker(dir.path()).digest_state().unwrap(), digest);
    }
}

fn maker_step(store: &MakerStore, (verb, n, id): Step, time: u64) {
    let unit = device(n);
    let at_time = stamp(time);
    let _ = match verb {
        0..3 => store.execute(at_time, begin_unit("o1", n, id, time)).map(drop),
        3 | 4 => {
            let fingerprint = digest(3_000_000 + n);
            let command = CompleteUnit { unit, certificate: blob("certificate"), fingerprint };
            store.execute(at_time, command).map(drop)
        }
        5 => {
            let command = RecordSale { unit, customer: text("someone"), domain: Some(domain(1)) };
            store.execute(at_time, command).map(drop)
        }
        6 => {
            let (nonce, rvr_digest) = (Some(nonce(id)), digest(id));
            let command =
                BeginMasaVoucher { unit, nonce, rvr_digest, domain: domain(1), assertion: text("logged") };
            store.execute(at_time, command).map(drop)
        }
        7 => {
            let (nonce, rvr_digest) = (Some(nonce(id)), digest(id));
            let command = CompleteMasaVoucher { unit, nonce, rvr_digest, voucher: blob("voucher") };
            store.execute(at_time, command).map(drop)
        }
        _ if id % 2 == 0 => {
            store.execute(at_time, BlockUnit { unit, code: CODE, note: text("stolen") }).map(drop)
        }
        _ => store.execute(at_time, UnblockUnit { unit, note: text("found") }).map(drop),
    };
}
