//! Measures the store: `cargo run --release -p server-store --example store_bench [SECONDS]`.
//!
//! Prints commits per second for one writer that waits for each answer, and for many in flight: small commits (telemetry
//! of 10,000 devices) and the factory's two commits per certificate; then what a device and a unit cost on the disk, by kind
//! of record and by kind of row (the first letter of its key, see `keys.rs`).

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use proto::{CertificateSerial, DeviceId, Fingerprint, KeyId, UnixTime, Version};
use server_store::{
    BeginCertificate, BeginUnit, BeginVoucher, Blob, CertificateDraft, CertificateKey, CompleteCertificate,
    CompleteUnit, CompleteVoucher, ConfirmEnrollment, DeclareDevice, Maker, MakerStore, Model, Nonce,
    OpenOrder, Options, OrderTerms, Owner, OwnerStore, RecordTelemetry, ReportKind, SerialRange, Stamp,
    Store, Text, VoucherIntake, device_id,
};

const DEVICES: u64 = 10_000;
/// How many devices come aboard, with blobs of the sizes that real ones have.
const ONBOARDED: u64 = 5_000;

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let span = Duration::from_secs(seconds);
    let dir = tempfile::tempdir().unwrap();
    let owner = Arc::new(OwnerStore::open(&dir.path().join("owner"), &Options::default()).unwrap());
    let devices = declare(&owner);
    for in_flight in [1, 16, 256, 1024] {
        let rate = telemetry(&owner, &devices, in_flight, span);
        println!("small commits, {in_flight:>4} in flight: {rate:>9.0} /s");
    }
    let maker = Arc::new(MakerStore::open(&dir.path().join("maker"), &Options::default()).unwrap());
    let rate = factory(&maker, 64, span);
    println!("certificates (2 commits each), 64 in flight: {rate:.0} /s");
    let units = maker.head().seq.0 / 2;
    drop((owner, maker));
    for name in ["owner", "maker"] {
        let (journal, state) =
            (bytes(&dir.path().join(name).join("journal")), bytes(&dir.path().join(name).join("state")));
        println!("{name}: journal {} KiB, state {} KiB", journal >> 10, state >> 10);
    }
    println!("maker: {units} units");
    let fleet = dir.path().join("fleet");
    onboard(&OwnerStore::open(&fleet, &Options::default()).unwrap());
    breakdown::<Owner>("device", &fleet, ONBOARDED);
    breakdown::<Maker>("unit", &dir.path().join("maker"), units);
    reopen(&dir.path().join("owner"));
}

fn stamp() -> Stamp {
    Stamp::system(UnixTime::from_seconds(1_800_000_000))
}

fn declare(store: &OwnerStore) -> Vec<DeviceId> {
    let (sender, receiver) = mpsc::channel();
    let begun = Instant::now();
    let manufacturer: proto::ManufacturerId = "acme".parse().unwrap();
    let mut devices = Vec::new();
    for n in 0..DEVICES {
        let serial: proto::SerialNumber = format!("GW-{n:08}").parse().unwrap();
        devices.push(device_id(&manufacturer, &serial));
        let command =
            DeclareDevice { manufacturer: manufacturer.clone(), serial, product: None, labels: None };
        let sender = sender.clone();
        store.submit(stamp(), command, move |reply| sender.send(reply.map(drop)).unwrap());
        if n >= 1024 {
            receiver.recv().unwrap().unwrap();
        }
    }
    (0..1024).for_each(|_| receiver.recv().unwrap().unwrap());
    println!("declared {DEVICES} devices: {:.0} /s", DEVICES as f64 / begun.elapsed().as_secs_f64());
    devices
}

fn telemetry(store: &OwnerStore, devices: &[DeviceId], in_flight: usize, span: Duration) -> f64 {
    let (sender, receiver) = mpsc::channel();
    let (begun, mut sent, mut answered) = (Instant::now(), 0usize, 0u64);
    let submit = |sent: &mut usize| {
        let device = devices[*sent * 7919 % devices.len()];
        *sent += 1;
        let reason = Text::default();
        let kind = ReportKind::Enrollment;
        let (certificate, asks_log) = (None, false);
        let command = RecordTelemetry { device, kind, is_success: true, reason, certificate, asks_log };
        let sender = sender.clone();
        // A device may report so often in an hour; here an hour passes between two reports of one.
        let hours = u64::try_from(*sent / devices.len()).unwrap();
        let at = stamp().at.plus(Duration::from_secs(hours * server_store::PACE_SECONDS));
        store.submit(Stamp::system(at), command, move |reply| sender.send(reply.map(drop)).unwrap());
    };
    (0..in_flight).for_each(|_| submit(&mut sent));
    while begun.elapsed() < span {
        receiver.recv().unwrap().unwrap();
        answered += 1;
        submit(&mut sent);
    }
    let rate = answered as f64 / begun.elapsed().as_secs_f64();
    (0..in_flight).for_each(|_| receiver.recv().unwrap().unwrap());
    rate
}

fn factory(store: &Arc<MakerStore>, in_flight: u64, span: Duration) -> f64 {
    let terms = OrderTerms {
        manufacturer: "acme".parse().unwrap(),
        product: "valve".parse().unwrap(),
        line: "l1".parse().unwrap(),
        quota: u64::MAX,
        serials: SerialRange::Any,
    };
    store.execute(stamp(), OpenOrder { order: "o1".parse().unwrap(), terms }).unwrap();
    let (sender, receiver) = mpsc::channel();
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    (0..in_flight).for_each(|_| make(store, &next, &sender));
    let mut made = 0u64;
    while begun.elapsed() < span {
        receiver.recv().unwrap();
        made += 1;
        make(store, &next, &sender);
    }
    let rate = made as f64 / begun.elapsed().as_secs_f64();
    (0..in_flight).for_each(|_| receiver.recv().unwrap());
    rate
}

/// Begins a unit, and completes it in the callback's wake.
fn make(store: &Arc<MakerStore>, next: &AtomicU64, done: &mpsc::Sender<()>) {
    let n = next.fetch_add(1, Ordering::Relaxed);
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let digest = Fingerprint::from_array(id);
    let command = BeginUnit {
        order: "o1".parse().unwrap(),
        line: "l1".parse().unwrap(),
        serial: format!("GW-{n:010}").parse().unwrap(),
        public_key: digest,
        csr_digest: digest,
        issuer: KeyId::new(&[7; 20]).unwrap(),
        certificate_serial: CertificateSerial::new(&id[..16]).unwrap(),
        tbs_digest: digest,
        draft: Blob::new(vec![3; 450]).unwrap(),
    };
    let (again, done) = (Arc::clone(store), done.clone());
    store.submit(stamp(), command, move |reply| {
        reply.unwrap();
        let unit = device_id(&"acme".parse().unwrap(), &format!("GW-{n:010}").parse().unwrap());
        let command =
            CompleteUnit { unit, certificate: Blob::new(vec![4; 560]).unwrap(), fingerprint: digest };
        again.submit(stamp(), command, move |reply| {
            reply.unwrap();
            done.send(()).unwrap();
        });
    });
}

fn bytes(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(
            |entry| {
                if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().unwrap().len() }
            },
        )
        .sum()
}

fn reopen(dir: &std::path::Path) {
    let begun = Instant::now();
    let store = OwnerStore::open(dir, &Options::default()).unwrap();
    println!("reopened {:?} in {:?}", store.opening(), begun.elapsed());
    drop(store);
    std::fs::remove_dir_all(dir.join("state")).unwrap();
    let begun = Instant::now();
    let store = OwnerStore::open(dir, &Options::default()).unwrap();
    let rate = store.opening().replayed as f64 / begun.elapsed().as_secs_f64();
    println!("rebuilt {} records in {:?}: {rate:.0} /s", store.opening().replayed, begun.elapsed());
}

fn blob(bytes: usize) -> Blob {
    Blob::new(vec![7; bytes]).unwrap()
}

/// Brings devices from the declaration to their first report.
fn onboard(store: &OwnerStore) {
    for n in 0..ONBOARDED {
        let serial: proto::SerialNumber = format!("GW-{n:010}").parse().unwrap();
        let manufacturer: proto::ManufacturerId = "acme".parse().unwrap();
        let device = device_id(&manufacturer, &serial);
        // Digests are spread evenly; the ids of devices are.
        let mut id = [0; 32];
        id[..16].copy_from_slice(device.as_bytes());
        let digest = Fingerprint::from_array(id);
        let intake = VoucherIntake {
            manufacturer: manufacturer.clone(),
            serial: serial.clone(),
            idevid: digest,
            idevid_certificate: blob(560),
            pvr_digest: digest,
            nonce: Some(Nonce::new(&id[..16]).unwrap()),
            facts: blob(650),
        };
        let declare = DeclareDevice { manufacturer, serial, product: None, labels: None };
        store.execute(stamp(), declare).unwrap();
        let begin = BeginVoucher { intake, expected: Some(Version(1)), awaiting: blob(4_000) };
        store.execute(stamp(), begin).unwrap();
        let (expected, assertion) = (Version(2), Text::new("proximity").unwrap());
        let complete = CompleteVoucher { pvr_digest: digest, expected, voucher: blob(1_700), assertion };
        store.execute(stamp(), complete).unwrap();
        enroll(store, device, digest);
    }
}

fn enroll(store: &OwnerStore, device: DeviceId, digest: Fingerprint) {
    let report = |kind| RecordTelemetry {
        device,
        kind,
        is_success: true,
        reason: Text::default(),
        certificate: Some(digest),
        asks_log: false,
    };
    store.execute(stamp(), report(ReportKind::Voucher)).unwrap();
    let serial = CertificateSerial::new(&digest.as_bytes()[..16]).unwrap();
    let key = CertificateKey { issuer: KeyId::new(&[7; 20]).unwrap(), serial };
    let draft = CertificateDraft {
        key: key.clone(),
        csr_digest: digest,
        public_key: digest,
        tbs_digest: digest,
        not_before: stamp().at,
        not_after: UnixTime::NO_END,
        draft: blob(450),
    };
    let begin = BeginCertificate { device, expected: Version(3), draft, repeats_since_at: stamp().at };
    store.execute(stamp(), begin).unwrap();
    let complete = CompleteCertificate {
        key,
        expected: Version(4),
        certificate: blob(560),
        fingerprint: digest,
        overlap_until: stamp().at,
    };
    store.execute(stamp(), complete).unwrap();
    let confirm = ConfirmEnrollment { device, expected: Version(5), certificate: digest };
    store.execute(stamp(), confirm).unwrap();
    store.execute(stamp(), report(ReportKind::Enrollment)).unwrap();
}

/// Prints what each of `count` things costs.
fn breakdown<M: Model>(name: &str, dir: &std::path::Path, count: u64) {
    let each = |bytes: u64| bytes / count.max(1);
    println!(
        "a {name}: journal {} bytes, state {} bytes on the disk",
        each(bytes(&dir.join("journal"))),
        each(bytes(&dir.join("state")))
    );
    let store = Store::<M>::open(dir, &Options::default()).unwrap();
    let records =
        store.journal().records(proto::Seq(1)).map(|record| record.unwrap().payload.len() as u64 + 60);
    println!("  records: {} bytes", each(records.sum()));
    drop(store);
    let mut rows: BTreeMap<char, (u64, u64)> = BTreeMap::new();
    for row in sled::open(dir.join("state")).unwrap().iter() {
        let (key, value) = row.unwrap();
        let (number, size) = rows.entry(char::from(key[0])).or_default();
        *number += 1;
        *size += (key.len() + value.len()) as u64;
    }
    for (letter, (number, size)) in rows {
        println!("  rows {letter:?}: {number} in all, {} bytes each {name}", each(size));
    }
}
