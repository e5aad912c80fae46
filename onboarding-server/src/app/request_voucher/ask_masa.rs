//! The second half of a voucher-request: the MASA's answer. It runs as a task of its own, so that it ends well even
//! when the pledge hangs up, and it can be taken up again after a crash from what is on record.

use std::sync::Arc;

use proto::{Class, Fingerprint, ManufacturerId, Reason, ReasonCode, Version};
use proto_brski::registrar::{AskMasa, AwaitMasa};
use proto_brski::{Format, MasaUrl, VoucherTrust};
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
    rvr: Blob,
    awaiting: AwaitMasa,
}

impl Outstanding {
    pub(super) fn new(ask: AskMasa, manufacturer: &ManufacturerId, url: &MasaUrl) -> Result<Self, Refusal> {
        Ok(Self {
            manufacturer: manufacturer.clone(),
            masa_url: url.to_string(),
            rvr: Blob::new(ask.rvr)?,
            awaiting: ask.awaiting,
        })
    }

    /// Packs the question for the store.
    pub(super) fn save(&self) -> Result<Blob, Refusal> {
        let mut saved = Vec::new();
        ciborium::into_writer(self, &mut saved).map_err(|_| Error::RecordUnreadable)?;
        Ok(Blob::new(saved)?)
    }

    /// Returns what is posted, and in which form: the pledge's.
    pub(in crate::app) fn into_question(self) -> (Vec<u8>, Format) {
        (self.rvr.into_bytes(), self.awaiting.format())
    }

    /// Unpacks a question.
    pub(in crate::app) fn read(saved: &Blob) -> Result<Self, Error> {
        ciborium::from_reader(saved.as_bytes()).map_err(|_| Error::RecordUnreadable)
    }
}

/// Which request is asked for, and the version that its device had when the question was last seen on record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) pvr_digest: Fingerprint,
    pub(super) version: Version,
}

/// Asks again for what an earlier process, or an earlier attempt, left on record.
pub(in crate::app) async fn ask_again(
    context: Arc<Context>,
    pvr_digest: Fingerprint,
) -> Result<Vec<u8>, Refusal> {
    let found = owner(&context)?.store.read(move |store| {
        let Some(request) = store.voucher_by_pvr_digest(pvr_digest)? else { return Ok(None) };
        Ok(store.load_device(request.device)?.map(|device| (request.status, device.version)))
    });
    let (status, version) = found.await?.ok_or(StoreError::VoucherRequestUnknown)?;
    let VoucherStatus::Asking { awaiting } = status else {
        return Err(StoreError::VoucherRequestSettled.into());
    };
    let outstanding = Outstanding::read(&awaiting)?;
    ask(context, Question { pvr_digest, version }, outstanding).await
}

/// Asks what is on record as owed and waits for what becomes of it.
pub(super) async fn ask(
    context: Arc<Context>,
    question: Question,
    outstanding: Outstanding,
) -> Result<Vec<u8>, Refusal> {
    let task = tokio::spawn(async move { ask_now(&context, question, outstanding).await });
    task.await.unwrap_or_else(|_| Err(Error::RecordUnreadable.into()))
}

async fn ask_now(
    context: &Context,
    question: Question,
    outstanding: Outstanding,
) -> Result<Vec<u8>, Refusal> {
    let owner = owner(context)?;
    let Some(manufacturer) = owner.manufacturers.find(&outstanding.manufacturer) else {
        return fail(context, owner, question, Error::MasaUnknown.into()).await;
    };
    let url = match MasaUrl::parse(&outstanding.masa_url, manufacturer.ip_literals()) {
        Ok(url) => url,
        Err(error) => return fail(context, owner, question, error.into()).await,
    };
    let to = owner.destination(manufacturer, &url);
    let awaiting = outstanding.awaiting.clone();
    let answer = match owner.masa.request_voucher(to, outstanding.into_question()).await {
        Ok(answer) => answer,
        // The question stays in the outbox; the pledge asks again with the same bytes.
        Err(error) if error.class() == Class::Busy => {
            tracing::warn!(manufacturer = %manufacturer.id, %error, "the MASA was not reached");
            retry_later(context, question.pvr_digest);
            return Err(waiting(owner));
        }
        Err(error) => return fail(context, owner, question, error.into()).await,
    };
    let trust = VoucherTrust {
        anchors: &manufacturer.voucher_anchors,
        clock: Some(context.clock.now()),
        compat: manufacturer.compat,
    };
    match awaiting.resume(&answer.reply(), &trust) {
        Ok(voucher) => complete(context, owner, question, &voucher).await,
        Err(error) if matches!(error.class(), Class::Busy | Class::NotYet) => {
            retry_later(context, question.pvr_digest);
            Err(waiting(owner))
        }
        Err(error) => fail(context, owner, question, error.into()).await,
    }
}

async fn complete(
    context: &Context,
    owner: &OwnerContext,
    question: Question,
    voucher: &proto_brski::SignedVoucher,
) -> Result<Vec<u8>, Refusal> {
    let assertion = Text::new(voucher.voucher().assertion.map_or("", proto_voucher::Assertion::name))?;
    let voucher = Blob::new(voucher.to_relay())?;
    let command = |expected| CompleteVoucher {
        pvr_digest: question.pvr_digest,
        expected,
        voucher: voucher.clone(),
        assertion: assertion.clone(),
    };
    settle(context, owner, question, command).await?;
    context.metrics.event("voucher_issued");
    Ok(voucher.into_bytes())
}

/// Records that there will be no voucher for this request.
async fn fail(
    context: &Context,
    owner: &OwnerContext,
    question: Question,
    refusal: Refusal,
) -> Result<Vec<u8>, Refusal> {
    let code: ReasonCode = refusal.code();
    let pvr_digest = question.pvr_digest;
    let command = |expected| FailVoucher { pvr_digest, expected, code: code.clone() };
    settle(context, owner, question, command).await?;
    Err(refusal)
}

/// Writes what ends a question. That its device changed meanwhile does not matter: whether the question is still open,
/// the store says.
async fn settle<C: Command<Owner>>(
    context: &Context,
    owner: &OwnerContext,
    question: Question,
    command: impl Fn(Version) -> C,
) -> Result<(), Refusal> {
    let mut expected = question.version;
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

/// Leaves the question in the outbox, where [`super::super::outbox`] finds it.
fn retry_later(context: &Context, pvr_digest: Fingerprint) {
    context.metrics.event("masa_retry");
    tracing::info!(%pvr_digest, "the MASA will be asked again");
}
