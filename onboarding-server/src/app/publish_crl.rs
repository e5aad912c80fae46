//! Revocation lists: made when a certificate's standing changed, and before the last list ends.
//!
//! Source: RFC 5280 §5.
//! Does not: serve them; `http::plain` and the API do.
//! Invariants: a list is on record before it is served; its number rises; what is revoked after it was begun stays owed.

use std::sync::Arc;
use std::time::Duration;

use pki::crl::{CrlEntry, CrlTemplate, RevocationReason, issue};
use proto::{KeyId, UnixTime};
use server_store::{Crl, RecordCrl, Revocation, Stamp, Task};

use super::{Error, Refusal};
use crate::context::{Context, OwnerContext};

/// How often it is looked whether a list is due.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many outbox rows are looked at.
const OUTBOX_PAGE: usize = 256;

/// Keeps the owner's list current for as long as the server runs.
pub async fn keep_current(context: Arc<Context>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(refusal) = publish_if_due(&context).await {
            tracing::error!(%refusal, "the revocation list cannot be made");
        }
    }
}

/// Returns the owner's newest list.
///
/// # Errors
/// [`Error::RoleMissing`]; faults of the store; `Unknown` when none was made yet.
pub async fn current_crl(context: &Context) -> Result<Crl, Refusal> {
    let owner = context.owner.as_ref().ok_or(Error::RoleMissing)?;
    let issuer = issuer_key_id(owner);
    let crl = owner.store.read(move |store| store.load_crl(&issuer)).await?;
    Ok(crl.ok_or(Error::CrlMissing)?)
}

async fn publish_if_due(context: &Context) -> Result<(), Refusal> {
    let Some(owner) = context.owner.as_ref() else { return Ok(()) };
    let now = context.clock.now();
    let issuer = issuer_key_id(owner);
    let wanted = issuer.clone();
    let (last, is_owed, as_of, revocations) = owner
        .store
        .read(move |store| {
            let as_of = store.head().seq;
            let owed = store.list_outbox(None, OUTBOX_PAGE)?;
            let is_owed = owed
                .rows
                .iter()
                .any(|row| matches!(&row.task, Task::PublishCrl { issuer } if *issuer == wanted));
            Ok((store.load_crl(&wanted)?, is_owed, as_of, store.list_revocations(&wanted, now)?))
        })
        .await?;
    let is_ending = last.as_ref().is_none_or(|last| is_half_over(last, now));
    if !is_owed && !is_ending {
        return Ok(());
    }
    let next_update_at = now.plus(owner.settings.crl_validity);
    let number = last.as_ref().map_or(1, |last| last.number + 1);
    let template = CrlTemplate {
        number,
        this_update: now,
        next_update: next_update_at,
        entries: revocations.iter().map(entry).collect(),
    };
    let command = RecordCrl {
        issuer,
        last: last.map(|last| last.number),
        number,
        as_of,
        this_update_at: now,
        next_update_at,
        der: issue(&owner.issuer, &template)?,
    };
    owner.store.write(Stamp::system(now), command).await?;
    context.metrics.event("crl_published");
    Ok(())
}

/// A list is renewed at half of its time, so that a relying party never has only one that has ended.
fn is_half_over(last: &Crl, now: UnixTime) -> bool {
    now.since(last.this_update_at) * 2 >= last.next_update_at.since(last.this_update_at)
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

/// Returns the name by which the store knows the CA that issues LDevIDs.
pub(super) fn issuer_key_id(owner: &OwnerContext) -> KeyId {
    let certificate = owner.issuer.certificate();
    certificate.subject_key_id().cloned().unwrap_or_else(|| certificate.public_key().key_id().clone())
}
