//! A pledge tells what became of its voucher, a device what became of its enrolment.
//!
//! Source: RFC 8995 §5.7, §5.9.4.
//! Does not: believe a report; only a session opened with the LDevID itself shows that the device has it.
//! Invariants: a report changes no state but by that session.

use pki::Certificate;
use proto_brski::Telemetry;
use server_listen::Peer;
use server_store::{Actor, ConfirmEnrollment, Device, RecordTelemetry, ReportKind, Stamp, Text};

use super::{Error, Identity, Refusal, identify};
use crate::context::{Context, OwnerContext};

/// Takes a report of either kind.
///
/// # Errors
/// A [`Refusal`] with the exact reason.
pub async fn report_status(
    context: &Context,
    peer: &Peer,
    kind: ReportKind,
    body: &[u8],
) -> Result<(), Refusal> {
    let owner = context.owner.as_ref().ok_or(Error::RoleMissing)?;
    let now = context.clock.now();
    let identity = identify(owner, peer, now).await?;
    let report = Telemetry::parse(body)?;
    if report.is_newer() || !report.unknown_members.is_empty() {
        tracing::warn!(version = report.version, "a report has members that are not known here");
    }
    let (device, certificate) = match identity {
        Identity::Pledge { manufacturer, idevid } => {
            let serial = idevid.subject_serial_number().ok_or(proto_brski::Error::IdevidSerialMissing)?;
            let id = server_store::device_id(&manufacturer.id, &serial);
            let device = owner.store.read(move |store| store.load_device(id)).await?;
            (device.ok_or(server_store::Error::DeviceUnknown)?, idevid)
        }
        Identity::Device { device, ldevid, .. } => {
            // RFC8995-5.9.4-confirmed-by-ldevid
            if kind == ReportKind::Enrollment && report.is_success {
                confirm(context, owner, &device, ldevid).await?;
            }
            (*device, ldevid)
        }
    };
    let command = RecordTelemetry {
        device: device.id,
        kind,
        is_success: report.is_success,
        reason: Text::clipped(report.reason.as_deref().unwrap_or_default()),
        certificate: Some(certificate.fingerprint()),
    };
    owner.store.write(Stamp::new(now, Actor::Pledge(certificate.fingerprint())), command).await?;
    Ok(())
}

/// Records that the device has the LDevID that opened the session.
async fn confirm(
    context: &Context,
    owner: &OwnerContext,
    device: &Device,
    ldevid: &Certificate,
) -> Result<(), Refusal> {
    let certificate = ldevid.fingerprint();
    let command = ConfirmEnrollment { device: device.id, expected: device.version, certificate };
    owner.store.write(Stamp::new(context.clock.now(), Actor::Pledge(certificate)), command).await?;
    context.metrics.event("enrollment_confirmed");
    Ok(())
}
