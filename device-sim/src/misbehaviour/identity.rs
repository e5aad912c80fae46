//! Devices that are not what they claim, or must not come again.

use std::time::Duration;

use super::Got;
use super::arena::{Arena, VOUCHER, outcome, voucher_request};
use crate::maker::Maker;
use crate::rogue::{Domain, claim};
use crate::unit::Unit;
use crate::{Error, clock};

/// How a timeline calls a past in doubt.
const SUSPICIOUS: &str = "audit-log-suspicious";
/// How long that may take to be on record: the MASA is asked while the device goes on.
const EVENT_WAIT: Duration = Duration::from_secs(10);

/// Asks for a voucher as an honest pledge would, with whatever identity the unit has.
async fn ask(arena: &mut Arena, unit: &Unit) -> Result<Got, Error> {
    let mut session = arena.session(Some(unit.idevid())).await?;
    let content = arena.request(unit, session.registrar()?)?;
    let request = voucher_request(&content, unit.idevid())?;
    outcome(&mut session, &request, VOUCHER).await
}

/// The original comes aboard; then the copy, which knows all that the original knew, asks from elsewhere.
pub(super) async fn cloned(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    arena.onboarded(&unit).await?;
    ask(arena, &unit).await
}

/// Copies what can be read on a genuine unit: its serial number and the name of its maker.
pub(super) async fn counterfeit(arena: &mut Arena) -> Result<Got, Error> {
    let genuine = arena.unit()?;
    let masa_url = genuine.certificate()?.masa_url().map(str::to_string);
    let root = genuine.anchors().certificates().first().ok_or(Error::UnitFile)?;
    let name = root.subject_common_name().unwrap_or("Counterfeiter");
    let now = clock::now();
    // The roles are appended to the name; what is left of 64 characters suffices for the eye.
    let name: String = name.trim_end_matches(" Root CA").chars().take(40).collect();
    let unit = Maker::create(&name, now)?.make(genuine.serial_number(), masa_url.as_deref(), now)?;
    ask(arena, &unit).await
}

/// Needs a maker that the server knows, since a genuine IDevID does not end.
pub(super) async fn expired(arena: &mut Arena) -> Result<Got, Error> {
    let serial_number = fresh_serial(arena)?;
    let unit = arena.maker()?.make_expired(&serial_number, clock::now())?;
    ask(arena, &unit).await
}

/// Sound in itself, from nowhere.
pub(super) async fn unknown_manufacturer(arena: &mut Arena) -> Result<Got, Error> {
    let serial_number = fresh_serial(arena)?;
    let now = clock::now();
    let unit = Maker::create("Nobody Knows Us", now)?.make(&serial_number, Some("masa.invalid"), now)?;
    ask(arena, &unit).await
}

/// The request is genuine, but nobody stands behind the connection.
pub(super) async fn no_certificate(arena: &mut Arena) -> Result<Got, Error> {
    let unit = arena.unit()?;
    let mut session = arena.session(None).await?;
    let content = arena.request(&unit, session.registrar()?)?;
    let request = voucher_request(&content, unit.idevid())?;
    outcome(&mut session, &request, VOUCHER).await
}

/// The maker blocks the unit; then it asks.
pub(super) async fn blocked(arena: &mut Arena) -> Result<Got, Error> {
    arena.operator()?;
    let unit = arena.unit()?;
    arena.operator()?.block_unit(unit.serial_number(), "stolen, says device-sim").await?;
    ask(arena, &unit).await
}

/// The owner retires the device; then it asks again.
pub(super) async fn retired_return(arena: &mut Arena) -> Result<Got, Error> {
    arena.operator()?;
    let unit = arena.unit()?;
    arena.onboarded(&unit).await?;
    arena.operator()?.retire_device(unit.serial_number(), "scrapped, says device-sim").await?;
    ask(arena, &unit).await
}

/// Another domain has had the unit in its hands; then its new owner's registrar is asked, honestly.
pub(super) async fn foreign_past(arena: &mut Arena) -> Result<Got, Error> {
    arena.operator()?;
    let unit = arena.unit()?;
    let former = Domain::create("Former Owner", clock::now())?;
    claim(&unit, &former, arena.nonce()?).await?;
    match arena.onboarded(&unit).await {
        Ok(_) => {
            let operator = arena.operator()?;
            let event = operator.wait_for_event(unit.serial_number(), SUSPICIOUS, EVENT_WAIT).await?;
            let untold = Got::Granted { what: "a certificate, and nobody was told" };
            Ok(event.map_or(untold, |_| Got::Reported { event: SUSPICIOUS }))
        }
        Err(Error::Refused(refusal)) => Ok(Got::from(&refusal)),
        Err(other) => Err(other),
    }
}

fn fresh_serial(arena: &mut Arena) -> Result<proto::SerialNumber, Error> {
    let number = arena.randomness.below(u64::MAX)?;
    format!("ROGUE-{number:016X}").parse().map_err(|_| Error::UnitFile)
}
