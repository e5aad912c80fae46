//! The attributes that a server wants in a request, and whether a request has them.
//! Source: RFC 7030 §4.5.2; RFC 8951 §4 corrects the ASN.1; RFC 8995 §5.9.2 has the registrar hold requests to them.
//! Does not: ask for names or extensions; those of a certificate come from policy.

use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use pki::{KeyKind, Oid, PublicKey};

use crate::{Error, body};

/// The most bytes of the attributes in DER; real ones have less than 200.
pub const CSR_ATTRS_BYTES_MAX: usize = 8 * 1024;

/// The most attributes.
pub const CSR_ATTRS_COUNT_MAX: usize = 64;

const EC_PUBLIC_KEY: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);
const SECP256R1: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
const SECP384R1: Oid = Oid::from_static(&[0x2b, 0x81, 0x04, 0x00, 0x22]);
const ECDSA_WITH_SHA256: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);
const ECDSA_WITH_SHA384: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]);
const RSA_ENCRYPTION: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]);
const SHA256_WITH_RSA: Oid = Oid::from_static(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
const ED25519: Oid = Oid::from_static(&[0x2b, 0x65, 0x70]);

/// The attributes wanted, in the server's order: `CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsrAttrs {
    items: Vec<AttrOrOid>,
}

/// One thing wanted: `AttrOrOID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttrOrOid {
    /// An attribute, an algorithm or an extension, of any value.
    Oid(Oid),
    /// An attribute with the values from which to choose.
    Attribute {
        /// Its type.
        oid: Oid,
        /// Its values, each in DER, in the order of a DER SET OF.
        values: Vec<Vec<u8>>,
    },
}

/// An attribute as it is written. The OID is kept as it stands: `der`'s own type for one cannot hold 2.999, which
/// RFC 7030 appendix A.2 has.
#[derive(Sequence)]
struct Attribute {
    oid: Any,
    values: SetOfVec<Any>,
}

impl CsrAttrs {
    /// Asks for a key of this kind and for the signature that goes with it; challengePassword is not asked for.
    ///
    /// # Errors
    /// [`Error::CsrAttrsMalformed`], never in practice.
    pub fn for_key(kind: KeyKind) -> Result<Self, Error> {
        let items = match kind {
            KeyKind::P256 => vec![curve(&SECP256R1)?, AttrOrOid::Oid(ECDSA_WITH_SHA256)],
            KeyKind::P384 => vec![curve(&SECP384R1)?, AttrOrOid::Oid(ECDSA_WITH_SHA384)],
            KeyKind::Ed25519 => vec![AttrOrOid::Oid(ED25519)],
            KeyKind::Rsa => vec![AttrOrOid::Oid(RSA_ENCRYPTION), AttrOrOid::Oid(SHA256_WITH_RSA)],
        };
        Ok(Self { items })
    }

    /// Reads the attributes in DER.
    ///
    /// # Errors
    /// [`Error::CsrAttrsMalformed`] (`Malformed`), also when they are too many.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > CSR_ATTRS_BYTES_MAX {
            return Err(Error::CsrAttrsMalformed);
        }
        // RFC7030-4.5.2-csr-attrs
        let items = Vec::<Any>::from_der(bytes).map_err(|_| Error::CsrAttrsMalformed)?;
        if items.len() > CSR_ATTRS_COUNT_MAX {
            return Err(Error::CsrAttrsMalformed);
        }
        let items: Option<Vec<AttrOrOid>> = items.iter().map(AttrOrOid::read).collect();
        items.map(|items| Self { items }).ok_or(Error::CsrAttrsMalformed)
    }

    /// Writes the attributes in DER.
    ///
    /// # Errors
    /// [`Error::CsrAttrsMalformed`] when they are too long for a DER length.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let items: Option<Vec<Any>> = self.items.iter().map(AttrOrOid::written).collect();
        items.and_then(|items| items.to_der().ok()).ok_or(Error::CsrAttrsMalformed)
    }

    /// Reads an answer to csrattrs, as a client.
    ///
    /// # Errors
    /// Those of [`body::decode`] and [`CsrAttrs::from_der`].
    pub fn read(answer: &[u8]) -> Result<Self, Error> {
        Self::from_der(&body::decode(answer)?.0)
    }

    /// Writes the answer to csrattrs.
    ///
    /// # Errors
    /// As [`CsrAttrs::to_der`].
    pub fn write(&self) -> Result<String, Error> {
        Ok(body::encode(&self.to_der()?))
    }

    /// Tells which kind of key is wanted: the first that we know of.
    #[must_use]
    pub fn wanted_key(&self) -> Option<KeyKind> {
        self.items.iter().find_map(AttrOrOid::key_kind)
    }

    /// Lists what is wanted, in the server's order.
    #[must_use]
    pub fn items(&self) -> &[AttrOrOid] {
        &self.items
    }
}

impl FromIterator<AttrOrOid> for CsrAttrs {
    fn from_iter<I: IntoIterator<Item = AttrOrOid>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

impl AttrOrOid {
    fn read(item: &Any) -> Option<Self> {
        if item.tag() != Tag::Sequence {
            return oid(item).map(Self::Oid);
        }
        let attribute = Attribute::from_der(&item.to_der().ok()?).ok()?;
        let values: Result<Vec<_>, _> = attribute.values.iter().map(Any::to_der).collect();
        Some(Self::Attribute { oid: oid(&attribute.oid)?, values: values.ok()? })
    }

    fn key_kind(&self) -> Option<KeyKind> {
        match self {
            Self::Oid(oid) if *oid == ED25519 => Some(KeyKind::Ed25519),
            Self::Oid(oid) | Self::Attribute { oid, .. } if *oid == RSA_ENCRYPTION => Some(KeyKind::Rsa),
            Self::Attribute { oid, values } if *oid == EC_PUBLIC_KEY => {
                values.iter().find_map(|value| match value.get(2..)? {
                    curve if curve == SECP256R1.as_bytes() => Some(KeyKind::P256),
                    curve if curve == SECP384R1.as_bytes() => Some(KeyKind::P384),
                    _ => None,
                })
            }
            Self::Oid(_) | Self::Attribute { .. } => None,
        }
    }

    fn written(&self) -> Option<Any> {
        match self {
            Self::Oid(oid) => Any::new(Tag::ObjectIdentifier, oid.as_bytes()).ok(),
            Self::Attribute { oid, values } => {
                let values: Result<Vec<Any>, _> = values.iter().map(|value| Any::from_der(value)).collect();
                let oid = Any::new(Tag::ObjectIdentifier, oid.as_bytes()).ok()?;
                let attribute = Attribute { oid, values: SetOfVec::try_from(values.ok()?).ok()? };
                Any::from_der(&attribute.to_der().ok()?).ok()
            }
        }
    }
}

/// Holds the key of a request against the kinds that the server takes, the one that it asks for among them.
///
/// # Errors
/// [`Error::CsrKeyUnwanted`] (`Refused`).
pub fn check_key(key: &PublicKey, wanted: &[KeyKind]) -> Result<(), Error> {
    // RFC8995-5.9.2-request-as-indicated
    if wanted.contains(&key.kind()) { Ok(()) } else { Err(Error::CsrKeyUnwanted) }
}

fn oid(item: &Any) -> Option<Oid> {
    if item.tag() == Tag::ObjectIdentifier { Oid::new(item.value()).ok() } else { None }
}

/// Asks for a key on a curve, as RFC 8951 and RFC 9908 have it: the key's algorithm with the curve as its value.
fn curve(curve: &Oid) -> Result<AttrOrOid, Error> {
    let value = Any::new(Tag::ObjectIdentifier, curve.as_bytes()).and_then(|value| value.to_der());
    let values = vec![value.map_err(|_| Error::CsrAttrsMalformed)?];
    Ok(AttrOrOid::Attribute { oid: EC_PUBLIC_KEY, values })
}
