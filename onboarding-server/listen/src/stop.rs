//! The signal to stop, as everything that runs for long listens for it.
//!
//! Does not: end anything by force; who listens ends by itself, and [`serve`](crate::serve) gives up waiting after its
//! limit.
//! Invariants: once given, the signal stays; a listener that comes late still sees it.

use tokio::sync::watch;

/// The end that gives the signal.
#[derive(Debug)]
pub struct StopSender(watch::Sender<bool>);

/// The end that waits for the signal; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Makes a signal that has not been given.
#[must_use]
pub fn stop_signal() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    /// Gives the signal.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until the signal is given, or until nobody is left who could give it.
    pub async fn signalled(&mut self) {
        // An error means that the sender is gone: then nothing is left to wait for either.
        let _ = self.0.wait_for(|is_given| *is_given).await;
    }

    /// Says whether the signal has been given.
    #[must_use]
    pub fn is_signalled(&self) -> bool {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_late_still_sees_the_signal() {
        let (sender, stop) = stop_signal();
        sender.stop();
        let mut late = stop.clone();
        late.signalled().await;
        assert!(late.is_signalled());
    }

    #[tokio::test]
    async fn a_lost_sender_counts_as_the_signal() {
        let (sender, mut stop) = stop_signal();
        drop(sender);
        stop.signalled().await;
    }
}
