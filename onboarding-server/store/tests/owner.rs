//! The owner's store from outside: each verb, its refusals, and that the same request again meets its own answer.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::*;
use proto::{Class, Generation, Reason, ReasonCode, Seq, Version};
use server_lifecycle::{Event, State};
use server_store::*;

const CODE: ReasonCode = ReasonCode::new("test-code");

fn change(store: &OwnerStore, n: u64, event: Event) -> Result<Changed, Error> {
    let command = ChangeState {
        device: device(n),
        expected: version(store, n),
        event,
        code: Some(CODE),
        note: text("because"),
    };
    store.execute(stamp(50), command)
}

fn state(store: &OwnerStore, n: u64) -> State {
    store.load_device(device(n)).unwrap().unwrap().state
}

#[test]
fn a_device_is_onboarded_from_expected_to_operational() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let declared = store.execute(stamp(0), declare(1)).unwrap();
    assert_eq!((declared.version, declared.change), (Version(1), Declaration::New));
    onboard(&store, 1, 7);
    let found = store.load_device(device(1)).unwrap().unwrap();
    assert_eq!((found.state, found.generation), (State::Operational, Generation(0)));
    assert_eq!(found.certificate, Some(key(7)));
    assert_eq!(found.confirmed_at, Some(at(5)));
    let names: Vec<_> = timeline(&store, 1);
    assert_eq!(
        names,
        [
            "device_declared",
            "voucher_requested",
            "voucher_completed",
            "certificate_begun",
            "certificate_completed",
            "enrollment_confirmed"
        ]
    );
    assert_eq!(store.list_outbox(None, 10).unwrap().rows, []);
}

fn timeline(store: &OwnerStore, n: u64) -> Vec<&'static str> {
    let entries = store.timeline(device(n), Seq(0), 100).unwrap();
    entries.iter().map(|entry| entry.event.name()).collect()
}

#[test]
fn a_request_makes_the_device_it_speaks_of_and_owes_the_masa_a_question() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let taken = store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    assert_eq!(taken, Taken::New { device: device(1), version: Version(1), seq: Seq(1) });
    assert_eq!(state(&store, 1), State::Requested);
    let owed = store.list_outbox(None, 10).unwrap().rows;
    assert_eq!(owed[0].task, Task::AskMasa { pvr_digest: digest(7) });
    store.execute(stamp(1), complete_voucher(&store, 1, 7)).unwrap();
    assert_eq!(store.list_outbox(None, 10).unwrap().rows, []);
}

#[test]
fn the_byte_identical_request_meets_its_own_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let begin = begin_voucher(&store, 1, 7);
    store.execute(stamp(0), begin.clone()).unwrap();
    let before = |taken: Taken| match taken {
        Taken::Before(request) => request.status,
        Taken::New { .. } => panic!("taken as new"),
    };
    let again = before(store.execute(stamp(1), begin.clone()).unwrap());
    assert_eq!(again, VoucherStatus::Asking { awaiting: blob("awaiting") });
    store.execute(stamp(2), complete_voucher(&store, 1, 7)).unwrap();
    let again = before(store.execute(stamp(3), begin).unwrap());
    assert_eq!(again, VoucherStatus::Issued { voucher: blob("voucher"), assertion: text("proximity") });
    assert_eq!(store.head().seq, Seq(2));
}

#[test]
fn a_nonce_in_another_request_or_from_another_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    let mut other = begin_voucher(&store, 1, 8);
    other.intake.nonce = Some(nonce(7));
    assert!(matches!(store.execute(stamp(1), other), Err(Error::NonceUsed)));
    let mut cloned = begin_voucher(&store, 1, 7);
    cloned.intake.idevid = digest(99);
    assert!(matches!(store.execute(stamp(1), cloned.clone()), Err(Error::NonceUsed)));
    cloned.intake.nonce = None;
    assert!(matches!(store.execute(stamp(1), cloned), Err(Error::NonceUsed)));
    assert_eq!(store.head().seq, Seq(1));
}

#[test]
fn a_deferred_request_waits_and_is_then_begun_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let defer = defer(1, 7, None, CODE);
    assert!(matches!(store.execute(stamp(0), defer.clone()).unwrap(), Taken::New { .. }));
    let again = DeferVoucher { expected: Some(Version(1)), ..defer };
    assert!(matches!(store.execute(stamp(60), again).unwrap(), Taken::Before(_)));
    let approve = ApproveDevice { device: device(1), expected: Version(1), note: text("it is ours") };
    store.execute(stamp(61), approve).unwrap();
    assert!(store.load_device(device(1)).unwrap().unwrap().approval.is_some());
    let taken = store.execute(stamp(62), begin_voucher(&store, 1, 7)).unwrap();
    assert!(matches!(taken, Taken::New { version: Version(3), .. }));
    assert_eq!(store.voucher_by_pvr_digest(digest(7)).unwrap().unwrap().received_at, at(0));
}

#[test]
fn a_refusal_of_a_stranger_is_in_the_journal_and_makes_no_device() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let refuse = RefuseVoucher { intake: intake(1, 7), expected: None, code: CODE, is_final: true };
    store.execute(stamp(0), refuse).unwrap();
    assert_eq!(store.load_device(device(1)).unwrap(), None);
    assert_eq!(store.list_devices(&DeviceFilter::default(), None, 10).unwrap().rows, []);
    assert_eq!(timeline(&store, 1), ["voucher_refused"]);
}

#[test]
fn a_refusal_of_one_request_leaves_an_operational_device_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    let expected = Some(version(&store, 1));
    let refuse = RefuseVoucher { intake: intake(1, 8), expected, code: CODE, is_final: false };
    store.execute(stamp(9), refuse).unwrap();
    assert_eq!(state(&store, 1), State::Operational);
    let expected = Some(version(&store, 1));
    let last = RefuseVoucher { intake: intake(1, 9), expected, code: CODE, is_final: true };
    assert!(matches!(store.execute(stamp(10), last), Err(Error::Lifecycle(_))));
}

#[test]
fn a_refused_request_takes_neither_the_place_of_the_open_one_nor_of_the_idevid() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    let before = store.load_device(device(1)).unwrap();
    let other = VoucherIntake { idevid: digest(99), ..intake(1, 8) };
    let expected = Some(version(&store, 1));
    let refuse = RefuseVoucher { intake: other, expected, code: CODE, is_final: false };
    store.execute(stamp(1), refuse).unwrap();
    assert_eq!(store.load_device(device(1)).unwrap(), before);
    store.execute(stamp(2), complete_voucher(&store, 1, 7)).unwrap();
    assert_eq!(timeline(&store, 1), ["voucher_requested", "voucher_refused", "voucher_completed"]);
}

#[test]
fn a_deferred_request_that_is_refused_at_last_stays_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), defer(1, 7, None, CODE)).unwrap();
    let expected = Some(version(&store, 1));
    let refuse = RefuseVoucher { intake: intake(1, 7), expected, code: CODE, is_final: false };
    let stale = RefuseVoucher { expected: None, ..refuse.clone() };
    assert!(matches!(store.execute(stamp(1), stale), Err(Error::DeviceChanged { .. })));
    store.execute(stamp(1), refuse).unwrap();
    let Taken::Before(found) = store.execute(stamp(2), begin_voucher(&store, 1, 7)).unwrap() else {
        panic!("begun anew")
    };
    assert_eq!(found.status, VoucherStatus::Refused { code: CODE });
}

#[test]
fn a_device_that_waits_with_one_request_waits_with_the_next_for_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), defer(1, 7, None, CODE)).unwrap();
    let expected = Some(Version(1));
    let next = defer(1, 8, expected, CODE);
    let Taken::Before(waits) = store.execute(stamp(1), next.clone()).unwrap() else { panic!("recorded") };
    assert_eq!(waits.pvr_digest, digest(7));
    let other = ReasonCode::new("another-code");
    let for_more = DeferVoucher { code: other.clone(), ..next };
    assert!(matches!(store.execute(stamp(2), for_more).unwrap(), Taken::New { .. }));
    let later = DeferVoucher { repeats_since_at: at(3), ..defer(1, 9, Some(Version(2)), other) };
    assert!(matches!(store.execute(stamp(3), later).unwrap(), Taken::New { .. }));
    change(&store, 1, Event::Refused).unwrap();
    change(&store, 1, Event::Reopen).unwrap();
    let anew = defer(1, 10, Some(version(&store, 1)), CODE);
    assert!(matches!(store.execute(stamp(5), anew).unwrap(), Taken::New { .. }), "it is to wait visibly");
}

#[test]
fn a_device_causes_so_many_records_an_hour_and_no_more_and_a_restart_does_not_help_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = owner(dir.path());
    let report = || RecordTelemetry {
        device: device(1),
        kind: ReportKind::Enrollment,
        is_success: false,
        reason: text("again"),
        certificate: None,
        asks_log: false,
    };
    onboard(&store, 1, 7);
    for n in 3..u64::from(PACE_RECORDS_MAX) {
        if n == 10 {
            drop(store);
            store = owner(dir.path());
        }
        assert!(store.execute(stamp(n), report()).unwrap().is_some());
    }
    assert!(store.execute(stamp(60), report()).unwrap().is_some());
    let head = store.head();
    assert_eq!(store.execute(stamp(61), report()).unwrap(), None);
    let busy = |error: Error| (error.class(), error.code());
    let voucher = store.execute(stamp(62), begin_voucher(&store, 1, 8)).unwrap_err();
    assert_eq!(busy(voucher), (Class::Busy, ReasonCode::new("device-asks-too-often")));
    let certificate = store.execute(stamp(62), begin_certificate(&store, 1, 8, 8, 8)).unwrap_err();
    assert_eq!(busy(certificate), (Class::Busy, ReasonCode::new("device-asks-too-often")));
    let waits = defer(1, 8, Some(version(&store, 1)), CODE);
    assert!(matches!(store.execute(stamp(62), waits), Err(Error::TooOften { .. })));
    assert_eq!(store.head(), head);
    assert!(change(&store, 1, Event::Suspend).is_ok(), "people may still act");
    change(&store, 1, Event::Resume).unwrap();
    let renewal = begin_certificate(&store, 1, 8, 8, 8);
    assert!(matches!(store.execute(stamp(1 + PACE_SECONDS), renewal).unwrap(), Begun::New { .. }));
}

#[test]
fn a_count_is_in_the_timeline_and_makes_no_device() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let what = Repeated::Refused { verb: Verb::RequestVoucher, code: CODE };
    let repeats = Repeats { subject: Some(device(1)), what, count: 9, first_at: at(1), last_at: at(2) };
    store.execute(stamp(3), CountRepeats { repeats: repeats.clone() }).unwrap();
    assert_eq!(timeline(&store, 1), ["repeats_counted"]);
    assert_eq!(store.load_device(device(1)).unwrap(), None);
    let of_many = Repeats { subject: None, what: Repeated::Various, ..repeats };
    store.execute(stamp(4), CountRepeats { repeats: of_many }).unwrap();
    assert_eq!(store.head().seq, Seq(2), "a record that changes no row is seen like any other");
    assert_eq!(store.records(Seq(2), 1).unwrap()[0].event.device(), None);
}

#[test]
fn a_final_refusal_stands_until_a_person_reopens() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), declare(1)).unwrap();
    let refuse =
        RefuseVoucher { intake: intake(1, 7), expected: Some(Version(1)), code: CODE, is_final: true };
    store.execute(stamp(1), refuse).unwrap();
    let refused = store.load_device(device(1)).unwrap().unwrap();
    assert_eq!((refused.state, refused.state_code), (State::Refused, Some(CODE)));
    assert!(matches!(store.execute(stamp(2), begin_voucher(&store, 1, 8)), Err(Error::Lifecycle(_))));
    change(&store, 1, Event::Reopen).unwrap();
    assert!(store.execute(stamp(3), begin_voucher(&store, 1, 9)).is_ok());
}

#[test]
fn a_newer_request_takes_the_place_of_the_open_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    store.execute(stamp(1), begin_voucher(&store, 1, 8)).unwrap();
    let owed = store.list_outbox(None, 10).unwrap().rows;
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].task, Task::AskMasa { pvr_digest: digest(8) });
    let late = complete_voucher(&store, 1, 7);
    assert!(matches!(store.execute(stamp(2), late), Err(Error::VoucherRequestSettled)));
    store.execute(stamp(3), complete_voucher(&store, 1, 8)).unwrap();
}

#[test]
fn a_write_decided_on_an_older_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let begin = begin_voucher(&store, 1, 7);
    store.execute(stamp(0), declare(1)).unwrap();
    let refused = store.execute(stamp(1), begin);
    assert!(matches!(refused, Err(Error::DeviceChanged { found: Some(Version(1)) })));
    assert_eq!(refused.unwrap_err().class(), Class::Refused);
}

#[test]
fn an_open_request_ends_when_a_person_retires_the_device() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    change(&store, 1, Event::Retire).unwrap();
    assert_eq!(store.list_outbox(None, 10).unwrap().rows, []);
    let complete = complete_voucher(&store, 1, 7);
    assert!(matches!(store.execute(stamp(1), complete), Err(Error::VoucherRequestSettled)));
    let again = begin_voucher(&store, 1, 8);
    assert!(matches!(store.execute(stamp(2), again), Err(Error::Lifecycle(_))));
}

#[test]
fn a_person_cannot_raise_what_only_a_protocol_proves() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), begin_voucher(&store, 1, 7)).unwrap();
    assert!(matches!(change(&store, 1, Event::VoucherIssued), Err(Error::Lifecycle(_))));
}

#[test]
fn a_renewal_leaves_the_old_certificate_an_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    store.execute(stamp(10), begin_certificate(&store, 1, 8, 8, 7)).unwrap();
    store.execute(stamp(11), complete_certificate(&store, 1, 8)).unwrap();
    let kinds: Vec<_> = store.list_certificates(device(1)).unwrap().iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [CertificateKind::First, CertificateKind::Renewal]);
    let standing = |cert: u64, now| {
        let found = store.certificate_by_fingerprint(digest(2_000_000 + cert)).unwrap().unwrap();
        found.standing(&store.load_device(device(1)).unwrap().unwrap(), at(now))
    };
    assert_eq!((standing(7, 500), standing(7, 501)), (Standing::Good, Standing::Superseded));
    assert_eq!(standing(8, 501), Standing::Good);
}

#[test]
fn one_request_has_one_certificate_and_a_later_renewal_with_it_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    let again = begin_certificate(&store, 1, 8, 7, 7);
    let Begun::Before(before) = store.execute(stamp(10), again.clone()).unwrap() else {
        panic!("signed twice")
    };
    assert_eq!(before.key, key(7));
    let later = BeginCertificate { repeats_since_at: at(4), ..again };
    assert!(matches!(store.execute(stamp(10), later).unwrap(), Begun::New { .. }));
    let other = begin_certificate(&store, 1, 7, 9, 9);
    assert!(matches!(store.execute(stamp(11), other), Err(Error::CertificateSerialUsed)));
}

#[test]
fn an_intent_that_another_replaced_or_that_was_given_up_is_never_completed() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    store.execute(stamp(10), begin_certificate(&store, 1, 8, 8, 8)).unwrap();
    store.execute(stamp(11), begin_certificate(&store, 1, 9, 9, 9)).unwrap();
    let late = complete_certificate(&store, 1, 8);
    assert!(matches!(store.execute(stamp(12), late), Err(Error::CertificateSettled)));
    let abandon = AbandonCertificate { key: key(9), expected: version(&store, 1), code: CODE };
    store.execute(stamp(13), abandon).unwrap();
    let late = complete_certificate(&store, 1, 9);
    assert!(matches!(store.execute(stamp(14), late), Err(Error::CertificateSettled)));
    assert!(matches!(
        store.execute(stamp(15), begin_certificate(&store, 1, 10, 9, 9)).unwrap(),
        Begun::New { .. }
    ));
}

#[test]
fn suspension_holds_resumption_releases_and_retirement_revokes_every_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    store.execute(stamp(10), begin_certificate(&store, 1, 8, 8, 7)).unwrap();
    store.execute(stamp(11), complete_certificate(&store, 1, 8)).unwrap();
    let listed = || {
        let found = store.list_revocations(&issuer(), at(100)).unwrap();
        found.into_iter().map(|r| (r.key, r.is_hold)).collect::<Vec<_>>()
    };
    change(&store, 1, Event::Suspend).unwrap();
    assert_eq!(listed(), [(key(7), true), (key(8), true)]);
    change(&store, 1, Event::Resume).unwrap();
    assert_eq!(listed(), []);
    change(&store, 1, Event::Retire).unwrap();
    assert_eq!(listed(), [(key(7), false), (key(8), false)]);
    assert_eq!(store.list_revocations(&issuer(), at(2_000_000)).unwrap(), []);
    assert_eq!(state(&store, 1), State::Retired);
}

#[test]
fn a_restart_of_an_operational_device_begins_a_generation_and_owes_question_and_crl() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    store.execute(stamp(10), begin_voucher(&store, 1, 8)).unwrap();
    let found = store.load_device(device(1)).unwrap().unwrap();
    assert_eq!((found.state, found.generation, found.certificate), (State::Requested, Generation(1), None));
    let tasks: Vec<_> = store.list_outbox(None, 10).unwrap().rows.into_iter().map(|row| row.task).collect();
    assert_eq!(tasks, [Task::AskMasa { pvr_digest: digest(8) }, Task::PublishCrl { issuer: issuer() }]);
    assert_eq!(store.list_revocations(&issuer(), at(10)).unwrap().len(), 1);
}

#[test]
fn a_crl_pays_the_revocations_it_knew_of_and_its_numbers_rise() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    onboard(&store, 1, 7);
    onboard(&store, 2, 8);
    change(&store, 1, Event::Retire).unwrap();
    let as_of = store.head().seq;
    change(&store, 2, Event::Retire).unwrap();
    let der: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let crl = RecordCrl {
        issuer: issuer(),
        last: None,
        number: 1,
        as_of,
        this_update_at: at(60),
        next_update_at: at(120),
        der: der.clone(),
    };
    store.execute(stamp(60), crl.clone()).unwrap();
    assert_eq!(store.list_outbox(None, 10).unwrap().rows.len(), 1);
    assert!(matches!(store.execute(stamp(61), crl.clone()), Err(Error::CrlNumber { last: Some(1) })));
    let same = RecordCrl { last: Some(1), ..crl.clone() };
    assert!(matches!(store.execute(stamp(61), same), Err(Error::CrlNumber { .. })));
    assert_eq!(store.load_crl(&issuer()).unwrap().unwrap().der, der);
    let next = RecordCrl { last: Some(1), number: 2, as_of: store.head().seq, der: vec![7], ..crl };
    store.execute(stamp(62), next).unwrap();
    assert_eq!(store.list_outbox(None, 10).unwrap().rows, []);
    assert_eq!(store.load_crl(&issuer()).unwrap().unwrap().der, [7]);
}

#[test]
fn lists_page_filter_and_count() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let labels = Labels::new(BTreeMap::from([(text("site"), text("berlin"))])).unwrap();
    for n in 0..25 {
        let labels = (n % 5 == 0).then(|| labels.clone());
        store.execute(stamp(n), DeclareDevice { labels, ..declare(n) }).unwrap();
    }
    // Half of the rows in sled, half in memory.
    store.digest_state().unwrap();
    for n in 25..30 {
        store.execute(stamp(n), declare(n)).unwrap();
    }
    change(&store, 3, Event::Retire).unwrap();
    let all = |filter: &DeviceFilter| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.list_devices(filter, cursor.as_deref(), 7).unwrap();
            found.extend(page.rows.into_iter().map(|device| device.serial.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    let wanted: Vec<_> = (0..30).map(|n| serial(n).to_string()).collect();
    assert_eq!(all(&DeviceFilter::default()), wanted);
    assert_eq!(
        all(&DeviceFilter { serial_prefix: "GW-001".into(), ..DeviceFilter::default() }),
        wanted[10..20]
    );
    let label = Some((text("site"), Some(text("berlin"))));
    assert_eq!(all(&DeviceFilter { label, ..DeviceFilter::default() }).len(), 5);
    assert_eq!(all(&DeviceFilter { state: Some(State::Retired), ..DeviceFilter::default() }), ["GW-0003"]);
    assert_eq!(all(&DeviceFilter { state: Some(State::Expected), ..DeviceFilter::default() }).len(), 29);
    let other = Some("other".parse().unwrap());
    assert_eq!(all(&DeviceFilter { manufacturer: other, ..DeviceFilter::default() }).len(), 0);
    let counts: BTreeMap<_, _> = store.count_by_state().unwrap().into_iter().collect();
    assert_eq!((counts[&State::Expected], counts[&State::Retired]), (29, 1));
    assert_eq!(store.find_by_serial(&serial(3)).unwrap().len(), 1);
    let foreign = store.list_devices(&DeviceFilter::default(), Some(b"zz"), 1);
    assert!(matches!(foreign, Err(Error::CursorInvalid)));
}

#[test]
fn declaring_again_says_whether_anything_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let change = |command: DeclareDevice| store.execute(stamp(0), command).unwrap().change;
    assert_eq!(change(declare(1)), Declaration::New);
    assert_eq!(change(declare(1)), Declaration::Unchanged);
    let product = Some("valve".parse().unwrap());
    assert_eq!(change(DeclareDevice { product, ..declare(1) }), Declaration::Changed);
    assert_eq!(change(declare(1)), Declaration::Unchanged);
}

#[test]
fn a_watch_wakes_pages_and_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    let (sender, receiver) = std::sync::mpsc::channel();
    store.on_commit(move |head| sender.send(head).unwrap());
    assert_eq!(store.wait_beyond(Seq(0), Duration::from_millis(1)).seq, Seq(0));
    store.execute(stamp(0), declare(1)).unwrap();
    store.execute(stamp(1), declare(2)).unwrap();
    assert_eq!(receiver.recv().unwrap().seq, Seq(1));
    assert_eq!(store.wait_beyond(Seq(1), Duration::from_secs(60)).seq, Seq(2));
    let page = store.records(Seq(2), 10).unwrap();
    assert_eq!((page.len(), page[0].seq, page[0].at), (1, Seq(2), at(1)));
    assert_eq!(page[0].event.device(), Some(device(2)));
    assert_eq!(store.records(Seq(3), 10).unwrap().len(), 0);
}

#[test]
fn a_full_queue_is_answered_busy_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = OwnerStore::open(dir.path(), &Options { queue_max: 1, ..options() }).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (sender, receiver) = std::sync::mpsc::channel();
    // The writer stands still in the first callback, the second command waits in the queue, the third finds no room.
    let (begun, has_begun) = std::sync::mpsc::channel();
    store.submit(stamp(0), declare(1), move |_| {
        begun.send(()).unwrap();
        wait.recv().unwrap();
    });
    has_begun.recv().unwrap();
    store.submit(stamp(0), declare(2), |_| ());
    store.submit(stamp(0), declare(3), move |reply| sender.send(reply.unwrap_err().class()).unwrap());
    assert_eq!(receiver.recv().unwrap(), Class::Busy);
    go.send(()).unwrap();
}

#[test]
fn a_callback_that_panics_stops_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.submit(stamp(0), declare(1), |_| panic!("as this test wants"));
    assert!(store.execute(stamp(1), declare(2)).is_ok());
}
