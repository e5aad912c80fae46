//! The profile file: where a client finds the API, and by which files it proves who asks.
//!
//! Does not: open a file, or read what is in a certificate or key.
//! Invariants: a path in a profile is relative to the profile.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A profile; what it leaves out is said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `https://HOST:PORT`
    pub server: Option<String>,
    /// The CA certificates that the server's certificate must come from (PEM).
    pub anchor: Option<PathBuf>,
    /// The client's certificate and those above it (PEM).
    pub certificate: Option<PathBuf>,
    /// Its key (PKCS#8 PEM).
    pub key: Option<PathBuf>,
}

impl Profile {
    /// Reads the text of the profile at `path`, from where its paths count.
    ///
    /// # Errors
    /// What TOML says of the text; a key that is none of a profile's.
    pub fn parse(text: &str, path: &Path) -> Result<Self, toml::de::Error> {
        let Self { server, anchor, certificate, key } = toml::from_str(text)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let beside = |file: Option<PathBuf>| file.map(|file| directory.join(file));
        Ok(Self { server, anchor: beside(anchor), certificate: beside(certificate), key: beside(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_profile() {
        let text = "anchor = '../ca.pem'\nkey = '/abs/a-key.pem'\n";
        let profile = Profile::parse(text, Path::new("/etc/gangway/admin.toml")).unwrap();
        assert_eq!(profile.anchor, Some(PathBuf::from("/etc/gangway/../ca.pem")));
        assert_eq!(profile.key, Some(PathBuf::from("/abs/a-key.pem")));
        assert_eq!((profile.server, profile.certificate), (None, None));
        assert!(Profile::parse("sever = 'https://h:1'", Path::new("a.toml")).is_err());
    }
}
