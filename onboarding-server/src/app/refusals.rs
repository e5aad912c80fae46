//! Refusals on record: the first at once, repetitions as counts, so that noise cannot fill a disk.
//!
//! Source: DESIGN §5; `server_store::Tally` has the rules and the bounds.
//! Does not: count for the metrics; each answer is counted where it goes out.
//! Invariants: only who proved which device it is, or for which unit it speaks, is recorded; a refusal goes out whether
//! it could be recorded or not; a kill loses counts of a window and nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pki::Certificate;
use proto::{DeviceId, UnixTime};
use server_listen::Peer;
use server_store::{
    Actor, Command, CountMasaRepeats, CountRepeats, Error as StoreError, Maker, Model, Owner,
    RefuseMasaVoucher, RefuseRequest, RefuseVoucher, Repeated, Repeats, Stamp, Tally, Verb,
};
use tokio::task::JoinSet;

use super::Refusal;
use crate::context::{Context, Ledger, MakerContext, OwnerContext};

/// How often it is looked for summaries that are due.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many summaries are written at once when the server ends: as many as one group of the journal takes.
const TOGETHER: usize = 256;

/// The tally of one role, for all its requests.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Tally>);

impl Refusals {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records that a device was refused, where the refusal names one.
pub(super) async fn refuse(
    owner: &OwnerContext,
    verb: Verb,
    (refusal, peer): (&Refusal, &Peer),
    now: UnixTime,
) {
    let Some(device) = refusal.subject() else { return };
    let (code, certificate) = (refusal.code(), peer.certificate().map(Certificate::fingerprint));
    let stamp = Stamp::new(now, certificate.map_or(Actor::System, Actor::Pledge));
    let command = RefuseRequest { device, verb, code: code.clone(), certificate };
    note(owner, (device, Repeated::Refused { verb, code }), stamp, command).await;
}

/// Records that a voucher-request was refused by policy.
pub(super) async fn refuse_voucher(owner: &OwnerContext, stamp: Stamp, command: RefuseVoucher) {
    let what = Repeated::Refused { verb: Verb::RequestVoucher, code: command.code.clone() };
    note(owner, (command.intake.device(), what), stamp, command).await;
}

/// Records that the MASA refused a registrar.
pub(super) async fn refuse_masa_voucher(maker: &MakerContext, stamp: Stamp, command: RefuseMasaVoucher) {
    let what = Repeated::Refused { verb: Verb::RequestVoucher, code: command.code.clone() };
    note(maker, (command.unit, what), stamp, command).await;
}

/// Makes a refusal of what the store said; a device that asks too often has it in its history.
pub(super) fn of_store(error: StoreError, device: DeviceId) -> Refusal {
    let is_its_own_doing = matches!(error, StoreError::TooOften { .. });
    let refusal = Refusal::from(error);
    if is_its_own_doing { refusal.of(device) } else { refusal }
}

/// Counts what a device does that the store has no record of, because a like one is on record.
pub(super) fn count(owner: &OwnerContext, device: DeviceId, what: Repeated, now: UnixTime) {
    owner.refusals.tally().count(device, what, now);
}

/// Writes the summaries that are due, for as long as the server runs.
pub async fn keep_telling(context: Arc<Context>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        tell_due(&context).await;
    }
}

/// Writes the summaries that are due now.
pub async fn tell_due(context: &Context) {
    let now = context.clock.now();
    if let Some(owner) = &context.owner {
        tell(owner, now).await;
    }
    if let Some(maker) = &context.maker {
        tell(maker, now).await;
    }
}

/// Writes all that was counted and is not on record, before the server ends.
pub async fn tell_all(context: &Arc<Context>) {
    tell_rest(context, |context| context.owner.as_ref()).await;
    tell_rest(context, |context| context.maker.as_ref()).await;
}

/// A role of the server whose refusals are recorded.
trait Role: Send + Sync + 'static {
    /// What its store holds.
    type Model: Model;
    /// The write of a summary.
    type Count: Command<Self::Model>;

    fn refusals(&self) -> &Refusals;
    fn store(&self) -> &Ledger<Self::Model>;
    fn count(repeats: Repeats) -> Self::Count;
}

impl Role for OwnerContext {
    type Model = Owner;
    type Count = CountRepeats;

    fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    fn store(&self) -> &Ledger<Owner> {
        &self.store
    }

    fn count(repeats: Repeats) -> CountRepeats {
        CountRepeats { repeats }
    }
}

impl Role for MakerContext {
    type Model = Maker;
    type Count = CountMasaRepeats;

    fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    fn store(&self) -> &Ledger<Maker> {
        &self.store
    }

    fn count(repeats: Repeats) -> CountMasaRepeats {
        CountMasaRepeats { repeats }
    }
}

/// Notes what happened, and writes what the tally says is to be written now.
async fn note<R: Role, C: Command<R::Model>>(
    role: &R,
    (device, what): (DeviceId, Repeated),
    stamp: Stamp,
    command: C,
) {
    let now = stamp.at;
    let noted = role.refusals().tally().note(device, what.clone(), now);
    if let Some(ended) = noted.ended {
        write_count(role, ended, now).await;
    }
    if !noted.is_first {
        return;
    }
    if let Err(error) = role.store().write(stamp, command).await {
        tracing::warn!(%device, %error, "a refusal is not on record yet");
        let once = Repeats { subject: Some(device), what, count: 1, first_at: now, last_at: now };
        role.refusals().tally().put_back(once, now);
    }
}

async fn tell<R: Role>(role: &R, now: UnixTime) {
    let due = role.refusals().tally().due(now);
    for repeats in due {
        write_count(role, repeats, now).await;
    }
}

async fn tell_rest<R: Role>(context: &Arc<Context>, role: fn(&Context) -> Option<&R>) {
    let now = context.clock.now();
    let left = role(context).map(|role| role.refusals().tally().drain()).unwrap_or_default();
    for together in left.chunks(TOGETHER) {
        let mut writes = JoinSet::new();
        for repeats in together.iter().cloned() {
            let context = Arc::clone(context);
            writes.spawn(async move {
                if let Some(role) = role(&context) {
                    write_count(role, repeats, now).await;
                }
            });
        }
        writes.join_all().await;
    }
}

async fn write_count<R: Role>(role: &R, repeats: Repeats, now: UnixTime) {
    if let Err(error) = role.store().write(Stamp::system(now), R::count(repeats.clone())).await {
        tracing::warn!(count = repeats.count, %error, "a summary of refusals is not on record yet");
        role.refusals().tally().put_back(repeats, now);
    }
}
