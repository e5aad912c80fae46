//! First certificates and renewals: what is checked, and what is refused by which code.

use crate::common::{SERIAL_NUMBER, device_certificate, received, serial_number, signer};
use pki::csr::{self, Request};
use pki::{Error as Pki, KeyKind, Subject};
use proto::{Class, Reason};
use proto_est::{
    ChallengePassword, EnrollRequest, Error, RenewalKind, RenewalRequest, body, check_key, parse_csr,
};

fn request(serial: &str) -> Request {
    Request::new(Subject::device(&serial_number(serial)))
}

/// Enrols the honest device with a request.
fn enroll(request: &Request, rule: ChallengePassword) -> Result<EnrollRequest, Error> {
    let identity = device_certificate(&signer(), &serial_number(SERIAL_NUMBER), None);
    EnrollRequest::verify(received(request, &signer()), &identity, rule)
}

#[test]
fn admits_a_request_of_the_device_that_opened_the_channel() {
    let enroll = enroll(&request(SERIAL_NUMBER), ChallengePassword::Refuse).unwrap();
    assert_eq!(enroll.serial_number().as_str(), SERIAL_NUMBER);
    assert_eq!(enroll.digest(), pki::digest::sha256(enroll.csr().der()));
    assert_eq!(enroll.public_key(), enroll.csr().public_key());
}

// RFC8995-5.9-csr-serial-number
#[test]
fn refuses_a_request_for_another_device_or_for_none() {
    let other = enroll(&request("J-0043"), ChallengePassword::Refuse).unwrap_err();
    assert_eq!((other.class(), other.code().as_str()), (Class::Untrusted, "csr-serial-number-mismatch"));
    let none = enroll(&Request::new(Subject::new(SERIAL_NUMBER)), ChallengePassword::Refuse).unwrap_err();
    assert_eq!(none, Error::CsrSerialNumberMissing);
}

// RFC7030-3.4-proof-of-possession
#[test]
fn refuses_a_request_that_its_key_did_not_sign() {
    let identity = device_certificate(&signer(), &serial_number(SERIAL_NUMBER), None);
    let mut der = csr::create(&request(SERIAL_NUMBER), &signer()).unwrap();
    let other = csr::create(&request(SERIAL_NUMBER), &signer()).unwrap();
    // The key of one request in the other: the subject stays, the signature no longer fits.
    let key_at = |der: &[u8]| der.windows(4).position(|bytes| bytes == [0x03, 0x42, 0x00, 0x04]).unwrap() + 4;
    let (from, to) = (key_at(&other), key_at(&der));
    der[to..to + 64].copy_from_slice(&other[from..from + 64]);
    let (stolen, _) = parse_csr(body::encode(&der).as_bytes()).unwrap();
    let error = EnrollRequest::verify(stolen, &identity, ChallengePassword::Ignore).unwrap_err();
    assert_eq!(error, Error::Pki(Pki::CsrSelfSignatureInvalid));
    assert_eq!((error.class(), error.code().as_str()), (Class::Untrusted, "csr-self-signature-invalid"));
}

// RFC7030-4.2.1-no-ca
#[test]
fn refuses_a_request_to_become_a_ca_by_a_code_of_its_own() {
    let error = enroll(&request(SERIAL_NUMBER).asking_for_ca(), ChallengePassword::Ignore).unwrap_err();
    assert_eq!((error.class(), error.code().as_str()), (Class::Refused, "csr-asks-for-ca"));
}

// RFC8995-5.9.2-request-as-indicated
#[test]
fn a_key_of_a_kind_that_the_domain_does_not_certify_is_refused() {
    let enroll = enroll(&request(SERIAL_NUMBER), ChallengePassword::Refuse).unwrap();
    assert_eq!(check_key(enroll.public_key(), &[KeyKind::Ed25519, KeyKind::P256]), Ok(()));
    let error = check_key(enroll.public_key(), &[KeyKind::P384, KeyKind::Rsa]).unwrap_err();
    assert_eq!((error.class(), error.code().as_str()), (Class::Refused, "csr-key-unwanted"));
}

// RFC7030-3.5-challenge-password
#[test]
fn a_challenge_password_is_refused_or_ignored_by_policy_and_never_believed() {
    let mut request = request(SERIAL_NUMBER);
    request.challenge_password = Some("dGxzLXVuaXF1ZQ==".to_owned());
    assert_eq!(enroll(&request, ChallengePassword::Refuse).unwrap_err(), Error::CsrChallengePassword);
    assert!(enroll(&request, ChallengePassword::Ignore).is_ok());
    assert_eq!(ChallengePassword::default(), ChallengePassword::Refuse);
}

// RFC7030-4.2.2-same-subject
// RFC7030-4.2.2-same-alt-name
#[test]
fn a_renewal_keeps_subject_and_alternative_name_octet_for_octet() {
    let key = signer();
    let present = device_certificate(&key, &serial_number(SERIAL_NUMBER), Some("pump.example"));
    let asked = |change: &dyn Fn(&mut Request)| {
        let request = Request { subject_der: Some(present.subject_der().to_vec()), ..Request::default() };
        let mut request = request.with_subject_alt_name(present.subject_alt_name_der().unwrap());
        change(&mut request);
        RenewalRequest::verify(received(&request, &key), &present, ChallengePassword::Refuse)
    };
    assert_eq!(asked(&|_| {}).unwrap().kind(), RenewalKind::Renew);

    let other_subject = asked(&|request| request.subject_der = Some(Subject::new("other").to_der().unwrap()));
    assert_eq!(other_subject.unwrap_err(), Error::RenewalSubjectChanged);
    let other_string_type = asked(&|request| {
        let mut der = present.subject_der().to_vec();
        let at = der.windows(2).rposition(|bytes| bytes == [0x0c, 6] || bytes == [0x13, 6]).unwrap();
        der[at] = if der[at] == 0x0c { 0x13 } else { 0x0c };
        request.subject_der = Some(der);
    });
    assert_eq!(other_string_type.unwrap_err(), Error::RenewalSubjectChanged);

    let without_name = asked(&|request| request.extensions.clear());
    assert_eq!(without_name.unwrap_err(), Error::RenewalAltNameChanged);
    let other_name = asked(&|request| *request.extensions[0].value.last_mut().unwrap() ^= 1);
    assert_eq!(other_name.unwrap_err(), Error::RenewalAltNameChanged);
}

#[test]
fn a_renewal_may_not_add_an_alternative_name() {
    let key = signer();
    let present = device_certificate(&key, &serial_number(SERIAL_NUMBER), None);
    let name = [&[0x30, 0x09, 0x82, 0x07][..], b"example"].concat();
    let request = request(SERIAL_NUMBER).with_subject_alt_name(&name);
    let result = RenewalRequest::verify(received(&request, &key), &present, ChallengePassword::Refuse);
    assert_eq!(result.unwrap_err(), Error::RenewalAltNameChanged);
}

#[test]
fn a_renewal_says_whether_the_key_stays() {
    let key = signer();
    let present = device_certificate(&key, &serial_number(SERIAL_NUMBER), None);
    for (key, kind) in [(key, RenewalKind::Renew), (signer(), RenewalKind::Rekey)] {
        let csr = received(&request(SERIAL_NUMBER), &key);
        let renewal = RenewalRequest::verify(csr, &present, ChallengePassword::Refuse).unwrap();
        assert_eq!(renewal.kind(), kind);
        assert_eq!(renewal.public_key(), key.public_key());
    }
}

#[test]
fn a_renewal_passes_the_checks_of_every_request() {
    let key = signer();
    let present = device_certificate(&key, &serial_number(SERIAL_NUMBER), None);
    let verify = |request: &Request| {
        RenewalRequest::verify(received(request, &key), &present, ChallengePassword::Refuse).unwrap_err()
    };
    assert_eq!(verify(&request(SERIAL_NUMBER).asking_for_ca()), Error::CsrAsksForCa);
    let mut with_password = request(SERIAL_NUMBER);
    with_password.challenge_password = Some("x".to_owned());
    assert_eq!(verify(&with_password), Error::CsrChallengePassword);
}

#[test]
fn refuses_bodies_that_hold_no_request() {
    let der = csr::create(&request(SERIAL_NUMBER), &signer()).unwrap();
    assert!(parse_csr(&der).is_ok(), "bare DER is taken");
    let cut = body::encode(&der[..der.len() - 1]);
    assert_eq!(parse_csr(cut.as_bytes()).unwrap_err(), Error::Pki(Pki::CsrMalformed));
    let longer = body::encode(&[&der[..], &[0]].concat());
    assert_eq!(parse_csr(longer.as_bytes()).unwrap_err(), Error::Pki(Pki::CsrMalformed));
    assert_eq!(parse_csr(b"{}").unwrap_err(), Error::BodyEncodingInvalid);
}
