//! Tells the outside that the server is ready: `ready.json` in the state directory, and the service manager.
//!
//! Source: sd_notify(3), the protocol of `NOTIFY_SOCKET`.
//! Does not: answer health requests (gRPC health does).
//! Invariants: `ready.json` is there only while all listeners are bound.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
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

/// Tells the service manager `state`, such as `READY=1`, if one listens.
pub fn notify_service_manager(state: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = notify(socket.as_bytes(), state) {
        tracing::warn!(%error, "the service manager could not be told {state}");
    }
}

fn notify(socket: &[u8], state: &str) -> io::Result<()> {
    let address = match socket.strip_prefix(b"@") {
        Some(name) => UnixAddress::from_abstract_name(name)?,
        None => UnixAddress::from_pathname(Path::new(std::ffi::OsStr::from_bytes(socket)))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_only_as_long_as_the_server_is_ready() {
        let directory = tempfile::tempdir().unwrap();
        let admin = SocketAddr::from(([127, 0, 0, 1], 9443));
        let ready = Ready { pid: 7, owner: None, maker: None, admin, metrics: admin };
        let file = ReadyFile::write(directory.path(), &ready).unwrap();
        let text = std::fs::read(directory.path().join(READY_FILE)).unwrap();
        assert_eq!(serde_json::from_slice::<Ready>(&text).unwrap(), ready);
        drop(file);
        assert!(!directory.path().join(READY_FILE).exists());
    }

    #[test]
    fn the_service_manager_hears_us_on_a_path_and_on_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        notify(path.as_os_str().as_bytes(), "READY=1").unwrap();
        let name = format!("gangway-test-{}", std::process::id());
        let abstract_address = UnixAddress::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&abstract_address).unwrap();
        notify(format!("@{name}").as_bytes(), "READY=1").unwrap();
        for receiver in [by_path, by_name] {
            let mut buffer = [0; 16];
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1");
        }
    }
}
