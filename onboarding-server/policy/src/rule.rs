//! The rules, in the order in which they are asked.

use std::fmt;
use std::time::Duration;

use proto::UnixTime;
use serde::{Deserialize, Serialize};
use server_lifecycle::State;

use crate::{
    AuditLogFacts, AuditLogRule, DEFERRAL_SECONDS_MAX, Decision, DeviceFacts, ExpiredIdevidRule, Facts,
    KeyOnRecord, Refusal, ReonboardingRule, RequestKind, UnknownDeviceRule,
};

/// Names a rule; the name is a claim that holds when the rule lets a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Refuses when no manufacturer is registered for the device.
    ManufacturerIsRegistered,
    /// Refuses an expired IDevID, unless the manufacturer's rule is to ignore it.
    IdevidIsValid,
    /// Refuses a serial number that came before with another key.
    SerialNumberHasOneKey,
    /// Refuses a device without a record.
    DeviceIsOnRecord,
    /// Refuses a voucher in a state that no request may leave.
    StateAllowsVoucher,
    /// Refuses the first certificate unless a voucher precedes it.
    StateAllowsEnrollment,
    /// Refuses the next certificate unless the device has one.
    StateAllowsRenewal,
    /// Refuses when the MASA is not known or not allowed.
    MasaIsAllowed,
    /// Admits what a person approved.
    PersonApproved,
    /// Applies the re-onboarding rule to a device that was operational and starts again.
    DeviceStartsAgain,
    /// Admits what the owner declared.
    OwnerDeclared,
    /// Applies the unknown-device rule to the rest.
    OwnerDidNotDeclare,
    /// Waits for the MASA's log before the first certificate, and refuses without one, when that is the manufacturer's
    /// rule.
    PastIsKnown,
    /// Refuses a certificate to a device whose past is in doubt, when that is the manufacturer's rule.
    PastIsClean,
    /// Admits an enrolment that follows a voucher.
    VoucherPrecedes,
    /// Refuses a renewal by a certificate of an earlier generation, or by none.
    CertificateIsOfThisGeneration,
    /// Admits a renewal by a certificate within its validity or grace, and refuses others.
    CertificateIsCurrent,
}

impl Rule {
    /// Lists the rules for a kind of request, the first to be asked first; the last always decides.
    #[must_use]
    pub const fn for_request(request: RequestKind) -> &'static [Self] {
        match request {
            RequestKind::Voucher => &[
                Self::ManufacturerIsRegistered,
                Self::IdevidIsValid,
                Self::SerialNumberHasOneKey,
                Self::StateAllowsVoucher,
                Self::MasaIsAllowed,
                Self::PersonApproved,
                Self::DeviceStartsAgain,
                Self::OwnerDeclared,
                Self::OwnerDidNotDeclare,
            ],
            RequestKind::Enroll => &[
                Self::ManufacturerIsRegistered,
                Self::IdevidIsValid,
                Self::DeviceIsOnRecord,
                Self::SerialNumberHasOneKey,
                Self::StateAllowsEnrollment,
                Self::PastIsKnown,
                Self::PastIsClean,
                Self::VoucherPrecedes,
            ],
            RequestKind::Reenroll => &[
                Self::ManufacturerIsRegistered,
                Self::DeviceIsOnRecord,
                Self::StateAllowsRenewal,
                Self::PastIsClean,
                Self::CertificateIsOfThisGeneration,
                Self::CertificateIsCurrent,
            ],
        }
    }

    /// Names the rule as records and the manual do.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManufacturerIsRegistered => "manufacturer_is_registered",
            Self::IdevidIsValid => "idevid_is_valid",
            Self::SerialNumberHasOneKey => "serial_number_has_one_key",
            Self::DeviceIsOnRecord => "device_is_on_record",
            Self::StateAllowsVoucher => "state_allows_voucher",
            Self::StateAllowsEnrollment => "state_allows_enrollment",
            Self::StateAllowsRenewal => "state_allows_renewal",
            Self::MasaIsAllowed => "masa_is_allowed",
            Self::PersonApproved => "person_approved",
            Self::DeviceStartsAgain => "device_starts_again",
            Self::OwnerDeclared => "owner_declared",
            Self::OwnerDidNotDeclare => "owner_did_not_declare",
            Self::PastIsKnown => "past_is_known",
            Self::PastIsClean => "past_is_clean",
            Self::VoucherPrecedes => "voucher_precedes",
            Self::CertificateIsOfThisGeneration => "certificate_is_of_this_generation",
            Self::CertificateIsCurrent => "certificate_is_current",
        }
    }

    /// Returns the rule's decision, or `None` when it has nothing to say and the next rule is asked.
    pub fn judge(self, facts: &Facts) -> Option<Decision> {
        match self {
            Self::ManufacturerIsRegistered => {
                self.refuse_if(facts.manufacturer.is_none(), Refusal::ManufacturerUnknown)
            }
            Self::IdevidIsValid => self.refuse_if(is_idevid_expired(facts), Refusal::IdevidExpired),
            Self::SerialNumberHasOneKey => {
                self.refuse_if(has_another_key(facts), Refusal::SerialNumberOnAnotherKey)
            }
            Self::DeviceIsOnRecord => self.refuse_if(facts.device.is_none(), Refusal::DeviceUnknown),
            Self::StateAllowsVoucher => self.refuse_in_state(facts, voucher_refusal),
            Self::StateAllowsEnrollment => self.refuse_in_state(facts, enrollment_refusal),
            Self::StateAllowsRenewal => self.refuse_in_state(facts, renewal_refusal),
            Self::MasaIsAllowed => self.masa(facts),
            Self::PersonApproved => facts.is_approved().then_some(Decision::Admit { rule: self }),
            Self::DeviceStartsAgain => self.starts_again(facts),
            Self::OwnerDeclared => is_declared(facts).then_some(Decision::Admit { rule: self }),
            Self::OwnerDidNotDeclare => Some(self.unknown_device(facts)),
            Self::PastIsKnown => self.past_known(facts),
            Self::PastIsClean => self.refuse_if(is_past_in_doubt(facts), Refusal::AuditLogSuspicious),
            Self::VoucherPrecedes => Some(Decision::Admit { rule: self }),
            Self::CertificateIsOfThisGeneration => self.generation(facts),
            Self::CertificateIsCurrent => Some(self.validity(facts)),
        }
    }

    const fn refuse(self, reason: Refusal) -> Decision {
        Decision::Refuse { rule: self, reason }
    }

    fn refuse_if(self, is_so: bool, reason: Refusal) -> Option<Decision> {
        is_so.then_some(self.refuse(reason))
    }

    fn refuse_in_state(self, facts: &Facts, refusal: fn(State) -> Option<Refusal>) -> Option<Decision> {
        let device = facts.device.as_ref()?;
        refusal(device.state).map(|reason| self.refuse(reason))
    }

    /// Waits for a person as long as a pledge does.
    fn defer(self, facts: &Facts) -> Decision {
        let until = lapses_at(facts);
        if facts.now < until {
            Decision::Defer { rule: self, until }
        } else {
            self.refuse(Refusal::ApprovalTimedOut)
        }
    }

    /// A MASA that is away holds its devices up as long as a pledge waits; where it gives no log, a person may let them in.
    fn past_known(self, facts: &Facts) -> Option<Decision> {
        if !is_log_required(facts) || facts.audit_log.is_some() {
            return None;
        }
        if facts.audit_log_failing_since_at.is_some_and(|since| facts.is_approved_since(since)) {
            return None;
        }
        let until = lapses_at(facts);
        if facts.is_audit_log_awaited && facts.now < until {
            Some(Decision::Defer { rule: self, until })
        } else {
            Some(self.refuse(Refusal::AuditLogMissing))
        }
    }

    fn masa(self, facts: &Facts) -> Option<Decision> {
        match &facts.masa {
            None => Some(self.refuse(Refusal::MasaUnknown)),
            Some(masa) => self.refuse_if(!masa.is_allowed, Refusal::MasaNotAllowed),
        }
    }

    fn starts_again(self, facts: &Facts) -> Option<Decision> {
        let has_served = facts.device.as_ref().is_some_and(has_served);
        let rule = facts.manufacturer.as_ref().filter(|_| has_served)?.reonboarding;
        match rule {
            ReonboardingRule::Refuse => Some(self.refuse(Refusal::DeviceOnboardedBefore)),
            ReonboardingRule::Defer => Some(self.defer(facts)),
            ReonboardingRule::Admit => Some(Decision::Admit { rule: self }),
        }
    }

    fn unknown_device(self, facts: &Facts) -> Decision {
        match facts.manufacturer.as_ref().map(|maker| maker.unknown_device) {
            None | Some(UnknownDeviceRule::Refuse) => self.refuse(Refusal::DeviceUnknown),
            Some(UnknownDeviceRule::Defer) => self.defer(facts),
            Some(UnknownDeviceRule::Admit) => Decision::Admit { rule: self },
        }
    }

    fn generation(self, facts: &Facts) -> Option<Decision> {
        match facts.certificate {
            None => Some(self.refuse(Refusal::CertificateMissing)),
            Some(certificate) => {
                self.refuse_if(!certificate.is_of_this_generation, Refusal::CertificateSuperseded)
            }
        }
    }

    /// The begin is looked at as well as the end: grace is for those who come late, not for those who come early.
    fn validity(self, facts: &Facts) -> Decision {
        let Some(certificate) = facts.certificate else { return self.refuse(Refusal::CertificateMissing) };
        let grace_seconds = facts.manufacturer.as_ref().map_or(0, |maker| maker.renewal_grace_seconds);
        let end = certificate.not_after_at.plus(Duration::from_secs(grace_seconds));
        if facts.now < certificate.not_before_at {
            self.refuse(Refusal::CertificateNotYetValid)
        } else if facts.now > end {
            self.refuse(Refusal::CertificateExpired)
        } else {
            Decision::Admit { rule: self }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Returns when a request lapses that nobody decides.
fn lapses_at(facts: &Facts) -> UnixTime {
    facts.first_asked_at.plus(Duration::from_secs(DEFERRAL_SECONDS_MAX))
}

fn is_idevid_expired(facts: &Facts) -> bool {
    let is_enforced =
        facts.manufacturer.as_ref().is_none_or(|maker| maker.expired_idevid == ExpiredIdevidRule::Refuse);
    is_enforced && facts.idevid.as_ref().is_some_and(|idevid| facts.now > idevid.not_after_at)
}

fn has_another_key(facts: &Facts) -> bool {
    facts.device.as_ref().is_some_and(|device| device.key == KeyOnRecord::Another)
}

fn has_served(device: &DeviceFacts) -> bool {
    device.confirmed_at.is_some()
}

fn is_declared(facts: &Facts) -> bool {
    facts.device.as_ref().is_some_and(|device| device.is_declared)
}

fn is_log_required(facts: &Facts) -> bool {
    facts.manufacturer.as_ref().is_some_and(|maker| maker.audit_log == AuditLogRule::Require)
}

/// A person who approved the device when all of its log was known has answered for it.
// RFC8995-5.8.3-audit-log
fn is_past_in_doubt(facts: &Facts) -> bool {
    let is_in_doubt = |log: &AuditLogFacts| log.is_suspicious() && !facts.is_approved_since(log.known_at);
    is_log_required(facts) && facts.audit_log.as_ref().is_some_and(is_in_doubt)
}

const fn voucher_refusal(state: State) -> Option<Refusal> {
    match state {
        State::Expected | State::Requested | State::Vouched | State::Enrolled | State::Operational => None,
        State::Quarantined => Some(Refusal::DeviceQuarantined),
        State::Suspended | State::Transferring | State::InRepair | State::Refused | State::Retired => {
            closed(state)
        }
    }
}

const fn enrollment_refusal(state: State) -> Option<Refusal> {
    match state {
        State::Vouched | State::Enrolled => None,
        State::Expected | State::Requested => Some(Refusal::VoucherMissing),
        State::Operational => Some(Refusal::AlreadyOperational),
        State::Quarantined => Some(Refusal::DeviceQuarantined),
        State::Suspended | State::Transferring | State::InRepair | State::Refused | State::Retired => {
            closed(state)
        }
    }
}

const fn renewal_refusal(state: State) -> Option<Refusal> {
    match state {
        State::Enrolled | State::Operational | State::Quarantined => None,
        State::Expected | State::Requested | State::Vouched => Some(Refusal::CertificateSuperseded),
        State::Suspended | State::Transferring | State::InRepair | State::Refused | State::Retired => {
            closed(state)
        }
    }
}

/// Returns the refusal of a state in which a device has no business with us.
const fn closed(state: State) -> Option<Refusal> {
    match state {
        State::Suspended => Some(Refusal::DeviceSuspended),
        State::Transferring => Some(Refusal::DeviceTransferring),
        State::InRepair => Some(Refusal::DeviceInRepair),
        State::Refused => Some(Refusal::DeviceRefused),
        State::Retired => Some(Refusal::DeviceRetired),
        State::Expected
        | State::Requested
        | State::Vouched
        | State::Enrolled
        | State::Operational
        | State::Quarantined => None,
    }
}
