//! GeneralNames, as subjectAltName and cRLDistributionPoints hold them.
//! Source: RFC 5280 §4.2.1.6, §4.2.1.13; RFC 4108 §5 (hardwareModuleName).

use crate::tlv::{Reader, only, tag, tlv};
use crate::{Error, Oid, oid};

/// rfc822Name.
pub(crate) const RFC822_NAME: u8 = tag::context(1);
/// dNSName.
pub(crate) const DNS_NAME: u8 = tag::context(2);
/// directoryName.
pub(crate) const DIRECTORY_NAME: u8 = tag::context_constructed(4);
/// uniformResourceIdentifier.
pub(crate) const URI: u8 = tag::context(6);
/// iPAddress.
pub(crate) const IP_ADDRESS: u8 = tag::context(7);
/// otherName.
const OTHER_NAME: u8 = tag::context_constructed(0);

/// The most octets of a hardware serial number.
const HARDWARE_SERIAL_BYTES_MAX: usize = 64;

/// Names a hardware module by its type and serial number (RFC 4108 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareModuleName {
    /// hwType, an identifier of the maker's.
    pub hardware_type: Oid,
    /// hwSerialNum, 1 to 64 octets.
    pub serial: Vec<u8>,
}

impl HardwareModuleName {
    /// Writes the otherName that holds it.
    pub(crate) fn general_name(&self) -> Result<Vec<u8>, Error> {
        if !(1..=HARDWARE_SERIAL_BYTES_MAX).contains(&self.serial.len()) {
            return Err(Error::AlternativeNameInvalid);
        }
        let hardware_type = tlv(tag::OID, &[self.hardware_type.as_bytes()]);
        let name = tlv(tag::SEQUENCE, &[&hardware_type, &tlv(tag::OCTET_STRING, &[&self.serial])]);
        let kind = tlv(tag::OID, &[oid::HARDWARE_MODULE_NAME.as_bytes()]);
        Ok(tlv(OTHER_NAME, &[&kind, &tlv(tag::context_constructed(0), &[&name])]))
    }
}

/// Lists the contents of the names of one kind in a GeneralNames.
pub(crate) fn values(names: Option<&[u8]>, kind: u8) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(names.and_then(|der| only(tag::SEQUENCE, der)).unwrap_or_default());
    core::iter::from_fn(move || reader.any()).filter(move |name| name.tag == kind).map(|name| name.content)
}

/// Lists the names of one kind that are IA5 text.
pub(crate) fn texts(names: Option<&[u8]>, kind: u8) -> Vec<&str> {
    values(names, kind).filter(|v| v.is_ascii()).filter_map(|v| core::str::from_utf8(v).ok()).collect()
}

/// Lists the IP addresses: 4 or 16 octets (RFC 5280 §4.2.1.6).
pub(crate) fn addresses(names: Option<&[u8]>) -> Vec<&[u8]> {
    values(names, IP_ADDRESS).filter(|address| matches!(address.len(), 4 | 16)).collect()
}

/// Finds the hardwareModuleName among the otherNames; one whose serial number is empty or too long is none.
pub(crate) fn hardware_module_name(names: &[u8]) -> Option<HardwareModuleName> {
    values(Some(names), OTHER_NAME).find_map(|other| {
        let mut fields = Reader::new(other);
        fields.take(tag::OID).filter(|kind| kind.content == oid::HARDWARE_MODULE_NAME.as_bytes())?;
        let mut name = Reader::new(only(tag::SEQUENCE, fields.take(tag::context_constructed(0))?.content)?);
        let hardware_type = Oid::new(name.take(tag::OID)?.content).ok()?;
        let serial = name.take(tag::OCTET_STRING)?.content.to_vec();
        let is_bounded = (1..=HARDWARE_SERIAL_BYTES_MAX).contains(&serial.len());
        (name.is_empty() && is_bounded).then_some(HardwareModuleName { hardware_type, serial })
    })
}

/// Finds the first HTTP URL in CRLDistributionPoints.
pub(crate) fn crl_url(points: &[u8]) -> Option<&str> {
    let mut points = Reader::new(only(tag::SEQUENCE, points)?);
    core::iter::from_fn(|| points.take(tag::SEQUENCE)).find_map(|point| {
        let mut fields = Reader::new(point.content);
        let name = fields.take(tag::context_constructed(0))?;
        let mut names = Reader::new(only(tag::context_constructed(0), name.content)?);
        core::iter::from_fn(|| names.any())
            .filter(|n| n.tag == URI)
            .filter_map(|n| core::str::from_utf8(n.content).ok())
            .find(|url| url.starts_with("http"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_the_length_of_an_address_is_none() {
        let octets = [7; 17];
        let lengths = [0, 3, 4, 5, 8, 15, 16, 17];
        let names: Vec<u8> =
            lengths.iter().flat_map(|length| tlv(IP_ADDRESS, &[&octets[..*length]])).collect();
        let names = tlv(tag::SEQUENCE, &[&names]);
        assert_eq!(addresses(Some(&names)), [&octets[..4], &octets[..16]]);
    }

    #[test]
    fn a_hardware_serial_number_is_read_as_bounded_as_it_is_written() {
        let module = |bytes| HardwareModuleName { hardware_type: oid::COMMON_NAME, serial: vec![1; bytes] };
        let names = tlv(tag::SEQUENCE, &[&module(HARDWARE_SERIAL_BYTES_MAX).general_name().unwrap()]);
        assert_eq!(hardware_module_name(&names), Some(module(HARDWARE_SERIAL_BYTES_MAX)));
        for bytes in [0, HARDWARE_SERIAL_BYTES_MAX + 1] {
            assert!(module(bytes).general_name().is_err());
            let name = tlv(
                tag::SEQUENCE,
                &[
                    &tlv(tag::OID, &[oid::COMMON_NAME.as_bytes()]),
                    &tlv(tag::OCTET_STRING, &[&vec![1; bytes]]),
                ],
            );
            let kind = tlv(tag::OID, &[oid::HARDWARE_MODULE_NAME.as_bytes()]);
            let other = tlv(OTHER_NAME, &[&kind, &tlv(tag::context_constructed(0), &[&name])]);
            assert_eq!(hardware_module_name(&tlv(tag::SEQUENCE, &[&other])), None, "{bytes}");
        }
    }
}
