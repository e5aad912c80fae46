//! A TLS connection that sends bytes as they are, for what no honest HTTP library would send.
//! Source: RFC 9112 §4, §6.
//! Does not: follow HTTP; that is its purpose.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::connection::open_tls;
use super::{ANSWER_BYTES_MAX, Answer, Endpoint, Identity, Patience};
use crate::Error;

/// Parts the head of an answer from its body.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What is sent, and whether the sender then falls silent for good.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// Head and body, byte for byte.
    pub bytes: Bytes,
    /// Whether the sending side is closed afterwards, so that the server knows that nothing follows.
    pub ends: bool,
}

/// Writes the head of a POST that announces `content_length` octets, true or not.
#[must_use]
pub fn raw_head(endpoint: &Endpoint, path: &str, content_type: &str, content_length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {content_length}\r\n\r\n",
        endpoint.authority()
    )
}

/// A handshaken connection without any HTTP on it yet.
#[derive(Debug)]
pub struct RawConnection {
    stream: TlsStream<TcpStream>,
    answer_wait: Duration,
}

impl RawConnection {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// As [`super::Connection::open`].
    pub async fn open(
        endpoint: &Endpoint,
        identity: Option<&Identity>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let stream = open_tls(endpoint, identity, patience).await?;
        Ok(Self { stream, answer_wait: Duration::from_secs(patience.answer_seconds) })
    }

    /// Sends the bytes and reads one answer, both at once, since a server may answer before it has read all.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] when the server closes without an answer, [`Error::TimedOut`] when it says nothing (class
    /// `Busy`); [`Error::AnswerUnreadable`], [`Error::AnswerTooLarge`] (class `Malformed`).
    pub async fn exchange(self, request: RawRequest) -> Result<Answer, Error> {
        let (mut reader, mut writer) = tokio::io::split(self.stream);
        let write = async move {
            // A server that has heard enough closes; then its answer, not our broken pipe, is what matters.
            let sent = writer.write_all(&request.bytes).await.is_ok() && writer.flush().await.is_ok();
            if sent && request.ends {
                drop(writer.shutdown().await);
            }
            writer
        };
        let read = async move {
            let mut received = BytesMut::new();
            loop {
                if let Some(answer) = whole_answer(&received)? {
                    return Ok(answer);
                }
                if received.len() > ANSWER_BYTES_MAX {
                    return Err(Error::AnswerTooLarge);
                }
                match reader.read_buf(&mut received).await {
                    Ok(0) | Err(_) => return Err(Error::ConnectionLost),
                    Ok(_) => {}
                }
            }
        };
        let both = async {
            tokio::pin!(write);
            tokio::pin!(read);
            tokio::select! {
                answer = &mut read => answer,
                _writer = &mut write => read.await,
            }
        };
        timeout(self.answer_wait, both).await.map_err(|_| Error::TimedOut)?
    }
}

/// Reads an answer with `Content-Length` (or none, then without body); `None` while bytes are missing.
fn whole_answer(received: &[u8]) -> Result<Option<Answer>, Error> {
    let Some(head_end) = received.windows(HEAD_END.len()).position(|window| window == HEAD_END) else {
        return Ok(None);
    };
    let (head, rest) = received.split_at(head_end);
    let mut body = rest;
    body.advance(HEAD_END.len());
    let head = std::str::from_utf8(head).map_err(|_| Error::AnswerUnreadable)?;
    let (status, headers) = parse_head(head)?;
    let length: usize = match headers.get(http::header::CONTENT_LENGTH) {
        Some(length) => {
            length.to_str().ok().and_then(|digits| digits.parse().ok()).ok_or(Error::AnswerUnreadable)?
        }
        None => 0,
    };
    if length > ANSWER_BYTES_MAX {
        return Err(Error::AnswerTooLarge);
    }
    Ok(body.get(..length).map(|body| Answer::new(status, &headers, Bytes::copy_from_slice(body))))
}

fn parse_head(head: &str) -> Result<(u16, HeaderMap), Error> {
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok())
        .ok_or(Error::AnswerUnreadable)?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Error::AnswerUnreadable)?;
        let name: HeaderName = name.parse().map_err(|_| Error::AnswerUnreadable)?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| Error::AnswerUnreadable)?;
        headers.append(name, value);
    }
    Ok((status, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_announced_length_has_come() {
        let text = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nconnection: close\r\n\r\nno";
        assert!(whole_answer(&text[..text.len() - 1]).unwrap().is_none());
        let answer = whole_answer(text).unwrap().unwrap();
        assert_eq!((answer.status, &answer.body[..], answer.is_last), (400, &b"no"[..], true));
    }

    #[test]
    fn an_answer_that_is_no_http_or_too_long_is_refused() {
        for (text, code) in [
            (&b"SSH-2.0\r\n\r\n"[..], "sim-answer-unreadable"),
            (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "sim-answer-unreadable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "sim-answer-unreadable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "sim-answer-too-large"),
        ] {
            let error = whole_answer(text).unwrap_err();
            assert_eq!(error.reason(), code);
        }
    }

    #[test]
    fn the_head_may_lie_about_the_length() {
        let endpoint = Endpoint::new("localhost", 1).unwrap();
        let head = raw_head(&endpoint, "/x", "a/b", 7);
        assert!(head.contains("Content-Length: 7\r\n"));
        assert!(head.ends_with("\r\n\r\n"));
    }
}
