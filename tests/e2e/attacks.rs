//! Every misbehaviour of the catalogue, against the real server.

use device_sim::maker::Maker;
use device_sim::misbehaviour::{Arena, CASES, Verdict, attack};
use device_sim::transport::Patience;
use device_sim::unit::UnitRecord;
use tests::server::Server;

use crate::support::{declare, make_units};

#[tokio::test]
async fn every_misbehaviour_is_refused_for_its_own_reason() {
    let server = Server::start();
    let units = make_units(&server, "B1", 64).await;
    declare(&server, &units).await;
    let records: Vec<UnitRecord> = units.iter().map(|unit| UnitRecord::of(unit).expect("a unit")).collect();
    let maker = Maker::load(&server.state().join("maker/pki")).expect("the maker's CA");
    // A cloned device is held for a person; nobody comes.
    let patience = Patience { pending_seconds_max: 2, ..Patience::default() };
    let mut arena = Arena::new(server.registrar(), patience, records)
        .with_maker(Some(maker))
        .with_operator(Some(server.api("operator")));
    for case in CASES {
        let result = attack(&case, &mut arena).await;
        assert_eq!(result.verdict, Verdict::AsExpected, "{}: {result:?}", case.name);
    }
}
