//! Revocation lists: made when a certificate's standing changed, and before the last list ends.
//!
//! Source: RFC 5280 §5.
//! Does not: serve them; `http::plain` and the API do.
//! Invariants: a list is on record before it is served; its number rises; what is revoked after it was begun stays owed.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use pki::crl::{CrlEntry, CrlTemplate, RevocationReason, issue};
use proto::{KeyId, Seq, UnixTime};
use server_store::{Crl, RecordCrl, Revocation, Stamp};

use super::{Error, Refusal, issuer_key_id, owner};
use crate::context::{Context, OwnerContext};

/// How often it is looked whether a list is due.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it is waited after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Up to where it is known that the list is current.
struct Current {
    /// The journal's head when that was checked.
    as_of: Seq,
    /// From when to when the list needs no successor, whatever happens.
    fresh: Range<UnixTime>,
}

/// Keeps the owner's list current for as long as the server runs.
pub async fn keep_current(context: Arc<Context>) {
    let Some(owner) = context.owner.as_ref() else { return };
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut current: Option<Current> = None;
    loop {
        ticks.tick().await;
        let (head, now) = (owner.store.store().head().seq, context.clock.now());
        if current.as_ref().is_some_and(|current| current.as_of == head && current.fresh.contains(&now)) {
            continue;
        }
        match publish_if_due(&context, owner).await {
            Ok(checked) => current = Some(checked),
            Err(refusal) => {
                tracing::error!(%refusal, "the revocation list cannot be made");
                ticks.reset_after(PAUSE_AFTER_FAILURE);
            }
        }
    }
}

/// Returns the owner's newest list.
///
/// # Errors
/// [`Error::RoleMissing`]; faults of the store; `Unknown` when none was made yet.
pub async fn current_crl(context: &Context) -> Result<Crl, Refusal> {
    let owner = owner(context)?;
    let issuer = issuer_key_id(&owner.issuer);
    let crl = owner.store.read(move |store| store.load_crl(&issuer)).await?;
    Ok(crl.ok_or(Error::CrlMissing)?)
}

async fn publish_if_due(context: &Context, owner: &OwnerContext) -> Result<Current, Refusal> {
    let now = context.clock.now();
    let issuer = issuer_key_id(&owner.issuer);
    let wanted = issuer.clone();
    let (as_of, last, is_owed) = owner
        .store
        .read(move |store| Ok((store.head().seq, store.load_crl(&wanted)?, store.owes_crl(&wanted)?)))
        .await?;
    let still = last.as_ref().map(|last| fresh(last.this_update_at, last.next_update_at));
    if let Some(fresh) = still.filter(|fresh| !is_owed && fresh.contains(&now)) {
        return Ok(Current { as_of, fresh });
    }
    let command = make(owner, issuer, last.map(|last| last.number), as_of, now).await?;
    let made = Current { as_of, fresh: fresh(command.this_update_at, command.next_update_at) };
    owner.store.write(Stamp::system(now), command).await?;
    context.metrics.event("crl_published");
    Ok(made)
}

/// Signs a list of all that is revoked now; `as_of` was the journal's head before.
async fn make(
    owner: &OwnerContext,
    issuer: KeyId,
    last: Option<u64>,
    as_of: Seq,
    now: UnixTime,
) -> Result<RecordCrl, Refusal> {
    let wanted = issuer.clone();
    let revocations = owner.store.read(move |store| store.list_revocations(&wanted, now)).await?;
    let next_update_at = now.plus(owner.settings.crl_validity);
    let number = last.map_or(1, |last| last + 1);
    let template = CrlTemplate {
        number,
        this_update: now,
        next_update: next_update_at,
        entries: revocations.iter().map(entry).collect(),
    };
    let der = issue(&owner.issuer, &template)?;
    Ok(RecordCrl { issuer, last, number, as_of, this_update_at: now, next_update_at, der })
}

/// A list is renewed at half of its time, so that a relying party never has only one that has ended; and at once when the
/// clock was set back before it, for nobody takes a list that begins in the future.
fn fresh(begin: UnixTime, end: UnixTime) -> Range<UnixTime> {
    begin..begin.plus(end.since(begin) / 2)
}

fn entry(revocation: &Revocation) -> CrlEntry {
    CrlEntry {
        serial: revocation.key.serial.clone(),
        revoked_at: revocation.revoked_at,
        reason: if revocation.is_hold {
            RevocationReason::CertificateHold
        } else {
            RevocationReason::CessationOfOperation
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_renewed_at_half_of_its_time_and_when_the_clock_was_set_back_before_it() {
        let at = UnixTime::from_seconds;
        let fresh = fresh(at(1_000), at(3_000));
        assert!(fresh.contains(&at(1_000)) && fresh.contains(&at(1_999)));
        assert!(!fresh.contains(&at(2_000)));
        assert!(!fresh.contains(&at(999)));
    }
}
