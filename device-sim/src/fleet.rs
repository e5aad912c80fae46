mod statistics;
pub use statistics::{Latency, Statistics};
