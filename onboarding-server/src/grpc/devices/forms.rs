//! The messages of `DeviceService` as the verbs' types and back; nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Reason, Version};
use proto_api::v1::device_reference::By;
use proto_api::{BATCH_ITEMS_MAX, timestamp, v1};
use server_lifecycle::State;
use server_policy::{AuditLogFacts, DomainStanding, PastDomain, Refusal as Policy};
use server_store::{AuditLog, AuditLogStatus, Declaration, DeviceFilter, Text};

use crate::app::devices::{Change, DeviceRecord, DeviceReference, Expected, declare};
use crate::app::{Error, Refusal};
use crate::context::Context;
use crate::grpc::convert::{actor, assertion, id, known, note, optional_id, state, summary};
use crate::grpc::refused;

/// The method that announces devices, as metrics name it.
const ENDPOINT: &str = "/onboarding.v1.DeviceService/ImportDevices";

/// Reads which device is meant.
pub(super) fn reference(device: Option<v1::DeviceReference>) -> Result<DeviceReference, Refusal> {
    match device.and_then(|device| device.by) {
        Some(By::Id(text)) => Ok(DeviceReference::Id(id(&text)?)),
        Some(By::Name(name)) => {
            Ok(DeviceReference::Name(optional_id(&name.manufacturer)?, id(&name.serial_number)?))
        }
        None => Err(Error::PartMissing("device").into()),
    }
}

/// Reads a decision.
pub(super) fn change(change: Option<v1::DeviceChange>, operator: Text) -> Result<Change, Refusal> {
    let change = change.ok_or(Error::PartMissing("change"))?;
    Ok(Change {
        device: reference(change.device)?,
        expected: change.expected_version.map(Version),
        reason: note(change.reason)?,
        operator,
    })
}

/// Reads which devices are wanted, as far as the store selects; [`is_shown`] does the rest.
pub(super) fn filter(filter: &v1::DeviceFilter) -> Result<DeviceFilter, Refusal> {
    let states: Vec<v1::DeviceState> =
        filter.states.iter().copied().map(known).collect::<Result<_, Refusal>>()?;
    let mut states = states.into_iter();
    let only = match (states.next(), states.next()) {
        (Some(only), None) => State::ALL.into_iter().find(|known| state(*known) == only),
        // Only a device that asked can wait.
        (None, _) if filter.awaits_approval => Some(State::Requested),
        (Some(_) | None, _) => None,
    };
    let label = filter.labels.iter().next().map(|(key, value)| {
        let value = if value.is_empty() { None } else { Some(Text::new(value.as_str())?) };
        Ok::<_, server_store::Error>((Text::new(key.as_str())?, value))
    });
    Ok(DeviceFilter {
        state: only,
        manufacturer: optional_id(&filter.manufacturer)?,
        serial_prefix: filter.serial_number_prefix.clone(),
        label: label.transpose()?,
    })
}

/// Tells whether a device is wanted, for what the store does not select by.
pub(super) fn is_shown(filter: &v1::DeviceFilter, record: &DeviceRecord) -> bool {
    let device = &record.device;
    let has_label = |(key, value): (&String, &String)| {
        device.labels.value(key).is_some_and(|found| value.is_empty() || found == value)
    };
    let has_state = |wanted| wanted == v1::DeviceState::Unspecified || wanted == state(device.state);
    let has_product = || device.product.as_ref().is_some_and(|product| product.as_str() == filter.product);
    (filter.states.is_empty() || filter.states().any(has_state))
        && (filter.product.is_empty() || has_product())
        && (!filter.awaits_approval || record.awaits_approval)
        && filter.labels.iter().all(has_label)
}

/// Writes a device.
pub(super) fn device(record: &DeviceRecord) -> v1::Device {
    let device = &record.device;
    let labels: BTreeMap<String, String> =
        device.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    v1::Device {
        id: device.id.to_string(),
        manufacturer: device.manufacturer.to_string(),
        serial_number: device.serial.to_string(),
        product: device.product.as_ref().map(ToString::to_string).unwrap_or_default(),
        state: state(device.state).into(),
        generation: device.generation.0,
        version: device.version.0,
        labels,
        created_at: Some(timestamp(device.created_at)),
        changed_at: Some(timestamp(device.changed_at)),
        last_heard_at: record.last_heard_at.map(timestamp),
        reason_code: device.state_code.as_ref().map(ToString::to_string).unwrap_or_default(),
        note: record.decision.as_ref().map(|(_, note)| note.to_string()).unwrap_or_default(),
        awaits_approval: record.awaits_approval,
        idevid: record.idevid.as_ref().map(summary),
        ldevid: record.ldevid.as_ref().map(summary),
        assertion: record.assertion.as_ref().map_or(v1::Assertion::Unspecified, assertion).into(),
        changed_by: record.decision.as_ref().map(|(by, _)| actor(by)),
        masa_audit_log: record.audit_log.as_ref().map(|log| audit_log(log, record.past.as_ref())),
    }
}

fn audit_log(log: &AuditLog, past: Option<&(AuditLogFacts, Vec<PastDomain>)>) -> v1::MasaAuditLog {
    use v1::{MasaAuditLogJudgement as Judgement, MasaAuditLogStatus as Status};
    let (status, failure) = match &log.status {
        AuditLogStatus::Asking => (Status::Asking, None),
        AuditLogStatus::Received => (Status::Received, None),
        AuditLogStatus::Failed { code, .. } => (Status::Failed, Some(code.clone())),
    };
    let mut shown = v1::MasaAuditLog {
        status: status.into(),
        reason_code: failure.map(|code| code.to_string()).unwrap_or_default(),
        asked_at: Some(timestamp(log.owed_since_at)),
        failing_since_at: log.failing_since_at.map(timestamp),
        ..v1::MasaAuditLog::default()
    };
    let Some((facts, domains)) = past else { return shown };
    if facts.is_suspicious() {
        shown.judgement = Judgement::Suspicious.into();
        shown.reason_code = Policy::AuditLogSuspicious.code().to_string();
    } else {
        shown.judgement = Judgement::Clear.into();
    }
    v1::MasaAuditLog {
        known_at: Some(timestamp(facts.known_at)),
        entries: domains.iter().map(|domain| domain.entries).sum(),
        foreign_entries: facts.foreign_entries,
        nonceless_entries: facts.nonceless_entries,
        early_entries: facts.early_entries,
        hidden_entries: facts.hidden_entries,
        domains: domains.iter().map(past_domain).collect(),
        ..shown
    }
}

fn past_domain(domain: &PastDomain) -> v1::PastDomain {
    let standing = match domain.standing {
        DomainStanding::Ours => v1::PastDomainStanding::Ours,
        DomainStanding::Known => v1::PastDomainStanding::Known,
        DomainStanding::Foreign => v1::PastDomainStanding::Foreign,
    };
    v1::PastDomain {
        domain_id: domain.id.to_string(),
        standing: standing.into(),
        entries: domain.entries,
        last_at: Some(timestamp(domain.last_at)),
    }
}

/// Announces a batch of devices; all at once, so that they share the wait for the disk.
pub(super) async fn import(
    context: &Arc<Context>,
    operator: &Text,
    batch: v1::ImportDevicesRequest,
) -> Result<v1::ImportDevicesResponse, Refusal> {
    if batch.devices.len() > BATCH_ITEMS_MAX {
        return Err(Error::BatchTooLarge.into());
    }
    let under_way: Vec<_> = batch
        .devices
        .into_iter()
        .map(|row| tokio::spawn(import_one(Arc::clone(context), operator.clone(), row)))
        .collect();
    let mut results = Vec::with_capacity(under_way.len());
    for one in under_way {
        results.push(one.await.map_err(|_| Error::RecordUnreadable)?);
    }
    Ok(v1::ImportDevicesResponse { results })
}

async fn import_one(context: Arc<Context>, operator: Text, row: v1::ExpectedDevice) -> v1::ImportResult {
    let number = row.row;
    let declared = match expected(row) {
        Ok(expected) => declare(&context, operator, expected).await,
        Err(refusal) => Err(refusal),
    };
    match declared {
        Ok(declared) => {
            let outcome = match declared.change {
                Declaration::New | Declaration::Changed => v1::ImportOutcome::Created,
                Declaration::Unchanged => v1::ImportOutcome::Unchanged,
            };
            let device_id = declared.device.to_string();
            v1::ImportResult { row: number, outcome: outcome.into(), device_id, refusal: None }
        }
        Err(why) => v1::ImportResult {
            row: number,
            outcome: v1::ImportOutcome::Refused.into(),
            device_id: String::new(),
            refusal: Some(refused::item(&context.metrics, ENDPOINT, &why)),
        },
    }
}

fn expected(row: v1::ExpectedDevice) -> Result<Expected, Refusal> {
    Ok(Expected {
        manufacturer: id(&row.manufacturer)?,
        serial: id(&row.serial_number)?,
        product: optional_id(&row.product)?,
        labels: row.labels.into_iter().collect(),
    })
}
