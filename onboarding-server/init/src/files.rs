//! Files that are written whole or not at all.
//!
//! Does not: overwrite, unless asked to by [`replace`].
//! Invariants: a reader sees the old content or the new, never a part; the content is durable before its name is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The mode of files that hold keys.
pub const MODE_SECRET: u32 = 0o600;

/// The mode of files that anyone may read.
pub const MODE_PUBLIC: u32 = 0o644;

/// The mode of directories that hold state and keys.
const MODE_DIRECTORY: u32 = 0o700;

/// Makes a directory and those above it; new ones are for their owner alone.
///
/// # Errors
/// What the operating system says.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(MODE_DIRECTORY).create(path)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// `AlreadyExists` when it is; the file is then untouched.
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let draft = write_draft(path, content, mode)?;
    // A hard link, unlike a rename, refuses to take a name that is in use.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_directory(path)
}

/// Writes a file in place of the one that may be there.
///
/// # Errors
/// What the operating system says.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let draft = write_draft(path, content, mode)?;
    fs::rename(&draft, path)?;
    sync_directory(path)
}

fn write_draft(path: &Path, content: &[u8], mode: u32) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.draft", std::process::id()));
    let draft = path.with_file_name(name);
    // What a crashed process of the same number may have left.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(draft)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        write_new(&path, b"first", MODE_SECRET).unwrap();
        let error = write_new(&path, b"second", MODE_SECRET).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE_SECRET);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "a draft was left behind");
    }

    #[test]
    fn replacing_leaves_no_draft() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ready.json");
        replace(&path, b"first", MODE_PUBLIC).unwrap();
        replace(&path, b"second", MODE_PUBLIC).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
