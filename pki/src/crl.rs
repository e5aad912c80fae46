//! Certificate revocation lists: issued, parsed, verified.
//! Source: RFC 5280 §5, §6.3.
//! Does not: know indirect, partitioned or delta lists (refused by their critical extensions), fetch lists.
//! Invariants: a `Verified<Crl>` is signed by the given issuer, complete for it, and current at the given time.

use std::collections::BTreeMap;

use proto::{CertificateSerial, UnixTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Extension};

use crate::signed::Signed;
use crate::tlv::{Reader, magnitude, only, tag, time, tlv, unix_time, unsigned};
use crate::{Certificate, Error, Issuer, KeyUsage, Unverified, Verified, oid, signed};

/// The most bytes of a list; 10,000 entries take about 350,000.
pub const CRL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most bytes of the entries of a list that we issue, so that it can be read back.
const ENTRIES_BYTES_MAX: usize = CRL_BYTES_MAX - 4096;

/// The most octets of a CRL number (RFC 5280 §5.2.3).
const CRL_NUMBER_BYTES_MAX: usize = 20;

/// Why a certificate is on the list (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RevocationReason {
    /// No reason is given.
    Unspecified = 0,
    /// The private key is or may be known to others.
    KeyCompromise = 1,
    /// The CA's private key is or may be known to others.
    CaCompromise = 2,
    /// The subject belongs elsewhere now: a new owner.
    AffiliationChanged = 3,
    /// Another certificate took its place.
    Superseded = 4,
    /// The subject is no longer in operation: the end of life.
    CessationOfOperation = 5,
    /// It may come back: a suspended device.
    CertificateHold = 6,
    /// What the certificate says is no longer so.
    PrivilegeWithdrawn = 9,
}

impl RevocationReason {
    const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
    ];

    /// Returns the number of CRLReason.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the reason with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: CertificateSerial,
    /// When it was revoked; whole seconds.
    pub revoked_at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// What goes into a list.
#[derive(Clone, Debug)]
pub struct CrlTemplate {
    /// Grows from list to list (RFC 5280 §5.2.3).
    pub number: u64,
    /// When the list was made; whole seconds.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest; whole seconds.
    pub next_update: UnixTime,
    /// All certificates that are revoked and not long expired.
    pub entries: Vec<CrlEntry>,
}

/// Signs a complete list of the issuer's revoked certificates, in DER.
///
/// # Errors
/// [`Error::CrlSignNotAllowed`] (`Untrusted`) when the issuer's keyUsage forbids it; [`Error::CrlTooLarge`]
/// (`Malformed`); [`Error::SigningFailed`] (`Fault`).
pub fn issue(issuer: &Issuer, template: &CrlTemplate) -> Result<Vec<u8>, Error> {
    if !may_sign_crls(issuer.certificate()) {
        return Err(Error::CrlSignNotAllowed);
    }
    let signer = issuer.signer();
    let algorithm = signer.signature_algorithm().der().ok_or(Error::SigningFailed)?;
    let entries: Vec<u8> = template.entries.iter().flat_map(entry).collect();
    if entries.len() > ENTRIES_BYTES_MAX {
        return Err(Error::CrlTooLarge);
    }
    // An empty list is left out (RFC 5280 §5.1.2.6).
    let revoked = if entries.is_empty() { Vec::new() } else { tlv(tag::SEQUENCE, &[&entries]) };
    let list = tlv(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 1], // version 2
            algorithm,
            issuer.certificate().subject_der(),
            &time(template.this_update),
            &time(template.next_update),
            &revoked,
            &extensions(issuer, template.number),
        ],
    );
    signed::sign(&list, signer)
}

fn entry(entry: &CrlEntry) -> Vec<u8> {
    let serial = unsigned(entry.serial.as_bytes());
    let revoked_at = time(entry.revoked_at);
    // "Unspecified" is said by leaving the reason out (RFC 5280 §5.3.1).
    if entry.reason == RevocationReason::Unspecified {
        return tlv(tag::SEQUENCE, &[&serial, &revoked_at]);
    }
    let reason = extension(oid::CRL_REASON.as_bytes(), &[tag::ENUMERATED, 1, entry.reason.number()]);
    tlv(tag::SEQUENCE, &[&serial, &revoked_at, &tlv(tag::SEQUENCE, &[&reason])])
}

fn extensions(issuer: &Issuer, number: u64) -> Vec<u8> {
    let certificate = issuer.certificate();
    let key_id = certificate.subject_key_id().unwrap_or_else(|| certificate.public_key().key_id());
    let authority = tlv(tag::SEQUENCE, &[&tlv(tag::context(0), &[key_id.as_bytes()])]);
    let authority = extension(oid::AUTHORITY_KEY_ID.as_bytes(), &authority);
    let number = extension(oid::CRL_NUMBER.as_bytes(), &unsigned(&number.to_be_bytes()));
    tlv(tag::context_constructed(0), &[&tlv(tag::SEQUENCE, &[&authority, &number])])
}

/// Writes a non-critical extension.
fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[oid]), &tlv(tag::OCTET_STRING, &[value])])
}

fn may_sign_crls(certificate: &Certificate) -> bool {
    certificate.key_usage().is_none_or(|usage| usage.contains(KeyUsage::CRL_SIGN))
}

/// A certificate revocation list.
#[derive(Debug)]
pub struct Crl {
    signed: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer_der: Vec<u8>,
    number: Option<Vec<u8>>,
    this_update: UnixTime,
    next_update: UnixTime,
    revoked: BTreeMap<CertificateSerial, (UnixTime, RevocationReason)>,
}

impl Crl {
    /// Reads one list in DER that fills the input.
    ///
    /// # Errors
    /// [`Error::CrlTooLarge`], [`Error::CrlMalformed`] (both `Malformed`; a list without next update is malformed,
    /// RFC 5280 §5.1.2.5); [`Error::CrlExtensionUnsupported`] (`Unsupported`).
    pub fn parse(der: &[u8]) -> Result<Unverified<Self>, Error> {
        if der.len() > CRL_BYTES_MAX {
            return Err(Error::CrlTooLarge);
        }
        let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| Error::CrlMalformed)?;
        let frame = Signed::parse(der).filter(|frame| rest.is_empty() && repeats_algorithm(frame));
        let frame = frame.ok_or(Error::CrlMalformed)?;
        let next_update = list.next_update().ok_or(Error::CrlMalformed)?;
        check_extensions(list.extensions(), &[oid::AUTHORITY_KEY_ID.as_bytes(), oid::CRL_NUMBER.as_bytes()])?;
        Ok(Unverified::new(Self {
            signed: frame.message.to_vec(),
            signature_algorithm: frame.algorithm.to_vec(),
            signature: frame.signature.to_vec(),
            issuer_der: list.issuer().as_raw().to_vec(),
            number: number(&list)?,
            this_update: unix_time(list.last_update().timestamp()),
            next_update: unix_time(next_update.timestamp()),
            revoked: revoked(&list)?,
        }))
    }

    /// Returns the name of the issuer, in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// Returns the CRL number, big-endian, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// Returns when the list was made.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// Returns when the next list will be there at the latest.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Returns when and why a certificate was revoked; `None` when it is not on the list.
    #[must_use]
    pub fn revocation_of(&self, serial: &CertificateSerial) -> Option<(UnixTime, RevocationReason)> {
        self.revoked.get(serial).copied()
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Tells whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }
}

impl Unverified<Crl> {
    /// Checks that the list is the issuer's and current. The issuer's own path is the caller's to check.
    ///
    /// # Errors
    /// [`Error::CrlIssuerMismatch`], [`Error::CrlSignNotAllowed`], [`Error::CrlSignatureInvalid`],
    /// [`Error::CrlNotYetValid`], [`Error::CrlExpired`] (all `Untrusted`); those of
    /// [`crate::SignatureAlgorithm::from_der`].
    pub fn verify(self, issuer: &Certificate, now: UnixTime) -> Result<Verified<Crl>, Error> {
        let crl = self.peek();
        // RFC5280-6.3.3-crl-issuer
        if crl.issuer_der != issuer.subject_der() {
            return Err(Error::CrlIssuerMismatch);
        }
        // RFC5280-6.3.3-crl-sign
        if !may_sign_crls(issuer) {
            return Err(Error::CrlSignNotAllowed);
        }
        match issuer.public_key().verify_der(&crl.signature_algorithm, &crl.signed, &crl.signature) {
            Ok(()) => {}
            Err(Error::SignatureInvalid | Error::SignatureKeyMismatch) => {
                return Err(Error::CrlSignatureInvalid);
            }
            Err(other) => return Err(other),
        }
        // RFC5280-6.3.3-crl-current
        if now < crl.this_update {
            return Err(Error::CrlNotYetValid);
        }
        if now > crl.next_update {
            return Err(Error::CrlExpired);
        }
        Ok(self.into_verified())
    }
}

/// Refuses a critical extension that is not among the known (RFC 5280 §5.2).
fn check_extensions(extensions: &[X509Extension<'_>], known: &[&[u8]]) -> Result<(), Error> {
    // RFC5280-5.2-critical
    let is_fine = |e: &X509Extension<'_>| !e.critical || known.contains(&e.oid.as_bytes());
    if extensions.iter().all(is_fine) { Ok(()) } else { Err(Error::CrlExtensionUnsupported) }
}

fn number(list: &CertificateRevocationList<'_>) -> Result<Option<Vec<u8>>, Error> {
    match list.crl_number().map(|number| number.to_bytes_be()) {
        Some(number) if number.len() > CRL_NUMBER_BYTES_MAX => Err(Error::CrlMalformed),
        number => Ok(number),
    }
}

fn revoked(
    list: &CertificateRevocationList<'_>,
) -> Result<BTreeMap<CertificateSerial, (UnixTime, RevocationReason)>, Error> {
    let mut revoked = BTreeMap::new();
    for entry in list.iter_revoked_certificates() {
        check_extensions(entry.extensions(), &[oid::CRL_REASON.as_bytes(), oid::INVALIDITY_DATE.as_bytes()])?;
        let serial =
            CertificateSerial::new(magnitude(entry.raw_serial())).map_err(|_| Error::CrlMalformed)?;
        let reason = entry.reason_code().and_then(|(_, code)| RevocationReason::from_number(code.0));
        let at = unix_time(entry.revocation_date.timestamp());
        revoked.insert(serial, (at, reason.unwrap_or(RevocationReason::Unspecified)));
    }
    Ok(revoked)
}

/// Tells whether the signature field of TBSCertList repeats the one outside, as it must (RFC 5280 §5.1.1.2).
fn repeats_algorithm(frame: &Signed<'_>) -> bool {
    let mut list = Reader::new(only(tag::SEQUENCE, frame.message).unwrap_or_default());
    let _version = list.take(tag::INTEGER);
    list.take(tag::SEQUENCE).is_some_and(|inner| inner.whole == frame.algorithm)
}
