//! The writes of enrolment: intent, outcome, confirmation; and the CRL.
//!
//! Source: RFC 7030 §4.2; RFC 8995 §5.9.
//! Invariants: no certificate goes out before its outcome is on record; one request has one certificate.

use proto::{DeviceId, Fingerprint, KeyId, ReasonCode, Seq, UnixTime, Version};
use server_lifecycle::{Event, next};

use super::check::{changed, expect, load_device, step};
use super::device::Noted;
use super::event::{CertificateDraft, OwnerEvent};
use super::rows::{Certificate, CertificateKey, CertificateKind, CertificateStatus, Device};
use super::voucher::Changed;
use super::{Owner, crl, keys};
use crate::blob::Blob;
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::stamp::Stamp;

/// Records what is about to be signed. The reply says whether to sign it.
///
/// First, renewal or rekey follows from what is on record.
#[derive(Clone, Debug)]
pub struct BeginCertificate {
    /// Whose.
    pub device: DeviceId,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// What will be signed.
    pub draft: CertificateDraft,
    /// A request with the same bytes that was taken at this time or later is the same request; one before is not
    /// (some devices renew with the very request they enrolled with).
    pub repeats_since_at: UnixTime,
}

/// What became of a certificate that was to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The intent is on record: sign the draft.
    New {
        /// The device's version now.
        version: Version,
    },
    /// The same request was taken before: hand out what was issued, or sign its `draft` again.
    Before(Box<Certificate>),
}

/// Records the signed certificate; from then on it may be handed out.
#[derive(Clone, Debug)]
pub struct CompleteCertificate {
    /// Which.
    pub key: CertificateKey,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// The certificate in DER.
    pub certificate: Blob,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// How long its predecessor is still taken; without one it says nothing.
    pub overlap_until: UnixTime,
}

/// Gives up a certificate that was begun, so that it is never handed out.
#[derive(Clone, Debug)]
pub struct AbandonCertificate {
    /// Which.
    pub key: CertificateKey,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// Why.
    pub code: ReasonCode,
}

/// Records that the device uses its certificate. `Enrolled` becomes `Operational`; later ones change nothing.
#[derive(Clone, Debug)]
pub struct ConfirmEnrollment {
    /// Which.
    pub device: DeviceId,
    /// The version of the device that the caller saw.
    pub expected: Version,
    /// The fingerprint of the certificate.
    pub certificate: Fingerprint,
}

/// Records a CRL; from then on it may be published. Numbers rise, each taken once.
#[derive(Clone, Debug)]
pub struct RecordCrl {
    /// The key identifier of the issuing CA.
    pub issuer: KeyId,
    /// The number that the caller saw as the last.
    pub last: Option<u64>,
    /// Its own number, above the last.
    pub number: u64,
    /// The journal's head before the revocations in it were listed; later ones stay owed.
    pub as_of: Seq,
    /// `thisUpdate`
    pub this_update_at: UnixTime,
    /// `nextUpdate`
    pub next_update_at: UnixTime,
    /// The CRL in DER, at most [`crate::CRL_BYTES_MAX`].
    pub der: Vec<u8>,
}

impl Command<Owner> for BeginCertificate {
    type Reply = Begun;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<OwnerEvent, Begun>, Error> {
        let device = load_device(view, self.device)?;
        if let Some(before) = self.taken_before(view, &device)? {
            return Ok(Outcome::Unchanged(Begun::Before(Box::new(before))));
        }
        expect(&device, self.expected)?;
        device.pace.check(stamp.at)?;
        let kind = self.kind(view, &device)?;
        let _ = next(device.state, event_of(kind))?;
        if view.load::<Certificate>(&keys::certificate(&self.draft.key))?.is_some() {
            return Err(Error::CertificateSerialUsed);
        }
        let event = OwnerEvent::CertificateBegun { device: self.device, draft: self.draft.clone(), kind };
        Ok(Outcome::Record(event, Begun::New { version: device.version.next() }))
    }
}

impl BeginCertificate {
    /// Finds what was begun or issued for the same request in this generation, not too long ago.
    fn taken_before(&self, view: &View<'_>, device: &Device) -> Result<Option<Certificate>, Error> {
        let Some(key) = view.load::<CertificateKey>(&keys::csr(self.device, self.draft.csr_digest))? else {
            return Ok(None);
        };
        let before: Option<Certificate> = view.load(&keys::certificate(&key))?;
        Ok(before.filter(|before| {
            let is_alive = match &before.status {
                CertificateStatus::Issued { .. } => true,
                CertificateStatus::Intent { .. } => device.certificate_intent.as_ref() == Some(&key),
                CertificateStatus::Abandoned => false,
            };
            is_alive && before.generation == device.generation && before.begun_at >= self.repeats_since_at
        }))
    }

    fn kind(&self, view: &View<'_>, device: &Device) -> Result<CertificateKind, Error> {
        let Some(present) = &device.certificate else { return Ok(CertificateKind::First) };
        let present: Certificate =
            view.load(&keys::certificate(present))?.ok_or(Error::CertificateUnknown)?;
        let is_same_key = present.public_key == self.draft.public_key;
        Ok(if is_same_key { CertificateKind::Renewal } else { CertificateKind::Rekey })
    }
}

impl Command<Owner> for CompleteCertificate {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let (device, certificate) = load_certificate(view, &self.key)?;
        if matches!(certificate.status, CertificateStatus::Issued { fingerprint, .. } if fingerprint == self.fingerprint)
        {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        check_intent(&device, &certificate)?;
        let moved = step(&device, event_of(certificate.kind))?;
        let event = OwnerEvent::CertificateCompleted {
            device: device.id,
            key: self.key.clone(),
            certificate: self.certificate.clone(),
            fingerprint: self.fingerprint,
            overlap_until: self.overlap_until,
            moved: Some(moved),
        };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

impl Command<Owner> for AbandonCertificate {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let (device, certificate) = load_certificate(view, &self.key)?;
        if certificate.status == CertificateStatus::Abandoned {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        if !matches!(certificate.status, CertificateStatus::Intent { .. }) {
            return Err(Error::CertificateSettled);
        }
        let (key, code) = (self.key.clone(), self.code.clone());
        let event = OwnerEvent::CertificateAbandoned { device: device.id, key, code };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

impl Command<Owner> for ConfirmEnrollment {
    type Reply = Changed;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Changed>, Error> {
        let device = load_device(view, self.device)?;
        let key: Option<CertificateKey> = view.load(&keys::fingerprint(self.certificate))?;
        let (owner, certificate) = load_certificate(view, &key.ok_or(Error::CertificateUnknown)?)?;
        if owner.id != device.id || certificate.generation != device.generation {
            return Err(Error::CertificateUnknown);
        }
        let moved = step(&device, Event::EnrollmentConfirmed)?;
        if moved.to == device.state {
            return Ok(Outcome::Unchanged(changed(view, &device, device.version)));
        }
        expect(&device, self.expected)?;
        let (device_id, certificate) = (device.id, self.certificate);
        let event = OwnerEvent::EnrollmentConfirmed { device: device_id, certificate, moved: Some(moved) };
        Ok(Outcome::Record(event, changed(view, &device, device.version.next())))
    }
}

impl Command<Owner> for RecordCrl {
    type Reply = Noted;

    fn check(&self, view: &View<'_>, _: &Stamp) -> Result<Outcome<OwnerEvent, Noted>, Error> {
        if self.der.len() > crate::CRL_BYTES_MAX {
            return Err(Error::CrlTooLarge);
        }
        let last = crl::header(view, &self.issuer)?.map(|header| header.number);
        if last != self.last || last.is_some_and(|last| self.number <= last) {
            return Err(Error::CrlNumber { last });
        }
        let event = OwnerEvent::CrlRecorded {
            issuer: self.issuer.clone(),
            number: self.number,
            as_of: self.as_of,
            this_update_at: self.this_update_at,
            next_update_at: self.next_update_at,
            der: self.der.clone(),
        };
        Ok(Outcome::Record(event, Noted { seq: view.next_seq() }))
    }
}

fn load_certificate(view: &View<'_>, key: &CertificateKey) -> Result<(Device, Certificate), Error> {
    let certificate: Certificate = view.load(&keys::certificate(key))?.ok_or(Error::CertificateUnknown)?;
    Ok((load_device(view, certificate.device)?, certificate))
}

/// Only the device's newest intent can be completed, and only in the generation it was begun in.
fn check_intent(device: &Device, certificate: &Certificate) -> Result<(), Error> {
    let is_open = matches!(certificate.status, CertificateStatus::Intent { .. });
    let is_newest = device.certificate_intent.as_ref() == Some(&certificate.key);
    if is_open && is_newest { Ok(()) } else { Err(Error::CertificateSettled) }
}

const fn event_of(kind: CertificateKind) -> Event {
    match kind {
        CertificateKind::First => Event::CertificateIssued,
        CertificateKind::Renewal | CertificateKind::Rekey => Event::CertificateRenewed,
    }
}
