//! The command `device-sim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    device_sim::cli::main(std::env::args_os())
}
