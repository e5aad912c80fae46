//! `JournalService`: the owner's journal, record by record, and whether it holds.
//!
//! Source: `proto/api/onboarding/v1/journal.proto`.
//! Does not: read what is not durable.
//! Invariants: a record is shown as it lies on disk; one verification runs at a time.

mod payload;

use std::path::Path;
use std::sync::Arc;

use proto::{Fingerprint, Seq};
use proto_api::v1::journal_service_server::JournalService;
use proto_api::v1::list_records_request::Of;
use proto_api::v1::verify_journal_response::Item;
use proto_api::{timestamp, v1};
use server_journal::Head;
use server_store::{Error as StoreError, OwnerEvent, OwnerStore, Recorded};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{actor, id, refusal};
use super::events::Facts;
use crate::app::{Error, Refusal};
use crate::context::{Context, OwnerContext};

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

    fn owner(&self) -> Result<&OwnerContext, Refusal> {
        Ok(self.context.owner.as_ref().ok_or(Error::RoleMissing)?)
    }

    async fn list(&self, wanted: Wanted) -> Result<(Vec<v1::JournalRecord>, Option<Seq>), Refusal> {
        let store = &self.owner()?.store;
        let (limit, from) = (wanted.limit, wanted.from);
        let found = match wanted.of {
            Of::Range(range) => {
                let first = from.unwrap_or(Seq(range.first)).max(Seq(1));
                let last = if range.last == 0 { Seq(u64::MAX) } else { Seq(range.last) };
                store.read(move |store| range_of(store, (first, last), limit)).await?
            }
            Of::DeviceId(text) => {
                let device = id(&text)?;
                store
                    .read(move |store| {
                        let found = store.timeline(device, from.unwrap_or(Seq(0)), limit)?;
                        found.into_iter().map(|record| read(store, record.seq)).collect()
                    })
                    .await?
            }
        };
        let next = found.last().filter(|_| found.len() == limit).map(|last| Seq(last.seq).next());
        Ok((found, next))
    }
}

#[tonic::async_trait]
impl JournalService for Journal {
    type VerifyJournalStream = ReceiverStream<Result<v1::VerifyJournalResponse, Status>>;

    async fn get_head(
        &self,
        _: Request<v1::GetHeadRequest>,
    ) -> Result<Response<v1::GetHeadResponse>, Status> {
        let head = self.owner()?.store.store().head();
        let last = self.owner()?.store.read(move |store| store.records(head.seq, 1));
        let last = last.await.map_err(Refusal::from)?;
        Ok(Response::new(v1::GetHeadResponse {
            seq: head.seq.0,
            hash: head.hash.as_bytes().to_vec(),
            at: last.first().filter(|record| record.seq == head.seq).map(|record| timestamp(record.at)),
        }))
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<v1::ListRecordsResponse>, Status> {
        let (records, next) = self.list(wanted(request.into_inner())?).await?;
        let next_page_token = next.map(|seq| seq.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListRecordsResponse { records, next_page_token }))
    }

    async fn verify_journal(
        &self,
        _: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let head = self.owner()?.store.store().head();
        let permit = Arc::clone(&self.verifying).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::from(StoreError::Busy))?;
        let directory = self.context.config.owner_dir().join("journal");
        let (sender, receiver) = mpsc::channel(WORDS_AHEAD);
        tokio::task::spawn_blocking(move || {
            verify(&directory, head, &sender);
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Reads which records are asked for; without a word, all.
fn wanted(request: v1::ListRecordsRequest) -> Result<Wanted, Refusal> {
    let page = request.page.unwrap_or_default();
    let limit = usize::try_from(page.size_bounded()).unwrap_or(usize::MAX);
    let from = match page.token.as_str() {
        "" => None,
        token => Some(Seq(token.parse().map_err(|_| StoreError::CursorInvalid)?)),
    };
    Ok(Wanted { of: request.of.unwrap_or(Of::Range(v1::SeqRange::default())), from, limit })
}

fn range_of(
    store: &OwnerStore,
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
        found.push(record(raw, &recorded, before));
    }
    Ok(found)
}

fn read(store: &OwnerStore, seq: Seq) -> Result<v1::JournalRecord, StoreError> {
    Ok(record(store.journal().read(seq)?, &store.record(seq)?, hash_before(store, seq)?))
}

fn hash_before(store: &OwnerStore, seq: Seq) -> Result<Fingerprint, StoreError> {
    match seq.0.checked_sub(1) {
        None | Some(0) => Ok(Head::EMPTY.hash),
        Some(before) => Ok(store.journal().read(Seq(before))?.hash),
    }
}

fn record(
    raw: server_journal::JournalRecord,
    recorded: &Recorded<OwnerEvent>,
    previous: Fingerprint,
) -> v1::JournalRecord {
    let facts = Facts::of(&recorded.event);
    v1::JournalRecord {
        seq: raw.seq.0,
        at: Some(timestamp(raw.at)),
        hash: raw.hash.as_bytes().to_vec(),
        previous: previous.as_bytes().to_vec(),
        kind: facts.kind.to_owned(),
        device_id: facts.device.map(|device| device.to_string()).unwrap_or_default(),
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
