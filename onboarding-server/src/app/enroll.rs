//! A device asks for its first certificate, or for the next one.
//!
//! Source: RFC 7030 §4.2; RFC 8995 §5.9.
//! 1. The chain of the channel is judged. Who comes with an IDevID enrolls, who comes with an LDevID renews, whatever
//!    the path says: some clients post a first enrolment to `simplereenroll`.
//! 2. The request is verified: self-signature, that it names the device of the channel, and the kind of its key.
//! 3. Facts are collected and a decision is made.
//! 4. Intent: what will be signed is built from policy and recorded.
//! 5. Act: it is signed.
//! 6. Outcome: the certificate is recorded, and only then handed out.
//!
//! Does not: know HTTP.
//! Invariants: of a request only the key is taken; one request has one certificate, however often it comes.

use std::sync::Arc;

use pki::{Certificate, Csr, Profile, PublicKey, Subject, Template, Unverified, random_serial};
use proto::{Fingerprint, UnixTime, Version};
use proto_est::{ChallengePassword, EnrollRequest, RenewalRequest, check_key};
use server_listen::Peer;
use server_policy::{CertificateFacts, Decision, Facts, RequestKind, Rule, decide};
use server_store::{
    Actor, AuditLog, BeginCertificate, Begun, Blob, CertificateDraft, CertificateKey, CertificateStatus,
    CompleteCertificate, Device, Error as StoreError, Stamp, Verb,
};

use super::request_voucher::{add_device, base_facts, manufacturer_facts};
use super::{
    ANEW_MAX, Error, Identity, Refusal, audit_log, identify_renewing, in_progress, issuer_key_id, owner,
    refusals, waiting,
};
use crate::context::{Context, Manufacturer, OwnerContext};

/// After how many seconds a device asks again that waits for the MASA's log.
const AUDIT_LOG_SECONDS: u32 = 1;
/// How far back a validity begins, in seconds, for devices whose clock is slow.
const BACKDATED_SECONDS: u64 = 300;

/// A request for a certificate as its transport brings it.
#[derive(Clone, Copy, Debug)]
pub enum CsrBody<'a> {
    /// Base64 of DER (RFC 8951).
    Base64(&'a [u8]),
    /// DER (RFC 9148 §5.3).
    Der(&'a [u8]),
}

impl CsrBody<'_> {
    fn read(self) -> Result<Unverified<Csr>, proto_est::Error> {
        match self {
            Self::Base64(body) => proto_est::parse_csr(body).map(|(csr, _)| csr),
            Self::Der(body) => proto_est::coap::parse_csr(body),
        }
    }
}

/// Takes the body of `simpleenroll` or `simplereenroll` and returns the certificate.
///
/// # Errors
/// A [`Refusal`] with the exact reason.
pub async fn enroll(context: &Arc<Context>, peer: &Peer, body: CsrBody<'_>) -> Result<Certificate, Refusal> {
    let owner = owner(context)?;
    let now = context.clock.now();
    let mut enrolled = enroll_at(context, owner, (peer, body), now).await;
    for _ in 0..ANEW_MAX {
        if !enrolled.as_ref().is_err_and(Refusal::is_outdated) {
            break;
        }
        enrolled = enroll_at(context, owner, (peer, body), now).await;
    }
    if let Err(refusal) = &enrolled {
        refusals::refuse(owner, Verb::Enroll, (refusal, peer), now).await;
    }
    enrolled
}

async fn enroll_at(
    context: &Arc<Context>,
    owner: &OwnerContext,
    (peer, body): (&Peer, CsrBody<'_>),
    now: UnixTime,
) -> Result<Certificate, Refusal> {
    let csr = body.read()?;
    let issuing = match identify_renewing(owner, peer, now).await? {
        Identity::Pledge { manufacturer, idevid } => {
            first(context, owner, (manufacturer, idevid), csr, now).await?
        }
        Identity::Device { device, ldevid, .. } => {
            let id = device.id;
            let log = owner.store.look_up(move |store| store.load_audit_log(id)).await?;
            next(owner, (*device, log.as_ref()), ldevid, csr, now)?
        }
    };
    let certificate = issuing.issue(owner, now).await?;
    context.metrics.event("certificate_issued");
    Ok(certificate)
}

/// What will be issued, decided and ready to be recorded.
struct Issuing {
    device: Device,
    template: Template,
    csr_digest: Fingerprint,
    actor: Actor,
}

async fn first(
    context: &Arc<Context>,
    owner: &OwnerContext,
    (manufacturer, idevid): (&Manufacturer, &Certificate),
    csr: Unverified<Csr>,
    now: UnixTime,
) -> Result<Issuing, Refusal> {
    let request = EnrollRequest::verify(csr, idevid, ChallengePassword::Refuse)?;
    check_key(request.public_key(), &owner.device_keys)?;
    let id = server_store::device_id(&manufacturer.id, request.serial_number());
    let device = owner.store.look_up(move |store| store.load_device(id)).await?;
    let mut facts = base_facts(RequestKind::Enroll, now, manufacturer, idevid);
    add_device(&mut facts, device.as_ref(), idevid.fingerprint());
    if let Some(device) = device.as_ref().filter(|_| audit_log::is_wanted(manufacturer)) {
        let log = audit_log::current(context, owner, device).await?;
        audit_log::add_log(&mut facts, owner, device, log.as_ref());
    }
    admit(owner, &facts).map_err(|refusal| of_device(refusal, id))?;
    let device = device.ok_or(StoreError::DeviceUnknown)?;
    let subject = Subject {
        organization: Some(owner.settings.domain.clone()),
        ..Subject::device(request.serial_number())
    };
    let template = template(owner, subject, request.public_key().clone(), now)?;
    let actor = Actor::Pledge(idevid.fingerprint());
    Ok(Issuing { device, template, csr_digest: request.digest(), actor })
}

/// Names the device in a refusal that is to be on record; to wait is none.
fn of_device(refusal: Refusal, device: proto::DeviceId) -> Refusal {
    if refusal.class() == proto::Class::NotYet { refusal } else { refusal.of(device) }
}

fn next(
    owner: &OwnerContext,
    (device, log): (Device, Option<&AuditLog>),
    ldevid: &Certificate,
    csr: Unverified<Csr>,
    now: UnixTime,
) -> Result<Issuing, Refusal> {
    let request = RenewalRequest::verify(csr, ldevid, ChallengePassword::Refuse)?;
    check_key(request.public_key(), &owner.device_keys)?;
    let mut facts = Facts::new(RequestKind::Reenroll, now);
    facts.manufacturer = owner.manufacturers.find(&device.manufacturer).map(manufacturer_facts);
    // The IDevID is not shown here; the one on record is the device's.
    add_device(&mut facts, Some(&device), device.idevid.unwrap_or_else(|| ldevid.fingerprint()));
    audit_log::add_log(&mut facts, owner, &device, log);
    facts.certificate = Some(CertificateFacts {
        not_before_at: ldevid.not_before(),
        not_after_at: ldevid.not_after(),
        // `identify` let no certificate of an earlier life through.
        is_of_this_generation: true,
    });
    admit(owner, &facts).map_err(|refusal| refusal.of(device.id))?;
    let mut template = template(owner, Subject::device(&device.serial), request.public_key().clone(), now)?;
    template.subject_der = Some(ldevid.subject_der().to_vec());
    template.subject_alt_name_der = ldevid.subject_alt_name_der().map(<[u8]>::to_vec);
    let actor = Actor::Pledge(ldevid.fingerprint());
    Ok(Issuing { device, template, csr_digest: request.digest(), actor })
}

/// A certificate is deferred only for the MASA's log: whoever may have a voucher may else have it.
fn admit(owner: &OwnerContext, facts: &Facts) -> Result<(), Refusal> {
    match decide(facts) {
        Decision::Admit { .. } => Ok(()),
        Decision::Defer { rule: Rule::PastIsKnown, .. } => {
            Err(Error::AuditLogAwaited { retry_after_seconds: AUDIT_LOG_SECONDS }.into())
        }
        Decision::Defer { .. } => Err(waiting(owner)),
        Decision::Refuse { reason, .. } => Err(reason.into()),
    }
}

fn template(
    owner: &OwnerContext,
    subject: Subject,
    public_key: PublicKey,
    now: UnixTime,
) -> Result<Template, Refusal> {
    let begin = now.minus(std::time::Duration::from_secs(BACKDATED_SECONDS));
    // No certificate outlives the CA that stands behind it.
    let end = now.plus(owner.settings.ldevid_validity).min(owner.issuer.certificate().not_after());
    let mut template = Template::new(Profile::LdevId, subject, public_key, random_serial()?, (begin, end));
    template.crl_url.clone_from(&owner.settings.crl_url);
    Ok(template)
}

impl Issuing {
    async fn issue(self, owner: &OwnerContext, now: UnixTime) -> Result<Certificate, Refusal> {
        let prepared = owner.issuer.prepare(&self.template)?;
        let stamp = Stamp::new(now, self.actor);
        let begin = BeginCertificate {
            device: self.device.id,
            expected: self.device.version,
            draft: CertificateDraft {
                key: CertificateKey {
                    issuer: issuer_key_id(&owner.issuer),
                    serial: self.template.serial.clone(),
                },
                csr_digest: self.csr_digest,
                public_key: self.template.public_key.fingerprint(),
                tbs_digest: prepared.digest(),
                not_before: self.template.not_before,
                not_after: self.template.not_after,
                draft: Blob::new(prepared.der())?,
            },
            // Within the overlap the same request is a repetition; after it, a device renews with the request it has.
            repeats_since_at: now.minus(owner.settings.ldevid_overlap),
        };
        let key = begin.draft.key.clone();
        let (device, begun) = (begin.device, owner.store.write(stamp.clone(), begin).await);
        match begun.map_err(|error| refusals::of_store(error, device))? {
            Begun::New { version } => complete(owner, stamp, (key, version), prepared).await,
            Begun::Before(earlier) => match earlier.status {
                CertificateStatus::Issued { certificate, .. } => Ok(Certificate::parse(&certificate)?),
                CertificateStatus::Intent { draft } => {
                    let prepared = owner.issuer.take_up(draft.into_bytes());
                    complete(owner, stamp, (earlier.key, self.device.version), prepared).await
                }
                CertificateStatus::Abandoned => Err(StoreError::CertificateSettled.into()),
            },
        }
    }
}

async fn complete(
    owner: &OwnerContext,
    stamp: Stamp,
    (key, expected): (CertificateKey, Version),
    prepared: pki::ToBeSigned,
) -> Result<Certificate, Refusal> {
    let certificate = owner.issuer.sign(prepared)?;
    let overlap_until = stamp.at.plus(owner.settings.ldevid_overlap);
    let mut command = CompleteCertificate {
        key,
        expected,
        certificate: Blob::new(certificate.der())?,
        fingerprint: certificate.fingerprint(),
        overlap_until,
    };
    for _ in 0..ANEW_MAX {
        match owner.store.write(stamp.clone(), command.clone()).await {
            Ok(_) => return Ok(certificate),
            // Whether it may still be completed, the store says by intent and state.
            Err(StoreError::DeviceChanged { found: Some(version) }) => command.expected = version,
            // The same request on another connection was faster; its certificate is the one.
            Err(StoreError::CertificateSettled) => return issued(owner, command.key).await,
            Err(other) => return Err(other.into()),
        }
    }
    Err(in_progress())
}

async fn issued(owner: &OwnerContext, key: CertificateKey) -> Result<Certificate, Refusal> {
    let found = owner.store.read(move |store| store.load_certificate(&key)).await?;
    match found.map(|found| found.status) {
        Some(CertificateStatus::Issued { certificate, .. }) => Ok(Certificate::parse(&certificate)?),
        Some(CertificateStatus::Intent { .. } | CertificateStatus::Abandoned) | None => {
            Err(StoreError::CertificateSettled.into())
        }
    }
}
