//! CBOR and COSE, as constrained devices send them.

use std::sync::LazyLock;

use ciborium::Value as Theirs;
use pki::cose::{CERTIFICATES_MAX, CoseSign1};
use pki::{PublicKey, Secret, Signer};
use proto::cbor::{self, InvalidCbor, Item, Limits, Value, Writer};

use super::pki::is_explained;
use super::world::WORLD;

/// Those that the reader of COSE has.
const LIMITS: Limits = Limits { depth_max: 8, items_max: 256 };

/// Reads CBOR; ciborium must see the same, and what is written of it reads back.
pub fn cbor(bytes: &[u8]) {
    let mut rest = bytes;
    let judged: Result<Theirs, _> = ciborium::from_reader(&mut rest);
    let item = match cbor::parse(bytes, LIMITS) {
        Ok(item) => item,
        // Theirs reads strings of indefinite length, two octets for a simple value below 32 (which RFC 8949 §3.3 forbids),
        // and leaves what follows the first item.
        Err(InvalidCbor::Malformed) => {
            let is_lax = |pair: &[u8]| matches!(pair, [0x5f | 0x7f, _] | [0xf8, 0..32]);
            let may_be_theirs = bytes.windows(2).any(is_lax) || !rest.is_empty();
            return assert!(judged.is_err() || may_be_theirs);
        }
        Err(InvalidCbor::TooComplex | InvalidCbor::DuplicateKey) => return,
    };
    assert_eq!(item.octets, bytes, "the item is the whole input");
    if let Some(ours) = as_theirs(&item) {
        assert_eq!(judged.ok(), Some(ours), "two readers see the same");
    }
    let mut writer = Writer::new();
    write(&item, &mut writer);
    let written = writer.into_bytes();
    assert!(written.len() <= bytes.len(), "heads are the shortest");
    assert_eq!(cbor::parse(&written, LIMITS).as_ref(), Ok(&item));
}

/// Says the same in the words of ciborium; `None` for what it reads in a way of its own: floats, bignums.
fn as_theirs(item: &Item<'_>) -> Option<Theirs> {
    Some(match &item.value {
        Value::Unsigned(number) => Theirs::from(*number),
        Value::Negative(number) => Theirs::Integer((-1 - i128::from(*number)).try_into().ok()?),
        Value::Bytes(bytes) => Theirs::Bytes(bytes.to_vec()),
        Value::Text(text) => Theirs::Text((*text).to_owned()),
        Value::Array(items) => Theirs::Array(items.iter().map(as_theirs).collect::<Option<_>>()?),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Item<'_>, Item<'_>)| Some((as_theirs(key)?, as_theirs(value)?));
            Theirs::Map(pairs.iter().map(pair).collect::<Option<_>>()?)
        }
        Value::Tag(2 | 3, _) | Value::Other => return None,
        Value::Tag(tag, inner) => Theirs::Tag(*tag, Box::new(as_theirs(inner)?)),
        Value::Bool(value) => Theirs::Bool(*value),
        Value::Null => Theirs::Null,
    })
}

fn write(item: &Item<'_>, writer: &mut Writer) {
    match &item.value {
        Value::Unsigned(number) => _ = writer.unsigned(*number),
        Value::Bytes(bytes) => _ = writer.bytes(bytes),
        Value::Text(text) => _ = writer.text(text),
        Value::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| write(item, writer));
        }
        Value::Map(pairs) => {
            writer.map(pairs.len());
            for (key, value) in pairs {
                write(key, writer);
                write(value, writer);
            }
        }
        Value::Tag(tag, inner) => write(inner, writer.tag(*tag)),
        Value::Bool(value) => _ = writer.boolean(*value),
        Value::Negative(_) | Value::Null | Value::Other => _ = writer.raw(item.octets),
    }
}

/// Reads a COSE_Sign1; what its signers did not sign does not verify, and a stranger's key verifies nothing.
pub fn cose(bytes: &[u8]) {
    let signed = match CoseSign1::parse(bytes) {
        Ok(signed) => signed,
        Err(error) => return is_explained(&error),
    };
    assert_eq!(signed.as_bytes(), bytes);
    let certificates = signed.certificates().unwrap_or_default();
    assert!(certificates.len() <= CERTIFICATES_MAX);
    std::hint::black_box(signed.find_signer(&certificates).is_some());
    let stranger = WORLD.stranger.certificate();
    assert_eq!(signed.find_signer([stranger]), None);
    assert!(signed.clone().verify_with_key(stranger.public_key()).is_err());
    for (key, payloads) in &*SIGNED {
        let Ok(verified) = signed.clone().verify_with_key(key) else { continue };
        assert!(payloads.iter().any(|payload| payload == verified.payload()), "this was not signed");
        let stripped = verified.without_certificates();
        let again = CoseSign1::parse(stripped.as_slice()).expect("a stripped message is read");
        assert!(stripped.len() <= bytes.len());
        assert_eq!(again.verify_with_key(key).expect("it is signed still").payload(), verified.payload());
    }
}

macro_rules! examples {
    ($name:literal) => {
        include_str!(concat!("../../vectors/cbrski-constrained-voucher/examples/", $name))
    };
}

/// What each party of the draft's examples signed.
static SIGNED: LazyLock<Vec<(PublicKey, Vec<Vec<u8>>)>> = LazyLock::new(|| {
    let signer = |pem: &str| {
        Signer::from_pkcs8_pem(&Secret::new(pem.to_owned()))
            .expect("a key of the vectors")
            .public_key()
            .clone()
    };
    let payload = |hex: &str| {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let text =
            |pair: &[u8]| core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let octets: Vec<u8> = digits.chunks(2).filter_map(text).collect();
        CoseSign1::parse(octets).expect("a message of the vectors").unverified_payload().to_vec()
    };
    vec![
        (
            signer(examples!("script-cose-examples/keys/privkey_pledge.pem")),
            vec![
                payload(examples!("cose-examples/pvr.hex")),
                payload(examples!("script-cose-examples/cose-hex/pvr.hex")),
            ],
        ),
        (
            signer(examples!("script-cose-examples/keys/privkey_registrar.pem")),
            vec![
                payload(examples!("cose-examples/rvr.hex")),
                payload(examples!("script-cose-examples/cose-hex/rvr.hex")),
            ],
        ),
        (
            signer(examples!("script-cose-examples/keys/privkey_masa_ca.pem")),
            vec![
                payload(examples!("cose-examples/voucher.hex")),
                payload(examples!("script-cose-examples/cose-hex/voucher.hex")),
            ],
        ),
    ]
});
