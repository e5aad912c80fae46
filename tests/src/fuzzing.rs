//! What is tried with any bytes: each parser of what strangers send, with what must hold whatever they send.
//!
//! Each target is one function over bytes. `tests/fuzz` gives it to libFuzzer, which looks for bytes that break it;
//! `tests/fuzz_corpus` runs it over all bytes found so far.
//! Does not: know libFuzzer.
//! Invariants: a target ends by panic only when something does not hold; it does the same for the same bytes.

mod coap;
mod constrained;
mod dtls;
mod enrollment;
mod house;
mod pki;
mod records;
mod reports;
mod requests;
mod texts;
mod voucher_data;
mod vouchers;
mod world;

use std::path::Path;

use tempfile::TempDir;

/// One thing to try.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its shim in `tests/fuzz/fuzz_targets` and of its directory of inputs.
    pub name: &'static str,
    /// Tries bytes.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($module:ident::$name:ident),+ $(,)?) => {
        /// All targets, by name.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $module::$name }),+];

        $(pub use $module::$name;)+
    };
}

targets![
    requests::api_request,
    reports::audit_log,
    constrained::cbor,
    pki::certificate,
    dtls::client_hello,
    pki::cms,
    coap::coap_engine,
    coap::coap_values,
    texts::config,
    constrained::cose,
    pki::crl,
    pki::csr,
    enrollment::csr_attrs,
    enrollment::est_body,
    enrollment::est_coap,
    texts::http_fields,
    requests::http_request,
    texts::identifiers,
    texts::import_rows,
    records::journal,
    coap::link_format,
    texts::masa_url,
    pki::pem,
    pki::private_key,
    records::stored_rows,
    reports::telemetry,
    vouchers::voucher,
    voucher_data::voucher_cbor,
    voucher_data::voucher_json,
    vouchers::voucher_request,
];

/// Makes a directory that goes with the value, in memory where there is one: what is written here need not survive.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory")
}
