//! The operator's command line, as a program; see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gangway::main()
}
