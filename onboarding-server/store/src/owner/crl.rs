//! CRLs in the state: what is known of one in a row, its DER in parts, because a row is bounded.

use proto::{KeyId, UnixTime};
use serde::{Deserialize, Serialize};

use super::event::OwnerEvent;
use super::keys;
use super::rows::Crl;
use crate::blob::Blob;
use crate::engine::{View, Writes};
use crate::error::Error;

/// How many bytes of a CRL stand in one row.
const PART_BYTES: usize = 32 * 1024;

/// What is known of a CRL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) number: u64,
    this_update_at: UnixTime,
    next_update_at: UnixTime,
    parts: u32,
}

pub(super) fn put(view: &View<'_>, writes: &mut Writes, event: &OwnerEvent) -> Result<(), Error> {
    let OwnerEvent::CrlRecorded { issuer, number, this_update_at, next_update_at, der, .. } = event else {
        return Ok(());
    };
    let key = keys::crl(issuer);
    let parts_before = view.load::<Header>(&key)?.map_or(0, |header| header.parts);
    let mut parts = 0;
    for part in der.chunks(PART_BYTES) {
        writes.put(keys::crl_part(issuer, parts), &Blob::new(part)?)?;
        parts += 1;
    }
    (parts..parts_before).for_each(|part| writes.delete(keys::crl_part(issuer, part)));
    let (this_update_at, next_update_at) = (*this_update_at, *next_update_at);
    writes.put(key, &Header { number: *number, this_update_at, next_update_at, parts })
}

/// Loads what is known of an issuer's newest CRL.
pub(super) fn header(view: &View<'_>, issuer: &KeyId) -> Result<Option<Header>, Error> {
    view.load(&keys::crl(issuer))
}

/// Loads an issuer's newest CRL. One that is replaced while it is read is read again.
pub(super) fn load(view: &View<'_>, issuer: &KeyId) -> Result<Option<Crl>, Error> {
    while let Some(Header { number, this_update_at, next_update_at, parts }) = header(view, issuer)? {
        let mut der = Vec::new();
        for part in 0..parts {
            let part: Option<Blob> = view.load(&keys::crl_part(issuer, part))?;
            der.extend_from_slice(&part.unwrap_or_default());
        }
        if header(view, issuer)?.is_some_and(|now| now.number == number) {
            return Ok(Some(Crl { issuer: issuer.clone(), number, this_update_at, next_update_at, der }));
        }
    }
    Ok(None)
}
