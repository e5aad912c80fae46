//! The maker's store from outside: quotas, one key per serial number, one voucher per nonce.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::thread;

use common::*;
use proto::{ReasonCode, Seq};
use server_store::*;

fn complete(n: u64) -> CompleteUnit {
    CompleteUnit { unit: device(n), certificate: blob("certificate"), fingerprint: digest(3_000_000 + n) }
}

fn make(store: &MakerStore, n: u64) {
    store.execute(stamp(1), begin_unit("o1", n, n, n)).unwrap();
    store.execute(stamp(2), complete(n)).unwrap();
}

fn begin_voucher(n: u64, of: u64, rvr: u64, to: u8) -> BeginMasaVoucher {
    BeginMasaVoucher {
        unit: device(n),
        nonce: Some(nonce(of)),
        rvr_digest: digest(rvr),
        domain: domain(to),
        assertion: text("proximity"),
    }
}

fn order(store: &MakerStore) -> Order {
    store.load_order(&"o1".parse().unwrap()).unwrap().unwrap()
}

#[test]
fn the_same_serial_number_and_key_again_is_the_same_unit() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    store.execute(stamp(1), begin_unit("o1", 1, 1, 1)).unwrap();
    let again = |cert| match store.execute(stamp(2), begin_unit("o1", 1, 1, cert)).unwrap() {
        UnitBegun::Before(unit) => unit,
        UnitBegun::New { .. } => panic!("made twice"),
    };
    assert_eq!(again(2).idevid, IdevId::Intent { draft: blob("tbs") });
    store.execute(stamp(3), complete(1)).unwrap();
    assert!(matches!(again(3).idevid, IdevId::Issued { .. }));
    assert_eq!((order(&store).begun, order(&store).completed), (1, 1));
    let other = CompleteUnit { fingerprint: digest(9), ..complete(1) };
    assert!(matches!(store.execute(stamp(4), other), Err(Error::UnitSettled)));
}

#[test]
fn another_key_for_a_serial_number_and_a_key_under_another_serial_number_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    make(&store, 1);
    let other_key = store.execute(stamp(3), begin_unit("o1", 1, 2, 2));
    assert!(matches!(other_key, Err(Error::UnitKeyConflict)));
    assert!(matches!(store.execute(stamp(3), begin_unit("o1", 2, 1, 2)), Err(Error::UnitKeyUsed)));
    assert!(matches!(store.execute(stamp(3), begin_unit("o1", 2, 2, 1)), Err(Error::CertificateSerialUsed)));
    store.execute(stamp(3), open_order("o2", 5)).unwrap();
    assert!(matches!(store.execute(stamp(3), begin_unit("o2", 1, 1, 1)), Err(Error::UnitOrderConflict)));
}

#[test]
fn an_order_opens_once_with_terms_that_make_sense() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    assert!(store.execute(stamp(0), open_order("o1", 5)).unwrap().is_new);
    assert!(!store.execute(stamp(0), open_order("o1", 5)).unwrap().is_new);
    assert!(matches!(store.execute(stamp(0), open_order("o1", 6)), Err(Error::OrderConflict)));
    assert!(matches!(store.execute(stamp(0), open_order("o2", 0)), Err(Error::OrderTerms)));
}

#[test]
fn an_order_binds_line_range_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    let line = BeginUnit { line: "l2".parse().unwrap(), ..begin_unit("o1", 1, 1, 1) };
    assert!(matches!(store.execute(stamp(1), line), Err(Error::OrderLine)));
    let range = BeginUnit { serial: "XX-1".parse().unwrap(), ..begin_unit("o1", 1, 1, 1) };
    assert!(matches!(store.execute(stamp(1), range), Err(Error::OrderSerialRange)));
    assert!(matches!(store.execute(stamp(1), begin_unit("o9", 1, 1, 1)), Err(Error::OrderUnknown)));
    store.execute(stamp(1), begin_unit("o1", 1, 1, 1)).unwrap();
    let close = CloseOrder { order: "o1".parse().unwrap(), note: text("recalled") };
    assert_eq!(store.execute(stamp(2), close.clone()).unwrap().closed_at, Some(at(2)));
    assert_eq!(store.execute(stamp(3), close).unwrap().closed_at, Some(at(2)));
    assert!(matches!(store.execute(stamp(3), begin_unit("o1", 2, 2, 2)), Err(Error::OrderClosed)));
    assert!(store.execute(stamp(3), complete(1)).is_ok());
}

#[test]
fn a_quota_holds_against_many_at_once_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(maker(dir.path()));
    store.execute(stamp(0), open_order("o1", 100)).unwrap();
    let stations: Vec<_> = (0..8)
        .map(|station| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let ids = (0..30).map(|n| station * 30 + n);
                ids.filter(|id| store.execute(stamp(1), begin_unit("o1", *id, *id, *id)).is_ok()).count()
            })
        })
        .collect();
    let made: usize = stations.into_iter().map(|station| station.join().unwrap()).sum();
    assert_eq!((made, order(&store).begun), (100, 100));
    drop(store);
    let store = maker(dir.path());
    assert!(matches!(store.execute(stamp(2), begin_unit("o1", 999, 999, 999)), Err(Error::OrderQuota)));
    let filter = UnitFilter { order: Some("o1".parse().unwrap()), ..UnitFilter::default() };
    assert_eq!(store.list_units(&filter, None, 1000).unwrap().rows.len(), 100);
}

#[test]
fn one_voucher_per_nonce_and_each_issued_one_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    make(&store, 1);
    assert_eq!(store.execute(stamp(3), begin_voucher(1, 1, 1, 1)).unwrap(), MasaVoucherBegun::New);
    assert_eq!(store.list_audit_log(device(1), Seq(0), 10).unwrap(), []);
    let complete = CompleteMasaVoucher {
        unit: device(1),
        nonce: Some(nonce(1)),
        rvr_digest: digest(1),
        voucher: blob("voucher"),
    };
    store.execute(stamp(4), complete.clone()).unwrap();
    // The registrar made its request anew: another digest, the same nonce and domain, the same voucher.
    let MasaVoucherBegun::Before(before) = store.execute(stamp(5), begin_voucher(1, 1, 2, 1)).unwrap() else {
        panic!("issued twice")
    };
    assert_eq!(before.voucher, Some(blob("voucher")));
    assert!(matches!(store.execute(stamp(5), begin_voucher(1, 1, 3, 2)), Err(Error::MasaNonceUsed)));
    let other = CompleteMasaVoucher { voucher: blob("other"), ..complete };
    assert!(matches!(store.execute(stamp(6), other), Err(Error::MasaVoucherSettled)));
    let log = store.list_audit_log(device(1), Seq(0), 10).unwrap();
    assert_eq!((log.len(), log[0].at, &log[0].domain), (1, at(4), &domain(1)));
    assert!(store.has_owned(device(1), &domain(1)).unwrap());
    assert!(!store.has_owned(device(1), &domain(2)).unwrap());
}

#[test]
fn a_blocked_unit_gets_no_voucher_not_even_one_that_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    make(&store, 1);
    store.execute(stamp(3), begin_voucher(1, 1, 1, 1)).unwrap();
    let code = ReasonCode::new("unit-stolen");
    let block = BlockUnit { unit: device(1), code: code.clone(), note: text("taken from the truck") };
    store.execute(stamp(4), block).unwrap();
    assert!(matches!(store.execute(stamp(5), begin_voucher(1, 2, 2, 1)), Err(Error::UnitBlocked { .. })));
    let complete = CompleteMasaVoucher {
        unit: device(1),
        nonce: Some(nonce(1)),
        rvr_digest: digest(1),
        voucher: blob("voucher"),
    };
    assert!(matches!(store.execute(stamp(5), complete), Err(Error::UnitBlocked { .. })));
    store.execute(stamp(6), UnblockUnit { unit: device(1), note: text("found") }).unwrap();
    assert!(store.execute(stamp(7), begin_voucher(1, 2, 2, 1)).is_ok());
    let refuse = RefuseMasaVoucher { unit: device(1), rvr_digest: digest(9), domain: domain(2), code };
    store.execute(stamp(8), refuse).unwrap();
    let names: Vec<_> =
        store.unit_timeline(device(1), Seq(0), 50).unwrap().iter().map(|entry| entry.event.name()).collect();
    assert_eq!(names.last(), Some(&"masa_voucher_refused"));
}

#[test]
fn a_unit_gets_so_many_vouchers_an_hour_and_the_same_request_again_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    make(&store, 1);
    for n in 0..u64::from(PACE_RECORDS_MAX) {
        store.execute(stamp(3), begin_voucher(1, n, n, 1)).unwrap();
    }
    let another = begin_voucher(1, 1_000, 1_000, 1);
    assert!(matches!(store.execute(stamp(4), another.clone()), Err(Error::TooOften { .. })));
    let again = store.execute(stamp(4), begin_voucher(1, 0, 0, 1)).unwrap();
    assert!(matches!(again, MasaVoucherBegun::Before(_)));
    assert!(store.execute(stamp(3 + PACE_SECONDS), another).is_ok());
}

#[test]
fn only_a_unit_with_a_certificate_is_shipped_and_sold() {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    store.execute(stamp(1), begin_unit("o1", 1, 1, 1)).unwrap();
    let ship = ShipUnit { unit: device(1) };
    assert!(matches!(store.execute(stamp(2), ship.clone()), Err(Error::UnitSettled)));
    store.execute(stamp(3), complete(1)).unwrap();
    assert_eq!(store.execute(stamp(4), ship.clone()).unwrap().shipped_at, Some(at(4)));
    assert_eq!(store.execute(stamp(5), ship).unwrap().shipped_at, Some(at(4)));
    let sale = RecordSale { unit: device(1), customer: text("a customer"), domain: Some(domain(1)) };
    let sold = store.execute(stamp(6), sale).unwrap().sale.unwrap();
    assert_eq!((sold.domain, sold.at), (Some(domain(1)), at(6)));
}
