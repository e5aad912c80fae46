//! What an endpoint is set to: its identity, its judge, its limits and times.
//!
//! Source: RFC 6347 §4.2.4.1, RFC 9147 §5.8.2 (timer values).
//! Invariants: every table of the endpoint has a limit here.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use pki::{Certificate, Signer};

use crate::judge::Verifier;

/// The most octets of a datagram that is read; ours, above an Ethernet frame.
pub const DATAGRAM_BYTES_MAX: usize = 2048;
/// The most octets of a datagram that is sent; ours: what any IPv6 path takes (RFC 8200 §5), without its headers.
pub const DATAGRAM_BYTES_SENT: usize = 1232;
/// What sealing adds to a message at the most: header, explicit nonce, content type and tag, of either version.
pub const SEAL_BYTES: usize = 40;
/// The first waiting time for the peer's next flight (RFC 6347 §4.2.4.1, RFC 9147 §5.8.2: one second).
pub const RETRANSMIT_AFTER: Duration = Duration::from_secs(1);
/// What that time doubles to at the most (RFC 6347 §4.2.4.1: not less than 60 s).
pub const RETRANSMIT_AFTER_MAX: Duration = Duration::from_secs(60);
/// The longest that a handshake may take, in seconds; ours: six transmissions of a flight.
pub const HANDSHAKE_SECONDS_MAX: u64 = 90;

/// A chain, the end entity first, and the key of its first certificate.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain.
    pub chain: Vec<Certificate>,
    /// The key.
    pub signer: Signer,
}

/// How much an endpoint holds at the most. Where a table is full, the session that was used least recently goes, of the
/// same address first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open sessions.
    pub sessions_max: usize,
    /// The same for each address, whatever its port.
    pub sessions_per_address_max: usize,
    /// Handshakes under way, of addresses that are proved.
    pub half_open_max: usize,
    /// The same for each address.
    pub half_open_per_address_max: usize,
    /// How long a session may be without a datagram.
    pub idle: Duration,
    /// How long a handshake may take.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: 65_536,
            sessions_per_address_max: 4_096,
            half_open_max: 1_024,
            half_open_per_address_max: 256,
            idle: Duration::from_secs(60 * 60),
            handshake: Duration::from_secs(HANDSHAKE_SECONDS_MAX),
        }
    }
}

/// All that an endpoint or a client is set to.
#[derive(Clone)]
pub struct Config {
    /// Who we are.
    pub identity: Identity,
    /// Who judges the peers.
    pub verifier: Arc<Verifier>,
    /// How much is held.
    pub limits: Limits,
    /// The most octets of a datagram that is sent.
    pub datagram_bytes_sent: usize,
    /// Whether DTLS 1.2 is spoken only with the extended master secret (RFC 7627), as the house does with TLS 1.2.
    pub is_extended_master_secret_required: bool,
}

impl Config {
    /// Makes a configuration with the default limits.
    #[must_use]
    pub fn new(identity: Identity, verifier: Arc<Verifier>) -> Self {
        Self {
            identity,
            verifier,
            limits: Limits::default(),
            datagram_bytes_sent: DATAGRAM_BYTES_SENT,
            is_extended_master_secret_required: true,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("identity", &self.identity)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
