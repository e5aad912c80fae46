//! A message made field by field, each field bent in turn; each has its own refusal.

use pki::cose::{CERTIFICATES_MAX, CoseSign1, HEADER_PARAMETERS_MAX};
use pki::{Error, KeyAlgorithm};
use proto::cbor::Writer;

use crate::{World, world};

/// Writes an item.
fn item(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

/// Every field of the message; what a test does not bend is right.
struct Parts {
    world: World,
    tag: Option<u64>,
    protected: Vec<u8>,
    unprotected: Vec<u8>,
    payload: Vec<u8>,
    context: &'static str,
}

impl Parts {
    fn new() -> Self {
        Self {
            world: world(KeyAlgorithm::EcdsaP256),
            tag: Some(18),
            protected: vec![0xa1, 1, 0x26],
            unprotected: vec![0xa0],
            payload: item(|w| _ = w.bytes(b"payload")),
            context: "Signature1",
        }
    }

    fn octets(&self) -> Vec<u8> {
        let signed = item(|w| {
            w.array(4).text(self.context).bytes(&self.protected).bytes(&[]).raw(&self.payload);
        });
        let der = self.world.signer.sign(&signed).unwrap();
        let signature = raw(&der);
        item(|w| {
            if let Some(tag) = self.tag {
                w.tag(tag);
            }
            w.array(4).bytes(&self.protected).raw(&self.unprotected).raw(&self.payload).bytes(&signature);
        })
    }

    fn verdict(&self) -> Result<(), Error> {
        let message = CoseSign1::parse(self.octets())?;
        message.certificates()?;
        message.verify_with_key(self.world.signer.public_key()).map(|_| ())
    }

    fn error(&self) -> Error {
        self.verdict().unwrap_err()
    }
}

/// Turns the DER of two integers of P-256 into r and s.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut sides = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let mut side = vec![0; 32];
        side.extend_from_slice(&rest[2..2 + length]);
        sides.extend_from_slice(&side[side.len() - 32..]);
        rest = &rest[2 + length..];
    }
    sides
}

#[test]
fn an_unbent_message_passes_with_its_tag_and_without() {
    // RFC9052-2-tagged-or-not
    for tag in [Some(18), None] {
        assert_eq!(Parts { tag, ..Parts::new() }.verdict(), Ok(()));
    }
    for tag in [17, 61, 98] {
        assert_eq!(Parts { tag: Some(tag), ..Parts::new() }.error(), Error::CoseMalformed);
    }
}

#[test]
fn the_algorithm_stands_in_the_protected_header_or_nowhere() {
    // RFC9052-3-protected-algorithm
    let in_unprotected = vec![0xa1, 1, 0x26];
    for protected in [vec![], vec![0xa0], vec![0xa1, 4, 0x41, 1]] {
        let bent = Parts { protected, unprotected: in_unprotected.clone(), ..Parts::new() };
        assert_eq!(bent.error(), Error::CoseAlgorithmMissing);
    }
    assert_eq!(Parts { unprotected: in_unprotected, ..Parts::new() }.error(), Error::CoseHeaderInvalid);
}

#[test]
fn the_algorithm_is_one_of_ours_and_that_of_the_key() {
    // RFC9053-2-algorithm-fits-key
    for algorithm in [&[0x38, 35][..], &[5], &[0x39, 1, 0], b"\x65ES256", &[0xf6]] {
        let protected = [&[0xa1, 1][..], algorithm].concat();
        assert_eq!(Parts { protected, ..Parts::new() }.error(), Error::CoseAlgorithmUnsupported);
    }
    for algorithm in [&[0x27][..], &[0x38, 34]] {
        let protected = [&[0xa1, 1][..], algorithm].concat();
        assert_eq!(Parts { protected, ..Parts::new() }.error(), Error::SignatureKeyMismatch);
    }
}

#[test]
fn the_signature_is_over_the_structure_for_one_signer() {
    // RFC9052-4.4-sig-structure
    assert_eq!(Parts { context: "Signature", ..Parts::new() }.error(), Error::CoseSignatureInvalid);
    let mut octets = Parts::new().octets();
    octets.truncate(octets.len() - 66);
    for signature in [&[][..], &[0; 63], &[0; 64], &[0; 65]] {
        let world = world(KeyAlgorithm::EcdsaP256);
        let bent = [&octets[..], &item(|w| _ = w.bytes(signature))].concat();
        let verdict = CoseSign1::parse(bent).unwrap().verify_with_key(world.signer.public_key()).map(|_| ());
        assert_eq!(verdict, Err(Error::CoseSignatureInvalid), "{} octets", signature.len());
    }
}

#[test]
fn a_critical_parameter_must_be_known() {
    // RFC9052-3.1-critical
    let with = |critical: &[u8], more: &[u8]| {
        let pairs = 2 + u8::from(!more.is_empty());
        let protected = [&[0xa0 | pairs, 1, 0x26, 2][..], critical, more].concat();
        Parts { protected, ..Parts::new() }.verdict()
    };
    assert_eq!(with(&[0x81, 1], &[]), Ok(()));
    assert_eq!(with(&[0x81, 4], &[4, 0x41, 1]), Err(Error::CoseCriticalUnknown));
    assert_eq!(with(b"\x81\x61x", b"\x61x\x00"), Err(Error::CoseCriticalUnknown));
    assert_eq!(with(&[0x80], &[]), Err(Error::CoseHeaderInvalid));
    assert_eq!(with(&[1], &[]), Err(Error::CoseHeaderInvalid));
    let unprotected = vec![0xa1, 2, 0x81, 1];
    assert_eq!(Parts { unprotected, ..Parts::new() }.error(), Error::CoseHeaderInvalid);
}

#[test]
fn a_label_stands_once() {
    // RFC9052-3-labels-once
    let protected = vec![0xa2, 1, 0x26, 4, 0x41, 1];
    let unprotected = vec![0xa1, 4, 0x41, 1];
    assert_eq!(Parts { protected, unprotected, ..Parts::new() }.error(), Error::CoseHeaderInvalid);
    assert_eq!(
        Parts { protected: vec![0xa2, 1, 0x26, 1, 0x26], ..Parts::new() }.error(),
        Error::CoseMalformed
    );
    let unprotected = vec![0xa1, 0xf6, 0];
    assert_eq!(Parts { unprotected, ..Parts::new() }.error(), Error::CoseHeaderInvalid);
}

#[test]
fn headers_and_certificates_are_few() {
    let parameters = |count: usize| {
        let unprotected = item(|w| {
            w.map(count);
            for label in 0..count {
                w.unsigned(100 + u64::try_from(label).unwrap()).unsigned(0);
            }
        });
        Parts { unprotected, ..Parts::new() }.verdict()
    };
    assert_eq!(parameters(HEADER_PARAMETERS_MAX), Ok(()));
    assert_eq!(parameters(HEADER_PARAMETERS_MAX + 1), Err(Error::CoseHeaderInvalid));
    let bag = |count: usize| {
        let unprotected = item(|w| {
            w.map(1).unsigned(32).array(count);
            for number in 0..count {
                w.bytes(&[u8::try_from(number).unwrap()]);
            }
        });
        Parts { unprotected, ..Parts::new() }.error()
    };
    assert_eq!(bag(CERTIFICATES_MAX + 1), Error::CoseTooManyCertificates);
    assert_eq!(bag(1), Error::CertificateMalformed);
}

#[test]
fn a_bag_is_a_byte_string_or_an_array_of_them_and_is_looked_at_only_when_asked_for() {
    // RFC9360-2-one-or-array CBRSKI-9.2.2-ignore-bags
    let parts = Parts::new();
    let [own, ca] = [parts.world.chain[0].der(), parts.world.chain[1].der()];
    let good = [
        item(|w| _ = w.map(1).unsigned(32).bytes(own)),
        item(|w| _ = w.map(1).unsigned(32).array(1).bytes(own)),
        item(|w| _ = w.map(2).unsigned(33).array(2).bytes(own).bytes(ca).unsigned(32).bytes(own)),
    ];
    for (unprotected, count) in good.into_iter().zip([1, 1, 2]) {
        let message = CoseSign1::parse(Parts { unprotected, ..Parts::new() }.octets()).unwrap();
        assert_eq!(message.certificates().unwrap().len(), count);
    }
    for bag in [&[0x80][..], &[0], &[0x81, 0], &[0xa0], &[0xf6], &[0xd2, 0x40]] {
        let unprotected = [&[0xa1, 0x18, 32][..], bag].concat();
        let bent = Parts { unprotected, ..Parts::new() };
        assert_eq!(bent.error(), Error::CoseHeaderInvalid, "{bag:?}");
        let key = bent.world.signer.public_key();
        assert!(CoseSign1::parse(bent.octets()).unwrap().verify_with_key(key).is_ok());
    }
}

#[test]
fn what_is_stripped_is_only_certificates() {
    // CBRSKI-6.8-strip-bags
    let kid_and_bags = item(|w| {
        w.map(4)
            .unsigned(4)
            .bytes(&[9])
            .unsigned(32)
            .bytes(&[1])
            .unsigned(33)
            .bytes(&[2])
            .text("x")
            .unsigned(0);
    });
    for tag in [Some(18), None] {
        let parts = Parts { unprotected: kid_and_bags.clone(), tag, ..Parts::new() };
        let message = CoseSign1::parse(parts.octets()).unwrap();
        let message = message.verify_with_key(parts.world.signer.public_key()).unwrap();
        let stripped = message.without_certificates();
        let start = usize::from(tag.is_some());
        assert_eq!(stripped[start..start + 12], *b"\x84\x43\xa1\x01\x26\xa2\x04\x41\x09\x61x\x00");
        let again = CoseSign1::parse(stripped).unwrap();
        assert!(again.verify_with_key(parts.world.signer.public_key()).is_ok());
    }
}

#[test]
fn a_message_is_four_fields_of_the_right_kind() {
    assert_eq!(Parts { payload: vec![0xf6], ..Parts::new() }.error(), Error::CosePayloadMissing);
    for payload in [&[0][..], b"\x61x", &[0xa0]] {
        assert_eq!(Parts { payload: payload.to_vec(), ..Parts::new() }.error(), Error::CoseMalformed);
    }
    for unprotected in [&[0x40][..], &[0x80], &[0xf6]] {
        let unprotected = unprotected.to_vec();
        assert_eq!(Parts { unprotected, ..Parts::new() }.error(), Error::CoseMalformed);
    }
    for protected in [&[0x80][..], &[0xa1, 1], &[0xa1, 1, 0x26, 0]] {
        assert_eq!(Parts { protected: protected.to_vec(), ..Parts::new() }.error(), Error::CoseMalformed);
    }
    for octets in
        [&[][..], &[0xd2], &[0x84, 0x40, 0xa0, 0x40], &[0x83, 0x40, 0xa0, 0x40], &[0xd2, 0xd2, 0x80]]
    {
        assert_eq!(CoseSign1::parse(octets).map(|_| ()), Err(Error::CoseMalformed), "{octets:?}");
    }
}
