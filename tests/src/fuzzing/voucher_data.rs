//! Vouchers and voucher-requests as data, in JSON and in CBOR; what is well formed is signed by the device and goes all the
//! way.

use pki::cms::{self, Compat};
use pki::cose;
use proto_brski::masa::{self, Terms};
use proto_brski::pledge::{self, AwaitVoucher, PvrContent, VoucherPolicy};
use proto_brski::registrar::{self, MasaReply};
use proto_brski::{Format, Pvr, PvrCheck, Rvr, RvrCheck, Verified, VoucherTrust};
use proto_voucher::{Assertion, Error, VoucherRequest, cbor, json};

use super::pki::is_explained;
use super::vouchers::{pvr_check, rvr_check};
use super::world::{WORLD, later};

/// Reads JSON as a voucher and as a request; writes what it read and reads that; plays the exchange with a request.
pub fn voucher_json(bytes: &[u8]) {
    match json::parse_voucher(bytes) {
        Ok(voucher) => match json::write_voucher(&voucher) {
            Ok(written) => assert_eq!(json::parse_voucher(&written), Ok(voucher)),
            Err(error) => assert_eq!(error, Error::TooLarge),
        },
        Err(error) => is_explained(&error),
    }
    match json::parse_voucher_request(bytes) {
        Ok(request) => {
            match json::write_voucher_request(&request) {
                Ok(written) => assert_eq!(json::parse_voucher_request(&written).as_ref(), Ok(&request)),
                Err(error) => assert_eq!(error, Error::TooLarge),
            }
            let chain = core::slice::from_ref(&WORLD.idevid);
            let signed = cms::sign(bytes, &WORLD.idevid_signer, chain).expect("the device signs");
            play(&signed, Format::CmsJson, &request);
        }
        Err(error) => is_explained(&error),
    }
}

/// Does the same with CBOR in COSE.
pub fn voucher_cbor(bytes: &[u8]) {
    match cbor::parse_voucher(bytes) {
        Ok(read) => match cbor::write_voucher(&read.artifact) {
            Ok(written) => {
                let again = cbor::parse_voucher(&written).expect("what is written is read");
                assert_eq!((again.artifact, again.deviation), (read.artifact, None));
            }
            Err(error) => assert_eq!(error, Error::TooLarge),
        },
        Err(error) => is_explained(&error),
    }
    match cbor::parse_voucher_request(bytes) {
        Ok(read) => {
            match cbor::write_voucher_request(&read.artifact) {
                Ok(written) => {
                    let again = cbor::parse_voucher_request(&written).expect("what is written is read");
                    assert_eq!((&again.artifact, again.deviation), (&read.artifact, None));
                }
                Err(error) => assert_eq!(error, Error::TooLarge),
            }
            let signed = cose::sign(bytes, &WORLD.idevid_signer).expect("the device signs");
            play(&signed, Format::CoseCbor, &read.artifact);
        }
        Err(error) => is_explained(&error),
    }
}

/// Lets the registrar read what the device signed. What it accepts must get its voucher.
fn play(signed: &[u8], format: Format, request: &VoucherRequest) {
    let world = &*WORLD;
    let check = PvrCheck { now: later(), compat: Compat::Strict, ..pvr_check(&world.idevid) };
    let pvr = match Pvr::parse(signed, format).and_then(|pvr| pvr.verify(&check)) {
        Ok(pvr) => pvr,
        Err(error) => return is_explained(&error),
    };
    assert_eq!(pvr.request(), request);
    assert_eq!(Some(pvr.nonce()), request.nonce.as_ref());
    assert_eq!(Some(pvr.serial_number()), world.idevid.subject_serial_number().as_ref());
    assert_eq!(pvr.request().assertion, Some(Assertion::Proximity));
    assert!(!pvr.request().proximity_registrar.is_empty());
    exchange(&pvr);
}

/// Takes the part of registrar and MASA, then of a pledge that sent the same nonce.
fn exchange(pvr: &Verified<Pvr>) {
    let (world, format) = (&*WORLD, pvr.format());
    let chain = [world.registrar.clone(), world.owner_ca.clone()];
    let device = core::slice::from_ref(&world.idevid);
    let draft = registrar::prepare(pvr, device, later()).expect("the registrar asks");
    let ask = draft.sign(&world.registrar_signer, &chain).expect("the registrar signs");
    let check = RvrCheck { now: later(), ..rvr_check(world, Compat::Strict) };
    let rvr = Rvr::parse(&ask.rvr, format).and_then(|rvr| rvr.verify(&check)).expect("the MASA accepts");
    assert!(rvr.is_proximity_proved());
    assert_eq!(rvr.nonce(), Some(pvr.nonce()));
    let draft = masa::draft(&rvr, &Terms::for_request(&rvr), later()).expect("the MASA drafts");
    let voucher = draft.sign(&world.masa_signer, core::slice::from_ref(&world.masa)).expect("and signs");
    let trust = VoucherTrust { anchors: &world.vendor_anchors, clock: Some(later()), compat: Compat::Strict };
    let media_type = Some(format.media_type());
    let reply = MasaReply { status: 200, media_type, retry_after_seconds: None, body: &voucher };
    let relayed = ask.awaiting.resume(&reply, &trust).expect("the registrar relays");
    let policy = VoucherPolicy::strict(&world.vendor_anchors, Some(later()));
    let imprint = awaiting(pvr).verify(relayed.to_relay(), &policy).expect("the pledge believes");
    assert!(imprint.check_registrar(&chain).is_ok(), "the registrar is the pinned one");
}

/// The state of a pledge that sent this nonce.
fn awaiting(pvr: &Pvr) -> AwaitVoucher {
    let (idevid, registrar) = (&WORLD.idevid, &WORLD.registrar);
    let content = PvrContent::honest(idevid, registrar, pvr.nonce().clone(), None).expect("a request");
    let chain = core::slice::from_ref(idevid);
    pledge::request(&content, pvr.format(), &WORLD.idevid_signer, chain).expect("the pledge signs")
}
