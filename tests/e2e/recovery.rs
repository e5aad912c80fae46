//! What survives: a kill at any moment, a lost index.

use std::fs;

use device_sim::pledge::Reenrollment;
use proto_api::v1::DeviceState;
use tests::server::Server;

use crate::support::{come_aboard, declare, device, make_units};

#[tokio::test]
async fn what_was_granted_survives_a_kill_and_a_deleted_index() {
    let mut server = Server::start();
    let units = make_units(&server, "C1", 3).await;
    declare(&server, &units).await;
    assert!(come_aboard(&server, &units[0], Reenrollment::None).await.outcome.is_ok());
    server.restart();
    assert_eq!(device(&server, &units[0]).await.state(), DeviceState::Operational);
    assert!(come_aboard(&server, &units[1], Reenrollment::None).await.outcome.is_ok());
    server.kill();
    for role in ["owner", "maker"] {
        fs::remove_dir_all(server.state().join(role).join("state")).expect("the index can be deleted");
    }
    server.restart();
    for unit in &units[..2] {
        assert_eq!(device(&server, unit).await.state(), DeviceState::Operational);
    }
    assert!(come_aboard(&server, &units[2], Reenrollment::None).await.outcome.is_ok());
}
