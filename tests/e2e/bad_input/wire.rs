//! A client that says any bytes, over TLS or without, and hears one answer.
//!
//! Source: RFC 9112 §2 to §6, of which it knows what it needs to find an answer's end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use device_sim::transport::Identity;
use pki::tls::{ProvisionalVerifier, provisional_client_config};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than any answer takes; a server that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An answer: its status and the first word of its body, when that is a reason code.
    Answer(u16, Option<String>),
    /// The connection ended without one.
    HangUp,
    /// Nothing came, and the connection stayed.
    Silence,
}

/// Connects and shakes hands.
pub(crate) async fn tls(
    address: SocketAddr,
    identity: Option<&Identity>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let identity = identity.map(|identity| (identity.chain.as_slice(), &identity.signer));
    let mut config = provisional_client_config(Arc::new(ProvisionalVerifier::default()), identity)
        .expect("a configuration");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = "localhost".try_into().expect("localhost is a name");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Says `bytes` and hears one answer; `ends` tells the server that nothing follows.
pub(crate) async fn say<S: AsyncRead + AsyncWrite>(stream: S, bytes: &[u8], ends: bool) -> Heard {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let saying = async {
        // A server that has heard enough closes; its answer matters, not our broken pipe.
        let is_said = writer.write_all(bytes).await.is_ok() && writer.flush().await.is_ok();
        if is_said && ends {
            drop(writer.shutdown().await);
        }
        std::future::pending::<Heard>().await
    };
    let hearing = async {
        let mut heard = Vec::new();
        loop {
            let is_over = matches!(reader.read_buf(&mut heard).await, Ok(0) | Err(_));
            match answer(&heard) {
                Some(answer) => return answer,
                None if is_over => return Heard::HangUp,
                None => {}
            }
        }
    };
    let either = async {
        tokio::select! {
            never = saying => never,
            heard = hearing => heard,
        }
    };
    timeout(PATIENCE, either).await.unwrap_or(Heard::Silence)
}

/// Reads an answer as soon as it is whole.
fn answer(heard: &[u8]) -> Option<Heard> {
    let text = String::from_utf8_lossy(heard);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
    });
    if status == 405 && !head.to_ascii_lowercase().contains("\r\nallow: ") {
        return Some(Heard::Answer(status, Some("no Allow, which RFC 9110 §15.5.6 asks for".to_owned())));
    }
    (body.len() >= length.unwrap_or(0)).then(|| Heard::Answer(status, reason(body)))
}

/// Takes the reason code from the front of a body.
fn reason(body: &str) -> Option<String> {
    let (code, _) = body.split_once(": ")?;
    let is_code = code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_code.then(|| code.to_owned())
}
