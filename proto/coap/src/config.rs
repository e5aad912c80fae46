//! What an engine is set to: transmission parameters, limits and how far addresses are trusted.
//!
//! Source: RFC 7252 §4.6, §4.8; RFC 7959 §2.5; RFC 7641 §4.5; RFC 9175 §2.4.
//! Invariants: the defaults are those of the standards; every table of the engine has a limit here.

use core::time::Duration;

use crate::Szx;

/// The first waiting time for an acknowledgement (RFC 7252 §4.8).
pub const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// By how much more, in per cent, that time may be at random (RFC 7252 §4.8: a factor of 1.5).
pub const ACK_RANDOM_PERCENT: u32 = 150;
/// How often a confirmable message is sent again (RFC 7252 §4.8).
pub const MAX_RETRANSMIT: u32 = 4;
/// How many interactions with a peer may be outstanding at a time (RFC 7252 §4.7).
pub const NSTART: usize = 1;
/// How fast one may send to a peer that does not answer, in octets a second (RFC 7252 §4.8).
pub const PROBING_RATE: u32 = 1;
/// The longest that a datagram is expected to be on its way (RFC 7252 §4.8.2).
pub const MAX_LATENCY: Duration = Duration::from_secs(100);
/// The most octets of a message whose path is not known (RFC 7252 §4.6).
pub const MESSAGE_BYTES_MAX: usize = 1152;
/// The most octets of a datagram that is read; ours, above an Ethernet frame.
pub const DATAGRAM_BYTES_MAX: usize = 2048;
/// The most octets of a body that is put together from blocks; ours. A voucher-request has up to 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a server may think before an empty acknowledgement goes ahead; ours, well below [`ACK_TIMEOUT`].
pub const ACK_DELAY: Duration = Duration::from_millis(500);
/// How long an Echo value proves an address, and a proof lasts without traffic; ours.
pub const PROOF_LIFETIME: Duration = Duration::from_secs(300);
/// The shortest time between two non-confirmable notifications (RFC 7641 §4.5.1).
pub const NOTIFICATION_SPACING: Duration = Duration::from_secs(3);
/// The longest time without a confirmable notification (RFC 7641 §4.5).
pub const NOTIFICATION_CONFIRM_SPAN: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest exponent of the back-off that is counted with, so that no time overflows; ours.
const RETRANSMIT_CEILING: u32 = 16;

/// The parameters of RFC 7252 §4.8, from which the times of §4.8.2 follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// The first waiting time for an acknowledgement; below a second it endangers the network (RFC 7252 §4.8.1).
    pub ack_timeout: Duration,
    /// `ACK_RANDOM_FACTOR` in per cent; below 100 counts as 100.
    pub ack_random_percent: u32,
    /// How often a confirmable message is sent again; above 16 counts as 16.
    pub max_retransmit: u32,
    /// How many interactions with a peer may be outstanding; zero counts as 1.
    pub nstart: usize,
    /// Octets a second towards a peer that does not answer; zero counts as 1.
    pub probing_rate: u32,
    /// The longest that a datagram is expected to be on its way.
    pub max_latency: Duration,
}

impl Default for Transmission {
    // RFC7252-4.8-parameters
    fn default() -> Self {
        Self {
            ack_timeout: ACK_TIMEOUT,
            ack_random_percent: ACK_RANDOM_PERCENT,
            max_retransmit: MAX_RETRANSMIT,
            nstart: NSTART,
            probing_rate: PROBING_RATE,
            max_latency: MAX_LATENCY,
        }
    }
}

// RFC7252-4.8.2-derived
impl Transmission {
    /// Returns the longest first waiting time: `ACK_TIMEOUT * ACK_RANDOM_FACTOR`.
    #[must_use]
    pub fn ack_timeout_max(&self) -> Duration {
        self.ack_timeout.saturating_mul(self.ack_random_percent.max(100)) / 100
    }

    /// Returns how often a confirmable message is sent again.
    #[must_use]
    pub fn retransmits(&self) -> u32 {
        self.max_retransmit.min(RETRANSMIT_CEILING)
    }

    /// Returns `MAX_TRANSMIT_SPAN`: from the first transmission to the last; 45 s.
    #[must_use]
    pub fn max_transmit_span(&self) -> Duration {
        self.ack_timeout_max().saturating_mul((1 << self.retransmits()) - 1)
    }

    /// Returns `MAX_TRANSMIT_WAIT`: from the first transmission to giving up; 93 s.
    #[must_use]
    pub fn max_transmit_wait(&self) -> Duration {
        self.ack_timeout_max().saturating_mul((2 << self.retransmits()) - 1)
    }

    /// Returns `EXCHANGE_LIFETIME`: after it a message id may be used again; 247 s.
    #[must_use]
    pub fn exchange_lifetime(&self) -> Duration {
        let latency = self.max_latency.saturating_mul(2);
        self.max_transmit_span().saturating_add(latency).saturating_add(self.ack_timeout)
    }

    /// Returns `NON_LIFETIME`: the same for a non-confirmable message; 145 s.
    #[must_use]
    pub fn non_lifetime(&self) -> Duration {
        self.max_transmit_span().saturating_add(self.max_latency)
    }
}

/// Whether the peers' addresses are known to be theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// A handshake has proved them (DTLS, TLS).
    Proven,
    /// Anyone may have written them: responses are bounded and proofs asked for (RFC 9175 §2.4).
    Unproven,
}

/// How much an engine holds at the most. Where a table is full, the entry that was used least recently goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a message that is sent.
    pub message_bytes_max: usize,
    /// Octets of a datagram that is read.
    pub datagram_bytes_max: usize,
    /// Octets of a body, in either direction.
    pub body_bytes_max: usize,
    /// Requests that the application has not answered; more are answered 5.03.
    pub exchanges_max: usize,
    /// The same for each peer.
    pub exchanges_per_peer_max: usize,
    /// Message ids remembered against duplicates.
    pub seen_max: usize,
    /// The same for each peer.
    pub seen_per_peer_max: usize,
    /// Octets of replies remembered for duplicates.
    pub seen_bytes_max: usize,
    /// Message ids remembered of peers whose address is not proven, beside the others.
    pub seen_of_strangers_max: usize,
    /// Request bodies being put together.
    pub uploads_max: usize,
    /// The same for each peer.
    pub uploads_per_peer_max: usize,
    /// Octets of request bodies being put together.
    pub upload_bytes_max: usize,
    /// Response bodies being fetched block by block.
    pub downloads_max: usize,
    /// The same for each peer.
    pub downloads_per_peer_max: usize,
    /// Octets of response bodies being fetched.
    pub download_bytes_max: usize,
    /// Observers of our resources; registrations beyond are answered without registering.
    pub observers_max: usize,
    /// The same for each peer.
    pub observers_per_peer_max: usize,
    /// Peers whose address is remembered as proven, and peers whose Echo value is remembered.
    pub proofs_max: usize,
    /// Requests of ours that are open.
    pub requests_max: usize,
    /// Messages that wait for their turn towards a peer.
    pub waiting_per_peer_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: MESSAGE_BYTES_MAX,
            datagram_bytes_max: DATAGRAM_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            exchanges_max: 4_096,
            exchanges_per_peer_max: 8,
            seen_max: 65_536,
            seen_per_peer_max: 1_024,
            seen_bytes_max: 32 * 1024 * 1024,
            seen_of_strangers_max: 2_048,
            uploads_max: 1_024,
            uploads_per_peer_max: 4,
            upload_bytes_max: 32 * 1024 * 1024,
            downloads_max: 1_024,
            downloads_per_peer_max: 4,
            download_bytes_max: 32 * 1024 * 1024,
            observers_max: 4_096,
            observers_per_peer_max: 8,
            proofs_max: 65_536,
            requests_max: 65_536,
            waiting_per_peer_max: 16,
        }
    }
}

/// The settings of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The timing.
    pub transmission: Transmission,
    /// The bounds.
    pub limits: Limits,
    /// Whether addresses are proven by the channel below.
    pub addresses: Addresses,
    /// The largest block that is sent, and asked of others.
    pub szx: Szx,
    /// Whether our requests say at once which block size their response may have (RFC 7959 §2.4).
    pub is_block2_early: bool,
    /// Whether the application honours If-Match and If-None-Match; otherwise requests with them are refused.
    pub honours_conditions: bool,
    /// How long the application may take before an empty acknowledgement goes ahead of its response.
    pub ack_delay: Duration,
    /// How long the application may take in all; then the engine answers 5.03.
    pub answer_timeout: Duration,
    /// How long we wait for a response after the acknowledgement of our request.
    pub response_timeout: Duration,
    /// How long an Echo value, and an address that it proved, stay good.
    pub proof_lifetime: Duration,
    /// How long an unfinished body is kept without a further block; `None` means `EXCHANGE_LIFETIME`.
    pub body_idle_timeout: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        let transmission = Transmission::default();
        Self {
            transmission,
            limits: Limits::default(),
            addresses: Addresses::Unproven,
            szx: Szx::MAX,
            is_block2_early: false,
            honours_conditions: false,
            ack_delay: ACK_DELAY,
            answer_timeout: transmission.exchange_lifetime(),
            response_timeout: transmission.exchange_lifetime(),
            proof_lifetime: PROOF_LIFETIME,
            body_idle_timeout: None,
        }
    }
}

impl Config {
    /// Returns how long an unfinished body is kept without a further block (RFC 7959 §2.4, §2.5).
    #[must_use]
    pub fn body_idle(&self) -> Duration {
        // RFC7959-2.5-idle
        self.body_idle_timeout.unwrap_or_else(|| self.transmission.exchange_lifetime())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_times_are_those_of_the_standard() {
        // RFC7252-4.8-parameters RFC7252-4.8.2-derived
        let t = Transmission::default();
        assert_eq!(t.max_transmit_span(), Duration::from_secs(45));
        assert_eq!(t.max_transmit_wait(), Duration::from_secs(93));
        assert_eq!(t.exchange_lifetime(), Duration::from_secs(247));
        assert_eq!(t.non_lifetime(), Duration::from_secs(145));
    }

    #[test]
    fn absurd_parameters_do_not_overflow() {
        let t = Transmission {
            ack_timeout: Duration::from_secs(u64::MAX / 1000),
            ack_random_percent: u32::MAX,
            max_retransmit: u32::MAX,
            ..Transmission::default()
        };
        assert!(t.max_transmit_wait() >= t.max_transmit_span());
    }
}
