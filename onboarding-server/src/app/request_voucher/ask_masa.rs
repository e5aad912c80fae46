//! The second half of a voucher-request: the MASA's answer. It runs as a task of its own, so that it ends well even
//! when the pledge hangs up, and it can be taken up again after a crash from what is on record.

use std::sync::Arc;

use proto::{Class, Fingerprint, ManufacturerId, Reason, ReasonCode, Version};
use proto_brski::registrar::{AskMasa, AwaitMasa, MasaReply};
use proto_brski::{MasaUrl, VoucherTrust};
use serde::{Deserialize, Serialize};
use server_store::{
    Blob, Command, CompleteVoucher, Error as StoreError, FailVoucher, OutboxRow, Owner, Stamp, Task, Text,
    VoucherStatus,
};
use tokio::task::JoinSet;

use super::{ANEW_MAX, Error, Refusal, waiting};
use crate::context::{Context, OwnerContext};
use crate::effects::masa_client::{Answer, Destination};

/// How many outstanding questions are read at a time.
const OUTBOX_PAGE: usize = 256;
/// How many outstanding questions are asked at a time, so that one MASA that does not answer holds up few others.
const ASKED_TOGETHER: usize = 16;

/// What is kept of a question until its answer is on record.
#[derive(Debug, Serialize, Deserialize)]
struct Outstanding {
    manufacturer: ManufacturerId,
    masa_url: String,
    rvr: Blob,
    awaiting: AwaitMasa,
}

/// Packs a question for the store.
pub(super) fn save(ask: &AskMasa, manufacturer: &ManufacturerId, url: &MasaUrl) -> Result<Blob, Refusal> {
    let outstanding = Outstanding {
        manufacturer: manufacturer.clone(),
        masa_url: url.to_string(),
        rvr: Blob::new(ask.rvr.clone())?,
        awaiting: ask.awaiting.clone(),
    };
    let mut saved = Vec::new();
    ciborium::into_writer(&outstanding, &mut saved).map_err(|_| Error::RecordUnreadable)?;
    Ok(Blob::new(saved)?)
}

/// Asks for the request with this digest and waits for what becomes of it.
pub(super) async fn ask(context: Arc<Context>, pvr_digest: Fingerprint) -> Result<Vec<u8>, Refusal> {
    let task = tokio::spawn(async move { ask_now(&context, pvr_digest).await });
    task.await.unwrap_or_else(|_| Err(Error::RecordUnreadable.into()))
}

async fn ask_now(context: &Context, pvr_digest: Fingerprint) -> Result<Vec<u8>, Refusal> {
    let owner = context.owner.as_ref().ok_or(Error::RoleMissing)?;
    let outstanding = load(owner, pvr_digest).await?;
    let Some(manufacturer) = owner.manufacturers.find(&outstanding.manufacturer) else {
        return fail(context, pvr_digest, Error::MasaUnknown.into()).await;
    };
    let url = match MasaUrl::parse(&outstanding.masa_url, manufacturer.ip_literals()) {
        Ok(url) => url,
        Err(error) => return fail(context, pvr_digest, error.into()).await,
    };
    let to = Destination { manufacturer, url: &url, registrar: &owner.registrar };
    let answer = match owner.masa.request_voucher(to, outstanding.rvr.into_bytes()).await {
        Ok(answer) => answer,
        // The question stays in the outbox; the pledge asks again with the same bytes.
        Err(error) if error.class() == Class::Busy => {
            tracing::warn!(manufacturer = %manufacturer.id, %error, "the MASA was not reached");
            retry_later(context, pvr_digest);
            return Err(waiting(owner));
        }
        Err(error) => return fail(context, pvr_digest, error.into()).await,
    };
    let trust = VoucherTrust {
        anchors: &manufacturer.voucher_anchors,
        clock: Some(context.clock.now()),
        compat: manufacturer.compat,
    };
    match outstanding.awaiting.resume(&reply(&answer), &trust) {
        Ok(voucher) => complete(context, owner, pvr_digest, &voucher).await,
        Err(error) if matches!(error.class(), Class::Busy | Class::NotYet) => {
            retry_later(context, pvr_digest);
            Err(waiting(owner))
        }
        Err(error) => fail(context, pvr_digest, error.into()).await,
    }
}

fn reply(answer: &Answer) -> MasaReply<'_> {
    MasaReply {
        status: answer.status,
        media_type: answer.media_type.as_deref(),
        retry_after_seconds: answer.retry_after_seconds,
        body: &answer.body,
    }
}

async fn load(owner: &OwnerContext, pvr_digest: Fingerprint) -> Result<Outstanding, Refusal> {
    let request = owner.store.read(move |store| store.voucher_by_pvr_digest(pvr_digest)).await?;
    match request.map(|request| request.status) {
        Some(VoucherStatus::Asking { awaiting }) => {
            Ok(ciborium::from_reader(awaiting.as_bytes()).map_err(|_| Error::RecordUnreadable)?)
        }
        Some(
            VoucherStatus::Deferred { .. }
            | VoucherStatus::Issued { .. }
            | VoucherStatus::Refused { .. }
            | VoucherStatus::Failed { .. },
        )
        | None => Err(StoreError::VoucherRequestSettled.into()),
    }
}

async fn complete(
    context: &Context,
    owner: &OwnerContext,
    pvr_digest: Fingerprint,
    voucher: &proto_brski::SignedVoucher,
) -> Result<Vec<u8>, Refusal> {
    let assertion = Text::new(voucher.voucher().assertion.map_or("", proto_voucher::Assertion::name))?;
    let der = voucher.to_relay().to_vec();
    let voucher = Blob::new(der.clone())?;
    let command = |expected| CompleteVoucher {
        pvr_digest,
        expected,
        voucher: voucher.clone(),
        assertion: assertion.clone(),
    };
    settle(context, owner, pvr_digest, command).await?;
    context.metrics.event("voucher_issued");
    Ok(der)
}

/// Records that there will be no voucher for this request.
async fn fail(context: &Context, pvr_digest: Fingerprint, refusal: Refusal) -> Result<Vec<u8>, Refusal> {
    let owner = context.owner.as_ref().ok_or(Error::RoleMissing)?;
    let code: ReasonCode = refusal.code();
    let command = |expected| FailVoucher { pvr_digest, expected, code: code.clone() };
    settle(context, owner, pvr_digest, command).await?;
    Err(refusal)
}

/// Writes what ends a question. That its device changed meanwhile does not matter: whether the question is still open,
/// the store says.
async fn settle<C: Command<Owner>>(
    context: &Context,
    owner: &OwnerContext,
    pvr_digest: Fingerprint,
    command: impl Fn(Version) -> C,
) -> Result<(), Refusal> {
    let mut expected = version(owner, pvr_digest).await?;
    for _ in 0..ANEW_MAX {
        match owner.store.write(Stamp::system(context.clock.now()), command(expected)).await {
            Ok(_) => return Ok(()),
            Err(StoreError::DeviceChanged { found: Some(version) }) => expected = version,
            Err(other) => return Err(other.into()),
        }
    }
    // The question stays in the outbox.
    Err(waiting(owner))
}

async fn version(owner: &OwnerContext, pvr_digest: Fingerprint) -> Result<Version, Refusal> {
    let found = owner.store.read(move |store| {
        let Some(request) = store.voucher_by_pvr_digest(pvr_digest)? else { return Ok(None) };
        store.load_device(request.device)
    });
    Ok(found.await?.ok_or(StoreError::VoucherRequestUnknown)?.version)
}

/// Leaves the question in the outbox, where [`resume_outstanding`] finds it.
fn retry_later(context: &Context, pvr_digest: Fingerprint) {
    context.metrics.event("masa_retry");
    tracing::info!(%pvr_digest, "the MASA will be asked again");
}

/// Asks again whatever is owed: after a start, and from time to time.
///
/// # Errors
/// Faults of the store.
pub async fn resume_outstanding(context: &Arc<Context>) -> Result<usize, Refusal> {
    let Some(owner) = context.owner.as_ref() else { return Ok(0) };
    // A younger question is still being answered by the request that raised it, unless that request died with an
    // earlier process.
    let stale_at = context.clock.now().minus(owner.settings.masa_timeout);
    let opened_at = owner.store.store().opening().head.seq;
    let is_left = |row: &OutboxRow| row.owed_since_at <= stale_at || row.seq <= opened_at;
    let (mut cursor, mut asked, mut asking) = (None, 0, JoinSet::new());
    loop {
        let from = cursor.take();
        let owed = owner.store.read(move |store| store.list_outbox(from.as_deref(), OUTBOX_PAGE)).await?;
        for row in owed.rows.into_iter().filter(is_left) {
            let Task::AskMasa { pvr_digest } = row.task else { continue };
            if asking.len() >= ASKED_TOGETHER {
                asking.join_next().await;
            }
            asked += 1;
            asking.spawn(ask_again(Arc::clone(context), pvr_digest));
        }
        cursor = owed.next;
        if cursor.is_none() {
            break;
        }
    }
    asking.join_all().await;
    Ok(asked)
}

async fn ask_again(context: Arc<Context>, pvr_digest: Fingerprint) {
    if let Err(refusal) = ask(context, pvr_digest).await {
        tracing::info!(%pvr_digest, %refusal, "an outstanding voucher-request is still without a voucher");
    }
}
