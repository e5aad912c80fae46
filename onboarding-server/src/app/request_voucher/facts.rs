//! What policy is told of a voucher-request.

use pki::Certificate;
use proto::{Fingerprint, UnixTime};
use proto_brski::MasaUrl;
use server_config::{AuditLog, Reonboarding, UnknownDevices};
use server_policy::{
    Approval, AuditLogRule, DeviceFacts, ExpiredIdevidRule, Facts, IdevidFacts, KeyOnRecord,
    ManufacturerFacts, MasaFacts, ReonboardingRule, RequestKind, UnknownDeviceRule,
};
use server_store::{Actor, Device, VoucherRequest, VoucherStatus};

use super::Asking;
use crate::context::Manufacturer;

impl Asking<'_> {
    pub(super) fn facts(
        &self,
        now: UnixTime,
        device: Option<&Device>,
        earlier: Option<&VoucherRequest>,
        masa: Option<&MasaUrl>,
    ) -> Facts {
        let mut facts = base(RequestKind::Voucher, now, self.manufacturer, self.idevid);
        if let Some(earlier) = earlier.filter(|e| matches!(e.status, VoucherStatus::Deferred { .. })) {
            facts.first_asked_at = earlier.received_at;
        }
        add_device(&mut facts, device, self.idevid.fingerprint());
        facts.masa = masa
            .map(|url| MasaFacts { authority: url.authority(), is_allowed: self.manufacturer.allows(url) });
        facts
    }
}

/// Begins the facts of a request that an IDevID makes.
pub(in crate::app) fn base(
    request: RequestKind,
    now: UnixTime,
    manufacturer: &Manufacturer,
    idevid: &Certificate,
) -> Facts {
    let mut facts = Facts::new(request, now);
    facts.manufacturer = Some(manufacturer_facts(manufacturer));
    facts.idevid = Some(IdevidFacts { not_after_at: idevid.not_after() });
    facts
}

/// Says what the configuration says of a manufacturer.
pub(in crate::app) fn manufacturer_facts(manufacturer: &Manufacturer) -> ManufacturerFacts {
    ManufacturerFacts {
        id: manufacturer.id.clone(),
        expired_idevid: if manufacturer.expiry == pki::path::Expiry::Ignore {
            ExpiredIdevidRule::Ignore
        } else {
            ExpiredIdevidRule::Refuse
        },
        unknown_device: match manufacturer.unknown_devices {
            UnknownDevices::Defer => UnknownDeviceRule::Defer,
            UnknownDevices::Refuse => UnknownDeviceRule::Refuse,
            UnknownDevices::Admit => UnknownDeviceRule::Admit,
        },
        reonboarding: match manufacturer.reonboarding {
            Reonboarding::Defer => ReonboardingRule::Defer,
            Reonboarding::Refuse => ReonboardingRule::Refuse,
            Reonboarding::Admit => ReonboardingRule::Admit,
        },
        audit_log: match manufacturer.audit_log {
            AuditLog::Ignore => AuditLogRule::Ignore,
            AuditLog::Warn => AuditLogRule::Warn,
            AuditLog::Require => AuditLogRule::Require,
        },
        renewal_grace_seconds: manufacturer.renewal_grace.as_secs(),
    }
}

/// Adds what is on record of the device that asks with the IDevID of this fingerprint.
pub(in crate::app) fn add_device(facts: &mut Facts, device: Option<&Device>, fingerprint: Fingerprint) {
    let Some(device) = device else { return };
    facts.device = Some(DeviceFacts {
        state: device.state,
        is_declared: device.declared_at.is_some(),
        key: match device.idevid {
            None => KeyOnRecord::Unseen,
            Some(seen) if seen == fingerprint => KeyOnRecord::Same,
            Some(_) => KeyOnRecord::Another,
        },
        confirmed_at: device.confirmed_at,
    });
    facts.approval = device.approval.as_ref().map(|approval| Approval {
        by: match &approval.by {
            Actor::Operator(name) => name.as_str().to_owned(),
            Actor::Pledge(_) | Actor::Station(_) | Actor::Registrar(_) | Actor::System => "system".to_owned(),
        },
        approved_at: approval.at,
        is_for_this_key: device.idevid.is_none_or(|seen| seen == fingerprint),
    });
}
