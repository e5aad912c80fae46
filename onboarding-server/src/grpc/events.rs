//! `EventService`: the owner's history as it happens, from any point of it on.
//!
//! Source: `proto/api/onboarding/v1/event.proto`.
//! Invariants: a watcher sees every record after its cursor, once, in order, and only durable ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{DeviceId, ManufacturerId, Seq, SerialNumber};
use proto_api::v1::event_service_server::EventService;
use proto_api::v1::watch_response::Item;
use proto_api::{timestamp, v1};
use server_store::{Move, OwnerEvent, Recorded};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{actor, optional_id, state};
use crate::app::{Error, Refusal};
use crate::context::Context;

/// How many records are read at a time.
const PAGE: usize = 256;
/// How many events may wait for a watcher to read them.
const EVENTS_AHEAD: usize = 64;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Events {
    context: Arc<Context>,
    head: watch::Receiver<Seq>,
}

impl Events {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let (sender, head) = watch::channel(Seq::default());
        if let Some(owner) = &context.owner {
            sender.send_replace(owner.store.store().head().seq);
            owner.store.store().on_commit(move |head| {
                sender.send_replace(head.seq);
            });
        }
        Self { context, head }
    }
}

#[tonic::async_trait]
impl EventService for Events {
    type WatchStream = ReceiverStream<Result<v1::WatchResponse, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let wanted = request.into_inner();
        let device: Option<DeviceId> = optional_id(&wanted.device_id)?;
        let owner = self.context.owner.as_ref().ok_or(Error::RoleMissing).map_err(Refusal::from)?;
        let after = wanted.after_seq.map_or_else(|| owner.store.store().head().seq, Seq);
        let (sender, receiver) = mpsc::channel(EVENTS_AHEAD);
        let watcher = Watcher {
            context: Arc::clone(&self.context),
            head: self.head.clone(),
            device,
            manufacturer: wanted.manufacturer,
            kinds: wanted.kinds,
        };
        tokio::spawn(watcher.run(after, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// One who watches.
struct Watcher {
    context: Arc<Context>,
    head: watch::Receiver<Seq>,
    device: Option<DeviceId>,
    manufacturer: String,
    kinds: Vec<String>,
}

impl Watcher {
    async fn run(mut self, after: Seq, sender: mpsc::Sender<Result<v1::WatchResponse, Status>>) {
        let mut after = after;
        loop {
            match self.page(after).await {
                Ok(records) => {
                    for record in &records {
                        after = record.seq;
                        if self.shows(record) && sender.send(Ok(response(record))).await.is_err() {
                            return;
                        }
                    }
                    if !records.is_empty() {
                        continue;
                    }
                }
                Err(refusal) => {
                    // A watcher that is gone needs no reason.
                    let _ = sender.send(Err(refusal.into())).await;
                    return;
                }
            }
            tokio::select! {
                changed = self.head.wait_for(|head| *head > after) => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    }

    async fn page(&self, after: Seq) -> Result<Vec<Recorded<OwnerEvent>>, Refusal> {
        let owner = self.context.owner.as_ref().ok_or(Error::RoleMissing)?;
        Ok(owner.store.read(move |store| store.records(after.next(), PAGE)).await?)
    }

    fn shows(&self, record: &Recorded<OwnerEvent>) -> bool {
        let facts = Facts::of(&record.event);
        self.device.is_none_or(|device| facts.device == Some(device))
            && (self.manufacturer.is_empty()
                || facts.name.is_some_and(|(manufacturer, _)| manufacturer.as_str() == self.manufacturer))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == facts.kind))
    }
}

fn response(record: &Recorded<OwnerEvent>) -> v1::WatchResponse {
    v1::WatchResponse { item: Some(Item::Event(event(record, None))) }
}

/// Writes a record as an event; `named` says whose it is where the record itself does not.
pub(super) fn event(
    record: &Recorded<OwnerEvent>,
    named: Option<(&ManufacturerId, &SerialNumber)>,
) -> v1::Event {
    let facts = Facts::of(&record.event);
    let (manufacturer, serial_number) = facts
        .name
        .or(named)
        .map_or_else(Default::default, |(manufacturer, serial)| (manufacturer.to_string(), serial.to_string()));
    v1::Event {
        seq: record.seq.0,
        at: Some(timestamp(record.at)),
        kind: facts.kind.to_owned(),
        device_id: facts.device.map(|device| device.to_string()).unwrap_or_default(),
        manufacturer,
        serial_number,
        state: facts.moved.map_or(v1::DeviceState::Unspecified, |moved| state(moved.to)).into(),
        generation: facts.moved.map_or(0, |moved| moved.generation.0),
        actor: Some(actor(&record.actor)),
        reason_code: facts.code,
        note: facts.note,
        summary: facts.summary,
        details: BTreeMap::new(),
        ..v1::Event::default()
    }
}

/// What a timeline shows of a record.
pub(super) struct Facts<'a> {
    pub(super) kind: &'static str,
    pub(super) device: Option<DeviceId>,
    name: Option<(&'a ManufacturerId, &'a SerialNumber)>,
    moved: Option<Move>,
    code: String,
    note: String,
    summary: String,
}

impl<'a> Facts<'a> {
    fn new(kind: &'static str, device: DeviceId, summary: impl Into<String>) -> Self {
        Self {
            kind,
            device: Some(device),
            name: None,
            moved: None,
            code: String::new(),
            note: String::new(),
            summary: summary.into(),
        }
    }

    fn moved(self, moved: Option<Move>) -> Self {
        Self { moved, ..self }
    }

    fn named(self, manufacturer: &'a ManufacturerId, serial: &'a SerialNumber) -> Self {
        Self { name: Some((manufacturer, serial)), ..self }
    }

    fn coded(self, code: impl ToString) -> Self {
        Self { code: code.to_string(), ..self }
    }

    fn noted(self, note: impl ToString) -> Self {
        Self { note: note.to_string(), ..self }
    }

    pub(super) fn of(event: &'a OwnerEvent) -> Self {
        match event {
            OwnerEvent::DeviceDeclared { device, manufacturer, serial, .. } => {
                Self::new("device_declared", *device, "announced by the owner").named(manufacturer, serial)
            }
            OwnerEvent::VoucherRequested { device, intake, moved, .. } => {
                Self::new("voucher_requested", *device, "voucher requested; the MASA is asked")
                    .named(&intake.manufacturer, &intake.serial)
                    .moved(*moved)
            }
            OwnerEvent::VoucherDeferred { device, intake, code, moved, .. } => {
                Self::new("voucher_deferred", *device, "voucher requested; a person has to decide")
                    .named(&intake.manufacturer, &intake.serial)
                    .coded(code)
                    .moved(*moved)
            }
            OwnerEvent::VoucherRefused { device, intake, code, moved, .. } => {
                Self::new("voucher_refused", *device, "voucher refused")
                    .named(&intake.manufacturer, &intake.serial)
                    .coded(code)
                    .moved(*moved)
            }
            OwnerEvent::VoucherCompleted { device, assertion, moved, .. } => {
                let summary = format!("voucher issued, assertion {assertion}");
                Self::new("voucher_issued", *device, summary).moved(*moved)
            }
            OwnerEvent::VoucherFailed { device, code, .. } => {
                Self::new("voucher_failed", *device, "the MASA gave no voucher").coded(code)
            }
            OwnerEvent::DeviceApproved { device, note } => {
                Self::new("device_approved", *device, "approved").noted(note)
            }
            OwnerEvent::StateChanged { device, event, moved, code, note } => {
                let code = code.as_ref().map(ToString::to_string).unwrap_or_default();
                Self::new("state_changed", *device, event.to_string()).coded(code).noted(note).moved(Some(*moved))
            }
            other => Self::of_certificate(other),
        }
    }

    fn of_certificate(event: &'a OwnerEvent) -> Self {
        match event {
            OwnerEvent::CertificateBegun { device, draft, .. } => {
                let summary = format!("certificate {} to be signed", draft.key.serial);
                Self::new("certificate_begun", *device, summary)
            }
            OwnerEvent::CertificateCompleted { device, key, moved, .. } => {
                let summary = format!("certificate {} issued", key.serial);
                Self::new("certificate_issued", *device, summary).moved(*moved)
            }
            OwnerEvent::CertificateAbandoned { device, key, code } => {
                let summary = format!("certificate {} given up", key.serial);
                Self::new("certificate_abandoned", *device, summary).coded(code)
            }
            OwnerEvent::TelemetryRecorded { device, is_success, reason, .. } => {
                let summary = if *is_success { "reported success" } else { "reported failure" };
                Self::new("telemetry_recorded", *device, summary).noted(reason)
            }
            OwnerEvent::EnrollmentConfirmed { device, moved, .. } => {
                Self::new("enrollment_confirmed", *device, "uses its new certificate").moved(*moved)
            }
            OwnerEvent::CrlRecorded { number, .. } => Self {
                device: None,
                ..Self::new("crl_recorded", DeviceId::from_array([0; 16]), format!("revocation list {number}"))
            },
            // A record of a later version, or one of those that `of` reads.
            _ => Self { device: None, ..Self::new("other", DeviceId::from_array([0; 16]), "") },
        }
    }
}
