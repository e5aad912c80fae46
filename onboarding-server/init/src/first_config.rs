//! The first configuration file, written by `init --dir` and by `dev run`.
//!
//! Does not: contain what has a default; `config.example.toml` shows every key.
//! Invariants: what it writes is read by [`Config::parse`](server_config::Config::parse) without a problem.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use proto::ManufacturerId;

/// What the first configuration is made from.
#[derive(Clone, Debug)]
pub struct FirstConfig {
    /// The state directory, relative to the file or absolute.
    pub state_dir: String,
    /// The name of the domain, when the server has the owner's role.
    pub domain: Option<String>,
    /// The manufacturer, when the server has the maker's role.
    pub maker: Option<ManufacturerId>,
    /// How the maker's `IDevIDs` name the MASA: `host:port`.
    pub masa_url: String,
    /// The names by which devices, registrars and operators reach this server.
    pub dns_names: Vec<String>,
    /// Products of the maker.
    pub products: Vec<String>,
    /// Where the listeners are.
    pub listeners: FirstListeners,
    /// Whether all of it stays on this machine: for development.
    pub is_loopback: bool,
}

/// Where the listeners are.
#[derive(Clone, Copy, Debug)]
pub struct FirstListeners {
    /// Of the owner's role.
    pub owner: SocketAddr,
    /// Of the maker's role.
    pub maker: SocketAddr,
    /// For gRPC.
    pub admin: SocketAddr,
    /// For metrics and revocation lists.
    pub metrics: SocketAddr,
}

impl FirstListeners {
    /// The addresses of production: devices and registrars come from outside, operators from this machine.
    #[must_use]
    pub fn production() -> Self {
        let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self { owner: any(8443), maker: any(9444), admin: loopback(9443), metrics: loopback(9464) }
    }
}

impl FirstConfig {
    /// Writes the file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "# Gangway. Every other key has a default: see config.example.toml.\n")?;
        writeln!(out, "[state]\ndir = {:?}\n", self.state_dir)?;
        writeln!(out, "[admin]\nlisten = \"{}\"", self.listeners.admin)?;
        let local = self.listeners.admin.ip().is_loopback();
        let names = if local { vec!["localhost".to_owned()] } else { self.dns_names.clone() };
        writeln!(out, "dns_names = {names:?}")?;
        writeln!(out, "ip_addresses = {:?}\n", self.addresses())?;
        writeln!(out, "[metrics]\nlisten = \"{}\"", self.listeners.metrics)?;
        if let Some(domain) = &self.domain {
            self.write_owner(out, domain)?;
        }
        if let Some(maker) = &self.maker {
            self.write_maker(out, maker)?;
        }
        Ok(())
    }

    fn write_owner(&self, out: &mut String, domain: &str) -> fmt::Result {
        writeln!(out, "\n[owner]\nlisten = \"{}\"\ndomain = {domain:?}", self.listeners.owner)?;
        writeln!(out, "dns_names = {:?}\nip_addresses = {:?}", self.dns_names, self.addresses())?;
        if self.is_loopback {
            writeln!(out, "crl_url = \"http://{}/crl/owner.crl\"", self.listeners.metrics)?;
        }
        let Some(maker) = &self.maker else { return Ok(()) };
        writeln!(out, "\n[[owner.manufacturer]]\nid = \"{maker}\"")?;
        writeln!(out, "anchors = [\"{}/maker/pki/root.pem\"]", self.state_dir)?;
        writeln!(out, "intermediates = [\"{}/maker/pki/issuing.pem\"]", self.state_dir)?;
        writeln!(out, "masa_hosts = [{:?}]", self.masa_url)?;
        writeln!(out, "# Its MASA is this very server, wherever that stands.\nallow_private_addresses = true")
    }

    fn write_maker(&self, out: &mut String, maker: &ManufacturerId) -> fmt::Result {
        writeln!(
            out,
            "\n[maker]\nlisten = \"{}\"\nid = \"{maker}\"\nname = \"{maker}\"",
            self.listeners.maker
        )?;
        writeln!(out, "dns_names = {:?}\nip_addresses = {:?}", self.dns_names, self.addresses())?;
        writeln!(out, "masa_url = {:?}", self.masa_url)?;
        for product in &self.products {
            writeln!(out, "\n[[maker.product]]\nname = {product:?}")?;
            // What is written into an IDevID stays there for ever, so in production nothing is made up.
            let sign = if self.is_loopback { "" } else { "# " };
            writeln!(out, "{sign}mud_url = \"https://mud.example.com/{product}.json\"")?;
        }
        Ok(())
    }

    fn addresses(&self) -> Vec<&'static str> {
        if self.is_loopback { vec!["127.0.0.1", "::1"] } else { Vec::new() }
    }
}
