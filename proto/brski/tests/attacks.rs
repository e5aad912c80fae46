//! Every lie that a party can tell, and the exact reason with which the other refuses it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use pki::{Certificate, Profile, Subject};
use proto::{Class, Reason};
use proto_brski::masa::{self, Terms, VoucherDraft};
use proto_brski::pledge::{AwaitVoucher, PvrContent, VoucherPolicy};
use proto_brski::registrar::{self, AskMasa, RvrDraft};
use proto_brski::{Error, Format, PVR_BYTES_MAX};
use proto_voucher::{Assertion, Nonce, Pins};
use world::{Authority, DAY, World, now};

/// What happened, as (code, class).
type Refusal = (String, Class);

fn refusal(error: &Error) -> Refusal {
    (error.code().to_string(), error.class())
}

/// A pledge that lies to its registrar.
fn lie(world: &World, change: impl FnOnce(&mut PvrContent)) -> Refusal {
    let mut content = world.content();
    change(&mut content);
    refusal(&world.check_pvr(world.ask(&content).request()).unwrap_err())
}

#[test]
fn the_registrar_refuses_each_lie_of_a_pledge_by_its_name() {
    for world in World::all() {
        let other = world.owner.issue(Profile::Registrar, Subject::new("other.example"));
        let other = other.certificate();
        let untrusted = |code: &str| (code.to_owned(), Class::Untrusted);
        // RFC8995-5.2-proximity
        let mismatch = untrusted("pvr-proximity-mismatch");
        assert_eq!(lie(&world, |c| c.proximity_registrar = Pins::from_certificate(other.der())), mismatch);
        let hash = Some(other.public_key().fingerprint());
        assert_eq!(lie(&world, |c| c.proximity_registrar.public_key_sha256 = hash), mismatch);
        assert_eq!(lie(&world, |c| c.proximity_registrar = Pins::from_certificate(b"junk")), mismatch);
        let missing = ("pvr-proximity-missing".to_owned(), Class::Malformed);
        assert_eq!(lie(&world, |c| c.proximity_registrar = Pins::default()), missing);
        // RFC8995-5.5-serial-from-certificate
        let serial = "GW-0002".parse().unwrap();
        assert_eq!(lie(&world, |c| c.serial_number = serial), untrusted("pvr-serial-mismatch"));
        // RFC8995-5.2-nonce
        assert_eq!(lie(&world, |c| c.nonce = None), ("pvr-nonce-missing".to_owned(), Class::Malformed));
        // RFC8995-5.2-assertion
        let assertion = ("pvr-assertion-not-proximity".to_owned(), Class::Unsupported);
        assert_eq!(lie(&world, |c| c.assertion = Some(Assertion::Logged)), assertion);
        assert_eq!(lie(&world, |c| c.assertion = None), assertion);
        // RFC8995-5.2-created-on
        let future = ("pvr-created-in-future".to_owned(), Class::Refused);
        assert_eq!(lie(&world, |c| c.created_at = Some(now().plus(DAY * 3))), future);
    }
}

#[test]
fn the_registrar_believes_only_the_key_of_the_session() {
    // RFC8995-5.2-signed-by-idevid
    for world in World::all() {
        let twin = world.maker.device("GW-0001");
        let content = world.content();
        let forged = world.ask_as(&twin, &content);
        assert!(matches!(world.check_pvr(forged.request()), Err(Error::PvrSignatureInvalid(_))));
        let honest = world.ask(&content);
        let mut bent = honest.request().to_vec();
        *bent.last_mut().unwrap() ^= 1;
        assert!(matches!(world.check_pvr(&bent), Err(Error::PvrSignatureInvalid(_))));
    }
}

#[test]
fn size_comes_before_sense() {
    for world in World::all() {
        assert_eq!(world.parse_pvr(&vec![0x30; PVR_BYTES_MAX + 1]).unwrap_err(), Error::PvrTooLarge);
    }
}

#[test]
fn a_request_dated_in_the_past_is_taken_for_a_poor_clock() {
    for world in World::all() {
        let mut content = world.content();
        content.created_at = Some(now().minus(DAY * 3650));
        assert!(world.check_pvr(world.ask(&content).request()).is_ok());
    }
}

/// A registrar that lies to the MASA.
fn lie_to_masa(world: &World, change: impl FnOnce(&mut RvrDraft)) -> Error {
    let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
    let mut draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
    change(&mut draft);
    let ask: AskMasa = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
    world.check_rvr(&ask.rvr).unwrap_err()
}

#[test]
fn the_masa_refuses_each_lie_of_a_registrar_by_its_name() {
    for world in World::all() {
        let other = world.maker.device("GW-0002");
        let strangers_device = Authority::maker("Stranger").device("GW-0001");
        let sign =
            |holder: &world::Holder, content: &PvrContent| world.ask_as(holder, content).request().to_vec();
        // RFC8995-5.5.5-serial
        let serial = "GW-0002".parse().unwrap();
        assert_eq!(lie_to_masa(&world, |d| d.request.serial_number = serial), Error::RvrSerialMismatch);
        // RFC8995-5.5.6-nonce
        let nonce = Some(Nonce::from_random([9; 16]));
        assert_eq!(lie_to_masa(&world, |d| d.request.nonce = nonce), Error::RvrNonceMismatch);
        assert_eq!(lie_to_masa(&world, |d| d.request.nonce = None), Error::RvrNonceMismatch);
        assert_eq!(
            lie_to_masa(&world, |d| d.request.prior_signed_voucher_request = None),
            Error::RvrPriorMissing
        );
        // RFC8995-5.5.5-prior-signature
        let forged = sign(&strangers_device, &world.content());
        let error = lie_to_masa(&world, |d| d.request.prior_signed_voucher_request = Some(forged));
        assert!(matches!(error, Error::RvrPriorUntrusted(_)), "{error:?}");
        let cloned = sign(&other, &world.content());
        let error = lie_to_masa(&world, |d| {
            d.request.prior_signed_voucher_request = Some(cloned);
            d.device_chain.clone_from(&other.chain);
        });
        assert_eq!(error, Error::PvrSerialMismatch);
        let mut bent = world.ask(&world.content()).request().to_vec();
        *bent.last_mut().unwrap() ^= 1;
        let error = lie_to_masa(&world, |d| d.request.prior_signed_voucher_request = Some(bent));
        // COSE does not say who signed: what nobody at hand signed, nobody is known to have signed.
        let is_expected = match world.format {
            Format::CmsJson => matches!(error, Error::PvrSignatureInvalid(_)),
            Format::CoseCbor => matches!(error, Error::RvrPriorUntrusted(_)),
        };
        assert!(is_expected, "{error:?}");
        // RFC8995-5.5-no-proximity-in-rvr
        let pins = Pins::from_certificate(world.registrar.certificate().der());
        assert_eq!(lie_to_masa(&world, |d| d.request.proximity_registrar = pins), Error::RvrProximityPresent);
        // RFC8995-5.5-created-on
        let future = Some(now().plus(DAY * 3));
        assert_eq!(lie_to_masa(&world, |d| d.request.created_at = future), Error::RvrCreatedInFuture);
    }
}

#[test]
fn a_registrar_cannot_use_what_a_pledge_said_to_another() {
    // RFC8995-5.5.5-proximity
    for world in World::all() {
        let thief = Authority::owner("Thief");
        let thief = thief.issue(Profile::Registrar, Subject::new("thief.example"));
        let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
        let draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
        let ask = draft.sign(&thief.signer, &thief.chain).unwrap();
        assert_eq!(world.check_rvr(&ask.rvr).unwrap_err(), Error::RvrProximityMismatch);
        let mut content = world.content();
        content.proximity_registrar = Pins::default();
        let silent = world.ask(&content).request().to_vec();
        let error = lie_to_masa(&world, |d| d.request.prior_signed_voucher_request = Some(silent));
        assert_eq!(error, Error::PvrProximityMissing);
    }
}

#[test]
fn the_masa_asserts_only_what_was_proved() {
    // RFC8995-5.5.5-assertion
    for world in World::all() {
        let mut content = world.content();
        content.assertion = Some(Assertion::Logged);
        let modest = world.ask(&content).request().to_vec();
        let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
        let mut draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
        draft.request.prior_signed_voucher_request = Some(modest);
        let ask = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let terms = Terms::for_request(&rvr);
        assert_eq!(terms.assertion, Assertion::Logged);
        let proximity = Terms { assertion: Assertion::Proximity, ..terms };
        assert_eq!(masa::draft(&rvr, &proximity, now()).unwrap_err(), Error::IssueProximityUnproved);
        let late = world.registrar.certificate().not_after();
        assert_eq!(masa::draft(&rvr, &terms, late).unwrap_err(), Error::IssuePinExpired);
    }
}

#[test]
fn a_registrars_chain_and_signature_must_hold() {
    // RFC8995-5.5.3-signature
    for world in World::all() {
        let (_, ask) = world.honest_rvr();
        let mut bent = ask.rvr.clone();
        *bent.last_mut().unwrap() ^= 1;
        assert!(matches!(world.check_rvr(&bent), Err(Error::RvrSignatureInvalid(_))));
        // RFC8995-5.5.2-temporary-anchor
        let revoked = |certificate: &Certificate| match certificate.is_ca() {
            true => pki::path::Revocation::Good,
            false => pki::path::Revocation::Revoked,
        };
        let check = proto_brski::RvrCheck { revocation: &revoked, ..world.rvr_check() };
        let error = world.parse_rvr(&ask.rvr).unwrap().verify(&check).unwrap_err();
        assert!(matches!(error, Error::RvrChainUntrusted(_)), "{error:?}");
        let expired = proto_brski::RvrCheck { now: now().plus(DAY * 1000), ..world.rvr_check() };
        let error = world.parse_rvr(&ask.rvr).unwrap().verify(&expired).unwrap_err();
        assert!(matches!(error, Error::RvrChainUntrusted(_)), "{error:?}");
    }
}

/// A voucher that was changed before its maker signed it, as pledge and registrar judge it.
fn bad_voucher(change: impl Fn(&World, &mut VoucherDraft)) -> (Error, Error) {
    let [one, other] = World::all().map(|world| bad_voucher_in(&world, &change));
    if !matches!(one.0, Error::RegistrarNotPinned(_)) {
        assert_eq!(one, other, "both forms are judged alike");
    }
    one
}

fn bad_voucher_in(world: &World, change: &impl Fn(&World, &mut VoucherDraft)) -> (Error, Error) {
    let (awaiting, ask) = world.honest_rvr();
    let rvr = world.check_rvr(&ask.rvr).unwrap();
    let mut draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
    change(world, &mut draft);
    let der = draft.sign(&world.masa.signer, &world.masa.chain).unwrap();
    judge(world, &awaiting, ask, &der)
}

fn judge(world: &World, awaiting: &AwaitVoucher, ask: AskMasa, der: &[u8]) -> (Error, Error) {
    let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
    let pledge = match awaiting.verify(der, &policy) {
        Ok(imprint) => imprint.check_registrar(&world.registrar.chain).unwrap_err(),
        Err(error) => error,
    };
    let registrar = ask.awaiting.resume(&world.reply(der), &world.trust()).unwrap_err();
    (pledge, registrar)
}

#[test]
fn pledge_and_registrar_refuse_each_bad_voucher_by_its_name() {
    let both = |error: Error| (error.clone(), error);
    // RFC8995-5.6.1-serial
    let (pledge, registrar) = bad_voucher(|_, d| d.voucher.serial_number = "GW-0002".parse().unwrap());
    assert_eq!((pledge, registrar), both(Error::VoucherSerialMismatch));
    // RFC8995-5.6.1-nonce
    let found = bad_voucher(|_, d| d.voucher.nonce = Some(Nonce::from_random([1; 16])));
    assert_eq!(found, both(Error::VoucherNonceMismatch));
    assert_eq!(bad_voucher(|_, d| d.voucher.nonce = None), both(Error::VoucherNonceMissing));
    // RFC8366-7.3-expires-on
    assert_eq!(bad_voucher(|_, d| d.voucher.expires_at = Some(now())), both(Error::VoucherExpired));
    // RFC8995-2.6.1-created-on
    let found = bad_voucher(|_, d| d.voucher.created_at = Some(now().plus(DAY * 3)));
    assert_eq!(found, both(Error::VoucherCreatedInFuture));
    // RFC8995-5.6.1-pin-present
    let found = bad_voucher(|_, d| d.voucher.pinned_domain = Pins::default());
    assert_eq!(found, both(Error::VoucherPinMissing));
    // RFC8366-7.3-idevid-issuer
    let found = bad_voucher(|world, d| {
        let stranger = proto_brski::IdevidIssuer::from_key_id(world.masa.certificate().public_key().key_id());
        d.voucher.idevid_issuer = Some(stranger.as_bytes().to_vec());
    });
    assert_eq!(found, both(Error::VoucherIssuerMismatch));
}

#[test]
fn a_voucher_for_another_domain_is_refused_by_both() {
    let (pledge, registrar) = bad_voucher(|_, d| {
        let stranger = Authority::owner("Stranger");
        d.voucher.pinned_domain = Pins::from_certificate(stranger.issuing.certificate().der());
    });
    // RFC8995-5.6.2-chain-to-pin
    assert!(matches!(pledge, Error::RegistrarNotPinned(_)), "{pledge:?}");
    // RFC8995-5.6-pin-is-ours
    assert_eq!(registrar, Error::VoucherPinForeign);
}

#[test]
fn an_assertion_that_is_not_good_enough_is_refused() {
    // RFC8366-7.3-assertion
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let der = world.issue_voucher(&rvr);
        let verified_only = VoucherPolicy {
            assertions: &[Assertion::Verified],
            ..VoucherPolicy::strict(&world.maker_anchors, Some(now()))
        };
        assert_eq!(awaiting.verify(&der, &verified_only).unwrap_err(), Error::VoucherAssertionRefused);
        let mut draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
        draft.voucher.domain_cert_revocation_checks = Some(true);
        let der = draft.sign(&world.masa.signer, &world.masa.chain).unwrap();
        let strict = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        assert_eq!(awaiting.verify(&der, &strict).unwrap_err(), Error::VoucherRevocationChecksUnsupported);
    }
}

#[test]
fn only_the_maker_of_the_device_signs_its_vouchers() {
    // RFC8995-5.6.1-signature
    for world in World::all() {
        let stranger = Authority::maker("Stranger").issue(Profile::MasaVoucherSigner, Subject::new("MASA"));
        let (awaiting, ask) = world.honest_rvr();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
        let forged = draft.sign(&stranger.signer, &stranger.chain).unwrap();
        let (pledge, registrar) = judge(&world, &awaiting, ask.clone(), &forged);
        assert!(matches!(pledge, Error::VoucherSignatureInvalid(_)), "{pledge:?}");
        assert!(matches!(registrar, Error::VoucherSignatureInvalid(_)), "{registrar:?}");
        let mut bent = world.issue_voucher(&rvr);
        *bent.last_mut().unwrap() ^= 1;
        let (pledge, registrar) = judge(&world, &awaiting, ask.clone(), &bent);
        assert!(matches!(pledge, Error::VoucherSignatureInvalid(_)), "{pledge:?}");
        assert!(matches!(registrar, Error::VoucherSignatureInvalid(_)), "{registrar:?}");
        // A device of this maker signs requests, not vouchers: its own key proves nothing about owners.
        let by_device = draft.sign(&world.device.signer, &world.device.chain).unwrap();
        let (pledge, _) = judge(&world, &awaiting, ask, &by_device);
        assert!(matches!(pledge, Error::VoucherSignatureInvalid(_)), "{pledge:?}");
    }
}

#[test]
fn a_voucher_without_nonce_is_for_pledges_that_allow_it() {
    // RFC8995-5.6.1-nonce
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        let mut draft = masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap();
        draft.voucher.nonce = None;
        let der = draft.sign(&world.masa.signer, &world.masa.chain).unwrap();
        let strict = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        assert_eq!(awaiting.verify(&der, &strict).unwrap_err(), Error::VoucherNonceMissing);
        let lax = VoucherPolicy { accepts_nonceless: true, ..strict };
        assert!(awaiting.verify(&der, &lax).is_ok());
    }
}

#[test]
fn an_impostor_in_the_handshake_is_found_out() {
    // RFC8995-5.6.2-chain-to-pin
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        let imprint = awaiting.verify(&der, &policy).unwrap();
        let impostor = Authority::owner("Owner").issue(Profile::Registrar, Subject::new("registrar.example"));
        let error = imprint.clone().check_registrar(&impostor.chain).unwrap_err();
        assert!(matches!(error, Error::RegistrarNotPinned(_)), "{error:?}");
        // A device that the same owner enrolled is no registrar.
        let subject = Subject { serial_number: "GW-0002".parse().ok(), ..Subject::new("GW-0002") };
        let neighbour = world.owner.issue(Profile::LdevId, subject);
        let error = imprint.clone().check_registrar(&neighbour.chain).unwrap_err();
        assert!(matches!(error, Error::RegistrarNotPinned(_)), "{error:?}");
        assert_eq!(imprint.check_registrar(&[]).unwrap_err(), Error::RegistrarChainEmpty);
    }
}

#[test]
fn a_pinned_registrar_certificate_must_still_be_valid_by_the_pledges_clock() {
    // RFC8995-5.6.2-chain-to-pin
    for mut world in World::all() {
        let signer = world::key();
        let mut brief = world::template(Profile::Registrar, Subject::new("registrar.example"), &signer);
        brief.dns_names = vec!["registrar.example".to_owned()];
        brief.not_after = now().plus(DAY);
        let chain = vec![world.owner.issuing.issue(&brief).unwrap()];
        world.registrar = world::Holder { signer, chain };
        let (awaiting, ask) = world.honest_rvr();
        let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        let at = |clock| {
            let policy = VoucherPolicy::strict(&world.maker_anchors, clock);
            awaiting.verify(&der, &policy).unwrap().check_registrar(&world.registrar.chain)
        };
        assert!(at(Some(now())).is_ok() && at(None).is_ok());
        let late = at(Some(now().plus(DAY * 2))).unwrap_err();
        assert!(matches!(late, Error::RegistrarNotPinned(_)), "{late:?}");
    }
}

#[test]
fn a_registrar_does_not_ask_about_another_device_than_the_one_that_signed() {
    // RFC8995-5.5-serial-from-certificate
    for world in World::all() {
        let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
        let other = world.maker.device("GW-0002");
        let error = registrar::prepare(&pvr, &other.chain, now()).unwrap_err();
        assert_eq!(error, Error::PvrSerialMismatch);
    }
}

#[test]
fn a_voucher_is_no_request_and_a_request_no_voucher() {
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        let code = |error: Error| error.code().to_string();
        assert_eq!(code(world.parse_pvr(&der).unwrap_err()), "voucher-container-missing");
        let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        assert_eq!(
            code(awaiting.verify(awaiting.request(), &policy).unwrap_err()),
            "voucher-container-missing"
        );
    }
}
