//! A connection that outlives outages and undecided answers within one attempt.
//! Source: RFC 8995 §5.6 (202: wait at most 60 seconds, same bytes again), §5.1 (same registrar on each connection of an attempt).
//!
//! Invariants: after a reconnection the server shows the very chain that it showed first, or the attempt ends.

use std::time::{Duration, Instant};

use pki::Certificate;
use tokio::time::sleep;

use super::Running;
use crate::Error;
use crate::transport::{Answer, Connection, Endpoint, Identity, Patience, Request};

/// The first pause before another connection; each next one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(25);
/// The longest pause before another connection.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// What is waited after a 202 or 503 that names no time.
const RETRY_AFTER_SECONDS_DEFAULT: u64 = 1;

/// One attempt's way to one registrar, under one identity.
#[derive(Debug)]
pub struct Session {
    endpoint: Endpoint,
    identity: Option<Identity>,
    patience: Patience,
    connection: Connection,
    chain: Vec<Certificate>,
}

impl Session {
    /// Connects; while the server is away, again and again within the patience.
    ///
    /// # Errors
    /// Those of [`Connection::open`].
    pub async fn open(
        endpoint: &Endpoint,
        identity: Option<&Identity>,
        patience: Patience,
        running: &mut Running,
    ) -> Result<Self, Error> {
        let connection = connect(endpoint, identity, patience, running).await?;
        let chain = connection.server_chain().to_vec();
        Ok(Self { endpoint: endpoint.clone(), identity: identity.cloned(), patience, connection, chain })
    }

    /// Returns the chain that the server showed, leaf first.
    #[must_use]
    pub fn server_chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Returns the first certificate of that chain: the registrar, in a voucher-request.
    ///
    /// # Errors
    /// [`Error::AnswerUnreadable`] when the server showed none, which TLS rules out.
    pub fn registrar(&self) -> Result<&Certificate, Error> {
        self.chain.first().ok_or(Error::AnswerUnreadable)
    }

    /// Sends a request and reads the answer, whatever its status; reconnects when the server was away.
    ///
    /// # Errors
    /// [`Error::RegistrarChanged`] (`Untrusted`); those of [`Connection::open`] and [`Connection::send`] when patience ends.
    pub async fn send(&mut self, request: &Request, running: &mut Running) -> Result<Answer, Error> {
        let began_at = Instant::now();
        loop {
            if self.connection.is_closed() {
                self.reconnect(running).await?;
            }
            match self.connection.send(request).await {
                Ok(answer) => {
                    running.status = Some(answer.status);
                    return Ok(answer);
                }
                Err(error)
                    if error.is_outage()
                        && began_at.elapsed().as_secs() < self.patience.outage_seconds_max =>
                {
                    running.repeats += 1;
                    self.reconnect(running).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request until it is decided and returns an answer of status 200.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::StillPending`] (`NotYet`), [`Error::Redirected`] (`Unsupported`); those of [`Self::send`].
    pub async fn send_until_decided(
        &mut self,
        request: &Request,
        running: &mut Running,
    ) -> Result<Answer, Error> {
        let began_at = Instant::now();
        loop {
            let answer = self.send(request, running).await?;
            match answer.status {
                200 => return Ok(answer),
                202 | 503 => {}
                300..=399 => return Err(Error::Redirected),
                _ => return Err(Error::Refused(answer.refusal())),
            }
            if began_at.elapsed().as_secs() >= self.patience.pending_seconds_max {
                return Err(Error::StillPending);
            }
            running.repeats += 1;
            sleep(retry_after(&answer, self.patience)).await;
        }
    }

    async fn reconnect(&mut self, running: &mut Running) -> Result<(), Error> {
        let connection = connect(&self.endpoint, self.identity.as_ref(), self.patience, running).await?;
        let is_same = connection
            .server_chain()
            .iter()
            .map(Certificate::der)
            .eq(self.chain.iter().map(Certificate::der));
        self.connection = connection;
        if is_same { Ok(()) } else { Err(Error::RegistrarChanged) }
    }

    /// Waits for the server to close the connection.
    pub async fn closes_within(&mut self, patience: Duration) -> bool {
        self.connection.closes_within(patience).await
    }
}

/// Returns how long to wait: what the server says, but no longer than RFC 8995 §5.6 lets it, and never nothing.
fn retry_after(answer: &Answer, patience: Patience) -> Duration {
    let said = answer.retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS_DEFAULT);
    let seconds = said.min(patience.retry_after_seconds_max);
    if seconds == 0 { PAUSE_MIN } else { Duration::from_secs(seconds) }
}

async fn connect(
    endpoint: &Endpoint,
    identity: Option<&Identity>,
    patience: Patience,
    running: &mut Running,
) -> Result<Connection, Error> {
    let began_at = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match Connection::open(endpoint, identity, patience).await {
            Ok(connection) => return Ok(connection),
            Err(error) if error.is_outage() && began_at.elapsed().as_secs() < patience.outage_seconds_max => {
                running.repeats += 1;
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(retry_after_seconds: Option<u64>) -> Duration {
        let mut answer = Answer::new(202, &http::HeaderMap::new(), bytes::Bytes::new());
        answer.retry_after_seconds = retry_after_seconds;
        retry_after(&answer, Patience::default())
    }

    #[test]
    fn retry_after_is_heeded_up_to_sixty_seconds() {
        assert_eq!(waits(Some(7)), Duration::from_secs(7));
        assert_eq!(waits(Some(3600)), Duration::from_secs(60));
        assert_eq!(waits(None), Duration::from_secs(1));
        assert_eq!(waits(Some(0)), PAUSE_MIN);
    }
}
