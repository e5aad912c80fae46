//! The attributes that a server wants in a request.
//! Source: RFC 7030 §4.5.2; RFC 8951 §3.2 corrects the ASN.1.
//! Does not: oblige anybody; a client may ignore them, and the certificate is made by policy all the same.

use der::asn1::{Any, ObjectIdentifier, SetOfVec};
use der::{Choice, Decode, Encode, Sequence};
use pki::KeyAlgorithm;

use crate::{Error, body};

/// The most bytes of the attributes in DER; real ones have less than 200.
pub const CSR_ATTRS_BYTES_MAX: usize = 8 * 1024;

/// The most attributes.
pub const CSR_ATTRS_COUNT_MAX: usize = 64;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The attributes wanted, in the server's order: `CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsrAttrs {
    items: Vec<AttrOrOid>,
}

/// One thing wanted: `AttrOrOID`.
#[derive(Clone, Debug, PartialEq, Eq, Choice)]
pub enum AttrOrOid {
    /// An attribute, an algorithm or an extension, of any value.
    Oid(ObjectIdentifier),
    /// An attribute of these values.
    Attribute(Attribute),
}

/// An attribute with the values from which to choose.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Attribute {
    /// Its type.
    pub oid: ObjectIdentifier,
    /// Its values.
    pub values: SetOfVec<Any>,
}

impl CsrAttrs {
    /// Asks for a key of this kind and for the signature that goes with it; challengePassword is not asked for.
    ///
    /// # Errors
    /// [`Error::CsrAttrsMalformed`], never in practice.
    pub fn for_key(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let items = match algorithm {
            KeyAlgorithm::EcdsaP256 => vec![curve(SECP256R1)?, AttrOrOid::Oid(ECDSA_WITH_SHA256)],
            KeyAlgorithm::EcdsaP384 => vec![curve(SECP384R1)?, AttrOrOid::Oid(ECDSA_WITH_SHA384)],
            KeyAlgorithm::Ed25519 => vec![AttrOrOid::Oid(ED25519)],
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
        let items = Vec::<AttrOrOid>::from_der(bytes).map_err(|_| Error::CsrAttrsMalformed)?;
        if items.len() > CSR_ATTRS_COUNT_MAX { Err(Error::CsrAttrsMalformed) } else { Ok(Self { items }) }
    }

    /// Writes the attributes in DER.
    ///
    /// # Errors
    /// [`Error::CsrAttrsMalformed`] when they are too long for a DER length.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        self.items.to_der().map_err(|_| Error::CsrAttrsMalformed)
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

/// Asks for a key on a curve, as RFC 8951 and RFC 9908 have it: the key's algorithm with the curve as its value.
fn curve(curve: ObjectIdentifier) -> Result<AttrOrOid, Error> {
    let value = Any::encode_from(&curve).map_err(|_| Error::CsrAttrsMalformed)?;
    let values = SetOfVec::try_from(vec![value]).map_err(|_| Error::CsrAttrsMalformed)?;
    Ok(AttrOrOid::Attribute(Attribute { oid: EC_PUBLIC_KEY, values }))
}
