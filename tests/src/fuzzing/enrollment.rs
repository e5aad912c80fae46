//! EST: bodies in base64, and the attributes of a request.

use proto::ContentFormat;
use proto_est::coap::multipart;
use proto_est::{CSR_ATTRS_BYTES_MAX, CSR_ATTRS_COUNT_MAX, CsrAttrs, body, certs, coap, parse_csr};

use super::pki::is_explained;
use super::world::WORLD;

/// Reads a body in each of the meanings that it can have on either side.
pub fn est_body(bytes: &[u8]) {
    match body::decode(bytes) {
        Ok((der, encoding)) => {
            assert!(der.len() <= body::BODY_BYTES_MAX);
            assert!(encoding == body::Encoding::Base64 || der == bytes, "bare DER is taken as it stands");
            let written = body::encode(&der);
            if !der.is_empty() && written.len() <= body::BODY_BYTES_MAX {
                assert_eq!(body::decode(written.as_bytes()), Ok((der, body::Encoding::Base64)));
            }
        }
        Err(error) => is_explained(&error),
    }
    let key = WORLD.idevid.public_key();
    if let Ok(certificate) = certs::read_issued(bytes, key) {
        assert_eq!(certificate.public_key(), key);
        let written = certs::issued(&certificate).expect("what was read can be written");
        assert_eq!(certs::read_issued(written.as_bytes(), key), Ok(certificate));
    }
    if let Ok(certificates) = certs::read_ca_certs(bytes) {
        assert!(!certificates.is_empty());
        if let Ok(written) = certs::ca_certs(&certificates, &[]) {
            assert_eq!(certs::read_ca_certs(written.as_bytes()), Ok(certificates));
        }
    }
    if let Err(error) = parse_csr(bytes) {
        is_explained(&error);
    }
    if let Err(error) = CsrAttrs::read(bytes) {
        is_explained(&error);
    }
}

/// Reads a body of EST over CoAP in each of the meanings that it can have on either side.
pub fn est_coap(bytes: &[u8]) {
    let key = WORLD.idevid.public_key();
    if let Ok(parts) = multipart::parse(bytes) {
        assert!(parts.len() <= multipart::PARTS_MAX);
        let written = multipart::write(&parts);
        assert_eq!(multipart::parse(&written), Ok(parts));
    }
    for format in [ContentFormat::PKCS7_CERTS_ONLY, ContentFormat::PKIX_CERT, ContentFormat::MULTIPART_CORE] {
        if let Ok(certificate) = coap::read_issued(format, bytes, key) {
            let written = coap::issued(format, &certificate).expect("what was read can be written");
            assert_eq!(coap::read_issued(format, &written, key), Ok(certificate));
        }
        match coap::read_ca_certs(format, bytes) {
            Ok(certificates) => assert!(!certificates.is_empty()),
            Err(error) => is_explained(&error),
        }
    }
    match coap::read_key_and_certificate(bytes) {
        Ok(made) => assert!(!made.certificate.der().is_empty()),
        Err(error) => is_explained(&error),
    }
    if let Err(error) = coap::parse_csr(bytes) {
        is_explained(&error);
    }
}

/// Reads the attributes that a server wants; what is written of them reads back.
pub fn csr_attrs(bytes: &[u8]) {
    let attributes = match CsrAttrs::from_der(bytes) {
        Ok(attributes) => attributes,
        Err(error) => return is_explained(&error),
    };
    assert!(bytes.len() <= CSR_ATTRS_BYTES_MAX && attributes.items().len() <= CSR_ATTRS_COUNT_MAX);
    std::hint::black_box(attributes.wanted_key());
    let written = attributes.to_der().expect("what was read can be written");
    assert_eq!(CsrAttrs::from_der(&written).as_ref(), Ok(&attributes));
    // A set that came unsorted is read, and goes out sorted.
    assert_eq!(written.len(), bytes.len(), "nothing is added or lost");
    let answer = attributes.write().expect("what was read can be written");
    assert_eq!(CsrAttrs::read(answer.as_bytes()), Ok(attributes));
}
