//! The published messages: RFC 8995 appendix C, RFC 7030 appendix A, RFC 9148 appendix A.

use pki::cms::{self, Compat, SignedData};
use pki::path::{self, Anchors, Expiry, Purpose, Revocation, Rules};
use pki::{Certificate, Error};

macro_rules! vector {
    ($path:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/", $path)).as_slice()
    };
}

macro_rules! rfc8995 {
    ($name:literal) => {
        vector!(concat!("rfc8995-anima-bootstrap/examples/", $name))
    };
}

fn armoured(text: &[u8]) -> Vec<u8> {
    pem::parse(text).unwrap().contents().to_vec()
}

fn certificate(text: &[u8]) -> Certificate {
    Certificate::from_pem(core::str::from_utf8(text).unwrap()).unwrap()
}

/// Each message of RFC 8995 with the anchor and the purpose of its signer, at a time when its certificates were valid.
fn messages() -> [(&'static [u8], &'static [u8], Purpose<'static>); 3] {
    let idevid = Purpose::IdevId { expiry: Expiry::Enforce };
    [
        (rfc8995!("vr_00-D0-E5-F2-00-02.pkcs"), rfc8995!("vendor.crt"), idevid),
        (
            rfc8995!("parboiled_vr_00-D0-E5-F2-00-02.pkcs"),
            rfc8995!("ownerca_secp384r1.crt"),
            Purpose::RegistrarRequestSigner,
        ),
        (rfc8995!("voucher_00-D0-E5-F2-00-02.pkcs"), rfc8995!("vendor.crt"), Purpose::VoucherSigner),
    ]
}

#[test]
fn the_messages_of_rfc_8995_verify_by_path_and_signature_in_compat_only() {
    // RFC8366-5.4-content-type RFC5652-5.1-version RFC8995-5.5.4-cmcra
    for (message, anchor, purpose) in messages() {
        let der = armoured(message);
        let parse = || SignedData::parse(der.as_slice()).unwrap();
        let signer = parse().signer_certificate().unwrap();
        let anchors = Anchors::new([certificate(anchor)]);
        let now = "2021-05-01T00:00:00Z".parse().unwrap();
        let rules = Rules { anchors: &anchors, now, purpose, revocation: &|_| Revocation::Good };
        path::verify(&signer, &parse().certificates().unwrap(), &rules).unwrap();
        let strict = parse().verify_with_certificate(&signer, Compat::Strict).map(|_| ());
        assert_eq!(strict.unwrap_err(), Error::CmsContentTypeUnsupported);
        let verified = parse().verify_with_certificate(&signer, Compat::Lenient).unwrap();
        assert!(verified.content().starts_with(b"{\"ietf-voucher"));
        assert!(verified.signing_at().unwrap().to_string().starts_with("2021-04-13T21:43:2"));
        let later = "2026-01-01T00:00:00Z".parse().unwrap();
        let expired = path::verify(&signer, &parse().certificates().unwrap(), &Rules { now: later, ..rules });
        assert_eq!(expired.is_ok(), purpose == Purpose::IdevId { expiry: Expiry::Enforce });
    }
}

#[test]
fn the_bare_messages_of_rfc_8995_are_those_in_armour() {
    let bare = |text: &[u8]| {
        let wrapped = [b"-----BEGIN CMS-----\n", text.trim_ascii(), b"\n-----END CMS-----\n"].concat();
        armoured(&wrapped)
    };
    assert_eq!(bare(rfc8995!("vr_00-D0-E5-F2-00-02.b64")), armoured(messages()[0].0));
    assert_eq!(bare(rfc8995!("parboiled_vr_00-D0-E5-F2-00-02.b64")), armoured(messages()[1].0));
    assert_eq!(bare(rfc8995!("voucher_00-D0-E5-F2-00-02.b64")), armoured(messages()[2].0));
}

#[test]
fn the_bags_of_rfc_7030_and_rfc_9148_are_read() {
    // RFC7030-4.1.3-certs-only
    let bags = [
        (vector!("rfc7030/a1-cacerts.p7.der"), 4),
        (vector!("rfc7030/a3-enroll-resp.p7.der"), 1),
        (vector!("rfc7030/a4-skg-resp.p7.der"), 1),
        (vector!("rfc9148/a1-crts.p7.der"), 1),
        (vector!("rfc9148/a2-sen-resp.p7.der"), 1),
        (vector!("rfc9148/a3-skg-cert.p7.der"), 1),
    ];
    for (der, count) in bags {
        assert_eq!(cms::parse_certs_only(der).unwrap().len(), count);
        assert_eq!(SignedData::parse(der).map(|_| ()).unwrap_err(), Error::CmsSignerCount);
    }
}
