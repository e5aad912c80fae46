//! One connection: handshake, then requests until it ends.
//!
//! Source: RFC 9112 (HTTP/1), RFC 9113 (HTTP/2).
//! Does not: accept sockets, count places.
//! Invariants: the router sees a request only with the `Arc<Peer>` of its connection; no request body is longer than
//! the limit; a request that takes too long or panics gets an answer all the same.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use proto::{Class, Reason, ReasonCode, media_type};
use server_config::Limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::{Peer, Stop};

/// The most headers of a request (RFC 9110 §5.4 leaves the number to us; devices send fewer than ten).
const HEADERS_MAX: usize = 64;

/// The most bytes of a request's head, and hyper's read buffer; it must hold more than 8,192.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most requests at one time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// How many times a silent HTTP/2 peer is pinged within the idle timeout.
const PINGS_PER_IDLE_TIMEOUT: u32 = 3;

/// The version of HTTP that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What the requests of a connection are answered by.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) router: Router,
    pub(super) limits: Arc<Limits>,
    /// The most bytes of a body; `None` where the router has its own limit for each message, as gRPC has.
    pub(super) body_bytes_max: Option<usize>,
}

/// Serves one connection until it ends, or until `stop`: then open requests are finished and no new one is read.
pub(super) async fn serve_connection<S>(
    stream: S,
    peer: Peer,
    version: Version,
    answering: Answering,
    mut stop: Stop,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = builder(version, &answering.limits);
    let peer = Arc::new(peer);
    let answer_stop = stop.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        // An answer that goes on for as long as the server runs ends by this.
        request.extensions_mut().insert(answer_stop.clone());
        answer(answering.clone(), Arc::clone(&peer), request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.signalled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

fn builder(version: Version, limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // One buffer for head and body, so that a small answer is one write and one TLS record: strongSwan 5.9 reads
    // an answer with two reads and gives up when the second brings nothing.
    // RFC9112-6.1-length-and-coding: hyper takes the chunks, drops the length and ends the connection.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .writev(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle_timeout / PINGS_PER_IDLE_TIMEOUT)
        .keep_alive_timeout(limits.idle_timeout / PINGS_PER_IDLE_TIMEOUT);
    match version {
        Version::Http1 => builder.http1_only(),
        Version::Http2 => builder.http2_only(),
    }
}

async fn answer(
    answering: Answering,
    peer: Arc<Peer>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(|body| match answering.body_bytes_max {
        Some(bytes_max) => Body::new(Limited::new(body, bytes_max)),
        None => Body::new(body),
    });
    request.extensions_mut().insert(peer);
    let routed = CatchPanic(Box::pin(answering.router.oneshot(request)));
    Ok(match timeout(answering.limits.request_timeout, routed).await {
        Ok(Some(Ok(response))) => response,
        Ok(None) => refusal(StatusCode::INTERNAL_SERVER_ERROR, Cut::Failed),
        Err(_) => too_slow(answering.limits.request_timeout),
    })
}

/// Why a request has no answer of the router.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Cut {
    /// Answering it ended in a panic.
    #[error("the server failed at this request")]
    Failed,
    /// It was not read and answered within the limit.
    #[error("the request took too long")]
    TooSlow,
}

impl Reason for Cut {
    fn class(&self) -> Class {
        match self {
            Self::Failed => Class::Fault,
            Self::TooSlow => Class::Busy,
        }
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::Failed => ReasonCode::new("internal-fault"),
            Self::TooSlow => ReasonCode::new("request-timeout"),
        }
    }
}

fn too_slow(span: Duration) -> Response<Body> {
    tracing::warn!(seconds = span.as_secs(), "a request took too long");
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, Cut::TooSlow);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

fn refusal(status: StatusCode, why: Cut) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{}: {why}.\n", why.code())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::TEXT_UTF8));
    response
}

/// A future that turns a panic into `None`, after the panic hook has written it to the log.
struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the future is never polled again, so nobody sees what it may have left half done.
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}
