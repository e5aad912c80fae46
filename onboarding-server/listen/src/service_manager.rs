//! Tells the service manager that the server is ready, or stopping.
//!
//! Source: sd_notify(3), the protocol of `NOTIFY_SOCKET`.
//! Does not: wait for an answer; there is none.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::path::Path;

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
