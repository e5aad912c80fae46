//! Rules for each Rust source file: its header, its size, and words that must not stay in it.

use tests::repository::{self, SourceFile};

use crate::{exceptions, no_offences};

/// The most lines a file may have above its unit tests.
const FILE_LINES_MAX: usize = 600;
/// The most lines of our code a crate may have, its tests not counted.
const CRATE_LINES_MAX: usize = 8000;

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> =
        repository::rust_files().into_iter().filter(|f| !f.text.starts_with("//!")).map(|f| f.path).collect();
    no_offences("a file without a `//!` header", &silent);
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let allowed = exceptions::load().long_files;
    let mut offences = Vec::new();
    for file in repository::rust_files() {
        let lines = lines_above_tests(&file.text);
        let limit = allowed.get(&file.path).copied().unwrap_or(FILE_LINES_MAX);
        if lines > limit {
            offences.push(format!("{}: {lines} lines, {limit} allowed", file.path));
        }
        if lines <= FILE_LINES_MAX && allowed.contains_key(&file.path) {
            offences.push(format!("{}: needs no exception any more", file.path));
        }
    }
    no_offences("a file that is too long", &offences);
}

#[test]
fn functions_over_seventy_lines_are_named_exceptions() {
    let allowed = exceptions::load().long_functions;
    let mut offences = Vec::new();
    for file in repository::rust_files() {
        let found =
            file.text.lines().filter(|l| is_attribute(l) && l.contains("clippy::too_many_lines")).count();
        let named = allowed.get(&file.path).copied().unwrap_or(0);
        if found != named {
            offences.push(format!("{}: {found} long functions, {named} named", file.path));
        }
    }
    no_offences("tests/tidy/exceptions.toml and the code disagree", &offences);
}

#[test]
fn crates_stay_small_enough_to_be_known() {
    let allowed = exceptions::load().large_crates;
    let mut lines = std::collections::BTreeMap::<String, usize>::new();
    for file in repository::rust_files().into_iter().filter(|f| !f.path.ends_with("/tests.rs")) {
        if let Some((package, _)) = file.path.split_once("/src/") {
            *lines.entry(package.to_owned()).or_default() += lines_above_tests(&file.text);
        }
    }
    let mut offences = Vec::new();
    for (package, lines) in lines {
        let limit = allowed.get(&package).copied().unwrap_or(CRATE_LINES_MAX);
        if lines > limit {
            offences.push(format!("{package}: {lines} lines, {limit} allowed"));
        }
        if lines <= CRATE_LINES_MAX && allowed.contains_key(&package) {
            offences.push(format!("{package}: needs no exception any more"));
        }
    }
    no_offences("a crate that is too large", &offences);
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let words =
        ["todo!(", "unimplemented!(", concat!("#[", "ignore"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let offences: Vec<String> = repository::rust_files()
        .iter()
        .filter(|f| f.path != "tests/tidy/sources.rs")
        .flat_map(|f| offending_lines(f, &words))
        .collect();
    no_offences("unfinished work", &offences);
}

#[test]
fn no_private_key_is_committed_but_those_of_the_vectors() {
    let mark = concat!("PRIVATE KEY-", "----");
    let offences: Vec<String> = repository::text_files()
        .into_iter()
        .filter(|f| !f.path.starts_with("tests/vectors/") && !f.path.ends_with(".rs"))
        .filter(|f| f.text.contains(mark))
        .map(|f| f.path)
        .collect();
    no_offences("a private key", &offences);
}

fn is_attribute(line: &str) -> bool {
    line.trim_start().starts_with("#[") || line.trim_start().starts_with("#![")
}

/// Counts the lines above the file's unit tests.
fn lines_above_tests(text: &str) -> usize {
    text.lines().take_while(|line| line.trim_end() != "#[cfg(test)]").count()
}

fn offending_lines(file: &SourceFile, words: &[&str]) -> Vec<String> {
    file.text
        .lines()
        .enumerate()
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(i, line)| format!("{}:{}: {}", file.path, i + 1, line.trim()))
        .collect()
}
