//! What the server acknowledged, one JSON line each, so that a crash test can ask for all of it afterwards.
//!
//! Invariants: a line is handed to the operating system before the device goes on; lines are whole, also when many devices
//! write at once.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use proto::{CertificateSerial, Fingerprint, SerialNumber};
use serde::{Deserialize, Serialize};

use crate::Error;

/// One thing that the server has said is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// An IDevID, given to a factory station.
    #[serde(rename = "idevid")]
    IdevId {
        /// Of which unit.
        serial_number: SerialNumber,
        /// SHA-256 of the certification request in DER.
        request_sha256: Fingerprint,
        /// SHA-256 of the certificate in DER.
        certificate_sha256: Fingerprint,
        /// The certificate's serial number.
        certificate_serial: CertificateSerial,
    },
    /// A person's yes to a device.
    Approval {
        /// Of which device.
        serial_number: SerialNumber,
        /// The version that the device's record had then.
        version: u64,
    },
    /// A voucher.
    Voucher {
        /// Whose.
        serial_number: SerialNumber,
        /// SHA-256 of the voucher-request as sent.
        request_sha256: Fingerprint,
        /// SHA-256 of the voucher as received.
        voucher_sha256: Fingerprint,
    },
    /// An LDevID.
    Certificate {
        /// Whose.
        serial_number: SerialNumber,
        /// SHA-256 of the certification request in DER.
        request_sha256: Fingerprint,
        /// SHA-256 of the certificate in DER.
        certificate_sha256: Fingerprint,
        /// The certificate's serial number.
        certificate_serial: CertificateSerial,
    },
}

/// Where acknowledgements go.
#[derive(Debug, Default)]
pub struct Acknowledgements(Option<Mutex<fs::File>>);

impl Acknowledgements {
    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Appends to a file; several processes may append to the same.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn append(file: &Path) -> Result<Self, Error> {
        let file = fs::OpenOptions::new().create(true).append(true).open(file).map_err(Error::File)?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Writes one down.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn note(&self, acknowledgement: &Acknowledgement) -> Result<(), Error> {
        let Some(file) = &self.0 else { return Ok(()) };
        let mut line = serde_json::to_vec(acknowledgement).map_err(|error| Error::File(error.into()))?;
        line.push(b'\n');
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line).map_err(Error::File)
    }
}

/// Reads a file of acknowledgements.
///
/// # Errors
/// [`Error::File`] (`Fault`), also for a line that is not ours.
pub fn load(file: &Path) -> Result<Vec<Acknowledgement>, Error> {
    let lines = BufReader::new(fs::File::open(file).map_err(Error::File)?).lines();
    let parse = |line: std::io::Result<String>| {
        serde_json::from_str(&line.map_err(Error::File)?).map_err(|error| Error::File(error.into()))
    };
    lines.map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_say_their_kind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acknowledged.jsonl");
        for _ in 0..2 {
            let acknowledgement = Acknowledgement::Voucher {
                serial_number: "S-1".parse().unwrap(),
                request_sha256: Fingerprint::from_array([1; 32]),
                voucher_sha256: Fingerprint::from_array([2; 32]),
            };
            Acknowledgements::append(&path).unwrap().note(&acknowledgement).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let read = load(&path).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], read[1]);
        assert!(
            text.starts_with(r#"{"kind":"voucher","serial_number":"S-1","request_sha256":"0101"#),
            "{text}"
        );
    }
}
