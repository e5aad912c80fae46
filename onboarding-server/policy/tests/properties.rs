//! What must hold whatever the facts are.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proto::UnixTime;
use server_lifecycle::{Event, State, next};
use server_policy::{
    Approval, AuditLogFacts, AuditLogRule, CertificateFacts, Decision, DeviceFacts, ExpiredIdevidRule,
    FACTS_VERSION, Facts, IdevidFacts, KeyOnRecord, ManufacturerFacts, MasaFacts, ReonboardingRule,
    RequestKind, Rule, UnknownDeviceRule, decide,
};

/// Few points in time, so that equal ones and both orders are common.
fn time() -> impl Strategy<Value = UnixTime> {
    (0_u64..8).prop_map(|days| UnixTime::from_seconds(1_700_000_000 + days * 86_400))
}

fn manufacturer() -> impl Strategy<Value = ManufacturerFacts> {
    let rules = (
        select(vec![ExpiredIdevidRule::Refuse, ExpiredIdevidRule::Ignore]),
        select(vec![UnknownDeviceRule::Refuse, UnknownDeviceRule::Defer, UnknownDeviceRule::Admit]),
        select(vec![ReonboardingRule::Refuse, ReonboardingRule::Defer, ReonboardingRule::Admit]),
        select(vec![AuditLogRule::Ignore, AuditLogRule::Warn, AuditLogRule::Require]),
        select(vec![0, 86_400, u64::MAX]),
    );
    rules.prop_map(|(expired_idevid, unknown_device, reonboarding, audit_log, renewal_grace_seconds)| {
        ManufacturerFacts {
            id: "acme".parse().expect("a name"),
            expired_idevid,
            unknown_device,
            reonboarding,
            audit_log,
            renewal_grace_seconds,
        }
    })
}

fn device() -> impl Strategy<Value = DeviceFacts> {
    let key = select(vec![KeyOnRecord::Unseen, KeyOnRecord::Same, KeyOnRecord::Another]);
    (select(&State::ALL[..]), any::<bool>(), key, option::of(time())).prop_map(
        |(state, is_declared, key, confirmed_at)| DeviceFacts { state, is_declared, key, confirmed_at },
    )
}

fn approval() -> impl Strategy<Value = Approval> {
    (time(), any::<bool>()).prop_map(|(approved_at, is_for_this_key)| Approval {
        by: "ada".to_owned(),
        approved_at,
        is_for_this_key,
    })
}

fn certificate() -> impl Strategy<Value = CertificateFacts> {
    (time(), time(), any::<bool>()).prop_map(|(not_before_at, not_after_at, is_of_this_generation)| {
        CertificateFacts { not_before_at, not_after_at, is_of_this_generation }
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let masa =
        any::<bool>().prop_map(|is_allowed| MasaFacts { authority: "masa.example".to_owned(), is_allowed });
    let audit_log = (time(), 0_u32..2, 0_u32..2).prop_map(|(known_at, foreign_entries, hidden_entries)| {
        AuditLogFacts { known_at, foreign_entries, nonceless_entries: 0, early_entries: 0, hidden_entries }
    });
    (
        select(&RequestKind::ALL[..]),
        (time(), time()),
        option::weighted(0.9, manufacturer()),
        option::of(time().prop_map(|not_after_at| IdevidFacts { not_after_at })),
        option::weighted(0.8, device()),
        option::of(approval()),
        option::weighted(0.8, masa),
        (option::of(audit_log), any::<bool>(), option::of(time())),
        option::weighted(0.8, certificate()),
    )
        .prop_map(
            |(
                request,
                (now, first_asked_at),
                manufacturer,
                idevid,
                device,
                approval,
                masa,
                (audit_log, is_audit_log_awaited, audit_log_failing_since_at),
                certificate,
            )| {
                Facts {
                    version: FACTS_VERSION,
                    request,
                    now,
                    first_asked_at,
                    manufacturer,
                    idevid,
                    device,
                    approval,
                    masa,
                    audit_log,
                    is_audit_log_awaited,
                    audit_log_failing_since_at,
                    certificate,
                }
            },
        )
}

fn state(facts: &Facts) -> Option<State> {
    facts.device.as_ref().map(|device| device.state)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decides_the_same_for_ever_and_by_a_rule_of_the_request(facts in facts()) {
        let decision = decide(&facts);
        let stored: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        prop_assert_eq!(decision, decide(&stored));
        prop_assert!(Rule::for_request(facts.request).contains(&decision.rule()));
    }

    #[test]
    fn the_last_rule_always_decides(facts in facts()) {
        let last = Rule::for_request(facts.request).last().unwrap();
        prop_assert!(last.judge(&facts).is_some());
    }

    #[test]
    fn never_admits_or_defers_a_retired_device(mut facts in facts()) {
        let Some(device) = &mut facts.device else { return Ok(()) };
        device.state = State::Retired;
        prop_assert!(decide(&facts).refusal().is_some());
    }

    #[test]
    fn never_admits_or_defers_a_device_of_an_unknown_manufacturer(mut facts in facts()) {
        facts.manufacturer = None;
        prop_assert!(decide(&facts).refusal().is_some());
    }

    #[test]
    fn never_admits_a_clone_with_its_idevid(facts in facts()) {
        let is_clone = facts.device.as_ref().is_some_and(|device| device.key == KeyOnRecord::Another);
        if is_clone && facts.request != RequestKind::Reenroll {
            prop_assert!(decide(&facts).refusal().is_some());
        }
    }

    #[test]
    fn never_admits_a_voucher_from_a_masa_that_is_not_allowed(mut facts in facts()) {
        facts.request = RequestKind::Voucher;
        if facts.masa.as_ref().is_none_or(|masa| !masa.is_allowed) {
            prop_assert!(decide(&facts).refusal().is_some());
        }
    }

    #[test]
    fn never_certifies_a_past_in_doubt_where_the_log_is_required(mut facts in facts()) {
        let is_required =
            facts.manufacturer.as_ref().is_some_and(|maker| maker.audit_log == AuditLogRule::Require);
        let is_in_doubt = facts.audit_log.is_some_and(|log| log.is_suspicious());
        facts.approval = None;
        if is_required && is_in_doubt && facts.request != RequestKind::Voucher {
            prop_assert!(decide(&facts).refusal().is_some());
        }
    }

    #[test]
    fn an_approval_never_makes_it_worse(mut facts in facts(), approval in approval()) {
        facts.approval = None;
        let without = decide(&facts);
        facts.approval = Some(approval);
        let with = decide(&facts);
        let rank = |decision: Decision| match decision {
            Decision::Refuse { .. } => 0,
            Decision::Defer { .. } => 1,
            Decision::Admit { .. } => 2,
        };
        prop_assert!(rank(with) >= rank(without), "{:?} became {:?}", without, with);
    }

    #[test]
    fn only_a_person_or_time_ends_a_deferral(mut facts in facts()) {
        if let Decision::Defer { until, .. } = decide(&facts) {
            prop_assert!(until > facts.now);
            facts.now = until;
            let is_still_deferred = matches!(decide(&facts), Decision::Defer { .. });
            prop_assert!(!is_still_deferred);
        }
    }

    #[test]
    fn what_policy_does_not_refuse_the_lifecycle_does_not_either(facts in facts()) {
        let decision = decide(&facts);
        let Some(state) = state(&facts) else { return Ok(()) };
        let event = match facts.request {
            RequestKind::Voucher => Event::VoucherRequested,
            RequestKind::Enroll => Event::CertificateIssued,
            RequestKind::Reenroll => Event::CertificateRenewed,
        };
        if decision.refusal().is_none() {
            prop_assert!(next(state, event).is_ok(), "{event} while {state}");
        }
    }
}
