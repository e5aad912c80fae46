//! A device for tests: a socket, a session of DTLS and the message layer of CoAP, all blocking.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by tests")]

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use proto::UnixTime;
use proto_coap::{Addresses, Engine, Output, Request, Response};
use proto_dtls::{Client, Offer};

/// How long anything may take before a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One device.
pub(crate) struct Device {
    pub(crate) client: Client,
    pub(crate) engine: Engine<SocketAddr>,
    socket: UdpSocket,
    pub(crate) server: SocketAddr,
    epoch: UnixTime,
    pub(crate) started: Instant,
}

impl Device {
    /// Opens a session, or is refused one; `epoch` is the time now.
    pub(crate) fn connect(
        dtls: &proto_dtls::Config,
        offer: Offer,
        server: SocketAddr,
        epoch: UnixTime,
    ) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let config = proto_coap::Config { addresses: Addresses::Proven, ..proto_coap::Config::default() };
        let engine = Engine::new(config, [3; 32]);
        let started = Instant::now();
        let client = Client::connect(dtls, offer, epoch, started).unwrap();
        let mut device = Self { client, engine, socket, server, epoch, started };
        while !device.client.is_open() && device.client.end().is_none() {
            assert!(started.elapsed() < PATIENCE, "no session");
            device.turn();
        }
        device
    }

    /// Tries a handshake beside the open session, from the same address, until it has come to an end.
    pub(crate) fn try_beside(
        &mut self,
        dtls: &proto_dtls::Config,
        offer: Offer,
    ) -> Option<proto_dtls::Error> {
        let mut other = Client::connect(dtls, offer, self.now(), self.started).unwrap();
        while other.end().is_none() {
            assert!(self.started.elapsed() < PATIENCE, "no end");
            while let Some(datagram) = other.poll_transmit() {
                self.socket.send(&datagram).unwrap();
            }
            let (mut datagram, now) = ([0; 2048], self.now());
            match self.socket.recv(&mut datagram) {
                Ok(bytes) => other.on_datagram(now, &datagram[..bytes]),
                Err(_) => other.on_timeout(now),
            }
        }
        other.end().flatten()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.epoch.plus(self.started.elapsed())
    }

    /// Carries datagrams, and returns what came of a request.
    pub(crate) fn turn(&mut self) -> Option<Result<Response, proto_coap::Error>> {
        while let Some(datagram) = self.client.poll_transmit() {
            self.socket.send(&datagram).unwrap();
        }
        let mut datagram = [0; 2048];
        let now = self.now();
        match self.socket.recv(&mut datagram) {
            Ok(bytes) => self.client.on_datagram(now, &datagram[..bytes]),
            Err(_) => self.client.on_timeout(now),
        }
        while let Some(message) = self.client.recv() {
            self.engine.handle_packet(now, &self.server, &message);
        }
        self.engine.handle_timeout(now);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Option<Result<Response, proto_coap::Error>> {
        let now = self.now();
        loop {
            match self.engine.poll_output() {
                Output::Transmit { datagram, .. } => self.client.send(now, &datagram).unwrap(),
                Output::Response { response, .. } => return Some(Ok(*response)),
                Output::Failed { error, .. } => return Some(Err(error)),
                Output::Request { .. } | Output::ObservationEnded { .. } => panic!("a server asks nothing"),
                Output::Timeout(_) => return None,
            }
        }
    }

    /// Asks, and waits for the response.
    pub(crate) fn ask(&mut self, request: Request) -> Response {
        let begun = Instant::now();
        self.engine.request(self.now(), &self.server, request).unwrap();
        let mut outcome = self.drain();
        while outcome.is_none() {
            assert!(begun.elapsed() < PATIENCE, "no response");
            outcome = self.turn();
        }
        outcome.unwrap().unwrap()
    }
}
