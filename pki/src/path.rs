//! Certification paths: from a certificate to an anchor, or the exact reason why not.
//! Source: RFC 5280 §6; IEEE 802.1AR §8; RFC 8995 §5; why our own: docs/adr/0003-own-path-validation.md.
//! Does not: fetch certificates or CRLs, read a clock, process certificate policies, compare a name with a device.
//! Invariants: a `VerifiedPath` ends in one of the given anchors and every check held for each certificate of it.

mod checks;
mod constraints;
mod extensions;
mod host;
mod memory;
mod name;
mod search;

use std::sync::Arc;

use proto::UnixTime;

use crate::{Certificate, Error, PublicKey};
use memory::Memory;

pub(crate) use name::is_same_name;

/// The most certificates in a path, from the end entity to the anchor, both counted.
pub const DEPTH_MAX: usize = 8;

/// The most intermediates that are looked at.
pub const POOL_MAX: usize = 32;

/// The most signatures that one call checks.
pub const SIGNATURES_MAX: usize = 32;

/// What a path must end in: certificates that the operator, a voucher or a configuration names as trusted. Clones are
/// cheap.
///
/// A set remembers which signatures over certificates held, so that a CA's certificate that comes with every device costs
/// its verification once.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    certificates: Arc<[Certificate]>,
    memory: Arc<Memory>,
}

impl Anchors {
    /// Makes a set of anchors; the certificates need not be self-signed, and their own expiry does not count.
    #[must_use]
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> Self {
        Self { certificates: certificates.into_iter().collect(), memory: Arc::default() }
    }

    /// Makes a set of other anchors that remembers signatures together with this one; it trusts no more for that.
    #[must_use]
    pub fn beside(&self, certificates: impl IntoIterator<Item = Certificate>) -> Self {
        Self { certificates: certificates.into_iter().collect(), memory: Arc::clone(&self.memory) }
    }

    /// Returns the certificates of the set.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Checks that `certificate` was signed by that key, and nothing else; as [`Certificate::verify_signed_by`], by memory
    /// where it can.
    ///
    /// # Errors
    /// Those of [`Certificate::verify_signed_by`].
    pub fn verify_signed_by(&self, certificate: &Certificate, key: &PublicKey) -> Result<(), Error> {
        self.memory.verify(certificate, key)
    }

    /// Tells whether the set is empty: nothing verifies against it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }
}

/// Says whether the end of an IDevID's validity counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// It does.
    #[default]
    Enforce,
    /// It does not, by the manufacturer's registration; the beginning still does, and so does all of its CAs.
    Ignore,
}

/// What the end entity is to be trusted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// To be a device of its maker (IEEE 802.1AR): subject serialNumber; no EKU is demanded.
    IdevId {
        /// Whether the end of its validity counts.
        expiry: Expiry,
    },
    /// To be a device of this owner: subject serialNumber and EKU clientAuth.
    LdevId,
    /// To sign vouchers for a maker (RFC 8366 §5.4).
    VoucherSigner,
    /// To sign registrar voucher-requests: EKU cmcRA (RFC 8995 §5.5.4).
    RegistrarRequestSigner,
    /// To be the registrar at the far end of a pledge's TLS (RFC 8995 §5.6.2): EKU cmcRA or serverAuth, any name.
    Registrar,
    /// To be the TLS server of this name: EKU serverAuth and a matching subjectAltName.
    TlsServer {
        /// A DNS name or the text of an IP address.
        host: &'a str,
    },
    /// To be a TLS client of the owner's, such as an operator or a station: EKU clientAuth.
    TlsClient,
}

/// What the revocation hook knows of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It is good, or policy asks for no status.
    Good,
    /// It is revoked or on hold.
    Revoked,
    /// Policy asks for a status and there is none: refused.
    Unknown,
}

/// What a path is judged by; there is no default for any of it.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Where a path must end.
    pub anchors: &'a Anchors,
    /// The time at which it must hold.
    pub now: UnixTime,
    /// What it must hold for.
    pub purpose: Purpose<'a>,
    /// Asked for each certificate of the path but the anchor.
    pub revocation: &'a dyn Fn(&Certificate) -> Revocation,
}

/// A path that was found good.
#[derive(Clone, Debug)]
pub struct VerifiedPath {
    leaf: Certificate,
    /// From the leaf's issuer to the anchor; empty when the leaf is an anchor.
    issuers: Vec<Certificate>,
}

impl VerifiedPath {
    /// Returns the end entity.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Returns the issuers: the end entity's own first, the anchor last; none when the end entity is an anchor.
    #[must_use]
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// Returns the anchor; it is the end entity itself when that very certificate is one.
    #[must_use]
    pub fn anchor(&self) -> &Certificate {
        self.issuers.last().unwrap_or(&self.leaf)
    }
}

/// Finds a path from `leaf` through certificates of `pool`, in any order, to an anchor.
///
/// 1. The end entity is checked for its purpose: validity, extensions, keyUsage, extKeyUsage, names.
/// 2. Issuers are tried, anchors first, then the pool; each is checked as a CA before its key checks a signature. A
///    wrong candidate is left and the next one tried.
/// 3. A path that reached an anchor is checked as a whole: name constraints, then revocation.
///
/// # Errors
/// One of the `Path…` variants, all `Untrusted` but [`Error::PathPoolTooLarge`] (`Malformed`);
/// [`Error::SignatureAlgorithmBroken`] or [`Error::SignatureAlgorithmUnsupported`] (`Unsupported`). Of several
/// candidates the reason of the one that came furthest.
pub fn verify(leaf: &Certificate, pool: &[Certificate], rules: &Rules<'_>) -> Result<VerifiedPath, Error> {
    if pool.len() > POOL_MAX {
        return Err(Error::PathPoolTooLarge);
    }
    checks::end_entity(leaf, rules)?;
    search::find(leaf, pool, rules)
}
