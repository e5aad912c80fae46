//! A factory station: opens a production order and has the IDevIDs of a batch of units issued.
//! Source: `proto/api/onboarding/v1/factory.proto`.
//!
//! 1. Keys and requests are made ahead of the server and kept until each is answered.
//! 2. Requests go out in batches; answers come in the order of the requests.
//! 3. When the server was away, what is not answered goes out again, the very same bytes, before anything new.
//!
//! Invariants: a unit's key is made here and never leaves but into the fleet file; a unit has one key, however often the server
//! was away; a refused item ends the run, since a fleet with gaps would mislead whoever counts it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pki::path::Anchors;
use pki::{Certificate, KeyAlgorithm, Signer, Subject, csr};
use proto::SerialNumber;
use proto_api::BATCH_ITEMS_MAX;
use proto_api::v1;
use proto_api::v1::issue_result::Outcome;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;

use crate::Error;
use crate::acknowledged::{Acknowledgement, Acknowledgements};
use crate::api::{Api, refused};
use crate::transport::Refusal;
use crate::unit::Unit;

/// How many batches may be under way at once.
const BATCHES_AHEAD: usize = 2;
/// What is waited before a server that was away is called again.
const OUTAGE_PAUSE: Duration = Duration::from_millis(50);

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// The order's number.
    pub id: String,
    /// The manufacturer's name in the server's configuration.
    pub manufacturer: String,
    /// The product.
    pub product: String,
    /// The factory line; empty for the station's own.
    pub line: String,
    /// Serial numbers begin so.
    pub serial_prefix: String,
    /// The first number after the prefix; eight digits.
    pub first: u64,
    /// How many units.
    pub count: u64,
}

impl Order {
    /// Returns serial number `index` of the order: the prefix and eight digits.
    ///
    /// # Errors
    /// [`Error::UnitFile`] when the prefix makes it no serial number.
    pub fn serial_number(&self, index: u64) -> Result<SerialNumber, Error> {
        let number = self.first.saturating_add(index);
        format!("{}{number:08}", self.serial_prefix).parse().map_err(|_| Error::UnitFile)
    }
}

/// Opens the order; the same order again is no matter. Roles: station, admin.
///
/// # Errors
/// [`Error::ApiRefused`] (`Refused`).
pub async fn open_order(api: &Api, order: &Order) -> Result<(), Error> {
    let request = v1::OpenOrderRequest {
        order_id: order.id.clone(),
        manufacturer: order.manufacturer.clone(),
        product: order.product.clone(),
        line: order.line.clone(),
        quota: order.count,
        serial_range: None,
    };
    api.factory().open_order(request).await.map(|_| ()).map_err(refused)
}

/// Makes all units of the order and hands each to `finished`, in order; gives up when the server is away. Roles: station,
/// admin.
///
/// # Errors
/// [`Error::ApiRefused`], [`Error::FactoryRefused`] (`Refused`); [`Error::ApiAnswer`] (`Malformed`); what `finished` returns.
pub async fn make(
    api: &Api,
    order: &Order,
    anchors: &Anchors,
    finished: impl FnMut(Unit) -> Result<(), Error>,
) -> Result<(), Error> {
    let acknowledgements = &Acknowledgements::none();
    Station { api, anchors, outage_seconds_max: 0, acknowledgements }.make(order, finished).await
}

/// A station that goes on where it stopped when the server was away.
#[derive(Clone, Copy, Debug)]
pub struct Station<'a> {
    /// The factory, under the station's identity.
    pub api: &'a Api,
    /// What each unit gets as the manufacturer's anchors for vouchers.
    pub anchors: &'a Anchors,
    /// How long the server may be away at a time, in seconds; zero gives up at once.
    pub outage_seconds_max: u64,
    /// Where the station writes down which IDevIDs it was given.
    pub acknowledgements: &'a Acknowledgements,
}

impl Station<'_> {
    /// Opens the order as [`open_order`] does, for as long as the server may be away.
    ///
    /// # Errors
    /// [`Error::ApiRefused`] (`Refused`).
    pub async fn open_order(&self, order: &Order) -> Result<(), Error> {
        let began_at = Instant::now();
        loop {
            match open_order(self.api, order).await {
                Err(error) if self.is_patient(&error, began_at) => sleep(OUTAGE_PAUSE).await,
                ended => return ended,
            }
        }
    }

    /// Makes all units of the order and hands each to `finished`, in order. Roles: station, admin.
    ///
    /// # Errors
    /// As [`make`].
    pub async fn make(
        &self,
        order: &Order,
        mut finished: impl FnMut(Unit) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let bench = Bench::new(order.clone());
        let (mut answered, mut heard_at) = (0, Instant::now());
        loop {
            let ended = self.run(&bench, &mut finished).await;
            if bench.lock().answered > answered {
                (answered, heard_at) = (bench.lock().answered, Instant::now());
            }
            match ended {
                Err(error) if self.is_patient(&error, heard_at) => sleep(OUTAGE_PAUSE).await,
                ended => return ended,
            }
        }
    }

    fn is_patient(&self, error: &Error, heard_at: Instant) -> bool {
        error.is_outage() && heard_at.elapsed().as_secs() < self.outage_seconds_max
    }

    /// Runs one stream until all is made or the stream breaks.
    async fn run(
        &self,
        bench: &Bench,
        finished: &mut impl FnMut(Unit) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
        let feeding = tokio::spawn(bench.clone().feed(batches));
        let collected = self.collect(bench, receiver, finished).await;
        if collected.is_err() {
            // Nobody reads what it would still send; what it made lies on the bench.
            feeding.abort();
        }
        let fed = feeding.await;
        collected?;
        fed.map_err(|_| Error::ApiAnswer)??;
        if bench.lock().waiting.is_empty() { Ok(()) } else { Err(Error::ApiAnswer) }
    }

    async fn collect(
        &self,
        bench: &Bench,
        batches: mpsc::Receiver<v1::IssueIdevIdsRequest>,
        finished: &mut impl FnMut(Unit) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let stream = ReceiverStream::new(batches);
        let mut answers = self.api.factory().issue_idev_ids(stream).await.map_err(refused)?.into_inner();
        while let Some(answer) = answers.message().await.map_err(refused)? {
            let issuers: Vec<Certificate> =
                answer.issuers.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
            for result in answer.results {
                let blank = bench.lock().take(result.item)?;
                finished(self.assemble(result, blank, &issuers)?)?;
            }
        }
        Ok(())
    }

    fn assemble(
        &self,
        result: v1::IssueResult,
        blank: Blank,
        issuers: &[Certificate],
    ) -> Result<Unit, Error> {
        match result.outcome.ok_or(Error::ApiAnswer)? {
            Outcome::Issued(issued) => {
                let leaf = Certificate::parse(&issued.certificate)?;
                self.acknowledgements.note(&Acknowledgement::IdevId {
                    serial_number: leaf.subject_serial_number().ok_or(Error::ApiAnswer)?,
                    request_sha256: pki::digest::sha256(&blank.item.csr),
                    certificate_sha256: leaf.fingerprint(),
                    certificate_serial: leaf.serial().clone(),
                })?;
                let chain = [leaf].into_iter().chain(issuers.iter().cloned()).collect();
                Unit::new(chain, blank.signer, self.anchors.clone())
            }
            Outcome::Refusal(refusal) => Err(Error::FactoryRefused(Refusal {
                status: 0,
                code: Some(refusal.reason_code),
                message: refusal.message,
            })),
        }
    }
}

/// A unit before it has its IDevID: its key and its request.
#[derive(Debug)]
struct Blank {
    item: v1::IssueItem,
    signer: Signer,
}

/// What an order's stream works on.
#[derive(Clone)]
struct Bench {
    order: Arc<Order>,
    state: Arc<Mutex<BenchState>>,
}

#[derive(Default)]
struct BenchState {
    /// How many blanks were made.
    made: u64,
    /// How many were answered.
    answered: u64,
    /// Those that were made and not answered, by item.
    waiting: BTreeMap<u64, Blank>,
}

impl BenchState {
    fn take(&mut self, item: u64) -> Result<Blank, Error> {
        let blank = self.waiting.remove(&item).ok_or(Error::ApiAnswer)?;
        self.answered += 1;
        Ok(blank)
    }
}

impl Bench {
    fn new(order: Order) -> Self {
        Self { order: Arc::new(order), state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BenchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits from an earlier stream, then makes and sends the rest, ahead of the server.
    async fn feed(self, batches: mpsc::Sender<v1::IssueIdevIdsRequest>) -> Result<(), Error> {
        let left: Vec<v1::IssueItem> = self.lock().waiting.values().map(|blank| blank.item.clone()).collect();
        for items in left.chunks(BATCH_ITEMS_MAX) {
            self.send(&batches, items.to_vec()).await;
        }
        loop {
            let items = self.make_batch()?;
            if items.is_empty() || batches.is_closed() {
                return Ok(());
            }
            self.send(&batches, items).await;
        }
    }

    async fn send(&self, batches: &mpsc::Sender<v1::IssueIdevIdsRequest>, items: Vec<v1::IssueItem>) {
        let batch = v1::IssueIdevIdsRequest { order_id: self.order.id.clone(), items };
        // When the server ended the stream, the answers' side has the reason.
        let _ = batches.send(batch).await;
    }

    /// Puts the next blanks on the bench, before their requests are on the way to the server.
    fn make_batch(&self) -> Result<Vec<v1::IssueItem>, Error> {
        let mut items = Vec::new();
        while items.len() < BATCH_ITEMS_MAX && self.lock().made < self.order.count {
            let next = self.lock().made;
            let blank = self.blank(next)?;
            items.push(blank.item.clone());
            let mut state = self.lock();
            state.waiting.insert(blank.item.item, blank);
            state.made += 1;
        }
        Ok(items)
    }

    fn blank(&self, item: u64) -> Result<Blank, Error> {
        let serial_number = self.order.serial_number(item)?;
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let csr = csr::create(&csr::Request::new(Subject::device(&serial_number)), &signer)?;
        let item = v1::IssueItem { item, serial_number: serial_number.to_string(), csr };
        Ok(Blank { item, signer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_count_up_from_the_first() {
        let order = Order {
            id: "O-1".to_string(),
            manufacturer: "acme".to_string(),
            product: "lamp".to_string(),
            line: String::new(),
            serial_prefix: "L-".to_string(),
            first: 100,
            count: 2,
        };
        assert_eq!(order.serial_number(1).unwrap().as_str(), "L-00000101");
        let bad = Order { serial_prefix: " ".to_string(), ..order };
        assert!(bad.serial_number(0).is_err());
    }
}
