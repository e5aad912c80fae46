//! What the clients were told, by whom it concerns.

use std::collections::BTreeMap;
use std::fmt;

use device_sim::acknowledged::Acknowledgement;
use proto::{CertificateSerial, Fingerprint, SerialNumber};
use proto_api::v1;

use super::clients::Work;

/// A certificate as a client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// SHA-256 of the request.
    pub(super) request: Fingerprint,
    /// SHA-256 of the certificate.
    pub(super) fingerprint: Fingerprint,
    /// Its serial number.
    pub(super) serial: CertificateSerial,
}

/// What all clients were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The voucher of each request: whose, SHA-256 of request and voucher.
    pub(super) vouchers: BTreeMap<Fingerprint, (SerialNumber, Fingerprint)>,
    /// The LDevIDs of each device, in the order in which it got them.
    pub(super) certificates: BTreeMap<SerialNumber, Vec<Certificate>>,
    /// The IDevID of each unit.
    pub(super) idevids: BTreeMap<SerialNumber, Certificate>,
    /// The version at which each device was approved.
    pub(super) approvals: BTreeMap<SerialNumber, u64>,
}

impl Told {
    /// Sorts the acknowledgements, and checks that they are complete and that nobody was told two things.
    pub(super) fn of(acknowledgements: Vec<Acknowledgement>, work: &Work) -> Self {
        let mut told = Self::default();
        acknowledgements.into_iter().for_each(|acknowledgement| told.add(acknowledgement));
        let count = |number: usize| u64::try_from(number).expect("a count");
        assert_eq!(count(told.idevids.len()), work.units());
        assert_eq!(count(told.vouchers.len()), work.devices());
        assert_eq!(count(told.certificates.len()), work.devices());
        assert_eq!(count(told.approvals.len()), work.unannounced());
        let mut answers: BTreeMap<Fingerprint, Fingerprint> = BTreeMap::new();
        for certificate in told.certificates.values().flatten().chain(told.idevids.values()) {
            let before = answers.insert(certificate.request, certificate.fingerprint);
            assert!(before.is_none_or(|before| before == certificate.fingerprint), "two for one request");
        }
        told
    }

    fn add(&mut self, acknowledgement: Acknowledgement) {
        match acknowledgement {
            Acknowledgement::Voucher { serial_number, request_sha256, voucher_sha256 } => {
                let before = self.vouchers.insert(request_sha256, (serial_number, voucher_sha256));
                assert!(
                    before.is_none_or(|(_, before)| before == voucher_sha256),
                    "two vouchers for one request"
                );
            }
            Acknowledgement::Certificate {
                serial_number,
                request_sha256: request,
                certificate_sha256: fingerprint,
                certificate_serial: serial,
            } => {
                let of_device = self.certificates.entry(serial_number).or_default();
                of_device.push(Certificate { request, fingerprint, serial });
            }
            Acknowledgement::IdevId {
                serial_number,
                request_sha256: request,
                certificate_sha256: fingerprint,
                certificate_serial: serial,
            } => {
                let certificate = Certificate { request, fingerprint, serial };
                let before = self.idevids.insert(serial_number, certificate.clone());
                assert!(before.is_none_or(|before| before == certificate), "two IDevIDs for one unit");
            }
            Acknowledgement::Approval { serial_number, version } => {
                self.approvals.insert(serial_number, version);
            }
        }
    }

    /// Checks that the devices on record are those that came aboard, each in operation with its newest certificate.
    pub(super) fn check_devices(&self, devices: &[v1::Device]) {
        assert_eq!(devices.len(), self.certificates.len(), "more or fewer devices than came aboard");
        for device in devices {
            let serial_number: SerialNumber = device.serial_number.parse().expect("a serial number");
            let newest =
                self.certificates.get(&serial_number).and_then(|all| all.last()).expect("it has one");
            assert_eq!(device.state(), v1::DeviceState::Operational, "{device:?}");
            let ldevid = device.ldevid.as_ref().expect("an LDevID");
            assert_eq!(ldevid.fingerprint, newest.fingerprint.as_bytes(), "{device:?}");
            let idevid = self.idevids.get(&serial_number).expect("it was made");
            assert_eq!(
                device.idevid.as_ref().expect("it showed one").fingerprint,
                idevid.fingerprint.as_bytes()
            );
            let approved_at = self.approvals.get(&serial_number).copied().unwrap_or(0);
            assert!(device.version > approved_at, "an approval was taken back: {device:?}");
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nothing lost of {} vouchers, {} LDevIDs, {} IDevIDs and {} approvals",
            self.vouchers.len(),
            self.certificates.values().map(Vec::len).sum::<usize>(),
            self.idevids.len(),
            self.approvals.len()
        )
    }
}
