//! The TLS configurations of a server's listeners, and how to make them again while they are in use.
//!
//! Invariants: a configuration that cannot be made leaves the one before in use.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use server_config::Config;

use crate::serve::Channel;
use crate::tls::{Alpn, Error, TlsFiles, load_chains, tls_config};

/// The TLS configuration of one listener, and how to make it again.
#[derive(Debug)]
pub struct Switch {
    listener: &'static str,
    files: TlsFiles,
    alpn: Alpn,
    hints: Vec<PathBuf>,
    current: Arc<ArcSwap<ServerConfig>>,
}

impl Switch {
    fn load(
        listener: &'static str,
        config: &Config,
        files: TlsFiles,
        alpn: Alpn,
        hints: Vec<PathBuf>,
    ) -> Result<Self, Error> {
        let tls = make_tls(config, &files, alpn, &hints)?;
        Ok(Self { listener, files, alpn, hints, current: Arc::new(ArcSwap::from_pointee(tls)) })
    }

    /// Returns what a listener speaks with; it follows each reload.
    #[must_use]
    pub fn channel(&self) -> Channel {
        Channel::Tls(Arc::clone(&self.current))
    }

    fn reload(&self, config: &Config) {
        match make_tls(config, &self.files, self.alpn, &self.hints) {
            Ok(tls) => {
                self.current.store(Arc::new(tls));
                tracing::info!(listener = self.listener, "certificate and key were read again");
            }
            Err(error) => {
                tracing::error!(listener = self.listener, %error, "the old certificate stays in use");
            }
        }
    }
}

fn make_tls(config: &Config, files: &TlsFiles, alpn: Alpn, hints: &[PathBuf]) -> Result<ServerConfig, Error> {
    tls_config(files, &config.limits, alpn, &load_chains(hints)?)
}

/// The TLS configurations of all listeners.
#[derive(Debug)]
pub struct TlsSwitches {
    /// Of the owner's listener.
    pub owner: Option<Switch>,
    /// Of the maker's listener.
    pub maker: Option<Switch>,
    /// Of the listener for gRPC.
    pub admin: Switch,
}

impl TlsSwitches {
    /// Reads the files that `config` names.
    ///
    /// # Errors
    /// What is wrong with the first file that cannot be used.
    pub fn load(config: &Config) -> Result<Self, Error> {
        let owner = config.owner.as_ref().map(|owner| {
            let files = TlsFiles {
                certificate: owner.registrar_certificate.clone(),
                key: owner.registrar_key.clone(),
            };
            // No hints: a pledge that took them for a demand would not show its IDevID.
            Switch::load("owner", config, files, Alpn::Http, Vec::new())
        });
        let maker = config.maker.as_ref().map(|maker| {
            let files = TlsFiles { certificate: maker.tls_certificate.clone(), key: maker.tls_key.clone() };
            Switch::load("maker", config, files, Alpn::Http, Vec::new())
        });
        let admin = &config.admin;
        let files = TlsFiles { certificate: admin.certificate.clone(), key: admin.key.clone() };
        let admin = Switch::load("admin", config, files, Alpn::Grpc, vec![admin.anchor.clone()])?;
        Ok(Self { owner: owner.transpose()?, maker: maker.transpose()?, admin })
    }

    /// Reads the files again.
    pub fn reload(&self, config: &Config) {
        for switch in self.owner.iter().chain(&self.maker).chain([&self.admin]) {
            switch.reload(config);
        }
    }
}
