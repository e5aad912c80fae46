//! Names: the subject that policy gives a certificate, and what is read of a stranger's.
//! Source: RFC 5280 §4.1.2.4, appendix A.1 (upper bounds); X.520.
//! Does not: compare names loosely; names are equal when their octets are.

use proto::SerialNumber;
use x509_parser::prelude::{FromDer, X509Name};

use crate::tlv::{tag, tlv};
use crate::{Error, Oid, oid};

/// The most characters of one part of a subject: `ub-common-name` and its like (RFC 5280 appendix A.1).
pub const NAME_TEXT_CHARS_MAX: usize = 64;

/// The subject of a certificate or request that we make. The order of the encoding is O, OU, L, CN, serialNumber.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// commonName, 1 to 64 characters; always set.
    pub common_name: String,
    /// X520SerialNumber, which names a device.
    pub serial_number: Option<SerialNumber>,
    /// organizationName.
    pub organization: Option<String>,
    /// organizationalUnitName; for an operator or a station: the role.
    pub organizational_unit: Option<String>,
    /// localityName; for a station: its factory line.
    pub locality: Option<String>,
}

impl Subject {
    /// Makes a subject of a commonName alone.
    #[must_use]
    pub fn new(common_name: &str) -> Self {
        Self { common_name: common_name.to_owned(), ..Self::default() }
    }

    /// Makes the subject of a device: its serial number, also as commonName.
    #[must_use]
    pub fn device(serial_number: &SerialNumber) -> Self {
        Self { serial_number: Some(serial_number.clone()), ..Self::new(serial_number.as_str()) }
    }

    /// Writes the Name.
    ///
    /// # Errors
    /// [`Error::NameInvalid`] (`Malformed`) when a part is empty, longer than 64 characters or has control
    /// characters.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let serial_number = self.serial_number.as_ref().map(SerialNumber::as_str);
        let parts = [
            (oid::ORGANIZATION, self.organization.as_deref()),
            (oid::ORGANIZATIONAL_UNIT, self.organizational_unit.as_deref()),
            (oid::LOCALITY, self.locality.as_deref()),
            (oid::COMMON_NAME, Some(self.common_name.as_str())),
        ];
        let mut name = Vec::with_capacity(128);
        for (oid, text) in parts.iter().filter_map(|(oid, text)| Some((oid, (*text)?))) {
            name.extend(relative_name(oid, tag::UTF8_STRING, text)?);
        }
        if let Some(text) = serial_number {
            name.extend(relative_name(&oid::SERIAL_NUMBER, serial_number_tag(text), text)?);
        }
        Ok(tlv(tag::SEQUENCE, &[&name]))
    }
}

fn relative_name(oid: &Oid, string: u8, text: &str) -> Result<Vec<u8>, Error> {
    let chars = text.chars().count();
    if !(1..=NAME_TEXT_CHARS_MAX).contains(&chars) || text.chars().any(char::is_control) {
        return Err(Error::NameInvalid);
    }
    let attribute = [tlv(tag::OID, &[oid.as_bytes()]), tlv(string, &[text.as_bytes()])].concat();
    Ok(tlv(tag::SET, &[&tlv(tag::SEQUENCE, &[&attribute])]))
}

/// X520SerialNumber is a PrintableString; one that has other characters goes out as UTF8String, as makers do.
fn serial_number_tag(text: &str) -> u8 {
    let is_printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    if text.bytes().all(is_printable) { tag::PRINTABLE_STRING } else { tag::UTF8_STRING }
}

/// The attributes of a name that we read; each `None` unless it stands there exactly once.
#[derive(Default)]
pub(crate) struct Attributes(Vec<(Oid, String)>);

impl Attributes {
    pub(crate) fn parse(name: &X509Name<'_>) -> Self {
        let read = [
            oid::COMMON_NAME,
            oid::SERIAL_NUMBER,
            oid::LOCALITY,
            oid::ORGANIZATION,
            oid::ORGANIZATIONAL_UNIT,
        ];
        let mut attributes = Vec::with_capacity(4);
        for attribute in name.iter_attributes() {
            let known = read.iter().find(|oid| oid.as_bytes() == attribute.attr_type().as_bytes());
            if let Some(oid) = known {
                // What is no text still counts, so that it cannot hide a second one.
                attributes.push((oid.clone(), attribute.as_str().unwrap_or_default().to_owned()));
            }
        }
        Self(attributes)
    }

    pub(crate) fn common_name(&self) -> Option<&str> {
        self.one(&oid::COMMON_NAME)
    }

    pub(crate) fn organization(&self) -> Option<&str> {
        self.one(&oid::ORGANIZATION)
    }

    pub(crate) fn organizational_unit(&self) -> Option<&str> {
        self.one(&oid::ORGANIZATIONAL_UNIT)
    }

    pub(crate) fn locality(&self) -> Option<&str> {
        self.one(&oid::LOCALITY)
    }

    pub(crate) fn serial_number(&self) -> Option<SerialNumber> {
        self.one(&oid::SERIAL_NUMBER)?.parse().ok()
    }

    fn one(&self, oid: &Oid) -> Option<&str> {
        let mut all = self.0.iter().filter(|(o, _)| o == oid).map(|(_, text)| text.as_str());
        let first = all.next()?;
        if all.next().is_some() || first.is_empty() { None } else { Some(first) }
    }
}

/// Writes a Name for people.
pub(crate) fn text(der: &[u8]) -> String {
    X509Name::from_der(der).map(|(_, name)| name.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_parts_that_are_empty_long_or_unprintable() {
        for bad in [String::new(), "x".repeat(65), "a\nb".to_owned()] {
            assert!(matches!(Subject::new(&bad).to_der(), Err(Error::NameInvalid)), "{bad}");
        }
        assert!(Subject::new(&"ä".repeat(64)).to_der().is_ok());
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let subject = Subject {
            common_name: "Presse 7".into(),
            serial_number: Some("JADA-1".parse().unwrap()),
            organization: Some("Acme".into()),
            organizational_unit: Some("station".into()),
            locality: Some("line-7".into()),
        };
        let der = subject.to_der().unwrap();
        let (_, name) = X509Name::from_der(&der).unwrap();
        let read = Attributes::parse(&name);
        assert_eq!(read.common_name(), Some("Presse 7"));
        assert_eq!(read.serial_number(), subject.serial_number);
        assert_eq!(read.organization(), Some("Acme"));
        assert_eq!(read.organizational_unit(), Some("station"));
        assert_eq!(read.locality(), Some("line-7"));
        assert_eq!(text(&der), "O=Acme, OU=station, L=line-7, CN=Presse 7, serialNumber=JADA-1");
    }

    #[test]
    fn a_part_that_stands_twice_is_not_believed() {
        let twice = [
            relative_name(&oid::COMMON_NAME, tag::UTF8_STRING, "a").unwrap(),
            relative_name(&oid::COMMON_NAME, tag::UTF8_STRING, "b").unwrap(),
        ];
        let der = tlv(tag::SEQUENCE, &[&twice.concat()]);
        let (_, name) = X509Name::from_der(&der).unwrap();
        assert_eq!(Attributes::parse(&name).common_name(), None);
    }
}
