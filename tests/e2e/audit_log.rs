//! The MASA's log of a device's past domains: asked for, judged, shown, and what it does to an enrolment.

use std::time::Duration;

use device_sim::misbehaviour::{Arena, CASES, Verdict, attack};
use device_sim::pledge::Reenrollment;
use device_sim::random::Randomness;
use device_sim::rogue::{Domain, claim};
use device_sim::transport::Patience;
use device_sim::unit::{Unit, UnitRecord};
use onboarding_server::clock::Clock;
use proto_api::v1;
use proto_voucher::Nonce;
use tests::server::Server;
use tokio::time::timeout;

use crate::masa::{LogAnswer, Place};
use crate::support::{change, come_aboard, declare, device, make_units, named, renew};

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds keys to `[owner]`.
fn owner(keys: &str) -> impl FnOnce(String) -> String {
    move |config| config.replace("[owner]", &format!("[owner]\n{keys}"))
}

async fn claimed(unit: &Unit) {
    let former = Domain::create("Former Owner", Clock::system().now()).expect("a domain");
    let nonce = Nonce::from_random(Randomness::System.nonce().expect("random octets"));
    claim(unit, &former, nonce).await.expect("the MASA gives the other domain a voucher");
}

async fn timeline(server: &Server, unit: &Unit) -> Vec<v1::Event> {
    let request = v1::GetTimelineRequest { device: Some(named(unit)), page: None };
    server.api("viewer").devices().get_timeline(request).await.expect("a timeline").into_inner().events
}

/// Waits for an event of a device.
async fn event(server: &Server, unit: &Unit, kind: &str) -> v1::Event {
    let event = server.api("viewer").wait_for_event(unit.serial_number(), kind, PATIENCE).await;
    event.expect("the watch goes on").expect("the event comes in time")
}

/// The MASA's log as the API shows it with its device.
async fn log(server: &Server, unit: &Unit) -> v1::MasaAuditLog {
    device(server, unit).await.masa_audit_log.expect("the MASA was to be asked")
}

/// The code with which a unit's attempt to come aboard was refused.
async fn refusal(server: &Server, unit: &Unit) -> String {
    let outcome = come_aboard(server, unit, Reenrollment::None).await.outcome;
    outcome.expect_err("it is refused").reason()
}

async fn approve(server: &Server, unit: &Unit) {
    let request = v1::ApproveDeviceRequest { change: change(unit, "the dealer's papers are good") };
    server.api("operator").devices().approve_device(request).await.expect("it is approved");
}

#[tokio::test]
async fn the_masa_is_asked_for_its_log_when_the_pledge_has_reported_on_its_voucher() {
    // RFC8995-5.8-registrar-asks-for-log
    // RFC8995-5.8-same-request: the MASA gives it to who shows the request for the voucher.
    let server = Server::start();
    let units = make_units(&server, "L1", 1).await;
    declare(&server, &units).await;
    assert!(come_aboard(&server, &units[0], Reenrollment::None).await.outcome.is_ok());
    let received = event(&server, &units[0], "audit-log-received").await;
    assert_eq!(received.details.get("entries").map(String::as_str), Some("1"), "{received:?}");
    assert_eq!(received.reason_code, "");
    let log = log(&server, &units[0]).await;
    assert_eq!(
        (log.status(), log.judgement()),
        (v1::MasaAuditLogStatus::Received, v1::MasaAuditLogJudgement::Clear)
    );
    assert_eq!((log.entries, log.reason_code.as_str()), (1, ""), "{log:?}");
    assert_eq!(log.domains[0].standing(), v1::PastDomainStanding::Ours);
    assert_eq!(log.known_at, received.at);
    let kinds: Vec<String> = timeline(&server, &units[0]).await.into_iter().map(|event| event.kind).collect();
    let place = |kind: &str| kinds.iter().position(|found| found == kind);
    assert!(place("voucher-status-reported") < place("audit-log-received"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| kind.starts_with("audit-log")).count(), 1, "{kinds:?}");
}

#[tokio::test]
async fn a_unit_that_another_domain_had_comes_aboard_with_a_warning_unless_the_rule_is_stricter() {
    let server = Server::start();
    let units = make_units(&server, "L2", 3).await;
    declare(&server, &units).await;
    claimed(&units[0]).await;
    assert!(come_aboard(&server, &units[0], Reenrollment::None).await.outcome.is_ok());
    let doubt = event(&server, &units[0], "audit-log-suspicious").await;
    assert_eq!(doubt.reason_code, "policy-audit-log-suspicious");
    assert_eq!(doubt.details["domains"].split(' ').count(), 2, "{doubt:?}");
    let log = log(&server, &units[0]).await;
    assert_eq!(log.judgement(), v1::MasaAuditLogJudgement::Suspicious);
    assert_eq!(
        (log.entries, log.foreign_entries, log.reason_code.as_str()),
        (2, 1, "policy-audit-log-suspicious")
    );
    let standings: Vec<_> = log.domains.iter().map(v1::PastDomain::standing).collect();
    // The newest voucher comes first.
    assert_eq!(standings, [v1::PastDomainStanding::Ours, v1::PastDomainStanding::Foreign]);
    let records = units.iter().skip(1).map(|unit| UnitRecord::of(unit).expect("a unit")).collect();
    let mut arena = Arena::new(server.registrar(), Patience::default(), records)
        .with_operator(Some(server.api("operator")));
    let case = CASES.iter().find(|case| case.name == "foreign-past").expect("it is in the catalogue");
    let trial = attack(case, &mut arena).await;
    assert_eq!(
        (trial.verdict, trial.got.as_str()),
        (Verdict::AsExpected, "reported as audit-log-suspicious")
    );
}

#[tokio::test]
async fn where_the_log_is_required_a_foreign_past_is_refused_until_a_person_answers_for_it() {
    // RFC8995-5.8.3-audit-log
    let server = Server::start_with(owner("audit_log = \"require\""));
    let units = make_units(&server, "L3", 2).await;
    declare(&server, &units).await;
    let (clean, claimed_unit) = (&units[0], &units[1]);
    assert!(come_aboard(&server, clean, Reenrollment::Renew).await.outcome.is_ok());
    claimed(claimed_unit).await;
    approve(&server, claimed_unit).await;
    assert_eq!(refusal(&server, claimed_unit).await, "policy-audit-log-suspicious");
    assert_eq!(device(&server, claimed_unit).await.state(), v1::DeviceState::Vouched);
    let _ = event(&server, claimed_unit, "audit-log-suspicious").await;
    assert_eq!(refusal(&server, claimed_unit).await, "policy-audit-log-suspicious");
    approve(&server, claimed_unit).await;
    let onboarding = come_aboard(&server, claimed_unit, Reenrollment::Rekey).await;
    assert!(onboarding.outcome.is_ok(), "{onboarding:?}");
}

#[tokio::test]
async fn a_domain_that_is_known_is_no_cause_for_doubt_and_a_renewal_is_judged_by_the_same_log() {
    // RFC8995-5.8.3-audit-log: every EST action, so that the next certificate is refused as well.
    let mut server = Server::start();
    let units = make_units(&server, "L4", 1).await;
    declare(&server, &units).await;
    claimed(&units[0]).await;
    let enrolled = come_aboard(&server, &units[0], Reenrollment::None).await.outcome.expect("it is let in");
    let doubt = event(&server, &units[0], "audit-log-suspicious").await;
    server.reconfigure(owner("audit_log = \"require\""));
    let refused = renew(&server, &units[0], &enrolled).await.expect_err("its past is in doubt");
    assert_eq!(refused.reason(), "policy-audit-log-suspicious");
    let domains: Vec<String> = doubt.details["domains"].split(' ').map(|id| format!("{id:?}")).collect();
    let known = format!("known_domains = [{}]", domains.join(", "));
    server.reconfigure(owner(&known));
    let log = log(&server, &units[0]).await;
    assert_eq!(log.judgement(), v1::MasaAuditLogJudgement::Clear, "it is judged by what the owner knows now");
    assert!(log.domains.iter().any(|domain| domain.standing() == v1::PastDomainStanding::Known), "{log:?}");
    assert!(renew(&server, &units[0], &enrolled).await.is_ok());
}

#[tokio::test]
async fn a_log_is_fetched_from_where_the_masa_has_put_it_and_from_nowhere_else() {
    // RFC8995-5.8-location
    let place = Place::take();
    let server = Server::start_with(|config| {
        place.write(&config).replace("[owner]", "[owner]\naudit_log = \"require\"\nmasa_timeout_seconds = 1")
    });
    let masa = place.serve(&server);
    let units = make_units(&server, "L5", 5).await;
    declare(&server, &units).await;
    masa.set(LogAnswer::Elsewhere);
    assert!(come_aboard(&server, &units[0], Reenrollment::None).await.outcome.is_ok());
    assert_eq!(event(&server, &units[0], "audit-log-received").await.details["entries"], "1");
    // RFC8995-5.8-not-an-owner, RFC8995-5.8.1-json
    let failures = [
        (&units[1], LogAnswer::AtAStranger, "audit-log-elsewhere"),
        (&units[2], LogAnswer::NotFound, "masa-refused"),
        (&units[3], LogAnswer::Gibberish, "audit-log-malformed"),
    ];
    for (unit, answer, code) in failures {
        masa.set(answer);
        assert_eq!(refusal(&server, unit).await, "policy-audit-log-missing", "{answer:?}");
        assert_eq!(event(&server, unit, "audit-log-failed").await.reason_code, code);
        approve(&server, unit).await;
        let onboarding = come_aboard(&server, unit, Reenrollment::None).await;
        assert!(onboarding.outcome.is_ok(), "a person let it in: {onboarding:?}");
    }
    masa.set(LogAnswer::Busy(2));
    let onboarding = timeout(PATIENCE, come_aboard(&server, &units[4], Reenrollment::None)).await;
    let onboarding = onboarding.expect("a busy MASA is asked again");
    assert!(onboarding.outcome.is_ok(), "{onboarding:?}");
    let enroll = onboarding.transcript.entries().iter().find(|entry| entry.step.name() == "enroll");
    assert!(enroll.expect("it enrolls").repeats > 0, "it waited for the log");
}

#[tokio::test]
async fn a_masa_without_a_log_holds_nobody_up_where_the_rule_only_warns() {
    let place = Place::take();
    let server = Server::start_with(|config| place.write(&config));
    let masa = place.serve(&server);
    let units = make_units(&server, "L6", 2).await;
    declare(&server, &units).await;
    for (unit, answer) in units.iter().zip([LogAnswer::NotFound, LogAnswer::Busy(u32::MAX)]) {
        masa.set(answer);
        let onboarding = come_aboard(&server, unit, Reenrollment::None).await;
        assert!(onboarding.outcome.is_ok(), "{onboarding:?}");
    }
    let failed = event(&server, &units[0], "audit-log-failed").await;
    let log = log(&server, &units[0]).await;
    assert_eq!((log.status(), log.failing_since_at), (v1::MasaAuditLogStatus::Failed, failed.at));
    assert_eq!((log.reason_code.as_str(), log.known_at, log.domains.len()), ("masa-refused", None, 0));
}
