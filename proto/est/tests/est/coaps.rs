//! EST over CoAPS: bodies in each Content-Format, and RFC 9148 appendix A.

use crate::common::{device_certificate, domain, serial_number, signer};
use pki::{Certificate, Secret, cms};
use proto::{Class, ContentFormat as F, Reason};
use proto_est::coap::multipart::{self, Part};
use proto_est::coap::{self, Resource};
use proto_est::{ChallengePassword, CsrAttrs, EnrollRequest, Error};

macro_rules! vector {
    ($path:literal) => {
        &include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/rfc9148/", $path))[..]
    };
}

/// The PKCS#7 of the RFC holds an empty set of CRLs (RFC 5652 §5.1 has it optional), which we leave out: two octets less,
/// and two lengths with them. All else is the same.
fn is_same_but_for_empty_crls(ours: &[u8], theirs: &[u8]) -> bool {
    let at = theirs.len() - 4;
    ours.len() + 2 == theirs.len()
        && theirs[at..] == [0xa1, 0, 0x31, 0]
        && ours.ends_with(&[0x31, 0])
        && ours[23..ours.len() - 2] == theirs[23..at]
}

#[test]
fn the_ca_certificates_of_the_rfc_are_read_and_written() {
    // RFC9148-5.3-binary
    let vector = vector!("a1-crts.p7.der");
    let read = coap::read_ca_certs(F::PKCS7_CERTS_ONLY, vector).unwrap();
    assert_eq!(read.len(), 1);
    let written = coap::ca_certs(F::PKCS7_CERTS_ONLY, &read, &[]).unwrap();
    assert!(is_same_but_for_empty_crls(&written, vector));
}

#[test]
fn the_enrolment_of_the_rfc_is_read_and_its_answer_written() {
    // RFC9148-5.3-binary
    let csr = coap::parse_csr(vector!("a2-sen-csr.der")).unwrap();
    let identity = device_certificate(&signer(), &serial_number("Wt1234"), None);
    let request = EnrollRequest::verify(csr, &identity, ChallengePassword::Ignore).unwrap();
    let vector = vector!("a2-sen-resp.p7.der");
    let issued = coap::read_issued(F::PKCS7_CERTS_ONLY, vector, request.public_key()).unwrap();
    let written = coap::issued(F::PKCS7_CERTS_ONLY, &issued).unwrap();
    assert!(is_same_but_for_empty_crls(&written, vector));
}

#[test]
fn the_server_made_key_of_the_rfc_is_read_and_written_octet_for_octet() {
    // RFC9148-5.8-key-and-certificate RFC8710-2-alternating
    let vector = vector!("a3-skg-resp.multipart.cbor");
    let parts = multipart::parse(vector).unwrap();
    let (key, certificate) = (vector!("a3-skg-key.pkcs8.der"), vector!("a3-skg-cert.p7.der"));
    let expected =
        [Part { format: F::PKCS8, body: key }, Part { format: F::PKCS7_CERTS_ONLY, body: certificate }];
    assert_eq!(parts, expected);
    assert_eq!(multipart::write(&parts), vector);
    let read = coap::read_key_and_certificate(vector).unwrap();
    assert_eq!(read.pkcs8.expose(), key);
    let ours = coap::key_and_certificate(Resource::Skg, &read.pkcs8, &read.certificate).unwrap();
    let ours = multipart::parse(ours.expose()).unwrap();
    assert_eq!(ours[0], expected[0]);
    assert_eq!(ours[1].format, F::PKCS7_CERTS_ONLY);
    let theirs = cms::parse_certs_only(certificate).unwrap();
    assert_eq!(cms::parse_certs_only(ours[1].body).unwrap(), theirs);
    assert!(coap::parse_csr(vector!("a3-skg-csr.der")).is_ok());
}

#[test]
fn the_attributes_of_the_rfc_are_read_and_written_octet_for_octet() {
    // RFC7030-4.5.2-csr-attrs
    let vector = vector!("a4-att.csrattrs.der");
    assert_eq!(coap::csr_attrs(&CsrAttrs::from_der(vector).unwrap()).unwrap(), vector);
}

#[test]
fn ca_certificates_go_out_in_every_format_from_the_issuer_up() {
    // CBRSKI-6.7.5-hierarchy-order CBRSKI-6.8-single-ca
    let (root, issuing) = domain();
    let path = [issuing.certificate().clone(), root.certificate().clone()];
    let multipart = coap::ca_certs(F::MULTIPART_CORE, &path, &[]).unwrap();
    // Four items: two certificates, each with its format.
    assert_eq!(multipart[..4], [0x84, 0x19, 0x01, 0x1f]);
    assert_eq!(coap::read_ca_certs(F::MULTIPART_CORE, &multipart).unwrap(), path);
    let certs_only = coap::ca_certs(F::PKCS7_CERTS_ONLY, &path, &[]).unwrap();
    assert_eq!(coap::read_ca_certs(F::PKCS7_CERTS_ONLY, &certs_only).unwrap(), path);
    let single = coap::ca_certs(F::PKIX_CERT, &path, &[]).unwrap();
    assert_eq!(single, path[0].der());
    assert_eq!(coap::read_ca_certs(F::PKIX_CERT, &single).unwrap(), path[..1]);
}

#[test]
fn a_change_of_root_is_not_told_in_one_certificate() {
    // CBRSKI-6.8-single-ca
    let ((root, issuing), (next, _)) = (domain(), domain());
    let path = [issuing.certificate().clone(), root.certificate().clone()];
    let rollover = [next.certificate().clone()];
    let error = coap::ca_certs(F::PKIX_CERT, &path, &rollover).unwrap_err();
    assert_eq!((error.class(), error), (Class::Unsupported, Error::AcceptUnsupported));
    let all = coap::ca_certs(F::MULTIPART_CORE, &path, &rollover).unwrap();
    assert_eq!(coap::read_ca_certs(F::MULTIPART_CORE, &all).unwrap().len(), 3);
    assert_eq!(coap::ca_certs(F::CBOR, &path, &[]), Err(Error::AcceptUnsupported));
    assert_eq!(coap::ca_certs(F::MULTIPART_CORE, &path[1..], &path[..0]).map(|body| body[0]), Ok(0x82));
    assert_eq!(coap::ca_certs(F::MULTIPART_CORE, &[], &[]), Err(Error::CaCertsInvalid));
}

#[test]
fn an_issued_certificate_goes_out_alone_in_both_formats() {
    // RFC7030-4.2.3-only-the-issued RFC9148-5.3-binary
    let key = signer();
    let certificate = device_certificate(&key, &serial_number("1"), None);
    for format in [F::PKCS7_CERTS_ONLY, F::PKIX_CERT] {
        let body = coap::issued(format, &certificate).unwrap();
        assert_eq!(body[0], 0x30);
        assert_eq!(coap::read_issued(format, &body, key.public_key()).unwrap(), certificate);
        let other = coap::read_issued(format, &body, signer().public_key()).unwrap_err();
        assert_eq!(other, Error::IssuedCertificateInvalid);
        let error = coap::read_issued(F::MULTIPART_CORE, &body, key.public_key()).unwrap_err();
        assert_eq!(error, Error::MediaTypeUnsupported);
    }
    assert_eq!(coap::issued(F::MULTIPART_CORE, &certificate), Err(Error::AcceptUnsupported));
}

#[test]
fn a_key_comes_with_its_certificate_in_any_order_and_once() {
    // RFC9148-5.8-any-order
    let key = signer();
    let certificate = device_certificate(&key, &serial_number("1"), None);
    let pkcs8 = Secret::new(b"a key".to_vec());
    let body = coap::key_and_certificate(Resource::Skc, &pkcs8, &certificate).unwrap();
    let mut parts = multipart::parse(body.expose()).unwrap();
    assert_eq!(parts[1], Part { format: F::PKIX_CERT, body: certificate.der() });
    parts.reverse();
    let read = coap::read_key_and_certificate(&multipart::write(&parts)).unwrap();
    assert_eq!((read.pkcs8, &read.certificate), (Secret::new(b"a key".to_vec()), &certificate));
    for bad in [&parts[..1], &parts[1..], &[], &[parts[0], parts[0]], &[parts[0], parts[1], parts[1]]] {
        let error = coap::read_key_and_certificate(&multipart::write(bad)).unwrap_err();
        assert_eq!(error, Error::MultipartMalformed);
    }
    let encrypted = [Part { format: F::PKCS7_SERVER_GENERATED_KEY, body: b"x" }, parts[0]];
    let error = coap::read_key_and_certificate(&multipart::write(&encrypted)).unwrap_err();
    assert_eq!(error, Error::ServerKeyEncrypted);
    for resource in [Resource::Crts, Resource::Sen, Resource::Sren, Resource::Att] {
        assert!(coap::key_and_certificate(resource, &pkcs8, &certificate).is_err());
    }
}

#[test]
fn parts_that_are_no_certificates_are_passed_over_in_crts() {
    let (root, _) = domain();
    let parts =
        [Part { format: F::CBOR, body: &[0] }, Part { format: F::PKIX_CERT, body: root.certificate().der() }];
    let read = coap::read_ca_certs(F::MULTIPART_CORE, &multipart::write(&parts)).unwrap();
    assert_eq!(read, std::slice::from_ref(root.certificate()));
    let none = coap::read_ca_certs(F::MULTIPART_CORE, &multipart::write(&parts[..1])).unwrap_err();
    assert_eq!(none, Error::CaCertsInvalid);
}

#[test]
fn base64_is_not_der() {
    // RFC9148-5.3-binary
    let base64 = proto_est::body::encode(vector!("a2-sen-csr.der"));
    assert!(matches!(coap::parse_csr(base64.as_bytes()), Err(Error::Pki(_))));
    assert!(matches!(coap::parse_csr(&[]), Err(Error::BodyEmpty)));
    assert!(Certificate::parse(base64.as_bytes()).is_err());
}
