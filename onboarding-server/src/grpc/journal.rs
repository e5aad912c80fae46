//! `JournalService`: the owner's journal, record by record, and whether it holds.
//!
//! Source: `proto/api/onboarding/v1/journal.proto`.

use std::path::PathBuf;
use std::sync::Arc;

use proto::Seq;
use proto_api::v1::journal_service_server::JournalService;
use proto_api::v1::list_records_request::Of;
use proto_api::v1::verify_journal_response::Item;
use proto_api::{timestamp, v1};
use server_store::{OwnerEvent, Recorded};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{actor, id, refusal};
use super::events::Facts;
use crate::app::{Error, Refusal};
use crate::context::{Context, OwnerContext};

/// After how many records progress is told.
const PROGRESS_RECORDS: u64 = 10_000;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    context: Arc<Context>,
}

impl Journal {
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn owner(&self) -> Result<&OwnerContext, Refusal> {
        Ok(self.context.owner.as_ref().ok_or(Error::RoleMissing)?)
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
        let last =
            self.owner()?.store.read(move |store| store.records(head.seq, 1)).await.map_err(Refusal::from)?;
        Ok(Response::new(v1::GetHeadResponse {
            seq: head.seq.0,
            hash: head.hash.as_bytes().to_vec(),
            at: last.first().map(|record| timestamp(record.at)),
        }))
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<v1::ListRecordsResponse>, Status> {
        let wanted = request.into_inner();
        let page = wanted.page.unwrap_or_default();
        let limit = usize::try_from(page.size_bounded()).unwrap_or(usize::MAX);
        let from: Option<u64> = if page.token.is_empty() {
            None
        } else {
            Some(page.token.parse().map_err(|_| Refusal::from(server_store::Error::CursorInvalid))?)
        };
        let (records, last) = match wanted.of.ok_or(Error::PartMissing("of")).map_err(Refusal::from)? {
            Of::Range(range) => {
                let first = Seq(from.unwrap_or(range.first).max(1));
                let read = self.owner()?.store.read(move |store| store.records(first, limit)).await;
                (read.map_err(Refusal::from)?, range.last)
            }
            Of::DeviceId(text) => {
                let device = id(&text)?;
                let first = Seq(from.unwrap_or(0));
                let read = self.owner()?.store.read(move |store| store.timeline(device, first, limit)).await;
                (read.map_err(Refusal::from)?, 0)
            }
        };
        let is_full = records.len() == limit;
        let shown: Vec<_> = records.iter().filter(|record| last == 0 || record.seq.0 <= last).collect();
        let next =
            shown.last().filter(|_| is_full && shown.len() == limit).map(|last| last.seq.next().to_string());
        Ok(Response::new(v1::ListRecordsResponse {
            records: shown.into_iter().map(record).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn verify_journal(
        &self,
        _: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let last = self.owner()?.store.store().head().seq;
        let directory = self.context.config.owner_dir().join("journal");
        let (sender, receiver) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || verify(directory, last, &sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn verify(directory: PathBuf, last: Seq, sender: &mpsc::Sender<Result<v1::VerifyJournalResponse, Status>>) {
    let say = |item| sender.blocking_send(Ok(v1::VerifyJournalResponse { item: Some(item) }));
    let mut bytes = 0;
    let result = server_journal::verify_each(&directory, |record| {
        bytes += u64::try_from(record.payload.len()).unwrap_or(u64::MAX);
        if record.seq.0.is_multiple_of(PROGRESS_RECORDS) {
            // Nobody reads any more: the rest is verified in vain, and soon over.
            let _ = say(Item::Progress(v1::VerifyProgress { verified_seq: record.seq.0, last_seq: last.0 }));
        }
    });
    drop(directory);
    let report = match result {
        Ok(report) => v1::VerifyReport {
            records: report.records,
            bytes,
            last_seq: report.head.seq.0,
            last_hash: report.head.hash.as_bytes().to_vec(),
            fault: report.damage.as_ref().map(|_| refusal(&Error::JournalDamaged.into())),
        },
        Err(error) => v1::VerifyReport { fault: Some(refusal(&error.into())), ..v1::VerifyReport::default() },
    };
    let _ = say(Item::Report(report));
}

fn record(record: &Recorded<OwnerEvent>) -> v1::JournalRecord {
    let facts = Facts::of(&record.event);
    v1::JournalRecord {
        seq: record.seq.0,
        at: Some(timestamp(record.at)),
        hash: record.hash.as_bytes().to_vec(),
        kind: facts.kind.to_owned(),
        device_id: facts.device.map(|device| device.to_string()).unwrap_or_default(),
        actor: Some(actor(&record.actor)),
        payload_json: serde_json::to_string(&record.event).unwrap_or_default(),
        ..v1::JournalRecord::default()
    }
}
