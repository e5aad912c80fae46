//! Who is at the far end: a pledge with its IDevID, or a device with an LDevID of ours.
//!
//! Source: RFC 8995 §5.2, §5.9; RFC 7030 §3.3.2.
//! Does not: decide what the peer may do.
//! Invariants: an [`Identity`] rests on a verified path and on the key that the handshake proved.

use pki::Certificate;
use pki::path::{self, Purpose, Revocation, Rules};
use proto::UnixTime;
use server_listen::Peer;
use server_store::{CertificateStatus, Device, Standing};

use super::{Error, Refusal};
use crate::context::{Manufacturer, OwnerContext};

/// Who is at the far end.
#[derive(Debug)]
pub enum Identity<'a> {
    /// A device as its maker made it.
    Pledge {
        /// Whose.
        manufacturer: &'a Manufacturer,
        /// Its IDevID.
        idevid: &'a Certificate,
    },
    /// A device that we enrolled, and its certificate counts.
    Device {
        /// Its record.
        device: Box<Device>,
        /// Its LDevID.
        ldevid: &'a Certificate,
        /// How the LDevID stands on record.
        record: Box<server_store::Certificate>,
    },
}

/// Judges the peer's chain: by our own CA when it issued the certificate, else by the manufacturers' anchors.
///
/// # Errors
/// [`Error::CertificateMissing`], [`Error::CertificateUntrusted`], [`Error::LdevidUnknown`], [`Error::LdevidRevoked`]
/// (all `Untrusted`); faults of the store.
pub async fn identify<'a>(
    owner: &'a OwnerContext,
    peer: &'a Peer,
    now: UnixTime,
) -> Result<Identity<'a>, Refusal> {
    identify_at(owner, peer, (now, now)).await
}

/// As [`identify`], for a request to renew: whether the end of the LDevID counts is the policy's to say, with a grace
/// and a reason of its own.
///
/// # Errors
/// As [`identify`].
pub async fn identify_renewing<'a>(
    owner: &'a OwnerContext,
    peer: &'a Peer,
    now: UnixTime,
) -> Result<Identity<'a>, Refusal> {
    let end = peer.certificate().map_or(now, Certificate::not_after);
    identify_at(owner, peer, (now, now.min(end))).await
}

/// Judges the peer's record, or its IDevID, at `now`, and the path of an LDevID at `path_at`.
async fn identify_at<'a>(
    owner: &'a OwnerContext,
    peer: &'a Peer,
    (now, path_at): (UnixTime, UnixTime),
) -> Result<Identity<'a>, Refusal> {
    let certificate = peer.certificate().ok_or(Error::CertificateMissing)?;
    if certificate.issuer_der() == owner.issuer.certificate().subject_der() {
        verify_ldevid(owner, certificate, path_at)?;
        return identify_device(owner, certificate, now).await;
    }
    let manufacturer = owner.manufacturers.verify_idevid(certificate, peer.intermediates(), now);
    let manufacturer = manufacturer.map_err(Error::CertificateUntrusted)?;
    Ok(Identity::Pledge { manufacturer, idevid: certificate })
}

async fn identify_device<'a>(
    owner: &'a OwnerContext,
    ldevid: &'a Certificate,
    now: UnixTime,
) -> Result<Identity<'a>, Refusal> {
    let fingerprint = ldevid.fingerprint();
    let found = owner.store.look_up(move |store| {
        let Some(record) = store.certificate_by_fingerprint(fingerprint)? else { return Ok(None) };
        Ok(store.load_device(record.device)?.map(|device| (device, record)))
    });
    let (device, record) = found.await?.ok_or(Error::LdevidUnknown)?;
    debug_assert!(matches!(record.status, CertificateStatus::Issued { .. }));
    match record.standing(&device, now) {
        Standing::Good => Ok(Identity::Device { device: Box::new(device), ldevid, record: Box::new(record) }),
        Standing::Superseded | Standing::Held | Standing::Revoked | Standing::NotIssued => {
            Err(Refusal::from(Error::LdevidRevoked).of(device.id))
        }
    }
}

fn verify_ldevid(owner: &OwnerContext, ldevid: &Certificate, now: UnixTime) -> Result<(), Error> {
    let rules = Rules {
        anchors: &owner.domain_anchors,
        now,
        purpose: Purpose::LdevId,
        // The record, which the caller looks at next, is what revocation lists are made from.
        revocation: &|_| Revocation::Good,
    };
    path::verify(ldevid, &owner.ca_path, &rules).map(|_| ()).map_err(Error::CertificateUntrusted)
}
