//! TLS configurations of our listeners, made from files.
//!
//! Source: RFC 8446, RFC 7627 (extended master secret), RFC 7301 (ALPN).
//! Does not: resume sessions: each connection proves its certificate anew, so a revocation takes effect at the next.
//! Invariants: TLS 1.2 is spoken only with the extended master secret, unless the configuration does without; a key file
//! that others can read is refused.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pki::path::Anchors;
use pki::tls::UnjudgedClients;
use pki::{Certificate, Secret, Signer};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use server_config::{Limits, TlsVersion};

/// The most bytes of a PEM file that we open: some tens of certificates.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// The bits of a file's mode that let others than its owner read or change it. Root's own group is not excepted.
const MODE_OTHERS: u32 = 0o077;

/// Where a listener's chain and key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, leaf first (PEM).
    pub certificate: PathBuf,
    /// The key (PEM, PKCS#8).
    pub key: PathBuf,
}

/// Which protocols a listener offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 and HTTP/2; a client without ALPN gets HTTP/1.
    Http,
    /// HTTP/2 only, as gRPC needs it.
    Grpc,
}

/// Why a file of certificates, keys or revocations is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is longer than any PEM file of ours.
    #[error("{}: longer than {PEM_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner can read or change a key file.
    #[error("{}: mode {mode:o} lets others use this key; set it to 600", path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is not what the file should hold.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pki::Error,
    },
    /// rustls refuses the combination of versions and suites.
    #[error("TLS cannot be set up so: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Reads a chain of certificates, leaf first.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLong`], [`Error::Content`].
pub fn load_chain(path: &Path) -> Result<Vec<Certificate>, Error> {
    Certificate::parse_pem_chain(&read(path)?)
        .map_err(|source| Error::Content { path: path.to_owned(), source })
}

/// Reads a private key.
///
/// # Errors
/// [`Error::KeyExposed`] when its mode has group or other bits, otherwise as [`load_chain`].
pub fn load_key(path: &Path) -> Result<Signer, Error> {
    let mode = metadata(path)?.mode() & 0o777;
    if mode & MODE_OTHERS != 0 {
        return Err(Error::KeyExposed { path: path.to_owned(), mode });
    }
    let text = Secret::new(read(path)?);
    Signer::from_pkcs8_pem(&text).map_err(|source| Error::Content { path: path.to_owned(), source })
}

/// Reads certificates of one or more files into a set of anchors.
///
/// # Errors
/// As [`load_chain`].
pub fn load_anchors(paths: &[PathBuf]) -> Result<Anchors, Error> {
    Ok(Anchors::new(load_chains(paths)?))
}

/// Reads the certificates of one or more files.
///
/// # Errors
/// As [`load_chain`].
pub fn load_chains(paths: &[PathBuf]) -> Result<Vec<Certificate>, Error> {
    let mut certificates = Vec::new();
    for path in paths {
        certificates.extend(load_chain(path)?);
    }
    Ok(certificates)
}

/// Makes the configuration of one listener from its files. A client may show a certificate, of whatever CA; the subjects of
/// `hints` are named to it.
///
/// # Errors
/// As [`load_chain`] and [`load_key`]; [`Error::Content`] when key and certificate do not belong together.
pub fn tls_config(
    files: &TlsFiles,
    limits: &Limits,
    alpn: Alpn,
    hints: &[Certificate],
) -> Result<ServerConfig, Error> {
    let chain = load_chain(&files.certificate)?;
    let key = pki::tls::certified_key(&chain, &load_key(&files.key)?)
        .map_err(|source| Error::Content { path: files.key.clone(), source })?;
    let versions: &[_] = match limits.tls_version_min {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(pki::tls::provider())
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(Arc::new(UnjudgedClients::new(hints)))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    // RFC7627-5.2-server-requires
    config.require_ems = limits.is_extended_master_secret_required;
    config.alpn_protocols = match alpn {
        Alpn::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()],
        Alpn::Grpc => vec![b"h2".to_vec()],
    };
    Ok(config)
}

fn read(path: &Path) -> Result<String, Error> {
    if metadata(path)?.len() > PEM_BYTES_MAX {
        return Err(Error::TooLong { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn metadata(path: &Path) -> Result<fs::Metadata, Error> {
    fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
