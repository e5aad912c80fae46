//! What OpenSSL cannot be asked: revocation, bounds on work, and the same reason for every order of the pool.

use std::cell::RefCell;

use pki::path::{self, Anchors, Purpose, Revocation, Rules, VerifiedPath};
use pki::{Certificate, Error};

use crate::judge::IDEVID;
use crate::maker::{Aki, Spec};
use crate::mutations::{chain, make};

fn parse(ders: &[Vec<u8>]) -> Vec<Certificate> {
    ders.iter().map(|der| Certificate::parse(der).unwrap()).collect()
}

fn verify(
    leaf: &Certificate,
    pool: &[Certificate],
    anchors: &[Certificate],
    revocation: &dyn Fn(&Certificate) -> Revocation,
) -> Result<VerifiedPath, Error> {
    let anchors = Anchors::new(anchors.iter().cloned());
    path::verify(leaf, pool, &Rules { anchors: &anchors, now: crate::now(), purpose: IDEVID, revocation })
}

#[test]
fn asks_for_every_certificate_but_the_anchor_from_the_top_down() {
    // RFC5280-6.1.3-revocation
    let all = parse(&make(&chain(4)));
    let asked = RefCell::new(Vec::new());
    let note = |certificate: &Certificate| {
        asked.borrow_mut().push(certificate.fingerprint());
        Revocation::Good
    };
    let path = verify(&all[0], &all[1..3], &all[3..], &note).unwrap();
    assert_eq!(*asked.borrow(), [all[2].fingerprint(), all[1].fingerprint(), all[0].fingerprint()]);
    assert_eq!((path.leaf(), path.issuers(), path.anchor()), (&all[0], &all[1..], &all[3]));
}

#[test]
fn refuses_what_is_revoked_or_of_unknown_status_at_every_place() {
    // RFC5280-6.1.3-revocation
    let all = parse(&make(&chain(3)));
    for place in 0..2 {
        for (status, error) in
            [(Revocation::Revoked, Error::PathRevoked), (Revocation::Unknown, Error::PathRevocationUnknown)]
        {
            let judge = |c: &Certificate| if *c == all[place] { status } else { Revocation::Good };
            assert_eq!(verify(&all[0], &all[1..2], &all[2..], &judge).map(|_| ()), Err(error));
        }
    }
    let pinned = verify(&all[0], &[], &all[..1], &|_| Revocation::Revoked);
    assert_eq!(pinned.map(|_| ()), Err(Error::PathRevoked));
}

#[test]
fn finds_a_way_around_a_revoked_cross_certificate() {
    let (first, second, issuing, leaf) =
        (Spec::ca("root A"), Spec::ca("root B"), Spec::ca("issuing"), Spec::device("lamp"));
    let ders = [leaf.make(Some(&issuing)), issuing.make(Some(&first)), issuing.make(Some(&second))];
    let all = parse(&ders);
    let anchors = parse(&[first.make(None), second.make(None)]);
    let judge = |c: &Certificate| if *c == all[1] { Revocation::Revoked } else { Revocation::Good };
    let path = verify(&all[0], &all[1..], &anchors, &judge).unwrap();
    assert_eq!(path.anchor(), &anchors[1]);
}

#[test]
fn stops_after_a_bounded_number_of_signatures() {
    let keyless = |spec: Spec| Spec { authority_key_id: Aki::None, subject_key_id: false, ..spec };
    let root = keyless(Spec::ca("CA"));
    let leaf = keyless(Spec::device("lamp")).make(Some(&root));
    let strangers: Vec<_> = (0..path::POOL_MAX).map(|_| keyless(Spec::ca("CA")).make(Some(&root))).collect();
    let leaf = Certificate::parse(&leaf).unwrap();
    let one_stranger = parse(&[keyless(Spec::ca("CA")).make(None)]);
    let verdict = verify(&leaf, &parse(&strangers), &one_stranger, &|_| Revocation::Good);
    assert_eq!(verdict.map(|_| ()), Err(Error::PathTooMuchWork));
}

#[test]
fn gives_the_same_reason_for_every_order_of_the_pool() {
    let mut specs = chain(4);
    specs[2].key_usage = None;
    let mut all = parse(&make(&specs));
    let expired =
        Spec { validity: (specs[1].validity.0, "2021-01-01T00:00:00Z".parse().unwrap()), ..specs[1].clone() };
    all.push(Certificate::parse(&expired.make(Some(&specs[2]))).unwrap());
    let mut pool =
        vec![all[1].clone(), all[4].clone(), Certificate::parse(&Spec::ca("CA 2").make(None)).unwrap()];
    let mut reasons = Vec::new();
    for _ in 0..pool.len() {
        pool.rotate_left(1);
        reasons.push(verify(&all[0], &pool, &all[3..4], &|_| Revocation::Good).unwrap_err());
    }
    assert_eq!(reasons, vec![Error::PathIssuerUnknown; 3]);
}

#[test]
fn nothing_verifies_against_no_anchors() {
    let all = parse(&make(&chain(3)));
    assert!(Anchors::default().is_empty());
    let verdict = verify(&all[0], &all[1..], &[], &|_| Revocation::Good);
    assert_eq!(verdict.map(|_| ()), Err(Error::PathIssuerUnknown));
    let client = Rules {
        anchors: &Anchors::default(),
        now: crate::now(),
        purpose: Purpose::VoucherSigner,
        revocation: &|_| Revocation::Good,
    };
    assert!(path::verify(&all[1], &all, &client).is_err());
}
