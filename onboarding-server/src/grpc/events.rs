//! `EventService`: the owner's history as it happens, from any point of it on.
//!
//! Source: `proto/api/onboarding/v1/event.proto`.
//! 1. Pages of records after the cursor are read and sent, until there are no more.
//! 2. The watcher is told up to where it has seen all.
//! 3. It is waited for the next durable record, for silence to grow long, or for the end of watcher or server.
//!
//! Invariants: a watcher sees every record after its cursor, once, in order, and only durable ones; a slow watcher
//! holds up nobody but itself.

mod facts;

use std::sync::Arc;
use std::time::Duration;

use proto::{DeviceId, ManufacturerId, Seq, SerialNumber};
use proto_api::v1::event_service_server::EventService;
use proto_api::v1::watch_response::Item;
use proto_api::{timestamp, v1};
use server_listen::Stop;
use server_store::{Error as StoreError, OwnerEvent, OwnerStore, Recorded};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{actor, optional_id, state};
use crate::app::{Refusal, owner};
use crate::context::Context;

pub(super) use facts::Facts;

/// How many records are read at a time.
const PAGE: usize = 256;
/// How many events may wait for a watcher to read them.
const EVENTS_AHEAD: usize = 64;
/// After how much silence a watcher is told again where it stands.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Whose a record is: manufacturer and serial number.
type Name = (ManufacturerId, SerialNumber);

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
        let stop = request.extensions().get::<Stop>().cloned();
        let wanted = request.into_inner();
        let owner = owner(&self.context)?;
        let after = wanted.after_seq.map_or_else(|| owner.store.store().head().seq, Seq);
        let (sender, receiver) = mpsc::channel(EVENTS_AHEAD);
        let watcher = Watcher {
            context: Arc::clone(&self.context),
            head: self.head.clone(),
            device: optional_id(&wanted.device_id)?,
            manufacturer: optional_id(&wanted.manufacturer)?,
            kinds: wanted.kinds,
            sender,
        };
        tokio::spawn(watcher.run(after, stop));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// One who watches.
struct Watcher {
    context: Arc<Context>,
    head: watch::Receiver<Seq>,
    device: Option<DeviceId>,
    manufacturer: Option<ManufacturerId>,
    kinds: Vec<String>,
    sender: mpsc::Sender<Result<v1::WatchResponse, Status>>,
}

/// Why a watch ends.
enum End {
    /// The watcher is gone.
    Gone,
    /// The records cannot be read.
    Failed(Refusal),
}

impl Watcher {
    async fn run(mut self, after: Seq, stop: Option<Stop>) {
        let sender = self.sender.clone();
        let ended = tokio::select! {
            end = self.follow(after) => end,
            () = stopped(stop) => Ok(()),
        };
        if let Err(End::Failed(refusal)) = ended {
            // A watcher that is gone needs no reason.
            let _ = sender.send(Err(refusal.into())).await;
        }
    }

    async fn follow(&mut self, mut after: Seq) -> Result<(), End> {
        loop {
            let records = self.page(after).await.map_err(End::Failed)?;
            let is_caught_up = records.is_empty();
            for (record, name) in &records {
                after = record.seq;
                if self.shows(record, name.as_ref()) {
                    self.send(Item::Event(event(record, name.as_ref()))).await?;
                }
            }
            if is_caught_up {
                self.send(Item::ReachedSeq(after.0)).await?;
                self.wait_beyond(after).await?;
            }
        }
    }

    /// Waits for a record after `after`, at most as long as silence may last.
    async fn wait_beyond(&mut self, after: Seq) -> Result<(), End> {
        tokio::select! {
            changed = self.head.wait_for(|head| *head > after) => changed.map(|_| ()).map_err(|_| End::Gone),
            () = self.sender.closed() => Err(End::Gone),
            () = sleep(SILENCE_MAX) => Ok(()),
        }
    }

    async fn send(&self, item: Item) -> Result<(), End> {
        self.sender.send(Ok(v1::WatchResponse { item: Some(item) })).await.map_err(|_| End::Gone)
    }

    async fn page(&self, after: Seq) -> Result<Vec<(Recorded<OwnerEvent>, Option<Name>)>, Refusal> {
        let owner = owner(&self.context)?;
        let page = owner.store.read(move |store| {
            let records = store.records(after.next(), PAGE)?;
            records.into_iter().map(|record| Ok((name_of(store, &record.event)?, record))).collect()
        });
        let page: Vec<(Option<Name>, Recorded<OwnerEvent>)> = page.await?;
        Ok(page.into_iter().map(|(name, record)| (record, name)).collect())
    }

    fn shows(&self, record: &Recorded<OwnerEvent>, name: Option<&Name>) -> bool {
        let facts = Facts::of(&record.event);
        self.device.is_none_or(|device| facts.device == Some(device))
            && self.manufacturer.as_ref().is_none_or(|wanted| name.is_some_and(|(found, _)| found == wanted))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == facts.kind))
    }
}

async fn stopped(stop: Option<Stop>) {
    match stop {
        Some(mut stop) => stop.signalled().await,
        None => std::future::pending().await,
    }
}

/// Finds whose a record is: the record says so, or the device's row does.
fn name_of(store: &OwnerStore, event: &OwnerEvent) -> Result<Option<Name>, StoreError> {
    let facts = Facts::of(event);
    if let Some((manufacturer, serial)) = facts.name {
        return Ok(Some((manufacturer.clone(), serial.clone())));
    }
    let Some(device) = facts.device else { return Ok(None) };
    Ok(store.load_device(device)?.map(|device| (device.manufacturer, device.serial)))
}

/// Writes one device's records as a part of its timeline; what the first of them changed from stays unsaid.
pub(super) fn timeline(records: &[Recorded<OwnerEvent>], name: &Name) -> Vec<v1::Event> {
    let mut before = v1::DeviceState::Unspecified;
    let mut events = Vec::with_capacity(records.len());
    for record in records {
        let mut event = event(record, Some(name));
        if event.state() != v1::DeviceState::Unspecified {
            event.previous_state = before.into();
            before = event.state();
        }
        events.push(event);
    }
    events
}

/// Writes a record as an event of the device with that name.
fn event(record: &Recorded<OwnerEvent>, name: Option<&Name>) -> v1::Event {
    let facts = Facts::of(&record.event);
    let (manufacturer, serial_number) = name.map_or_else(Default::default, |(manufacturer, serial)| {
        (manufacturer.to_string(), serial.to_string())
    });
    v1::Event {
        seq: record.seq.0,
        at: Some(timestamp(record.at)),
        kind: facts.kind.to_owned(),
        device_id: facts.device.map(|device| device.to_string()).unwrap_or_default(),
        manufacturer,
        serial_number,
        previous_state: v1::DeviceState::Unspecified.into(),
        state: facts.moved.map_or(v1::DeviceState::Unspecified, |moved| state(moved.to)).into(),
        generation: facts.moved.map_or(0, |moved| moved.generation.0),
        actor: Some(actor(&record.actor)),
        summary: facts.summary(),
        reason_code: facts.code,
        note: facts.note,
        details: facts.details,
    }
}
