//! What one certificate must be: as the end entity of a purpose, and as a CA above it.
//! Source: RFC 5280 §4.2, §6.1.3, §6.1.4; IEEE 802.1AR §8; RFC 8995 §5.5.4, §5.6.2.
//! Does not: check signatures or look at more than one certificate.

use proto::UnixTime;

use super::{Expiry, Purpose, Rules, extensions, host, name};
use crate::{Certificate, Error, KeyUsage, Oid, oid};

/// Checks the end entity.
pub(super) fn end_entity(leaf: &Certificate, rules: &Rules<'_>) -> Result<(), Error> {
    let expiry = match rules.purpose {
        Purpose::IdevId { expiry } => expiry,
        Purpose::LdevId
        | Purpose::VoucherSigner
        | Purpose::RegistrarRequestSigner
        | Purpose::Registrar
        | Purpose::TlsServer { .. }
        | Purpose::TlsClient => Expiry::Enforce,
    };
    validity(leaf, rules.now, expiry)?;
    extensions::check(leaf)?;
    // RFC5280-4.2.1.3-digital-signature
    if leaf.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
        return Err(Error::PathKeyUsageUnfit);
    }
    if !is_fit(leaf, rules.purpose) {
        return Err(Error::PathExtendedKeyUsageUnfit);
    }
    identity(leaf, rules.purpose)
}

/// Checks what a certificate must be to have issued another one.
///
/// `cas_below` counts the CAs between it and the end entity that are not self-issued (RFC 5280 §6.1.4 (l)). An anchor's
/// own validity does not count: that it is trusted is the operator's word, not its issuer's (RFC 5280 §6.1.1 (d)).
pub(super) fn issuer(
    ca: &Certificate,
    is_anchor: bool,
    cas_below: usize,
    rules: &Rules<'_>,
) -> Result<(), Error> {
    // RFC5280-6.1.4-basic-constraints
    if ca.version() != 3 || !ca.is_ca() {
        return Err(Error::PathIssuerNotCa);
    }
    // RFC5280-6.1.4-path-length
    let is_too_long = |most: u32| usize::try_from(most).is_ok_and(|most| cas_below > most);
    if ca.path_len().is_some_and(is_too_long) {
        return Err(Error::PathLengthExceeded);
    }
    // RFC5280-6.1.4-key-cert-sign
    if ca.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        return Err(Error::PathIssuerMayNotSign);
    }
    if !is_anchor {
        validity(ca, rules.now, Expiry::Enforce)?;
    }
    extensions::check(ca)?;
    if is_unrestricted(ca, rules.purpose) { Ok(()) } else { Err(Error::PathIssuerPurposeRestricted) }
}

/// Checks the time; the ends of the validity belong to it, to the second (RFC 5280 §4.1.2.5).
// RFC5280-6.1.3-validity
fn validity(certificate: &Certificate, now: UnixTime, expiry: Expiry) -> Result<(), Error> {
    if now < certificate.not_before() {
        return Err(Error::PathNotYetValid);
    }
    // IEEE802.1AR-8-expiry
    if expiry == Expiry::Enforce && now.as_seconds() > certificate.not_after().as_seconds() {
        return Err(Error::PathExpired);
    }
    Ok(())
}

/// Returns the extKeyUsages of which an end entity or a restricted CA must have one.
const fn usages(purpose: Purpose<'_>) -> &'static [Oid] {
    const CLIENT: &[Oid] = &[oid::CLIENT_AUTH];
    const SERVER: &[Oid] = &[oid::SERVER_AUTH];
    const REQUEST_SIGNER: &[Oid] = &[oid::CMC_RA];
    const REGISTRAR: &[Oid] = &[oid::CMC_RA, oid::SERVER_AUTH];
    match purpose {
        Purpose::IdevId { .. } | Purpose::LdevId | Purpose::TlsClient => CLIENT,
        Purpose::VoucherSigner => &[],
        Purpose::RegistrarRequestSigner => REQUEST_SIGNER,
        Purpose::Registrar => REGISTRAR,
        Purpose::TlsServer { .. } => SERVER,
    }
}

/// Tells whether the end entity's extKeyUsage fits. Makers' certificates need not have it; where it is, it binds. For
/// the rest it must be there and name the purpose: anyExtendedKeyUsage is not enough (RFC 5280 §4.2.1.12).
// RFC8995-5.5.4-cmcra
fn is_fit(leaf: &Certificate, purpose: Purpose<'_>) -> bool {
    match purpose {
        Purpose::IdevId { .. } | Purpose::VoucherSigner => is_unrestricted(leaf, purpose),
        Purpose::LdevId
        | Purpose::RegistrarRequestSigner
        | Purpose::Registrar
        | Purpose::TlsServer { .. }
        | Purpose::TlsClient => usages(purpose).iter().any(|usage| leaf.has_extended_key_usage(usage)),
    }
}

/// Tells whether extKeyUsage is absent, allows anything, or names the purpose: how a CA restricts what it issues.
fn is_unrestricted(certificate: &Certificate, purpose: Purpose<'_>) -> bool {
    certificate.extended_key_usages().is_none()
        || certificate.has_extended_key_usage(&oid::ANY_EXTENDED_KEY_USAGE)
        || usages(purpose).iter().any(|usage| certificate.has_extended_key_usage(usage))
}

/// Checks what the end entity says it is.
fn identity(leaf: &Certificate, purpose: Purpose<'_>) -> Result<(), Error> {
    let may_be_ca = purpose == Purpose::VoucherSigner;
    if leaf.is_ca() && !may_be_ca {
        return Err(Error::PathEndEntityIsCa);
    }
    match purpose {
        // IEEE802.1AR-8-serial-number
        Purpose::IdevId { .. } | Purpose::LdevId if leaf.subject_serial_number().is_none() => {
            Err(Error::PathSerialNumberMissing)
        }
        Purpose::VoucherSigner if is_device(leaf) => Err(Error::PathSignerIsDevice),
        Purpose::TlsServer { host } if !host::is_named(leaf, host) => Err(Error::PathHostMismatch),
        Purpose::IdevId { .. }
        | Purpose::LdevId
        | Purpose::VoucherSigner
        | Purpose::RegistrarRequestSigner
        | Purpose::Registrar
        | Purpose::TlsServer { .. }
        | Purpose::TlsClient => Ok(()),
    }
}

/// Tells whether a certificate is a device's. Makers issue devices and voucher signers from one CA, and neither has an
/// extKeyUsage; without this every device of a maker could vouch for every other.
fn is_device(leaf: &Certificate) -> bool {
    name::has_attribute(leaf.subject_der(), &oid::SERIAL_NUMBER)
        || leaf.masa_url().is_some()
        || leaf.hardware_module_name().is_some()
}
