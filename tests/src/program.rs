//! Programs, ours and those of strangers, run to their end.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, io::Write};

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Whether it ended with 0.
    pub is_success: bool,
    /// Its exit code; -1 after a signal.
    pub code: i32,
    /// Standard output, as it came.
    pub stdout: Vec<u8>,
    /// Standard error, as text.
    pub stderr: String,
}

impl Ran {
    /// Returns standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns itself when the program ended well.
    ///
    /// # Panics
    /// Panics with all that was printed when it did not.
    #[must_use]
    pub fn well(self) -> Self {
        assert!(self.is_success, "exit code {}\n{}\n{}", self.code, self.text(), self.stderr);
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            is_success: output.status.success(),
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Finds one of our binaries beside the test or measurement that runs.
///
/// # Panics
/// Panics when it was not built: `cargo build --workspace --bins`, as `make test` does.
#[must_use]
pub fn ours(name: &str) -> PathBuf {
    let running = env::current_exe().expect("a program has a path");
    let beside = running.parent().expect("a program lies in a directory");
    // Tests lie in target/PROFILE/deps, binaries one above.
    let directory = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let path = directory.join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace --bins` first", path.display());
    path
}

/// Runs a program that reads nothing.
///
/// # Panics
/// Panics when the program is not installed; `make deps` installs all.
pub fn run<P: AsRef<OsStr>, A: AsRef<OsStr>>(program: P, arguments: impl IntoIterator<Item = A>) -> Ran {
    run_with_input(program, arguments, &[])
}

/// Runs a program that reads `input`.
///
/// # Panics
/// Panics when the program is not installed; `make deps` installs all.
pub fn run_with_input<P: AsRef<OsStr>, A: AsRef<OsStr>>(
    program: P,
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Ran {
    let program = program.as_ref();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `make deps` installs it", program.to_string_lossy()));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read to the end closes its side; that is its business.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().expect("a child can be waited for").into()
}
