//! What the test rings share: a server of one's own on free ports, the programs of strangers, and the repository.

pub mod program;
pub mod repository;
pub mod server;
