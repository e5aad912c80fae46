//! Reads typed values out of one TOML table and collects every problem on the way, each with its line.
//!
//! Source: TOML 1.0.
//! Does not: stop at the first problem, open files, know any key of ours.
//! Invariants: a key that nobody asked for is a problem; a value that is reported as a problem is never used,
//! because [`Scope::finish`] refuses the whole file.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

/// One thing that is wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line in the file, from 1; absent when a key is missing.
    pub line: Option<usize>,
    /// The key, as a path: `owner.manufacturer[0].id`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if self.key.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.key, self.message)
        }
    }
}

/// What all readers of one file share: its text, where it lies, and the problems found so far.
pub(super) struct Scope<'a> {
    text: &'a str,
    directory: &'a Path,
    problems: RefCell<Vec<Problem>>,
    keys_asked: RefCell<BTreeSet<String>>,
}

impl<'a> Scope<'a> {
    /// Starts a file whose relative paths are taken from `directory`.
    pub(super) fn new(text: &'a str, directory: &'a Path) -> Self {
        Self { text, directory, problems: RefCell::default(), keys_asked: RefCell::default() }
    }

    /// Notes a problem.
    pub(super) fn report(&self, span_start: Option<usize>, key: String, message: String) {
        let line = span_start.map(|at| line_of(self.text, at));
        self.problems.borrow_mut().push(Problem { line, key, message });
    }

    /// Returns all keys that were asked for, list positions left out, in alphabetical order.
    #[cfg(test)]
    pub(super) fn keys_asked(&self) -> BTreeSet<String> {
        self.keys_asked.borrow().clone()
    }

    /// Ends the file and hands out the problems, in the order of their lines.
    pub(super) fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        problems
    }
}

/// One table of the file, or a table that is absent and has only defaults.
pub(super) struct Reader<'a> {
    scope: &'a Scope<'a>,
    table: Option<&'a DeTable<'a>>,
    path: String,
    known: RefCell<BTreeSet<&'static str>>,
}

/// A value with the place where it stands.
struct Found<'a> {
    value: &'a DeValue<'a>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads the table that is the whole file.
    pub(super) fn root(scope: &'a Scope<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(scope, Some(table), String::new())
    }

    fn new(scope: &'a Scope<'a>, table: Option<&'a DeTable<'a>>, path: String) -> Self {
        Self { scope, table, path, known: RefCell::default() }
    }

    /// Notes a problem with a value of this table.
    pub(super) fn report(&self, key: &'static str, message: impl Into<String>) {
        let at = self.peek(key).map(|found| found.at);
        self.scope.report(at, self.path_of(key), message.into());
    }

    /// Says whether the file gives a value for `key`.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.peek(key).is_some()
    }

    /// Reads a text; `default` when it is absent.
    pub(super) fn text(&self, key: &'static str, default: &str) -> String {
        self.optional_text(key).unwrap_or_else(|| default.to_owned())
    }

    /// Reads a text that may be absent.
    pub(super) fn optional_text(&self, key: &'static str) -> Option<String> {
        let found = self.find(key)?;
        let text = found.value.as_str();
        if text.is_none() {
            self.wrong_type(key, &found, "a text in quotes");
        }
        text.map(str::to_owned)
    }

    /// Reads a yes or no; `default` when it is absent.
    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(found) = self.find(key) else { return default };
        found.value.as_bool().unwrap_or_else(|| {
            self.wrong_type(key, &found, "true or false");
            default
        })
    }

    /// Reads a whole number within `range`; `default` when it is absent.
    pub(super) fn count(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(found) = self.find(key) else { return default };
        match found.value.as_integer().map(|number| u64::from_str_radix(number.as_str(), number.radix())) {
            Some(Ok(number)) if range.contains(&number) => return number,
            Some(_) => self.report(key, format!("must lie between {} and {}", range.start(), range.end())),
            None => self.wrong_type(key, &found, "a whole number"),
        }
        default
    }

    /// Reads a span in whole seconds within `range`; `default` when it is absent.
    pub(super) fn seconds(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.count(key, default, range))
    }

    /// Reads a text that `T` can be parsed from; `default` when it is absent or wrong.
    pub(super) fn parsed<T>(&self, key: &'static str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.optional(key).unwrap_or(default)
    }

    /// Reads a text that `T` can be parsed from, and may be absent.
    pub(super) fn optional<T>(&self, key: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.optional_text(key)?;
        text.parse().map_err(|error| self.report(key, format!("{text:?}: {error}"))).ok()
    }

    /// Reads a text that `T` can be parsed from and that must be there.
    pub(super) fn required<T>(&self, key: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        if !self.has(key) {
            self.report(key, "is missing");
        }
        self.optional(key)
    }

    /// Reads a list of texts that `T` can be parsed from; empty when it is absent.
    pub(super) fn list<T>(&self, key: &'static str) -> Vec<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(found) = self.find(key) else { return Vec::new() };
        let Some(items) = found.value.as_array() else {
            self.wrong_type(key, &found, "a list of texts");
            return Vec::new();
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item
                .get_ref()
                .as_str()
                .map(|text| text.parse().map_err(|error| format!("{text:?}: {error}")))
            {
                Some(Ok(value)) => values.push(value),
                Some(Err(message)) => self.scope.report(Some(item.span().start), self.path_of(key), message),
                None => self.scope.report(
                    Some(item.span().start),
                    self.path_of(key),
                    format!("each must be a text in quotes, this is a {}", item.get_ref().type_str()),
                ),
            }
        }
        values
    }

    /// Reads a file name, relative to the directory of the configuration file; `default` when it is absent.
    pub(super) fn path(&self, key: &'static str, default: impl FnOnce() -> PathBuf) -> PathBuf {
        match self.optional_text(key) {
            Some(text) => self.scope.directory.join(text),
            None => default(),
        }
    }

    /// Reads a list of file names, relative to the directory of the configuration file.
    pub(super) fn paths(&self, key: &'static str) -> Vec<PathBuf> {
        self.list::<String>(key).iter().map(|text| self.scope.directory.join(text)).collect()
    }

    /// Enters a table that may be absent; then every key in it has its default.
    pub(super) fn table(&self, key: &'static str) -> Reader<'a> {
        let table = self.find(key).and_then(|found| self.as_table(key, &found));
        Self::new(self.scope, table, self.path_of(key))
    }

    /// Enters a table whose absence means something.
    pub(super) fn optional_table(&self, key: &'static str) -> Option<Reader<'a>> {
        let found = self.find(key)?;
        let table = self.as_table(key, &found)?;
        Some(Self::new(self.scope, Some(table), self.path_of(key)))
    }

    /// Enters each table of a list of tables (`[[key]]`).
    pub(super) fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(found) = self.find(key) else { return Vec::new() };
        let Some(items) = found.value.as_array() else {
            self.wrong_type(key, &found, "a list of tables, [[…]]");
            return Vec::new();
        };
        let mut readers = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(key));
            match item.get_ref().as_table() {
                Some(table) => readers.push(Self::new(self.scope, Some(table), path)),
                None => self.scope.report(Some(item.span().start), path, "must be a table".to_owned()),
            }
        }
        readers
    }

    /// Ends the table: every key that nobody asked for is a problem.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for (name, _) in self.table.into_iter().flatten() {
            if !known.contains(name.get_ref().as_ref()) {
                let expected: Vec<_> = known.iter().copied().collect();
                let message = format!("is not a key of this table; its keys are {}", expected.join(", "));
                self.scope.report(Some(name.span().start), self.path_of(name.get_ref()), message);
            }
        }
    }

    fn as_table(&self, key: &'static str, found: &Found<'a>) -> Option<&'a DeTable<'a>> {
        let table = found.value.as_table();
        if table.is_none() {
            self.wrong_type(key, found, "a table, […]");
        }
        table
    }

    fn find(&self, key: &'static str) -> Option<Found<'a>> {
        self.known.borrow_mut().insert(key);
        self.scope.keys_asked.borrow_mut().insert(without_positions(&self.path_of(key)));
        self.peek(key)
    }

    fn peek(&self, key: &str) -> Option<Found<'a>> {
        let value = self.table?.get(key)?;
        Some(Found { value: value.get_ref(), at: value.span().start })
    }

    fn wrong_type(&self, key: &'static str, found: &Found<'_>, expected: &str) {
        self.report(key, format!("must be {expected}, this is a {}", found.value.type_str()));
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// Counts the line on which the byte `at` stands.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn without_positions(path: &str) -> String {
    let mut bare = String::with_capacity(path.len());
    let mut is_inside = false;
    for character in path.chars() {
        match character {
            '[' => is_inside = true,
            ']' => is_inside = false,
            other if !is_inside => bare.push(other),
            _ => {}
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(text: &str, read: impl FnOnce(&Reader<'_>)) -> Vec<Problem> {
        let table = DeTable::parse(text).unwrap();
        let scope = Scope::new(text, Path::new("/etc/gangway"));
        let reader = Reader::root(&scope, table.get_ref());
        read(&reader);
        reader.finish();
        scope.finish()
    }

    #[test]
    fn reports_every_problem_with_its_line() {
        let problems = problems_of("a = 1\nb = 'x'\nc = 99\nd = 1\n", |reader| {
            reader.text("a", "");
            reader.flag("b", false);
            reader.count("c", 1, 1..=10);
        });
        let lines: Vec<_> = problems.iter().map(|p| (p.line, p.key.as_str())).collect();
        assert_eq!(lines, [(Some(1), "a"), (Some(2), "b"), (Some(3), "c"), (Some(4), "d")]);
    }

    #[test]
    fn relative_paths_start_at_the_file_and_absolute_ones_stay() {
        problems_of("a = 'x.pem'\nb = '/y.pem'\n", |reader| {
            assert_eq!(reader.path("a", PathBuf::new), Path::new("/etc/gangway/x.pem"));
            assert_eq!(reader.path("b", PathBuf::new), Path::new("/y.pem"));
            assert_eq!(reader.path("c", || "/z".into()), Path::new("/z"));
        });
    }

    #[test]
    fn an_item_of_a_list_that_does_not_parse_is_reported_at_its_own_line() {
        let problems = problems_of("a = [\n '127.0.0.1',\n 'nonsense',\n 7 ]\n", |reader| {
            assert_eq!(reader.list::<std::net::IpAddr>("a").len(), 1);
        });
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [Some(3), Some(4)]);
    }

    #[test]
    fn a_negative_number_is_out_of_range_and_not_a_crash() {
        let problems = problems_of("a = -1\n", |reader| {
            reader.count("a", 1, 0..=10);
        });
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_missing_required_key_is_a_problem_without_a_line() {
        let problems = problems_of("", |reader| {
            reader.required::<String>("a");
        });
        assert_eq!(problems[0].to_string(), "a: is missing");
    }
}
