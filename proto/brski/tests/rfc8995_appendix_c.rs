//! The worked example of RFC 8995 Appendix C, read, verified and replayed with the clock of that day.
//!
//! Its CMS objects have version 1 and id-data, so it needs `Compat::Lenient`; its RVR has no idevid-issuer, its IDevID
//! no AuthorityKeyIdentifier, and its registrar's certificate no EKU but cmcRA.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::cms::Compat;
use pki::path::{Anchors, Expiry, Revocation};
use pki::{Certificate, Secret, Signer};
use proto::{UnixTime, media_type};
use proto_brski::pledge::{self, PvrContent, VoucherPolicy};
use proto_brski::registrar::{self, MasaReply};
use proto_brski::{
    Error, Format, IpLiterals, MasaUrl, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, SignedVoucher,
    VoucherTrust, domain_id,
};
use proto_voucher::{Assertion, Nonce, Pins};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/rfc8995-anima-bootstrap/examples/",
            $name
        ))
    };
}

fn unarmoured(text: &str) -> Vec<u8> {
    STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn pvr_der() -> Vec<u8> {
    unarmoured(vector!("vr_00-D0-E5-F2-00-02.b64"))
}

fn rvr_der() -> Vec<u8> {
    unarmoured(vector!("parboiled_vr_00-D0-E5-F2-00-02.b64"))
}

fn voucher_der() -> Vec<u8> {
    unarmoured(vector!("voucher_00-D0-E5-F2-00-02.b64"))
}

fn certificate(pem: &str) -> Certificate {
    Certificate::from_pem(pem).unwrap()
}

fn idevid() -> Certificate {
    certificate(vector!("idevid_00-D0-E5-F2-00-02.crt"))
}

fn registrar() -> Certificate {
    certificate(vector!("jrc_prime256v1.crt"))
}

fn owner_ca() -> Certificate {
    certificate(vector!("ownerca_secp384r1.crt"))
}

fn maker_anchors() -> Anchors {
    Anchors::new([certificate(vector!("vendor.crt"))])
}

fn signer(pem: &str) -> Signer {
    Signer::from_pkcs8_pem(&Secret::new(pem.to_owned())).unwrap()
}

/// A moment after the exchange of the example.
fn that_day() -> UnixTime {
    "2021-04-14T00:00:00Z".parse().unwrap()
}

fn nonce() -> Nonce {
    Nonce::new(b"-_XE9zK9q8Ll1qylMtLKeg").unwrap()
}

fn pvr_check<'a>(idevid: &'a Certificate, own: &'a [Certificate], compat: Compat) -> PvrCheck<'a> {
    PvrCheck { idevid, registrar_certificates: own, compat, now: that_day() }
}

fn good(_: &Certificate) -> Revocation {
    Revocation::Good
}

fn rvr_check(anchors: &Anchors, compat: Compat) -> RvrCheck<'_> {
    RvrCheck {
        idevid_anchors: anchors,
        idevid_pool: &[],
        idevid_expiry: Expiry::Enforce,
        registrar: RegistrarAuthentication::None,
        revocation: &good,
        compat,
        now: that_day(),
    }
}

#[test]
fn the_registrar_accepts_the_pledges_request() {
    // RFC8995-5.2-signed-by-idevid
    let (idevid, own) = (idevid(), [registrar()]);
    let pvr = Pvr::parse(&pvr_der(), Format::CmsJson)
        .unwrap()
        .verify(&pvr_check(&idevid, &own, Compat::Lenient))
        .unwrap();
    assert_eq!(pvr.serial_number().as_str(), "00-D0-E5-F2-00-02");
    // RFC8995-5.8.1-nonce-opaque
    assert_eq!(pvr.nonce(), &nonce());
    assert_eq!(pvr.request().created_at, "2021-04-13T21:43:23.747Z".parse().ok());
    assert_eq!(pvr.request().proximity_registrar, Pins::from_certificate(registrar().der()));
    assert_eq!(pvr.as_bytes(), pvr_der());
}

#[test]
fn without_compat_the_examples_are_refused() {
    let (idevid, own) = (idevid(), [registrar()]);
    assert!(
        Pvr::parse(&pvr_der(), Format::CmsJson)
            .unwrap()
            .verify(&pvr_check(&idevid, &own, Compat::Strict))
            .is_err()
    );
    assert!(
        Rvr::parse(&rvr_der(), Format::CmsJson)
            .unwrap()
            .verify(&rvr_check(&maker_anchors(), Compat::Strict))
            .is_err()
    );
    let anchors = maker_anchors();
    let trust = VoucherTrust { anchors: &anchors, clock: Some(that_day()), compat: Compat::Strict };
    assert!(SignedVoucher::parse(&voucher_der(), Format::CmsJson).unwrap().verify(&trust).is_err());
}

#[test]
fn another_registrar_sees_that_it_was_not_meant() {
    // RFC8995-5.2-proximity
    let (idevid, other) = (idevid(), [owner_ca()]);
    let error = Pvr::parse(&pvr_der(), Format::CmsJson)
        .unwrap()
        .verify(&pvr_check(&idevid, &other, Compat::Lenient))
        .unwrap_err();
    assert_eq!(error, Error::PvrProximityMismatch);
}

#[test]
fn the_masa_accepts_the_registrars_request_and_finds_proximity_proved() {
    let anchors = maker_anchors();
    let rvr = Rvr::parse(&rvr_der(), Format::CmsJson)
        .unwrap()
        .verify(&rvr_check(&anchors, Compat::Lenient))
        .unwrap();
    assert_eq!(rvr.serial_number().as_str(), "00-D0-E5-F2-00-02");
    assert_eq!(rvr.nonce(), Some(&nonce()));
    // The certificate inside is another issue of the same device's: one key, one serial number.
    let sent = rvr.idevid().unwrap();
    assert_eq!(sent.public_key(), idevid().public_key());
    assert_eq!(sent.subject_serial_number(), idevid().subject_serial_number());
    assert_eq!(rvr.domain_chain(), [registrar(), owner_ca()]);
    assert!(rvr.is_proximity_proved() && !rvr.is_registrar_authenticated());
    assert_eq!(rvr.idevid_issuer_agrees(), None);
}

#[test]
fn the_pledges_request_is_inside_the_registrars_octet_for_octet() {
    // RFC8995-5.5-prior-byte-for-byte
    let anchors = maker_anchors();
    let rvr = Rvr::parse(&rvr_der(), Format::CmsJson)
        .unwrap()
        .verify(&rvr_check(&anchors, Compat::Lenient))
        .unwrap();
    assert_eq!(rvr.request().prior_signed_voucher_request, Some(pvr_der()));
}

#[test]
fn the_voucher_leads_to_the_makers_anchor_and_pins_the_registrar() {
    // RFC8995-5.6.1-signature
    let anchors = maker_anchors();
    let trust = VoucherTrust { anchors: &anchors, clock: Some(that_day()), compat: Compat::Lenient };
    let voucher = SignedVoucher::parse(&voucher_der(), Format::CmsJson).unwrap().verify(&trust).unwrap();
    assert_eq!(voucher.voucher().assertion, Some(Assertion::Logged));
    assert_eq!(voucher.voucher().nonce, Some(nonce()));
    assert_eq!(voucher.voucher().pinned_domain, Pins::from_certificate(registrar().der()));
    let elsewhere = Anchors::new([owner_ca()]);
    let trust = VoucherTrust { anchors: &elsewhere, ..trust };
    let error = SignedVoucher::parse(&voucher_der(), Format::CmsJson).unwrap().verify(&trust).unwrap_err();
    assert!(matches!(error, Error::VoucherSignatureInvalid(_)), "{error:?}");
}

#[test]
fn our_pledge_would_have_imprinted_on_that_day() {
    let (idevid, registrar, anchors) = (idevid(), registrar(), maker_anchors());
    let content = PvrContent::honest(&idevid, &registrar, nonce(), None).unwrap();
    let awaiting = pledge::request(
        &content,
        Format::CmsJson,
        &signer(vector!("idevid_00-D0-E5-F2-00-02.key")),
        &[idevid],
    )
    .unwrap();
    for clock in [Some(that_day()), None] {
        let strict = VoucherPolicy::strict(&anchors, clock);
        let compat =
            VoucherPolicy { trust: VoucherTrust { compat: Compat::Lenient, ..strict.trust }, ..strict };
        let imprint = awaiting.verify(&voucher_der(), &compat).unwrap();
        let imprinted = imprint.check_registrar(&[registrar.clone(), owner_ca()]).unwrap();
        assert_eq!(imprinted.pinned().certificate(), Some(&registrar));
        assert!(awaiting.verify(&voucher_der(), &strict).is_err());
    }
}

#[test]
fn our_registrar_would_have_relayed_the_voucher() {
    // RFC8995-5.6-pin-is-ours
    let (idevid, own, anchors) = (idevid(), [registrar()], maker_anchors());
    let pvr = Pvr::parse(&pvr_der(), Format::CmsJson)
        .unwrap()
        .verify(&pvr_check(&idevid, &own, Compat::Lenient))
        .unwrap();
    let draft = registrar::prepare(&pvr, &[idevid], that_day()).unwrap();
    let chain = [registrar(), owner_ca()];
    let ask = draft.sign(&signer(vector!("jrc_prime256v1.key")), &chain).unwrap();
    let body = voucher_der();
    let reply = MasaReply {
        status: 200,
        media_type: Some(media_type::VOUCHER_CMS_JSON),
        retry_after_seconds: None,
        body: &body,
    };
    let trust = VoucherTrust { anchors: &anchors, clock: Some(that_day()), compat: Compat::Lenient };
    assert_eq!(ask.awaiting.resume(&reply, &trust).unwrap().to_relay(), voucher_der());
}

#[test]
fn the_devices_certificate_says_where_its_masa_is() {
    let idevid = idevid();
    let url = MasaUrl::parse(idevid.masa_url().unwrap(), IpLiterals::Refuse).unwrap();
    assert_eq!(url.to_string(), "https://highway-test.example.com:9443/.well-known/brski");
}

#[test]
fn a_registrars_certificate_without_key_identifier_is_named_by_its_key() {
    // RFC8995-5.8.2-domain-id
    let registrar = registrar();
    assert_eq!(registrar.subject_key_id(), None);
    assert_eq!(domain_id(&registrar).as_bytes(), registrar.public_key().fingerprint().as_bytes());
}
