//! RFC 7030 appendix A and RFC 9148 appendix A.

use crate::common::{device_certificate, serial_number, signer};
use pki::{Error as Pki, KeyKind, Oid, cms};
use proto_est::{
    AttrOrOid, ChallengePassword, CsrAttrs, Encoding, EnrollRequest, Error, body, certs, parse_csr,
};

macro_rules! vector {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/", $path))
    };
}

// RFC7030-4.5.2-csr-attrs
#[test]
fn the_csr_attributes_of_both_rfcs_are_read_and_written_octet_for_octet() {
    for der in [&vector!("rfc7030/a2-csrattrs.der")[..], vector!("rfc9148/a4-att.csrattrs.der")] {
        let attrs = CsrAttrs::from_der(der).unwrap();
        assert_eq!(attrs.to_der().unwrap(), der);
        let oids: Vec<String> = attrs.items().iter().map(|item| oid(item).to_string()).collect();
        let expected = [
            "1.3.6.1.1.1.1.22",
            "2.999.1",
            "1.2.840.113549.1.9.7",
            "2.999.2",
            "1.3.36.3.3.2.8.1.1.11",
            "2.16.840.1.101.3.4.2.2",
        ];
        assert_eq!(oids, expected);
        let values: Vec<usize> = attrs
            .items()
            .iter()
            .filter_map(|item| match item {
                AttrOrOid::Oid(_) => None,
                AttrOrOid::Attribute { values, .. } => Some(values.len()),
            })
            .collect();
        assert_eq!(values, [1, 3]);
    }
}

fn oid(item: &AttrOrOid) -> &Oid {
    match item {
        AttrOrOid::Oid(oid) | AttrOrOid::Attribute { oid, .. } => oid,
    }
}

#[test]
fn our_own_csr_attributes_go_there_and_back() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa] {
        let attrs = CsrAttrs::for_key(kind).unwrap();
        let read = CsrAttrs::read(attrs.write().unwrap().as_bytes()).unwrap();
        assert_eq!((read.wanted_key(), read), (Some(kind), attrs));
    }
    assert_eq!(CsrAttrs::from_der(&[0x30, 0]), Ok(CsrAttrs::default()));
}

#[test]
fn csr_attributes_that_are_malformed_or_too_many_are_refused() {
    let der = vector!("rfc7030/a2-csrattrs.der");
    for cut in 0..der.len() {
        assert_eq!(CsrAttrs::from_der(&der[..cut]), Err(Error::CsrAttrsMalformed), "{cut}");
    }
    assert_eq!(CsrAttrs::from_der(&[&der[..], &[0]].concat()), Err(Error::CsrAttrsMalformed));
    let one = AttrOrOid::Oid(Oid::from_static(&[0x88, 0x37, 0x01]));
    let many: CsrAttrs = std::iter::repeat_n(one, proto_est::CSR_ATTRS_COUNT_MAX + 1).collect();
    assert_eq!(CsrAttrs::from_der(&many.to_der().unwrap()), Err(Error::CsrAttrsMalformed));
}

#[test]
fn the_requests_of_rfc_7030_parse_and_are_refused_for_their_sha1_signature() {
    let identity = device_certificate(&signer(), &serial_number("PID:Widget SN:10"), None);
    for der in [&vector!("rfc7030/a3-enroll-csr.der")[..], vector!("rfc7030/a4-skg-csr.der")] {
        let (csr, encoding) = parse_csr(body::encode(der).as_bytes()).unwrap();
        assert_eq!(encoding, Encoding::Base64);
        assert_eq!(csr.digest(), pki::digest::sha256(der));
        let error = EnrollRequest::verify(csr, &identity, ChallengePassword::Ignore).unwrap_err();
        assert_eq!(error, Error::Pki(Pki::SignatureAlgorithmBroken));
    }
}

#[test]
fn the_requests_of_rfc_9148_verify() {
    let csr = || parse_csr(vector!("rfc9148/a2-sen-csr.der")).unwrap();
    assert_eq!(csr().1, Encoding::Der);
    let verified = csr().0.verify().unwrap();
    assert_eq!(verified.subject_serial_number(), Some(&serial_number("Wt1234")));
    assert!(verified.challenge_password().is_some() && verified.subject_alt_name_der().is_some());
    assert!(!verified.asks_for_ca());

    let identity = device_certificate(&signer(), &serial_number("Wt1234"), None);
    let enroll = |rule| EnrollRequest::verify(csr().0, &identity, rule);
    assert!(enroll(ChallengePassword::Ignore).is_ok());
    assert_eq!(enroll(ChallengePassword::Refuse).unwrap_err(), Error::CsrChallengePassword);

    let (keygen, _) = parse_csr(vector!("rfc9148/a3-skg-csr.der")).unwrap();
    assert_eq!(keygen.verify().unwrap().subject_text(), "O=skg example");
}

#[test]
fn the_certificates_of_both_rfcs_parse() {
    let count = |der: &[u8]| cms::parse_certs_only(der).map(|certificates| certificates.len());
    assert_eq!(count(vector!("rfc7030/a1-cacerts.p7.der")), Ok(4));
    assert_eq!(count(vector!("rfc7030/a3-enroll-resp.p7.der")), Ok(1));
    assert_eq!(count(vector!("rfc7030/a4-skg-resp.p7.der")), Ok(1));
    assert_eq!(count(vector!("rfc9148/a1-crts.p7.der")), Ok(1));
    assert_eq!(count(vector!("rfc9148/a2-sen-resp.p7.der")), Ok(1));
    assert_eq!(count(vector!("rfc9148/a3-skg-cert.p7.der")), Ok(1));
}

#[test]
fn the_answer_of_rfc_9148_certifies_the_key_of_its_request() {
    let key = parse_csr(vector!("rfc9148/a2-sen-csr.der")).unwrap().0.verify().unwrap();
    let answer = body::encode(vector!("rfc9148/a2-sen-resp.p7.der"));
    let issued = certs::read_issued(answer.as_bytes(), key.public_key()).unwrap();
    assert_eq!(issued.subject_serial_number(), Some(serial_number("Wt1234")));
}
