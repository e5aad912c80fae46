//! What the server acknowledged, one JSON line each, so that a crash test can ask for all of it afterwards.
//!
//! Invariants: a line is handed to the operating system before the device goes on; lines are whole, also when many devices
//! write at once.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use proto::{CertificateSerial, Fingerprint, SerialNumber};
use serde::Serialize;

use crate::Error;

/// One thing that the server has given out with status 200.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Acknowledgement {
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

    /// Appends to a file.
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
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.starts_with(r#"{"kind":"voucher","serial_number":"S-1","request_sha256":"0101"#),
            "{text}"
        );
    }
}
