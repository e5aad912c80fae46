//! The files of the repository, as tests read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One tracked text file.
pub struct SourceFile {
    /// The path from the root, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Returns the root of the repository.
///
/// # Panics
/// Panics when this package was moved out of `tests/`.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// Lists the text files that git tracks, or would track, with their content; binary files are left out.
///
/// # Panics
/// Panics without git or outside a checkout.
#[must_use]
pub fn text_files() -> Vec<SourceFile> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git ls-files failed");
    String::from_utf8(listed.stdout)
        .expect("paths are UTF-8")
        .split_terminator('\0')
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(path)).ok()?;
            Some(SourceFile { path: path.to_owned(), text })
        })
        .collect()
}

/// Lists our Rust sources.
#[must_use]
pub fn rust_files() -> Vec<SourceFile> {
    text_files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}
