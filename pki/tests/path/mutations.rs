//! One thing is wrong (or merely odd) at one place of a chain; every place of chains of two to five is tried.

use pki::{Error, KeyUsage};

use crate::judge::{Case, IDEVID};
use crate::maker::{self, Aki, Damage, EXTENDED_KEY_USAGE, Spec, at, name_as, sequence, tlv};

type Change = fn(&mut Spec);

/// Where in the chain a mutation is tried.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Leaf,
    Intermediate,
    Anchor,
}

use Place::{Anchor, Intermediate, Leaf};

const BELOW: &[Place] = &[Leaf, Intermediate];
const CAS: &[Place] = &[Intermediate, Anchor];
const ALL: &[Place] = &[Leaf, Intermediate, Anchor];

struct Mutation {
    name: &'static str,
    places: &'static [Place],
    change: Change,
    expected: Result<(), Error>,
    difference: Option<&'static str>,
}

const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 37, 0];
const POLICIES: &[u8] = &[0x55, 0x1d, 32];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 33];
const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 54];
const OPEN_DICE: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 1, 24];
const UNKNOWN: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 99];

fn extra(spec: &mut Spec, oid: &[u8], critical: bool, value: Vec<u8>) {
    spec.extra.push((oid.to_vec(), critical, value));
}

fn row(
    name: &'static str,
    places: &'static [Place],
    change: Change,
    expected: Result<(), Error>,
) -> Mutation {
    Mutation { name, places, change, expected, difference: None }
}

fn differs(mutation: Mutation, difference: &'static str) -> Mutation {
    Mutation { difference: Some(difference), ..mutation }
}

fn validity() -> Vec<Mutation> {
    let early: Change = |s| s.validity.1 = at("2021-01-01T00:00:00Z");
    let late: Change = |s| s.validity.0 = at("2030-01-01T00:00:00Z");
    vec![
        row("expired", BELOW, early, Err(Error::PathExpired)),
        differs(row("expired", &[Anchor], early, Ok(())), "anchor-validity"),
        row("not yet valid", BELOW, late, Err(Error::PathNotYetValid)),
        differs(row("not yet valid", &[Anchor], late, Ok(())), "anchor-validity"),
        row("valid to the year 9999", ALL, |s| s.validity.1 = at("9999-12-31T23:59:59Z"), Ok(())),
        row("begins now", ALL, |s| s.validity.0 = crate::now(), Ok(())),
        differs(row("ends now", BELOW, |s| s.validity.1 = crate::now(), Ok(())), "last-second"),
    ]
}

fn signatures() -> Vec<Mutation> {
    let stranger: Change = |s| s.signed_by = Some(Spec::ca("stranger").key);
    vec![
        row("signature damaged", BELOW, |s| s.damage = Damage::Signature, Err(Error::PathSignatureInvalid)),
        row("own signature damaged", &[Anchor], |s| s.damage = Damage::Signature, Ok(())),
        row("signed by another key", BELOW, stranger, Err(Error::PathSignatureInvalid)),
        row(
            "inner algorithm differs",
            BELOW,
            |s| s.damage = Damage::InnerAlgorithm,
            Err(Error::CertificateMalformed),
        ),
    ]
}

fn authorities() -> Vec<Mutation> {
    let keyless: Change = |s| s.key_usage = Some(KeyUsage::CRL_SIGN);
    vec![
        row("not a CA", CAS, |s| s.basic = Some((false, None)), Err(Error::PathIssuerNotCa)),
        row("no basicConstraints", &[Intermediate], |s| s.basic = None, Err(Error::PathIssuerNotCa)),
        differs(
            row("no basicConstraints", &[Anchor], |s| s.basic = None, Err(Error::PathIssuerNotCa)),
            "ca-by-key-usage",
        ),
        row("version 1", &[Intermediate], |s| s.has_extensions = false, Err(Error::PathIssuerNotCa)),
        differs(
            row("version 1", &[Anchor], |s| s.has_extensions = false, Err(Error::PathIssuerNotCa)),
            "version-1-anchor",
        ),
        row("no keyCertSign", CAS, keyless, Err(Error::PathIssuerMayNotSign)),
        row("no keyUsage", ALL, |s| s.key_usage = None, Ok(())),
        row("keyCertSign only", CAS, |s| s.key_usage = Some(KeyUsage::KEY_CERT_SIGN), Ok(())),
        row("path length ample", CAS, |s| s.basic = Some((true, Some(9))), Ok(())),
    ]
}

fn identifiers() -> Vec<Mutation> {
    let serial: Change = |s| s.authority_key_id = Aki::IssuerAndSerial(0);
    let other: Change = |s| s.authority_key_id = Aki::IssuerAndSerial(1);
    let printable: Change = |s| s.subject = name_as(0x13, &format!("ca {}", s.serial));
    vec![
        row(
            "wrong authorityKeyIdentifier",
            BELOW,
            |s| s.authority_key_id = Aki::Wrong,
            Err(Error::PathIssuerUnknown),
        ),
        row("wrong authorityKeyIdentifier", &[Anchor], |s| s.authority_key_id = Aki::Wrong, Ok(())),
        row("no authorityKeyIdentifier", ALL, |s| s.authority_key_id = Aki::None, Ok(())),
        row("no subjectKeyIdentifier", ALL, |s| s.subject_key_id = false, Ok(())),
        row("authorityKeyIdentifier by serial", BELOW, serial, Ok(())),
        row("authorityKeyIdentifier by wrong serial", BELOW, other, Err(Error::PathIssuerUnknown)),
        row(
            "names another issuer",
            BELOW,
            |s| s.issuer = Some(maker::name("nobody")),
            Err(Error::PathIssuerUnknown),
        ),
        row("own name as PrintableString in another case", CAS, printable, Ok(())),
    ]
}

fn extensions() -> Vec<Mutation> {
    let unknown = Err(Error::PathCriticalExtensionUnknown);
    let dice: Change = |s| extra(s, OPEN_DICE, true, sequence(&[]));
    let explicit: Change = |s| extra(s, POLICY_CONSTRAINTS, true, sequence(&[&[0x80, 1, 0]]));
    let mapping: Change = |s| extra(s, POLICY_CONSTRAINTS, true, sequence(&[&[0x81, 1, 0]]));
    let policies: Change = |s| extra(s, POLICIES, true, sequence(&[&sequence(&[&tlv(6, &[UNKNOWN])])]));
    let map: Change = |s| {
        let (from, to) = (tlv(6, &[UNKNOWN]), tlv(6, &[&[0x2a, 3, 4]]));
        extra(s, POLICY_MAPPINGS, true, sequence(&[&sequence(&[&from, &to])]));
    };
    let twice: Change = |s| {
        for _ in 0..2 {
            extra(s, UNKNOWN, false, vec![5, 0]);
        }
    };
    let duplicate = || row("extension twice", BELOW, twice, Err(Error::CertificateExtensionDuplicate));
    vec![
        row("unknown critical extension", ALL, |s| extra(s, UNKNOWN, true, vec![5, 0]), unknown),
        row("unknown extension", ALL, |s| extra(s, UNKNOWN, false, vec![5, 0]), Ok(())),
        row("critical certificatePolicies", ALL, policies, Ok(())),
        row("critical policyMappings", CAS, map, Ok(())),
        row("critical inhibitAnyPolicy", CAS, |s| extra(s, INHIBIT_ANY_POLICY, true, vec![2, 1, 0]), Ok(())),
        row("critical inhibitPolicyMapping", CAS, mapping, Ok(())),
        differs(
            row("requireExplicitPolicy", CAS, explicit, Err(Error::PathPolicyRequired)),
            "explicit-policy",
        ),
        differs(row("critical Open-DICE", ALL, dice, Ok(())), "open-dice"),
        differs(duplicate(), "extension-twice"),
    ]
}

fn purposes() -> Vec<Mutation> {
    let restricted = || Err(Error::PathIssuerPurposeRestricted);
    let unfit = || Err(Error::PathExtendedKeyUsageUnfit);
    let critical: Change = |s| extra(s, EXTENDED_KEY_USAGE, true, sequence(&[&tlv(6, &[CLIENT_AUTH])]));
    let nameless: Change = |s| s.subject = maker::name("leaf");
    let no_serial = || row("no serialNumber", &[Leaf], nameless, Err(Error::PathSerialNumberMissing));
    let agreement: Change = |s| s.key_usage = Some(KeyUsage::KEY_AGREEMENT);
    let encipherment: Change = |s| s.key_usage = Some(KeyUsage::KEY_ENCIPHERMENT);
    let ca_leaf: Change = |s| {
        s.basic = Some((true, None));
        s.key_usage = None;
    };
    vec![
        row("clientAuth", ALL, |s| s.usages = Some(vec![CLIENT_AUTH, SERVER_AUTH]), Ok(())),
        row("critical clientAuth", ALL, critical, Ok(())),
        row("serverAuth only", CAS, |s| s.usages = Some(vec![SERVER_AUTH]), restricted()),
        row("serverAuth only", &[Leaf], |s| s.usages = Some(vec![SERVER_AUTH]), unfit()),
        differs(row("any extKeyUsage", ALL, |s| s.usages = Some(vec![ANY_USAGE]), Ok(())), "any-usage"),
        row("keyEncipherment only", &[Leaf], encipherment, Err(Error::PathKeyUsageUnfit)),
        differs(row("keyAgreement only", &[Leaf], agreement, Err(Error::PathKeyUsageUnfit)), "key-agreement"),
        differs(row("is a CA", &[Leaf], ca_leaf, Err(Error::PathEndEntityIsCa)), "end-entity-ca"),
        differs(no_serial(), "serial-number"),
    ]
}

/// Makes a chain of IDevID, intermediates and anchor.
pub(crate) fn chain(length: usize) -> Vec<Spec> {
    (0..length).map(|place| Spec { serial: u8::try_from(place).unwrap() + 1, ..spec(place) }).collect()
}

fn spec(place: usize) -> Spec {
    if place == 0 { Spec::device("lamp") } else { Spec::ca(&format!("CA {}", place + 1)) }
}

/// Makes the certificates of a chain, each issued by the next.
pub(crate) fn make(chain: &[Spec]) -> Vec<Vec<u8>> {
    (0..chain.len()).map(|place| chain[place].make(chain.get(place + 1))).collect()
}

/// Puts a chain to the judges: the last is the anchor, those between are the pool, in the wrong order.
pub(crate) fn case(name: String, chain: &[Spec], expected: Result<(), Error>) -> Case {
    let mut pool = make(chain);
    let leaf = pool.remove(0);
    let anchors = vec![pool.pop().unwrap()];
    pool.reverse();
    Case { name, leaf, pool, anchors, now: crate::now(), purpose: IDEVID, expected, difference: None }
}

pub(crate) fn cases() -> Vec<Case> {
    let groups = [validity(), signatures(), authorities(), identifiers(), extensions(), purposes()];
    let mut cases = Vec::new();
    for length in 2..=4 {
        cases.push(case(format!("good chain of {length}"), &chain(length), Ok(())));
        for mutation in groups.iter().flatten() {
            for place in places(mutation.places, length) {
                let mut changed = chain(length);
                // Names of issuers are taken before the change, so that an oddly written one is met by another.
                for below in 1..length {
                    changed[below - 1].issuer = Some(changed[below].subject.clone());
                }
                (mutation.change)(&mut changed[place]);
                let name = format!("{} at {place} of {length}", mutation.name);
                let expected = expected(mutation, place);
                cases.push(Case { difference: mutation.difference, ..case(name, &changed, expected) });
            }
        }
    }
    cases
}

/// A pool certificate that does not even parse is as good as absent.
fn expected(mutation: &Mutation, place: usize) -> Result<(), Error> {
    let is_unread =
        matches!(mutation.expected, Err(Error::CertificateMalformed | Error::CertificateExtensionDuplicate));
    if is_unread && place > 0 { Err(Error::PathIssuerUnknown) } else { mutation.expected.clone() }
}

fn places(kinds: &'static [Place], length: usize) -> impl Iterator<Item = usize> {
    (0..length).filter(move |place| {
        let kind = match *place {
            0 => Leaf,
            last if last == length - 1 => Anchor,
            _ => Intermediate,
        };
        kinds.contains(&kind)
    })
}
