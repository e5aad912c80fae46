//! A registrar asks the MASA which domains had vouchers for a unit.
//!
//! Source: RFC 8995 §5.8.
//! 1. The request is the one that got a voucher, octet for octet: it was verified then. Any other is verified now: only
//!    who could have a voucher may read the log.
//! 2. The domain must have had one; to all others there is no log.
//! 3. The entries are written, the newest first.
//!
//! Does not: know HTTP; record anything.
//! Invariants: who never had the unit cannot tell a unit without a log from one with.

use proto::Seq;
use proto_brski::{AuditEvent, Format, MasaAuditLog, Rvr};
use proto_voucher::{Assertion, Nonce};
use server_listen::Peer;
use server_store::{AuditEntry, Nonce as StoreNonce};

use super::maker;
use super::registrar_request::RegistrarRequest;
use crate::app::{Error, Refusal};
use crate::context::{Context, MakerContext};

/// Takes the request that once asked for a voucher and returns the audit log as JSON.
///
/// # Errors
/// [`Error::AuditLogForeign`] (`Unknown`); whatever is wrong with the request.
pub async fn request_audit_log(
    context: &Context,
    peer: &Peer,
    request: (&[u8], Format),
) -> Result<Vec<u8>, Refusal> {
    let maker = maker(context)?;
    if let Some(entries) = asked_before(maker, request).await? {
        return write(entries);
    }
    let request = RegistrarRequest::verify(maker, peer, request, context.clock.now()).await?;
    let (unit, domains) = (request.unit.id, request.domains());
    let read = maker.store.read(move |store| {
        for domain in &domains {
            if store.has_owned(unit, domain)? {
                return store.list_audit_log(unit, Seq(0), usize::MAX).map(Some);
            }
        }
        Ok(None)
    });
    // RFC8995-5.8-owner-only
    write(read.await?.ok_or(Error::AuditLogForeign)?)
}

/// Finds the log by a request that got a voucher before; RFC 8995 §5.8 lets a MASA not verify it a second time.
// RFC8995-5.8-same-request
async fn asked_before(
    maker: &MakerContext,
    (body, format): (&[u8], Format),
) -> Result<Option<Vec<AuditEntry>>, Refusal> {
    let parsed = Rvr::parse(body, format)?;
    let unit = server_store::device_id(&maker.settings.id, parsed.claimed_serial_number());
    let nonce = parsed.claimed_nonce().map(|nonce| StoreNonce::new(nonce.as_bytes())).transpose()?;
    let digest = parsed.digest();
    let read = maker.store.read(move |store| {
        let voucher = store.load_masa_voucher(unit, nonce.as_ref(), digest)?;
        let is_this = voucher.is_some_and(|found| found.rvr_digest == digest && found.voucher.is_some());
        if is_this { store.list_audit_log(unit, Seq(0), usize::MAX).map(Some) } else { Ok(None) }
    });
    Ok(read.await?)
}

fn write(entries: Vec<AuditEntry>) -> Result<Vec<u8>, Refusal> {
    let events = entries.into_iter().rev().map(event).collect::<Result<_, Error>>()?;
    Ok(MasaAuditLog::new(events).write())
}

fn event(entry: AuditEntry) -> Result<AuditEvent, Error> {
    let nonce = entry.nonce.map(|nonce| Nonce::new(nonce.as_bytes())).transpose();
    Ok(AuditEvent {
        at: entry.at,
        domain_id: entry.domain,
        nonce: nonce.map_err(|_| Error::RecordUnreadable)?,
        assertion: Assertion::from_name(entry.assertion.as_str()).ok_or(Error::RecordUnreadable)?,
        truncated: 0,
    })
}

#[cfg(test)]
mod tests {
    use proto::{DomainId, UnixTime};
    use server_store::Text;

    use super::*;

    fn entry(assertion: &str) -> AuditEntry {
        AuditEntry {
            seq: Seq(7),
            at: UnixTime::from_seconds(1_700_000_000),
            domain: DomainId::new(&[1; 20]).unwrap(),
            nonce: Some(server_store::Nonce::new(*b"12345678").unwrap()),
            assertion: Text::new(assertion).unwrap(),
        }
    }

    #[test]
    fn an_entry_keeps_its_time_domain_nonce_and_assertion() {
        let event = event(entry("proximity")).unwrap();
        assert_eq!(
            (event.at, event.assertion),
            (UnixTime::from_seconds(1_700_000_000), Assertion::Proximity)
        );
        assert_eq!(event.nonce.unwrap().as_bytes(), b"12345678");
    }

    #[test]
    fn an_entry_that_is_no_entry_is_a_fault_of_ours() {
        assert!(matches!(event(entry("hearsay")), Err(Error::RecordUnreadable)));
    }
}
