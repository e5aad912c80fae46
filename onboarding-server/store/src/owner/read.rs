//! What can be read of the owner's store. Every read sees durable records only and blocks for the disk at most.

use proto::{DeviceId, Fingerprint, KeyId, ManufacturerId, Seq, SerialNumber, UnixTime};
use serde::de::DeserializeOwned;
use server_lifecycle::{CertificateStatus as Lifecycle, State, status_of_certificate};

use super::apply::NonceUse;
use super::event::OwnerEvent;
use super::rows::{
    AuditLog, Certificate, CertificateKey, CertificateStatus, Crl, Device, OutboxRow, Revocation, Standing,
    VoucherRequest,
};
use super::{Owner, crl, keys};
use crate::blob::{Blob, Nonce, Text};
use crate::engine::{Reader, Recorded, View, timeline};
use crate::error::Error;

/// How many rows a list looks at before it gives back what it found; a bound on the time of one call.
const SCAN_ROWS_MAX: usize = 10_000;
/// How many rows are read at a time.
const SCAN_ROWS: usize = 512;

/// Which devices a list shows; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// In this state.
    pub state: Option<State>,
    /// Of this manufacturer.
    pub manufacturer: Option<ManufacturerId>,
    /// With a serial number that begins so; empty for any.
    pub serial_prefix: String,
    /// With this label: key, and value where one is given.
    pub label: Option<(Text, Option<Text>)>,
}

impl DeviceFilter {
    fn shows(&self, device: &Device) -> bool {
        self.state.is_none_or(|state| state == device.state)
            && self.manufacturer.as_ref().is_none_or(|manufacturer| *manufacturer == device.manufacturer)
            && device.serial.as_str().starts_with(&self.serial_prefix)
            && self.label.as_ref().is_none_or(|(key, value)| {
                let found = device.labels.value(key.as_str());
                found.is_some_and(|found| value.as_ref().is_none_or(|value| value.as_str() == found))
            })
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order of the list. May be fewer than asked for, even none, while there are more.
    pub rows: Vec<T>,
    /// Where the next part begins; `None` at the end. Opaque.
    pub next: Option<Vec<u8>>,
}

/// Walks the rows under `prefix` from `cursor` on and keeps what `keep` makes of them.
pub(crate) fn list<R: DeserializeOwned, T>(
    view: &View<'_>,
    prefix: &[u8],
    cursor: Option<&[u8]>,
    limit: usize,
    mut keep: impl FnMut(&[u8], R) -> Result<Option<T>, Error>,
) -> Result<Page<T>, Error> {
    if cursor.is_some_and(|cursor| !cursor.starts_with(prefix)) {
        return Err(Error::CursorInvalid);
    }
    let (mut rows, mut after, mut scanned) = (Vec::new(), cursor.map(<[u8]>::to_vec), 0);
    while rows.len() < limit && scanned < SCAN_ROWS_MAX {
        let wanted = SCAN_ROWS.min(limit.max(1));
        let chunk = view.list::<R>(prefix, after.as_deref(), wanted)?;
        let is_end = chunk.len() < wanted;
        for (key, row) in chunk {
            scanned += 1;
            rows.extend(keep(&key, row)?);
            after = Some(key);
            if rows.len() == limit {
                return Ok(Page { rows, next: after });
            }
        }
        if is_end {
            return Ok(Page { rows, next: None });
        }
    }
    Ok(Page { rows, next: after })
}

impl Reader<Owner> {
    /// Loads a device.
    ///
    /// # Errors
    /// [`Error::State`], [`Error::StateDamaged`] (`Fault`), as every read of the state.
    pub fn load_device(&self, device: DeviceId) -> Result<Option<Device>, Error> {
        self.view().load(&keys::device(device))
    }

    /// Finds the devices with a serial number, of whichever manufacturer.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn find_by_serial(&self, serial: &SerialNumber) -> Result<Vec<Device>, Error> {
        let view = self.view();
        let found = view.list::<DeviceId>(&keys::serial(serial, None), None, usize::MAX)?;
        found.into_iter().filter_map(|(_, id)| view.load(&keys::device(id)).transpose()).collect()
    }

    /// Lists devices, by serial number (with a state: by id), `limit` at most from `cursor` on.
    ///
    /// # Errors
    /// As [`Self::load_device`]; [`Error::CursorInvalid`] (`Malformed`).
    pub fn list_devices(
        &self,
        filter: &DeviceFilter,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<Device>, Error> {
        let view = self.view();
        let shown = |id| Ok(view.load::<Device>(&keys::device(id))?.filter(|device| filter.shows(device)));
        if let Some(state) = filter.state {
            let prefix = keys::in_state(state, None);
            let id_of = |key: &[u8]| key.get(prefix.len()..).and_then(|id| DeviceId::new(id).ok());
            return list(&view, &prefix, cursor, limit, |key, ()| {
                shown(id_of(key).ok_or(Error::StateDamaged)?)
            });
        }
        let wanted = filter.manufacturer.as_ref().map(|manufacturer| manufacturer.as_str().as_bytes());
        list(&view, &keys::serial_prefix(&filter.serial_prefix), cursor, limit, |key, id: DeviceId| {
            let is_other = wanted.is_some_and(|wanted| wanted != keys::manufacturer_of(key));
            if is_other { Ok(None) } else { shown(id) }
        })
    }

    /// Lists the history of a device, oldest first, from record `from` on, refusals of strangers in its name included.
    ///
    /// # Errors
    /// As [`Self::load_device`]; [`Error::Journal`] (`Fault`).
    pub fn timeline(
        &self,
        device: DeviceId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Recorded<OwnerEvent>>, Error> {
        let seqs = timeline::list(&self.view(), &keys::timeline(device), from, limit)?;
        seqs.into_iter().map(|seq| self.record(seq)).collect()
    }

    /// Loads a voucher-request by the digest of its bytes.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn voucher_by_pvr_digest(&self, pvr_digest: Fingerprint) -> Result<Option<VoucherRequest>, Error> {
        self.view().load(&keys::voucher(pvr_digest))
    }

    /// Finds the digest of the voucher-request that used a nonce.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn voucher_by_nonce(&self, nonce: &Nonce) -> Result<Option<Fingerprint>, Error> {
        Ok(self.view().load::<NonceUse>(&keys::nonce(nonce))?.map(|used| used.pvr_digest))
    }

    /// Loads what was saved to ask the MASA for the voucher of this request; `None` when it was never asked.
    ///
    /// # Errors
    /// As [`Self::load_device`]; [`Error::Journal`] (`Fault`).
    pub fn load_question(&self, pvr_digest: Fingerprint) -> Result<Option<Blob>, Error> {
        let Some(asked) = self.voucher_by_pvr_digest(pvr_digest)?.and_then(|request| request.asked) else {
            return Ok(None);
        };
        let event = self.record(asked)?.event;
        Ok(if let OwnerEvent::VoucherRequested { awaiting, .. } = event { Some(awaiting) } else { None })
    }

    /// Loads how we stand with the MASA's log of a device.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn load_audit_log(&self, device: DeviceId) -> Result<Option<AuditLog>, Error> {
        self.view().load(&keys::audit_log(device))
    }

    /// Loads an IDevID that was seen, in DER.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn load_idevid(&self, idevid: Fingerprint) -> Result<Option<Blob>, Error> {
        self.view().load(&keys::idevid(idevid))
    }

    /// Loads an LDevID by its name.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn load_certificate(&self, key: &CertificateKey) -> Result<Option<Certificate>, Error> {
        self.view().load(&keys::certificate(key))
    }

    /// Finds an issued LDevID by the SHA-256 of its DER.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn certificate_by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Option<Certificate>, Error> {
        let view = self.view();
        let key: Option<CertificateKey> = view.load(&keys::fingerprint(fingerprint))?;
        key.map_or(Ok(None), |key| view.load(&keys::certificate(&key)))
    }

    /// Lists all LDevIDs of a device, oldest first, those that were never issued included.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn list_certificates(&self, device: DeviceId) -> Result<Vec<Certificate>, Error> {
        let view = self.view();
        let found = view.list::<CertificateKey>(&keys::certificate_of(device, None), None, usize::MAX)?;
        found.into_iter().filter_map(|(_, key)| view.load(&keys::certificate(&key)).transpose()).collect()
    }

    /// Lists what an issuer's CRL must hold at `now`: expired certificates are left out. Walks all of it.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn list_revocations(&self, issuer: &KeyId, now: UnixTime) -> Result<Vec<Revocation>, Error> {
        let found = self.view().list::<Revocation>(&keys::revocations(issuer), None, usize::MAX)?;
        Ok(found
            .into_iter()
            .map(|(_, revocation)| revocation)
            .filter(|revoked| revoked.not_after >= now)
            .collect())
    }

    /// Loads an issuer's newest CRL.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn load_crl(&self, issuer: &KeyId) -> Result<Option<Crl>, Error> {
        crl::load(&self.view(), issuer)
    }

    /// Says whether the standing of one of an issuer's certificates changed since its newest CRL.
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn owes_crl(&self, issuer: &KeyId) -> Result<bool, Error> {
        Ok(self.view().load::<Seq>(&keys::publish(issuer))?.is_some())
    }

    /// Lists what is owed, oldest first, `limit` at most from `cursor` on.
    ///
    /// # Errors
    /// As [`Self::load_device`]; [`Error::CursorInvalid`] (`Malformed`).
    pub fn list_outbox(&self, cursor: Option<&[u8]>, limit: usize) -> Result<Page<OutboxRow>, Error> {
        list(&self.view(), &keys::outbox(), cursor, limit, |_, row| Ok(Some(row)))
    }

    /// Counts the devices in each state, in the order of [`State::ALL`].
    ///
    /// # Errors
    /// As [`Self::load_device`].
    pub fn count_by_state(&self) -> Result<Vec<(State, u64)>, Error> {
        let view = self.view();
        let count = |state| Ok((state, view.load(&keys::count(state))?.unwrap_or(0)));
        State::ALL.into_iter().map(count).collect()
    }
}

impl Certificate {
    /// Says whether this certificate of `device` counts at `now`. Expiry is the caller's.
    #[must_use]
    pub fn standing(&self, device: &Device, now: UnixTime) -> Standing {
        if !matches!(self.status, CertificateStatus::Issued { .. }) {
            return Standing::NotIssued;
        }
        match status_of_certificate(device.state, device.generation, self.generation) {
            Lifecycle::Good if self.overlap_until.is_some_and(|until| until < now) => Standing::Superseded,
            Lifecycle::Good => Standing::Good,
            Lifecycle::OnHold => Standing::Held,
            Lifecycle::Absent | Lifecycle::Revoked => Standing::Revoked,
        }
    }
}
