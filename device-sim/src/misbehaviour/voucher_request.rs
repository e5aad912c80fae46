//! Voucher-requests that are not the sender's, not fresh, or not true.

use proto_brski::pledge::PvrContent;

use super::Got;
use super::arena::{Arena, VOUCHER, outcome, outcome_and_close, running, voucher_request};
use crate::pledge::{request_voucher, signed_request};
use crate::rogue::{Domain, flip_last_bit, other_serial};
use crate::transport::Request;
use crate::unit::Unit;
use crate::{Error, clock};

/// Asks honestly but for what `change` does to the request before it is signed.
async fn ask_with(
    arena: &mut Arena,
    change: impl FnOnce(&mut PvrContent) -> Result<(), Error>,
) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.session(Some(unit.idevid())).await?;
    let mut content = arena.request(&unit, session.registrar()?)?;
    change(&mut content)?;
    let request = voucher_request(&content, unit.idevid())?;
    outcome_and_close(&mut session, &request, VOUCHER).await
}

/// The request carries the other unit's certificate, and its signature holds; only TLS says otherwise.
pub(super) async fn foreign_signer(arena: &mut Arena) -> Result<Got, Error> {
    let (unit, other) = (arena.unit()?, arena.unit()?);
    let mut session = arena.session(Some(unit.idevid())).await?;
    let content = arena.request(&unit, session.registrar()?)?;
    let request = voucher_request(&content, other.idevid())?;
    outcome(&mut session, &request, VOUCHER).await
}

/// What one unit would send, another sends.
pub(super) async fn replayed(arena: &mut Arena) -> Result<Got, Error> {
    let (victim, thief) = (arena.unit()?, arena.unit()?);
    let captured = honest_request(arena, &victim).await?;
    let mut session = arena.session(Some(thief.idevid())).await?;
    outcome(&mut session, &captured, VOUCHER).await
}

async fn honest_request(arena: &mut Arena, unit: &Unit) -> Result<Request, Error> {
    let session = arena.session(Some(unit.idevid())).await?;
    voucher_request(&arena.request(unit, session.registrar()?)?, unit.idevid())
}

/// The first request is granted; the second says something else under the same nonce.
pub(super) async fn reused_nonce(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.session(Some(unit.idevid())).await?;
    let mut content = arena.request(&unit, session.registrar()?)?;
    let first = voucher_request(&content, unit.idevid())?;
    session.send_until_decided(&first, &mut running()).await?;
    content.created_at = Some(clock::now().minus(std::time::Duration::from_secs(1)));
    let second = voucher_request(&content, unit.idevid())?;
    outcome(&mut session, &second, VOUCHER).await
}

pub(super) async fn missing_nonce(arena: &mut Arena) -> Result<Got, Error> {
    ask_with(arena, |request| {
        request.nonce = None;
        Ok(())
    })
    .await
}

/// The pledge spoke to somebody else's TLS server and named it truly; that somebody passes the request on.
pub(super) async fn wrong_proximity(arena: &mut Arena) -> Result<Got, Error> {
    let attacker = Domain::create("On-path Attacker", clock::now())?;
    let seen = attacker.registrar().chain.first().ok_or(Error::UnitFile)?.clone();
    ask_with(arena, |request| {
        request.proximity_registrar = proto_voucher::Pins::from_certificate(seen.der());
        Ok(())
    })
    .await
}

pub(super) async fn serial_mismatch(arena: &mut Arena) -> Result<Got, Error> {
    ask_with(arena, |request| {
        request.serial_number = other_serial(&request.serial_number)?;
        Ok(())
    })
    .await
}

pub(super) async fn bad_signature(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.session(Some(unit.idevid())).await?;
    let request = arena.request(&unit, session.registrar()?)?;
    let mut signed = signed_request(&request, unit.idevid())?.request().to_vec();
    flip_last_bit(&mut signed);
    outcome(&mut session, &request_voucher(&signed), VOUCHER).await
}
