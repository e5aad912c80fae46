//! The named exceptions to the size rules. The list may only shrink: an entry that is no longer needed fails too.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use tests::repository;

/// `tests/tidy/exceptions.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    /// Files over the limit: path → the lines that they may have at the most.
    #[serde(default)]
    pub(crate) long_files: BTreeMap<String, usize>,
    /// Crates over the limit: path → the lines that they may have at the most.
    #[serde(default)]
    pub(crate) large_crates: BTreeMap<String, usize>,
    /// Functions over the limit: path → how many the file may hold.
    #[serde(default)]
    pub(crate) long_functions: BTreeMap<String, usize>,
}

pub(crate) fn load() -> Exceptions {
    let path = repository::root().join("tests/tidy/exceptions.toml");
    toml::from_str(&fs::read_to_string(path).expect("exceptions.toml is there"))
        .expect("exceptions.toml is valid")
}
