//! What the operating system or its service manager asks of the process.
//!
//! Does not: stop anything; `run` gives the signal that listeners wait for.

use tokio::signal::unix::{SignalKind, signal};

/// What an operator or the service manager asks of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGHUP: read certificates and keys again.
    Reload,
    /// SIGTERM or SIGINT: finish and end.
    End,
}

/// The signals of the operating system that the server answers.
#[derive(Debug)]
pub struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts to listen; from here on none of the three ends the process by itself.
    ///
    /// # Errors
    /// What the operating system says when it cannot install a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
        }
    }
}
