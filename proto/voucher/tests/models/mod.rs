//! Artifacts of every kind, for property tests: all that JSON can say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use proto::{Fingerprint, SerialNumber, UnixTime};
use proto_voucher::{Assertion, Extension, ExtensionName, Nonce, Opaque, Pins, Voucher, VoucherRequest};

fn octets() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80))
}

fn pins() -> impl Strategy<Value = Pins> {
    (octets(), octets(), proptest::option::of(any::<[u8; 32]>())).prop_map(
        |(certificate, public_key, hash)| Pins {
            certificate,
            public_key,
            public_key_sha256: hash.map(Fingerprint::from_array),
        },
    )
}

fn date() -> impl Strategy<Value = Option<UnixTime>> {
    proptest::option::of((0..UnixTime::NO_END.as_millis()).prop_map(UnixTime::from_millis))
}

fn serial() -> impl Strategy<Value = SerialNumber> {
    "[!-~]([ -~]{0,62}[!-~])?".prop_map(|text| text.parse().unwrap())
}

fn nonce() -> impl Strategy<Value = Option<Nonce>> {
    proptest::option::of("[ -~]{8,64}".prop_map(|text| Nonce::new(text.as_bytes()).unwrap()))
}

fn proprietary() -> impl Strategy<Value = Option<Opaque>> {
    octets().prop_map(|octets| octets.map(Opaque::Octets))
}

fn assertion() -> impl Strategy<Value = Option<Assertion>> {
    proptest::option::of(proptest::sample::select(Assertion::ALL.to_vec()))
}

prop_compose! {
    pub(crate) fn any_voucher()(
        dates in (date(), date(), date()),
        (assertion, nonce, serial_number) in (assertion(), nonce(), serial()),
        issuer in octets(),
        pinned_domain in pins(),
        domain_cert_revocation_checks in any::<Option<bool>>(),
        (est_domain, additional_configuration_url) in any::<(Option<String>, Option<String>)>(),
        manufacturer_proprietary in proprietary(),
        names in proptest::collection::btree_set("[a-z-]{1,20}", 0..4),
    ) -> Voucher {
        Voucher {
            assertion,
            created_at: dates.0,
            expires_at: dates.1,
            last_renewal_at: dates.1.and(dates.2),
            nonce,
            serial_number,
            idevid_issuer: issuer,
            pinned_domain,
            domain_cert_revocation_checks,
            est_domain,
            additional_configuration_url,
            manufacturer_proprietary,
            extensions: names
                .into_iter()
                .map(|name| Extension { content: Some(Opaque::Json(format!("{:?}", name))), name: ExtensionName::Name(name) })
                .collect(),
        }
    }
}

prop_compose! {
    pub(crate) fn any_request()(
        voucher in any_voucher(),
        proximity_registrar in pins(),
        (prior, signed_data) in (octets(), octets()),
        (agent_cert, sign_cert) in (octets(), octets()),
    ) -> VoucherRequest {
        VoucherRequest {
            assertion: voucher.assertion,
            created_at: voucher.created_at,
            expires_at: voucher.expires_at,
            nonce: voucher.nonce,
            serial_number: voucher.serial_number,
            idevid_issuer: voucher.idevid_issuer,
            pinned_domain: voucher.pinned_domain,
            prior_signed_voucher_request: prior,
            proximity_registrar,
            agent_signed_data: signed_data,
            agent_provided_proximity_registrar_cert: agent_cert,
            agent_sign_cert: sign_cert,
            est_domain: voucher.est_domain,
            additional_configuration_url: voucher.additional_configuration_url,
            manufacturer_proprietary: voucher.manufacturer_proprietary,
            extensions: voucher.extensions,
        }
    }
}
