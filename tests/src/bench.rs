//! The measurements of `make bench`; `docs/benchmarks.md` says what each figure means.
//!
//! Does not: run on anything but Linux, whose `/proc` it reads.

pub mod cpu;
pub mod factory;
pub mod figures;
pub mod floor;
pub mod onboard;
pub mod run;
