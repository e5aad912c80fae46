//! The profile files by which `gangway` finds the server and proves who asks.
//!
//! Does not: hold key bytes; it names files.
//! Invariants: file names in a profile are relative to the profile.

use std::net::SocketAddr;
use std::path::Path;

use server_config::Admin;

use super::material::Place;

/// Writes the profile of one operator or station.
pub(super) fn render(admin: &Admin, place: &Place) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = place.certificate.parent().unwrap_or(Path::new(""));
    let anchor = match directory.parent().filter(|parent| admin.anchor.parent() == Some(*parent)) {
        Some(_) => format!("../{}", name(&admin.anchor)),
        None => admin.anchor.display().to_string(),
    };
    format!(
        "# A profile of gangway: `gangway --profile THIS-FILE devices list`.\n\
         # File names are relative to this file.\n\
         server = {server:?}\n\
         anchor = {anchor:?}\n\
         certificate = {certificate:?}\n\
         key = {key:?}\n",
        server = format!("https://{}", authority(admin)),
        certificate = name(&place.certificate),
        key = name(&place.key),
    )
}

/// The name, or address, and port by which a client on this or another machine reaches the listener.
fn authority(admin: &Admin) -> String {
    let port = admin.listen.port();
    match (admin.dns_names.first(), admin.ip_addresses.first()) {
        (Some(name), _) => format!("{name}:{port}"),
        (None, Some(address)) => SocketAddr::new(*address, port).to_string(),
        (None, None) => admin.listen.to_string(),
    }
}
