//! Pledge, registrar and MASA play the whole exchange in memory, with fresh keys.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use pki::{Profile, Subject};
use proto::{Class, Reason, media_type};
use proto_brski::masa::{self, End, PinChoice, Terms};
use proto_brski::pledge::{AwaitVoucher, RegistrarReply, Step, VoucherPolicy};
use proto_brski::registrar::{self, AwaitMasa, MasaReply};
use proto_brski::{Error, Format, IdevidIssuer, RegistrarAuthentication, RvrCheck, domain_id};
use proto_voucher::{Assertion, Nonce, json};
use world::{DAY, World, now};

fn answer(body: &[u8]) -> RegistrarReply<'_> {
    RegistrarReply { status: 200, retry_after_seconds: None, body }
}

fn status(status: u16, retry_after_seconds: Option<u64>) -> RegistrarReply<'static> {
    RegistrarReply { status, retry_after_seconds, body: b"" }
}

#[test]
fn an_honest_pledge_imprints_on_its_owner() {
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        // RFC8995-5.5.5-assertion
        assert!(rvr.is_proximity_proved());
        let der = world.issue_voucher(&rvr);
        let voucher = ask.awaiting.resume(&world.reply(&der), &world.trust()).unwrap();
        assert_eq!(voucher.as_bytes(), der);
        let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
        let Step::CheckRegistrar(imprint) = awaiting.receive(&answer(voucher.to_relay()), &policy).unwrap()
        else {
            panic!("a voucher is an answer");
        };
        assert_eq!(imprint.voucher().assertion, Some(Assertion::Proximity));
        // RFC8995-5.6-nonce-in-voucher
        assert_eq!(imprint.voucher().nonce.as_ref(), rvr.nonce());
        // RFC8995-5.5.2-pin-choice
        assert_eq!(imprint.pinned().certificate(), Some(world.owner.issuing.certificate()));
        // RFC8995-5.6.2-chain-to-pin
        let imprinted = imprint.check_registrar(&world.registrar.chain).unwrap();
        assert_eq!(imprinted.pinned().certificate(), Some(world.owner.issuing.certificate()));
    }
}

#[test]
fn a_pledge_without_a_clock_imprints_by_its_nonce() {
    // RFC8995-2.6.1-no-clock
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        let imprint = awaiting.verify(&der, &VoucherPolicy::strict(&world.maker_anchors, None)).unwrap();
        assert!(imprint.check_registrar(&world.registrar.chain).is_ok());
    }
}

#[test]
fn a_nonce_of_any_text_comes_back_as_it_was_sent() {
    // RFC8995-5.8.1-nonce-opaque
    for world in World::all() {
        for text in ["Zürich-2021", "tab\tand\nline", "12345678 \u{1F511}"] {
            let mut content = world.content();
            content.nonce = Some(Nonce::new(text.as_bytes()).unwrap());
            let awaiting = world.ask(&content);
            let ask = world.ask_masa(&world.check_pvr(awaiting.request()).unwrap());
            let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
            ask.awaiting.resume(&world.reply(&der), &world.trust()).unwrap();
            let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
            assert!(awaiting.verify(&der, &policy).is_ok(), "{text}");
        }
    }
}

#[test]
fn the_registrar_says_what_the_certificate_says_and_forwards_the_request_whole() {
    for world in World::all() {
        let awaiting = world.ask(&world.content());
        let pvr = world.check_pvr(awaiting.request()).unwrap();
        let draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
        // RFC8995-5.5-prior-byte-for-byte
        assert_eq!(draft.request.prior_signed_voucher_request.as_deref(), Some(awaiting.request()));
        // RFC8995-5.5-nonce-copied
        assert_eq!(draft.request.nonce.as_ref(), awaiting.nonce());
        // RFC8995-5.5-no-proximity-in-rvr
        assert!(draft.request.proximity_registrar.is_empty());
        // RFC8366-6.1-idevid-issuer
        let issuer = IdevidIssuer::from_leaf(draft.request.idevid_issuer.clone().unwrap());
        assert_eq!(issuer.as_bytes().len(), 26);
        assert!(issuer.names_issuer_of(world.device.certificate()));
        // RFC8995-5.5-only-what-may-be-pinned
        let ask = draft.sign(&world.registrar.signer, &world.registrar.chain[..1]).unwrap();
        let rvr = world.check_rvr(&ask.rvr).unwrap();
        assert_eq!(rvr.domain_chain(), &world.registrar.chain[..1]);
        assert_eq!(rvr.idevid_issuer_agrees(), Some(true));
    }
}

#[test]
fn pending_states_survive_storage() {
    for world in World::all() {
        let (awaiting, ask) = world.honest_rvr();
        let der = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        let stored = serde_json::to_string(&ask.awaiting).unwrap();
        let loaded: AwaitMasa = serde_json::from_str(&stored).unwrap();
        assert_eq!(loaded, ask.awaiting);
        assert!(loaded.resume(&world.reply(&der), &world.trust()).is_ok());
        let loaded: AwaitVoucher = serde_json::from_str(&serde_json::to_string(&awaiting).unwrap()).unwrap();
        assert_eq!(loaded, awaiting);
    }
}

#[test]
fn a_pledge_waits_a_minute_at_most_and_repeats_the_same_bytes() {
    // RFC8995-5.6-same-request
    let world = World::new();
    let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
    let mut awaiting = world.ask(&world.content());
    let sent = awaiting.request().to_vec();
    for _ in 0..(4 * 24 * 60) {
        let Step::Wait { retry_after_seconds, awaiting: next } =
            awaiting.receive(&status(202, Some(3600)), &policy).unwrap()
        else {
            panic!("202 is to be waited for");
        };
        assert_eq!(retry_after_seconds, 60);
        awaiting = next;
    }
    assert_eq!(awaiting.request(), sent);
    // RFC8995-5.6-four-days
    let error = awaiting.receive(&status(202, None), &policy).unwrap_err();
    assert_eq!(error, Error::RegistrarWaitedTooLong);
}

#[test]
fn a_pledge_follows_one_redirect() {
    // RFC8995-5.6-one-redirect
    let world = World::new();
    let policy = VoucherPolicy::strict(&world.maker_anchors, Some(now()));
    let awaiting = world.ask(&world.content());
    let Step::FollowRedirect { awaiting } = awaiting.receive(&status(307, None), &policy).unwrap() else {
        panic!("307 is to be followed");
    };
    assert_eq!(awaiting.receive(&status(307, None), &policy).unwrap_err(), Error::RegistrarRedirects);
    let refused = world.ask(&world.content()).receive(&status(404, None), &policy).unwrap_err();
    assert_eq!(refused, Error::RegistrarRefused { status: 404 });
}

#[test]
fn the_masas_answers_are_told_apart() {
    for world in World::all() {
        let (_, ask) = world.honest_rvr();
        let say =
            |status, media_type| MasaReply { status, media_type, retry_after_seconds: Some(7), body: b"" };
        let resume = |reply: MasaReply<'_>| ask.awaiting.clone().resume(&reply, &world.trust()).unwrap_err();
        assert_eq!(resume(say(404, None)), Error::MasaRefused { status: 404 });
        assert_eq!(resume(say(301, None)), Error::MasaRefused { status: 301 });
        assert_eq!(resume(say(503, None)), Error::MasaBusy { retry_after_seconds: Some(7) });
        assert_eq!(resume(say(200, None)), Error::AnswerMediaType);
        assert_eq!(resume(say(200, Some(media_type::JSON))), Error::AnswerMediaType);
        // CBRSKI-7.1-format-end-to-end
        for format in Format::ALL {
            let expected = if format == world.format { Class::Malformed } else { Class::Unsupported };
            assert_eq!(resume(say(200, Some(format.media_type()))).class(), expected);
        }
    }
}

#[test]
fn a_voucher_for_later_needs_a_known_registrar_and_ends() {
    for world in World::all() {
        let serial = world.device.certificate().subject_serial_number().unwrap();
        let issuer = IdevidIssuer::of(world.device.certificate());
        let draft = registrar::prepare_nonceless(serial, &issuer, world.format, now());
        let ask = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
        // RFC8995-5.5.4-nonceless-authenticated
        assert_eq!(world.check_rvr(&ask.rvr).unwrap_err(), Error::RvrNoncelessUnauthenticated);
        let owners = world.owner.anchors();
        let check = RvrCheck { registrar: RegistrarAuthentication::Transport, ..world.rvr_check() };
        let rvr = world.parse_rvr(&ask.rvr).unwrap().verify(&check).unwrap();
        assert_eq!(rvr.idevid_issuer(), issuer.key_id());
        // RFC8995-5.6-stale
        let late = RvrCheck { now: now().plus(DAY * 2), ..check };
        assert_eq!(world.parse_rvr(&ask.rvr).unwrap().verify(&late).unwrap_err(), Error::RvrStale);
        // RFC8995-5.6-expires-on
        let terms = Terms::for_request(&rvr);
        assert_eq!(terms.pin, PinChoice::HighestCa);
        let endless = Terms { end: End::Never, ..terms };
        assert_eq!(masa::draft(&rvr, &endless, now()).unwrap_err(), Error::IssueNoncelessWithoutEnd);
        let expires_at = masa::draft(&rvr, &terms, now()).unwrap().voucher.expires_at.unwrap();
        assert_eq!(expires_at.since(now()).as_secs(), masa::LIFETIME_SECONDS);
        let long = Terms { end: End::After { seconds: u64::MAX }, ..terms };
        let expires_at = masa::draft(&rvr, &long, now()).unwrap().voucher.expires_at.unwrap();
        assert_eq!(expires_at, world.registrar.certificate().not_after());
        // By configured anchors: only with the whole chain to them, and only of this owner.
        let chain = [world.registrar.chain.clone(), vec![world.owner.root.clone()]].concat();
        let draft = registrar::prepare_nonceless(world.check_rvr_serial(), &issuer, world.format, now());
        let ask = draft.sign(&world.registrar.signer, &chain).unwrap();
        let by_anchor =
            RvrCheck { registrar: RegistrarAuthentication::Anchors(&owners), ..world.rvr_check() };
        let rvr = world.parse_rvr(&ask.rvr).unwrap().verify(&by_anchor).unwrap();
        assert_eq!(
            masa::draft(&rvr, &Terms::for_request(&rvr), now()).unwrap().domain_id,
            domain_id(&world.owner.root)
        );
        let strangers = world::Authority::owner("Stranger").anchors();
        let by_stranger =
            RvrCheck { registrar: RegistrarAuthentication::Anchors(&strangers), ..world.rvr_check() };
        let error = world.parse_rvr(&ask.rvr).unwrap().verify(&by_stranger).unwrap_err();
        assert_eq!(error, Error::RvrNoncelessUnauthenticated);
    }
}

#[test]
fn each_pin_choice_picks_its_certificate() {
    // RFC8995-5.5.2-pin-choice
    let world = World::new();
    let chain = [world.registrar.chain.clone(), vec![world.owner.root.clone()]].concat();
    assert_eq!(PinChoice::EndEntity.pick(&chain), chain.first());
    assert_eq!(PinChoice::LowestCa.pick(&chain), chain.get(1));
    assert_eq!(PinChoice::HighestCa.pick(&chain), chain.get(2));
    for choice in [PinChoice::EndEntity, PinChoice::LowestCa, PinChoice::HighestCa] {
        assert_eq!(choice.pick(&chain[..1]), chain.first());
        assert_eq!(choice.pick(&[]), None);
    }
    assert_eq!(PinChoice::for_request(true), PinChoice::LowestCa);
    assert_eq!(PinChoice::for_request(false), PinChoice::HighestCa);
}

#[test]
fn a_domain_is_named_by_the_key_identifier_of_its_pin() {
    // RFC8995-5.8.2-domain-id
    let world = World::new();
    let pinned = world.owner.issuing.certificate();
    assert_eq!(domain_id(pinned).as_bytes(), pinned.subject_key_id().unwrap().as_bytes());
}

#[test]
fn an_unreadable_idevid_issuer_does_not_fail_a_request_with_a_nonce() {
    // RFC8366-6.3-idevid-issuer-lenient
    for world in World::all() {
        let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
        for issuer in [Some(b"CN=Maker issuing".to_vec()), None] {
            let mut draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
            draft.request.idevid_issuer.clone_from(&issuer);
            let ask = draft.sign(&world.registrar.signer, &world.registrar.chain).unwrap();
            let rvr = world.check_rvr(&ask.rvr).unwrap();
            assert_eq!(rvr.idevid_issuer_agrees(), issuer.map(|_| false));
            assert_eq!(rvr.idevid_issuer().as_ref(), world.device.certificate().authority_key_id());
        }
    }
}

#[test]
fn a_retry_has_the_same_digest_and_another_request_has_not() {
    let world = World::new();
    let awaiting = world.ask(&world.content());
    let first = world.parse_pvr(awaiting.request()).unwrap().digest();
    assert_eq!(world.parse_pvr(awaiting.request()).unwrap().digest(), first);
    let again = world.ask(&world.content());
    assert_ne!(world.parse_pvr(again.request()).unwrap().digest(), first);
}

#[test]
fn a_device_that_sends_no_chain_is_known_by_the_makers_pool() {
    let world = World::new();
    let alone = &world.device.chain[..1];
    let awaiting =
        proto_brski::pledge::request(&world.content(), Format::CmsJson, &world.device.signer, alone).unwrap();
    let ask = world.ask_masa(&world.check_pvr(awaiting.request()).unwrap());
    assert!(matches!(world.check_rvr(&ask.rvr), Err(Error::RvrPriorUntrusted(_))));
    let pool = [world.maker.issuing.certificate().clone()];
    let check = RvrCheck { idevid_pool: &pool, ..world.rvr_check() };
    assert!(world.parse_rvr(&ask.rvr).unwrap().verify(&check).is_ok());
}

#[test]
fn a_request_is_data_that_others_can_read() {
    let world = World::new();
    let awaiting = world.ask(&world.content());
    let signed = pki::cms::SignedData::parse(awaiting.request()).unwrap();
    let request = json::parse_voucher_request(signed.unverified_content()).unwrap();
    // RFC8995-5.2-assertion
    assert_eq!(request.assertion, Some(Assertion::Proximity));
    let proximity = request.proximity_registrar.certificate.unwrap();
    assert_eq!(proximity, world.registrar.certificate().der());
}

impl World {
    fn check_rvr_serial(&self) -> proto::SerialNumber {
        self.device.certificate().subject_serial_number().unwrap()
    }
}

#[test]
fn a_tls_server_certificate_alone_does_not_ask_for_vouchers() {
    // RFC8995-5.5.4-cmcra
    for world in World::all() {
        let server = world.owner.issue(Profile::TlsServer, Subject::new("server.example"));
        let pvr = world.check_pvr(world.ask(&world.content()).request()).unwrap();
        let draft = registrar::prepare(&pvr, &world.device.chain, now()).unwrap();
        let error = draft.clone().sign(&server.signer, &server.chain).unwrap_err();
        assert_eq!(error, Error::RvrSignerNotRegistrar);
        let forged = world.forge_rvr(&draft.request, &server);
        assert_eq!(world.check_rvr(&forged).unwrap_err(), Error::RvrSignerNotRegistrar);
        let error = draft.sign(&world.registrar.signer, &server.chain).unwrap_err();
        assert_eq!(error, Error::RvrChainInvalid);
    }
}
