//! The field that tells apart devices of equal serial number by who issued their IDevID.
//! Source: rfc8366bis §6.1 to §6.3; erratum 7263 of RFC 8995.
//! Invariants: comparison is by the key identifier inside, whichever of the forms in the wild carried it.

use pki::Certificate;
use proto::KeyId;

/// The octets of `idevid-issuer`.
///
/// We emit the whole extnValue: an OCTET STRING that holds an AuthorityKeyIdentifier (26 octets for a 20-octet key
/// identifier). We understand that, the bare AuthorityKeyIdentifier (24) and the bare key identifier (20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdevidIssuer(Vec<u8>);

impl IdevidIssuer {
    /// Wraps the octets of the leaf, of whatever form.
    #[must_use]
    pub const fn from_leaf(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// Makes the value for a device: its AuthorityKeyIdentifier extension, or without one the SHA-1 of the device's
    /// own public key in the same form, as rfc8366bis §6.1 rules.
    // RFC8366-6.1-idevid-issuer
    #[must_use]
    pub fn of(idevid: &Certificate) -> Self {
        match idevid.authority_key_id_extension() {
            Some(extension) => Self(wrap(0x04, extension)),
            None => Self::from_key_id(idevid.public_key().key_id()),
        }
    }

    /// Makes the value around a key identifier, as out-of-band records have it.
    #[must_use]
    pub fn from_key_id(key_id: &KeyId) -> Self {
        Self(wrap(0x04, &wrap(0x30, &wrap(0x80, key_id.as_bytes()))))
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the key identifier inside, or `None` when the value is of no form that we know.
    // RFC8366-6.3-idevid-issuer-forms
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        let sequence = unwrap_only(0x04, &self.0).unwrap_or(&self.0);
        let inside = unwrap_only(0x30, sequence).and_then(|fields| unwrap_first(0x80, fields));
        let bare = (self.0.len() == 20).then_some(self.0.as_slice());
        KeyId::new(inside.or(bare)?).ok()
    }

    /// Tells whether the value names the issuer of this IDevID.
    #[must_use]
    pub fn names_issuer_of(&self, idevid: &Certificate) -> bool {
        let expected = idevid.authority_key_id().unwrap_or_else(|| idevid.public_key().key_id());
        self.key_id().is_some_and(|key_id| key_id == *expected)
    }
}

/// Writes one DER element; longer content than a certificate's extension has does not occur.
fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let low = u8::try_from(length & 0xff).unwrap_or(u8::MAX);
    let high = u8::try_from(length >> 8).unwrap_or(u8::MAX);
    let mut der = vec![tag];
    match length {
        0..=127 => der.push(low),
        128..=255 => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    der.extend_from_slice(content);
    der
}

/// Reads the first DER element and returns (content, rest).
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    if *first == tag { rest.split_at_checked(length) } else { None }
}

fn unwrap_only(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).and_then(|(content, rest)| rest.is_empty().then_some(content))
}

fn unwrap_first(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).map(|(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_ID: [u8; 20] = [7; 20];

    #[test]
    fn emits_the_whole_octet_string_of_26_octets() {
        // RFC8366-6.1-idevid-issuer
        let issuer = IdevidIssuer::from_key_id(&KeyId::new(&KEY_ID).unwrap());
        assert_eq!(issuer.as_bytes().len(), 26);
        assert_eq!(issuer.as_bytes()[..6], [0x04, 0x18, 0x30, 0x16, 0x80, 0x14]);
    }

    #[test]
    fn understands_the_forms_of_26_24_and_20_octets() {
        // RFC8366-6.3-idevid-issuer-forms
        let whole = IdevidIssuer::from_key_id(&KeyId::new(&KEY_ID).unwrap());
        let forms = [whole.as_bytes(), &whole.as_bytes()[2..], &whole.as_bytes()[6..]];
        for form in forms {
            let issuer = IdevidIssuer::from_leaf(form.to_vec());
            assert_eq!(issuer.key_id(), KeyId::new(&KEY_ID).ok(), "{} octets", form.len());
        }
    }

    #[test]
    fn a_printable_name_or_noise_has_no_key_identifier() {
        for noise in [&b"O=Maker,CN=Issuing CA"[..], b"", &[0x04], &[0x30, 0x82], &[0x04, 0x02, 0x30, 0x05]] {
            assert_eq!(IdevidIssuer::from_leaf(noise.to_vec()).key_id(), None);
        }
    }

    #[test]
    fn keeps_an_extension_of_any_length_whole() {
        for length in [0, 127, 128, 255, 256, 5000] {
            let content = vec![1; length];
            assert_eq!(unwrap_only(0x04, &wrap(0x04, &content)), Some(content.as_slice()));
        }
    }
}
