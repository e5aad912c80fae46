//! Our path checker before two judges: what is expected, and what `openssl verify` says of the same certificates.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod foreign;
mod judge;
mod maker;
mod mutations;
mod own;
mod scenarios;

use std::collections::BTreeSet;

use proto::UnixTime;

/// Where our verdict is another than OpenSSL's, and why; docs/adr/0003-own-path-validation.md has the same table.
const DIFFERENCES: &[(&str, &str)] = &[
    ("anchor-validity", "an anchor's own validity does not count (RFC 5280 §6.1.1 (d)); OpenSSL checks it"),
    ("any-usage", "anyExtendedKeyUsage allows a device or a CA any use; OpenSSL wants the exact one"),
    ("backtracking", "another CA of the same name is tried; OpenSSL does not turn back"),
    ("ca-by-key-usage", "keyCertSign without basicConstraints makes no CA, not even of an anchor"),
    ("common-name", "a host is never looked for in commonName (RFC 6125 §6.4.4)"),
    ("constraint-kinds", "constrained mail names and URLs are refused even where they fit"),
    ("depth-bound", "a path has eight certificates at most"),
    ("end-entity-ca", "a CA is no device, client or server"),
    ("expiry-ignored", "the end of an IDevID's validity may be ignored by registration (IEEE 802.1AR)"),
    ("explicit-policy", "policies are not processed, so a CA that requires one is refused"),
    ("extension-twice", "an extension stands once (RFC 5280 §4.2)"),
    ("key-agreement", "a device proves itself by a signature"),
    ("last-second", "notAfter belongs to the validity (RFC 5280 §4.1.2.5)"),
    ("no-such-purpose", "OpenSSL has no such purpose and was asked for any"),
    ("open-dice", "the critical Open-DICE extension is known and safe to ignore"),
    ("pool-bound", "a pool has 32 certificates at most"),
    ("serial-number", "a device has a serialNumber in its subject (IEEE 802.1AR)"),
    ("usage-demanded", "whom we or the Web PKI certify has the extKeyUsage"),
    ("version-1-anchor", "a version 1 certificate is no CA"),
];

pub(crate) fn now() -> UnixTime {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

#[test]
fn verdicts_on_two_hundred_chains_are_those_expected_and_those_of_openssl() {
    // RFC5280-6.1.3-validity RFC5280-6.1.4-basic-constraints RFC5280-6.1.4-path-length
    // RFC5280-6.1.4-key-cert-sign RFC5280-4.2-critical RFC5280-6.1-explicit-policy
    // RFC5280-4.2.1.1-key-identifier RFC5280-4.2.1.3-digital-signature RFC5280-6.1.3-name-constraints
    // RFC8995-5.5.4-cmcra IEEE802.1AR-8-expiry IEEE802.1AR-8-serial-number RFC6125-6.4-dns-id
    let cases = mutations::cases().into_iter().chain(scenarios::cases()).collect::<Vec<_>>();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let has_openssl = judge::has_openssl();
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let ours = case.ours();
        if ours != case.expected {
            wrong.push(format!("{}: ours {ours:?}, expected {:?}", case.name, case.expected));
        }
        if has_openssl {
            let (theirs, text) = case.openssl(directory.path());
            if (theirs == ours.is_ok()) == case.difference.is_some() {
                let said = text.lines().find(|line| line.starts_with("error")).unwrap_or("OK").to_owned();
                wrong.push(format!(
                    "{}: ours {ours:?}, difference {:?}, OpenSSL {said}",
                    case.name, case.difference
                ));
            }
        }
    }
    let good = cases.iter().filter(|case| case.expected.is_ok()).count();
    eprintln!("{} cases, {good} good, OpenSSL asked: {has_openssl}", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_difference_from_openssl_is_listed_and_occurs() {
    let cases = mutations::cases().into_iter().chain(scenarios::cases());
    let found: BTreeSet<&str> = cases.filter_map(|case| case.difference).collect();
    let listed: BTreeSet<&str> = DIFFERENCES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed);
    let record =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/adr/0003-own-path-validation.md"));
    for (name, reason) in DIFFERENCES {
        assert!(record.contains(&format!("| {name} | {reason} |")), "{name} is not in the record");
    }
}
