//! OpenSSL as the judge of our signatures: it knows no COSE, but it knows ECDSA over the octets that RFC 9052 §4.4 names.

use pki::cose::sign;
use pki::{KeyAlgorithm, Signer};

use crate::common;

#[test]
fn openssl_verifies_the_structure_that_we_sign() {
    // RFC9052-4.4-sig-structure RFC9053-2.1-r-and-s
    let cases = [
        (KeyAlgorithm::EcdsaP256, "-sha256", &[0xa1, 1, 0x26][..], 32),
        (KeyAlgorithm::EcdsaP384, "-sha384", &[0xa1, 1, 0x38, 34], 48),
    ];
    for (algorithm, hash, protected, half) in cases {
        let signer = Signer::generate(algorithm).unwrap();
        let message = sign(b"payload", &signer).unwrap();
        let sides = message[message.len() - 2 * half..].split_at(half);
        let length = u8::try_from(protected.len()).unwrap();
        // Written by hand: ["Signature1", protected, h'', 'payload'].
        let signed = [b"\x84\x6aSignature1", &[0x40 | length][..], protected, b"\x40\x47payload"].concat();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str, content: &[u8]| common::write(directory.path(), name, content);
        let spki = pem::encode(&pem::Pem::new("PUBLIC KEY", signer.public_key().spki_der()));
        let (key, signed) = (at("key.pem", spki.as_bytes()), at("signed", &signed));
        let signature = at("signature", &der(sides));
        let arguments = ["dgst", hash, "-verify", &key, "-signature", &signature, &signed];
        let (is_ok, text) = common::openssl(&arguments);
        assert!(is_ok && text.contains("Verified OK"), "{algorithm}: {text}");
    }
}

/// Writes two integers in DER.
fn der((r, s): (&[u8], &[u8])) -> Vec<u8> {
    let integer = |side: &[u8]| {
        let digits: Vec<u8> = side.iter().copied().skip_while(|octet| *octet == 0).collect();
        let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
        let length = u8::try_from(sign.len() + digits.len()).unwrap();
        [&[2, length], sign, &digits].concat()
    };
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()], &both[..]].concat()
}
