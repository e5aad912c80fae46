//! Whole requests to a server in this process, over HTTP and gRPC.

use axum::body::Body;
use axum::{Extension, Router};
use http::{Request, StatusCode, Version, header};
use http_body_util::BodyExt;
use onboarding_server::http::{maker_router, owner_router};
use onboarding_server::run::Mode;
use std::sync::{Arc, PoisonError};
use tower::ServiceExt;

use super::house::{HOUSE, House};

/// The methods that are called: all that only read, and one that follows.
const METHODS: &[&str] = &[
    "/onboarding.v1.DeviceService/ListDevices",
    "/onboarding.v1.DeviceService/GetDevice",
    "/onboarding.v1.DeviceService/GetTimeline",
    "/onboarding.v1.EventService/Watch",
    "/onboarding.v1.JournalService/ListRecords",
    "/onboarding.v1.FactoryService/ListOrders",
    "/onboarding.v1.FactoryService/GetOrder",
    "/onboarding.v1.FactoryService/GetUnit",
    "/onboarding.v1.AuthorityService/ListAuthorities",
    "/onboarding.v1.AuthorityService/GetCrl",
];

/// The gRPC statuses that say that the server is at fault: UNKNOWN, INTERNAL, DATA_LOSS.
const FAULTS: &[&str] = &["2", "13", "15"];

/// Calls the method that the first byte names with the message that the others are.
pub fn api_request(bytes: &[u8]) {
    let Some((method, message)) = bytes.split_first() else { return };
    let path = METHODS.get(usize::from(*method) % METHODS.len()).copied().unwrap_or_default();
    let house = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    let api = onboarding_server::grpc::router(Arc::clone(&house.context), Mode::Production);
    let api = api.layer(Extension(House::peer(&house.admin)));
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let request = Request::post(path)
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::from([&[0], &length[..], message].concat()));
    let before = house.records();
    house.runtime.block_on(call(api, request.expect("a request"), path.ends_with("Watch")));
    assert_eq!(house.records(), before, "reading writes nothing");
}

async fn call(api: Router, request: Request<Body>, is_endless: bool) {
    let response = api.oneshot(request).await.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::OK, "gRPC says what is wrong in its own status");
    let mut headers = response.headers().clone();
    let mut body = response.into_body();
    if is_endless && !headers.contains_key("grpc-status") {
        let first = body.frame().await.expect("a watch begins with a word").expect("which is whole");
        assert!(first.is_data(), "the watch goes on");
        return;
    }
    let collected = body.collect().await.expect("the answer is whole");
    headers.extend(collected.trailers().cloned().unwrap_or_default());
    let status = headers.get("grpc-status").and_then(|status| status.to_str().ok()).unwrap_or_default();
    assert!(!FAULTS.contains(&status), "the server is at fault: {headers:?}");
}

/// Sends a request over HTTP: the first byte says to whom and from whom, then lines for method and path, media type,
/// what is accepted, then the body.
pub fn http_request(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut parts = rest.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (line, given, accepted, body) = (part(), part(), part(), part());
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let Some(path) = words.next().and_then(|path| core::str::from_utf8(path).ok()) else { return };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, given)
        .header(header::ACCEPT, accepted)
        .body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let house = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    let router = if kind & 1 == 0 { owner_router } else { maker_router };
    let chain = match kind >> 1 & 3 {
        0 => &[],
        1 => house.idevid.as_slice(),
        2 => house.admin.as_slice(),
        _ => house.context.owner.as_ref().map_or(&[][..], |owner| &owner.registrar.chain),
    };
    let router = router(Arc::clone(&house.context)).layer(Extension(House::peer(chain)));
    let before = house.records();
    house.runtime.block_on(ask(router, request));
    assert_eq!(house.records(), before, "nobody who is unknown writes anything");
}

async fn ask(router: Router, request: Request<Body>) {
    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.expect("the answer is whole").to_bytes();
    if status.is_client_error() && !body.is_empty() {
        let text = core::str::from_utf8(&body).expect("a refusal is text");
        let (code, sentence) = text.split_once(": ").expect("a refusal has code and sentence");
        assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{text:?}");
        assert!(sentence.ends_with(".\n") && sentence.len() < 300, "{text:?}");
    }
}
