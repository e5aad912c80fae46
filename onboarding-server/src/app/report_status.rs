//! A pledge tells what became of its voucher, a device what became of its enrolment.
//!
//! Source: RFC 8995 §5.7, §5.9.4; §5.8: a report on a voucher makes the MASA's log due.
//! Does not: believe a report; only a session opened with the LDevID itself shows that the device has it.
//! Invariants: a report changes no state but by that session.

use std::sync::Arc;

use pki::Certificate;
use proto::UnixTime;
use proto_brski::Telemetry;
use server_listen::Peer;
use server_store::{
    Actor, ConfirmEnrollment, Device, Error as StoreError, RecordTelemetry, Repeated, ReportKind, Stamp,
    Text, Verb,
};

use super::{ANEW_MAX, Identity, Refusal, audit_log, identify, in_progress, owner, refusals};
use crate::context::{Context, OwnerContext};

/// A report as its transport brings it.
#[derive(Clone, Copy, Debug)]
pub enum ReportBody<'a> {
    /// JSON (RFC 8995 §5.7).
    Json(&'a [u8]),
    /// CBOR (CBRSKI §6.5.1).
    Cbor(&'a [u8]),
}

impl ReportBody<'_> {
    fn read(self) -> Result<Telemetry, proto_brski::Error> {
        match self {
            Self::Json(body) => Telemetry::parse(body),
            Self::Cbor(body) => Telemetry::parse_cbor(body),
        }
    }
}

/// Takes a report of either kind.
///
/// # Errors
/// A [`Refusal`] with the exact reason.
pub async fn report_status(
    context: &Arc<Context>,
    peer: &Peer,
    kind: ReportKind,
    body: ReportBody<'_>,
) -> Result<(), Refusal> {
    let owner = owner(context)?;
    let now = context.clock.now();
    let reported = report_at(context, owner, (peer, kind, body), now).await;
    if let Err(refusal) = &reported {
        refusals::refuse(owner, Verb::ReportStatus, (refusal, peer), now).await;
    }
    reported
}

async fn report_at(
    context: &Arc<Context>,
    owner: &OwnerContext,
    (peer, kind, body): (&Peer, ReportKind, ReportBody<'_>),
    now: UnixTime,
) -> Result<(), Refusal> {
    let identity = identify(owner, peer, now).await?;
    let report = body.read()?;
    if report.is_newer() || !report.unknown_members.is_empty() {
        tracing::warn!(version = report.version, "a report has members that are not known here");
    }
    let (device, certificate, asks_log) = match identity {
        Identity::Pledge { manufacturer, idevid } => {
            let serial = idevid.subject_serial_number().ok_or(proto_brski::Error::IdevidSerialMissing)?;
            let id = server_store::device_id(&manufacturer.id, &serial);
            let device = owner.store.look_up(move |store| store.load_device(id)).await?;
            // RFC8995-5.8-registrar-asks-for-log
            let asks_log = kind == ReportKind::Voucher && audit_log::is_wanted(manufacturer);
            (device.ok_or(StoreError::DeviceUnknown)?, idevid, asks_log)
        }
        Identity::Device { device, ldevid, .. } => {
            // RFC8995-5.9.4-confirmed-by-ldevid
            if kind == ReportKind::Enrollment && report.is_success {
                confirm(context, owner, &device, ldevid).await?;
            }
            (*device, ldevid, false)
        }
    };
    let command = RecordTelemetry {
        device: device.id,
        kind,
        is_success: report.is_success,
        reason: Text::clipped(report.reason.as_deref().unwrap_or_default()),
        certificate: Some(certificate.fingerprint()),
        asks_log,
    };
    // RFC8995-5.9.4-session-certificate
    let stamp = Stamp::new(now, Actor::Pledge(certificate.fingerprint()));
    match owner.store.write(stamp, command).await? {
        Some(noted) if asks_log => audit_log::ask_if_owed(context, device.id, noted).await,
        Some(_) => Ok(()),
        None => {
            let what = Repeated::Reported { kind, is_success: report.is_success };
            refusals::count(owner, device.id, what, now);
            Ok(())
        }
    }
}

/// Records that the device has the LDevID that opened the session.
async fn confirm(
    context: &Context,
    owner: &OwnerContext,
    device: &Device,
    ldevid: &Certificate,
) -> Result<(), Refusal> {
    let certificate = ldevid.fingerprint();
    let mut expected = device.version;
    for _ in 0..ANEW_MAX {
        let command = ConfirmEnrollment { device: device.id, expected, certificate };
        let stamp = Stamp::new(context.clock.now(), Actor::Pledge(certificate));
        match owner.store.write(stamp, command).await {
            Ok(_) => {
                context.metrics.event("enrollment_confirmed");
                return Ok(());
            }
            // Whether the certificate still counts, the store says.
            Err(StoreError::DeviceChanged { found: Some(version) }) => expected = version,
            Err(other) => return Err(other.into()),
        }
    }
    Err(in_progress())
}
