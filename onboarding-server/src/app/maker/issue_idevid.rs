//! A station has the IDevID of a unit issued.
//!
//! Source: IEEE 802.1AR §8; RFC 8995 §2.3; RFC 8520 §11; DESIGN §5 (intent, act, outcome).
//! 1. The request is read and its signature verified: the unit has the key.
//! 2. Policy builds what will be signed; of the request it takes the key and nothing else.
//! 3. Intent: serial number, key and draft are recorded, within the order's range and quota.
//! 4. Act: the draft is signed.
//! 5. Outcome: the certificate is recorded, and only then handed out.
//!
//! Does not: know a transport.
//! Invariants: a serial number and key get one certificate, however often and from however many sides it is asked for.

use pki::{Certificate, Csr, Profile, PublicKey, Subject, Template, ToBeSigned, random_serial};
use proto::{DeviceId, SerialNumber, UnixTime};
use server_store::{BeginUnit, Blob, CompleteUnit, IdevId, Order, Stamp, Unit, UnitBegun};

use super::{Author, maker};
use crate::app::{Error, Refusal, issuer_key_id};
use crate::context::{Context, MakerContext};

/// What a station asks for one unit.
#[derive(Clone, Debug)]
pub struct UnitRequest<'a> {
    /// The serial number that the unit gets.
    pub serial: SerialNumber,
    /// A PKCS#10 certification request in DER.
    pub csr: &'a [u8],
}

/// An IDevID on its way to the station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedIdevId {
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// Whether it was issued earlier and is given out again.
    pub is_repeat: bool,
}

/// Issues the IDevID of one unit under `order`, whose terms are fixed for ever and so may be from an earlier read.
///
/// # Errors
/// A [`Refusal`] with the exact reason; nothing was issued then.
pub async fn issue_idevid(
    context: &Context,
    author: &Author,
    order: &Order,
    request: UnitRequest<'_>,
) -> Result<IssuedIdevId, Refusal> {
    let maker = maker(context)?;
    let stamp = author.stamp(context.clock.now());
    author.check_line(&order.terms.line)?;
    let csr = Csr::parse(request.csr)?.verify()?;
    check_serial(&csr, &request.serial)?;
    let template = template(&maker.settings, order, (&request.serial, csr.public_key()), stamp.at)?;
    let draft = maker.issuer.prepare(&template)?;
    let begin = BeginUnit {
        order: order.id.clone(),
        line: order.terms.line.clone(),
        serial: request.serial,
        public_key: csr.public_key().fingerprint(),
        csr_digest: csr.digest(),
        issuer: issuer_key_id(&maker.issuer),
        certificate_serial: template.serial,
        tbs_digest: draft.digest(),
        draft: Blob::new(draft.der())?,
    };
    match maker.store.write(stamp.clone(), begin).await? {
        UnitBegun::New { unit } => {
            context.metrics.event("idevid-issued");
            sign(maker, stamp, unit, draft).await
        }
        UnitBegun::Before(unit) => again(maker, stamp, *unit).await,
    }
}

/// Returns the certificates above every IDevID: the issuer first, the self-signed root left out.
///
/// # Errors
/// [`Error::RoleMissing`] (`Unsupported`).
pub fn issuers(context: &Context) -> Result<Vec<Vec<u8>>, Refusal> {
    let chain = &maker(context)?.ca_chain;
    Ok(chain.iter().filter(|ca| !ca.is_self_issued()).map(|ca| ca.der().to_vec()).collect())
}

/// A request that names a serial number must mean the unit on the bench; another is a mix-up at the station.
fn check_serial(csr: &Csr, serial: &SerialNumber) -> Result<(), Error> {
    match csr.subject_serial_number() {
        Some(named) if named != serial => Err(Error::CsrSerialMismatch),
        Some(_) | None => Ok(()),
    }
}

/// Says what the IDevID will be.
fn template(
    settings: &server_config::Maker,
    order: &Order,
    (serial, key): (&SerialNumber, &PublicKey),
    now: UnixTime,
) -> Result<Template, Refusal> {
    let product = settings.products.iter().find(|product| product.name == order.terms.product);
    let product = product.ok_or(Error::ProductUnknown)?;
    let mut subject = Subject::device(serial);
    subject.organization = Some(settings.name.clone());
    subject.organizational_unit = Some(product.name.to_string());
    // IEEE802.1AR-8.7-no-end
    let validity = (now, UnixTime::NO_END);
    let mut template = Template::new(Profile::IdevId, subject, key.clone(), random_serial()?, validity);
    template.masa_url = Some(settings.masa_url.clone());
    template.mud_url.clone_from(&product.mud_url);
    Ok(template)
}

/// Signs, records, hands out what is on record.
async fn sign(
    maker: &MakerContext,
    stamp: Stamp,
    unit: DeviceId,
    draft: ToBeSigned,
) -> Result<IssuedIdevId, Refusal> {
    let certificate: Certificate = maker.issuer.sign(draft)?;
    let fingerprint = certificate.fingerprint();
    let complete = CompleteUnit { unit, certificate: Blob::new(certificate.der())?, fingerprint };
    match maker.store.write(stamp, complete).await {
        Ok(unit) => hand_out(unit, false),
        // The same request on another connection was faster; its certificate is the one.
        Err(server_store::Error::UnitSettled) => {
            let found = maker.store.read(move |store| store.load_unit(unit)).await?;
            hand_out(found.ok_or(Error::RecordUnreadable)?, true)
        }
        Err(other) => Err(other.into()),
    }
}

/// Answers for a unit that was begun before: by its certificate, or by signing the very draft on record.
async fn again(maker: &MakerContext, stamp: Stamp, unit: Unit) -> Result<IssuedIdevId, Refusal> {
    match unit.idevid {
        IdevId::Issued { .. } => hand_out(unit, true),
        IdevId::Intent { draft } => {
            sign(maker, stamp, unit.id, maker.issuer.take_up(draft.into_bytes())).await
        }
    }
}

fn hand_out(unit: Unit, is_repeat: bool) -> Result<IssuedIdevId, Refusal> {
    match unit.idevid {
        IdevId::Issued { certificate, .. } => {
            Ok(IssuedIdevId { certificate: certificate.into_bytes(), is_repeat })
        }
        IdevId::Intent { .. } => Err(Error::RecordUnreadable.into()),
    }
}
