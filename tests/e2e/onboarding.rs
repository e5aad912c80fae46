//! The main job, and what a person decides in it.

use device_sim::pledge::Reenrollment;
use pki::KeyAlgorithm;
use proto::Reason;
use proto_api::v1::{ApproveDeviceRequest, DeviceState, RefuseDeviceRequest, RetireDeviceRequest};
use tests::server::Server;

use crate::support::{change, come_aboard, declare, device, make_units, renew};

#[tokio::test]
async fn a_unit_made_in_the_factory_and_announced_comes_aboard_and_renews() {
    let server = Server::start();
    let units = make_units(&server, "A1", 2).await;
    declare(&server, &units).await;
    for (unit, reenrollment) in units.iter().zip([Reenrollment::Renew, Reenrollment::Rekey]) {
        let onboarding = come_aboard(&server, unit, reenrollment).await;
        assert!(onboarding.outcome.is_ok(), "{:?}", onboarding);
        // RFC8995-5.9.4-confirmed-by-ldevid: nothing else makes a device operational.
        assert_eq!(device(&server, unit).await.state(), DeviceState::Operational);
    }
}

// RFC8995-5.9.2-csr-attributes
// RFC8995-5.9.2-request-as-indicated
#[tokio::test]
async fn a_pledge_makes_the_key_that_it_is_asked_for_and_another_kind_is_refused() {
    let mut server = Server::start_with(|config| {
        config.replace("[owner]", "[owner]\nldevid_keys = [\"ecdsa-p384\", \"ed25519\"]")
    });
    let units = make_units(&server, "K1", 2).await;
    declare(&server, &units).await;
    let onboarding = come_aboard(&server, &units[0], Reenrollment::Rekey).await;
    let enrolled = onboarding.outcome.expect("it comes aboard");
    assert_eq!(enrolled.ldevid.signer.algorithm(), KeyAlgorithm::EcdsaP384);

    server.reconfigure(|config| config.replace("\"ecdsa-p384\", \"ed25519\"", "\"rsa\""));
    let refused =
        come_aboard(&server, &units[1], Reenrollment::None).await.outcome.expect_err("no RSA key is made");
    assert_eq!(refused.code().as_str(), "sim-key-kind-unknown");
    let renewal = renew(&server, &units[0], &enrolled).await.expect_err("its key is not taken any more");
    assert!(renewal.to_string().contains("csr-key-unwanted"), "{renewal}");
}

#[tokio::test]
async fn a_unit_that_nobody_announced_waits_for_a_person() {
    let server = Server::start_with(|config| config.replace("[owner]", "[owner]\nretry_after_seconds = 1"));
    let units = make_units(&server, "A2", 1).await;
    let unit = &units[0];
    let approving = async {
        loop {
            let change = change(unit, "seen on the bench");
            let approved =
                server.api("operator").devices().approve_device(ApproveDeviceRequest { change }).await;
            if approved.is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let (onboarding, ()) = tokio::join!(come_aboard(&server, unit, Reenrollment::None), approving);
    assert!(onboarding.outcome.is_ok(), "{onboarding:?}");
    assert_eq!(device(&server, unit).await.state(), DeviceState::Operational);
}

#[tokio::test]
async fn a_retired_device_is_refused_for_ever() {
    let server = Server::start();
    let units = make_units(&server, "A3", 1).await;
    let unit = &units[0];
    declare(&server, &units).await;
    assert!(come_aboard(&server, unit, Reenrollment::None).await.outcome.is_ok());
    let request = RetireDeviceRequest { change: change(unit, "scrapped") };
    server.api("operator").devices().retire_device(request).await.expect("it is retired");
    let again = come_aboard(&server, unit, Reenrollment::None).await;
    let refusal = again.outcome.expect_err("a retired device stays out").to_string();
    assert!(refusal.contains("policy-device-retired"), "{refusal}");
}

#[tokio::test]
async fn a_unit_that_a_person_refuses_learns_that_and_the_record_says_why() {
    let server = Server::start_with(|config| config.replace("[owner]", "[owner]\nretry_after_seconds = 1"));
    let units = make_units(&server, "A4", 1).await;
    let unit = &units[0];
    let refusing = async {
        loop {
            let change = change(unit, "not ours");
            let refused =
                server.api("operator").devices().refuse_device(RefuseDeviceRequest { change }).await;
            if refused.is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let (onboarding, ()) = tokio::join!(come_aboard(&server, unit, Reenrollment::None), refusing);
    let refusal = onboarding.outcome.expect_err("a refused device stays out").to_string();
    assert!(refusal.contains("policy-device-refused"), "{refusal}");
    let device = device(&server, unit).await;
    assert_eq!((device.state(), device.awaits_approval), (DeviceState::Refused, false));
    assert_eq!((device.reason_code.as_str(), device.note.as_str()), ("policy-device-refused", "not ours"));
}
