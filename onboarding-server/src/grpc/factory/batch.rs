//! The batch stream: many units at once, so that they share the disk's syncs and both cores.
//!
//! Source: `FactoryService.IssueIdevIds` in `proto/api/onboarding/v1/factory.proto`.
//! 1. Each request of the stream names an order, which is loaded once, and its items.
//! 2. Each item becomes a task of its own, as soon as fewer than [`ITEMS_AHEAD`] are under way.
//! 3. Results are collected in the order of the items and sent in the order of the requests.
//!
//! Does not: issue anything itself.
//! Invariants: one refused item does not touch the others; a stream has a bounded number of items in memory.

use std::pin::Pin;
use std::sync::Arc;

use proto::OrderId;
use proto_api::v1::issue_result::Outcome;
use proto_api::{BATCH_ITEMS_MAX, v1};
use server_store::Order;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Status, Streaming};

use crate::app::maker::{self, Author, UnitRequest};
use crate::app::{Error, Refusal};
use crate::context::Context;
use crate::grpc::wire::unread;
use crate::grpc::{convert, refused};

/// How many items of one stream are under way at once: as many as one group of the journal takes.
const ITEMS_AHEAD: usize = 256;
/// The method, as metrics name it.
const ENDPOINT: &str = "/onboarding.v1.FactoryService/IssueIdevIds";
/// How many answered requests wait for a reader that is slow.
const ANSWERS_WAITING_MAX: usize = 4;

/// The answers of one stream.
pub(super) type Batches = Pin<Box<dyn Stream<Item = Result<v1::IssueIdevIdsResponse, Status>> + Send>>;

/// The items of one request, each under way.
type UnderWay = Vec<JoinHandle<v1::IssueResult>>;

/// Answers a stream of batches.
pub(super) fn issue_batches(
    context: Arc<Context>,
    author: Author,
    issuers: Vec<Vec<u8>>,
    requests: Streaming<v1::IssueIdevIdsRequest>,
) -> Batches {
    let (begun, under_way) = mpsc::channel(ANSWERS_WAITING_MAX);
    let line =
        Line { context, author: Arc::new(author), ahead: Arc::new(Semaphore::new(ITEMS_AHEAD)), order: None };
    tokio::spawn(line.begin_all(requests, begun));
    Box::pin(ReceiverStream::new(under_way).then(move |begun| collect(begun, issuers.clone())))
}

async fn collect(
    begun: Result<UnderWay, Status>,
    issuers: Vec<Vec<u8>>,
) -> Result<v1::IssueIdevIdsResponse, Status> {
    let begun = begun?;
    let mut results = Vec::with_capacity(begun.len());
    for item in begun {
        // A task ends without its result only by a panic, which the hook has logged.
        results.push(item.await.map_err(|_| Status::from(Refusal::from(Error::RecordUnreadable)))?);
    }
    Ok(v1::IssueIdevIdsResponse { results, issuers })
}

/// One stream's way through the factory.
struct Line {
    context: Arc<Context>,
    author: Arc<Author>,
    ahead: Arc<Semaphore>,
    order: Option<Arc<Order>>,
}

impl Line {
    /// Begins request after request until the stream ends, fails, or nobody reads the answers.
    async fn begin_all(
        mut self,
        mut requests: Streaming<v1::IssueIdevIdsRequest>,
        begun: mpsc::Sender<Result<UnderWay, Status>>,
    ) {
        while let Some(request) = requests.next().await {
            let under_way = match request {
                Ok(request) => self.begin(request).await.map_err(Status::from),
                Err(status) => Err(unread(&status).unwrap_or(status)),
            };
            let is_failed = under_way.is_err();
            if begun.send(under_way).await.is_err() || is_failed {
                return;
            }
        }
    }

    async fn begin(&mut self, request: v1::IssueIdevIdsRequest) -> Result<UnderWay, Refusal> {
        if request.items.len() > BATCH_ITEMS_MAX {
            return Err(Error::BatchTooLarge.into());
        }
        let order = self.load_order(convert::id(&request.order_id)?).await?;
        let mut under_way = Vec::with_capacity(request.items.len());
        for item in request.items {
            // The semaphore is never closed.
            let permit = Arc::clone(&self.ahead).acquire_owned().await.ok();
            let (context, author, order) =
                (Arc::clone(&self.context), Arc::clone(&self.author), Arc::clone(&order));
            under_way.push(tokio::spawn(issue(context, author, order, (item, permit))));
        }
        Ok(under_way)
    }

    /// Loads an order unless the request before named it too: its terms never change.
    async fn load_order(&mut self, id: OrderId) -> Result<Arc<Order>, Refusal> {
        if let Some(order) = self.order.as_ref().filter(|order| order.id == id) {
            return Ok(Arc::clone(order));
        }
        let order = Arc::new(maker::load_order(&self.context, &self.author, id).await?);
        Ok(Arc::clone(self.order.insert(order)))
    }
}

async fn issue(
    context: Arc<Context>,
    author: Arc<Author>,
    order: Arc<Order>,
    (item, _permit): (v1::IssueItem, Option<OwnedSemaphorePermit>),
) -> v1::IssueResult {
    let issued = match convert::id(&item.serial_number) {
        Ok(serial) => {
            let unit = UnitRequest { serial, csr: &item.csr };
            maker::issue_idevid(&context, &author, &order, unit).await
        }
        Err(error) => Err(error),
    };
    let outcome = match issued {
        Ok(issued) => Outcome::Issued(v1::IssuedIdevId {
            certificate: issued.certificate,
            already_issued: issued.is_repeat,
        }),
        Err(refusal) => Outcome::Refusal(refused::item(&context.metrics, ENDPOINT, &refusal)),
    };
    v1::IssueResult { item: item.item, outcome: Some(outcome) }
}
