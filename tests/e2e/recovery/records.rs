//! What lies on disk, against what the clients were told: journals and states of both roles, read without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pki::digest::sha256;
use proto::{Fingerprint, OrderId, Seq};
use server_store::{
    CertificateKey, CertificateStatus, IdevId, MakerEvent, MakerStore, Model, Options, OwnerEvent,
    OwnerStore, Store, VoucherStatus,
};
use tests::program;
use tests::server::MANUFACTURER;

use super::ledger::Told;

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// Checks the directories of both roles.
pub(super) fn check(state: &Path, told: &Told) {
    for role in ["owner", "maker"] {
        let journal = state.join(role).join("journal");
        let verify = ["journal".into(), "verify".into(), "--dir".into(), journal.clone().into_os_string()];
        let _ = program::run(program::ours("gangway"), verify).well();
        let report = server_journal::verify(&journal).expect("the journal can be read");
        assert_eq!((report.damage, report.tail), (None, None), "{role}");
    }
    check_owner(&OwnerStore::open(&state.join("owner"), &Options::default()).expect("it opens"), told);
    check_maker(&MakerStore::open(&state.join("maker"), &Options::default()).expect("it opens"), told);
}

fn events<M: Model>(store: &Store<M>) -> Vec<M::Event> {
    let (mut events, mut from) = (Vec::new(), Seq(1));
    loop {
        let page = store.records(from, PAGE).expect("records");
        let Some(last) = page.last() else { return events };
        from = last.seq.next();
        events.extend(page.into_iter().map(|record| record.event));
    }
}

fn check_owner(store: &OwnerStore, told: &Told) {
    check_owner_journal(events(store), told);
    for (request, (_, voucher)) in &told.vouchers {
        let found =
            store.voucher_by_pvr_digest(*request).expect("it can be read").expect("a voucher is lost");
        let VoucherStatus::Issued { voucher: held, .. } = found.status else {
            panic!("a voucher that was handed out is {:?}", found.status)
        };
        assert_eq!(sha256(held.as_bytes()), *voucher, "another voucher would be handed out now");
    }
    for certificate in told.certificates.values().flatten() {
        let found = store.certificate_by_fingerprint(certificate.fingerprint).expect("it can be read");
        let found = found.expect("a certificate is lost");
        assert_eq!((found.csr_digest, &found.key.serial), (certificate.request, &certificate.serial));
        assert!(matches!(found.status, CertificateStatus::Issued { .. }));
    }
    let owed = store.list_outbox(None, PAGE).expect("it can be read").rows;
    let asks = owed.iter().filter(|row| matches!(row.task, server_store::Task::AskMasa { .. }));
    assert_eq!(asks.count(), 0, "a MASA is still to be asked: {owed:?}");
}

fn check_owner_journal(events: Vec<OwnerEvent>, told: &Told) {
    let mut begun: BTreeMap<CertificateKey, Fingerprint> = BTreeMap::new();
    let mut completed: BTreeMap<Fingerprint, Fingerprint> = BTreeMap::new();
    let mut vouchers: BTreeMap<Fingerprint, Fingerprint> = BTreeMap::new();
    for event in events {
        if let OwnerEvent::CertificateBegun { draft, .. } = event {
            let before = begun.insert(draft.key, draft.csr_digest);
            assert_eq!(before, None, "a serial number was given twice");
        } else if let OwnerEvent::CertificateCompleted { key, certificate, fingerprint, .. } = event {
            assert_eq!(sha256(certificate.as_bytes()), fingerprint);
            let request = begun.get(&key).copied().expect("nothing is signed that was not announced");
            assert_eq!(completed.insert(request, fingerprint), None, "one request has two certificates");
        } else if let OwnerEvent::VoucherCompleted { pvr_digest, voucher, .. } = event {
            let before = vouchers.insert(pvr_digest, sha256(voucher.as_bytes()));
            assert_eq!(before, None, "one request has two vouchers");
        }
    }
    for (request, (serial_number, voucher)) in &told.vouchers {
        assert_eq!(
            vouchers.get(request),
            Some(voucher),
            "the voucher of {serial_number} is not in the journal"
        );
    }
    for certificate in told.certificates.values().flatten() {
        assert_eq!(
            completed.get(&certificate.request),
            Some(&certificate.fingerprint),
            "it is not in the journal"
        );
    }
}

fn check_maker(store: &MakerStore, told: &Told) {
    check_maker_journal(events(store));
    let manufacturer = MANUFACTURER.parse().expect("a name");
    for (serial_number, told) in &told.idevids {
        let unit =
            store.load_unit(server_store::device_id(&manufacturer, serial_number)).expect("it can be read");
        let unit = unit.expect("a unit is lost");
        assert_eq!((unit.csr_digest, &unit.certificate_serial), (told.request, &told.serial));
        let IdevId::Issued { certificate, fingerprint, .. } = unit.idevid else {
            panic!("an IDevID that was handed out is not on record: {serial_number}")
        };
        assert_eq!((sha256(certificate.as_bytes()), fingerprint), (told.fingerprint, told.fingerprint));
    }
}

fn check_maker_journal(events: Vec<MakerEvent>) {
    let (mut quotas, mut made) = (BTreeMap::new(), BTreeMap::<OrderId, u64>::new());
    let (mut begun, mut completed, mut vouchers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in events {
        if let MakerEvent::OrderOpened { order, terms } = event {
            assert_eq!(quotas.insert(order, terms.quota), None, "an order was opened twice");
        } else if let MakerEvent::UnitBegun { unit, order, .. } = event {
            assert!(begun.insert(unit), "a unit was begun twice");
            let units = made.entry(order.clone()).or_default();
            *units += 1;
            assert!(*units <= quotas[&order], "{order} has more units than its quota");
        } else if let MakerEvent::UnitCompleted { unit, .. } = event {
            assert!(begun.contains(&unit) && completed.insert(unit), "a unit has two certificates");
        } else if let MakerEvent::MasaVoucherCompleted { unit, nonce, .. } = event {
            let nonce = nonce.map(|nonce| nonce.as_bytes().to_vec());
            assert!(vouchers.insert((unit, nonce)), "a nonce has two vouchers");
        }
    }
    assert_eq!(begun, completed, "a unit was begun and never made");
}
