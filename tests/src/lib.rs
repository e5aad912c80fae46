//! What the test rings and measurements share: a server of one's own on free ports, the programs of strangers, and the
//! repository.

pub mod bench;
pub mod program;
pub mod repository;
pub mod server;
pub mod units;
