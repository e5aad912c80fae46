//! No bytes make a parser panic, and no changed byte makes a message pass.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use std::sync::LazyLock;

use proptest::prelude::*;
use proto_brski::pledge::VoucherPolicy;
use proto_brski::{Format, IpLiterals, MasaAuditLog, MasaUrl, Pvr, Rvr, SignedVoucher, Telemetry};
use world::{World, now};

/// One honest exchange: the world, the pledge's state, the three signed messages.
struct Played {
    world: World,
    awaiting: proto_brski::pledge::AwaitVoucher,
    rvr: Vec<u8>,
    voucher: Vec<u8>,
}

/// One in each form.
static PLAYED: LazyLock<[Played; 2]> = LazyLock::new(|| {
    World::all().map(|world| {
        let (awaiting, ask) = world.honest_rvr();
        let voucher = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
        Played { world, awaiting, rvr: ask.rvr, voucher }
    })
});

fn mutated(message: &[u8], at: usize, bits: u8) -> Vec<u8> {
    let mut bytes = message.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= bits;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        for format in Format::ALL {
            let _ = Pvr::parse(&bytes, format);
            let _ = Rvr::parse(&bytes, format);
            let _ = SignedVoucher::parse(&bytes, format);
        }
        let _ = Telemetry::parse(&bytes);
        let _ = Telemetry::parse_cbor(&bytes);
        let _ = MasaAuditLog::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = MasaUrl::parse(&text, IpLiterals::Accept);
    }

    #[test]
    fn no_text_makes_the_masa_url_panic_or_lose_its_scheme(text in "(https://)?[a-z0-9.:/\\[\\]@%-]{0,40}") {
        if let Ok(url) = MasaUrl::parse(&text, IpLiterals::Accept) {
            let again = MasaUrl::parse(&url.to_string(), IpLiterals::Accept);
            prop_assert_eq!(again, Ok(url));
        }
    }

    #[test]
    fn a_changed_octet_never_makes_a_pledge_accept_other_content(
        which in 0_usize..2,
        at in any::<usize>(),
        bits in 1_u8..,
    ) {
        let played = &PLAYED[which];
        let bytes = mutated(&played.voucher, at, bits);
        let policy = VoucherPolicy::strict(&played.world.maker_anchors, Some(now()));
        let honest = played.awaiting.verify(&played.voucher, &policy).unwrap();
        if let Ok(imprint) = played.awaiting.verify(&bytes, &policy) {
            prop_assert_eq!(imprint.voucher(), honest.voucher());
        }
    }

    #[test]
    fn a_changed_octet_never_makes_a_registrar_accept_other_content(
        which in 0_usize..2,
        at in any::<usize>(),
        bits in 1_u8..,
    ) {
        let played = &PLAYED[which];
        let honest = played.world.check_pvr(played.awaiting.request()).unwrap();
        let bytes = mutated(played.awaiting.request(), at, bits);
        if let Ok(pvr) = played.world.check_pvr(&bytes) {
            prop_assert_eq!(pvr.request(), honest.request());
        }
    }

    #[test]
    fn a_changed_octet_never_makes_a_masa_accept_other_content(
        which in 0_usize..2,
        at in any::<usize>(),
        bits in 1_u8..,
    ) {
        let played = &PLAYED[which];
        let honest = played.world.check_rvr(&played.rvr).unwrap();
        if let Ok(rvr) = played.world.check_rvr(&mutated(&played.rvr, at, bits)) {
            prop_assert_eq!(rvr.request(), honest.request());
        }
    }

    #[test]
    fn a_cut_message_is_refused(which in 0_usize..2, length in any::<usize>()) {
        let played = &PLAYED[which];
        for message in [played.awaiting.request(), &played.rvr, &played.voucher] {
            let cut = &message[..length % message.len()];
            for format in Format::ALL {
                prop_assert!(Pvr::parse(cut, format).is_err() && Rvr::parse(cut, format).is_err());
                prop_assert!(SignedVoucher::parse(cut, format).is_err());
            }
        }
    }
}
