//! What is owed to the MASAs and was not done when it fell due: after a start, and from time to time.
//!
//! Does not: publish revocation lists; `publish_crl` keeps its own watch.
//! Invariants: each debt is tried at most once in a round; the logs of a MASA that is away cost a round a wait or two, however
//! many are owed.

use std::collections::BTreeSet;
use std::sync::Arc;

use proto::{Class, DeviceId, Fingerprint, ManufacturerId};
use server_store::{OutboxRow, Task};
use tokio::task::JoinSet;

use super::{Refusal, audit_log, request_voucher};
use crate::context::{Context, OwnerContext};

/// How many debts are read at a time.
const PAGE: usize = 256;
/// How many questions are asked at a time, so that one MASA that does not answer holds up few others.
const ASKED_TOGETHER: usize = 16;

/// Asks again whatever is owed.
///
/// # Errors
/// Faults of the store.
pub async fn work_off(context: &Arc<Context>) -> Result<(), Refusal> {
    let Some(owner) = context.owner.as_ref() else { return Ok(()) };
    // A younger question is still being answered by the request that raised it, unless that request died with an
    // earlier process.
    let stale_at = context.clock.now().minus(owner.settings.masa_timeout);
    let opened_at = owner.store.store().opening().head.seq;
    let is_left = |row: &OutboxRow| row.owed_since_at <= stale_at || row.seq <= opened_at;
    let mut round = Round { context, owner, asking: JoinSet::new(), away: BTreeSet::new() };
    let mut cursor = None;
    loop {
        let from = cursor.take();
        let page = owner.store.read(move |store| store.list_outbox(from.as_deref(), PAGE)).await?;
        for row in page.rows.iter().filter(|row| is_left(row)) {
            round.begin(row).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    round.asking.join_all().await;
    Ok(())
}

/// One round over all debts.
struct Round<'a> {
    context: &'a Arc<Context>,
    owner: &'a OwnerContext,
    /// Each answers whose MASA is away, if it is.
    asking: JoinSet<Option<ManufacturerId>>,
    away: BTreeSet<ManufacturerId>,
}

impl Round<'_> {
    async fn begin(&mut self, row: &OutboxRow) -> Result<(), Refusal> {
        while self.asking.len() >= ASKED_TOGETHER {
            let ended = self.asking.join_next().await;
            self.away.extend(ended.and_then(Result::ok).flatten());
        }
        let context = Arc::clone(self.context);
        match row.task {
            Task::AskMasa { pvr_digest } => {
                self.asking.spawn(ask_for_voucher(context, pvr_digest));
            }
            Task::AskAuditLog { pvr_digest } => {
                let id = row.device;
                let device = self.owner.store.read(move |store| store.load_device(id)).await?;
                let maker = device.map(|device| device.manufacturer);
                if let Some(maker) = maker.filter(|maker| !self.away.contains(maker)) {
                    self.asking.spawn(ask_for_log(context, (id, maker), pvr_digest));
                }
            }
            Task::PublishCrl { .. } => {}
        }
        Ok(())
    }
}

async fn ask_for_voucher(context: Arc<Context>, pvr_digest: Fingerprint) -> Option<ManufacturerId> {
    if let Err(refusal) = request_voucher::ask_again(context, pvr_digest).await {
        tracing::info!(%pvr_digest, %refusal, "an outstanding voucher-request is still without a voucher");
    }
    None
}

async fn ask_for_log(
    context: Arc<Context>,
    (device, maker): (DeviceId, ManufacturerId),
    pvr_digest: Fingerprint,
) -> Option<ManufacturerId> {
    let asked = audit_log::ask(context, device, pvr_digest).await;
    asked.is_err_and(|refusal| refusal.class() == Class::Busy).then_some(maker)
}
