//! How far long work is, on standard error and only when that is a terminal.
//! Does not: estimate an end; it counts.

use std::io::{self, IsTerminal, Write};

/// After how many steps the line is written anew, so that writing costs nothing.
const STEPS: u64 = 256;

/// One line that is written over.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    is_shown: bool,
    last: u64,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, is_shown: io::stderr().is_terminal(), last: 0 }
    }

    /// Shows that `done` are done, of `all` where that is known.
    pub(crate) fn show(&mut self, done: u64, all: Option<u64>) {
        if !self.is_shown || (done < self.last + STEPS && all != Some(done)) {
            return;
        }
        self.last = done;
        let of = all.map(|all| format!(" of {all}")).unwrap_or_default();
        // A terminal that cannot be written does not stop the work.
        let _ = write!(io::stderr(), "\r\x1b[K{}: {done}{of}", self.what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown && self.last > 0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Writes one line of advice to standard error.
pub(crate) fn note(text: &str) {
    // Advice that cannot be written is not worth a failure.
    let _ = writeln!(io::stderr(), "{text}");
}
