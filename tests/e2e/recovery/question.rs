//! A question to the MASA that was under way when the server was killed.

use std::time::Duration;

use device_sim::acknowledged::Acknowledgements;
use device_sim::pledge::{Params, Reenrollment, onboard};
use device_sim::random::Randomness;
use device_sim::transport::Patience;
use tests::server::Server;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::support::{declare, make_units};

/// How long the registrar gives a MASA; much longer than the test may take.
const MASA_TIMEOUT_SECONDS: u64 = 60;
/// How long the pledge goes on asking.
const PENDING_SECONDS: u64 = 20;

#[tokio::test]
async fn a_question_that_died_with_the_server_is_asked_again_at_once_when_it_is_back() {
    let gate = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = gate.local_addr().expect("an address").port();
    let mut server = Server::start_with(|config| {
        let config = config.replace(
            "[owner]",
            &format!("[owner]\nretry_after_seconds = 1\nmasa_timeout_seconds = {MASA_TIMEOUT_SECONDS}"),
        );
        config.replace("masa_hosts =", &format!("masa_url = \"localhost:{port}\"\nmasa_hosts ="))
    });
    let masa = server.ready().maker.expect("there is a maker");
    let (asked, first_question) = oneshot::channel();
    let passing = tokio::spawn(pass_all_but_the_first(gate, masa, asked));
    let units = make_units(&server, "Q1", 1).await;
    declare(&server, &units).await;

    let (unit, endpoint) = (units[0].clone(), server.registrar());
    let pledge = tokio::spawn(async move {
        let patience = Patience {
            outage_seconds_max: PENDING_SECONDS,
            pending_seconds_max: PENDING_SECONDS,
            ..Patience::default()
        };
        let acknowledgements = &Acknowledgements::none();
        let params =
            Params { endpoint: &endpoint, patience, reenrollment: Reenrollment::None, acknowledgements };
        onboard(&unit, params, &mut Randomness::System).await
    });
    let asked = timeout(Duration::from_secs(PENDING_SECONDS), first_question).await;
    asked.expect("the registrar asks in time").expect("the MASA is asked");
    server.restart();
    let aboard = pledge.await.expect("the pledge ends");
    assert!(aboard.outcome.is_ok(), "{aboard:?}");
    passing.abort();
}

/// Stands between registrar and MASA: holds the first connection without a word, and passes on all others.
async fn pass_all_but_the_first(gate: TcpListener, masa: std::net::SocketAddr, asked: oneshot::Sender<()>) {
    let (_held, _) = gate.accept().await.expect("a connection");
    // The test may have given up.
    let _ = asked.send(());
    loop {
        let (mut from, _) = gate.accept().await.expect("a connection");
        tokio::spawn(async move {
            if let Ok(mut to) = TcpStream::connect(masa).await {
                // Either side may end as it likes.
                let _ = copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}
