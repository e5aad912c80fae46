//! No bytes make a parser panic, and no changed byte makes a message pass.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use std::sync::LazyLock;

use proptest::prelude::*;
use proto_brski::pledge::VoucherPolicy;
use proto_brski::{IpLiterals, MasaAuditLog, MasaUrl, Pvr, Rvr, SignedVoucher, Telemetry};
use world::{World, now};

/// One honest exchange: the world, the pledge's state, the three signed messages.
struct Played {
    world: World,
    awaiting: proto_brski::pledge::AwaitVoucher,
    rvr: Vec<u8>,
    voucher: Vec<u8>,
}

static PLAYED: LazyLock<Played> = LazyLock::new(|| {
    let world = World::new();
    let (awaiting, ask) = world.honest_rvr();
    let voucher = world.issue_voucher(&world.check_rvr(&ask.rvr).unwrap());
    Played { world, awaiting, rvr: ask.rvr, voucher }
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
        let _ = Pvr::parse(&bytes);
        let _ = Rvr::parse(&bytes);
        let _ = SignedVoucher::parse(&bytes);
        let _ = Telemetry::parse(&bytes);
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
    fn a_changed_octet_never_makes_a_pledge_accept_other_content(at in any::<usize>(), bits in 1_u8..) {
        let bytes = mutated(&PLAYED.voucher, at, bits);
        let policy = VoucherPolicy::strict(&PLAYED.world.maker_anchors, Some(now()));
        let honest = PLAYED.awaiting.verify(&PLAYED.voucher, &policy).unwrap();
        if let Ok(imprint) = PLAYED.awaiting.verify(&bytes, &policy) {
            prop_assert_eq!(imprint.voucher(), honest.voucher());
        }
    }

    #[test]
    fn a_changed_octet_never_makes_a_registrar_accept_other_content(at in any::<usize>(), bits in 1_u8..) {
        let honest = PLAYED.world.check_pvr(PLAYED.awaiting.request()).unwrap();
        let bytes = mutated(PLAYED.awaiting.request(), at, bits);
        if let Ok(pvr) = PLAYED.world.check_pvr(&bytes) {
            prop_assert_eq!(pvr.request(), honest.request());
        }
    }

    #[test]
    fn a_changed_octet_never_makes_a_masa_accept_other_content(at in any::<usize>(), bits in 1_u8..) {
        let honest = PLAYED.world.check_rvr(&PLAYED.rvr).unwrap();
        if let Ok(rvr) = PLAYED.world.check_rvr(&mutated(&PLAYED.rvr, at, bits)) {
            prop_assert_eq!(rvr.request(), honest.request());
        }
    }

    #[test]
    fn a_cut_message_is_refused(length in any::<usize>()) {
        for message in [PLAYED.awaiting.request(), &PLAYED.rvr, &PLAYED.voucher] {
            let cut = &message[..length % message.len()];
            prop_assert!(Pvr::parse(cut).is_err() && Rvr::parse(cut).is_err() && SignedVoucher::parse(cut).is_err());
        }
    }
}
