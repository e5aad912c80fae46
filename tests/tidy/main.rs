//! House rules that a machine can see.
//!
//! Each rule reads the repository as it stands and names every offender, so that one run shows all there is to mend.

mod conformance;
mod dependencies;
mod documents;
mod exceptions;
mod sources;

/// Fails with every offence on a line of its own.
fn no_offences(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
