//! What the maker's store knows: production orders, the units made under them, the vouchers that the MASA issued.
//!
//! Each struct is one row as it stands in the state and as readers get it.

use proto::{
    CertificateSerial, DeviceId, DomainId, Fingerprint, KeyId, LineId, ManufacturerId, OrderId, ProductName,
    ReasonCode, Seq, SerialNumber, UnixTime,
};
use serde::{Deserialize, Serialize};

use crate::blob::{Blob, Nonce, Text};
use crate::pace::Pace;
use crate::stamp::Actor;

/// Leave to make so many units of a product on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// What may be made under it.
    pub terms: OrderTerms,
    /// How many units were begun; never more than the quota.
    pub begun: u64,
    /// How many of them have their certificate.
    pub completed: u64,
    /// When it was opened.
    pub opened_at: UnixTime,
    /// Who opened it; `None` where a server wrote the row that did not note it.
    #[serde(default)]
    pub opened_by: Option<Actor>,
    /// When it was closed; a closed order begins no unit.
    pub closed_at: Option<UnixTime>,
}

/// What may be made under an order; fixed when it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// Under which manufacturer's name the serial numbers count.
    pub manufacturer: ManufacturerId,
    /// What is made.
    pub product: ProductName,
    /// Where.
    pub line: LineId,
    /// How many, at most; at least 1.
    pub quota: u64,
    /// Which serial numbers.
    pub serials: SerialRange,
}

/// Which serial numbers an order covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SerialRange {
    /// Any.
    Any,
    /// Those that begin so.
    Prefix {
        /// The beginning.
        prefix: Text,
    },
    /// Those that begin so and go on with a decimal number, `first..=last`, of `digits` digits.
    Numbers {
        /// The beginning; may be empty.
        prefix: Text,
        /// The lowest number.
        first: u64,
        /// The highest number.
        last: u64,
        /// How many digits, with leading zeros: 1 to 19.
        digits: u8,
    },
}

/// The maker's record of one thing made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Made from manufacturer and serial number as a device's is; see [`crate::device_id`].
    pub id: DeviceId,
    /// Under whose name the serial number counts.
    pub manufacturer: ManufacturerId,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Under which order it was made.
    pub order: OrderId,
    /// Where.
    pub line: LineId,
    /// What.
    pub product: ProductName,
    /// SHA-256 of its IDevID's SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// SHA-256 of the request.
    pub csr_digest: Fingerprint,
    /// The key identifier of the issuing CA.
    pub issuer: KeyId,
    /// Its IDevID's serial number.
    pub certificate_serial: CertificateSerial,
    /// SHA-256 of the TBSCertificate.
    pub tbs_digest: Fingerprint,
    /// Its IDevID, or what will become of it.
    pub idevid: IdevId,
    /// When it was begun.
    pub begun_at: UnixTime,
    /// When it left the factory.
    pub shipped_at: Option<UnixTime>,
    /// To whom it was sold; the newest sale.
    pub sale: Option<Sale>,
    /// That no voucher may be issued for it.
    pub block: Option<Block>,
    /// How many vouchers were begun for it lately.
    pub pace: Pace,
}

/// A unit's IDevID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdevId {
    /// Recorded, perhaps signed, never handed out.
    Intent {
        /// What the caller needs to sign the very same again.
        draft: Blob,
    },
    /// Signed and on record.
    Issued {
        /// The certificate in DER.
        certificate: Blob,
        /// SHA-256 of it.
        fingerprint: Fingerprint,
        /// When.
        at: UnixTime,
    },
}

/// To whom a unit was sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The customer, in the maker's words.
    pub customer: Text,
    /// The domain that may have a voucher, where the customer named it.
    pub domain: Option<DomainId>,
    /// When it was recorded.
    pub at: UnixTime,
}

/// That and why a unit gets no voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Why.
    pub code: ReasonCode,
    /// Why, in the words of who did it.
    pub note: Text,
    /// Since when.
    pub since_at: UnixTime,
}

/// One voucher of the MASA: for one unit and nonce, or for one nonceless request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasaVoucher {
    /// For which unit.
    pub unit: DeviceId,
    /// The pledge's nonce.
    pub nonce: Option<Nonce>,
    /// SHA-256 of the RVR.
    pub rvr_digest: Fingerprint,
    /// Whose voucher it is.
    pub domain: DomainId,
    /// The assertion in it, by its name in RFC 8366.
    pub assertion: Text,
    /// When it was begun.
    pub begun_at: UnixTime,
    /// The signed voucher, once it is.
    pub voucher: Option<Blob>,
}

/// One issued voucher in the MASA's audit log (RFC 8995 §5.8.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The journal record of it; orders the entries.
    pub seq: Seq,
    /// `date`
    pub at: UnixTime,
    /// `domainID`
    pub domain: DomainId,
    /// `nonce`; `None` for a nonceless voucher.
    pub nonce: Option<Nonce>,
    /// `assertion`
    pub assertion: Text,
}
