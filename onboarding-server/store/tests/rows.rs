//! The form of the rows, which do not tell their types: another form needs another version.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use proto::ReasonCode;
use server_lifecycle::Event;
use server_store::*;

/// When one of these changes, a row changed its form: raise `VERSION` in `engine/row.rs`, so that states of the form
/// before are made anew, and then write the new sums here.
const SUMS_OF_VERSION_3: (u128, u128) = (
    257_154_776_855_220_084_489_527_952_044_756_910_972,
    219_886_045_609_451_981_207_716_985_084_619_907_823,
);

/// What one device of each kind leaves behind.
fn owner_sum() -> u128 {
    let dir = tempfile::tempdir().unwrap();
    let store = owner(dir.path());
    store.execute(stamp(0), declare(1)).unwrap();
    onboard(&store, 1, 1);
    let report = RecordTelemetry {
        device: device(1),
        kind: ReportKind::Voucher,
        is_success: true,
        reason: text(""),
        certificate: Some(digest(1)),
        asks_log: true,
    };
    store.execute(stamp(20), report).unwrap();
    store.execute(stamp(21), audit_log(1, digest(1))).unwrap();
    let approve = ApproveDevice { device: device(1), expected: version(&store, 1), note: text("") };
    store.execute(stamp(22), approve).unwrap();
    let retire = ChangeState {
        device: device(1),
        expected: version(&store, 1),
        event: Event::Suspend,
        code: Some(ReasonCode::new("test-code")),
        note: text("end"),
    };
    store.execute(stamp(23), retire).unwrap();
    store.digest_state().unwrap()
}

/// What one unit and its voucher leave behind.
fn maker_sum() -> u128 {
    let dir = tempfile::tempdir().unwrap();
    let store = maker(dir.path());
    store.execute(stamp(0), open_order("o1", 5)).unwrap();
    store.execute(stamp(1), begin_unit("o1", 1, 1, 1)).unwrap();
    let certificate = blob("certificate");
    let complete = CompleteUnit { unit: device(1), certificate, fingerprint: digest(7) };
    store.execute(stamp(2), complete).unwrap();
    let (unit, nonce, rvr_digest) = (device(1), Some(nonce(1)), digest(8));
    let begin = BeginMasaVoucher {
        unit,
        nonce: nonce.clone(),
        rvr_digest,
        domain: domain(1),
        assertion: text("proximity"),
    };
    store.execute(stamp(3), begin).unwrap();
    let complete = CompleteMasaVoucher { unit, nonce, rvr_digest, voucher: blob("voucher") };
    store.execute(stamp(4), complete).unwrap();
    store.digest_state().unwrap()
}

#[test]
fn rows_have_the_form_of_their_version() {
    assert_eq!((owner_sum(), maker_sum()), SUMS_OF_VERSION_3);
}
