//! Certification requests for what the device is not, or for what it may not have.

use pki::{KeyAlgorithm, Signer, Subject, csr};
use proto::well_known;

use super::Got;
use super::arena::{Arena, outcome};
use crate::Error;
use crate::pledge::{Enrollment, ldevid_request};
use crate::rogue::{flip_last_bit, other_serial};
use crate::unit::Unit;

const CERTIFICATE: &str = "a certificate";

pub(super) async fn without_voucher(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.session(Some(unit.idevid())).await?;
    let request = ldevid_request(unit.certificate()?, None)?.request(well_known::SIMPLE_ENROLL);
    outcome(&mut session, &request, CERTIFICATE).await
}

/// Enrolls a device that has its voucher with a request of its own design.
async fn enroll_with(
    arena: &mut Arena,
    design: impl FnOnce(&Unit, &Signer) -> Result<Vec<u8>, Error>,
) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.vouched(&unit).await?;
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
    let csr = design(&unit, &signer)?;
    let request = Enrollment { signer, csr }.request(well_known::SIMPLE_ENROLL);
    outcome(&mut session, &request, CERTIFICATE).await
}

pub(super) async fn other_subject(arena: &mut Arena) -> Result<Got, Error> {
    enroll_with(arena, |unit, signer| {
        let subject = Subject::device(&other_serial(unit.serial_number())?);
        Ok(csr::create(&csr::Request::new(subject), signer)?)
    })
    .await
}

pub(super) async fn asks_for_ca(arena: &mut Arena) -> Result<Got, Error> {
    enroll_with(arena, |unit, signer| {
        let subject_der = Some(unit.certificate()?.subject_der().to_vec());
        let request = csr::Request { subject_der, ..csr::Request::default() };
        Ok(csr::create(&request.asking_for_ca(), signer)?)
    })
    .await
}

pub(super) async fn bad_signature(arena: &mut Arena) -> Result<Got, Error> {
    enroll_with(arena, |unit, signer| {
        let mut csr = ldevid_request(unit.certificate()?, Some(signer.clone()))?.csr;
        flip_last_bit(&mut csr);
        Ok(csr)
    })
    .await
}

pub(super) async fn reenroll_other_subject(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let enrolled = arena.onboarded(&unit).await?;
    let mut session = arena.session(Some(&enrolled.ldevid)).await?;
    let subject = Subject::device(&other_serial(unit.serial_number())?);
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256)?;
    let csr = csr::create(&csr::Request::new(subject), &signer)?;
    let request = Enrollment { signer, csr }.request(well_known::SIMPLE_REENROLL);
    outcome(&mut session, &request, CERTIFICATE).await
}

/// The certificate still stands by its dates; only the owner's record says that the device is gone.
pub(super) async fn retired(arena: &mut Arena) -> Result<Got, Error> {
    arena.operator()?;
    let unit = arena.unit()?;
    let enrolled = arena.onboarded(&unit).await?;
    arena.operator()?.retire_device(unit.serial_number(), "scrapped, says device-sim").await?;
    let mut session = arena.session(Some(&enrolled.ldevid)).await?;
    let current = enrolled.ldevid.chain.first().ok_or(Error::NotEnrolled)?;
    let request = ldevid_request(current, None)?.request(well_known::SIMPLE_REENROLL);
    outcome(&mut session, &request, CERTIFICATE).await
}
