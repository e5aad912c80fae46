//! A MASA that answers for its log as a test wants it, and passes everything else on to the real one.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use device_sim::pledge::{Session, Step, Transcript};
use device_sim::transport::{Answer, Endpoint, Patience, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pki::tls::UnjudgedClients;
use proto::media_type;
use server_listen::{load_chain, load_key};
use tests::server::Server;
use tokio_rustls::TlsAcceptor;

/// Where the log of [`LogAnswer::Elsewhere`] lies.
const KEPT: &str = "/kept/7f3c9a51d2";

/// What is answered to `requestauditlog`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogAnswer {
    /// The real MASA's log, at a place of its own.
    Elsewhere,
    /// A place at a server that the configuration does not have.
    AtAStranger,
    /// There is nothing.
    NotFound,
    /// No log at all, though it is said to be one.
    Gibberish,
    /// It is too busy so many times, and then the real log.
    Busy(u32),
}

/// The port of a MASA that will be there once the server's keys are.
pub(crate) struct Place(TcpListener);

/// The MASA.
pub(crate) struct Masa {
    answer: Mutex<LogAnswer>,
    kept: Mutex<Bytes>,
    real: Endpoint,
}

impl Place {
    pub(crate) fn take() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"))
    }

    /// Writes into a configuration that the manufacturer's MASA is here.
    pub(crate) fn write(&self, config: &str) -> String {
        let port = self.0.local_addr().expect("a bound port").port();
        config.replace(
            "[[owner.manufacturer]]",
            &format!("[[owner.manufacturer]]\nmasa_url = \"localhost:{port}\""),
        )
    }

    /// Begins to serve, with the certificate of the server's own MASA.
    pub(crate) fn serve(self, server: &Server) -> Arc<Masa> {
        let pki = server.state().join("maker/pki");
        let chain = load_chain(&pki.join("masa.pem")).expect("the MASA's chain");
        let key = load_key(&pki.join("masa-key.pem")).expect("the MASA's key");
        let config = pki::tls::server_config(&chain, &key, UnjudgedClients::default()).expect("TLS");
        let real = format!("localhost:{}", server.ready().maker.expect("there is a maker").port());
        let masa = Arc::new(Masa {
            answer: Mutex::new(LogAnswer::Elsewhere),
            kept: Mutex::default(),
            real: real.parse().expect("localhost is a host"),
        });
        tokio::spawn(accept(self.0, TlsAcceptor::from(Arc::new(config)), Arc::clone(&masa)));
        masa
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, masa: Arc<Masa>) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, masa) = (acceptor.clone(), Arc::clone(&masa));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service = service_fn(|request| answer(request, Arc::clone(&masa)));
            // The registrar may hang up at any time.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: http::Request<Incoming>,
    masa: Arc<Masa>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let is_fetch = request.method() == http::Method::GET;
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(if path.ends_with("/requestauditlog") {
        masa.log(&path, body).await
    } else if is_fetch && path == KEPT {
        json(masa.kept.lock().expect("nobody panicked").clone())
    } else {
        response(&masa.pass_on(&path, media_type::VOUCHER_CMS_JSON, body).await)
    })
}

impl Masa {
    /// Says what is answered from now on.
    pub(crate) fn set(&self, answer: LogAnswer) {
        *self.answer.lock().expect("nobody panicked") = answer;
    }

    async fn log(&self, path: &str, body: Bytes) -> http::Response<Full<Bytes>> {
        let answer = *self.answer.lock().expect("nobody panicked");
        match answer {
            LogAnswer::NotFound => status(404),
            LogAnswer::Gibberish => json(Bytes::from_static(b"{\"version\":1}")),
            LogAnswer::AtAStranger => created("https://stranger.invalid/log"),
            LogAnswer::Busy(times @ 1..) => {
                self.set(LogAnswer::Busy(times - 1));
                status(503)
            }
            LogAnswer::Busy(0) => response(&self.pass_on(path, media_type::JSON, body).await),
            LogAnswer::Elsewhere => {
                let real = self.pass_on(path, media_type::JSON, body).await;
                *self.kept.lock().expect("nobody panicked") = real.body.clone();
                created(KEPT)
            }
        }
    }

    async fn pass_on(&self, path: &str, accept: &'static str, body: Bytes) -> Answer {
        let mut running = Transcript::new().begin(Step::Connect);
        let session = Session::open(&self.real, None, Patience::default(), &mut running).await;
        let request = Request::post(path, media_type::VOUCHER_CMS_JSON, body).accepting(accept);
        session.expect("the real MASA").send(&request, &mut running).await.expect("its answer")
    }
}

fn response(answer: &Answer) -> http::Response<Full<Bytes>> {
    let mut response = status(answer.status);
    if let Some(media_type) = answer.content_type.as_deref().and_then(|text| text.parse().ok()) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
    }
    *response.body_mut() = Full::new(answer.body.clone());
    response
}

fn json(body: Bytes) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::new(body));
    let media_type = http::HeaderValue::from_static(media_type::JSON);
    response.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
    response
}

fn created(location: &'static str) -> http::Response<Full<Bytes>> {
    let mut response = status(201);
    response.headers_mut().insert(http::header::LOCATION, http::HeaderValue::from_static(location));
    response
}

fn status(code: u16) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = http::StatusCode::from_u16(code).expect("a status");
    response
}
