//! Signed vouchers and voucher-requests, bent on their way.

use std::sync::LazyLock;

use pki::cms::Compat;
use pki::path::Expiry;
use proto::media_type;
use proto_brski::pledge::{self, AwaitVoucher, PvrContent, RegistrarReply, Step, VoucherPolicy};
use proto_brski::registrar::{self, AwaitMasa, MasaReply};
use proto_brski::{
    Format, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, SignedVoucher, Verified, VoucherTrust,
};
use proto_voucher::{Nonce, VoucherRequest};

use super::pki::is_explained;
use super::world::{WORLD, World, good, that_day};

/// Reads a voucher-request as a registrar does, then as a MASA does, in CMS and in COSE.
pub fn voucher_request(bytes: &[u8]) {
    let world = &*WORLD;
    check_constrained(bytes);
    match Pvr::parse(bytes, Format::CmsJson) {
        Ok(pvr) => {
            assert!(pvr.clone().verify(&pvr_check(world.stranger.certificate())).is_err());
            if let Ok(pvr) = pvr.verify(&pvr_check(&world.idevid)) {
                assert_eq!(*pvr.request(), EXCHANGE.pvr, "the device did not say this");
                assert_eq!(pvr.as_bytes(), bytes);
            }
        }
        Err(error) => is_explained(&error),
    }
    match Rvr::parse(bytes, Format::CmsJson) {
        Ok(rvr) => {
            let check = rvr_check(world, Compat::Lenient);
            let strange = RvrCheck { idevid_anchors: &world.stranger_anchors, ..check };
            // Without a nonce it is the registrar that must be known, and nobody is.
            assert!(rvr.clone().verify(&strange).is_err());
            if let Ok(rvr) = rvr.verify(&check) {
                check_rvr(&rvr);
            }
        }
        Err(error) => is_explained(&error),
    }
}

/// Nobody of the example signed anything in COSE, and those of the constrained draft are nobody's devices here.
fn check_constrained(bytes: &[u8]) {
    let (world, format) = (&*WORLD, Format::CoseCbor);
    if let Ok(pvr) = Pvr::parse(bytes, format) {
        assert!(pvr.verify(&pvr_check(&world.idevid)).is_err(), "the device did not sign this");
    }
    if let Ok(rvr) = Rvr::parse(bytes, format) {
        assert!(
            rvr.verify(&rvr_check(world, Compat::Lenient)).is_err(),
            "no device of the vendor is in this"
        );
    }
    if let Ok(voucher) = SignedVoucher::parse(bytes, format) {
        let trust = VoucherTrust { anchors: &world.vendor_anchors, clock: None, compat: Compat::Lenient };
        assert!(voucher.verify(&trust).is_err(), "the MASA did not sign this");
    }
}

/// The fuzzer has no key that a registrar's certificate of its own making could go with.
fn check_rvr(rvr: &Verified<Rvr>) {
    assert_eq!(*rvr.request(), EXCHANGE.rvr, "the registrar did not say this");
    assert!(rvr.is_proximity_proved() && !rvr.is_registrar_authenticated());
    std::hint::black_box((rvr.idevid_issuer(), rvr.idevid_issuer_agrees(), rvr.domain_chain().len()));
}

/// Reads a voucher as a registrar does, then as a pledge does, with and without a clock.
pub fn voucher(bytes: &[u8]) {
    let world = &*WORLD;
    let signed = match SignedVoucher::parse(bytes, Format::CmsJson) {
        Ok(signed) => signed,
        Err(error) => return is_explained(&error),
    };
    let trust =
        VoucherTrust { anchors: &world.vendor_anchors, clock: Some(that_day()), compat: Compat::Lenient };
    let strange = VoucherTrust { anchors: &world.stranger_anchors, clock: None, ..trust };
    assert!(signed.clone().verify(&strange).is_err(), "the stranger signed nothing");
    let is_good = signed.verify(&trust).map(|signed| assert_eq!(*signed.voucher(), EXCHANGE.voucher)).is_ok();
    let reply = MasaReply {
        status: 200,
        media_type: Some(media_type::VOUCHER_CMS_JSON),
        retry_after_seconds: None,
        body: bytes,
    };
    let resumed = EXCHANGE.await_masa.clone().resume(&reply, &trust);
    assert_eq!(resumed.is_ok(), is_good, "what the MASA said is relayed");
    for clock in [Some(that_day()), None] {
        let policy = VoucherPolicy::strict(&world.vendor_anchors, clock);
        let policy = VoucherPolicy { trust: VoucherTrust { clock, ..trust }, ..policy };
        let reply = RegistrarReply { status: 200, retry_after_seconds: None, body: bytes };
        if let Ok(step) = EXCHANGE.await_voucher.clone().receive(&reply, &policy) {
            let Step::CheckRegistrar(imprint) = step else { panic!("a voucher is no reason to wait") };
            assert_eq!(*imprint.voucher(), EXCHANGE.voucher, "the MASA did not say this");
            let stranger = [world.stranger.certificate().clone()];
            assert!((*imprint).clone().check_registrar(&stranger).is_err());
            assert!(imprint.check_registrar(&[world.registrar.clone(), world.owner_ca.clone()]).is_ok());
        }
    }
}

/// What the parties of the example said, and the states of those of ours who take their part.
struct Exchange {
    pvr: VoucherRequest,
    rvr: VoucherRequest,
    voucher: proto_voucher::Voucher,
    await_masa: AwaitMasa,
    await_voucher: AwaitVoucher,
}

static EXCHANGE: LazyLock<Exchange> = LazyLock::new(|| {
    let world = &*WORLD;
    let pvr = Pvr::parse(&world.pvr, Format::CmsJson)
        .and_then(|pvr| pvr.verify(&pvr_check(&world.idevid)))
        .expect("the PVR");
    let rvr = Rvr::parse(&world.rvr, Format::CmsJson)
        .and_then(|rvr| rvr.verify(&rvr_check(world, Compat::Lenient)));
    let trust =
        VoucherTrust { anchors: &world.vendor_anchors, clock: Some(that_day()), compat: Compat::Lenient };
    let voucher =
        SignedVoucher::parse(&world.voucher, Format::CmsJson).and_then(|voucher| voucher.verify(&trust));
    let chain = [world.registrar.clone(), world.owner_ca.clone()];
    let draft = registrar::prepare(&pvr, core::slice::from_ref(&world.idevid), that_day())
        .expect("a request to the MASA");
    let nonce = Nonce::new(pvr.nonce().as_bytes()).expect("its nonce");
    let content = PvrContent::honest(&world.idevid, &world.registrar, nonce, None).expect("a request");
    let awaiting = pledge::request(
        &content,
        Format::CmsJson,
        &world.idevid_signer,
        core::slice::from_ref(&world.idevid),
    );
    Exchange {
        pvr: pvr.request().clone(),
        rvr: rvr.expect("the RVR").request().clone(),
        voucher: voucher.expect("the voucher").voucher().clone(),
        await_masa: draft.sign(&world.registrar_signer, &chain).expect("the request signed").awaiting,
        await_voucher: awaiting.expect("the request signed"),
    }
});

/// What the registrar of the example holds a request of this device against.
pub(super) fn pvr_check(idevid: &pki::Certificate) -> PvrCheck<'_> {
    PvrCheck {
        idevid,
        registrar_certificates: core::slice::from_ref(&WORLD.registrar),
        compat: Compat::Lenient,
        now: that_day(),
    }
}

/// What the MASA of the example holds a request against.
pub(super) fn rvr_check(world: &World, compat: Compat) -> RvrCheck<'_> {
    RvrCheck {
        idevid_anchors: &world.vendor_anchors,
        idevid_pool: &[],
        idevid_expiry: Expiry::Enforce,
        registrar: RegistrarAuthentication::None,
        revocation: &good,
        compat,
        now: that_day(),
    }
}
