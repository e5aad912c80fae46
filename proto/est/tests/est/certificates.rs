//! Certificates on their way to a client.

use crate::common::{device_certificate, domain, serial_number, signer};
use pki::cms;
use proto::{Class, Reason};
use proto_est::{Error, body, certs};

// RFC7030-4.1.3-ca-certs
#[test]
fn ca_certificates_go_out_from_the_issuer_up() {
    let (root, issuing) = domain();
    let path = [issuing.certificate().clone(), root.certificate().clone()];
    let answer = certs::ca_certs(&path, &[]).unwrap();
    assert!(answer.bytes().all(|b| b.is_ascii_graphic()));
    let read = certs::read_ca_certs(answer.as_bytes()).unwrap();
    let names: Vec<_> = read.iter().map(pki::Certificate::fingerprint).collect();
    assert_eq!(names, [path[0].fingerprint(), path[1].fingerprint()]);
}

// RFC7030-4.1.3-ca-certs
#[test]
fn ca_certificates_that_form_no_path_are_our_fault() {
    let (root, issuing) = domain();
    let (other, _) = domain();
    let leaf = device_certificate(&signer(), &serial_number("1"), None);
    let (root, issuing, other) = (root.certificate(), issuing.certificate(), other.certificate());
    let wrong_order = [root.clone(), issuing.clone()];
    assert_eq!(certs::ca_certs(&wrong_order, &[]), Err(Error::CaCertsInvalid));
    assert_eq!(certs::ca_certs(&[], std::slice::from_ref(root)), Err(Error::CaCertsInvalid));
    assert_eq!(certs::ca_certs(&[leaf], &[]), Err(Error::CaCertsInvalid));
    assert!(certs::ca_certs(&[issuing.clone(), root.clone()], std::slice::from_ref(other)).is_ok());
    assert_eq!(Error::CaCertsInvalid.class(), Class::Fault);
}

// RFC7030-4.2.3-only-the-issued
#[test]
fn an_issued_certificate_goes_out_alone_and_is_for_the_clients_key() {
    let key = signer();
    let certificate = device_certificate(&key, &serial_number("1"), None);
    let answer = certs::issued(&certificate).unwrap();
    let read = certs::read_issued(answer.as_bytes(), key.public_key()).unwrap();
    assert_eq!(read.fingerprint(), certificate.fingerprint());

    let other_key = certs::read_issued(answer.as_bytes(), signer().public_key());
    assert_eq!(other_key.unwrap_err(), Error::IssuedCertificateInvalid);
    let (root, _) = domain();
    let two = cms::certs_only(&[certificate, root.certificate().clone()]).unwrap();
    let two = certs::read_issued(body::encode(&two).as_bytes(), key.public_key());
    assert_eq!(two.unwrap_err(), Error::IssuedCertificateInvalid);
}

#[test]
fn an_answer_that_is_no_certs_only_message_is_malformed() {
    for answer in [&b"MAA="[..], b"MIIB", b"AAAA"] {
        assert_eq!(certs::read_ca_certs(answer).unwrap_err().class(), Class::Malformed, "{answer:?}");
    }
}
