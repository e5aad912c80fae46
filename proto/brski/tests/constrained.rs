//! What only the constrained form has: bags of certificates, raw keys, one form from end to end, deviating peers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use pki::cms::Compat;
use pki::cose::{Bags, CoseSign1, sign_with};
use pki::path::Anchors;
use pki::{Certificate, Profile, Subject};
use proto::Reason;
use proto::cbor::Writer;
use proto_brski::masa::{self, PinChoice, PledgeKnows, Terms};
use proto_brski::pledge::{AwaitVoucher, PinnedDomain, PvrContent, VoucherPolicy};
use proto_brski::registrar::{self, AskMasa};
use proto_brski::{Error, Format, Pvr, PvrCheck, Rvr, RvrCheck, SignedVoucher};
use proto_voucher::{Nonce, Pins, cbor};
use world::{World, now};

fn world() -> World {
    World::of(Format::CoseCbor)
}

fn bag(octets: &[u8]) -> Vec<Certificate> {
    CoseSign1::parse(octets).unwrap().certificates().unwrap()
}

/// Issues the voucher that these terms make of the usual ones.
fn issue(world: &World, ask: &AskMasa, change: impl FnOnce(&mut Terms)) -> Vec<u8> {
    let rvr = world.check_rvr(&ask.rvr).unwrap();
    let mut terms = Terms::for_request(&rvr);
    change(&mut terms);
    masa::draft(&rvr, &terms, now()).unwrap().sign(&world.masa.signer, &world.masa.chain).unwrap()
}

#[test]
fn a_pledge_sends_no_certificates_and_says_little() {
    // CBRSKI-9.2.2-no-bags
    let world = world();
    let content = PvrContent { created_at: None, ..naming_key(&world) };
    let awaiting = world.ask(&content);
    assert_eq!(bag(awaiting.request()), []);
    assert!(awaiting.request().len() < 220, "{} octets", awaiting.request().len());
    assert!(world.check_pvr(awaiting.request()).is_ok());
}

/// What a constrained pledge says: the registrar's key instead of its certificate.
fn naming_key(world: &World) -> PvrContent {
    let spki = world.registrar.certificate().public_key().spki_der();
    PvrContent { proximity_registrar: Pins::from_public_key(spki), ..world.content() }
}

#[test]
fn certificates_in_a_pledges_request_are_ignored_by_the_registrar() {
    // CBRSKI-9.2.2-ignore-bags
    let world = world();
    let message = CoseSign1::parse(world.ask(&world.content()).request()).unwrap();
    let payload = message.unverified_payload().to_vec();
    let twin = world.maker.device("GW-0001");
    let junk = Bags {
        protected: &twin.chain,
        unprotected: &world.owner.issue(Profile::TlsServer, Subject::new("x")).chain,
    };
    let honest = sign_with(&payload, &world.device.signer, junk).unwrap();
    assert!(world.check_pvr(&honest).is_ok());
    let forged =
        sign_with(&payload, &twin.signer, Bags { protected: &twin.chain, unprotected: &[] }).unwrap();
    assert!(matches!(world.check_pvr(&forged), Err(Error::PvrSignatureInvalid(_))));
}

#[test]
fn the_registrars_bag_holds_both_chains_and_needs_no_order() {
    // CBRSKI-9.2.1-pledge-chain CBRSKI-9.2.1-bag-without-order
    let world = world();
    let (_, ask) = world.honest_rvr();
    let mut both = [&world.registrar.chain[..], &world.device.chain].concat();
    assert_eq!(bag(&ask.rvr), both);
    let rvr = world.check_rvr(&ask.rvr).unwrap();
    assert_eq!(rvr.idevid(), Some(world.device.certificate()));
    assert_eq!(rvr.domain_chain(), world.registrar.chain);
    both.reverse();
    let message = CoseSign1::parse(ask.rvr.as_slice()).unwrap();
    let bags = [
        Bags { protected: &[], unprotected: &both },
        Bags { protected: &both, unprotected: &[] },
        Bags { protected: &both[..2], unprotected: &both[2..] },
    ];
    for bags in bags {
        let shuffled = sign_with(message.unverified_payload(), &world.registrar.signer, bags).unwrap();
        let rvr = world.check_rvr(&shuffled).unwrap();
        assert_eq!(
            (rvr.idevid(), rvr.domain_chain()),
            (Some(world.device.certificate()), &world.registrar.chain[..])
        );
    }
}

#[test]
fn a_device_whose_chain_does_not_come_is_known_by_the_makers_records() {
    let world = world();
    let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
    let mut draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
    draft.device_chain.clear();
    let ask = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
    let missing = Error::RvrPriorUntrusted(pki::Error::CoseSignerCertificateMissing);
    assert_eq!(world.check_rvr(&ask.rvr).unwrap_err(), missing);
    let check = RvrCheck { idevid_pool: &world.device.chain, ..world.rvr_check() };
    assert!(world.parse_rvr(&ask.rvr).unwrap().verify(&check).is_ok());
}

#[test]
fn a_stranger_in_the_bag_with_the_devices_serial_number_gains_nothing() {
    // RFC8995-5.5.5-prior-signature
    let world = world();
    let twin = world.maker.device("GW-0001");
    let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
    let mut draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
    draft.device_chain = twin.chain;
    let ask = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
    assert!(matches!(world.check_rvr(&ask.rvr), Err(Error::RvrPriorUntrusted(_))));
}

#[test]
fn a_registrar_with_two_certificates_for_one_key_signs_as_the_registrar() {
    // CBRSKI-9.2.1-bag-without-order
    let world = world();
    let (_, ask) = world.honest_rvr();
    let mut template =
        world::template(Profile::TlsServer, Subject::new("server.example"), &world.registrar.signer);
    template.dns_names = vec!["server.example".to_owned()];
    let server = world.owner.issuing.issue(&template).unwrap();
    let all = [&[server][..], &world.registrar.chain, &world.device.chain].concat();
    let payload = CoseSign1::parse(ask.rvr.as_slice()).unwrap().unverified_payload().to_vec();
    let bags = Bags { protected: &[], unprotected: &all };
    let rvr = world.check_rvr(&sign_with(&payload, &world.registrar.signer, bags).unwrap()).unwrap();
    assert_eq!(rvr.domain_chain(), world.registrar.chain);
}

#[test]
fn the_registrar_strips_the_voucher_and_the_pledge_still_reaches_its_anchor() {
    // CBRSKI-6.8-strip-bags CBRSKI-9.2.3-signer-chain
    let world = world();
    let (awaiting, ask) = world.honest_rvr();
    let octets = issue(&world, &ask, |terms| assert_eq!(terms.pledge_knows, PledgeKnows::Anchor));
    let voucher = ask.awaiting.clone().resume(&world.reply(&octets), &world.trust()).unwrap();
    assert_eq!(voucher.as_bytes(), octets);
    assert!(voucher.to_relay().len() < octets.len());
    assert_eq!(bag(voucher.to_relay()), world.masa.chain);
    let policy = VoucherPolicy::strict(&world.maker_anchors, None);
    assert!(awaiting.verify(voucher.to_relay(), &policy).is_ok());
}

#[test]
fn a_pledge_that_knows_the_signer_gets_the_voucher_alone() {
    // CBRSKI-9.2.3-signer-chain
    let world = world();
    let (awaiting, ask) = world.honest_rvr();
    let octets = issue(&world, &ask, |terms| terms.pledge_knows = PledgeKnows::Signer);
    let voucher = ask.awaiting.clone().resume(&world.reply(&octets), &world.trust()).unwrap();
    assert_eq!((bag(&octets), bag(voucher.to_relay())), (world.masa.chain.clone(), vec![]));
    // Of several anchors built in, the one whose key signed counts.
    let anchors = Anchors::new([world.owner.root.clone(), world.masa.certificate().clone()]);
    let policy = VoucherPolicy::strict(&anchors, Some(now()));
    assert!(awaiting.verify(voucher.to_relay(), &policy).is_ok());
    let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
    let error = awaiting.verify(voucher.to_relay(), &policy).unwrap_err();
    assert!(matches!(error, Error::VoucherSignatureInvalid(_)), "{error:?}");
}

#[test]
fn a_pledge_without_pkix_imprints_on_the_registrars_key() {
    // CBRSKI-8.3-key-of-the-registrar
    let world = world();
    let key = world.registrar.certificate().public_key();
    let hash = key.fingerprint();
    let cases = [
        (
            PinChoice::RegistrarKey,
            Pins::from_public_key(key.spki_der()),
            PinnedDomain::PublicKey(key.clone()),
        ),
        (
            PinChoice::RegistrarKeySha256,
            Pins::from_public_key_sha256(hash),
            PinnedDomain::PublicKeySha256(hash),
        ),
    ];
    for (pin, proximity_registrar, expected) in cases {
        let content = PvrContent { proximity_registrar, ..world.content() };
        let awaiting = world.ask(&content);
        let ask = world.ask_masa(&world.check_pvr(awaiting.request()).unwrap());
        let octets = issue(&world, &ask, |terms| terms.pin = pin);
        let voucher = ask.awaiting.resume(&world.reply(&octets), &world.trust()).unwrap();
        for clock in [None, Some(now())] {
            let policy = VoucherPolicy::strict(&world.maker_anchors, clock);
            let imprint = awaiting.verify(voucher.to_relay(), &policy).unwrap();
            assert_eq!(imprint.pinned(), &expected);
            let impostor = world.owner.issue(Profile::Registrar, Subject::new("registrar.example"));
            let error = imprint.clone().check_registrar(&impostor.chain).unwrap_err();
            assert!(matches!(error, Error::RegistrarNotPinned(_)), "{error:?}");
            let imprinted = imprint.check_registrar(&world.registrar.chain[..1]).unwrap();
            assert_eq!(imprinted.pinned(), &expected);
        }
    }
}

#[test]
fn a_raw_key_that_is_pinned_is_the_registrars_own() {
    // CBRSKI-8.3-key-of-the-registrar
    for world in World::all() {
        let (_, ask) = world.honest_rvr();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let mut draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
        let ca = world.owner.issuing.certificate().public_key();
        for pins in [Pins::from_public_key(ca.spki_der()), Pins::from_public_key_sha256(ca.fingerprint())] {
            draft.voucher.pinned_domain = pins;
            let octets = draft.sign(&world.masa.signer, &world.masa.chain).unwrap();
            let error = ask.awaiting.clone().resume(&world.reply(&octets), &world.trust()).unwrap_err();
            assert_eq!(error, Error::VoucherPinForeign);
        }
    }
}

#[test]
fn of_several_pins_the_form_of_the_request_counts() {
    // RFC8366-7-pin-form
    let world = world();
    let own = world.registrar.certificate();
    let all = Pins {
        certificate: Some(world.owner.issuing.certificate().der().to_vec()),
        public_key: Some(own.public_key().spki_der().to_vec()),
        public_key_sha256: Some(own.public_key().fingerprint()),
    };
    let pinned = |content: &PvrContent, nonce: Option<Nonce>, pins: &Pins| {
        let awaiting = world.ask(content);
        let ask = world.ask_masa(&world.check_pvr(awaiting.request()).unwrap());
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let mut draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
        (draft.voucher.pinned_domain, draft.voucher.nonce) = (pins.clone(), nonce);
        let octets = draft.sign(&world.masa.signer, &world.masa.chain).unwrap();
        let strict = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        let policy = VoucherPolicy { accepts_nonceless: true, ..strict };
        awaiting.verify(&octets, &policy).unwrap().pinned().clone()
    };
    let (by_certificate, by_key) = (world.content(), naming_key(&world));
    let nonce = by_key.nonce.clone();
    let key = PinnedDomain::PublicKey(own.public_key().clone());
    let hash = PinnedDomain::PublicKeySha256(own.public_key().fingerprint());
    let certificate = PinnedDomain::Certificate(world.owner.issuing.certificate().clone());
    assert_eq!(pinned(&by_certificate, nonce.clone(), &all), certificate);
    assert_eq!(pinned(&by_key, nonce.clone(), &all), key);
    assert_eq!(pinned(&by_key, None, &all), hash);
    // As in the draft's own example: the request names a key, the voucher pins a certificate.
    let only_certificate = Pins { certificate: all.certificate.clone(), ..Pins::default() };
    assert_eq!(pinned(&by_key, nonce, &only_certificate), certificate);
}

#[test]
fn one_form_goes_from_end_to_end() {
    // CBRSKI-7.1-format-end-to-end CBRSKI-7.2-assertion-forward
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        assert_eq!(ask.awaiting.format(), world.format);
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        assert_eq!((rvr.format(), rvr.request().assertion), (world.format, world.content().assertion));
        let octets = world.issue_voucher(&rvr);
        let other = Format::ALL.into_iter().find(|format| *format != world.format).unwrap();
        for message in [awaiting.request(), &ask.rvr, &octets] {
            let codes = [
                Pvr::parse(message, other).map(|_| ()),
                Rvr::parse(message, other).map(|_| ()),
                SignedVoucher::parse(message, other).map(|_| ()),
            ];
            assert!(codes.iter().all(|verdict| matches!(verdict, Err(Error::Pki(_)))), "{codes:?}");
        }
    }
}

#[test]
fn a_request_of_the_other_form_inside_is_refused() {
    // CBRSKI-7.1-format-end-to-end
    let [cms, cose] = World::all();
    let inner = cms.ask(&cms.content());
    let (_, ask) = cose.honest_rvr();
    let mut request = cose.check_rvr(&ask.rvr).unwrap().request().clone();
    request.prior_signed_voucher_request = Some(inner.request().to_vec());
    let forged = cose.forge_rvr(&request, &cose.registrar);
    assert_eq!(cose.check_rvr(&forged).unwrap_err(), Error::Pki(pki::Error::CoseMalformed));
}

#[test]
fn states_from_before_there_was_a_choice_are_those_of_cms() {
    let world = World::new();
    let (awaiting, ask) = world.honest_rvr();
    let without = |state: serde_json::Value| {
        let serde_json::Value::Object(mut members) = state else { panic!("a struct") };
        members.remove("format");
        members.remove("proximity");
        serde_json::Value::Object(members)
    };
    let old = without(serde_json::to_value(&ask.awaiting).unwrap());
    assert_eq!(serde_json::from_value::<registrar::AwaitMasa>(old).unwrap(), ask.awaiting);
    let old = without(serde_json::to_value(&awaiting).unwrap());
    assert!(serde_json::from_value::<AwaitVoucher>(old).is_ok());
}

#[test]
fn types_that_only_deviating_peers_write_need_their_registration() {
    // CBRSKI-9-deviations-by-registration
    let world = world();
    let honest = cbor::parse_voucher_request(
        CoseSign1::parse(world.ask(&naming_key(&world)).request()).unwrap().unverified_payload(),
    );
    let key = honest.unwrap().artifact.proximity_registrar.public_key.unwrap();
    let mut writer = Writer::new();
    writer
        .map(1)
        .unsigned(2501)
        .map(4)
        .unsigned(1)
        .text("proximity")
        .unsigned(7)
        .text("_qVtGw8VSBble9M4Up65Lw");
    writer.unsigned(12).bytes(&key).unsigned(13).text("GW-0001");
    let octets = sign_with(&writer.into_bytes(), &world.device.signer, Bags::default()).unwrap();
    let error = world.check_pvr(&octets).unwrap_err();
    assert_eq!(error.code().as_str(), "voucher-leaf-deviates");
    let check = PvrCheck {
        idevid: world.device.certificate(),
        registrar_certificates: &world.registrar.chain[..1],
        compat: Compat::Lenient,
        now: now(),
    };
    let pvr = Pvr::parse(&octets, Format::CoseCbor).unwrap().verify(&check).unwrap();
    let ask = world.ask_masa(&pvr);
    // The registrar's own request is right, the one inside still deviates.
    assert_eq!(world.check_rvr(&ask.rvr).unwrap_err().code().as_str(), "voucher-leaf-deviates");
    let check = RvrCheck { compat: Compat::Lenient, ..world.rvr_check() };
    assert!(world.parse_rvr(&ask.rvr).unwrap().verify(&check).is_ok());
}

#[test]
fn a_signer_without_its_certificate_signs_nothing() {
    let world = world();
    let (_, ask) = world.honest_rvr();
    let rvr = world.check_rvr(&ask.rvr).unwrap();
    let draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
    for chain in [&[][..], &world.device.chain] {
        let error = draft.sign(&world.masa.signer, chain).unwrap_err();
        assert_eq!(error, Error::Pki(pki::Error::CmsSignerKeyMismatch));
    }
}
