//! The catalogue: every misbehaviour by name, in words, and with the outcome that it must have.

use std::fmt;

use super::{Got, Verdict};
use crate::rogue::Trick;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// A second device has a copy of the key and certificate of one that is aboard.
    ClonedIdevid,
    /// Serial number and names of a genuine unit, key and CA of the attacker's making.
    CounterfeitIdevid,
    /// The IDevID has ended.
    ExpiredIdevid,
    /// The IDevID comes from a maker that the server was never told of.
    UnknownManufacturer,
    /// No client certificate in TLS.
    NoCertificate,
    /// The MASA gives no voucher: the unit is blocked.
    BlockedUnit,
    /// A retired device asks for a voucher.
    RetiredReturn,
    /// Another domain had a voucher for the unit before.
    ForeignPast,
    /// The voucher-request is signed with the IDevID of another genuine unit.
    ForeignIdevid,
    /// The voucher-request of one unit, sent by another.
    ReplayedRequest,
    /// Two different voucher-requests with one nonce.
    ReusedNonce,
    /// A voucher-request without a nonce.
    MissingNonce,
    /// The voucher-request names another registrar: somebody stood in between.
    WrongProximity,
    /// The voucher-request names another serial number than the IDevID.
    SerialMismatch,
    /// One bit of the voucher-request's signature is flipped.
    BadSignature,
    /// The voucher-request is cut in half, its length told truly.
    TruncatedBody,
    /// Half of the announced body comes, then the sender is done.
    UnfinishedBody,
    /// A body of a mebibyte.
    OversizedBody,
    /// A certificate is asked for without a voucher.
    EnrollWithoutVoucher,
    /// The certification request names another device.
    CsrOtherSubject,
    /// The certification request asks to be a CA.
    CsrAsksForCa,
    /// The certification request is not signed by its key.
    CsrBadSignature,
    /// A re-enrolment asks for another subject.
    ReenrollOtherSubject,
    /// A re-enrolment with the certificate of a retired device.
    RetiredReenroll,
    /// A registrar deceives the pledge.
    Deception(Trick),
}

/// What must come of a misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The server refuses with this status for one of these reasons.
    Refusal(u16, &'static [&'static str]),
    /// As [`Self::Refusal`], and the server closes the connection.
    RefusalAndClose(u16, &'static [&'static str]),
    /// The server refuses so, or ends the connection since it cannot know what was meant.
    RefusalOrHangUp(u16, &'static [&'static str]),
    /// The server keeps the request for a person, or refuses with this status for one of these reasons, as its rules are.
    HeldOrRefusal(u16, &'static [&'static str]),
    /// The server tells its people, or refuses with this status for one of these reasons, as its rules are.
    ReportOrRefusal(u16, &'static [&'static str]),
    /// The device refuses with this reason.
    Device(&'static str),
}

/// What is needed to stage a misbehaviour beyond a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A manufacturer's CA that the server knows: `--maker`.
    Maker,
    /// An operator's access to the API: `--profile`, or `--api` and its certificates.
    Operator,
    /// More units.
    Units,
}

impl Need {
    /// Says it in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Maker => "--maker: the CA of a manufacturer that the server knows",
            Self::Operator => "an operator's --profile",
            Self::Units => "more units in the fleet file",
        }
    }
}

/// One entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is done.
    pub misbehaviour: Misbehaviour,
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub description: &'static str,
    /// What must come of it.
    pub expected: Expected,
}

impl Case {
    /// Finds a case by name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }
}

impl Expected {
    /// Compares an outcome.
    #[must_use]
    pub fn judge(self, got: &Got) -> Verdict {
        let is_so = match got {
            Got::Granted { .. } => return Verdict::NotRefused,
            Got::Held => matches!(self, Self::HeldOrRefusal(..)),
            Got::Reported { .. } => matches!(self, Self::ReportOrRefusal(..)),
            Got::HungUp => matches!(self, Self::RefusalOrHangUp(..)),
            Got::DeviceRefused { reason } => matches!(self, Self::Device(code) if code == reason),
            Got::Refusal { status, reason, closed } => self.is_refusal(*status, reason, *closed),
        };
        if is_so { Verdict::AsExpected } else { Verdict::OtherReason }
    }

    fn is_refusal(self, status: u16, reason: &str, closed: Option<bool>) -> bool {
        match self {
            Self::RefusalAndClose(expected, reasons) => {
                status == expected && reasons.contains(&reason) && closed == Some(true)
            }
            Self::Refusal(expected, reasons)
            | Self::RefusalOrHangUp(expected, reasons)
            | Self::HeldOrRefusal(expected, reasons)
            | Self::ReportOrRefusal(expected, reasons) => status == expected && reasons.contains(&reason),
            Self::Device(_) => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refusal(status, reasons) => write!(f, "{status} {}", reasons.join(" or ")),
            Self::RefusalAndClose(status, reasons) => write!(f, "{status} {}, closed", reasons.join(" or ")),
            Self::RefusalOrHangUp(status, reasons) => {
                write!(f, "{status} {}, or hung up", reasons.join(" or "))
            }
            Self::HeldOrRefusal(status, reasons) => {
                write!(f, "202 held, or {status} {}", reasons.join(" or "))
            }
            Self::ReportOrRefusal(status, reasons) => {
                write!(f, "reported, or {status} {}", reasons.join(" or "))
            }
            Self::Device(code) => write!(f, "device: {code}"),
        }
    }
}

const fn case(
    misbehaviour: Misbehaviour,
    name: &'static str,
    expected: Expected,
    description: &'static str,
) -> Case {
    Case { misbehaviour, name, description, expected }
}

const fn deception(trick: Trick, name: &'static str, code: &'static str, description: &'static str) -> Case {
    case(Misbehaviour::Deception(trick), name, Expected::Device(code), description)
}

/// Every misbehaviour.
pub static CASES: [Case; 38] = [
    case(
        Misbehaviour::ClonedIdevid,
        "cloned-idevid",
        // A copy cannot be told from the original after a factory reset: never by itself, a person decides.
        Expected::HeldOrRefusal(403, &["policy-device-onboarded-before", "policy-already-operational"]),
        "a second device holds a copy of the key and IDevID of one that is aboard, and asks for a voucher",
    ),
    case(
        Misbehaviour::CounterfeitIdevid,
        "counterfeit-idevid",
        Expected::Refusal(403, &["peer-certificate-untrusted"]),
        "serial number and CA names of a genuine unit, but key and CA of the attacker's making",
    ),
    case(
        Misbehaviour::ExpiredIdevid,
        "expired-idevid",
        Expected::Refusal(403, &["policy-idevid-expired", "peer-certificate-untrusted"]),
        "an IDevID of a known maker whose validity has ended",
    ),
    case(
        Misbehaviour::UnknownManufacturer,
        "unknown-manufacturer",
        Expected::Refusal(403, &["peer-certificate-untrusted"]),
        "a sound IDevID of a maker that the server was never told of",
    ),
    case(
        Misbehaviour::NoCertificate,
        "no-certificate",
        Expected::Refusal(403, &["peer-certificate-missing"]),
        "a voucher-request over TLS without a client certificate",
    ),
    case(
        Misbehaviour::BlockedUnit,
        "masa-refuses",
        Expected::Refusal(403, &["masa-refused", "unit-blocked", "masa-unit-blocked"]),
        "a genuine unit that its maker has blocked as stolen; the MASA gives no voucher",
    ),
    case(
        Misbehaviour::RetiredReturn,
        "retired-return",
        Expected::Refusal(404, &["policy-device-retired"]),
        "a device that its owner has retired asks for a voucher again",
    ),
    case(
        Misbehaviour::ForeignPast,
        "foreign-past",
        Expected::ReportOrRefusal(403, &["policy-audit-log-suspicious"]),
        "another domain got a voucher for the unit before; where the rules let it in, people must be told",
    ),
    case(
        Misbehaviour::ForeignIdevid,
        "foreign-idevid",
        Expected::Refusal(403, &["pvr-signature-invalid"]),
        "a voucher-request signed with another genuine unit's IDevID than the one in TLS",
    ),
    case(
        Misbehaviour::ReplayedRequest,
        "replayed-pvr",
        Expected::Refusal(403, &["pvr-signature-invalid"]),
        "one unit's voucher-request, captured and sent by another unit",
    ),
    case(
        Misbehaviour::ReusedNonce,
        "reused-nonce",
        Expected::Refusal(403, &["voucher-request-nonce-used"]),
        "two different voucher-requests of one unit with the same nonce",
    ),
    case(
        Misbehaviour::MissingNonce,
        "missing-nonce",
        Expected::Refusal(400, &["pvr-nonce-missing"]),
        "a voucher-request without a nonce",
    ),
    case(
        Misbehaviour::WrongProximity,
        "wrong-proximity",
        Expected::RefusalAndClose(401, &["pvr-proximity-mismatch"]),
        "the pledge saw another registrar's certificate: an attacker on the path passes its request on",
    ),
    case(
        Misbehaviour::SerialMismatch,
        "serial-mismatch",
        Expected::Refusal(403, &["pvr-serial-mismatch"]),
        "the voucher-request names another serial number than the IDevID",
    ),
    case(
        Misbehaviour::BadSignature,
        "bad-signature",
        Expected::Refusal(403, &["pvr-signature-invalid"]),
        "one bit of the voucher-request's signature is flipped",
    ),
    case(
        Misbehaviour::TruncatedBody,
        "truncated-body",
        Expected::Refusal(400, &["cms-malformed"]),
        "a voucher-request cut in half, sent with its true length",
    ),
    case(
        Misbehaviour::UnfinishedBody,
        "unfinished-body",
        Expected::RefusalOrHangUp(400, &["http-body-incomplete"]),
        "half of the announced body, then the sender says that it is done",
    ),
    case(
        Misbehaviour::OversizedBody,
        "oversized-body",
        Expected::Refusal(413, &["http-body-too-large"]),
        "a body of one mebibyte where a voucher-request of a few kilobytes belongs",
    ),
    case(
        Misbehaviour::EnrollWithoutVoucher,
        "enroll-without-voucher",
        Expected::Refusal(403, &["policy-device-unknown", "policy-voucher-missing"]),
        "a genuine unit asks for a certificate without having asked for a voucher",
    ),
    case(
        Misbehaviour::CsrOtherSubject,
        "csr-other-subject",
        Expected::Refusal(403, &["csr-serial-number-mismatch"]),
        "a device with a voucher asks for a certificate in another device's name",
    ),
    case(
        Misbehaviour::CsrAsksForCa,
        "csr-asks-for-ca",
        Expected::Refusal(403, &["csr-asks-for-ca"]),
        "a device with a voucher asks for a CA certificate",
    ),
    case(
        Misbehaviour::CsrBadSignature,
        "csr-bad-signature",
        Expected::Refusal(403, &["csr-self-signature-invalid"]),
        "a certification request whose signature is not its key's",
    ),
    case(
        Misbehaviour::ReenrollOtherSubject,
        "reenroll-other-subject",
        Expected::Refusal(403, &["est-renewal-subject-changed"]),
        "a device that is aboard re-enrolls under another name",
    ),
    case(
        Misbehaviour::RetiredReenroll,
        "retired-reenroll",
        Expected::Refusal(403, &["peer-ldevid-revoked"]),
        "a re-enrolment with the LDevID of a device that was retired",
    ),
    deception(
        Trick::PinsAnotherDomain,
        "masa-pins-another-domain",
        "registrar-not-pinned",
        "the MASA's voucher pins a domain that the registrar in TLS does not belong to; the pledge must refuse",
    ),
    deception(
        Trick::ForeignSigner,
        "impostor-registrar",
        "voucher-signature-invalid",
        "a TLS server that is no registrar shows a voucher that it signed itself; the pledge must refuse",
    ),
    deception(
        Trick::OldNonce,
        "overheard-voucher",
        "voucher-nonce-mismatch",
        "a genuine voucher from an earlier attempt; the pledge must refuse",
    ),
    deception(
        Trick::OtherSerial,
        "voucher-for-another",
        "voucher-serial-mismatch",
        "a genuine voucher for another device; the pledge must refuse",
    ),
    deception(
        Trick::Nonceless,
        "nonceless-voucher",
        "voucher-nonce-missing",
        "a genuine voucher without a nonce; this pledge takes none",
    ),
    deception(
        Trick::Expired,
        "expired-voucher",
        "voucher-expired",
        "a genuine voucher that has expired; the pledge must refuse",
    ),
    deception(
        Trick::Tampered,
        "tampered-voucher",
        "voucher-signature-invalid",
        "one bit of the voucher's signature is flipped; the pledge must refuse",
    ),
    deception(
        Trick::PinsNobody,
        "unpinned-voucher",
        "voucher-pin-missing",
        "a genuine voucher that pins nobody; the pledge must fail gracefully",
    ),
    deception(
        Trick::Gibberish,
        "gibberish-voucher",
        "cms-malformed",
        "an answer that is no voucher; the pledge must fail gracefully",
    ),
    deception(
        Trick::Redirect,
        "redirecting-registrar",
        "sim-redirected",
        "a registrar that sends the pledge elsewhere; this pledge stays with the one it was told",
    ),
    deception(
        Trick::ForeignCaCerts,
        "foreign-cacerts",
        "sim-cacerts-without-pin",
        "the CA certificates are not those of the pinned domain; the pledge must refuse",
    ),
    deception(
        Trick::ForeignLdevid,
        "foreign-ldevid",
        "sim-certificate-untrusted",
        "the LDevID comes from another domain; the pledge must refuse",
    ),
    deception(
        Trick::OtherKey,
        "ldevid-other-key",
        "sim-certificate-key-differs",
        "the LDevID certifies a key that the pledge does not have; the pledge must refuse",
    ),
    deception(
        Trick::OtherSubject,
        "ldevid-other-subject",
        "sim-certificate-subject-differs",
        "the LDevID names another device; the pledge must refuse",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own_and_a_description() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        for case in &CASES {
            assert!(case.description.len() > 20, "{}", case.name);
            assert_eq!(Case::named(case.name).map(|found| found.misbehaviour), Some(case.misbehaviour));
        }
    }

    #[test]
    fn every_trick_is_a_case_with_the_reason_that_the_pledge_gives() {
        for trick in Trick::ALL {
            let found = CASES.iter().find(|case| case.misbehaviour == Misbehaviour::Deception(trick));
            let expected = found.map(|case| case.expected);
            assert_eq!(expected, trick.expected().map(Expected::Device), "{trick:?}");
        }
    }

    #[test]
    fn a_refusal_must_have_status_reason_and_end_as_expected() {
        let expected = Expected::RefusalAndClose(401, &["a"]);
        let got = |status, reason: &str, closed| Got::Refusal { status, reason: reason.to_string(), closed };
        assert_eq!(expected.judge(&got(401, "a", Some(true))), Verdict::AsExpected);
        assert_eq!(expected.judge(&got(401, "a", Some(false))), Verdict::OtherReason);
        assert_eq!(expected.judge(&got(401, "b", Some(true))), Verdict::OtherReason);
        assert_eq!(expected.judge(&got(403, "a", Some(true))), Verdict::OtherReason);
        assert_eq!(expected.judge(&Got::HungUp), Verdict::OtherReason);
        assert_eq!(expected.judge(&Got::Granted { what: "x" }), Verdict::NotRefused);
        assert_eq!(expected.judge(&Got::Held), Verdict::OtherReason);
        let held = Expected::HeldOrRefusal(403, &["a"]);
        assert_eq!(held.judge(&Got::Held), Verdict::AsExpected);
        assert_eq!(held.judge(&got(403, "a", None)), Verdict::AsExpected);
        assert_eq!(held.judge(&got(403, "b", None)), Verdict::OtherReason);
        let device = Expected::Device("d");
        assert_eq!(device.judge(&Got::DeviceRefused { reason: "d".to_string() }), Verdict::AsExpected);
        assert_eq!(device.judge(&got(403, "d", None)), Verdict::OtherReason);
    }
}
