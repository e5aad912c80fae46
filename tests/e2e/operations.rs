//! What operators see of a device that came aboard, and what their decisions do to its certificate.

use std::time::Duration;

use device_sim::pledge::Reenrollment;
use pki::crl::RevocationReason;
use pki::{Certificate, Crl, Verified};
use proto::CertificateSerial;
use proto_api::v1;
use tests::program;
use tests::server::Server;
use tests::units::CAME_ABOARD;
use tokio::time::timeout;

use crate::support::{change, come_aboard, declare, device, make_units};

/// Longer than a revocation list takes to appear; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_device_is_shown_with_its_certificates_and_its_whole_story() {
    let server = Server::start();
    let units = make_units(&server, "O1", 1).await;
    declare(&server, &units).await;
    assert!(come_aboard(&server, &units[0], Reenrollment::None).await.outcome.is_ok());
    let shown = device(&server, &units[0]).await;
    assert_eq!(shown.assertion(), v1::Assertion::Proximity);
    assert!(shown.idevid.is_some() && shown.ldevid.is_some() && shown.last_heard_at.is_some());
    let request = v1::GetTimelineRequest {
        device: Some(v1::DeviceReference { by: Some(v1::device_reference::By::Id(shown.id.clone())) }),
        page: None,
    };
    let events = server.api("viewer").devices().get_timeline(request).await.expect("a timeline").into_inner();
    let kinds = events.events.iter().map(|event| event.kind.as_str());
    // The MASA's log comes while the device goes on.
    let kinds: Vec<&str> = kinds.filter(|kind| !kind.starts_with("audit-log")).collect();
    assert_eq!(kinds, CAME_ABOARD);
    assert!(events.events.iter().all(|event| event.device_id == shown.id));
    // RFC8995-5.9.4-session-certificate: the voucher's report came with the IDevID, the enrolment's with the LDevID.
    let actor_of = |kind: &str| {
        let event = events.events.iter().find(|event| event.kind == kind);
        event.and_then(|event| event.actor.clone()).map(|actor| actor.name)
    };
    let hex = |summary: &Option<v1::CertificateSummary>| {
        summary
            .as_ref()
            .map(|summary| summary.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    assert_eq!(actor_of("voucher-status-reported"), hex(&shown.idevid));
    assert_eq!(actor_of("enroll-status-reported"), hex(&shown.ldevid));
}

#[tokio::test]
async fn the_metrics_name_no_device_and_do_not_grow_with_the_fleet() {
    let server =
        Server::start_with(|config| config.replace("[owner]", "[owner]\nunknown_devices = \"refuse\""));
    let units = make_units(&server, "M1", 6).await;
    let (announced, unknown) = units.split_at(3);
    declare(&server, announced).await;
    let mut lengths = Vec::new();
    for (welcome, stranger) in announced.iter().zip(unknown) {
        assert!(come_aboard(&server, welcome, Reenrollment::None).await.outcome.is_ok());
        assert!(come_aboard(&server, stranger, Reenrollment::None).await.outcome.is_err());
        let page = program::run("curl", ["-sS", &format!("http://{}/metrics", server.ready().metrics)])
            .well()
            .text();
        assert!(page.contains(r#"reason="policy-device-unknown""#), "{page}");
        for unit in [welcome, stranger] {
            let fingerprint = unit.idevid().chain[0].fingerprint().to_string();
            assert!(!page.contains(unit.serial_number().as_str()) && !page.contains(&fingerprint), "{page}");
        }
        lengths.push(page.lines().count());
    }
    assert_eq!(lengths[1], lengths[2], "each device adds lines");
}

#[tokio::test]
async fn a_suspended_device_is_on_the_list_until_it_is_resumed_and_a_retired_one_stays() {
    let server = Server::start();
    let units = make_units(&server, "O2", 1).await;
    let unit = &units[0];
    declare(&server, &units).await;
    assert!(come_aboard(&server, unit, Reenrollment::None).await.outcome.is_ok());
    let serial = device(&server, unit).await.ldevid.expect("an LDevID").serial;
    let serial = CertificateSerial::new(&serial).expect("a serial number");
    let operator = server.api("operator");
    let suspend = v1::SuspendDeviceRequest { change: change(unit, "lost") };
    operator.devices().suspend_device(suspend).await.expect("it is suspended");
    wait_for_list(&server, &serial, Some(RevocationReason::CertificateHold)).await;
    let resume = v1::ResumeDeviceRequest { change: change(unit, "found") };
    operator.devices().resume_device(resume).await.expect("it is resumed");
    wait_for_list(&server, &serial, None).await;
    let retire = v1::RetireDeviceRequest { change: change(unit, "scrapped") };
    operator.devices().retire_device(retire).await.expect("it is retired");
    wait_for_list(&server, &serial, Some(RevocationReason::CessationOfOperation)).await;
    assert!(device(&server, unit).await.ldevid.is_none(), "it has no certificate that counts");
}

/// Waits until the newest list says `wanted` of a certificate.
async fn wait_for_list(server: &Server, serial: &CertificateSerial, wanted: Option<RevocationReason>) {
    let issuer = issuer(server).await;
    let kinds = vec!["crl-published".to_owned()];
    let request = v1::WatchRequest { kinds, ..v1::WatchRequest::default() };
    let published = async {
        let mut lists = server.api("viewer").events().watch(request).await.expect("a watch").into_inner();
        // The watch speaks when it has begun, and with each list that is published then.
        while newest_list(server, &issuer).await.map(|list| reason_of(&list, serial)) != Some(wanted) {
            let _ = lists.message().await.expect("the watch goes on").expect("the watch does not end");
        }
    };
    timeout(PATIENCE, published).await.expect("the list is published in time");
}

/// The newest list, when there is one yet.
async fn newest_list(server: &Server, issuer: &Certificate) -> Option<Verified<Crl>> {
    let answer = server.api("viewer").authorities().get_crl(v1::GetCrlRequest::default()).await;
    let list = answer.ok()?.into_inner();
    let now = proto_api::unix_time(&list.this_update_at.expect("a time")).expect("a time");
    Some(Crl::parse(&list.crl).expect("a list").verify(issuer, now).expect("our list"))
}

fn reason_of(list: &Verified<Crl>, serial: &CertificateSerial) -> Option<RevocationReason> {
    list.revocation_of(serial).map(|(_, reason)| reason)
}

async fn issuer(server: &Server) -> Certificate {
    let request = v1::ListAuthoritiesRequest { kind: v1::AuthorityKind::DomainIssuing.into() };
    let answer = server.api("viewer").authorities().list_authorities(request).await.expect("authorities");
    Certificate::parse(&answer.into_inner().authorities[0].certificate).expect("a certificate")
}
