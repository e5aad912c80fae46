//! The worked example of draft-ietf-anima-constrained-voucher-31, appendix C, read, verified and written again with the
//! clock of its day.
//!
//! What is not one run in it: the voucher has another nonce than the requests; the certificates in the registrar's bag
//! and the pin are an earlier issue of the keys whose certificates are printed; the bag lacks the pledge's chain, which
//! §9.2.1 asks for, so the MASA must know the device. The telemetry examples are tested beside their code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use pki::cms::Compat;
use pki::cose::CoseSign1;
use pki::path::{Anchors, Expiry, Revocation};
use pki::{Certificate, Secret, Signer};
use proto::{UnixTime, media_type};
use proto_brski::masa::{self, PinChoice, Terms};
use proto_brski::pledge::{self, AwaitVoucher, PvrContent, VoucherPolicy};
use proto_brski::registrar::{self, MasaReply};
use proto_brski::{
    Error, Format, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, SignedVoucher, Verified,
    VoucherTrust,
};
use proto_voucher::{Assertion, Nonce, Pins, cbor};

macro_rules! vector {
    ($name:literal) => {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/cbrski-constrained-voucher/examples/",
            $name
        )
    };
}

macro_rules! hex {
    ($name:literal) => {
        hex(include_str!(vector!($name)))
    };
}

macro_rules! certificate {
    ($name:literal) => {
        Certificate::parse(include_bytes!(vector!($name))).unwrap()
    };
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn signer(pem: &str) -> Signer {
    Signer::from_pkcs8_pem(&Secret::new(pem.to_owned())).unwrap()
}

fn pledge() -> Certificate {
    certificate!("cose-examples/pledge.der")
}

fn registrar_chain() -> [Certificate; 2] {
    [certificate!("cose-examples/registrar.der"), certificate!("cose-examples/domain_ca.der")]
}

fn maker_anchors() -> Anchors {
    Anchors::new([certificate!("cose-examples/masa_ca.der")])
}

/// The certificates of the bag: the registrar's and its CA's.
fn bag() -> Vec<Certificate> {
    CoseSign1::parse(hex!("cose-examples/rvr.hex")).unwrap().certificates().unwrap()
}

/// All printed certificates are valid on this day.
fn that_day() -> UnixTime {
    "2022-12-10T00:00:00Z".parse().unwrap()
}

fn good(_: &Certificate) -> Revocation {
    Revocation::Good
}

fn check_pvr(octets: &[u8]) -> Result<Verified<Pvr>, Error> {
    let check = PvrCheck {
        idevid: &pledge(),
        registrar_certificates: &registrar_chain()[..1],
        compat: Compat::Strict,
        now: that_day(),
    };
    Pvr::parse(octets, Format::CoseCbor)?.verify(&check)
}

fn check_rvr(known: &[Certificate]) -> Result<Verified<Rvr>, Error> {
    let check = RvrCheck {
        idevid_anchors: &maker_anchors(),
        idevid_pool: known,
        idevid_expiry: Expiry::Enforce,
        registrar: RegistrarAuthentication::None,
        revocation: &good,
        compat: Compat::Strict,
        now: that_day(),
    };
    Rvr::parse(&hex!("cose-examples/rvr.hex"), Format::CoseCbor)?.verify(&check)
}

#[test]
fn the_registrar_accepts_the_pledges_request() {
    // RFC8995-5.2-signed-by-idevid RFC8995-5.2-proximity
    let octets = hex!("cose-examples/pvr.hex");
    let pvr = check_pvr(&octets).unwrap();
    assert_eq!((pvr.serial_number().as_str(), pvr.as_bytes()), ("JADA123456789", &octets[..]));
    assert_eq!(pvr.nonce(), &Nonce::new(&[0x23, 0xbf, 0xbb, 0xc9, 0xc2, 0xbc, 0xf2, 0x13]).unwrap());
    let key = registrar_chain()[0].public_key().clone();
    assert_eq!(pvr.request().proximity_registrar, Pins::from_public_key(key.spki_der()));
    // The same data was signed anew for the scripts.
    let again = check_pvr(&hex!("script-cose-examples/cose-hex/pvr.hex")).unwrap();
    assert_eq!(again.request(), pvr.request());
}

#[test]
fn our_registrar_would_have_asked_the_masa_in_the_same_words() {
    // RFC8995-5.5-prior-byte-for-byte RFC8366-6.1-idevid-issuer CBRSKI-7.2-assertion-forward
    let pvr = check_pvr(&hex!("cose-examples/pvr.hex")).unwrap();
    let at = "2022-12-06T20:04:15.754Z".parse().unwrap();
    let draft = registrar::prepare(&pvr, &[pledge()], at).unwrap();
    assert_eq!(draft.format, Format::CoseCbor);
    assert_eq!(cbor::write_voucher_request(&draft.request).unwrap(), hex!("cose-examples/rvr-nonsigned.hex"));
}

#[test]
fn the_masa_accepts_the_registrars_request_and_finds_proximity_proved() {
    // RFC8995-5.5.5-proximity RFC8366-6.3-idevid-issuer-forms
    let rvr = check_rvr(&[pledge()]).unwrap();
    assert!(rvr.is_proximity_proved());
    assert_eq!(rvr.domain_chain(), bag());
    assert_eq!(rvr.idevid(), Some(&pledge()));
    assert_eq!(rvr.idevid_issuer_agrees(), Some(true));
    let unknown = check_rvr(&[]).unwrap_err();
    assert_eq!(unknown, Error::RvrPriorUntrusted(pki::Error::CoseSignerCertificateMissing));
}

#[test]
fn our_masa_would_have_said_the_same() {
    // CBRSKI-8.2-lowest-ca
    let rvr = check_rvr(&[pledge()]).unwrap();
    let terms = Terms::for_request(&rvr);
    assert_eq!((terms.pin, terms.assertion), (PinChoice::LowestCa, Assertion::Proximity));
    let mut draft = masa::draft(&rvr, &terms, that_day()).unwrap();
    draft.voucher.created_at = "2022-12-06T20:23:30.708Z".parse().ok();
    draft.voucher.nonce = Some(voucher_nonce());
    assert_eq!(cbor::write_voucher(&draft.voucher).unwrap(), hex!("cose-examples/voucher-nonsigned.hex"));
}

fn voucher_nonce() -> Nonce {
    Nonce::new(&[0x57, 0xee, 0xd7, 0x86, 0xad, 0x40, 0x49, 0x07]).unwrap()
}

#[test]
fn the_voucher_is_signed_by_the_makers_ca_with_a_bag_and_without() {
    // RFC8995-5.6.1-signature CBRSKI-6.8-strip-bags
    let anchors = maker_anchors();
    let trust = VoucherTrust { anchors: &anchors, clock: Some(that_day()), compat: Compat::Strict };
    let alone = hex!("cose-examples/voucher.hex");
    let voucher = SignedVoucher::parse(&alone, Format::CoseCbor).unwrap().verify(&trust).unwrap();
    assert_eq!(voucher.to_relay(), alone);
    assert_eq!(voucher.voucher().nonce, Some(voucher_nonce()));
    assert_eq!(voucher.voucher().pinned_domain, Pins::from_certificate(bag()[1].der()));
    let with_bag = hex!("script-cose-examples/cose-hex/voucher.hex");
    let voucher = SignedVoucher::parse(&with_bag, Format::CoseCbor).unwrap().verify(&trust).unwrap();
    assert_eq!((voucher.as_bytes(), voucher.to_relay().len()), (&with_bag[..], alone.len()));
    let elsewhere = Anchors::new([registrar_chain()[1].clone()]);
    let trust = VoucherTrust { anchors: &elsewhere, ..trust };
    for octets in [alone, with_bag] {
        let error = SignedVoucher::parse(&octets, Format::CoseCbor).unwrap().verify(&trust).unwrap_err();
        assert!(matches!(error, Error::VoucherSignatureInvalid(_)), "{error:?}");
    }
}

/// Our pledge with the device's key and this nonce.
fn ask(nonce: Nonce) -> AwaitVoucher {
    let mut content = PvrContent::honest(&pledge(), &registrar_chain()[0], nonce, None).unwrap();
    content.proximity_registrar = Pins::from_public_key(registrar_chain()[0].public_key().spki_der());
    let key = signer(include_str!(vector!("script-cose-examples/keys/privkey_pledge.pem")));
    pledge::request(&content, Format::CoseCbor, &key, &[pledge()]).unwrap()
}

#[test]
fn our_pledge_would_have_imprinted_on_that_day() {
    // RFC8995-5.6.1-nonce RFC8995-5.6.2-chain-to-pin
    let (octets, anchors) = (hex!("cose-examples/voucher.hex"), maker_anchors());
    for clock in [Some(that_day()), None] {
        let policy = VoucherPolicy::strict(&anchors, clock);
        let imprint = ask(voucher_nonce()).verify(&octets, &policy).unwrap();
        assert_eq!(imprint.pinned().certificate(), bag().get(1));
        assert!(imprint.check_registrar(&registrar_chain()).is_ok());
        let other = check_pvr(&hex!("cose-examples/pvr.hex")).unwrap().nonce().clone();
        assert_eq!(ask(other).verify(&octets, &policy).unwrap_err(), Error::VoucherNonceMismatch);
    }
    // What our pledge signs is what the draft's pledge signed, but for the nonce.
    let ours = CoseSign1::parse(ask(voucher_nonce()).request()).unwrap().unverified_payload().to_vec();
    let mut theirs = hex!("cose-examples/pvr-nonsigned.hex");
    theirs[9..17].copy_from_slice(voucher_nonce().as_bytes());
    assert_eq!(ours, theirs);
}

#[test]
fn our_registrar_would_have_relayed_the_voucher_stripped() {
    // RFC8995-5.6-pin-is-ours CBRSKI-6.8-strip-bags CBRSKI-7.1-format-end-to-end
    let pvr = check_pvr(ask(voucher_nonce()).request()).unwrap();
    let draft = registrar::prepare(&pvr, &[pledge()], that_day()).unwrap();
    let key = signer(include_str!(vector!("script-cose-examples/keys/privkey_registrar.pem")));
    let asked = draft.sign(&key, &bag()).unwrap();
    let body = hex!("script-cose-examples/cose-hex/voucher.hex");
    let reply = MasaReply {
        status: 200,
        media_type: Some(media_type::VOUCHER_COSE),
        retry_after_seconds: None,
        body: &body,
    };
    let anchors = maker_anchors();
    let trust = VoucherTrust { anchors: &anchors, clock: Some(that_day()), compat: Compat::Strict };
    let voucher = asked.awaiting.resume(&reply, &trust).unwrap();
    assert_eq!(voucher.to_relay().len(), 724);
    let imprint =
        ask(voucher_nonce()).verify(voucher.to_relay(), &VoucherPolicy::strict(&anchors, None)).unwrap();
    assert!(imprint.check_registrar(&registrar_chain()).is_ok());
}
