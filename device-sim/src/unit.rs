//! A unit as it leaves the factory: IDevID, key, and the manufacturer's anchors for vouchers.
//! Source: IEEE 802.1AR (IDevID), RFC 8995 §2.3.
//!
//! Does not: protect the keys in its files beyond mode 0600; they are keys of simulated things.
//! Invariants: the key is that of the first certificate, which names a serial number; there is at least one anchor.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pki::path::Anchors;
use pki::{Certificate, Secret, Signer};
use proto::SerialNumber;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::transport::Identity;

/// Who may read a file with keys: its owner.
const KEY_FILE_MODE: u32 = 0o600;

/// The IDevID chain, leaf first, in a unit's directory.
const CHAIN_FILE: &str = "idevid.pem";
/// The key of the IDevID in a unit's directory.
const KEY_FILE: &str = "idevid-key.pem";
/// The manufacturer's anchors in a unit's directory.
const ANCHORS_FILE: &str = "manufacturer.pem";

/// A thing that can be onboarded.
#[derive(Clone, Debug)]
pub struct Unit {
    serial_number: SerialNumber,
    idevid: Identity,
    anchors: Anchors,
}

impl Unit {
    /// Puts a unit together; `chain` is the IDevID and what leads from it towards the manufacturer's root.
    ///
    /// # Errors
    /// [`Error::UnitFile`] when the chain is empty, its first certificate names no serial number or has another key, or
    /// there is no anchor.
    pub fn new(chain: Vec<Certificate>, signer: Signer, anchors: Anchors) -> Result<Self, Error> {
        let leaf = chain.first().ok_or(Error::UnitFile)?;
        let serial_number = leaf.subject_serial_number().ok_or(Error::UnitFile)?;
        if leaf.public_key() != signer.public_key() || anchors.is_empty() {
            return Err(Error::UnitFile);
        }
        Ok(Self { serial_number, idevid: Identity { chain, signer }, anchors })
    }

    /// Returns the serial number that the IDevID names.
    #[must_use]
    pub fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// Returns the IDevID with its chain and key.
    #[must_use]
    pub fn idevid(&self) -> &Identity {
        &self.idevid
    }

    /// Returns the IDevID's own certificate.
    ///
    /// # Errors
    /// [`Error::UnitFile`], which [`Self::new`] has ruled out.
    pub fn certificate(&self) -> Result<&Certificate, Error> {
        self.idevid.chain.first().ok_or(Error::UnitFile)
    }

    /// Returns the anchors that a voucher must be signed under.
    #[must_use]
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Reads a unit from a directory of PEM files: `idevid.pem`, `idevid-key.pem`, `manufacturer.pem`.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`), [`Error::UnitFile`], [`Error::Pki`] (`Malformed`).
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let text = |name| fs::read_to_string(directory.join(name)).map_err(Error::File);
        UnitRecord { chain: text(CHAIN_FILE)?, key: text(KEY_FILE)?, anchors: text(ANCHORS_FILE)? }.open()
    }

    /// Writes the unit to a directory, which is made when it is missing.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        fs::create_dir_all(directory).map_err(Error::File)?;
        let record = UnitRecord::of(self)?;
        write_new(&directory.join(CHAIN_FILE), &record.chain)?;
        write_new(&directory.join(KEY_FILE), &record.key)?;
        write_new(&directory.join(ANCHORS_FILE), &record.anchors)
    }
}

/// A unit as a line of a fleet file: three PEM texts in JSON, so that OpenSSL reads what `jq -r` cuts out.
#[derive(Clone, Serialize, Deserialize)]
pub struct UnitRecord {
    chain: String,
    key: String,
    anchors: String,
}

impl std::fmt::Debug for UnitRecord {
    /// Keeps the key out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnitRecord(…)")
    }
}

impl UnitRecord {
    /// Writes a unit down.
    ///
    /// # Errors
    /// [`Error::Pki`] (`Fault`) when the key cannot be exported.
    pub fn of(unit: &Unit) -> Result<Self, Error> {
        Ok(Self {
            chain: to_pem(&unit.idevid.chain),
            key: unit.idevid.signer.to_pkcs8_pem()?.expose().clone(),
            anchors: to_pem(unit.anchors.certificates()),
        })
    }

    /// Makes the unit again.
    ///
    /// # Errors
    /// [`Error::Pki`], [`Error::UnitFile`] (`Malformed`).
    pub fn open(self) -> Result<Unit, Error> {
        let chain = Certificate::parse_pem_chain(&self.chain)?;
        let signer = Signer::from_pkcs8_pem(&Secret::new(self.key))?;
        Unit::new(chain, signer, Anchors::new(Certificate::parse_pem_chain(&self.anchors)?))
    }
}

/// Reads the first `units_max` units of a fleet file; they stay closed, since opening all keys at once takes seconds.
///
/// # Errors
/// [`Error::File`] (`Fault`); [`Error::UnitFile`] (`Malformed`).
pub fn load_fleet(file: &Path, units_max: usize) -> Result<Vec<UnitRecord>, Error> {
    let lines = BufReader::new(fs::File::open(file).map_err(Error::File)?).lines();
    let parse = |line: std::io::Result<String>| -> Result<UnitRecord, Error> {
        serde_json::from_str(&line.map_err(Error::File)?).map_err(|_| Error::UnitFile)
    };
    lines.take(units_max).map(parse).collect()
}

/// A fleet file that grows; each unit is a line.
#[derive(Debug)]
pub struct FleetFile(BufWriter<fs::File>);

impl FleetFile {
    /// Opens the file to append to it.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn append(file: &Path) -> Result<Self, Error> {
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true).mode(KEY_FILE_MODE);
        Ok(Self(BufWriter::new(options.open(file).map_err(Error::File)?)))
    }

    /// Adds a unit.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn add(&mut self, unit: &Unit) -> Result<(), Error> {
        let line = serde_json::to_string(&UnitRecord::of(unit)?).map_err(|_| Error::UnitFile)?;
        writeln!(self.0, "{line}").map_err(Error::File)
    }

    /// Brings what was added to the file.
    ///
    /// # Errors
    /// [`Error::File`] (`Fault`).
    pub fn finish(mut self) -> Result<(), Error> {
        self.0.flush().map_err(Error::File)
    }
}

/// Writes certificates one after the other.
#[must_use]
pub fn to_pem(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::to_pem).collect()
}

/// Writes a file that only its owner may read, in the place of one that is there.
///
/// # Errors
/// [`Error::File`] (`Fault`).
pub fn write_new(file: &Path, text: &str) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(KEY_FILE_MODE);
    options.open(file).and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::File)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maker::Maker;

    fn unit(serial_number: &str) -> Unit {
        let now = crate::clock::now();
        Maker::create("unit-test", now).unwrap().make(&serial_number.parse().unwrap(), None, now).unwrap()
    }

    #[test]
    fn a_unit_goes_to_a_directory_and_back() {
        let directory = tempfile::tempdir().unwrap();
        let made = unit("A-1");
        made.save(directory.path()).unwrap();
        let read = Unit::load(directory.path()).unwrap();
        assert_eq!(read.serial_number(), made.serial_number());
        assert_eq!(to_pem(&read.idevid().chain), to_pem(&made.idevid().chain));
    }

    #[test]
    fn a_fleet_file_is_appended_to_and_read_in_part() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleet.jsonl");
        for serial_number in ["A-1", "A-2", "A-3"] {
            let mut file = FleetFile::append(&path).unwrap();
            file.add(&unit(serial_number)).unwrap();
            file.finish().unwrap();
        }
        let fleet = load_fleet(&path, 2).unwrap();
        let serials: Vec<String> =
            fleet.into_iter().map(|record| record.open().unwrap().serial_number().to_string()).collect();
        assert_eq!(serials, ["A-1", "A-2"]);
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_refused() {
        let (a, b) = (unit("A-1"), unit("A-2"));
        let mixed = Unit::new(a.idevid.chain.clone(), b.idevid.signer.clone(), a.anchors.clone());
        assert!(matches!(mixed, Err(Error::UnitFile)));
    }
}
