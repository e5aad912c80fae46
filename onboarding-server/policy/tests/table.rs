//! Each rule, by a case that it decides.

use std::collections::BTreeSet;

use proto::{Class, Reason, UnixTime};
use server_lifecycle::State;
use server_policy::{
    Approval, AuditLogFacts, AuditLogRule, CertificateFacts, DEFERRAL_SECONDS_MAX, Decision, DeviceFacts,
    ExpiredIdevidRule, FACTS_VERSION, Facts, IdevidFacts, KeyOnRecord, ManufacturerFacts, MasaFacts, Refusal,
    ReonboardingRule, RequestKind, Rule, UnknownDeviceRule, decide,
};

const NOW: UnixTime = UnixTime::from_seconds(1_700_000_000);

fn at(seconds_from_now: i64) -> UnixTime {
    UnixTime::from_seconds(NOW.as_seconds().saturating_add_signed(seconds_from_now))
}

fn maker() -> ManufacturerFacts {
    ManufacturerFacts {
        id: "acme".parse().expect("a name"),
        expired_idevid: ExpiredIdevidRule::Refuse,
        unknown_device: UnknownDeviceRule::Refuse,
        reonboarding: ReonboardingRule::Admit,
        audit_log: AuditLogRule::Ignore,
        renewal_grace_seconds: 0,
    }
}

fn device(state: State) -> DeviceFacts {
    DeviceFacts { state, is_declared: true, key: KeyOnRecord::Same, confirmed_at: None }
}

fn approval(seconds_from_now: i64) -> Approval {
    Approval { by: "ada".to_owned(), approved_at: at(seconds_from_now), is_for_this_key: true }
}

/// A declared device that asks in the state that fits, with nothing against it.
fn facts(request: RequestKind) -> Facts {
    let state = match request {
        RequestKind::Voucher => State::Expected,
        RequestKind::Enroll => State::Vouched,
        RequestKind::Reenroll => State::Operational,
    };
    Facts {
        manufacturer: Some(maker()),
        idevid: Some(IdevidFacts { not_after_at: UnixTime::NO_END }),
        device: Some(device(state)),
        masa: Some(MasaFacts { authority: "masa.example".to_owned(), is_allowed: true }),
        certificate: Some(CertificateFacts {
            not_before_at: at(-100),
            not_after_at: at(100),
            is_of_this_generation: true,
        }),
        ..Facts::new(request, NOW)
    }
}

fn maker_of(facts: &mut Facts) -> &mut ManufacturerFacts {
    facts.manufacturer.as_mut().expect("the facts have a manufacturer")
}

fn device_of(facts: &mut Facts) -> &mut DeviceFacts {
    facts.device.as_mut().expect("the facts have a device")
}

fn changed(request: RequestKind, change: impl FnOnce(&mut Facts)) -> Decision {
    let mut facts = facts(request);
    change(&mut facts);
    decide(&facts)
}

fn refusal(request: RequestKind, change: impl FnOnce(&mut Facts)) -> (Option<Refusal>, Rule) {
    let decision = changed(request, change);
    (decision.refusal(), decision.rule())
}

fn undeclared(facts: &mut Facts, rule: UnknownDeviceRule) {
    facts.device = None;
    maker_of(facts).unknown_device = rule;
}

fn onboarded_before(facts: &mut Facts, rule: ReonboardingRule) {
    device_of(facts).confirmed_at = Some(at(-1000));
    maker_of(facts).reonboarding = rule;
}

#[test]
fn admits_a_declared_device_through_all_three_requests() {
    assert_eq!(decide(&facts(RequestKind::Voucher)), Decision::Admit { rule: Rule::OwnerDeclared });
    assert_eq!(decide(&facts(RequestKind::Enroll)), Decision::Admit { rule: Rule::VoucherPrecedes });
    assert_eq!(decide(&facts(RequestKind::Reenroll)), Decision::Admit { rule: Rule::CertificateIsCurrent });
}

#[test]
fn refuses_every_request_of_an_unregistered_manufacturer() {
    for request in RequestKind::ALL {
        let expected = (Some(Refusal::ManufacturerUnknown), Rule::ManufacturerIsRegistered);
        assert_eq!(refusal(request, |facts| facts.manufacturer = None), expected);
    }
}

#[test]
fn refuses_an_expired_idevid_unless_the_manufacturers_rule_ignores_it() {
    let expire = |facts: &mut Facts| facts.idevid = Some(IdevidFacts { not_after_at: at(-1) });
    for request in [RequestKind::Voucher, RequestKind::Enroll] {
        assert_eq!(refusal(request, expire), (Some(Refusal::IdevidExpired), Rule::IdevidIsValid));
        let ignored = changed(request, |facts| {
            expire(facts);
            maker_of(facts).expired_idevid = ExpiredIdevidRule::Ignore;
        });
        assert!(ignored.is_admitted());
    }
}

#[test]
fn refuses_a_serial_number_that_came_before_with_another_key_even_when_approved() {
    for request in [RequestKind::Voucher, RequestKind::Enroll] {
        let (reason, rule) = refusal(request, |facts| {
            device_of(facts).key = KeyOnRecord::Another;
            facts.approval = Some(approval(0));
        });
        assert_eq!((reason, rule), (Some(Refusal::SerialNumberOnAnotherKey), Rule::SerialNumberHasOneKey));
        assert!(Refusal::SerialNumberOnAnotherKey.is_alarm());
    }
}

#[test]
fn each_state_lets_in_the_requests_that_belong_to_it() {
    use State::{Enrolled, Expected, Operational, Quarantined, Requested, Vouched};
    for state in State::ALL {
        for request in RequestKind::ALL {
            let decision = changed(request, |facts| facts.device = Some(device(state)));
            let may = match request {
                RequestKind::Voucher => {
                    [Expected, Requested, Vouched, Enrolled, Operational].contains(&state)
                }
                RequestKind::Enroll => [Vouched, Enrolled].contains(&state),
                RequestKind::Reenroll => [Enrolled, Operational, Quarantined].contains(&state),
            };
            assert_eq!(decision.is_admitted(), may, "{request} while {state}: {decision:?}");
        }
    }
}

#[test]
fn a_closed_state_is_named_in_the_reason() {
    for (state, reason) in [
        (State::Suspended, Refusal::DeviceSuspended),
        (State::Transferring, Refusal::DeviceTransferring),
        (State::InRepair, Refusal::DeviceInRepair),
        (State::Refused, Refusal::DeviceRefused),
        (State::Retired, Refusal::DeviceRetired),
    ] {
        for request in RequestKind::ALL {
            let (found, _) = refusal(request, |facts| facts.device = Some(device(state)));
            assert_eq!(found, Some(reason), "{request} while {state}");
        }
    }
    let enroll = |state| refusal(RequestKind::Enroll, |facts| facts.device = Some(device(state))).0;
    assert_eq!(enroll(State::Requested), Some(Refusal::VoucherMissing));
    assert_eq!(enroll(State::Operational), Some(Refusal::AlreadyOperational));
}

#[test]
fn refuses_a_masa_that_is_unknown_or_not_on_the_allow_list() {
    let rule = Rule::MasaIsAllowed;
    let none = refusal(RequestKind::Voucher, |facts| facts.masa = None);
    assert_eq!(none, (Some(Refusal::MasaUnknown), rule));
    let other = refusal(RequestKind::Voucher, |facts| facts.masa.as_mut().unwrap().is_allowed = false);
    assert_eq!(other, (Some(Refusal::MasaNotAllowed), rule));
}

#[test]
fn an_undeclared_device_goes_by_the_manufacturers_rule() {
    let with = |rule| changed(RequestKind::Voucher, |facts| undeclared(facts, rule));
    let rule = Rule::OwnerDidNotDeclare;
    assert_eq!(with(UnknownDeviceRule::Refuse), Decision::Refuse { rule, reason: Refusal::DeviceUnknown });
    assert_eq!(with(UnknownDeviceRule::Admit), Decision::Admit { rule });
    let until = at(i64::try_from(DEFERRAL_SECONDS_MAX).unwrap());
    assert_eq!(with(UnknownDeviceRule::Defer), Decision::Defer { rule, until });
}

#[test]
fn a_request_that_nobody_decides_lapses_when_the_pledge_gives_up() {
    let waited = |seconds: u64| {
        changed(RequestKind::Voucher, |facts| {
            undeclared(facts, UnknownDeviceRule::Defer);
            facts.first_asked_at = at(-i64::try_from(seconds).unwrap());
        })
    };
    assert!(matches!(waited(DEFERRAL_SECONDS_MAX - 1), Decision::Defer { until, .. } if until == at(1)));
    assert_eq!(waited(DEFERRAL_SECONDS_MAX).refusal(), Some(Refusal::ApprovalTimedOut));
}

#[test]
fn an_approval_counts_for_its_key_and_for_one_onboarding() {
    let with = |change: &dyn Fn(&mut Facts)| {
        changed(RequestKind::Voucher, |facts| {
            undeclared(facts, UnknownDeviceRule::Defer);
            facts.device = Some(DeviceFacts { is_declared: false, ..device(State::Requested) });
            facts.approval = Some(approval(-10));
            change(facts);
        })
    };
    assert_eq!(with(&|_| {}), Decision::Admit { rule: Rule::PersonApproved });
    assert!(!with(&|facts| facts.approval.as_mut().unwrap().is_for_this_key = false).is_admitted());
    let confirm = |facts: &mut Facts, seconds| device_of(facts).confirmed_at = Some(at(seconds));
    let used_up = with(&|facts| {
        confirm(facts, -5);
        maker_of(facts).reonboarding = ReonboardingRule::Defer;
    });
    assert!(matches!(used_up, Decision::Defer { rule: Rule::DeviceStartsAgain, .. }), "{used_up:?}");
    assert!(with(&|facts| confirm(facts, -20)).is_admitted());
}

#[test]
fn a_device_that_was_operational_and_starts_again_goes_by_the_manufacturers_rule() {
    for state in [State::Operational, State::Requested, State::Expected] {
        let with = |rule| {
            changed(RequestKind::Voucher, |facts| {
                facts.device = Some(device(state));
                onboarded_before(facts, rule);
            })
        };
        let rule = Rule::DeviceStartsAgain;
        assert_eq!(with(ReonboardingRule::Admit), Decision::Admit { rule }, "{state}");
        assert!(
            matches!(with(ReonboardingRule::Defer), Decision::Defer { rule: by, .. } if by == rule),
            "{state}"
        );
        let refused = Decision::Refuse { rule, reason: Refusal::DeviceOnboardedBefore };
        assert_eq!(with(ReonboardingRule::Refuse), refused, "{state}");
    }
}

const CLEAN: AuditLogFacts = AuditLogFacts {
    known_at: NOW,
    foreign_entries: 0,
    nonceless_entries: 0,
    early_entries: 0,
    hidden_entries: 0,
};

// RFC8995-5.8.3-audit-log
#[test]
fn a_past_in_doubt_refuses_every_certificate_when_the_rule_says_so() {
    let pasts = [
        (AuditLogFacts { foreign_entries: 1, ..CLEAN }, false),
        (AuditLogFacts { nonceless_entries: 1, ..CLEAN }, false),
        (AuditLogFacts { early_entries: 1, ..CLEAN }, false),
        (AuditLogFacts { hidden_entries: 1, ..CLEAN }, false),
        (CLEAN, true),
    ];
    for (log, is_clean) in pasts {
        for request in [RequestKind::Enroll, RequestKind::Reenroll] {
            let with = |rule| {
                changed(request, |facts| {
                    facts.audit_log = Some(log);
                    maker_of(facts).audit_log = rule;
                })
            };
            assert!(with(AuditLogRule::Ignore).is_admitted() && with(AuditLogRule::Warn).is_admitted());
            let required = with(AuditLogRule::Require);
            assert_eq!(required.refusal(), (!is_clean).then_some(Refusal::AuditLogSuspicious), "{log:?}");
        }
    }
    assert!(Refusal::AuditLogSuspicious.is_alarm());
}

#[test]
fn a_person_who_knew_the_log_may_answer_for_the_past() {
    let with = |seconds_from_log: i64, is_for_this_key: bool| {
        changed(RequestKind::Enroll, |facts| {
            facts.audit_log = Some(AuditLogFacts { foreign_entries: 1, ..CLEAN });
            facts.approval = Some(Approval { is_for_this_key, ..approval(seconds_from_log) });
            maker_of(facts).audit_log = AuditLogRule::Require;
        })
    };
    assert!(with(0, true).is_admitted());
    assert!(!with(-1, true).is_admitted(), "who approved before the log was here did not know it");
    assert!(!with(0, false).is_admitted());
}

#[test]
fn the_first_certificate_waits_for_a_log_that_is_required_and_is_refused_without_one() {
    // RFC8995-5.8-registrar-asks-for-log
    let with = |rule, change: &dyn Fn(&mut Facts)| {
        changed(RequestKind::Enroll, |facts| {
            maker_of(facts).audit_log = rule;
            change(facts);
        })
    };
    assert!(with(AuditLogRule::Warn, &|_| {}).is_admitted());
    let until = at(i64::try_from(DEFERRAL_SECONDS_MAX).unwrap());
    let rule = Rule::PastIsKnown;
    let awaited = |facts: &mut Facts| facts.is_audit_log_awaited = true;
    assert_eq!(with(AuditLogRule::Require, &awaited), Decision::Defer { rule, until });
    assert!(with(AuditLogRule::Require, &|facts| facts.audit_log = Some(CLEAN)).is_admitted());
    let missing = Decision::Refuse { rule, reason: Refusal::AuditLogMissing };
    assert_eq!(with(AuditLogRule::Require, &|_| {}), missing);
    let waited = -i64::try_from(DEFERRAL_SECONDS_MAX).unwrap();
    let in_vain = |facts: &mut Facts| {
        awaited(facts);
        facts.first_asked_at = at(waited);
    };
    assert_eq!(with(AuditLogRule::Require, &in_vain), missing);
    let approved = |seconds: i64| {
        with(AuditLogRule::Require, &|facts| {
            facts.audit_log_failing_since_at = Some(at(-5));
            facts.approval = Some(approval(seconds));
        })
    };
    assert!(approved(-5).is_admitted());
    assert_eq!(approved(-6), missing);
    // A renewal does not wait: a device may have come aboard before logs were asked for.
    let renewal = changed(RequestKind::Reenroll, |facts| maker_of(facts).audit_log = AuditLogRule::Require);
    assert!(renewal.is_admitted());
}

#[test]
fn facts_of_version_one_are_still_read() {
    let mut stored = serde_json::to_value(facts(RequestKind::Enroll)).unwrap();
    stored["version"] = 1.into();
    stored["manufacturer"]["audit_log"] = "refuse".into();
    stored.as_object_mut().unwrap().remove("is_audit_log_awaited");
    let read: Facts = serde_json::from_value(stored).unwrap();
    assert_eq!(read.manufacturer.unwrap().audit_log, AuditLogRule::Require);
}

#[test]
fn enrolment_and_renewal_need_a_record() {
    for request in [RequestKind::Enroll, RequestKind::Reenroll] {
        let expected = (Some(Refusal::DeviceUnknown), Rule::DeviceIsOnRecord);
        assert_eq!(refusal(request, |facts| facts.device = None), expected);
    }
}

#[test]
fn a_renewal_is_by_a_certificate_of_this_generation() {
    let rule = Rule::CertificateIsOfThisGeneration;
    let none = refusal(RequestKind::Reenroll, |facts| facts.certificate = None);
    assert_eq!(none, (Some(Refusal::CertificateMissing), rule));
    let old = refusal(RequestKind::Reenroll, |facts| {
        facts.certificate.as_mut().unwrap().is_of_this_generation = false;
    });
    assert_eq!(old, (Some(Refusal::CertificateSuperseded), rule));
}

#[test]
fn grace_is_for_those_who_come_late_and_not_for_those_who_come_early() {
    let with = |not_before: i64, not_after: i64, grace: u64| {
        changed(RequestKind::Reenroll, |facts| {
            let certificate = facts.certificate.as_mut().unwrap();
            (certificate.not_before_at, certificate.not_after_at) = (at(not_before), at(not_after));
            maker_of(facts).renewal_grace_seconds = grace;
        })
        .refusal()
    };
    assert_eq!(with(-10, 0, 0), None);
    assert_eq!(with(-10, -1, 0), Some(Refusal::CertificateExpired));
    assert_eq!(with(-10, -5, 5), None);
    assert_eq!(with(-10, -6, 5), Some(Refusal::CertificateExpired));
    assert_eq!(with(1, 10, 1_000_000), Some(Refusal::CertificateNotYetValid));
}

#[test]
fn facts_and_decisions_are_stored_and_replayed() {
    for request in RequestKind::ALL {
        let mut facts = facts(request);
        facts.approval = Some(approval(-1));
        let stored = serde_json::to_string(&facts).unwrap();
        let replayed: Facts = serde_json::from_str(&stored).unwrap();
        assert_eq!(replayed, facts);
        assert_eq!(replayed.version, FACTS_VERSION);
        let decision = decide(&facts);
        let text = serde_json::to_string(&decision).unwrap();
        assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decide(&replayed));
    }
    let refused = decide(&Facts::new(RequestKind::Voucher, NOW));
    assert_eq!(
        serde_json::to_string(&refused).unwrap(),
        r#"{"decision":"refuse","rule":"manufacturer_is_registered","reason":"manufacturer_unknown"}"#
    );
}

#[test]
fn every_reason_has_a_code_and_a_sentence_of_its_own() {
    let codes: BTreeSet<_> = Refusal::ALL.iter().map(|reason| reason.stable_code()).collect();
    let sentences: BTreeSet<_> = Refusal::ALL.iter().map(|reason| reason.sentence()).collect();
    assert_eq!((codes.len(), sentences.len()), (Refusal::ALL.len(), Refusal::ALL.len()));
    for reason in Refusal::ALL {
        assert_eq!(reason.class(), Class::Refused);
        assert!(reason.code().as_str().starts_with("policy-"));
        assert_eq!(reason.is_reversible(), reason != Refusal::DeviceRetired);
    }
}

#[test]
fn a_rule_is_called_in_records_by_its_name() {
    for request in RequestKind::ALL {
        for rule in Rule::for_request(request) {
            assert_eq!(serde_json::to_string(rule).unwrap(), format!("\"{rule}\""));
        }
    }
}
