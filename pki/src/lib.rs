//! The cellar of the house: keys, certificates, requests, paths, CRLs, CMS, COSE and the TLS glue.
//!
//! Does not: open a socket or file, read a clock, know a protocol. Time, anchors and purpose are parameters.
//! Invariants: no key byte leaves [`Signer`] but as [`Secret`]; a certificate is built from policy only; what is
//! [`Unverified`] becomes [`Verified`] only through a check in this crate; every parser is bounded and total.
#![warn(missing_docs)]

mod algorithm;
mod certificate;
pub mod cms;
pub mod cose;
pub mod crl;
pub mod csr;
pub mod digest;
mod error;
mod issue;
mod lint;
mod name;
pub mod oid;
pub mod path;
mod place;
mod profile;
mod public_key;
mod secret;
mod signed;
mod signer;
mod template;
pub mod tls;
mod tlv;
mod trust;

pub use algorithm::{KeyAlgorithm, KeyKind, SignatureAlgorithm};
pub use certificate::{
    CERTIFICATE_BYTES_MAX, CHAIN_CERTIFICATES_MAX, Certificate, Extension, HardwareModuleName, KeyUsage,
};
pub use crl::Crl;
pub use csr::Csr;
pub use error::Error;
pub use issue::{Issuer, ToBeSigned, random_serial, self_sign};
pub use lint::Lint;
pub use name::{NAME_TEXT_CHARS_MAX, Subject};
pub use oid::Oid;
pub use profile::Profile;
pub use public_key::PublicKey;
pub use secret::Secret;
pub use signer::Signer;
pub use template::Template;
pub use trust::{Unverified, Verified};
