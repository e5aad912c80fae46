//! A pledge asks for a voucher.
//!
//! Source: RFC 8995 §5.2 to §5.6.
//! 1. The chain of the channel is judged: it must be an IDevID of a registered manufacturer.
//! 2. The request is read and verified: signature by that IDevID, serial number, nonce, proximity.
//! 3. The same bytes again meet their own answer.
//! 4. Facts are collected and a decision is made.
//! 5. Intent: the request, the facts and the decision are recorded; a deferral or a refusal ends here, and what comes
//!    again and again is counted (see `refusals`).
//! 6. Act: the MASA is asked.
//! 7. Outcome: the voucher is checked, recorded, and only then handed out.
//!
//! Does not: know HTTP.
//! Invariants: no voucher leaves that is not on record; one request is asked at the MASA once at a time.

mod ask_masa;
mod facts;

use std::sync::Arc;
use std::time::Duration;

use pki::Certificate;
use proto::{Class, Reason, UnixTime, Version};
use proto_brski::{Format, MasaUrl, Pvr, PvrCheck, Verified, registrar};
use server_listen::Peer;
use server_policy::{Decision, decide};
use server_store::{
    Actor, BeginVoucher, Blob, DeferVoucher, Device, Nonce, RefuseVoucher, Repeated, Stamp, Taken, Verb,
    VoucherIntake, VoucherRequest, VoucherStatus,
};

use super::{ANEW_MAX, Error, Identity, Refusal, identify, in_progress, owner, refusals, waiting};
use crate::context::{Context, Manufacturer, OwnerContext};

pub(super) use ask_masa::{Outstanding, ask_again};
pub(super) use facts::{add_device, base as base_facts, manufacturer_facts};

/// Takes a pledge's request and returns the signed voucher, in the same form.
///
/// # Errors
/// A [`Refusal`] with the exact reason; `NotYet` while a person or the MASA has not decided.
pub async fn request_voucher(
    context: &Arc<Context>,
    peer: &Peer,
    (body, format): (&[u8], Format),
) -> Result<Vec<u8>, Refusal> {
    let owner = owner(context)?;
    let now = context.clock.now();
    let mut answer = answer_at(context, owner, (peer, body, format), now).await;
    for _ in 0..ANEW_MAX {
        if !answer.as_ref().is_err_and(Refusal::is_outdated) {
            break;
        }
        answer = answer_at(context, owner, (peer, body, format), now).await;
    }
    if let Err(refusal) = &answer {
        refusals::refuse(owner, Verb::RequestVoucher, (refusal, peer), now).await;
    }
    answer
}

async fn answer_at(
    context: &Arc<Context>,
    owner: &OwnerContext,
    (peer, body, format): (&Peer, &[u8], Format),
    now: UnixTime,
) -> Result<Vec<u8>, Refusal> {
    let (manufacturer, idevid) = match identify(owner, peer, now).await? {
        Identity::Pledge { manufacturer, idevid } => (manufacturer, idevid),
        Identity::Device { device, .. } => return Err(Refusal::from(Error::IdevidNeeded).of(device.id)),
    };
    let check = PvrCheck {
        idevid,
        registrar_certificates: owner.registrar.chain.get(..1).unwrap_or_default(),
        compat: manufacturer.compat,
        now,
    };
    let pvr =
        Pvr::parse(body, format)?.verify(&check).map_err(|error| untrusted(error, manufacturer, idevid))?;
    let asking = Asking { owner, manufacturer, idevid, pvr: &pvr };
    let (device, earlier) = asking.load().await?;
    if let Some(answer) = earlier.as_ref().and_then(|earlier| asking.answer_of(earlier)) {
        return answer;
    }
    let masa = asking.masa_url();
    let facts = asking.facts(now, device.as_ref(), earlier.as_ref(), masa.as_ref().ok());
    let decision = decide(&facts);
    let stamp = Stamp::new(now, Actor::Pledge(idevid.fingerprint()));
    let intake = asking.intake(&facts, decision)?;
    let expected = device.as_ref().map(|device| device.version);
    match decision {
        Decision::Admit { .. } => {
            let device_chain = [std::slice::from_ref(idevid), peer.intermediates()].concat();
            let ask = registrar::prepare(&pvr, &device_chain, now)?
                .sign(&owner.registrar.signer, &owner.registrar.chain)?;
            let outstanding = Outstanding::new(ask, &manufacturer.id, &masa?)?;
            let awaiting = outstanding.save()?;
            let id = intake.device();
            let begun = owner.store.write(stamp, BeginVoucher { intake, expected, awaiting }).await;
            match begun.map_err(|error| refusals::of_store(error, id))? {
                Taken::New { version, .. } => {
                    let question = ask_masa::Question { pvr_digest: pvr.digest(), version };
                    ask_masa::ask(Arc::clone(context), question, outstanding).await
                }
                Taken::Before(earlier) => asking.answer_of(&earlier).unwrap_or(Err(in_progress())),
            }
        }
        Decision::Defer { until, .. } => asking.defer(stamp, (intake, expected), until).await,
        Decision::Refuse { reason, .. } => {
            let command = RefuseVoucher { intake, expected, code: reason.code(), is_final: false };
            refusals::refuse_voucher(owner, stamp, command).await;
            Err(reason.into())
        }
    }
}

/// A verified request, and who made it.
struct Asking<'a> {
    owner: &'a OwnerContext,
    manufacturer: &'a Manufacturer,
    idevid: &'a Certificate,
    pvr: &'a Verified<Pvr>,
}

impl Asking<'_> {
    async fn load(&self) -> Result<(Option<Device>, Option<VoucherRequest>), Refusal> {
        let id = server_store::device_id(&self.manufacturer.id, self.pvr.serial_number());
        let digest = self.pvr.digest();
        let both = self
            .owner
            .store
            .look_up(move |store| Ok((store.load_device(id)?, store.voucher_by_pvr_digest(digest)?)));
        Ok(both.await?)
    }

    /// Answers a request that was taken before; `None` when it has to be decided, for the first time or again.
    fn answer_of(&self, earlier: &VoucherRequest) -> Option<Result<Vec<u8>, Refusal>> {
        // RFC8995-5.6-same-request-same-answer
        match &earlier.status {
            VoucherStatus::Issued { voucher, .. } if earlier.idevid == self.idevid.fingerprint() => {
                Some(Ok(voucher.as_bytes().to_vec()))
            }
            VoucherStatus::Issued { .. } | VoucherStatus::Deferred { .. } => None,
            VoucherStatus::Asking { .. } => Some(Err(in_progress())),
            VoucherStatus::Refused { code } | VoucherStatus::Failed { code } => {
                Some(Err(Error::RefusedBefore(code.clone()).into()))
            }
        }
    }

    /// Has the device wait; one that waits already with another request goes on waiting, and that is counted.
    async fn defer(
        &self,
        stamp: Stamp,
        (intake, expected): (VoucherIntake, Option<Version>),
        until: UnixTime,
    ) -> Result<Vec<u8>, Refusal> {
        let (device, now) = (intake.device(), stamp.at);
        let code = waiting(self.owner).code();
        let repeats_since_at = now.minus(Duration::from_secs(server_store::WINDOW_SECONDS));
        let defer = DeferVoucher { intake, expected, code: code.clone(), until, repeats_since_at };
        let taken = self.owner.store.write(stamp, defer).await;
        if let Taken::Before(other) = taken.map_err(|error| refusals::of_store(error, device))?
            && other.pvr_digest != self.pvr.digest()
        {
            refusals::count(self.owner, device, Repeated::Deferred { code }, now);
        }
        Err(waiting(self.owner))
    }

    /// Finds the MASA: the configuration's word counts before the IDevID's.
    fn masa_url(&self) -> Result<MasaUrl, Refusal> {
        if let Some(url) = &self.manufacturer.masa_url {
            return Ok(url.clone());
        }
        let text = self.idevid.masa_url().ok_or(Error::MasaUnknown)?;
        Ok(MasaUrl::parse(text, self.manufacturer.ip_literals())?)
    }

    fn intake(&self, facts: &server_policy::Facts, decision: Decision) -> Result<VoucherIntake, Refusal> {
        let recorded = serde_json::to_vec(&(facts, decision)).map_err(|_| Error::RecordUnreadable)?;
        Ok(VoucherIntake {
            manufacturer: self.manufacturer.id.clone(),
            serial: self.pvr.serial_number().clone(),
            idevid: self.idevid.fingerprint(),
            idevid_certificate: Blob::new(self.idevid.der())?,
            pvr_digest: self.pvr.digest(),
            nonce: Some(Nonce::new(self.pvr.nonce().as_bytes())?),
            facts: Blob::new(recorded)?,
        })
    }
}

/// A request that its device did not make, or not for us, belongs into the device's history: somebody may stand between.
fn untrusted(error: proto_brski::Error, manufacturer: &Manufacturer, idevid: &Certificate) -> Refusal {
    let is_untrusted = error.class() == Class::Untrusted;
    match idevid.subject_serial_number().filter(|_| is_untrusted) {
        Some(serial) => Refusal::from(error).of(server_store::device_id(&manufacturer.id, &serial)),
        None => error.into(),
    }
}
