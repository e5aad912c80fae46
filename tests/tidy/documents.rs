//! Rules for the documents: they name what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cargo_metadata::MetadataCommand;
use tests::repository::{self, SourceFile};

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
fn the_threat_model_names_code_and_tests_that_are_there() {
    let text = document("docs/threat-model.md");
    let names = text.split('`').skip(1).step_by(2).filter(|name| name.contains('/') && !name.contains(' '));
    let missing: Vec<String> = names.filter(|name| !is_there(name)).map(str::to_owned).collect();
    no_offences("docs/threat-model.md names what is not there", &missing);
}

#[test]
fn links_within_the_repository_lead_somewhere() {
    let mut dead = Vec::new();
    for page in repository::text_files().into_iter().filter(|f| f.path.ends_with(".md")) {
        let directory =
            repository::root().join(&page.path).parent().expect("a file has a directory").to_path_buf();
        let targets = page.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let is_dead =
            |target: &&str| !target.is_empty() && !target.contains(':') && !directory.join(target).exists();
        dead.extend(targets.filter(is_dead).map(|target| format!("{} → {target}", page.path)));
    }
    no_offences("a dead link", &dead);
}

/// Tells whether a path, or a function by `path::name`, is in the repository.
fn is_there(name: &str) -> bool {
    let Some((path, function)) = name.split_once("::") else {
        return repository::root().join(name).exists();
    };
    fs::read_to_string(repository::root().join(path))
        .is_ok_and(|text| text.contains(&format!("fn {function}(")))
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

/// How a method that names codes begins: `code` or `…_code`.
const METHODS: [&str; 2] = ["code(&self) ->", "code(self) ->"];

/// Finds each code that the sources make, outside of tests, with the file that makes it.
fn reason_codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for file in repository::rust_files().into_iter().filter(is_source) {
        let above_tests = file.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let made = above_tests.split("ReasonCode::new(").skip(1).filter_map(first_argument);
        let named = METHODS.into_iter().flat_map(|method| above_tests.split(method).skip(1)).filter_map(body);
        let named = named.flat_map(quoted);
        codes.extend(made.chain(named).map(|code| (code.to_owned(), file.path.clone())));
    }
    codes
}

fn is_source(file: &SourceFile) -> bool {
    file.path.contains("/src/") && !file.path.ends_with("/tests.rs")
}

/// Takes the text right after the parenthesis when it is a literal.
fn first_argument(call: &str) -> Option<&str> {
    call.trim_start().strip_prefix('"')?.split('"').next()
}

/// Takes the body of a method from what follows its name.
fn body(after_name: &str) -> Option<&str> {
    after_name.split_once('{')?.1.split("\n    }\n").next()
}

/// Takes every literal of a text that has the form of a code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2).filter(|word| word.contains('-') && !word.contains(' '))
}

fn document(path: &str) -> String {
    fs::read_to_string(repository::root().join(path)).unwrap_or_else(|_| panic!("{path} is there"))
}
