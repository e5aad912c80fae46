//! How a command finds its server and proves who asks: options, else the profile file.
//! Does not: read keys or certificates (see `connect`).
//! Invariants: a path in a profile is relative to the profile; an option wins over the profile.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use proto_api::Profile;

use crate::error::{Error, unusable};

/// The options of every command that talks to a server.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// A TOML file with the keys server, anchor, certificate, key; file names in it are relative to it
    #[arg(long, global = true, value_name = "FILE", env = "GANGWAY_PROFILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Where the server's admin listener is
    #[arg(long, global = true, value_name = "https://HOST:PORT")]
    pub(crate) server: Option<String>,
    /// The CA certificates that the server's certificate must come from, PEM
    #[arg(long, global = true, value_name = "FILE", visible_alias = "ca")]
    pub(crate) anchor: Option<PathBuf>,
    /// Your certificate and those above it, PEM
    #[arg(long, global = true, value_name = "FILE", visible_alias = "cert")]
    pub(crate) certificate: Option<PathBuf>,
    /// Your private key, PKCS#8 PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

/// Everything that a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) server: String,
    pub(crate) anchor: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl ConnectionArgs {
    /// Fills the options from the profile file, if one is named.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::ProfileInvalid`]; [`Error::ConnectionIncomplete`] when something is still missing.
    pub(crate) fn complete(&self) -> Result<Connection, Error> {
        let profile = self.profile.as_deref().map(load).transpose()?.unwrap_or_default();
        self.complete_from(profile).ok_or(Error::ConnectionIncomplete)
    }

    fn complete_from(&self, profile: Profile) -> Option<Connection> {
        Some(Connection {
            server: self.server.clone().or(profile.server)?,
            anchor: self.anchor.clone().or(profile.anchor)?,
            certificate: self.certificate.clone().or(profile.certificate)?,
            key: self.key.clone().or(profile.key)?,
        })
    }
}

fn load(path: &Path) -> Result<Profile, Error> {
    let text = fs::read_to_string(path).map_err(unusable(path))?;
    Profile::parse(&text, path).map_err(|source| Error::ProfileInvalid { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args_with(text: &str) -> (tempfile::TempDir, ConnectionArgs) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.toml");
        fs::write(&path, text).unwrap();
        (directory, ConnectionArgs { profile: Some(path), ..ConnectionArgs::default() })
    }

    const WHOLE: &str =
        "server = 'https://h:1'\nanchor = '../ca.pem'\ncertificate = 'a.pem'\nkey = '/abs/a-key.pem'\n";

    #[test]
    fn file_names_in_a_profile_are_relative_to_it() {
        let (directory, args) = args_with(WHOLE);
        let connection = args.complete().unwrap();
        assert_eq!(connection.anchor, directory.path().join("../ca.pem"));
        assert_eq!(connection.key, Path::new("/abs/a-key.pem"));
    }

    #[test]
    fn an_option_wins_over_the_profile() {
        let (_directory, mut args) = args_with(WHOLE);
        args.server = Some("https://other:2".to_owned());
        args.certificate = Some(PathBuf::from("mine.pem"));
        let connection = args.complete().unwrap();
        assert_eq!(connection.server, "https://other:2");
        assert_eq!(connection.certificate, Path::new("mine.pem"));
    }

    #[test]
    fn a_key_that_no_profile_has_is_refused() {
        let (_directory, args) = args_with("servre = 'https://h:1'\n");
        assert!(matches!(args.complete(), Err(Error::ProfileInvalid { .. })));
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        let (_directory, args) = args_with("server = 'https://h:1'\n");
        assert!(matches!(args.complete(), Err(Error::ConnectionIncomplete)));
        assert!(matches!(ConnectionArgs::default().complete(), Err(Error::ConnectionIncomplete)));
    }
}
