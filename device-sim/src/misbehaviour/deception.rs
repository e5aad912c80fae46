//! Registrars that deceive; here the device must refuse. No server is needed: both ends are played.

use super::Got;
use crate::acknowledged::Acknowledgements;
use crate::maker::Maker;
use crate::pledge::{Params, Reenrollment, onboard};
use crate::random::Randomness;
use crate::rogue::{Rogue, Trick};
use crate::transport::Patience;
use crate::{Error, clock};

pub(super) async fn deceive(trick: Trick) -> Result<Got, Error> {
    let now = clock::now();
    let maker = Maker::create("Deceived Works", now)?;
    let unit = maker.make(&"DECEIVED-1".parse().map_err(|_| Error::UnitFile)?, None, now)?;
    let rogue = Rogue::start(trick, &maker).await?;
    let params = Params {
        endpoint: rogue.endpoint(),
        patience: Patience::default(),
        reenrollment: Reenrollment::None,
        acknowledgements: &Acknowledgements::none(),
    };
    match onboard(&unit, params, &mut Randomness::System).await.outcome {
        Ok(_) => Ok(Got::Granted { what: "a device" }),
        Err(error) if error.is_outage() => Err(error),
        Err(error) => Ok(Got::DeviceRefused { reason: error.reason() }),
    }
}
