//! Gives `client_hello` to libFuzzer; what it does is said in `tests/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::client_hello(bytes));
