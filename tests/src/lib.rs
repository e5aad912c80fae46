//! What the test rings and measurements share: a server of one's own on free ports, the programs of strangers, the
//! repository, and what is tried with any bytes.

pub mod bench;
pub mod fuzzing;
pub mod program;
pub mod repository;
pub mod server;
pub mod units;
