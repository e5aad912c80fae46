//! Whole situations: pools in disorder, CAs of one name, cross-certificates, other purposes, name constraints.

use pki::path::{DEPTH_MAX, Expiry, POOL_MAX, Purpose};
use pki::{Error, KeyAlgorithm, KeyUsage, Signer};

use crate::judge::Case;
use crate::maker::{self, Aki, NAME_CONSTRAINTS, SUBJECT_ALT_NAME, Spec, at, sequence, tlv};
use crate::mutations::{case, chain};

const CMC_RA: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 28];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

fn named(name: &str, case: Case) -> Case {
    Case { name: name.into(), ..case }
}

fn differs(difference: &'static str, case: Case) -> Case {
    Case { difference: Some(difference), ..case }
}

pub(crate) fn cases() -> Vec<Case> {
    [
        pools(),
        lengths(),
        same_names(),
        cross(),
        algorithms(),
        expiry(),
        clients(),
        signers(),
        servers(),
        constraints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Orders and extras of the pool do not matter.
fn pools() -> Vec<Case> {
    let specs = chain(5);
    let good = || case("chain of 5".into(), &specs, Ok(()));
    let mut cases = Vec::new();
    for turn in 0..3 {
        let mut turned = named(&format!("pool turned by {turn}"), good());
        turned.pool.rotate_left(turn);
        cases.push(turned);
    }
    let mut extra = named("pool with strangers, twins, the leaf and the anchor", good());
    extra.pool.extend(extra.pool.clone());
    extra.pool.extend([extra.leaf.clone(), extra.anchors[0].clone()]);
    extra.pool.extend((0..15).map(|n| Spec::ca(&format!("stranger {n}")).make(None)));
    extra.pool.reverse();
    cases.push(extra);
    let mut missing =
        named("intermediate missing", Case { expected: Err(Error::PathIssuerUnknown), ..good() });
    missing.pool.remove(1);
    cases.push(missing);
    let mut crowded = named("pool too large", Case { expected: Err(Error::PathPoolTooLarge), ..good() });
    crowded.pool.extend((0..POOL_MAX).map(|n| Spec::ca(&format!("stranger {n}")).make(None)));
    cases.push(differs("pool-bound", crowded));
    let mut partial = named("an intermediate is the anchor", good());
    partial.anchors = vec![partial.pool[0].clone()];
    cases.push(partial);
    let mut pinned = named("the leaf is the anchor", good());
    pinned.anchors = vec![pinned.leaf.clone()];
    cases.push(pinned);
    let stranger = vec![Spec::ca("CA 5").make(None)];
    cases.push(Case {
        anchors: stranger,
        ..named("anchor of the same name", Case { expected: Err(Error::PathIssuerUnknown), ..good() })
    });
    let mut two = named("two anchors of one name", good());
    two.anchors.insert(0, Spec::ca("CA 5").make(None));
    cases.push(two);
    cases
}

fn lengths() -> Vec<Case> {
    let deep = Err(Error::PathTooDeep);
    let mut cases = vec![
        case("as deep as allowed".into(), &chain(DEPTH_MAX), Ok(())),
        differs("depth-bound", case("one too deep".into(), &chain(DEPTH_MAX + 1), deep)),
    ];
    for (length, allowed) in [(2, 0), (3, 0), (3, 1), (4, 1), (4, 2), (5, 2), (5, 3), (5, 0)] {
        let mut specs = chain(length);
        specs[length - 1].basic = Some((true, Some(allowed)));
        let is_ample = usize::from(allowed) + 2 >= length;
        let expected = if is_ample { Ok(()) } else { Err(Error::PathLengthExceeded) };
        cases.push(case(
            format!("anchor's path length {allowed} over a chain of {length}"),
            &specs,
            expected,
        ));
        if length > 2 {
            let mut specs = chain(length);
            specs[length - 2].basic = Some((true, Some(allowed)));
            let expected =
                if usize::from(allowed) + 3 >= length { Ok(()) } else { Err(Error::PathLengthExceeded) };
            cases.push(case(
                format!("CA's path length {allowed} over a chain of {length}"),
                &specs,
                expected,
            ));
        }
    }
    let mut rolled = chain(4);
    rolled[1].subject = rolled[2].subject.clone();
    rolled[2].basic = Some((true, Some(0)));
    cases.push(case("a self-issued CA does not count for the path length".into(), &rolled, Ok(())));
    cases
}

/// Several CAs of one name: the right one is found, whichever comes first.
fn same_names() -> Vec<Case> {
    let mut cases = Vec::new();
    for has_identifiers in [true, false] {
        let mut specs = chain(3);
        let mut wrong = Spec::ca("CA 2");
        for spec in specs.iter_mut().chain([&mut wrong]) {
            if !has_identifiers {
                (spec.authority_key_id, spec.subject_key_id) = (Aki::None, false);
            }
        }
        let wrong = wrong.make(Some(&specs[2]));
        for is_first in [true, false] {
            let mut one =
                case(format!("CA of the same name, first {is_first}, ids {has_identifiers}"), &specs, Ok(()));
            one.pool.insert(if is_first { 0 } else { 1 }, wrong.clone());
            one.difference = (is_first && !has_identifiers).then_some("backtracking");
            cases.push(one);
        }
    }
    let specs = chain(3);
    let old = Spec { validity: (at("2020-01-01T00:00:00Z"), at("2021-01-01T00:00:00Z")), ..specs[1].clone() };
    let mut renewed = case("an expired issue of the CA beside the new one".into(), &specs, Ok(()));
    renewed.pool.insert(0, old.make(Some(&specs[2])));
    cases.push(renewed);
    cases
}

fn cross() -> Vec<Case> {
    let (first, second) = (Spec::ca("root A"), Spec::ca("root B"));
    let issuing = Spec::ca("issuing");
    let leaf = Spec::device("lamp");
    let pool = vec![issuing.make(Some(&second)), second.make(None), second.make(Some(&first))];
    let base = |name: &str, anchors: Vec<Vec<u8>>, expected| Case {
        name: name.into(),
        leaf: leaf.make(Some(&issuing)),
        pool: pool.clone(),
        anchors,
        now: crate::now(),
        purpose: crate::judge::IDEVID,
        expected,
        difference: None,
    };
    let (one, two) = (Spec::ca("loop 1"), Spec::ca("loop 2"));
    let looped = Case {
        leaf: leaf.make(Some(&one)),
        pool: vec![one.make(Some(&two)), two.make(Some(&one))],
        ..base("CAs that signed each other", vec![first.make(None)], Err(Error::PathIssuerUnknown))
    };
    vec![
        differs("backtracking", base("cross-certificate to the other root", vec![first.make(None)], Ok(()))),
        base("the root itself beside its cross-certificate", vec![second.make(None)], Ok(())),
        base("both roots", vec![first.make(None), second.make(None)], Ok(())),
        base("neither root", vec![Spec::ca("root C").make(None)], Err(Error::PathIssuerUnknown)),
        looped,
        base("no anchor but a stranger's leaf", vec![leaf.make(Some(&first))], Err(Error::PathIssuerUnknown)),
    ]
}

fn algorithms() -> Vec<Case> {
    let mut cases = Vec::new();
    for leaf in KeyAlgorithm::ALL {
        for ca in KeyAlgorithm::ALL {
            let mut specs = chain(3);
            specs[0].key = Signer::generate(leaf).unwrap();
            specs[1].key = Signer::generate(ca).unwrap();
            cases.push(case(format!("{leaf} below {ca}"), &specs, Ok(())));
        }
    }
    cases
}

/// The end of an IDevID's validity may be ignored, and nothing else.
// IEEE802.1AR-8-expiry
fn expiry() -> Vec<Case> {
    let purpose = Purpose::IdevId { expiry: Expiry::Ignore };
    let past = (at("2020-01-01T00:00:00Z"), at("2021-01-01T00:00:00Z"));
    let future = (at("2030-01-01T00:00:00Z"), at("2031-01-01T00:00:00Z"));
    let with = |place: usize, validity, expected| {
        let mut specs = chain(3);
        specs[place].validity = validity;
        let name =
            format!("expiry ignored, {} at {place}", if validity == past { "expired" } else { "too early" });
        Case { purpose, ..case(name, &specs, expected) }
    };
    vec![
        differs("expiry-ignored", with(0, past, Ok(()))),
        with(0, future, Err(Error::PathNotYetValid)),
        with(1, past, Err(Error::PathExpired)),
        with(1, future, Err(Error::PathNotYetValid)),
    ]
}

fn client(
    name: &str,
    purpose: Purpose<'static>,
    change: &dyn Fn(&mut Spec),
    expected: Result<(), Error>,
) -> Case {
    let mut specs = chain(3);
    specs[0].subject = maker::name("person");
    change(&mut specs[0]);
    Case { purpose, ..case(name.into(), &specs, expected) }
}

fn uses(usages: &[&'static [u8]]) -> impl Fn(&mut Spec) {
    let usages = usages.to_vec();
    move |spec| spec.usages = Some(usages.clone())
}

fn is_device(spec: &mut Spec) {
    spec.subject = maker::device_name("lamp");
}

fn clients() -> Vec<Case> {
    let unfit = || Err(Error::PathExtendedKeyUsageUnfit);
    let no_serial = Err(Error::PathSerialNumberMissing);
    let device = |spec: &mut Spec| {
        is_device(spec);
        spec.usages = Some(vec![CLIENT_AUTH]);
    };
    vec![
        client("client", Purpose::TlsClient, &uses(&[CLIENT_AUTH]), Ok(())),
        client("client by serverAuth", Purpose::TlsClient, &uses(&[SERVER_AUTH]), unfit()),
        differs("usage-demanded", client("client without extKeyUsage", Purpose::TlsClient, &|_| {}, unfit())),
        client("LDevID", Purpose::LdevId, &device, Ok(())),
        differs(
            "serial-number",
            client("nameless LDevID", Purpose::LdevId, &uses(&[CLIENT_AUTH]), no_serial),
        ),
        differs("usage-demanded", client("LDevID without extKeyUsage", Purpose::LdevId, &is_device, unfit())),
    ]
}

// RFC8995-5.5.4-cmcra
fn signers() -> Vec<Case> {
    use Purpose::{Registrar, RegistrarRequestSigner, VoucherSigner};
    let unfit = || Err(Error::PathExtendedKeyUsageUnfit);
    let ca = |spec: &mut Spec| {
        spec.basic = Some((true, None));
        spec.key_usage = Some(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_CERT_SIGN));
    };
    let mut cases = vec![
        client("request signer", RegistrarRequestSigner, &uses(&[CMC_RA, SERVER_AUTH]), Ok(())),
        client("registrar by cmcRA", Registrar, &uses(&[CMC_RA]), Ok(())),
        client("registrar by serverAuth", Registrar, &uses(&[SERVER_AUTH]), Ok(())),
        client("voucher signer", VoucherSigner, &|_| {}, Ok(())),
        client("a CA as voucher signer", VoucherSigner, &ca, Ok(())),
    ];
    let refused = [
        client("request signer without cmcRA", RegistrarRequestSigner, &uses(&[CLIENT_AUTH]), unfit()),
        client("registrar by clientAuth", Registrar, &uses(&[CLIENT_AUTH]), unfit()),
        client("voucher signer by serverAuth", VoucherSigner, &uses(&[SERVER_AUTH]), unfit()),
        client("a device as voucher signer", VoucherSigner, &is_device, Err(Error::PathSignerIsDevice)),
    ];
    cases.extend(refused.into_iter().map(|case| differs("no-such-purpose", case)));
    cases
}

fn server(
    host: &'static str,
    names: &[u8],
    change: impl Fn(&mut [Spec]),
    expected: Result<(), Error>,
) -> Case {
    let mut specs = chain(3);
    specs[0].subject = maker::name("server");
    specs[0].usages = Some(vec![SERVER_AUTH]);
    specs[0].extra.push((SUBJECT_ALT_NAME.to_vec(), false, sequence(&[names])));
    change(&mut specs);
    Case { purpose: Purpose::TlsServer { host }, ..case(format!("server {host}"), &specs, expected) }
}

fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, &[name.as_bytes()])
}

fn servers() -> Vec<Case> {
    let mismatch = || Err(Error::PathHostMismatch);
    let two = [dns("x.example"), dns("masa.example.com")].concat();
    let nothing = |_: &mut [Spec]| {};
    let nameless = |specs: &mut [Spec]| {
        specs[0].extra.clear();
        specs[0].subject = sequence(&[&maker::attribute(&[0x55, 4, 3], 0x0c, "masa.example.com")]);
    };
    let unfit = Err(Error::PathExtendedKeyUsageUnfit);
    vec![
        server("masa.example.com", &two, nothing, Ok(())),
        server("MASA.example.com", &two, nothing, Ok(())),
        server("example.com", &two, nothing, mismatch()),
        server("masa.example.com", &dns("*.example.com"), nothing, Ok(())),
        server("a.masa.example.com", &dns("*.example.com"), nothing, mismatch()),
        server("example.com", &dns("*.example.com"), nothing, mismatch()),
        server("masa.example.com", &dns("*.com"), nothing, mismatch()),
        server("127.0.0.1", &tlv(0x87, &[&[127, 0, 0, 1]]), nothing, Ok(())),
        server("127.0.0.1", &dns("127.0.0.1"), nothing, mismatch()),
        server("::1", &tlv(0x87, &[&[0; 15], &[1]]), nothing, Ok(())),
        differs("common-name", server("masa.example.com", &[], nameless, mismatch())),
        differs("usage-demanded", server("masa.example.com", &two, |specs| specs[0].usages = None, unfit)),
    ]
}

/// A nameConstraints extension: permitted and excluded subtrees.
fn subtrees(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> (Vec<u8>, bool, Vec<u8>) {
    let list = |tag: u8, bases: &[Vec<u8>]| {
        let bases: Vec<u8> = bases.iter().flat_map(|base| sequence(&[base])).collect();
        if bases.is_empty() { Vec::new() } else { tlv(tag, &[&bases]) }
    };
    (NAME_CONSTRAINTS.to_vec(), true, sequence(&[&list(0xa0, permitted), &list(0xa1, excluded)]))
}

fn directory(name: &[u8]) -> Vec<u8> {
    tlv(0xa4, &[name])
}

// RFC5280-6.1.3-name-constraints
fn constraints() -> Vec<Case> {
    let violated = || Err(Error::PathNameConstraintViolated);
    let organization = |text: &str| directory(&sequence(&[&maker::attribute(&[0x55, 4, 10], 0x0c, text)]));
    let mut cases = Vec::new();
    let mut dns_case = |name: &str, permitted: &[&str], excluded: &[&str], expected: Result<(), Error>| {
        for place in [1, 2] {
            let bases = |names: &[&str]| names.iter().map(|n| dns(n)).collect::<Vec<_>>();
            let extension = subtrees(&bases(permitted), &bases(excluded));
            let put = |specs: &mut [Spec]| specs[place].extra.push(extension.clone());
            let made = server("masa.example.com", &dns("masa.example.com"), put, expected.clone());
            cases.push(named(&format!("{name} at {place}"), made));
        }
    };
    dns_case("DNS permitted", &["example.com"], &[], Ok(()));
    dns_case("DNS exactly permitted", &["masa.example.com"], &[], Ok(()));
    dns_case("one of two permitted", &["example.org", "example.com"], &[], Ok(()));
    dns_case("DNS not permitted", &["example.org"], &[], violated());
    dns_case("DNS permitted by a mere ending", &["ple.com"], &[], violated());
    dns_case("DNS excluded", &[], &["example.com"], violated());
    dns_case("permitted and excluded", &["example.com"], &["masa.example.com"], violated());
    dns_case("another excluded", &[], &["example.org"], Ok(()));
    let mut name_case =
        |name: &str, extension: (Vec<u8>, bool, Vec<u8>), names: &[u8], expected: Result<(), Error>| {
            let mut specs = chain(4);
            specs[2].extra.push(extension);
            if !names.is_empty() {
                specs[0].extra.push((SUBJECT_ALT_NAME.to_vec(), false, sequence(&[names])));
            }
            cases.push(case(name.into(), &specs, expected));
        };
    let acme = || organization("Acme");
    name_case("directory permitted", subtrees(&[acme()], &[]), &[], Ok(()));
    name_case("directory permitted in other letters", subtrees(&[organization("ACME")], &[]), &[], Ok(()));
    name_case("directory not permitted", subtrees(&[organization("Other")], &[]), &[], violated());
    name_case("directory excluded", subtrees(&[], &[acme()]), &[], violated());
    name_case("DNS constrained and absent", subtrees(&[dns("example.com")], &[]), &[], Ok(()));
    let address = |octets: &[u8]| tlv(0x87, &[octets]);
    let ten = || subtrees(&[address(&[10, 0, 0, 0, 255, 0, 0, 0])], &[]);
    name_case("address permitted", ten(), &address(&[10, 1, 2, 3]), Ok(()));
    name_case("address not permitted", ten(), &address(&[11, 1, 2, 3]), violated());
    let email = |text: &str| tlv(0x81, &[text.as_bytes()]);
    let unsupported = || Err(Error::PathNameConstraintUnsupported);
    name_case(
        "mail not permitted",
        subtrees(&[email("example.org")], &[]),
        &email("a@example.com"),
        unsupported(),
    );
    name_case("mail constrained and absent", subtrees(&[email("example.org")], &[]), &[], Ok(()));
    let url = |text: &str| tlv(0x86, &[text.as_bytes()]);
    name_case(
        "URL not permitted",
        subtrees(&[url("example.org")], &[]),
        &url("https://a.example.com/"),
        unsupported(),
    );
    let mut allowed_mail = chain(3);
    allowed_mail[1].extra.push(subtrees(&[email("example.org")], &[]));
    allowed_mail[0].extra.push((SUBJECT_ALT_NAME.to_vec(), false, sequence(&[&email("a@example.org")])));
    cases.push(differs("constraint-kinds", case("mail permitted".into(), &allowed_mail, unsupported())));
    cases.push(self_issued());
    cases
}

/// A self-issued CA in the middle is exempt from constraints, the end entity is not.
fn self_issued() -> Case {
    let mut specs = chain(4);
    specs[1].subject = specs[2].subject.clone();
    let lamp = directory(&maker::device_name("lamp"));
    specs[2].extra.push(subtrees(&[lamp], &[]));
    case("a self-issued CA is exempt from name constraints".into(), &specs, Ok(()))
}
