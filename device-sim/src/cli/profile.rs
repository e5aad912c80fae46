//! How a verb finds the API and proves who asks: options, else the profile file that `gangway` has too.
//!
//! Does not: know what is asked.
//! Invariants: a path in a profile is relative to the profile; an option wins over the profile.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use pki::path::Anchors;
use pki::{Certificate, Secret, Signer};
use proto_api::Profile;

use crate::Error;
use crate::api::Api;
use crate::transport::{Endpoint, Identity};

/// Access to the API.
#[derive(Debug, Default, Args)]
pub(super) struct ApiAccess {
    /// A TOML file with the keys server, anchor, certificate, key, as `gangway` has it; file names in it are relative to it
    #[arg(long, value_name = "FILE", env = "GANGWAY_PROFILE")]
    pub profile: Option<PathBuf>,
    /// The administration and factory API: https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub api: Option<Endpoint>,
    /// The CA of the API's certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub api_ca: Option<PathBuf>,
    /// The certificate of the station or operator, PEM, its chain after it
    #[arg(long, value_name = "FILE")]
    pub api_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE")]
    pub api_key: Option<PathBuf>,
}

/// Everything that a connection needs.
#[derive(Debug, PartialEq, Eq)]
struct Connection {
    server: Endpoint,
    anchor: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl ApiAccess {
    /// Prepares the connection; `None` when nothing of it was said.
    ///
    /// # Errors
    /// [`Error::ApiIncomplete`] when something is missing, [`Error::ProfileInvalid`], [`Error::AddressInvalid`]
    /// (`Malformed`); [`Error::File`], [`Error::Pki`].
    pub(super) fn open(&self) -> Result<Option<Api>, Error> {
        let Some(connection) = self.complete()? else { return Ok(None) };
        let text = |file: &PathBuf| fs::read_to_string(file).map_err(Error::File);
        let anchors = Anchors::new(Certificate::parse_pem_chain(&text(&connection.anchor)?)?);
        let chain = Certificate::parse_pem_chain(&text(&connection.certificate)?)?;
        let signer = Signer::from_pkcs8_pem(&Secret::new(text(&connection.key)?))?;
        Api::new(&connection.server, &anchors, &Identity { chain, signer }).map(Some)
    }

    fn complete(&self) -> Result<Option<Connection>, Error> {
        let files = [&self.api_ca, &self.api_cert, &self.api_key];
        let is_silent = self.api.is_none() && files.iter().all(|file| file.is_none());
        if is_silent && self.profile.is_none() {
            return Ok(None);
        }
        let is_whole = self.api.is_some() && files.iter().all(|file| file.is_some());
        let profile = self.profile.as_deref().filter(|_| !is_whole).map(load).transpose()?;
        let profile = profile.unwrap_or_default();
        let server = match (&self.api, profile.server) {
            (Some(server), _) => Some(server.clone()),
            (None, Some(text)) => Some(text.parse()?),
            (None, None) => None,
        };
        let connection = || {
            Some(Connection {
                server: server?,
                anchor: self.api_ca.clone().or(profile.anchor)?,
                certificate: self.api_cert.clone().or(profile.certificate)?,
                key: self.api_key.clone().or(profile.key)?,
            })
        };
        connection().ok_or(Error::ApiIncomplete).map(Some)
    }
}

fn load(path: &Path) -> Result<Profile, Error> {
    let text = fs::read_to_string(path).map_err(Error::File)?;
    Profile::parse(&text, path).map_err(|error| Error::ProfileInvalid(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        "server = 'https://h:1'\nanchor = '../ca.pem'\ncertificate = 'a.pem'\nkey = '/abs/a-key.pem'\n";

    fn access(text: &str) -> (tempfile::TempDir, ApiAccess) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("station.toml");
        fs::write(&path, text).unwrap();
        (directory, ApiAccess { profile: Some(path), ..ApiAccess::default() })
    }

    #[test]
    fn a_profile_says_all_and_its_file_names_are_relative_to_it() {
        let (directory, access) = access(WHOLE);
        let connection = access.complete().unwrap().unwrap();
        assert_eq!(connection.server, "https://h:1".parse().unwrap());
        assert_eq!(connection.anchor, directory.path().join("../ca.pem"));
        assert_eq!(connection.key, Path::new("/abs/a-key.pem"));
    }

    #[test]
    fn an_option_wins_over_the_profile_and_all_four_need_none() {
        let (_directory, mut access) = access(WHOLE);
        access.api = Some("https://other:2".parse().unwrap());
        access.api_cert = Some("mine.pem".into());
        let connection = access.complete().unwrap().unwrap();
        assert_eq!(connection.server, "https://other:2".parse().unwrap());
        assert_eq!((connection.certificate, connection.key), ("mine.pem".into(), "/abs/a-key.pem".into()));
        (access.api_ca, access.api_key) = (Some("ca.pem".into()), Some("key.pem".into()));
        access.profile = Some("no/such/file.toml".into());
        assert!(access.complete().unwrap().is_some());
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused_and_nothing_said_is_nothing() {
        assert!(ApiAccess::default().complete().unwrap().is_none());
        assert!(matches!(access("server = 'https://h:1'\n").1.complete(), Err(Error::ApiIncomplete)));
        assert!(matches!(access("servre = 'https://h:1'\n").1.complete(), Err(Error::ProfileInvalid(_))));
        let plain = WHOLE.replace("https", "http");
        assert!(matches!(access(&plain).1.complete(), Err(Error::AddressInvalid)));
        let lonely = ApiAccess { api: Some("https://h:1".parse().unwrap()), ..ApiAccess::default() };
        assert!(matches!(lonely.complete(), Err(Error::ApiIncomplete)));
    }
}
