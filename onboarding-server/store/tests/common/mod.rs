//! What the store's tests share: names, stamps and commands that differ by a number.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, KeyId, ManufacturerId, SerialNumber, UnixTime,
};
use server_store::{
    BeginCertificate, BeginUnit, BeginVoucher, Blob, CertificateDraft, CertificateKey, CompleteAuditLog,
    CompleteCertificate, CompleteVoucher, DeclareDevice, DeferVoucher, MakerStore, Nonce, OpenOrder, Options,
    OrderTerms, OwnerStore, PastVoucher, PastVouchers, SerialRange, Stamp, Text, VoucherIntake, device_id,
};

pub(crate) fn options() -> Options {
    Options { cache_bytes: 8 << 20, segment_bytes_max: 256 << 10, ..Options::default() }
}

pub(crate) fn owner(dir: &Path) -> OwnerStore {
    OwnerStore::open(dir, &options()).unwrap()
}

pub(crate) fn maker(dir: &Path) -> MakerStore {
    MakerStore::open(dir, &options()).unwrap()
}

pub(crate) fn at(n: u64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + n)
}

pub(crate) fn stamp(n: u64) -> Stamp {
    Stamp::system(at(n))
}

pub(crate) fn digest(n: u64) -> Fingerprint {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Fingerprint::from_array(bytes)
}

pub(crate) fn acme() -> ManufacturerId {
    "acme".parse().unwrap()
}

pub(crate) fn serial(n: u64) -> SerialNumber {
    format!("GW-{n:04}").parse().unwrap()
}

pub(crate) fn device(n: u64) -> DeviceId {
    device_id(&acme(), &serial(n))
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn blob(text: &str) -> Blob {
    Blob::new(text).unwrap()
}

pub(crate) fn nonce(n: u64) -> Nonce {
    Nonce::new(n.to_be_bytes()).unwrap()
}

pub(crate) fn domain(n: u8) -> DomainId {
    DomainId::new(&[n; 20]).unwrap()
}

pub(crate) fn issuer() -> KeyId {
    KeyId::new(&[1; 20]).unwrap()
}

pub(crate) fn declare(n: u64) -> DeclareDevice {
    DeclareDevice { manufacturer: acme(), serial: serial(n), product: None, labels: None }
}

/// The request `pvr` of device `n`; its nonce has the same number.
pub(crate) fn intake(n: u64, pvr: u64) -> VoucherIntake {
    VoucherIntake {
        manufacturer: acme(),
        serial: serial(n),
        idevid: digest(1_000_000 + n),
        idevid_certificate: blob("idevid"),
        pvr_digest: digest(pvr),
        nonce: Some(nonce(pvr)),
        facts: blob("facts"),
    }
}

pub(crate) fn begin_voucher(store: &OwnerStore, n: u64, pvr: u64) -> BeginVoucher {
    let expected = store.load_device(device(n)).unwrap().map(|device| device.version);
    BeginVoucher { intake: intake(n, pvr), expected, awaiting: blob("awaiting") }
}

pub(crate) fn defer(
    n: u64,
    pvr: u64,
    expected: Option<proto::Version>,
    code: proto::ReasonCode,
) -> DeferVoucher {
    DeferVoucher { intake: intake(n, pvr), expected, code, until: at(10_000), repeats_since_at: at(0) }
}

pub(crate) fn complete_voucher(store: &OwnerStore, n: u64, pvr: u64) -> CompleteVoucher {
    let expected = version(store, n);
    CompleteVoucher {
        pvr_digest: digest(pvr),
        expected,
        voucher: blob("voucher"),
        assertion: text("proximity"),
    }
}

pub(crate) fn version(store: &OwnerStore, n: u64) -> proto::Version {
    store.load_device(device(n)).unwrap().unwrap().version
}

pub(crate) fn key(cert: u64) -> CertificateKey {
    CertificateKey { issuer: issuer(), serial: CertificateSerial::new(&cert.to_be_bytes()).unwrap() }
}

/// Certificate `cert` of device `n`, from the request and for the key of these numbers.
pub(crate) fn begin_certificate(
    store: &OwnerStore,
    n: u64,
    cert: u64,
    csr: u64,
    public_key: u64,
) -> BeginCertificate {
    let draft = CertificateDraft {
        key: key(cert),
        csr_digest: digest(csr),
        public_key: digest(public_key),
        tbs_digest: digest(cert),
        not_before: at(0),
        not_after: at(1_000_000),
        draft: blob("tbs"),
    };
    BeginCertificate { device: device(n), expected: version(store, n), draft, repeats_since_at: at(0) }
}

pub(crate) fn complete_certificate(store: &OwnerStore, n: u64, cert: u64) -> CompleteCertificate {
    let expected = version(store, n);
    CompleteCertificate {
        key: key(cert),
        expected,
        certificate: blob("certificate"),
        fingerprint: digest(2_000_000 + cert),
        overlap_until: at(500),
    }
}

/// Brings device `n` to `Operational`, with request, certificate and CSR of the same number `id`.
pub(crate) fn onboard(store: &OwnerStore, n: u64, id: u64) {
    store.execute(stamp(1), begin_voucher(store, n, id)).unwrap();
    store.execute(stamp(2), complete_voucher(store, n, id)).unwrap();
    store.execute(stamp(3), begin_certificate(store, n, id, id, id)).unwrap();
    store.execute(stamp(4), complete_certificate(store, n, id)).unwrap();
    let confirm = server_store::ConfirmEnrollment {
        device: device(n),
        expected: version(store, n),
        certificate: digest(2_000_000 + id),
    };
    store.execute(stamp(5), confirm).unwrap();
}

/// A log in which device `n` had one voucher.
pub(crate) fn audit_log(n: u64, pvr_digest: Fingerprint) -> CompleteAuditLog {
    let domain = domain(1);
    let entry = PastVoucher { at: at(2), domain, is_nonced: true, assertion: text("proximity") };
    let log = PastVouchers { digest: digest(n), entries: vec![entry], hidden: 0 };
    CompleteAuditLog { device: device(n), pvr_digest, log, code: None }
}

pub(crate) fn open_order(order: &str, quota: u64) -> OpenOrder {
    let serials = SerialRange::Prefix { prefix: text("GW-") };
    let terms = OrderTerms {
        manufacturer: acme(),
        product: "valve".parse().unwrap(),
        line: "l1".parse().unwrap(),
        quota,
        serials,
    };
    OpenOrder { order: order.parse().unwrap(), terms }
}

/// Unit `n` with the key of this number.
pub(crate) fn begin_unit(order: &str, n: u64, public_key: u64, cert: u64) -> BeginUnit {
    BeginUnit {
        order: order.parse().unwrap(),
        line: "l1".parse().unwrap(),
        serial: serial(n),
        public_key: digest(public_key),
        csr_digest: digest(n),
        issuer: issuer(),
        certificate_serial: CertificateSerial::new(&cert.to_be_bytes()).unwrap(),
        tbs_digest: digest(cert),
        draft: blob("tbs"),
    }
}
