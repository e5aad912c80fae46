//! The MASA's log of a device: when it is owed, how often it is asked for, what is kept.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use proto::ReasonCode;
use server_store::*;

const CODE: ReasonCode = ReasonCode::new("test-code");

/// Device 1 with a voucher by request `pvr`.
fn vouched(store: &OwnerStore, pvr: u64) {
    store.execute(stamp(0), begin_voucher(store, 1, pvr)).unwrap();
    store.execute(stamp(1), complete_voucher(store, 1, pvr)).unwrap();
}

fn report(store: &OwnerStore, n: u64, asks_log: bool) {
    let (device, kind, reason) = (device(1), ReportKind::Voucher, text(""));
    let command = RecordTelemetry { device, kind, is_success: true, reason, certificate: None, asks_log };
    store.execute(stamp(n), command).unwrap();
}

fn owed(store: &OwnerStore) -> Vec<Task> {
    store.list_outbox(None, 10).unwrap().rows.into_iter().map(|row| row.task).collect()
}

fn status(store: &OwnerStore) -> Option<AuditLogStatus> {
    store.load_audit_log(device(1)).unwrap().map(|log| log.status)
}

#[test]
fn a_report_on_a_voucher_owes_the_masa_one_question_for_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    report(&store, 1, true);
    assert_eq!(status(&store), None, "there is no voucher yet");
    store.execute(stamp(2), complete_voucher(&store, 1, 7)).unwrap();
    report(&store, 3, false);
    assert_eq!(owed(&store), []);
    report(&store, 4, true);
    report(&store, 5, true);
    assert_eq!(owed(&store), [Task::AskAuditLog { pvr_digest: digest(7) }]);
    assert_eq!(status(&store), Some(AuditLogStatus::Asking));
    assert_eq!(store.load_question(digest(7)).unwrap(), Some(blob("awaiting")));
    let asked = store.execute(stamp(6), AskAuditLog { device: device(1) }).unwrap();
    assert!(matches!(asked, LogAsked::Before(Some(_))), "{asked:?}");
}

#[test]
fn a_log_that_is_here_is_kept_and_not_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    vouched(&store, 7);
    let asked = store.execute(stamp(2), AskAuditLog { device: device(1) }).unwrap();
    assert_eq!(asked, LogAsked::New(digest(7)));
    let complete = audit_log(1, digest(7));
    store.execute(stamp(3), complete.clone()).unwrap();
    assert_eq!(status(&store), Some(AuditLogStatus::Received));
    let kept = store.load_audit_log(device(1)).unwrap().unwrap();
    assert_eq!(kept.last, Some((at(3), complete.log.clone())));
    report(&store, 4, true);
    assert_eq!(owed(&store), []);
    assert!(matches!(store.execute(stamp(5), complete), Err(Error::AuditLogSettled)));
    drop(store);
    let store = owner(dir.path());
    assert_eq!(status(&store), Some(AuditLogStatus::Received));
}

#[test]
fn a_log_that_failed_is_asked_for_again_after_a_while_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    vouched(&store, 7);
    report(&store, 2, true);
    let fail = FailAuditLog { device: device(1), pvr_digest: digest(7), code: CODE };
    store.execute(stamp(3), fail).unwrap();
    report(&store, 4, true);
    assert_eq!(owed(&store), []);
    assert_eq!(status(&store), Some(AuditLogStatus::Failed { at: at(3), code: CODE }));
    report(&store, 303, true);
    assert_eq!(owed(&store), [Task::AskAuditLog { pvr_digest: digest(7) }]);
}

#[test]
fn the_next_voucher_asks_anew_and_an_answer_by_the_last_one_comes_too_late() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    vouched(&store, 7);
    report(&store, 2, true);
    vouched(&store, 8);
    report(&store, 3, true);
    assert_eq!(owed(&store), [Task::AskAuditLog { pvr_digest: digest(8) }]);
    assert!(matches!(store.execute(stamp(4), audit_log(1, digest(7))), Err(Error::AuditLogSettled)));
    store.execute(stamp(4), audit_log(1, digest(8))).unwrap();
}

#[test]
fn a_person_may_approve_once_more_when_the_log_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    vouched(&store, 7);
    let approve = |n| {
        let (device, expected) = (device(1), version(&store, 1));
        store.execute(stamp(n), ApproveDevice { device, expected, note: text("ours") }).unwrap();
        store.load_device(device).unwrap().unwrap().approval.unwrap().at
    };
    assert_eq!((approve(2), approve(3)), (at(2), at(2)));
    report(&store, 4, true);
    store.execute(stamp(5), audit_log(1, digest(7))).unwrap();
    assert_eq!((approve(6), approve(7)), (at(6), at(6)));
}

#[test]
fn what_a_log_says_is_known_since_it_was_first_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let last = |pvr: u64, n: u64, change: fn(&mut PastVouchers)| {
        vouched(&store, pvr);
        report(&store, n, true);
        let mut complete = audit_log(1, digest(pvr));
        change(&mut complete.log);
        store.execute(stamp(n + 1), complete).unwrap();
        store.load_audit_log(device(1)).unwrap().unwrap().last.unwrap().0
    };
    assert_eq!(last(7, 10, |_| ()), at(11));
    assert_eq!(last(8, 20, |log| log.entries.push(log.entries[0].clone())), at(11), "the same domain again");
    assert_eq!(last(9, 30, |log| log.entries[0].domain = domain(9)), at(31), "another domain");
    assert_eq!(last(10, 40, |log| log.entries[0].is_nonced = false), at(41));
    assert_eq!(last(11, 50, |log| log.hidden = 1), at(51));
}

#[test]
fn a_masa_that_fails_again_fails_since_it_first_did() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let failing_since = || store.load_audit_log(device(1)).unwrap().unwrap().failing_since_at;
    for (pvr, n) in [(7, 10), (8, 20)] {
        vouched(&store, pvr);
        report(&store, n, true);
        let fail = FailAuditLog { device: device(1), pvr_digest: digest(pvr), code: CODE };
        store.execute(stamp(n + 1), fail).unwrap();
        assert_eq!(failing_since(), Some(at(11)));
    }
    vouched(&store, 9);
    report(&store, 30, true);
    store.execute(stamp(31), audit_log(1, digest(9))).unwrap();
    assert_eq!(failing_since(), None);
}

#[test]
fn a_log_of_too_many_vouchers_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    vouched(&store, 7);
    report(&store, 2, true);
    let mut complete = audit_log(1, digest(7));
    complete.log.entries = vec![complete.log.entries[0].clone(); PAST_VOUCHERS_MAX + 1];
    assert!(matches!(store.execute(stamp(3), complete), Err(Error::BlobTooLarge)));
}
