//! The crate's public face, by request, answer and vector.

mod certificates;
mod coaps;
mod common;
mod enroll;
mod properties;
mod vectors;
