//! Another domain gets a voucher for a unit: the past that a thief, a former owner or a second-hand dealer leaves behind.
//! Source: RFC 8995 §5.5, §5.8.3.
//!
//! Does not: onboard the unit; it only spoke with the other registrar once.
//! Invariants: the MASA is asked as any registrar asks it, so what it logs is what it would log.

use proto::media_type;
use proto_brski::pledge::{self, PvrContent};
use proto_brski::{Format, IpLiterals, MasaUrl, Pvr, PvrCheck, registrar};
use proto_voucher::Nonce;

use super::Domain;
use crate::pledge::{Session, Step, Transcript};
use crate::transport::{Endpoint, Patience, Request};
use crate::unit::Unit;
use crate::{Error, clock};

/// Has another domain get a voucher for `unit` from the MASA that its IDevID names.
///
/// # Errors
/// [`Error::Refused`] when the MASA gives none; those of [`Session`].
pub async fn claim(unit: &Unit, domain: &Domain, nonce: Nonce) -> Result<(), Error> {
    let url = MasaUrl::parse(unit.certificate()?.masa_url().ok_or(Error::UnitFile)?, IpLiterals::Accept)?;
    let endpoint: Endpoint = url.authority().parse()?;
    let voucher_request = request(unit, domain, nonce)?;
    let mut running = Transcript::new().begin(Step::Connect);
    let registrar = Some(domain.registrar());
    let mut session = Session::open(&endpoint, registrar, Patience::default(), &mut running).await?;
    let path = url.request_voucher_path();
    let request = Request::post(&path, media_type::VOUCHER_CMS_JSON, voucher_request)
        .accepting(media_type::VOUCHER_CMS_JSON);
    session.send_until_decided(&request, &mut running).await.map(drop)
}

/// Writes what the unit said to the other registrar, and what that makes of it.
fn request(unit: &Unit, domain: &Domain, nonce: Nonce) -> Result<Vec<u8>, Error> {
    let now = clock::now();
    let (identity, other) = (unit.idevid(), domain.registrar());
    let idevid = unit.certificate()?;
    let own = other.chain.first().ok_or(Error::UnitFile)?;
    let content = PvrContent::honest(idevid, own, nonce, Some(now))?;
    let said = pledge::request(&content, Format::CmsJson, &identity.signer, &identity.chain)?;
    let check = PvrCheck {
        idevid,
        registrar_certificates: std::slice::from_ref(own),
        compat: pki::cms::Compat::Strict,
        now,
    };
    let said = Pvr::parse(said.request(), Format::CmsJson)?.verify(&check)?;
    Ok(registrar::prepare(&said, &identity.chain, now)?.sign(&other.signer, &other.chain)?.rvr)
}
