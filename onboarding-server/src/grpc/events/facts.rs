//! What a timeline shows of a journal record: kind, whose it is, where it moved, why, and a sentence.
//!
//! Source: `Event` in `proto/api/onboarding/v1/event.proto`; docs/events.md lists the kinds.
//! Does not: read the store.
//! Invariants: a kind, once given out, never changes; no nonce and no certificate's bytes are shown.

use std::collections::BTreeMap;

use proto::{DeviceId, Fingerprint, ManufacturerId, SerialNumber};
use server_lifecycle::Event as Step;
use server_store::{Move, OwnerEvent, Repeated, Repeats, ReportKind};

/// The parts of a record that are shown.
pub(in crate::grpc) struct Facts<'a> {
    pub(in crate::grpc) kind: &'static str,
    pub(in crate::grpc) device: Option<DeviceId>,
    pub(super) name: Option<(&'a ManufacturerId, &'a SerialNumber)>,
    pub(super) moved: Option<Move>,
    pub(super) code: String,
    pub(super) note: String,
    pub(super) details: BTreeMap<String, String>,
    repeats: Option<&'a Repeats>,
}

impl<'a> Facts<'a> {
    /// Reads a record's event.
    pub(in crate::grpc) fn of(event: &'a OwnerEvent) -> Self {
        Self {
            kind: kind(event),
            device: event.device(),
            name: name(event),
            moved: moved(event),
            code: code(event),
            note: note(event),
            details: details(event),
            repeats: repeats(event),
        }
    }

    /// Says in one sentence what happened.
    pub(super) fn summary(&self) -> String {
        let mut sentence = self.repeats.map_or_else(|| self.kind.replace('-', " "), tell_repeats);
        if let Some(moved) = self.moved {
            sentence.push_str(&format!(", now {}", moved.to));
        }
        if !self.code.is_empty() {
            sentence.push_str(&format!(" ({})", self.code));
        }
        sentence
    }
}

const fn kind(event: &OwnerEvent) -> &'static str {
    match event {
        OwnerEvent::DeviceDeclared { .. } => "device-declared",
        OwnerEvent::VoucherRequested { .. } => "voucher-requested",
        OwnerEvent::VoucherDeferred { .. } => "voucher-deferred",
        OwnerEvent::VoucherRefused { .. } => "voucher-refused",
        OwnerEvent::RequestRefused { .. } => "request-refused",
        OwnerEvent::RepeatsCounted { .. } => "repeats-counted",
        OwnerEvent::VoucherCompleted { .. } => "voucher-issued",
        OwnerEvent::VoucherFailed { .. } => "voucher-failed",
        OwnerEvent::DeviceApproved { .. } => "device-approved",
        OwnerEvent::StateChanged { event, .. } => kind_of_step(*event),
        OwnerEvent::CertificateBegun { .. } => "certificate-begun",
        OwnerEvent::CertificateCompleted { .. } => "certificate-issued",
        OwnerEvent::CertificateAbandoned { .. } => "certificate-abandoned",
        OwnerEvent::TelemetryRecorded { kind, .. } => kind_of_report(*kind),
        OwnerEvent::AuditLogAsked { .. } => "audit-log-asked",
        OwnerEvent::AuditLogReceived { code, .. } => kind_of_log(code.is_some()),
        OwnerEvent::AuditLogFailed { .. } => "audit-log-failed",
        OwnerEvent::EnrollmentConfirmed { .. } => "enrollment-confirmed",
        OwnerEvent::CrlRecorded { .. } => "crl-published",
        // A record of a later version.
        _ => "other",
    }
}

const fn kind_of_log(is_suspicious: bool) -> &'static str {
    if is_suspicious { "audit-log-suspicious" } else { "audit-log-received" }
}

const fn kind_of_report(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Voucher => "voucher-status-reported",
        ReportKind::Enrollment => "enroll-status-reported",
    }
}

const fn kind_of_step(step: Step) -> &'static str {
    match step {
        Step::VoucherRequested => "voucher-requested",
        Step::VoucherIssued => "voucher-issued",
        Step::RequestLapsed => "request-lapsed",
        Step::Refused => "device-refused",
        Step::Reopen => "device-reopened",
        Step::CertificateIssued => "certificate-issued",
        Step::CertificateRenewed => "certificate-renewed",
        Step::EnrollmentConfirmed => "enrollment-confirmed",
        Step::Quarantine => "device-quarantined",
        Step::Release => "device-released",
        Step::Suspend => "device-suspended",
        Step::Resume | Step::ResumeInQuarantine => "device-resumed",
        Step::BeginTransfer => "transfer-begun",
        Step::TransferCompleted => "transfer-completed",
        Step::TransferCancelled => "transfer-cancelled",
        Step::SendForRepair => "device-sent-for-repair",
        Step::ReturnFromRepair => "device-returned-from-repair",
        Step::Retire => "device-retired",
    }
}

const fn repeats(event: &OwnerEvent) -> Option<&Repeats> {
    if let OwnerEvent::RepeatsCounted { repeats } = event { Some(repeats) } else { None }
}

/// Says what happened how often, and from when to when.
fn tell_repeats(repeats: &Repeats) -> String {
    let what = match &repeats.what {
        Repeated::Refused { .. } => "refused",
        Repeated::Deferred { .. } => "asked anew while it waits",
        Repeated::Reported { kind: ReportKind::Voucher, .. } => "reported the voucher's status",
        Repeated::Reported { kind: ReportKind::Enrollment, .. } => "reported its enrolment's status",
        Repeated::Various => "refused or counted, by many or for many reasons",
    };
    let Repeats { count, first_at, last_at, .. } = repeats;
    format!("{what} {count} times more from {first_at} to {last_at}")
}

const fn name(event: &OwnerEvent) -> Option<(&ManufacturerId, &SerialNumber)> {
    if let OwnerEvent::DeviceDeclared { manufacturer, serial, .. } = event {
        return Some((manufacturer, serial));
    }
    if let OwnerEvent::VoucherRequested { intake, .. }
    | OwnerEvent::VoucherDeferred { intake, .. }
    | OwnerEvent::VoucherRefused { intake, .. } = event
    {
        return Some((&intake.manufacturer, &intake.serial));
    }
    None
}

const fn moved(event: &OwnerEvent) -> Option<Move> {
    if let OwnerEvent::StateChanged { moved, .. } = event {
        return Some(*moved);
    }
    if let OwnerEvent::VoucherRequested { moved, .. }
    | OwnerEvent::VoucherDeferred { moved, .. }
    | OwnerEvent::VoucherRefused { moved, .. }
    | OwnerEvent::VoucherCompleted { moved, .. }
    | OwnerEvent::CertificateCompleted { moved, .. }
    | OwnerEvent::EnrollmentConfirmed { moved, .. } = event
    {
        return *moved;
    }
    None
}

fn code(event: &OwnerEvent) -> String {
    if let OwnerEvent::VoucherDeferred { code, .. }
    | OwnerEvent::VoucherRefused { code, .. }
    | OwnerEvent::VoucherFailed { code, .. }
    | OwnerEvent::RequestRefused { code, .. }
    | OwnerEvent::CertificateAbandoned { code, .. }
    | OwnerEvent::AuditLogFailed { code, .. }
    | OwnerEvent::AuditLogReceived { code: Some(code), .. }
    | OwnerEvent::StateChanged { code: Some(code), .. } = event
    {
        return code.to_string();
    }
    match repeats(event).map(|repeats| &repeats.what) {
        Some(Repeated::Refused { code, .. } | Repeated::Deferred { code }) => code.to_string(),
        Some(Repeated::Reported { .. } | Repeated::Various) | None => String::new(),
    }
}

fn note(event: &OwnerEvent) -> String {
    if let OwnerEvent::DeviceApproved { note, .. }
    | OwnerEvent::StateChanged { note, .. }
    | OwnerEvent::TelemetryRecorded { reason: note, .. } = event
    {
        return note.to_string();
    }
    String::new()
}

fn details(event: &OwnerEvent) -> BTreeMap<String, String> {
    let pvr = |digest: &Fingerprint| ("pvr_digest", digest.to_string());
    let found = match event {
        OwnerEvent::VoucherRequested { intake, .. }
        | OwnerEvent::VoucherDeferred { intake, .. }
        | OwnerEvent::VoucherRefused { intake, .. } => {
            vec![pvr(&intake.pvr_digest), ("idevid", intake.idevid.to_string())]
        }
        OwnerEvent::VoucherCompleted { pvr_digest, assertion, .. } => {
            vec![pvr(pvr_digest), ("assertion", assertion.to_string())]
        }
        OwnerEvent::VoucherFailed { pvr_digest, .. }
        | OwnerEvent::AuditLogAsked { pvr_digest, .. }
        | OwnerEvent::AuditLogFailed { pvr_digest, .. } => vec![pvr(pvr_digest)],
        OwnerEvent::AuditLogReceived { pvr_digest, log, .. } => {
            let mut domains: Vec<String> = log.entries.iter().map(|entry| entry.domain.to_string()).collect();
            domains.sort_unstable();
            domains.dedup();
            vec![
                pvr(pvr_digest),
                ("log_digest", log.digest.to_string()),
                ("entries", log.entries.len().to_string()),
                ("hidden", log.hidden.to_string()),
                ("domains", domains.join(" ")),
            ]
        }
        OwnerEvent::RequestRefused { verb, .. } => vec![("verb", verb.name().to_owned())],
        OwnerEvent::RepeatsCounted { repeats } => details_of(repeats),
        OwnerEvent::CertificateBegun { draft, .. } => {
            vec![("certificate_serial", draft.key.serial.to_string())]
        }
        OwnerEvent::CertificateCompleted { key, fingerprint, .. } => {
            vec![("certificate_serial", key.serial.to_string()), ("fingerprint", fingerprint.to_string())]
        }
        OwnerEvent::CertificateAbandoned { key, .. } => vec![("certificate_serial", key.serial.to_string())],
        OwnerEvent::TelemetryRecorded { is_success, .. } => vec![("is_success", is_success.to_string())],
        OwnerEvent::EnrollmentConfirmed { certificate, .. } => vec![("fingerprint", certificate.to_string())],
        OwnerEvent::CrlRecorded { number, .. } => vec![("crl_number", number.to_string())],
        OwnerEvent::DeviceDeclared { product, .. } => {
            product.iter().map(|product| ("product", product.to_string())).collect()
        }
        OwnerEvent::DeviceApproved { .. } | OwnerEvent::StateChanged { .. } => Vec::new(),
        // A record of a later version.
        _ => Vec::new(),
    };
    found.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn details_of(repeats: &Repeats) -> Vec<(&'static str, String)> {
    let mut found = vec![
        ("count", repeats.count.to_string()),
        ("first_at", repeats.first_at.to_string()),
        ("last_at", repeats.last_at.to_string()),
    ];
    match &repeats.what {
        Repeated::Refused { verb, .. } => found.push(("verb", verb.name().to_owned())),
        Repeated::Reported { is_success, .. } => found.push(("is_success", is_success.to_string())),
        Repeated::Deferred { .. } | Repeated::Various => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use proto::Generation;
    use server_lifecycle::State;
    use server_store::Text;

    use super::*;

    fn changed(step: Step) -> OwnerEvent {
        OwnerEvent::StateChanged {
            device: DeviceId::from_array([7; 16]),
            event: step,
            moved: Move { to: State::Retired, generation: Generation(2) },
            code: None,
            note: Text::clipped("lost at sea"),
        }
    }

    #[test]
    fn a_persons_step_is_told_with_their_words_and_the_state_it_led_to() {
        let event = changed(Step::Retire);
        let facts = Facts::of(&event);
        assert_eq!((facts.kind, facts.note.as_str()), ("device-retired", "lost at sea"));
        assert_eq!(facts.summary(), "device retired, now retired");
        assert_eq!(facts.device, Some(DeviceId::from_array([7; 16])));
    }

    #[test]
    fn what_was_counted_is_told_with_its_number_and_its_time() {
        let at = |seconds: u64| proto::UnixTime::from_seconds(1_800_000_000 + seconds);
        let what = Repeated::Refused {
            verb: server_store::Verb::RequestVoucher,
            code: proto::ReasonCode::new("policy-device-retired"),
        };
        let subject = Some(DeviceId::from_array([7; 16]));
        let repeats = Repeats { subject, what, count: 4_999, first_at: at(1), last_at: at(60) };
        let event = OwnerEvent::RepeatsCounted { repeats };
        let facts = Facts::of(&event);
        assert_eq!(
            facts.summary(),
            "refused 4999 times more from 2027-01-15T08:00:01.000Z to 2027-01-15T08:01:00.000Z \
             (policy-device-retired)"
        );
        assert_eq!((facts.details["count"].as_str(), facts.device), ("4999", subject));
    }

    #[test]
    fn kinds_are_lower_case_words_with_hyphens_and_the_manual_has_them() {
        let manual = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md"));
        for step in Step::ALL {
            let kind = kind(&changed(step));
            assert!(kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{kind}");
            assert!(manual.contains(&format!("\n| `{kind}` |")), "{kind} is not in docs/events.md");
        }
    }
}
