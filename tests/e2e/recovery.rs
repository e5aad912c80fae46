//! What survives: a kill at any moment, a lost or damaged index, a question that nobody answered.
//!
//! A run of the kills test has a seed, which it prints; `GANGWAY_KILLS_SEED`, `GANGWAY_KILLS` and `GANGWAY_KILLS_DEVICES` choose
//! seed, kills and devices.

mod clients;
mod history;
mod index;
mod kills;
mod ledger;
mod moments;
mod question;
mod quota;
mod records;

use std::io::{self, Write};

use device_sim::acknowledged;
use device_sim::pledge::Reenrollment;
use tests::server::Server;

use clients::{Clients, Work};
use ledger::Told;
use moments::Plan;

use crate::support::{come_aboard, declare, make_units};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_at_random_moments() {
    let plan = Plan::from_environment();
    say(&format!("to have the same moments again: {}", plan.command()));
    // Those who wait for a person ask again soon, or the run takes as long as they do.
    let server = Server::start_with(|config| config.replace("[owner]", "[owner]\nretry_after_seconds = 1"));
    let work = Work::prepare(&server, &plan);

    // 1. Factory, devices, approver and watcher work while the server is killed and started again.
    let clients = Clients::start(&server, &work);
    let (moments, acknowledged) = (plan.moments(work.acknowledgements()), work.acknowledged.clone());
    let killing = tokio::task::spawn_blocking(move || kills::kill_at(server, &moments, &acknowledged));
    let (mut server, killed) = killing.await.expect("the server starts again each time");
    let seen = clients.finish(&server).await;
    let told = Told::of(acknowledged::load(&work.acknowledged).expect("what was acknowledged"), &work);

    // 2. What the API shows is what the clients were told.
    let _ = server.gangway("admin", &["journal", "verify"]).well();
    history::check(&server, &told, &seen).await;
    quota::check(&server, &work).await;
    let before = index::Shown::read(&server).await;
    told.check_devices(&before.devices);

    // 3. So is what lies on disk.
    server.kill();
    let log = server.log();
    assert!(!log.contains(r#""level":"ERROR""#) && !log.contains("panicked"), "{log}");
    records::check(&server.state(), &told);

    // 4. The index is only an index.
    index::check_rebuilt(&mut server, &before).await;
    say(&format!("{killed}; {told}"));
}

#[tokio::test]
async fn what_was_granted_survives_a_kill_and_a_deleted_or_damaged_index() {
    let mut server = Server::start();
    let units = make_units(&server, "C1", 3).await;
    declare(&server, &units).await;
    for unit in &units[..2] {
        let aboard = come_aboard(&server, unit, Reenrollment::None).await;
        assert!(aboard.outcome.is_ok(), "{aboard:?}");
        server.restart();
    }
    let before = index::Shown::read(&server).await;
    assert_eq!(before.devices.len(), 3);
    server.kill();
    index::check_rebuilt(&mut server, &before).await;
    let last = come_aboard(&server, &units[2], Reenrollment::None).await;
    assert!(last.outcome.is_ok(), "{last:?}");
}

fn say(line: &str) {
    // Nobody reads what a test that went well has to say, unless they ask.
    let _ = writeln!(io::stderr(), "{line}");
}
