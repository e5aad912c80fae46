//! Rules for the documents: they name what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cargo_metadata::MetadataCommand;
use tests::repository;

use crate::no_offences;

#[test]
fn architecture_names_every_crate() {
    let text = document("ARCHITECTURE.md");
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    let missing: Vec<String> = metadata
        .workspace_packages()
        .iter()
        .map(|p| p.name.to_string())
        .filter(|name| !text.contains(&format!("`{name}`")))
        .collect();
    no_offences("ARCHITECTURE.md does not name", &missing);
}

#[test]
fn the_manual_explains_every_reason_code_and_no_other() {
    let in_code = reason_codes();
    let manual: BTreeSet<String> = document("docs/reason-codes.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(code, _)| code.to_owned()))
        .collect();
    let mut offences: Vec<String> =
        in_code.keys().filter(|c| !manual.contains(*c)).map(|c| format!("not explained: {c}")).collect();
    offences
        .extend(manual.iter().filter(|c| !in_code.contains_key(*c)).map(|c| format!("in no source: {c}")));
    no_offences("docs/reason-codes.md and the code disagree", &offences);
}

#[test]
fn reason_codes_are_lower_case_words_with_hyphens() {
    let offences: Vec<String> = reason_codes()
        .into_iter()
        .filter(|(code, _)| {
            !code.contains('-')
                || !code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
        .map(|(code, path)| format!("{path}: {code}"))
        .collect();
    no_offences("a reason code of another form", &offences);
}

/// Finds each code that the sources make, outside of tests, with the file that makes it.
fn reason_codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for file in repository::rust_files().into_iter().filter(|f| f.path.contains("/src/")) {
        let above_tests = file.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for piece in above_tests.split("ReasonCode::new(").skip(1) {
            if let Some(code) = piece.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                codes.insert(code.to_owned(), file.path.clone());
            }
        }
    }
    codes
}

fn document(path: &str) -> String {
    fs::read_to_string(repository::root().join(path)).unwrap_or_else(|_| panic!("{path} is there"))
}
