//! Requirements of the standards: each id in the code has a test with the same id, and a sentence in the catalogue.
//!
//! `docs/conformance.md` is made from the catalogue and the code; `UPDATE_DOCS=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::{env, fs};

use tests::repository::{self, SourceFile};

use crate::no_offences;

/// Where an id stands.
#[derive(Default)]
struct Places {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
}

#[test]
fn every_requirement_in_the_code_has_a_test_and_the_other_way_round() {
    let mut offences = Vec::new();
    for (id, places) in places_by_id() {
        if places.tests.is_empty() {
            offences.push(format!("{id}: no test ({})", join(&places.code)));
        }
        if places.code.is_empty() {
            offences.push(format!("{id}: no code ({})", join(&places.tests)));
        }
    }
    no_offences("an orphaned requirement", &offences);
}

#[test]
fn the_catalogue_has_a_sentence_for_every_requirement() {
    let catalogue = catalogue();
    let missing: Vec<String> = places_by_id().into_keys().filter(|id| !catalogue.contains_key(id)).collect();
    no_offences("docs/conformance.toml has no sentence for", &missing);
}

#[test]
fn the_conformance_document_is_up_to_date() {
    let path = repository::root().join("docs/conformance.md");
    let fresh = render(&catalogue(), &places_by_id());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &fresh).expect("docs/conformance.md is writable");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == fresh,
        "docs/conformance.md is stale: run UPDATE_DOCS=1 cargo nextest run -p tests --test tidy"
    );
}

/// Reads `docs/conformance.toml`: id → what the standard asks, in a sentence of ours.
fn catalogue() -> BTreeMap<String, String> {
    let text = fs::read_to_string(repository::root().join("docs/conformance.toml"))
        .expect("docs/conformance.toml is there");
    toml::from_str(&text).expect("docs/conformance.toml is valid")
}

fn places_by_id() -> BTreeMap<String, Places> {
    let mut found = BTreeMap::<String, Places>::new();
    for file in repository::rust_files().iter().filter(|f| !f.path.starts_with("tests/tidy/")) {
        let (code, tests) = split_tests(file);
        for id in ids_in(code) {
            found.entry(id).or_default().code.insert(file.path.clone());
        }
        for id in ids_in(tests) {
            found.entry(id).or_default().tests.insert(file.path.clone());
        }
    }
    found
}

/// Splits a file into what runs and what tests it.
fn split_tests(file: &SourceFile) -> (&str, &str) {
    let is_test =
        file.path.starts_with("tests/") || file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    if is_test {
        return ("", &file.text);
    }
    match file.text.find("#[cfg(test)]\nmod tests") {
        Some(at) => file.text.split_at(at),
        None => (&file.text, ""),
    }
}

/// Finds the ids in the comments of a text: `RFC8995-5.2-proximity`, `IEEE802.1AR-8-serial`.
fn ids_in(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.split_once("//").map(|(_, comment)| comment))
        .flat_map(|comment| comment.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')))
        .map(|word| word.trim_end_matches(['.', '-']))
        .filter(|word| is_id(word))
        .map(str::to_owned)
        .collect()
}

/// An id is a document, a section with a digit or an appendix letter, and one or more lower-case words.
fn is_id(word: &str) -> bool {
    let mut parts = word.split('-');
    let (Some(document), Some(section), Some(topic)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_rfc =
        document.strip_prefix("RFC").is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()));
    let is_document =
        is_rfc || document == "CBRSKI" || document == "IEEE802.1AR" || document.starts_with("X.");
    let is_section = section.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase());
    is_document && is_section && topic.starts_with(|c: char| c.is_ascii_lowercase())
}

fn render(catalogue: &BTreeMap<String, String>, places: &BTreeMap<String, Places>) -> String {
    let mut out = String::from(
        "# Conformance\n\nMade from `docs/conformance.toml` and the ids in the code and tests. *Not yet* means: no code of ours \
         carries the id.\n",
    );
    let mut document = "";
    for (id, sentence) in catalogue {
        let of = id.split('-').next().unwrap_or_default();
        if of != document {
            document = of;
            let _ = write!(
                out,
                "\n## {document}\n\n| id | requirement | code | tests |\n| --- | --- | --- | --- |\n"
            );
        }
        let row = places.get(id);
        let code = row.map_or_else(|| "*not yet*".to_owned(), |p| join(&p.code));
        let tests = row.map_or_else(String::new, |p| join(&p.tests));
        let _ = writeln!(out, "| {id} | {sentence} | {code} | {tests} |");
    }
    out
}

fn join(paths: &BTreeSet<String>) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join("<br>")
}
