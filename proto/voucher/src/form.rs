//! What the encodings have in common: which leaves make an artifact, each read and written once.
//! Source: rfc8366bis §7.3 (module `ietf-voucher`), §8.2 (module `ietf-voucher-request`).
//! Does not: know an encoding; see `json` and `cbor`.
//! Invariants: both encodings carry the same leaves by the same names.

use proto::{Fingerprint, SerialNumber, UnixTime};

use crate::{Assertion, Error, Extension, Nonce, Opaque, Pins, Voucher, VoucherRequest};

/// The most extensions in one artifact: ours; none is registered yet.
pub(crate) const EXTENSIONS_MAX: usize = 16;
/// What stands before the name of an extension in the key of its content (rfc8366bis §7.5).
pub(crate) const EXTENSION_PREFIX: &str = "extension:";

const PINNED: [&str; 3] = ["pinned-domain-cert", "pinned-domain-pubk", "pinned-domain-pubk-sha256"];
const PROXIMITY: [&str; 3] =
    ["proximity-registrar-cert", "proximity-registrar-pubk", "proximity-registrar-pubk-sha256"];

/// The leaves of one artifact, each taken by its name and type.
pub(crate) trait Source {
    fn text(&mut self, leaf: &'static str) -> Result<Option<String>, Error>;
    fn boolean(&mut self, leaf: &'static str) -> Result<Option<bool>, Error>;
    fn octets(&mut self, leaf: &'static str) -> Result<Option<Vec<u8>>, Error>;
    /// Takes a `yang:date-and-time`, zone included.
    fn date(&mut self, leaf: &'static str) -> Result<Option<UnixTime>, Error>;
    /// Takes `created-on`, which decides nothing and of which real peers leave out the zone: UTC then.
    fn created_at(&mut self) -> Result<Option<UnixTime>, Error>;
    fn assertion(&mut self) -> Result<Option<Assertion>, Error>;
    fn nonce(&mut self) -> Result<Option<Nonce>, Error>;
    fn serial_number(&mut self) -> Result<SerialNumber, Error>;
    fn idevid_issuer(&mut self) -> Result<Option<Vec<u8>>, Error>;
    fn proprietary(&mut self) -> Result<Option<Opaque>, Error>;
    /// Takes `extensions` and the content of each; content that the list does not name stays unknown.
    fn extensions(&mut self) -> Result<Vec<Extension>, Error>;

    fn pins(&mut self, [certificate, key, hash]: [&'static str; 3]) -> Result<Pins, Error> {
        let fingerprint =
            |octets: Vec<u8>| Fingerprint::new(&octets).map_err(|_| Error::LeafInvalid { leaf: hash });
        Ok(Pins {
            certificate: self.octets(certificate)?,
            public_key: self.octets(key)?,
            public_key_sha256: self.octets(hash)?.map(fingerprint).transpose()?,
        })
    }
}

/// Collects the leaves of one artifact; an absent value leaves its member out.
pub(crate) trait Sink {
    fn text(&mut self, leaf: &'static str, value: Option<&str>);
    fn boolean(&mut self, leaf: &'static str, value: Option<bool>);
    fn octets(&mut self, leaf: &'static str, value: Option<&[u8]>);
    fn assertion(&mut self, value: Option<Assertion>);
    fn nonce(&mut self, value: Option<&Nonce>);
    fn proprietary(&mut self, value: Option<&Opaque>) -> Result<(), Error>;
    fn extensions(&mut self, extensions: &[Extension]) -> Result<(), Error>;

    fn date(&mut self, leaf: &'static str, value: Option<UnixTime>) {
        self.text(leaf, value.map(|at| at.to_string()).as_deref());
    }

    fn pins(&mut self, [certificate, key, hash]: [&'static str; 3], pins: &Pins) {
        self.octets(certificate, pins.certificate.as_deref());
        self.octets(key, pins.public_key.as_deref());
        self.octets(hash, pins.public_key_sha256.as_ref().map(|hash| hash.as_bytes().as_slice()));
    }
}

pub(crate) fn read_voucher(leaves: &mut impl Source) -> Result<Voucher, Error> {
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

/// Leaves `last-renewal-date` and `domain-cert-revocation-checks` untaken: they are ignored in a request.
// RFC8366-8.2-request-ignores
pub(crate) fn read_voucher_request(leaves: &mut impl Source) -> Result<VoucherRequest, Error> {
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

pub(crate) fn write_voucher(voucher: &Voucher, leaves: &mut impl Sink) -> Result<(), Error> {
    leaves.assertion(voucher.assertion);
    leaves.date("created-on", voucher.created_at);
    leaves.date("expires-on", voucher.expires_at);
    leaves.date("last-renewal-date", voucher.last_renewal_at);
    leaves.nonce(voucher.nonce.as_ref());
    leaves.text("serial-number", Some(voucher.serial_number.as_str()));
    leaves.octets("idevid-issuer", voucher.idevid_issuer.as_deref());
    leaves.pins(PINNED, &voucher.pinned_domain);
    leaves.boolean("domain-cert-revocation-checks", voucher.domain_cert_revocation_checks);
    leaves.text("est-domain", voucher.est_domain.as_deref());
    leaves.text("additional-configuration-url", voucher.additional_configuration_url.as_deref());
    leaves.proprietary(voucher.manufacturer_proprietary.as_ref())?;
    leaves.extensions(&voucher.extensions)
}

pub(crate) fn write_voucher_request(request: &VoucherRequest, leaves: &mut impl Sink) -> Result<(), Error> {
    leaves.assertion(request.assertion);
    leaves.date("created-on", request.created_at);
    leaves.date("expires-on", request.expires_at);
    leaves.nonce(request.nonce.as_ref());
    leaves.text("serial-number", Some(request.serial_number.as_str()));
    leaves.octets("idevid-issuer", request.idevid_issuer.as_deref());
    leaves.pins(PINNED, &request.pinned_domain);
    leaves.octets("prior-signed-voucher-request", request.prior_signed_voucher_request.as_deref());
    leaves.pins(PROXIMITY, &request.proximity_registrar);
    leaves.octets("agent-signed-data", request.agent_signed_data.as_deref());
    let agent_provided = request.agent_provided_proximity_registrar_cert.as_deref();
    leaves.octets("agent-provided-proximity-registrar-cert", agent_provided);
    leaves.octets("agent-sign-cert", request.agent_sign_cert.as_deref());
    leaves.text("est-domain", request.est_domain.as_deref());
    leaves.text("additional-configuration-url", request.additional_configuration_url.as_deref());
    leaves.proprietary(request.manufacturer_proprietary.as_ref())?;
    leaves.extensions(&request.extensions)
}

/// Reads a date; `None` when it is none.
pub(crate) fn date_of(text: &str) -> Option<UnixTime> {
    text.parse().ok()
}

/// Reads a date that may lack its zone; `None` when it is none.
pub(crate) fn lenient_date_of(text: &str) -> Option<UnixTime> {
    date_of(text).or_else(|| format!("{text}Z").parse().ok())
}
