//! A factory station: opens a production order and has the IDevIDs of a batch of units issued.
//! Source: `proto/api/onboarding/v1/factory.proto`.
//!
//! Invariants: a unit's key is made here and never leaves but into the fleet file; a refused item ends the run, since a fleet with
//! gaps would mislead whoever counts it.

use std::collections::BTreeMap;

use pki::path::Anchors;
use pki::{Certificate, KeyAlgorithm, Signer, Subject, csr};
use proto::SerialNumber;
use proto_api::BATCH_ITEMS_MAX;
use proto_api::v1;
use proto_api::v1::issue_result::Outcome;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::Error;
use crate::api::{Api, refused};
use crate::transport::Refusal;
use crate::unit::Unit;

/// How many batches may be under way at once.
const BATCHES_AHEAD: usize = 2;

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

/// Makes all units of the order and hands each to `finished`, in order. Roles: station, admin.
///
/// # Errors
/// [`Error::ApiRefused`], [`Error::FactoryRefused`] (`Refused`); [`Error::ApiAnswer`] (`Malformed`); what `finished` returns.
pub async fn make(
    api: &Api,
    order: &Order,
    anchors: &Anchors,
    mut finished: impl FnMut(Unit) -> Result<(), Error>,
) -> Result<(), Error> {
    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
    let (kept, mut keys) = mpsc::unbounded_channel();
    let blanks = Blanks { order: order.clone(), kept };
    let feeding = tokio::spawn(blanks.feed(batches));
    let answers = api.factory().issue_idev_ids(ReceiverStream::new(receiver)).await.map_err(refused)?;
    let mut answers = answers.into_inner();
    let mut waiting: BTreeMap<u64, Signer> = BTreeMap::new();
    while let Some(answer) = answers.message().await.map_err(refused)? {
        while let Ok((item, signer)) = keys.try_recv() {
            waiting.insert(item, signer);
        }
        let issuers: Vec<Certificate> =
            answer.issuers.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        for result in answer.results {
            let signer = waiting.remove(&result.item).ok_or(Error::ApiAnswer)?;
            finished(assemble(result, signer, &issuers, anchors)?)?;
        }
    }
    feeding.await.map_err(|_| Error::ApiAnswer)?
}

fn assemble(
    result: v1::IssueResult,
    signer: Signer,
    issuers: &[Certificate],
    anchors: &Anchors,
) -> Result<Unit, Error> {
    match result.outcome.ok_or(Error::ApiAnswer)? {
        Outcome::Issued(issued) => {
            let leaf = Certificate::parse(&issued.certificate)?;
            let chain = [leaf].into_iter().chain(issuers.iter().cloned()).collect();
            Unit::new(chain, signer, anchors.clone())
        }
        Outcome::Refusal(refusal) => Err(Error::FactoryRefused(Refusal {
            status: 0,
            code: Some(refusal.reason_code),
            message: refusal.message,
        })),
    }
}

/// Makes keys and requests ahead of the server.
struct Blanks {
    order: Order,
    kept: mpsc::UnboundedSender<(u64, Signer)>,
}

impl Blanks {
    async fn feed(self, batches: mpsc::Sender<v1::IssueIdevIdsRequest>) -> Result<(), Error> {
        let batch_size = u64::try_from(BATCH_ITEMS_MAX).unwrap_or(u64::MAX);
        let mut index = 0;
        while index < self.order.count {
            let until = self.order.count.min(index.saturating_add(batch_size));
            let items = (index..until).map(|item| self.blank(item)).collect::<Result<Vec<_>, _>>()?;
            let batch = v1::IssueIdevIdsRequest { order_id: self.order.id.clone(), items };
            // The server ended the stream: the answer side has the reason.
            if batches.send(batch).await.is_err() {
                return Ok(());
            }
            index = until;
        }
        Ok(())
    }

    /// The key is on its way to the other side before the request is on its way to the server.
    fn blank(&self, item: u64) -> Result<v1::IssueItem, Error> {
        let serial_number = self.order.serial_number(item)?;
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
        let csr = csr::create(&csr::Request::new(Subject::device(&serial_number)), &signer)?;
        self.kept.send((item, signer)).map_err(|_| Error::ApiAnswer)?;
        Ok(v1::IssueItem { item, serial_number: serial_number.to_string(), csr })
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
