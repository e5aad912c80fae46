//! What stands between the socket and those who answer: the sessions, the message layer, and who is at the far end.
//!
//! Does not: wait.
//! Invariants: a request is handed on with the peer of its session; when the session ends, the message layer forgets
//! the address, which may be somebody else's next.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use proto::{Reason, UnixTime};
use proto_coap::{Code, Engine, ExchangeId, Output, Request, Response};
use proto_dtls::{Endpoint, Event};
use server_listen::{Meter, Peer};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedSender;

use crate::serve::Handler;

/// One socket's work.
pub(crate) struct Worker {
    pub(crate) endpoint: Endpoint<SocketAddr>,
    pub(crate) engine: Engine<SocketAddr>,
    pub(crate) socket: UdpSocket,
    pub(crate) name: &'static str,
    pub(crate) peers: HashMap<SocketAddr, Arc<Peer>>,
    pub(crate) open_requests: usize,
    pub(crate) handler: Handler,
    pub(crate) answers: UnboundedSender<(ExchangeId, Response)>,
    pub(crate) meter: Meter,
}

impl Worker {
    /// Takes a datagram.
    pub(crate) fn take(&mut self, now: UnixTime, remote: SocketAddr, datagram: &[u8]) {
        self.endpoint.on_datagram(now, &remote, datagram);
    }

    /// Does what is due.
    pub(crate) fn at_timeout(&mut self, now: UnixTime) {
        self.endpoint.on_timeout(now);
        self.engine.handle_timeout(now);
    }

    /// Takes an answer; one whose request is gone has nobody to go to.
    pub(crate) fn answer(&mut self, now: UnixTime, exchange: ExchangeId, response: Response) {
        self.open_requests = self.open_requests.saturating_sub(1);
        if let Err(error) = self.engine.respond(now, exchange, response) {
            tracing::debug!(listener = self.name, %error, "an answer came too late");
        }
    }

    /// Moves everything as far as it goes; says when there is something to do again.
    pub(crate) fn settle(&mut self, now: UnixTime) -> Option<UnixTime> {
        let engine_due_at = loop {
            while let Some(event) = self.endpoint.recv() {
                self.hear(now, event);
            }
            match self.engine.poll_output() {
                Output::Transmit { peer, datagram } => self.seal(now, &peer, &datagram),
                Output::Request { exchange, peer, request } => self.ask(now, exchange, peer, request),
                // A server asks for nothing, and has no observers yet.
                Output::Response { .. } | Output::Failed { .. } | Output::ObservationEnded { .. } => {}
                Output::Timeout(at) => break at,
            }
        };
        self.transmit();
        engine_due_at.into_iter().chain(self.endpoint.next_timeout()).min()
    }

    /// Takes leave of all peers.
    pub(crate) fn take_leave(&mut self, now: UnixTime) {
        for remote in self.peers.keys() {
            self.endpoint.close(now, remote);
            self.meter.closed(self.name, "stopped");
        }
        self.peers.clear();
        self.transmit();
    }

    fn hear(&mut self, now: UnixTime, event: Event<SocketAddr>) {
        match event {
            Event::Opened { peer: remote, .. } => {
                // One before it at this address, if there was one, has ended by now.
                self.forget(&remote);
                let chain = self.endpoint.peer_chain(&remote).unwrap_or_default().to_vec();
                self.peers.insert(remote, Arc::new(Peer::new(remote, None, chain)));
                self.meter.opened(self.name);
            }
            Event::Received { peer: remote, message } => self.engine.handle_packet(now, &remote, &message),
            Event::Ended { peer: remote, error } => {
                if let Some(error) = &error {
                    tracing::debug!(listener = self.name, %remote, %error, "a session of DTLS ended");
                }
                // A handshake that came to nothing leaves the open session of its address alone.
                let is_open = self.endpoint.peer_chain(&remote).is_some();
                if is_open || !self.forget(&remote) {
                    self.meter.refused(self.name, error.map_or("left", |error| error.class().name()));
                }
            }
        }
    }

    /// Forgets who had an address; tells whether anybody had.
    fn forget(&mut self, remote: &SocketAddr) -> bool {
        self.engine.forget(remote);
        let had_it = self.peers.remove(remote).is_some();
        if had_it {
            self.meter.closed(self.name, "ended");
        }
        had_it
    }

    fn seal(&mut self, now: UnixTime, remote: &SocketAddr, message: &[u8]) {
        if let Err(error) = self.endpoint.send(now, remote, message) {
            tracing::debug!(listener = self.name, %remote, %error, "a message was not sent");
        }
    }

    /// Has a request answered by a task of its own.
    fn ask(&mut self, now: UnixTime, exchange: ExchangeId, remote: SocketAddr, request: Box<Request>) {
        let Some(peer) = self.peers.get(&remote) else {
            return self.fail(now, exchange);
        };
        let (answering, answers) =
            (tokio::spawn((self.handler)(Arc::clone(peer), request)), self.answers.clone());
        self.open_requests += 1;
        tokio::spawn(async move {
            let response = answering.await.unwrap_or_else(|_| Response::new(Code::INTERNAL_SERVER_ERROR));
            // Who would take it is gone only when the listener is.
            let _ = answers.send((exchange, response));
        });
    }

    /// A session that ended leaves no request behind; should one come, it has no peer to be answered for.
    fn fail(&mut self, now: UnixTime, exchange: ExchangeId) {
        let response = Response::new(Code::INTERNAL_SERVER_ERROR);
        if let Err(error) = self.engine.respond(now, exchange, response) {
            tracing::debug!(listener = self.name, %error, "a request without a peer");
        }
    }

    /// Sends what there is to send; what the socket does not take now is lost, as datagrams may be.
    fn transmit(&mut self) {
        while let Some((remote, datagram)) = self.endpoint.poll_transmit() {
            if let Err(error) = self.socket.try_send_to(&datagram, remote) {
                tracing::debug!(listener = self.name, %remote, %error, "a datagram was not sent");
            }
        }
    }
}
