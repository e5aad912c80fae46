//! Requests of CoAP to verbs, and back; nothing else.
//!
//! Source: CBRSKI (constrained BRSKI), RFC 9148 (EST), RFC 6690 (discovery).

mod brski;
mod est;
pub mod status;

use std::sync::Arc;
use std::time::Instant;

use proto::{Class, ContentFormat, Reason, ReasonCode};
use proto_coap::link_format::{self, Link};
use proto_coap::{Code, Request, Response};
use server_coaps::Handler;
use server_listen::Peer;

use crate::app::Refusal;
use crate::context::Context;

/// Where resources are discovered (RFC 6690 §4).
const CORE: &str = "/.well-known/core";

/// Answers what is asked of the owner.
#[must_use]
pub fn owner_handler(context: Arc<Context>) -> Handler {
    Arc::new(move |peer, request| {
        let context = Arc::clone(&context);
        Box::pin(async move { counted(&context, &peer, &request).await })
    })
}

/// Counts each answer by its resource, code and reason.
async fn counted(context: &Arc<Context>, peer: &Peer, request: &Request) -> Response {
    let (name, begun) = (endpoint(request), Instant::now());
    let response = match answer(context, peer, request).await {
        Ok(response) => response,
        Err(refusal) => {
            context.metrics.refusal(name, refusal.class(), &refusal.code());
            status::response(&refusal)
        }
    };
    context.metrics.request(name, status::number(response.code()), begun.elapsed());
    response
}

async fn answer(context: &Arc<Context>, peer: &Peer, request: &Request) -> Result<Response, Refusal> {
    if request.path_is(CORE) {
        check_method(request, Code::GET)?;
        return Ok(core(request));
    }
    match brski::Resource::of(request) {
        Some(resource) => brski::answer(context, peer, (resource, request)).await,
        None => est::answer(context, peer, request).await,
    }
}

/// Lists the resources (RFC 9148 §5.1).
// RFC9148-5.1-discovery
fn core(request: &Request) -> Response {
    let links = [brski::links(), est::links()].concat();
    let body = link_format::render(&links, request.query());
    Response::new(Code::CONTENT).with_body(ContentFormat::LINK_FORMAT, body)
}

/// Names a resource in metrics; a path that a stranger made up is never a label.
fn endpoint(request: &Request) -> &'static str {
    if request.path_is(CORE) {
        return "core";
    }
    let of_est = || est::target(request).map_or("other", |target| target.resource.name());
    brski::Resource::of(request).map_or_else(of_est, brski::Resource::name)
}

fn check_method(request: &Request, wanted: Code) -> Result<(), WrongMethod> {
    if request.method() == wanted { Ok(()) } else { Err(WrongMethod) }
}

/// The path has other methods.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the method is not offered at that path")]
struct WrongMethod;

impl Reason for WrongMethod {
    fn class(&self) -> Class {
        Class::Unknown
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new("coap-method-unsupported")
    }
}

/// Makes a link with the Content-Formats that a resource answers in.
fn link(path: &str, resource_type: &str, formats: &[ContentFormat]) -> Link {
    let formats: Vec<String> = formats.iter().map(ToString::to_string).collect();
    Link::new(path).with("rt", resource_type).with("ct", &formats.join(" "))
}
