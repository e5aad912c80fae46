//! The words that every part of Gangway shares: identifiers, time, media types, paths, URLs,
//! error classes, and CBOR.
//!
//! Does not: know any protocol, hold a key, do I/O or read a clock.
//! Invariants: a value of an identifier type has passed its syntax check; every error of the house has a
//! [`Class`] and a stable [`ReasonCode`].
#![no_std]

extern crate alloc;

pub mod cbor;
mod class;
mod content_format;
mod https_url;
mod id;
pub mod media_type;
mod time;
pub mod well_known;

pub use class::{Class, Reason, ReasonCode};
pub use content_format::ContentFormat;
pub use https_url::{
    Authority, HTTPS_PORT, HTTPS_URL_CHARS_MAX, Host, HttpsUrl, InvalidUrl, IpLiterals, is_dns_name,
};
pub use id::{
    CERTIFICATE_SERIAL_BYTES_MAX, CertificateSerial, DeviceId, DomainId, Fingerprint, Generation, InvalidId,
    KeyId, LineId, ManufacturerId, NAME_CHARS_MAX, OrderId, ProductName, SERIAL_NUMBER_CHARS_MAX, Seq,
    SerialNumber, Version,
};
pub use time::{InvalidTime, UnixTime};
