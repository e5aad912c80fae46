//! Makes the Rust code from `onboarding/v1/*.proto`, without protoc: protox compiles, tonic-prost-build writes.
#![allow(clippy::print_stdout, reason = "that is how a build script speaks to cargo")]
#![allow(clippy::disallowed_methods, reason = "a build script writes files; the crate does not")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

/// Every file of the API; `tests/contract.rs` fails when one on disk is missing here.
const FILES: [&str; 6] = [
    "onboarding/v1/authority.proto",
    "onboarding/v1/common.proto",
    "onboarding/v1/device.proto",
    "onboarding/v1/event.proto",
    "onboarding/v1/factory.proto",
    "onboarding/v1/journal.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=onboarding");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("onboarding.v1.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
