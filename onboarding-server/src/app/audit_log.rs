//! The registrar asks a MASA for its log of the domains that had vouchers for a device.
//!
//! Source: RFC 8995 §5.8, §5.8.3.
//! 1. The debt to ask falls due with the pledge's report on its voucher, or with its enrolment when it sent none, and is
//!    recorded with it.
//! 2. Act: the MASA is asked with the bytes of the voucher-request; the log comes at once, or from a place of the MASA's.
//! 3. Outcome: what matters of the log is recorded, with what is wrong with it by what the owner knows.
//! 4. Each enrolment is decided on the log on record and on what the owner knows by then.
//!
//! Does not: refuse a device; policy does.
//! Invariants: a log counts only when it came over TLS that the manufacturer's anchors vouch for; an answer that is final
//! ends the debt, and so do four days.

use std::sync::Arc;
use std::time::Duration;

use pki::digest;
use proto::{Class, DeviceId, Fingerprint, Reason, ReasonCode, UnixTime};
use proto_brski::{LogAnswer, MasaAuditLog, MasaUrl};
use server_config::AuditLog as Rule;
use server_outbound::{Answer, Destination};
use server_policy::{
    AuditLogFacts, DEFERRAL_SECONDS_MAX, Facts, Known, PastDomain, PastEntry, Refusal as Policy,
};
use server_store::{
    AskAuditLog, AuditLog, AuditLogStatus, CompleteAuditLog, Device, FailAuditLog, LogAsked, Noted,
    PastVoucher, PastVouchers, Stamp, Text,
};

use super::request_voucher::Outstanding;
use super::{Error, Refusal, owner};
use crate::context::{Context, Manufacturer, OwnerContext};

/// Tells whether the MASA of a manufacturer is asked for its logs.
pub(super) fn is_wanted(manufacturer: &Manufacturer) -> bool {
    manufacturer.audit_log != Rule::Ignore
}

/// Begins to ask when the record `noted` made the debt.
pub(super) async fn ask_if_owed(
    context: &Arc<Context>,
    device: DeviceId,
    noted: Noted,
) -> Result<(), Refusal> {
    let owner = owner(context)?;
    let log = owner.store.look_up(move |store| store.load_audit_log(device)).await?;
    if let Some(log) = log.filter(|log| log.owed == noted.seq) {
        begin(context, device, log.pvr_digest);
    }
    Ok(())
}

/// Loads how we stand with the log of a device's newest voucher, and begins to ask where nobody has.
pub(super) async fn current(
    context: &Arc<Context>,
    owner: &OwnerContext,
    device: &Device,
) -> Result<Option<AuditLog>, Refusal> {
    let id = device.id;
    let log = owner.store.look_up(move |store| store.load_audit_log(id)).await?;
    let log = log.filter(|log| Some(log.pvr_digest) == device.voucher_request);
    if log.as_ref().is_some_and(|log| !matches!(log.status, AuditLogStatus::Failed { .. })) {
        return Ok(log);
    }
    // RFC8995-5.8-registrar-asks-for-log
    match owner.store.write(Stamp::system(context.clock.now()), AskAuditLog { device: id }).await? {
        LogAsked::New(pvr_digest) => {
            begin(context, id, pvr_digest);
            Ok(owner.store.look_up(move |store| store.load_audit_log(id)).await?)
        }
        LogAsked::Before(log) => Ok(log.map(|log| *log)),
    }
}

/// Asks in the background; what does not come of it stays owed.
fn begin(context: &Arc<Context>, device: DeviceId, pvr_digest: Fingerprint) {
    let asking = ask(Arc::clone(context), device, pvr_digest);
    tokio::spawn(async move {
        // It was told where it happened.
        let _ = asking.await;
    });
}

/// Asks the MASA for its log and records what comes of it.
///
/// # Errors
/// What is in the way; of class `Busy` the debt stays.
pub(super) async fn ask(
    context: Arc<Context>,
    device: DeviceId,
    pvr_digest: Fingerprint,
) -> Result<(), Refusal> {
    let owner = owner(&context)?;
    let found = owner.store.read(move |store| {
        Ok((store.load_device(device)?, store.load_audit_log(device)?, store.load_question(pvr_digest)?))
    });
    let (Some(device), Some(debt), Some(question)) = found.await? else {
        return Err(server_store::Error::AuditLogSettled.into());
    };
    let outstanding = Outstanding::read(&question)?;
    let manufacturer = owner.manufacturers.find(&outstanding.manufacturer).ok_or(Error::MasaUnknown)?;
    match fetch(owner, manufacturer, outstanding).await {
        Ok((log, digest)) => {
            let log = kept(&log, digest)?;
            complete(&context, (owner, manufacturer), (&device, pvr_digest), log).await
        }
        Err(refusal) if refusal.class() == Class::Busy && !is_over(&debt, context.clock.now()) => {
            tracing::warn!(manufacturer = %manufacturer.id, %refusal, "the MASA's log is still owed");
            context.metrics.event("audit_log_retry");
            Err(refusal)
        }
        Err(refusal) => fail(&context, owner, (&device, pvr_digest), refusal).await,
    }
}

/// A debt that is as old as a pledge's patience is given up.
fn is_over(debt: &AuditLog, now: UnixTime) -> bool {
    now >= debt.owed_since_at.plus(Duration::from_secs(DEFERRAL_SECONDS_MAX))
}

async fn fetch(
    owner: &OwnerContext,
    manufacturer: &Manufacturer,
    outstanding: Outstanding,
) -> Result<(MasaAuditLog, Fingerprint), Refusal> {
    let url = MasaUrl::parse(&outstanding.masa_url, manufacturer.ip_literals())?;
    let to = owner.destination(manufacturer, &url);
    // RFC8995-5.8-same-request
    let question = outstanding.into_question();
    let answer = owner.masa.request_audit_log(to, question).await?;
    match receive(&answer)? {
        LogAnswer::Log(log) => Ok((log, digest::sha256(&answer.body))),
        LogAnswer::Elsewhere(location) => {
            let place = place(manufacturer, &url, &location)?;
            let answer = owner.masa.fetch_audit_log(Destination { url: &place, ..to }).await?;
            match receive(&answer)? {
                LogAnswer::Log(log) => Ok((log, digest::sha256(&answer.body))),
                LogAnswer::Elsewhere(_) => Err(Error::AuditLogElsewhere.into()),
            }
        }
    }
}

fn receive(answer: &Answer) -> Result<LogAnswer, proto_brski::Error> {
    LogAnswer::receive(&answer.reply(), answer.location.as_deref())
}

/// Judges where a log is said to be: at the MASA that says so, or at another that the manufacturer's list has.
// RFC8995-5.8-location
fn place(manufacturer: &Manufacturer, masa: &MasaUrl, location: &str) -> Result<MasaUrl, Refusal> {
    let is_path = location.starts_with('/') && !location.starts_with("//");
    let absolute =
        if is_path { format!("https://{}{location}", masa.authority()) } else { location.to_owned() };
    let place = MasaUrl::parse(&absolute, manufacturer.ip_literals())?;
    if place.authority() == masa.authority() || manufacturer.allows(&place) {
        Ok(place)
    } else {
        Err(Error::AuditLogElsewhere.into())
    }
}

/// Takes from a log what decisions rest on.
fn kept(log: &MasaAuditLog, digest: Fingerprint) -> Result<PastVouchers, Refusal> {
    let entry = |event: &proto_brski::AuditEvent| {
        Ok(PastVoucher {
            at: event.at,
            domain: event.domain_id.clone(),
            is_nonced: event.nonce.is_some(),
            assertion: Text::new(event.assertion.name())?,
        })
    };
    let entries = log.events.iter().map(entry).collect::<Result<_, server_store::Error>>()?;
    Ok(PastVouchers { digest, entries, hidden: u32::try_from(log.truncation.arbitrary).unwrap_or(u32::MAX) })
}

async fn complete(
    context: &Context,
    (owner, manufacturer): (&OwnerContext, &Manufacturer),
    (device, pvr_digest): (&Device, Fingerprint),
    log: PastVouchers,
) -> Result<(), Refusal> {
    let now = context.clock.now();
    let facts = count(owner, device, &log, now);
    let code = facts.is_suspicious().then(|| Policy::AuditLogSuspicious.code());
    context.metrics.event("audit_log_received");
    if code.is_some() {
        context.metrics.event("audit_log_suspicious");
        let (serial, manufacturer) = (&device.serial, &manufacturer.id);
        tracing::error!(%serial, %manufacturer, ?facts, "the MASA's log puts a device's past in doubt");
    }
    let command = CompleteAuditLog { device: device.id, pvr_digest, log, code };
    owner.store.write(Stamp::system(now), command).await?;
    Ok(())
}

async fn fail(
    context: &Context,
    owner: &OwnerContext,
    (device, pvr_digest): (&Device, Fingerprint),
    refusal: Refusal,
) -> Result<(), Refusal> {
    tracing::warn!(serial = %device.serial, %refusal, "the MASA gave no log");
    context.metrics.event("audit_log_failed");
    let code: ReasonCode = refusal.code();
    let command = FailAuditLog { device: device.id, pvr_digest, code };
    owner.store.write(Stamp::system(context.clock.now()), command).await?;
    Err(refusal)
}

/// Holds a log against what the owner knows.
fn count(owner: &OwnerContext, device: &Device, log: &PastVouchers, known_at: UnixTime) -> AuditLogFacts {
    AuditLogFacts::count(entries(log), log.hidden, &known(owner, device), known_at)
}

/// Holds the last log of a device against what the owner knows, for a person: what there is against the device, and
/// its domains.
pub(super) fn judge(
    owner: &OwnerContext,
    device: &Device,
    log: &AuditLog,
) -> Option<(AuditLogFacts, Vec<PastDomain>)> {
    let (known_at, log) = log.last.as_ref()?;
    Some((count(owner, device, log, *known_at), known(owner, device).by_domain(entries(log))))
}

fn known<'a>(owner: &'a OwnerContext, device: &Device) -> Known<'a> {
    let (ours, expected) = (&owner.domain_ids, &owner.settings.known_domains);
    Known { ours, expected, device_since_at: device.created_at }
}

fn entries(log: &PastVouchers) -> impl Iterator<Item = PastEntry<'_>> {
    log.entries.iter().map(|entry| PastEntry {
        at: entry.at,
        domain: &entry.domain,
        is_nonced: entry.is_nonced,
    })
}

/// Tells policy how we stand with the log of a device.
pub(super) fn add_log(facts: &mut Facts, owner: &OwnerContext, device: &Device, log: Option<&AuditLog>) {
    let Some(log) = log else { return };
    facts.first_asked_at = log.owed_since_at;
    facts.is_audit_log_awaited = log.status == AuditLogStatus::Asking;
    facts.audit_log_failing_since_at = log.failing_since_at;
    if let (AuditLogStatus::Received, Some((known_at, log))) = (&log.status, &log.last) {
        facts.audit_log = Some(count(owner, device, log, *known_at));
    }
}
