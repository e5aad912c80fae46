//! What a case is: a request, from whom and to what, and what must come of it.

use std::net::SocketAddr;

use device_sim::transport::Identity;
use tokio::net::TcpStream;

use super::stage::{Peer, Stage};
use super::wire::{Heard, say, tls};

/// Who is asked, by the name of its section in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Owner,
    Maker,
    Admin,
    Metrics,
}

/// A request in HTTP/1.1, or what should be one.
#[derive(Clone, Copy)]
pub(crate) enum Message {
    /// A method, a media type (empty for none), what is accepted (empty for anything), and a body.
    Ask(&'static str, &'static str, &'static str, fn(&Stage) -> Vec<u8>),
    /// Bytes as they are, after which the sender waits.
    Bytes(fn(&Stage) -> Vec<u8>),
    /// Bytes as they are, after which the sender is done.
    LastBytes(fn(&Stage) -> Vec<u8>),
    /// Bytes as they are, in clear, whatever the listener speaks.
    Clear(fn(&Stage) -> Vec<u8>),
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// A status with a reason code.
    Refusal(u16, &'static str),
    /// A status alone: hyper answers so before anything of ours sees the request.
    Bare(u16),
    /// The end of the connection.
    HangUp,
    /// No refusal: what looks odd is right.
    Granted,
}

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) listener: Listener,
    pub(crate) path: &'static str,
    pub(crate) peer: Peer,
    pub(crate) message: Message,
    pub(crate) expected: Expected,
}

/// Method, media type (empty for none), and what is accepted (empty for anything).
pub(crate) type Form = (&'static str, &'static str, &'static str);

/// A request of this form with a body.
pub(crate) const fn in_form((method, given, accept): Form, body: fn(&Stage) -> Vec<u8>) -> Message {
    Message::Ask(method, given, accept, body)
}

impl Case {
    /// What the owner's listener is asked.
    pub(crate) const fn of_owner(
        name: &'static str,
        path: &'static str,
        peer: Peer,
        message: Message,
        expected: Expected,
    ) -> Self {
        Self { name, listener: Listener::Owner, path, peer, message, expected }
    }

    /// Stages the case; `Some` is what came instead of what was expected.
    pub(crate) async fn offence(&self, stage: &Stage) -> Option<String> {
        let heard = self.stage(stage).await;
        let is_so = match (&heard, self.expected) {
            (Heard::Answer(status, reason), Expected::Refusal(wanted, code)) => {
                *status == wanted && reason.as_deref() == Some(code)
            }
            (Heard::Answer(status, None), Expected::Bare(wanted)) => *status == wanted,
            (Heard::Answer(status, _), Expected::Granted) => *status == 200,
            (Heard::HangUp, Expected::HangUp) => true,
            (Heard::Answer(..) | Heard::HangUp | Heard::Silence, _) => false,
        };
        (!is_so).then(|| format!("{}: expected {:?}, heard {heard:?}", self.name, self.expected))
    }

    async fn stage(&self, stage: &Stage) -> Heard {
        let (address, identity) = (address(stage, self.listener), stage.identity(self.peer));
        let (bytes, ends, is_clear) = match self.message {
            Message::Ask(method, media_type, accept, body) => {
                (self.request(method, (media_type, accept), &body(stage)), false, false)
            }
            Message::Bytes(bytes) => (bytes(stage), false, false),
            Message::LastBytes(bytes) => (bytes(stage), true, false),
            Message::Clear(bytes) => (bytes(stage), false, true),
        };
        if is_clear || self.listener == Listener::Metrics {
            return say(TcpStream::connect(address).await.expect("the server listens"), &bytes, ends).await;
        }
        self.say_over_tls(address, identity, (&bytes, ends)).await
    }

    async fn say_over_tls(
        &self,
        address: SocketAddr,
        identity: Option<&Identity>,
        (bytes, ends): (&[u8], bool),
    ) -> Heard {
        let alpn: &[&str] = if self.listener == Listener::Admin { &[] } else { &["http/1.1"] };
        match tls(address, identity, alpn).await {
            Ok(stream) => say(stream, bytes, ends).await,
            Err(_) => Heard::HangUp,
        }
    }

    fn request(&self, method: &str, (media_type, accept): (&str, &str), body: &[u8]) -> Vec<u8> {
        let field = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("{name}: {value}\r\n") }
        };
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: localhost\r\n{}{}Content-Length: {}\r\n\r\n",
            self.path,
            field("Content-Type", media_type),
            field("Accept", accept),
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

/// Where a listener is.
pub(crate) fn address(stage: &Stage, listener: Listener) -> SocketAddr {
    let ready = stage.server.ready();
    match listener {
        Listener::Owner => ready.owner.expect("there is an owner"),
        Listener::Maker => ready.maker.expect("there is a maker"),
        Listener::Admin => ready.admin,
        Listener::Metrics => ready.metrics,
    }
}

/// No body.
pub(crate) fn nothing(_: &Stage) -> Vec<u8> {
    Vec::new()
}
