//! Tells where a ready server listens: `ready.json` in the state directory.
//!
//! Does not: answer health requests (gRPC health does).
//! Invariants: `ready.json` is there only while all listeners are bound.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

/// The name of the file in the state directory.
pub const READY_FILE: &str = "ready.json";

/// What `ready.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The number of the process.
    pub pid: u32,
    /// Where the owner's listener is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<SocketAddr>,
    /// Where the owner's listener for CoAP is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_coaps: Option<SocketAddr>,
    /// Where the maker's listener is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<SocketAddr>,
    /// Where the gRPC listener is bound.
    pub admin: SocketAddr,
    /// Where the plain listener is bound.
    pub metrics: SocketAddr,
}

/// The file, for as long as the server is ready; dropping it takes the file away.
#[derive(Debug)]
pub struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes the file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(state_dir: &Path, ready: &Ready) -> io::Result<Self> {
        let path = state_dir.join(READY_FILE);
        files::replace(&path, &serde_json::to_vec(ready)?, files::MODE_PUBLIC)?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the file could not be taken away");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_only_as_long_as_the_server_is_ready() {
        let directory = tempfile::tempdir().unwrap();
        let admin = SocketAddr::from(([127, 0, 0, 1], 9443));
        let ready = Ready { pid: 7, owner: None, owner_coaps: None, maker: None, admin, metrics: admin };
        let file = ReadyFile::write(directory.path(), &ready).unwrap();
        let text = std::fs::read(directory.path().join(READY_FILE)).unwrap();
        assert_eq!(serde_json::from_slice::<Ready>(&text).unwrap(), ready);
        drop(file);
        assert!(!directory.path().join(READY_FILE).exists());
    }
}
