//! The JSON form of vouchers and voucher-requests.
//! Source: RFC 7951 (YANG in JSON); RFC 8995 §3.3; rfc8366bis §7.2, §7.5, §7.6.
//! Does not: sign or verify; the JSON travels inside a CMS object.
//! Invariants: what `write_…` makes, `parse_…` reads back to an equal value, save for a nonce or opaque content that
//! is no JSON by nature.
//!
//! Tolerant only where real peers differ: `created-on` may lack its zone (then UTC), `idevid-issuer` may be text that
//! is no base64 (kept as it stands), the nonce is any text. All else is strict.

mod document;
mod leaves;

use serde_json::{Map, Value};

use crate::{Error, Pins, VOUCHER_BYTES_MAX, Voucher, VoucherRequest};
use leaves::{Leaves, Writer};

/// The member that holds a voucher (rfc8366bis §7.2).
pub const VOUCHER: &str = "ietf-voucher:voucher";
/// The member that holds a voucher-request (RFC 8995 §3.3).
pub const VOUCHER_REQUEST: &str = "ietf-voucher-request:voucher";

const PINNED: [&str; 3] = ["pinned-domain-cert", "pinned-domain-pubk", "pinned-domain-pubk-sha256"];
const PROXIMITY: [&str; 3] =
    ["proximity-registrar-cert", "proximity-registrar-pubk", "proximity-registrar-pubk-sha256"];

/// Reads a voucher.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotJson`], [`Error::DuplicateMember`], [`Error::TooComplex`],
/// [`Error::ContainerMissing`], [`Error::SerialNumberMissing`], [`Error::LeafInvalid`], [`Error::NonceLength`],
/// [`Error::RenewalWithoutExpiry`] (malformed); [`Error::AssertionUnknown`] (unsupported).
pub fn parse_voucher(json: &[u8]) -> Result<Voucher, Error> {
    let mut leaves = open(json, VOUCHER)?;
    let voucher = Voucher {
        assertion: leaves.assertion()?,
        created_at: leaves.created_at()?,
        expires_at: leaves.date("expires-on")?,
        last_renewal_at: leaves.date("last-renewal-date")?,
        nonce: leaves.nonce()?,
        serial_number: leaves.serial_number()?,
        idevid_issuer: leaves.idevid_issuer()?,
        pinned_domain: leaves.pins(PINNED)?,
        domain_cert_revocation_checks: leaves.boolean("domain-cert-revocation-checks")?,
        est_domain: leaves.text("est-domain")?,
        additional_configuration_url: leaves.text("additional-configuration-url")?,
        manufacturer_proprietary: leaves.proprietary()?,
        extensions: leaves.extensions()?,
    };
    // RFC8366-7.3-last-renewal
    if voucher.last_renewal_at.is_some() && voucher.expires_at.is_none() {
        return Err(Error::RenewalWithoutExpiry);
    }
    Ok(voucher)
}

/// Reads a voucher-request; `last-renewal-date` and `domain-cert-revocation-checks` are ignored in it.
///
/// # Errors
/// As [`parse_voucher`], without [`Error::RenewalWithoutExpiry`].
pub fn parse_voucher_request(json: &[u8]) -> Result<VoucherRequest, Error> {
    let mut leaves = open(json, VOUCHER_REQUEST)?;
    // RFC8366-8.2-request-ignores
    Ok(VoucherRequest {
        assertion: leaves.assertion()?,
        created_at: leaves.created_at()?,
        expires_at: leaves.date("expires-on")?,
        nonce: leaves.nonce()?,
        serial_number: leaves.serial_number()?,
        idevid_issuer: leaves.idevid_issuer()?,
        pinned_domain: leaves.pins(PINNED)?,
        prior_signed_voucher_request: leaves.octets("prior-signed-voucher-request")?,
        proximity_registrar: leaves.pins(PROXIMITY)?,
        agent_signed_data: leaves.octets("agent-signed-data")?,
        agent_provided_proximity_registrar_cert: leaves.octets("agent-provided-proximity-registrar-cert")?,
        agent_sign_cert: leaves.octets("agent-sign-cert")?,
        est_domain: leaves.text("est-domain")?,
        additional_configuration_url: leaves.text("additional-configuration-url")?,
        manufacturer_proprietary: leaves.proprietary()?,
        extensions: leaves.extensions()?,
    })
}

/// Writes a voucher.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when an extension is not JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher(voucher: &Voucher) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::default();
    writer.text("assertion", voucher.assertion.map(|assertion| assertion.name()));
    writer.date("created-on", voucher.created_at);
    writer.date("expires-on", voucher.expires_at);
    writer.date("last-renewal-date", voucher.last_renewal_at);
    writer.text("nonce", voucher.nonce.as_ref().map(|nonce| nonce.to_json_text()).as_deref());
    writer.text("serial-number", Some(voucher.serial_number.as_str()));
    writer.octets("idevid-issuer", voucher.idevid_issuer.as_deref());
    write_pins(&mut writer, PINNED, &voucher.pinned_domain);
    writer.boolean("domain-cert-revocation-checks", voucher.domain_cert_revocation_checks);
    writer.text("est-domain", voucher.est_domain.as_deref());
    writer.text("additional-configuration-url", voucher.additional_configuration_url.as_deref());
    writer.proprietary(voucher.manufacturer_proprietary.as_ref())?;
    writer.extensions(&voucher.extensions)?;
    close(VOUCHER, writer)
}

/// Writes a voucher-request.
///
/// # Errors
/// [`Error::OpaqueForm`] (fault) when an extension is not JSON; [`Error::TooLarge`] (malformed).
pub fn write_voucher_request(request: &VoucherRequest) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::default();
    writer.text("assertion", request.assertion.map(|assertion| assertion.name()));
    writer.date("created-on", request.created_at);
    writer.date("expires-on", request.expires_at);
    writer.text("nonce", request.nonce.as_ref().map(|nonce| nonce.to_json_text()).as_deref());
    writer.text("serial-number", Some(request.serial_number.as_str()));
    writer.octets("idevid-issuer", request.idevid_issuer.as_deref());
    write_pins(&mut writer, PINNED, &request.pinned_domain);
    writer.octets("prior-signed-voucher-request", request.prior_signed_voucher_request.as_deref());
    write_pins(&mut writer, PROXIMITY, &request.proximity_registrar);
    writer.octets("agent-signed-data", request.agent_signed_data.as_deref());
    let agent_provided = request.agent_provided_proximity_registrar_cert.as_deref();
    writer.octets("agent-provided-proximity-registrar-cert", agent_provided);
    writer.octets("agent-sign-cert", request.agent_sign_cert.as_deref());
    writer.text("est-domain", request.est_domain.as_deref());
    writer.text("additional-configuration-url", request.additional_configuration_url.as_deref());
    writer.proprietary(request.manufacturer_proprietary.as_ref())?;
    writer.extensions(&request.extensions)?;
    close(VOUCHER_REQUEST, writer)
}

fn open(json: &[u8], container: &'static str) -> Result<Leaves, Error> {
    let Value::Object(mut outer) = parse_value(json)? else {
        return Err(Error::ContainerMissing { container });
    };
    match outer.remove(container) {
        Some(Value::Object(leaves)) => Ok(Leaves::new(leaves)),
        Some(_) | None => Err(Error::ContainerMissing { container }),
    }
}

fn write_pins(writer: &mut Writer, [certificate, key, hash]: [&'static str; 3], pins: &Pins) {
    writer.octets(certificate, pins.certificate.as_deref());
    writer.octets(key, pins.public_key.as_deref());
    writer.octets(hash, pins.public_key_sha256.as_ref().map(|hash| hash.as_bytes().as_slice()));
}

fn close(container: &str, writer: Writer) -> Result<Vec<u8>, Error> {
    let mut outer = Map::new();
    outer.insert(container.to_owned(), Value::Object(writer.into_members()));
    let json = Value::Object(outer).to_string().into_bytes();
    if json.len() > VOUCHER_BYTES_MAX { Err(Error::TooLarge) } else { Ok(json) }
}

/// Reads any JSON under the same bounds and rules as a voucher: at most 64 KiB, 16 levels and 512 values, no
/// duplicate members. The telemetry and the audit log of `proto-brski` are read by it too.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotJson`], [`Error::DuplicateMember`], [`Error::TooComplex`] (malformed).
pub fn parse_value(json: &[u8]) -> Result<Value, Error> {
    if json.len() > VOUCHER_BYTES_MAX { Err(Error::TooLarge) } else { document::parse(json) }
}
