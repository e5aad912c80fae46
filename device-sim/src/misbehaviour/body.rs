//! Bodies that are too short, too long, or never end.

use proto::{media_type, well_known};

use super::Got;
use super::arena::{Arena, VOUCHER, got, outcome};
use crate::Error;
use crate::pledge::{request_voucher, signed_request};
use crate::transport::{RawConnection, RawRequest, raw_head};
use crate::unit::Unit;

/// The size of a body that nobody needs: one mebibyte.
const OVERSIZED_BYTES: usize = 1024 * 1024;

async fn honest_body(arena: &mut Arena) -> Result<(Unit, Vec<u8>), Error> {
    let unit = arena.unit()?;
    let session = arena.session(Some(unit.idevid())).await?;
    let request = arena.request(&unit, session.registrar()?)?;
    let signed = signed_request(&request, unit.idevid())?;
    Ok((unit, signed.request().to_vec()))
}

pub(super) async fn truncated(arena: &mut Arena) -> Result<Got, Error> {
    let (unit, mut body) = honest_body(arena).await?;
    body.truncate(body.len() / 2);
    let mut session = arena.session(Some(unit.idevid())).await?;
    outcome(&mut session, &request_voucher(&body), VOUCHER).await
}

pub(super) async fn unfinished(arena: &mut Arena) -> Result<Got, Error> {
    let (unit, body) = honest_body(arena).await?;
    let half = body.get(..body.len() / 2).unwrap_or_default();
    raw(arena, &unit, body.len(), half, true).await
}

pub(super) async fn oversized(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let body = vec![0x30; OVERSIZED_BYTES];
    raw(arena, &unit, body.len(), &body, false).await
}

async fn raw(arena: &Arena, unit: &Unit, announced: usize, body: &[u8], ends: bool) -> Result<Got, Error> {
    let connection = RawConnection::open(&arena.endpoint, Some(unit.idevid()), arena.patience).await?;
    let (path, content_type) = (well_known::REQUEST_VOUCHER, media_type::VOUCHER_CMS_JSON);
    let mut bytes = raw_head(&arena.endpoint, path, content_type, announced).into_bytes();
    bytes.extend_from_slice(body);
    got(connection.exchange(RawRequest { bytes: bytes.into(), ends }).await, VOUCHER)
}
