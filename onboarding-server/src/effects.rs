//! The outbound side: what the server does to others.

pub mod masa_client;
