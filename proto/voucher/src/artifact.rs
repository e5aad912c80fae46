//! The two artifacts: the voucher and the request for one.
//! Source: rfc8366bis §7.3 (module `ietf-voucher`), §8.2 (module `ietf-voucher-request`), §7.5, §7.6.
//! Invariants: binary leaves are octets here, whatever the encoding on the wire.

use proto::{SerialNumber, UnixTime};

use crate::{Assertion, Nonce, Pins};

/// A voucher: the manufacturer's word, meant for one pledge, on whom it may trust as its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// `assertion`: on what ground the manufacturer speaks.
    pub assertion: Option<Assertion>,
    /// `created-on`: for people and audit.
    pub created_at: Option<UnixTime>,
    /// `expires-on`: a pledge with a clock refuses the voucher from then on.
    pub expires_at: Option<UnixTime>,
    /// `last-renewal-date`: until when the manufacturer expects to renew; needs `expires_at`; informative.
    pub last_renewal_at: Option<UnixTime>,
    /// `nonce`: equal to the request's; absent in a voucher for later use.
    pub nonce: Option<Nonce>,
    /// `serial-number`: of the one pledge that it is for.
    pub serial_number: SerialNumber,
    /// `idevid-issuer`: octets that identify the issuer of the IDevID; form: see `proto_brski::IdevidIssuer`.
    pub idevid_issuer: Option<Vec<u8>>,
    /// `pinned-domain-cert`, `-pubk`, `-pubk-sha256`: whom the pledge is to trust.
    pub pinned_domain: Pins,
    /// `domain-cert-revocation-checks`: whether the pledge must (true) or must not (false) check revocation.
    pub domain_cert_revocation_checks: Option<bool>,
    /// `est-domain`: where to enrol instead of at a cloud registrar (URI).
    pub est_domain: Option<String>,
    /// `additional-configuration-url`: where the manufacturer's further configuration is (URI).
    pub additional_configuration_url: Option<String>,
    /// `manufacturer-proprietary`: content that only the manufacturer and its pledge understand.
    pub manufacturer_proprietary: Option<Opaque>,
    /// `extensions`: registered extensions with their content.
    pub extensions: Vec<Extension>,
}

impl Voucher {
    /// Makes a voucher that says nothing yet but which device it is for.
    #[must_use]
    pub const fn new(serial_number: SerialNumber) -> Self {
        Self {
            assertion: None,
            created_at: None,
            expires_at: None,
            last_renewal_at: None,
            nonce: None,
            serial_number,
            idevid_issuer: None,
            pinned_domain: Pins { certificate: None, public_key: None, public_key_sha256: None },
            domain_cert_revocation_checks: None,
            est_domain: None,
            additional_configuration_url: None,
            manufacturer_proprietary: None,
            extensions: Vec::new(),
        }
    }
}

/// A voucher-request, of a pledge or of a registrar.
///
/// `last-renewal-date` and `domain-cert-revocation-checks` have no field here: any occurrence in a request is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRequest {
    /// `assertion`: what the sender hopes for; the MASA decides.
    pub assertion: Option<Assertion>,
    /// `created-on`: when the request was made, if the sender has a clock.
    pub created_at: Option<UnixTime>,
    /// `expires-on`: rarely of use in a request.
    pub expires_at: Option<UnixTime>,
    /// `nonce`: makes the voucher fresh; absent in a request for later use.
    pub nonce: Option<Nonce>,
    /// `serial-number`: claimed by a pledge, taken from the IDevID by a registrar.
    pub serial_number: SerialNumber,
    /// `idevid-issuer`: octets that identify the issuer of the IDevID; form: see `proto_brski::IdevidIssuer`.
    pub idevid_issuer: Option<Vec<u8>>,
    /// `pinned-domain-cert`, `-pubk`, `-pubk-sha256`: inherited from the voucher; no role uses them in a request.
    pub pinned_domain: Pins,
    /// `prior-signed-voucher-request`: the whole signed object of the pledge, octet for octet.
    pub prior_signed_voucher_request: Option<Vec<u8>>,
    /// `proximity-registrar-cert`, `-pubk`, `-pubk-sha256`: whom the pledge spoke with.
    pub proximity_registrar: Pins,
    /// `agent-signed-data` (BRSKI-PRM).
    pub agent_signed_data: Option<Vec<u8>>,
    /// `agent-provided-proximity-registrar-cert`: certificate in DER (BRSKI-PRM).
    pub agent_provided_proximity_registrar_cert: Option<Vec<u8>>,
    /// `agent-sign-cert`: certificate in DER (BRSKI-PRM).
    pub agent_sign_cert: Option<Vec<u8>>,
    /// `est-domain` (URI).
    pub est_domain: Option<String>,
    /// `additional-configuration-url` (URI).
    pub additional_configuration_url: Option<String>,
    /// `manufacturer-proprietary`: content that only the manufacturer and its pledge understand.
    pub manufacturer_proprietary: Option<Opaque>,
    /// `extensions`: registered extensions with their content.
    pub extensions: Vec<Extension>,
}

impl VoucherRequest {
    /// Makes a request that says nothing yet but which device it is about.
    #[must_use]
    pub const fn new(serial_number: SerialNumber) -> Self {
        Self {
            assertion: None,
            created_at: None,
            expires_at: None,
            nonce: None,
            serial_number,
            idevid_issuer: None,
            pinned_domain: Pins { certificate: None, public_key: None, public_key_sha256: None },
            prior_signed_voucher_request: None,
            proximity_registrar: Pins { certificate: None, public_key: None, public_key_sha256: None },
            agent_signed_data: None,
            agent_provided_proximity_registrar_cert: None,
            agent_sign_cert: None,
            est_domain: None,
            additional_configuration_url: None,
            manufacturer_proprietary: None,
            extensions: Vec::new(),
        }
    }
}

/// A registered extension (rfc8366bis §7.5), named in `extensions`, its content beside the other leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The name or the number by which it is registered.
    pub name: ExtensionName,
    /// Its content, absent when an extension is only named.
    pub content: Option<Opaque>,
}

/// How an extension is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtensionName {
    /// The name of its YANG module (JSON; CBOR too).
    Name(String),
    /// Its YANG SID (CBOR only).
    Sid(u64),
}

/// Content that we carry but do not read, kept in the form in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// Octets: a byte string, or CBOR.
    Octets(Vec<u8>),
    /// A JSON value as text without needless space.
    Json(String),
}
