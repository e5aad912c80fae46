//! Who may use whom: the table of stairs in ARCHITECTURE.md, held against `cargo metadata`.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::no_offences;

/// What a crate may use of ours, and which crates of others it must not name.
struct Rule {
    package: &'static str,
    may_use: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

const IO: &[&str] = &["tokio", "axum", "hyper", "hyper-util", "sled", "tonic", "mio"];
const IO_AND_KEYS: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "hyper-util",
    "sled",
    "tonic",
    "mio",
    "rustls",
    "aws-lc-rs",
    "rcgen",
    "x509-parser",
];

const RULES: &[Rule] = &[
    Rule { package: "proto", may_use: &[], must_not_know: IO_AND_KEYS },
    Rule { package: "pki", may_use: &["proto"], must_not_know: IO },
    Rule {
        package: "proto-api",
        may_use: &["proto", "pki"],
        must_not_know: &["tokio", "axum", "hyper", "sled", "rustls"],
    },
    Rule { package: "proto-voucher", may_use: &["proto", "pki"], must_not_know: IO },
    Rule { package: "proto-brski", may_use: &["proto", "pki", "proto-voucher"], must_not_know: IO },
    Rule { package: "proto-coap", may_use: &["proto"], must_not_know: IO },
    Rule { package: "proto-dtls", may_use: &["proto", "pki"], must_not_know: IO },
    Rule { package: "proto-est", may_use: &["proto", "pki"], must_not_know: IO },
    Rule { package: "server-lifecycle", may_use: &["proto"], must_not_know: IO_AND_KEYS },
    Rule { package: "server-policy", may_use: &["proto", "server-lifecycle"], must_not_know: IO_AND_KEYS },
    Rule {
        package: "server-journal",
        may_use: &["proto"],
        must_not_know: &["tokio", "axum", "hyper", "sled", "tonic", "rustls", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-store",
        may_use: &["proto", "server-lifecycle", "server-journal"],
        must_not_know: &["tokio", "axum", "hyper", "tonic", "rustls", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-config",
        may_use: &["proto"],
        must_not_know: &["tokio", "axum", "hyper", "sled", "tonic", "rustls", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-listen",
        may_use: &["proto", "pki", "server-config"],
        must_not_know: &["sled", "tonic", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-init",
        may_use: &["proto", "pki", "server-config", "server-listen"],
        must_not_know: &["sled", "tonic", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-coaps",
        may_use: &["proto", "pki", "proto-coap", "proto-dtls", "server-config", "server-listen"],
        must_not_know: &["sled", "axum", "hyper", "tonic", "rcgen", "x509-parser"],
    },
    Rule {
        package: "server-outbound",
        may_use: &["proto", "pki", "proto-brski"],
        must_not_know: &["sled", "axum", "tonic", "rcgen", "x509-parser"],
    },
    Rule {
        package: "onboarding-server",
        may_use: &[
            "proto",
            "pki",
            "proto-api",
            "proto-voucher",
            "proto-brski",
            "proto-coap",
            "proto-dtls",
            "proto-est",
            "server-coaps",
            "server-config",
            "server-init",
            "server-listen",
            "server-outbound",
            "server-lifecycle",
            "server-policy",
            "server-journal",
            "server-store",
        ],
        must_not_know: &[],
    },
    Rule {
        package: "gangway",
        may_use: &["proto", "pki", "proto-api", "server-journal"],
        must_not_know: &["sled", "axum"],
    },
    Rule {
        package: "device-sim",
        may_use: &[
            "proto",
            "pki",
            "proto-api",
            "proto-voucher",
            "proto-brski",
            "proto-coap",
            "proto-dtls",
            "proto-est",
        ],
        must_not_know: &["sled", "axum"],
    },
];

#[test]
fn crates_use_only_what_the_table_of_stairs_allows() {
    let metadata = metadata();
    let ours: Vec<&str> = metadata.workspace_packages().iter().map(|p| p.name.as_str()).collect();
    let mut offences = Vec::new();
    for package in metadata.workspace_packages() {
        if package.name.as_str() == "tests" {
            continue;
        }
        match RULES.iter().find(|rule| rule.package == package.name.as_str()) {
            Some(rule) => offences.extend(offences_of(package, rule, &ours)),
            None => offences.push(format!("{} has no row in the table", package.name)),
        }
    }
    no_offences("an edge that the table of stairs does not allow", &offences);
}

#[test]
fn nobody_uses_the_tests() {
    let users: Vec<String> = metadata()
        .workspace_packages()
        .iter()
        .filter(|p| p.dependencies.iter().any(|d| d.name == "tests"))
        .map(|p| p.name.to_string())
        .collect();
    no_offences("depends on the garden", &users);
}

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata runs")
}

/// A crate's tests may use test crates of others, so development dependencies are held to `may_use` only.
fn offences_of(package: &Package, rule: &Rule, ours: &[&str]) -> Vec<String> {
    let forbidden = |name: &str| rule.must_not_know.contains(&name);
    package
        .dependencies
        .iter()
        .filter(|d| {
            let is_ours = ours.contains(&d.name.as_str());
            if is_ours {
                !rule.may_use.contains(&d.name.as_str())
            } else {
                d.kind == DependencyKind::Normal && forbidden(&d.name)
            }
        })
        .map(|d| format!("{} → {}", package.name, d.name))
        .collect()
}
