//! A registrar asks the MASA for a voucher.
//!
//! Source: RFC 8995 §5.5, §5.6.
//! 1. The request is verified: registrar, device, proximity (see `registrar_request`).
//! 2. The product's policy decides.
//! 3. Intent: unit, nonce, domain and assertion are recorded; a blocked unit or a taken nonce ends here.
//! 4. Act: the voucher is signed.
//! 5. Outcome: the voucher and its entry in the audit log are recorded, and only then handed out.
//! 6. A refusal of a genuine request is recorded in the unit's timeline; repetitions are counted (see `refusals`).
//!
//! Does not: know HTTP.
//! Invariants: one voucher for a unit and nonce; the same request again gets the same bytes.

use proto::Class;
use proto_brski::masa::{self, End, PinChoice, Terms, VoucherDraft};
use proto_brski::{Format, Rvr, domain_id};
use proto_voucher::Assertion;
use server_config::VoucherPolicy;
use server_listen::Peer;
use server_store::{
    BeginMasaVoucher, Blob, CompleteMasaVoucher, MasaVoucher, MasaVoucherBegun, Nonce, RefuseMasaVoucher,
    Stamp, Text, Unit,
};

use super::maker;
use super::registrar_request::RegistrarRequest;
use crate::app::{Error, Refusal, refusals};
use crate::context::{Context, MakerContext};

/// Takes a registrar's request and returns the signed voucher, in the same form.
///
/// # Errors
/// A [`Refusal`] with the exact reason.
pub async fn request_voucher(
    context: &Context,
    peer: &Peer,
    request: (&[u8], Format),
) -> Result<Vec<u8>, Refusal> {
    let maker = maker(context)?;
    let now = context.clock.now();
    let request = RegistrarRequest::verify(maker, peer, request, now).await?;
    let stamp = request.stamp(now);
    let answer = answer(maker, &request, &stamp).await;
    match &answer {
        Ok(_) => context.metrics.event("masa-voucher-issued"),
        Err(refusal) if refusal.class() == Class::Refused => {
            record_refusal(maker, &request, stamp, refusal).await?;
        }
        Err(_) => {}
    }
    answer
}

async fn answer(maker: &MakerContext, request: &RegistrarRequest, stamp: &Stamp) -> Result<Vec<u8>, Refusal> {
    let draft = masa::draft(&request.rvr, &terms(&maker.settings, request)?, stamp.at)?;
    let nonce = nonce(&request.rvr)?;
    let begin = BeginMasaVoucher {
        unit: request.unit.id,
        nonce: nonce.clone(),
        rvr_digest: request.rvr.digest(),
        domain: draft.domain_id.clone(),
        assertion: Text::new(draft.voucher.assertion.map_or("", Assertion::name))?,
    };
    let begun = maker.store.write(stamp.clone(), begin).await?;
    if let MasaVoucherBegun::Before(before) = begun
        && let Some(voucher) = before.voucher
    {
        return Ok(voucher.into_bytes());
    }
    sign(maker, request, stamp, (&draft, nonce)).await
}

/// Signs, records, hands out what is on record.
async fn sign(
    maker: &MakerContext,
    request: &RegistrarRequest,
    stamp: &Stamp,
    (draft, nonce): (&VoucherDraft, Option<Nonce>),
) -> Result<Vec<u8>, Refusal> {
    let (unit, rvr_digest) = (request.unit.id, request.rvr.digest());
    let voucher = Blob::new(draft.sign(&maker.voucher.signer, &maker.voucher.chain)?)?;
    let complete = CompleteMasaVoucher { unit, nonce: nonce.clone(), rvr_digest, voucher };
    match maker.store.write(stamp.clone(), complete).await {
        Ok(row) => hand_out(row),
        // The same request on another connection was faster; its voucher is the one.
        Err(server_store::Error::MasaVoucherSettled) => {
            let read =
                maker.store.read(move |store| store.load_masa_voucher(unit, nonce.as_ref(), rvr_digest));
            hand_out(read.await?.ok_or(Error::RecordUnreadable)?)
        }
        Err(other) => Err(other.into()),
    }
}

fn hand_out(row: MasaVoucher) -> Result<Vec<u8>, Refusal> {
    Ok(row.voucher.ok_or(Error::RecordUnreadable)?.into_bytes())
}

fn nonce(rvr: &Rvr) -> Result<Option<Nonce>, server_store::Error> {
    rvr.nonce().map(|nonce| Nonce::new(nonce.as_bytes())).transpose()
}

async fn record_refusal(
    maker: &MakerContext,
    request: &RegistrarRequest,
    stamp: Stamp,
    refusal: &Refusal,
) -> Result<(), Refusal> {
    let pin = PinChoice::for_request(request.rvr.nonce().is_some()).pick(request.rvr.domain_chain());
    let domain = domain_id(pin.ok_or(Error::RecordUnreadable)?);
    let (unit, rvr_digest, code) = (request.unit.id, request.rvr.digest(), refusal.code());
    let command = RefuseMasaVoucher { unit, rvr_digest, domain, code };
    refusals::refuse_masa_voucher(maker, stamp, command).await;
    Ok(())
}

/// What the policy of a product looks at.
#[derive(Clone, Copy, Debug)]
struct Ground {
    /// The device saw the registrar that asks.
    is_proximity_proved: bool,
    /// The unit was sold to the domain that asks.
    is_owner: bool,
}

/// Says on what terms the policy gives the voucher.
fn terms(settings: &server_config::Maker, request: &RegistrarRequest) -> Result<Terms, Error> {
    let ground = Ground {
        is_proximity_proved: request.rvr.is_proximity_proved(),
        is_owner: is_owner(&request.unit, request),
    };
    let assertion = assertion(policy(settings, &request.unit), ground)?;
    let terms = Terms { assertion, ..Terms::for_request(&request.rvr) };
    Ok(match terms.end {
        End::Never => terms,
        End::After { .. } => {
            Terms { end: End::After { seconds: settings.voucher_validity.as_secs() }, ..terms }
        }
    })
}

/// Finds the policy of a unit's product; the maker's own where the product has none.
fn policy(settings: &server_config::Maker, unit: &Unit) -> VoucherPolicy {
    let product = settings.products.iter().find(|product| product.name == unit.product);
    product.and_then(|product| product.voucher_policy).unwrap_or(settings.voucher_policy)
}

/// Tells whether the newest sale names the registrar or a CA above it.
fn is_owner(unit: &Unit, request: &RegistrarRequest) -> bool {
    let sold_to = unit.sale.as_ref().and_then(|sale| sale.domain.as_ref());
    sold_to.is_some_and(|domain| request.domains().contains(domain))
}

/// Decides, and names the ground on which the voucher is given.
// RFC8995-5.5.5-assertion
fn assertion(policy: VoucherPolicy, ground: Ground) -> Result<Assertion, Error> {
    match policy {
        VoucherPolicy::Logged if ground.is_proximity_proved => Ok(Assertion::Proximity),
        VoucherPolicy::Logged => Ok(Assertion::Logged),
        VoucherPolicy::Proximity if ground.is_proximity_proved => Ok(Assertion::Proximity),
        VoucherPolicy::Proximity => Err(Error::ProximityNeeded),
        VoucherPolicy::SalesVerified if ground.is_owner => Ok(Assertion::Verified),
        VoucherPolicy::SalesVerified => Err(Error::OwnerUnverified),
        VoucherPolicy::Blocked => Err(Error::ProductBlocked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Ground; 4] = [
        Ground { is_proximity_proved: false, is_owner: false },
        Ground { is_proximity_proved: false, is_owner: true },
        Ground { is_proximity_proved: true, is_owner: false },
        Ground { is_proximity_proved: true, is_owner: true },
    ];

    fn granted(policy: VoucherPolicy) -> [Option<Assertion>; 4] {
        ALL.map(|ground| assertion(policy, ground).ok())
    }

    #[test]
    fn each_policy_gives_vouchers_on_its_own_ground_only() {
        // RFC8995-5.5.5-assertion
        use Assertion::{Logged, Proximity, Verified};
        assert_eq!(
            granted(VoucherPolicy::Logged),
            [Some(Logged), Some(Logged), Some(Proximity), Some(Proximity)]
        );
        assert_eq!(granted(VoucherPolicy::Proximity), [None, None, Some(Proximity), Some(Proximity)]);
        assert_eq!(granted(VoucherPolicy::SalesVerified), [None, Some(Verified), None, Some(Verified)]);
        assert_eq!(granted(VoucherPolicy::Blocked), [None; 4]);
    }

    #[test]
    fn each_policy_refuses_for_a_reason_of_its_own() {
        let [stranger, ..] = ALL;
        let refused = |policy| assertion(policy, stranger).err();
        assert!(matches!(refused(VoucherPolicy::Proximity), Some(Error::ProximityNeeded)));
        assert!(matches!(refused(VoucherPolicy::SalesVerified), Some(Error::OwnerUnverified)));
        assert!(matches!(refused(VoucherPolicy::Blocked), Some(Error::ProductBlocked)));
    }
}
