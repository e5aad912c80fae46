//! No order has more units than its quota, whatever happened and whoever tries.

use device_sim::api::{Api, refused};
use pki::{KeyAlgorithm, Signer, Subject, csr};
use proto_api::v1;
use tests::server::{MANUFACTURER, PRODUCT, Server};
use tokio::task::JoinSet;

use super::clients::{FLEET_ORDER, LINE_ORDER_UNITS, Work};

/// The quota of the order that is fought for, and how many fight.
const FOUGHT_QUOTA: u64 = 3;
const FIGHTERS: u64 = 12;

/// Checks every order, then tries to exceed each, alone and at once.
pub(super) async fn check(server: &Server, work: &Work) {
    let station = server.api("station");
    let line = work.line_orders().into_iter().map(|order| (order, LINE_ORDER_UNITS));
    for (order, quota) in line.chain([(FLEET_ORDER.to_owned(), work.devices())]) {
        let found = load(&station, &order).await;
        assert_eq!((found.quota, found.issued), (quota, quota), "{order}");
        assert_eq!(issue(&station, &order, &format!("{order}-beyond")).await, Err("order-quota".to_owned()));
        assert_eq!(load(&station, &order).await.issued, quota, "{order}");
    }
    fight(&station).await;
}

/// Many stations want the last units of an order at the same time.
async fn fight(station: &Api) {
    let order = "fought-for";
    let open = v1::OpenOrderRequest {
        order_id: order.to_owned(),
        manufacturer: MANUFACTURER.to_owned(),
        product: PRODUCT.to_owned(),
        quota: FOUGHT_QUOTA,
        ..v1::OpenOrderRequest::default()
    };
    let _ = station.factory().open_order(open).await.expect("the order opens");
    let mut fighters = JoinSet::new();
    for number in 0..FIGHTERS {
        let station = station.clone();
        fighters.spawn(async move { issue(&station, order, &format!("fought-{number}")).await });
    }
    let ended = fighters.join_all().await;
    let issued = ended.iter().filter(|result| result.is_ok()).count();
    assert_eq!(u64::try_from(issued).expect("a count"), FOUGHT_QUOTA, "{ended:?}");
    let is_quota =
        |result: &Result<(), String>| result.as_ref().err().is_none_or(|code| code == "order-quota");
    assert!(ended.iter().all(is_quota), "{ended:?}");
    assert_eq!(load(station, order).await.issued, FOUGHT_QUOTA);
}

async fn load(station: &Api, order: &str) -> v1::Order {
    let request = v1::GetOrderRequest { order_id: order.to_owned() };
    station
        .factory()
        .get_order(request)
        .await
        .expect("the order is on record")
        .into_inner()
        .order
        .expect("an order")
}

/// Has an IDevID issued, or returns the reason why not.
async fn issue(station: &Api, order: &str, serial_number: &str) -> Result<(), String> {
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let subject = Subject::device(&serial_number.parse().expect("a serial number"));
    let csr = csr::create(&csr::Request::new(subject), &signer).expect("a request");
    let request =
        v1::IssueIdevIdRequest { order_id: order.to_owned(), serial_number: serial_number.to_owned(), csr };
    let answer = station.factory().issue_idev_id(request).await;
    answer.map(|_| ()).map_err(|status| refused(status).reason())
}
