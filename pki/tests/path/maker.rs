//! Makes certificates of any kind, right and wrong, octet by octet: what `pki::Issuer` would refuse to write.

use pki::{KeyAlgorithm, KeyUsage, Signer};
use proto::UnixTime;

pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];
const UTF8: u8 = 0x0c;

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut der = vec![tag];
    match content.len() {
        short @ 0..0x80 => der.push(u8::try_from(short).unwrap()),
        long => {
            let [.., high, low] = long.to_be_bytes();
            der.extend([0x82, high, low]);
            if high == 0 {
                der.truncate(1);
                der.extend([0x81, low]);
            }
        }
    }
    [der, content].concat()
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub(crate) fn attribute(oid: &[u8], tag: u8, text: &str) -> Vec<u8> {
    tlv(0x31, &[&sequence(&[&tlv(6, &[oid]), &tlv(tag, &[text.as_bytes()])])])
}

pub(crate) fn name(text: &str) -> Vec<u8> {
    name_as(UTF8, text)
}

/// A Name of `O=Acme` and a commonName of another string type.
pub(crate) fn name_as(tag: u8, text: &str) -> Vec<u8> {
    sequence(&[&attribute(&[0x55, 4, 10], UTF8, "Acme"), &attribute(COMMON_NAME, tag, text)])
}

pub(crate) fn device_name(text: &str) -> Vec<u8> {
    sequence(&[
        &attribute(&[0x55, 4, 10], UTF8, "Acme"),
        &attribute(COMMON_NAME, UTF8, text),
        &attribute(SERIAL_NUMBER, 0x13, "SN-0001"),
    ])
}

pub(crate) fn at(text: &str) -> UnixTime {
    text.parse().unwrap()
}

/// One certificate to be made.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) subject: Vec<u8>,
    pub(crate) issuer: Option<Vec<u8>>,
    pub(crate) key: Signer,
    /// Another key than the issuer's, to sign with.
    pub(crate) signed_by: Option<Signer>,
    pub(crate) validity: (UnixTime, UnixTime),
    pub(crate) serial: u8,
    pub(crate) has_extensions: bool,
    /// cA and pathLenConstraint.
    pub(crate) basic: Option<(bool, Option<u8>)>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) usages: Option<Vec<&'static [u8]>>,
    pub(crate) subject_key_id: bool,
    pub(crate) authority_key_id: Aki,
    pub(crate) extra: Vec<(Vec<u8>, bool, Vec<u8>)>,
    pub(crate) damage: Damage,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Aki {
    None,
    Right,
    Wrong,
    /// With authorityCertIssuer and authorityCertSerialNumber, the latter shifted by this.
    IssuerAndSerial(u8),
}

#[derive(Clone, PartialEq)]
pub(crate) enum Damage {
    None,
    Signature,
    InnerAlgorithm,
}

impl Spec {
    pub(crate) fn ca(text: &str) -> Self {
        Self {
            subject: name(text),
            issuer: None,
            key: Signer::generate(KeyAlgorithm::EcdsaP256).unwrap(),
            signed_by: None,
            validity: (at("2020-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z")),
            serial: 7,
            has_extensions: true,
            basic: Some((true, None)),
            key_usage: Some(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN)),
            usages: None,
            subject_key_id: true,
            authority_key_id: Aki::Right,
            extra: Vec::new(),
            damage: Damage::None,
        }
    }

    pub(crate) fn device(text: &str) -> Self {
        let leaf = Self { subject: device_name(text), basic: None, ..Self::ca(text) };
        Self { key_usage: Some(KeyUsage::DIGITAL_SIGNATURE), ..leaf }
    }

    /// Makes the certificate; `issuer` is `None` for a self-signed one.
    pub(crate) fn make(&self, issuer: Option<&Spec>) -> Vec<u8> {
        let parent = issuer.unwrap_or(self);
        let signer = self.signed_by.as_ref().unwrap_or(&parent.key);
        let algorithm = signer.signature_algorithm().der().unwrap();
        let other: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04";
        let inner = if self.damage == Damage::InnerAlgorithm { other } else { algorithm };
        let extensions = self.extensions(parent);
        let version: &[u8] = if self.has_extensions { &[0xa0, 3, 2, 1, 2] } else { &[] };
        let tbs = sequence(&[
            version,
            &[2, 1, self.serial],
            inner,
            self.issuer.as_deref().unwrap_or(&parent.subject),
            &sequence(&[&time(self.validity.0), &time(self.validity.1)]),
            &self.subject,
            self.key.public_key().spki_der(),
            &extensions,
        ]);
        let mut signature = signer.sign(&tbs).unwrap();
        if self.damage == Damage::Signature {
            // The last octet of `s`: the DER stays as it is.
            *signature.last_mut().unwrap() ^= 1;
        }
        sequence(&[&tbs, algorithm, &tlv(3, &[&[0], &signature])])
    }

    fn extensions(&self, parent: &Spec) -> Vec<u8> {
        if !self.has_extensions {
            return Vec::new();
        }
        let mut all = Vec::new();
        let mut push = |oid: &[u8], critical: bool, value: &[u8]| {
            let flag: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
            all.push(sequence(&[&tlv(6, &[oid]), flag, &tlv(4, &[value])]));
        };
        if let Some((is_ca, path_len)) = self.basic {
            let ca: &[u8] = if is_ca { &[1, 1, 0xff] } else { &[] };
            let length = path_len.map(|n| vec![2, 1, n]).unwrap_or_default();
            push(BASIC_CONSTRAINTS, true, &sequence(&[ca, &length]));
        }
        if let Some(usage) = self.key_usage {
            push(KEY_USAGE, true, &key_usage(usage));
        }
        if let Some(usages) = &self.usages {
            let usages: Vec<Vec<u8>> = usages.iter().map(|usage| tlv(6, &[usage])).collect();
            push(EXTENDED_KEY_USAGE, false, &sequence(&usages.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
        if self.subject_key_id {
            push(SUBJECT_KEY_ID, false, &tlv(4, &[self.key.public_key().key_id().as_bytes()]));
        }
        if let Some(value) = self.authority(parent) {
            push(AUTHORITY_KEY_ID, false, &value);
        }
        for (oid, critical, value) in &self.extra {
            push(oid, *critical, value);
        }
        let list = sequence(&all.iter().map(Vec::as_slice).collect::<Vec<_>>());
        tlv(0xa3, &[&list])
    }

    fn authority(&self, parent: &Spec) -> Option<Vec<u8>> {
        let id = parent.key.public_key().key_id();
        match &self.authority_key_id {
            Aki::None => None,
            Aki::Right => Some(sequence(&[&tlv(0x80, &[id.as_bytes()])])),
            Aki::Wrong => Some(sequence(&[&tlv(0x80, &[&[9; 20]])])),
            Aki::IssuerAndSerial(shift) => {
                let issuer = parent.issuer.as_ref().unwrap_or(&parent.subject);
                let names = tlv(0xa1, &[&tlv(0xa4, &[issuer])]);
                Some(sequence(&[&names, &tlv(0x82, &[&[parent.serial + shift]])]))
            }
        }
    }
}

/// The BIT STRING of keyUsage; bit 0 comes first, trailing zeros are cut.
fn key_usage(usage: KeyUsage) -> Vec<u8> {
    let bits = u8::try_from(usage.bits()).unwrap().reverse_bits();
    tlv(3, &[&[u8::try_from(bits.trailing_zeros()).unwrap(), bits]])
}

fn time(at: UnixTime) -> Vec<u8> {
    let text: String = at.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    if text.as_str() < "2050" {
        tlv(0x17, &[&text.as_bytes()[2..], b"Z"])
    } else {
        tlv(0x18, &[text.as_bytes(), b"Z"])
    }
}
