//! A registrar's signed request at the MASA, checked: for a voucher and for the audit log alike.
//!
//! Source: RFC 8995 §5.5.1 to §5.5.6, §5.8.
//! Does not: decide.
//! Invariants: the unit is on record with its IDevID, and the device that signed inside has the unit's key.

use pki::Certificate;
use pki::cms::Compat;
use pki::path::{self, Anchors, Expiry, Purpose, Rules};
use proto::{DomainId, Fingerprint, UnixTime};
use proto_brski::{Format, RegistrarAuthentication, Rvr, RvrCheck, Verified, domain_id};
use server_listen::Peer;
use server_store::{Actor, IdevId, Stamp, Unit};

use crate::app::{Error, Refusal};
use crate::context::MakerContext;

/// A verified request and the unit that it is about.
#[derive(Debug)]
pub(super) struct RegistrarRequest {
    /// The request.
    pub(super) rvr: Verified<Rvr>,
    /// The unit.
    pub(super) unit: Unit,
}

impl RegistrarRequest {
    /// Reads a request and checks it as a MASA must.
    pub(super) async fn verify(
        maker: &MakerContext,
        peer: &Peer,
        (body, format): (&[u8], Format),
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let parsed = Rvr::parse(body, format)?;
        let id = server_store::device_id(&maker.settings.id, parsed.claimed_serial_number());
        let unit = maker.store.look_up(move |store| store.load_unit(id)).await?;
        let idevid = unit.as_ref().and_then(idevid);
        let known: Vec<Certificate> = idevid.iter().chain(maker.ca_chain.first()).cloned().collect();
        let rvr = parsed.verify(&RvrCheck {
            idevid_anchors: &maker.anchors,
            idevid_pool: &known,
            idevid_expiry: Expiry::Enforce,
            registrar: authentication(maker, peer, now),
            revocation: &|certificate| maker.registrar_revocations.judge(certificate, now),
            compat: Compat::Strict,
            now,
        })?;
        // A stranger learns nothing of our records before its own proofs hold.
        let unit = unit.filter(is_made).ok_or(server_store::Error::UnitUnknown)?;
        check_key(&rvr, &unit)?;
        Ok(Self { rvr, unit })
    }

    /// Stamps what is written on behalf of the registrar.
    pub(super) fn stamp(&self, now: UnixTime) -> Stamp {
        let signer = self.rvr.domain_chain().first();
        let fingerprint = signer.map_or_else(|| self.rvr.digest(), Certificate::fingerprint);
        Stamp::new(now, Actor::Registrar(fingerprint))
    }

    /// Lists the ids of all that signed for the registrar, its own first.
    pub(super) fn domains(&self) -> Vec<DomainId> {
        self.rvr.domain_chain().iter().map(domain_id).collect()
    }
}

/// Judges how the registrar is known; without anchors of the maker's none is.
// RFC8995-5.5.4-nonceless-authenticated
fn authentication<'a>(maker: &'a MakerContext, peer: &Peer, now: UnixTime) -> RegistrarAuthentication<'a> {
    match &maker.registrar_anchors {
        None => RegistrarAuthentication::None,
        Some(anchors) if is_known(maker, peer, anchors, now) => RegistrarAuthentication::Transport,
        Some(anchors) => RegistrarAuthentication::Anchors(anchors),
    }
}

fn is_known(maker: &MakerContext, peer: &Peer, anchors: &Anchors, now: UnixTime) -> bool {
    let revocation = &|certificate: &Certificate| maker.registrar_revocations.judge(certificate, now);
    let rules = Rules { anchors, now, purpose: Purpose::TlsClient, revocation };
    let certificate = peer.certificate();
    certificate.is_some_and(|leaf| path::verify(leaf, peer.intermediates(), &rules).is_ok())
}

fn idevid(unit: &Unit) -> Option<Certificate> {
    match &unit.idevid {
        IdevId::Issued { certificate, .. } => Certificate::parse(certificate).ok(),
        IdevId::Intent { .. } => None,
    }
}

fn is_made(unit: &Unit) -> bool {
    matches!(unit.idevid, IdevId::Issued { .. })
}

/// The certificate chains to us; that it is this unit's, its key shows.
fn check_key(rvr: &Rvr, unit: &Unit) -> Result<(), Error> {
    let key: Option<Fingerprint> = rvr.idevid().map(|idevid| idevid.public_key().fingerprint());
    if key.is_none_or(|key| key == unit.public_key) { Ok(()) } else { Err(Error::UnitKeyMismatch) }
}
