//! The second half of a voucher-request: the MASA's answer. It runs as a task of its own, so that it ends well even
//! when the pledge hangs up, and it can be taken up again after a crash from what is on record.

use std::sync::Arc;

use proto::{Class, Fingerprint, ManufacturerId, Reason, ReasonCode, Version};
use proto_brski::registrar::{AskMasa, AwaitMasa};
use proto_brski::{MasaUrl, VoucherTrust};
use serde::{Deserialize, Serialize};
use server_store::{
    Blob, Command, CompleteVoucher, Error as StoreError, FailVoucher, Owner, Stamp, Text, VoucherStatus,
};

use crate::app::{ANEW_MAX, Error, Refusal, owner, waiting};
use crate::context::{Context, OwnerContext};

/// What is kept of a question until its answer is on record, and afterwards for the MASA's log.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::app) struct Outstanding {
    pub(in crate::app) manufacturer: ManufacturerId,
    pub(in crate::app) masa_url: String,
    pub(in crate::app) rvr: Blob,
    awaiting: AwaitMasa,
}

impl Outstanding {
    /// Unpacks a question.
    pub(in crate::app) fn read(saved: &Blob) -> Result<Self, Error> {
        ciborium::from_reader(saved.as_bytes()).map_err(|_| Error::RecordUnreadable)
    }
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
pub(in crate::app) async fn ask(context: Arc<Context>, pvr_digest: Fingerprint) -> Result<Vec<u8>, Refusal> {
    let task = tokio::spawn(async move { ask_now(&context, pvr_digest).await });
    task.await.unwrap_or_else(|_| Err(Error::RecordUnreadable.into()))
}

async fn ask_now(context: &Context, pvr_digest: Fingerprint) -> Result<Vec<u8>, Refusal> {
    let owner = owner(context)?;
    let outstanding = load(owner, pvr_digest).await?;
    let Some(manufacturer) = owner.manufacturers.find(&outstanding.manufacturer) else {
        return fail(context, owner, pvr_digest, Error::MasaUnknown.into()).await;
    };
    let url = match MasaUrl::parse(&outstanding.masa_url, manufacturer.ip_literals()) {
        Ok(url) => url,
        Err(error) => return fail(context, owner, pvr_digest, error.into()).await,
    };
    let to = owner.destination(manufacturer, &url);
    let answer = match owner.masa.request_voucher(to, outstanding.rvr.into_bytes()).await {
        Ok(answer) => answer,
        // The question stays in the outbox; the pledge asks again with the same bytes.
        Err(error) if error.class() == Class::Busy => {
            tracing::warn!(manufacturer = %manufacturer.id, %error, "the MASA was not reached");
            retry_later(context, pvr_digest);
            return Err(waiting(owner));
        }
        Err(error) => return fail(context, owner, pvr_digest, error.into()).await,
    };
    let trust = VoucherTrust {
        anchors: &manufacturer.voucher_anchors,
        clock: Some(context.clock.now()),
        compat: manufacturer.compat,
    };
    match outstanding.awaiting.resume(&answer.reply(), &trust) {
        Ok(voucher) => complete(context, owner, pvr_digest, &voucher).await,
        Err(error) if matches!(error.class(), Class::Busy | Class::NotYet) => {
            retry_later(context, pvr_digest);
            Err(waiting(owner))
        }
        Err(error) => fail(context, owner, pvr_digest, error.into()).await,
    }
}

async fn load(owner: &OwnerContext, pvr_digest: Fingerprint) -> Result<Outstanding, Refusal> {
    let request = owner.store.read(move |store| store.voucher_by_pvr_digest(pvr_digest)).await?;
    match request.map(|request| request.status) {
        Some(VoucherStatus::Asking { awaiting }) => Ok(Outstanding::read(&awaiting)?),
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
async fn fail(
    context: &Context,
    owner: &OwnerContext,
    pvr_digest: Fingerprint,
    refusal: Refusal,
) -> Result<Vec<u8>, Refusal> {
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

/// Leaves the question in the outbox, where [`super::super::outbox`] finds it.
fn retry_later(context: &Context, pvr_digest: Fingerprint) {
    context.metrics.event("masa_retry");
    tracing::info!(%pvr_digest, "the MASA will be asked again");
}
