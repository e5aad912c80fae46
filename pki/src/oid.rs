//! Object identifiers: their type and those that this house knows by name.
//! Source: X.660, X.690 §8.19; the registries are cited at each constant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The most content octets of an object identifier that we read; real ones have fewer than 20.
pub const OID_BYTES_MAX: usize = 64;

/// An object identifier: the content octets of its DER.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(Cow<'static, [u8]>);

impl Oid {
    /// Names a known identifier by its content octets.
    #[must_use]
    pub const fn from_static(content: &'static [u8]) -> Self {
        Self(Cow::Borrowed(content))
    }

    /// Reads the content octets, as they stand in DER.
    ///
    /// # Errors
    /// [`Error::OidMalformed`] (`Malformed`) when they are none, too many, or do not end an arc.
    pub fn new(content: &[u8]) -> Result<Self, Error> {
        let ends = content.last().is_some_and(|b| *b < 0x80);
        let is_minimal =
            content.first() != Some(&0x80) && !content.windows(2).any(|w| matches!(w, [0..0x80, 0x80]));
        if ends && is_minimal && content.len() <= OID_BYTES_MAX {
            Ok(Self(Cow::Owned(content.to_vec())))
        } else {
            Err(Error::OidMalformed)
        }
    }

    /// Returns the content octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the arcs, `None` when one of them is wider than 64 bits (as in UUID-based identifiers).
    #[must_use]
    pub fn arcs(&self) -> Option<Vec<u64>> {
        let mut arcs = Vec::with_capacity(12);
        let mut arc: u64 = 0;
        for byte in self.0.iter() {
            arc = arc.checked_mul(128)? | u64::from(byte & 0x7f);
            if *byte < 0x80 {
                if arcs.is_empty() {
                    let root = (arc / 40).min(2);
                    arcs.push(root);
                    arc -= root * 40;
                }
                arcs.push(arc);
                arc = 0;
            }
        }
        Some(arcs)
    }
}

impl fmt::Display for Oid {
    /// Writes the dotted form, or the octets in hex when an arc is wider than 64 bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(arcs) = self.arcs() else {
            return self.0.iter().try_for_each(|b| write!(f, "{b:02x}"));
        };
        for (i, arc) in arcs.iter().enumerate() {
            write!(f, "{}{arc}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl FromStr for Oid {
    type Err = Error;

    /// Reads the dotted form.
    fn from_str(text: &str) -> Result<Self, Error> {
        let arcs: Vec<u64> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| Error::OidMalformed)?;
        let [root, second, rest @ ..] = arcs.as_slice() else { return Err(Error::OidMalformed) };
        if *root > 2 || (*root < 2 && *second > 39) {
            return Err(Error::OidMalformed);
        }
        let first = second.checked_add(root * 40).ok_or(Error::OidMalformed)?;
        let mut content = Vec::new();
        for arc in core::iter::once(&first).chain(rest) {
            push_arc(&mut content, *arc);
        }
        Self::new(&content)
    }
}

fn push_arc(content: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let bits = arc >> (group * 7) & 0x7f;
        let more = if group == 0 { 0 } else { 0x80 };
        content.push(u8::try_from(bits).unwrap_or_default() | more);
    }
}

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $content:expr;)*) => {
        $($(#[$doc])* pub const $name: Oid = Oid::from_static($content);)*
    };
}

oids! {
    /// commonName (X.520; RFC 5280 appendix A.1).
    COMMON_NAME = &[0x55, 4, 3];
    /// serialNumber of a subject, X520SerialNumber (RFC 5280 appendix A.1).
    SERIAL_NUMBER = &[0x55, 4, 5];
    /// localityName (X.520).
    LOCALITY = &[0x55, 4, 7];
    /// organizationName (X.520).
    ORGANIZATION = &[0x55, 4, 10];
    /// organizationalUnitName (X.520).
    ORGANIZATIONAL_UNIT = &[0x55, 4, 11];
    /// subjectKeyIdentifier (RFC 5280 §4.2.1.2).
    SUBJECT_KEY_ID = &[0x55, 0x1d, 14];
    /// keyUsage (RFC 5280 §4.2.1.3).
    KEY_USAGE = &[0x55, 0x1d, 15];
    /// subjectAltName (RFC 5280 §4.2.1.6).
    SUBJECT_ALT_NAME = &[0x55, 0x1d, 17];
    /// basicConstraints (RFC 5280 §4.2.1.9).
    BASIC_CONSTRAINTS = &[0x55, 0x1d, 19];
    /// cRLNumber (RFC 5280 §5.2.3).
    CRL_NUMBER = &[0x55, 0x1d, 20];
    /// reasonCode of a CRL entry (RFC 5280 §5.3.1).
    CRL_REASON = &[0x55, 0x1d, 21];
    /// invalidityDate of a CRL entry (RFC 5280 §5.3.2).
    INVALIDITY_DATE = &[0x55, 0x1d, 24];
    /// nameConstraints (RFC 5280 §4.2.1.10).
    NAME_CONSTRAINTS = &[0x55, 0x1d, 30];
    /// cRLDistributionPoints (RFC 5280 §4.2.1.13).
    CRL_DISTRIBUTION_POINTS = &[0x55, 0x1d, 31];
    /// certificatePolicies (RFC 5280 §4.2.1.4).
    CERTIFICATE_POLICIES = &[0x55, 0x1d, 32];
    /// authorityKeyIdentifier (RFC 5280 §4.2.1.1).
    AUTHORITY_KEY_ID = &[0x55, 0x1d, 35];
    /// policyConstraints (RFC 5280 §4.2.1.11).
    POLICY_CONSTRAINTS = &[0x55, 0x1d, 36];
    /// extKeyUsage (RFC 5280 §4.2.1.12).
    EXTENDED_KEY_USAGE = &[0x55, 0x1d, 37];
    /// inhibitAnyPolicy (RFC 5280 §4.2.1.14).
    INHIBIT_ANY_POLICY = &[0x55, 0x1d, 54];
    /// The MUD URL, 1.3.6.1.5.5.7.1.25 (RFC 8520 §11).
    MUD_URL = &[0x2b, 6, 1, 5, 5, 7, 1, 25];
    /// The MASA URL, 1.3.6.1.5.5.7.1.32 (RFC 8995 §2.3.2).
    MASA_URL = &[0x2b, 6, 1, 5, 5, 7, 1, 32];
    /// anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
    ANY_EXTENDED_KEY_USAGE = &[0x55, 0x1d, 37, 0];
    /// id-kp-serverAuth (RFC 5280 §4.2.1.12).
    SERVER_AUTH = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    /// id-kp-clientAuth (RFC 5280 §4.2.1.12).
    CLIENT_AUTH = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    /// id-kp-cmcRA, 1.3.6.1.5.5.7.3.28 (RFC 6402 §2.10; RFC 8995 §5.5.4).
    CMC_RA = &[0x2b, 6, 1, 5, 5, 7, 3, 28];
    /// id-on-hardwareModuleName, 1.3.6.1.5.5.7.8.4 (RFC 4108 §5).
    HARDWARE_MODULE_NAME = &[0x2b, 6, 1, 5, 5, 7, 8, 4];
    /// challengePassword of a certification request (RFC 2985 §5.4.1).
    CHALLENGE_PASSWORD = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 7];
    /// extensionRequest of a certification request (RFC 2985 §5.4.2).
    EXTENSION_REQUEST = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_text_goes_there_and_back() {
        for (oid, text) in [
            (CMC_RA, "1.3.6.1.5.5.7.3.28"),
            (SUBJECT_ALT_NAME, "2.5.29.17"),
            (CHALLENGE_PASSWORD, "1.2.840.113549.1.9.7"),
        ] {
            assert_eq!(oid.to_string(), text);
            assert_eq!(text.parse::<Oid>().unwrap(), oid);
        }
        assert_eq!(
            "2.999.18446744073709551615".parse::<Oid>().unwrap().to_string(),
            "2.999.18446744073709551615"
        );
    }

    #[test]
    fn refuses_what_is_no_identifier() {
        for text in ["", "1", "3.1", "1.40", "1.2.x", "1.2.99999999999999999999"] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
        for content in [&[][..], &[0x80, 1], &[0x2a, 0x80, 1], &[0x2a, 0x86], &[1; 65]] {
            assert!(Oid::new(content).is_err(), "{content:02x?}");
        }
    }
}
