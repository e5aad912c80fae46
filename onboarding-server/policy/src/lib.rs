//! Whether a device may have what it asks for: facts in, decision out.
//!
//! Source: DESIGN §4; what a registrar has to weigh: RFC 8995 §5.2 to §5.8, RFC 7030 §4.2.
//! Does not: see a message, read a clock or a store, change anything.
//! Invariants: [`decide`] is total and pure, so a stored [`Facts`] decides the same way for ever; the first rule of
//! [`Rule::for_request`] that has something to say decides, and the decision names it.

mod decision;
mod facts;
mod past;
mod refusal;
mod rule;

pub use decision::{DEFERRAL_SECONDS_MAX, Decision, decide};
pub use facts::{
    Approval, AuditLogRule, CertificateFacts, DeviceFacts, ExpiredIdevidRule, FACTS_VERSION, Facts,
    IdevidFacts, KeyOnRecord, ManufacturerFacts, MasaFacts, ReonboardingRule, RequestKind, UnknownDeviceRule,
};
pub use past::{AuditLogFacts, DomainStanding, EARLY_TOLERANCE_SECONDS, Known, PastDomain, PastEntry};
pub use refusal::Refusal;
pub use rule::Rule;
