//! The table, over every state and every event.

use std::collections::BTreeSet;

use proto::{Class, Generation, Reason, UnixTime};
use server_lifecycle::{
    Access, CertificateStatus, Effect, Event, State, Transition, access, certificate_status,
    confirmed_at_after, next, status_of_certificate,
};

/// Lists every legal move.
fn moves() -> impl Iterator<Item = (State, Event, Transition)> {
    State::ALL.into_iter().flat_map(|state| {
        Event::ALL.into_iter().filter_map(move |event| next(state, event).ok().map(|to| (state, event, to)))
    })
}

/// Lists the states that can be reached from `from` by moves that `may` be made.
fn reachable(from: State, may: impl Fn(State, Event, &Transition) -> bool) -> BTreeSet<State> {
    let mut reached = BTreeSet::from([from]);
    loop {
        let before = reached.len();
        for (state, event, to) in moves() {
            if reached.contains(&state) && may(state, event, &to) {
                reached.insert(to.next);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

#[test]
fn every_pair_has_an_answer_and_an_illegal_one_names_the_pair() {
    let mut legal = 0;
    for state in State::ALL {
        for event in Event::ALL {
            match next(state, event) {
                Ok(_) => legal += 1,
                Err(illegal) => {
                    assert_eq!((illegal.state, illegal.event), (state, event));
                    assert_eq!(illegal.class(), Class::Refused);
                    assert!(illegal.code().as_str().starts_with("lifecycle-"));
                    assert!(
                        illegal.to_string().contains(state.name())
                            && illegal.to_string().contains(event.name())
                    );
                }
            }
        }
    }
    assert_eq!(legal, moves().count());
    assert_eq!(legal, 45, "a row was added or lost; see that the others still make sense");
}

#[test]
fn every_state_can_be_reached_from_the_first_and_can_be_retired() {
    assert_eq!(reachable(State::FIRST, |_, _, _| true), BTreeSet::from(State::ALL));
    for state in State::ALL {
        assert!(reachable(state, |_, _, _| true).contains(&State::Retired), "{state}");
    }
}

#[test]
fn nothing_leaves_retirement() {
    for event in Event::ALL {
        let illegal = next(State::Retired, event).unwrap_err();
        assert_eq!(illegal.code().as_str(), "lifecycle-retired", "{event}");
    }
}

#[test]
fn nothing_becomes_operational_without_a_voucher_and_a_certificate() {
    for needed in
        [Event::VoucherRequested, Event::VoucherIssued, Event::CertificateIssued, Event::EnrollmentConfirmed]
    {
        let reached = reachable(State::FIRST, |_, event, _| event != needed);
        for access_state in [State::Operational, State::Quarantined, State::Suspended] {
            assert!(!reached.contains(&access_state), "{access_state} was reached without {needed}");
        }
    }
}

#[test]
fn a_new_generation_needs_a_new_voucher_and_certificate() {
    for (state, event, to) in moves().filter(|(_, _, to)| to.begins_generation) {
        assert_eq!(certificate_status(to.next), CertificateStatus::Absent, "{state} on {event}");
        let without = reachable(to.next, |_, event, _| event != Event::VoucherIssued);
        assert!(!without.contains(&State::Enrolled) && !without.contains(&State::Operational));
    }
}

#[test]
fn a_certificate_once_revoked_stays_revoked() {
    for (state, event, to) in moves() {
        let (before, after) = (certificate_status(state), certificate_status(to.next));
        let is_reset = before != CertificateStatus::Absent && after == CertificateStatus::Absent;
        let is_revived = before == CertificateStatus::Revoked && after != CertificateStatus::Revoked;
        if is_reset || is_revived {
            assert!(to.begins_generation, "{state} on {event} would revive a certificate");
        }
    }
}

#[test]
fn a_change_of_certificate_status_owes_the_deed_that_makes_it_true() {
    use CertificateStatus::{Absent, Good, OnHold, Revoked};
    for (state, event, to) in moves() {
        let after = if to.begins_generation { Revoked } else { certificate_status(to.next) };
        let owed = match (certificate_status(state), after) {
            (Good | OnHold, Revoked | Absent) => Some(Effect::RevokeCertificates),
            (Good, OnHold) => Some(Effect::HoldCertificates),
            (OnHold, Good) => Some(Effect::ReleaseCertificates),
            (Absent | Good | OnHold | Revoked, Absent | Good | OnHold | Revoked) => None,
        };
        let deeds = [Effect::RevokeCertificates, Effect::HoldCertificates, Effect::ReleaseCertificates];
        for deed in deeds {
            assert_eq!(to.effects.contains(&deed), owed == Some(deed), "{state} on {event}: {deed}");
        }
    }
}

#[test]
fn rules_are_published_exactly_when_access_changes() {
    for (state, event, to) in moves() {
        let is_changed = access(state) != access(to.next);
        assert_eq!(to.effects.contains(&Effect::PublishRules), is_changed, "{state} on {event}");
    }
}

#[test]
fn a_voucher_is_owed_for_each_request_and_for_nothing_else() {
    for (state, event, to) in moves() {
        let is_request = event == Event::VoucherRequested;
        assert_eq!(to.effects.contains(&Effect::IssueVoucher), is_request, "{state} on {event}");
        assert_eq!(to.next == State::Requested, is_request, "{state} on {event}");
    }
}

#[test]
fn effects_are_not_owed_twice() {
    for (state, event, to) in moves() {
        let distinct: BTreeSet<_> = to.effects.iter().map(|effect| effect.name()).collect();
        assert_eq!(distinct.len(), to.effects.len(), "{state} on {event}");
    }
}

#[test]
fn a_restart_keeps_the_generation_only_while_no_certificate_was_issued() {
    let restart = |state| next(state, Event::VoucherRequested).map(|to| to.begins_generation);
    for state in [State::Expected, State::Requested, State::Vouched] {
        assert_eq!(restart(state), Ok(false), "{state}");
    }
    for state in [State::Enrolled, State::Operational] {
        assert_eq!(restart(state), Ok(true), "{state}");
    }
    for state in [
        State::Quarantined,
        State::Suspended,
        State::Transferring,
        State::InRepair,
        State::Refused,
        State::Retired,
    ] {
        assert!(restart(state).is_err(), "{state}");
    }
}

#[test]
fn a_device_cannot_leave_quarantine_or_suspension_by_itself() {
    let by_device = [
        Event::VoucherRequested,
        Event::VoucherIssued,
        Event::CertificateIssued,
        Event::CertificateRenewed,
        Event::EnrollmentConfirmed,
        Event::RequestLapsed,
    ];
    for state in [State::Quarantined, State::Suspended, State::Refused, State::InRepair, State::Transferring]
    {
        let reached = reachable(state, |_, event, _| by_device.contains(&event));
        assert_eq!(reached, BTreeSet::from([state]));
    }
}

#[test]
fn an_answer_asked_for_again_changes_nothing() {
    for (state, event) in [
        (State::Vouched, Event::VoucherIssued),
        (State::Enrolled, Event::CertificateIssued),
        (State::Enrolled, Event::CertificateRenewed),
        (State::Operational, Event::CertificateRenewed),
        (State::Operational, Event::EnrollmentConfirmed),
        (State::Quarantined, Event::CertificateRenewed),
    ] {
        assert_eq!(
            next(state, event),
            Ok(Transition { next: state, begins_generation: false, effects: &[] })
        );
    }
}

#[test]
fn access_is_full_only_when_operational_and_the_certificate_good() {
    for state in State::ALL {
        assert_eq!(access(state) == Access::Full, state == State::Operational);
        if matches!(access(state), Access::Full | Access::Reduced) {
            assert_eq!(certificate_status(state), CertificateStatus::Good);
        }
    }
}

#[test]
fn a_certificate_of_another_generation_is_revoked_in_every_state() {
    for state in State::ALL {
        for issued_in in [0, 1, 3] {
            let status = status_of_certificate(state, Generation(2), Generation(issued_in));
            assert_eq!(status, CertificateStatus::Revoked, "{state}");
        }
        let own = status_of_certificate(state, Generation(2), Generation(2));
        let expected = match certificate_status(state) {
            CertificateStatus::Absent | CertificateStatus::Revoked => CertificateStatus::Revoked,
            CertificateStatus::Good => CertificateStatus::Good,
            CertificateStatus::OnHold => CertificateStatus::OnHold,
        };
        assert_eq!(own, expected, "{state}");
    }
}

#[test]
fn only_the_owner_makes_forget_that_a_device_was_operational() {
    let (then, now) = (UnixTime::from_seconds(1), UnixTime::from_seconds(2));
    for (state, event, to) in moves() {
        let after = confirmed_at_after(Some(then), &to, now);
        let by_owner =
            [Event::Reopen, Event::ReturnFromRepair, Event::TransferCompleted, Event::TransferCancelled];
        if by_owner.contains(&event) {
            assert_eq!(after, None, "{state} on {event}");
        } else if to.next == State::Operational {
            assert_eq!(after, Some(now), "{state} on {event}");
        } else {
            assert_eq!(after, Some(then), "{state} on {event}");
        }
    }
}

#[test]
fn names_are_stable_and_read_back() {
    for state in State::ALL {
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        assert_eq!(state.name().parse(), Ok(state));
    }
    for event in Event::ALL {
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{event}\""));
        assert_eq!(event.name().parse(), Ok(event));
    }
    for effect in Effect::ALL {
        assert_eq!(serde_json::to_string(&effect).unwrap(), format!("\"{effect}\""));
    }
    assert!("Operational".parse::<State>().is_err());
    assert_eq!(State::InRepair.name(), "in_repair");
}

#[test]
fn the_lists_hold_each_name_once() {
    let states: BTreeSet<_> = State::ALL.iter().map(|state| state.name()).collect();
    let events: BTreeSet<_> = Event::ALL.iter().map(|event| event.name()).collect();
    assert_eq!((states.len(), events.len()), (State::ALL.len(), Event::ALL.len()));
}
