//! `JournalService`: the journal of either role, record by record, and whether it holds.
//!
//! Source: `proto/api/onboarding/v1/journal.proto`.
//! Does not: read what is not durable.
//! Invariants: a record is shown as it lies on disk; one verification runs at a time.

mod payload;

use std::path::Path;
use std::sync::Arc;

use proto::{DeviceId, Fingerprint, Seq, UnixTime};
use proto_api::v1::journal_service_server::JournalService;
use proto_api::v1::list_records_request::Of;
use proto_api::v1::verify_journal_response::Item;
use proto_api::{timestamp, v1};
use server_journal::Head;
use server_store::{Error as StoreError, Maker, MakerEvent, Model, Owner, OwnerEvent, Recorded, Store};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{actor, id, known, records_page, refusal};
use super::events::Facts;
use crate::app::{Error, Refusal};
use crate::context::{Context, Ledger};

/// After how many records progress is told.
const PROGRESS_RECORDS: u64 = 10_000;
/// How many words of a verification may wait for the caller to read them.
const WORDS_AHEAD: usize = 4;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    context: Arc<Context>,
    /// Has one permit: a verification reads the whole disk.
    verifying: Arc<Semaphore>,
}

/// Which records, and which page of them.
struct Wanted {
    of: Of,
    /// Where the page before ended.
    from: Option<Seq>,
    limit: usize,
}

impl Journal {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, verifying: Arc::new(Semaphore::new(1)) }
    }

    /// Finds the role that a request means; where it does not say, the owner's, else the maker's.
    fn role(&self, wanted: i32) -> Result<Role<'_>, Refusal> {
        let owner = self.context.owner.as_ref().map(|owner| Role::Owner(&owner.store));
        let maker = self.context.maker.as_ref().map(|maker| Role::Maker(&maker.store));
        let found = match known(wanted)? {
            v1::JournalRole::Unspecified => owner.or(maker),
            v1::JournalRole::Owner => owner,
            v1::JournalRole::Maker => maker,
        };
        Ok(found.ok_or(Error::RoleMissing)?)
    }
}

/// The store of the role that is meant.
#[derive(Clone, Copy)]
enum Role<'a> {
    Owner(&'a Ledger<Owner>),
    Maker(&'a Ledger<Maker>),
}

impl Role<'_> {
    fn head(self) -> Head {
        match self {
            Self::Owner(store) => store.store().head(),
            Self::Maker(store) => store.store().head(),
        }
    }

    async fn list(self, wanted: Wanted) -> Result<(Vec<v1::JournalRecord>, Option<Seq>), Refusal> {
        match self {
            Self::Owner(store) => list(store, wanted).await,
            Self::Maker(store) => list(store, wanted).await,
        }
    }

    async fn written_at(self, seq: Seq) -> Result<Option<UnixTime>, Refusal> {
        let wanted =
            Wanted { of: Of::Range(v1::SeqRange { first: seq.0, last: seq.0 }), from: None, limit: 1 };
        let (found, _) = if seq == Seq(0) { Default::default() } else { self.list(wanted).await? };
        Ok(found.first().and_then(|record| proto_api::unix_time(record.at.as_ref()?)))
    }
}

/// Where the records about a device or unit are.
type Places = Result<Vec<Seq>, StoreError>;

/// What a journal's records are about; both stores have it, each in words of its own.
trait Shown: Model + Sized {
    /// Names the kind of a record.
    fn kind(event: &Self::Event) -> String;

    /// Returns the device or unit that a record is about.
    fn subject(event: &Self::Event) -> Option<DeviceId>;

    /// Lists the places of the records about a device or unit.
    fn places(store: &Store<Self>, subject: DeviceId, from: Seq, limit: usize) -> Places;
}

impl Shown for Owner {
    fn kind(event: &OwnerEvent) -> String {
        Facts::of(event).kind.to_owned()
    }

    fn subject(event: &OwnerEvent) -> Option<DeviceId> {
        event.device()
    }

    fn places(store: &Store<Self>, subject: DeviceId, from: Seq, limit: usize) -> Places {
        Ok(store.timeline(subject, from, limit)?.into_iter().map(|record| record.seq).collect())
    }
}

impl Shown for Maker {
    fn kind(event: &MakerEvent) -> String {
        event.name().replace('_', "-")
    }

    fn subject(event: &MakerEvent) -> Option<DeviceId> {
        event.unit()
    }

    fn places(store: &Store<Self>, subject: DeviceId, from: Seq, limit: usize) -> Places {
        Ok(store.unit_timeline(subject, from, limit)?.into_iter().map(|record| record.seq).collect())
    }
}

async fn list<M: Shown>(
    store: &Ledger<M>,
    wanted: Wanted,
) -> Result<(Vec<v1::JournalRecord>, Option<Seq>), Refusal> {
    let (limit, from) = (wanted.limit, wanted.from);
    let found = match wanted.of {
        Of::Range(range) => {
            let first = from.unwrap_or(Seq(range.first)).max(Seq(1));
            let last = if range.last == 0 { Seq(u64::MAX) } else { Seq(range.last) };
            store.read(move |store| range_of(store, (first, last), limit)).await?
        }
        Of::DeviceId(text) => {
            let subject = id(&text)?;
            store
                .read(move |store| {
                    let places = M::places(store, subject, from.unwrap_or(Seq(0)), limit)?;
                    places.into_iter().map(|seq| read(store, seq)).collect()
                })
                .await?
        }
    };
    let next = found.last().filter(|_| found.len() == limit).map(|last| Seq(last.seq).next());
    Ok((found, next))
}

#[tonic::async_trait]
impl JournalService for Journal {
    type VerifyJournalStream = ReceiverStream<Result<v1::VerifyJournalResponse, Status>>;

    async fn get_head(
        &self,
        request: Request<v1::GetHeadRequest>,
    ) -> Result<Response<v1::GetHeadResponse>, Status> {
        let role = self.role(request.get_ref().journal)?;
        let head = role.head();
        let at = role.written_at(head.seq).await?;
        let hash = head.hash.as_bytes().to_vec();
        Ok(Response::new(v1::GetHeadResponse { seq: head.seq.0, hash, at: at.map(timestamp) }))
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<v1::ListRecordsResponse>, Status> {
        let role = self.role(request.get_ref().journal)?;
        let (records, next) = role.list(wanted(request.into_inner())?).await?;
        let next_page_token = next.map(|seq| seq.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListRecordsResponse { records, next_page_token }))
    }

    async fn verify_journal(
        &self,
        request: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let role = self.role(request.get_ref().journal)?;
        let head = role.head();
        let permit = Arc::clone(&self.verifying).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::from(StoreError::Busy))?;
        let directory = match role {
            Role::Owner(_) => self.context.config.owner_dir(),
            Role::Maker(_) => self.context.config.maker_dir(),
        };
        let (sender, receiver) = mpsc::channel(WORDS_AHEAD);
        tokio::task::spawn_blocking(move || {
            verify(&directory.join("journal"), head, &sender);
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Reads which records are asked for; without a word, all.
fn wanted(request: v1::ListRecordsRequest) -> Result<Wanted, Refusal> {
    let (from, limit) = records_page(request.page)?;
    Ok(Wanted { of: request.of.unwrap_or(Of::Range(v1::SeqRange::default())), from, limit })
}

fn range_of<M: Shown>(
    store: &Store<M>,
    (first, last): (Seq, Seq),
    limit: usize,
) -> Result<Vec<v1::JournalRecord>, StoreError> {
    let count = usize::try_from(last.0.saturating_sub(first.0)).unwrap_or(usize::MAX).saturating_add(1);
    let count = if last < first { 0 } else { count.min(limit) };
    let mut previous = None;
    let mut found = Vec::new();
    let recorded = store.records(first, count)?;
    for (raw, recorded) in store.journal().records(first).zip(recorded) {
        let raw = raw?;
        let before = previous.map_or_else(|| hash_before(store, raw.seq), Ok)?;
        previous = Some(raw.hash);
        found.push(record::<M>(raw, &recorded, before));
    }
    Ok(found)
}

fn read<M: Shown>(store: &Store<M>, seq: Seq) -> Result<v1::JournalRecord, StoreError> {
    Ok(record::<M>(store.journal().read(seq)?, &store.record(seq)?, hash_before(store, seq)?))
}

fn hash_before<M: Model>(store: &Store<M>, seq: Seq) -> Result<Fingerprint, StoreError> {
    match seq.0.checked_sub(1) {
        None | Some(0) => Ok(Head::EMPTY.hash),
        Some(before) => Ok(store.journal().read(Seq(before))?.hash),
    }
}

fn record<M: Shown>(
    raw: server_journal::JournalRecord,
    recorded: &Recorded<M::Event>,
    previous: Fingerprint,
) -> v1::JournalRecord {
    v1::JournalRecord {
        seq: raw.seq.0,
        at: Some(timestamp(raw.at)),
        hash: raw.hash.as_bytes().to_vec(),
        previous: previous.as_bytes().to_vec(),
        kind: M::kind(&recorded.event),
        device_id: M::subject(&recorded.event).map(|device| device.to_string()).unwrap_or_default(),
        actor: Some(actor(&recorded.actor)),
        payload_json: payload::json(&raw.payload),
        payload: raw.payload,
    }
}

/// Verifies the journal and tells how far it is; it must reach at least `head`, which was durable before.
fn verify(directory: &Path, head: Head, sender: &mpsc::Sender<Result<v1::VerifyJournalResponse, Status>>) {
    let say = |item| sender.blocking_send(Ok(v1::VerifyJournalResponse { item: Some(item) }));
    let mut is_head_found = head == Head::EMPTY;
    let verified = server_journal::verify_each(directory, |record| {
        is_head_found |= record.seq == head.seq && record.hash == head.hash;
        if record.seq.0.is_multiple_of(PROGRESS_RECORDS) {
            let progress = v1::VerifyProgress { verified_seq: record.seq.0, last_seq: head.seq.0 };
            // Nobody reads any more: the rest is verified in vain, and soon over.
            let _ = say(Item::Progress(progress));
        }
    });
    let report = match verified {
        Ok(report) => v1::VerifyReport {
            records: report.records,
            bytes: report.bytes,
            last_seq: report.head.seq.0,
            last_hash: report.head.hash.as_bytes().to_vec(),
            // A tail is what is being written at this moment.
            fault: (report.damage.is_some() || !is_head_found)
                .then(|| refusal(&Error::JournalDamaged.into())),
        },
        Err(error) => v1::VerifyReport { fault: Some(refusal(&error.into())), ..v1::VerifyReport::default() },
    };
    let _ = say(Item::Report(report));
}
