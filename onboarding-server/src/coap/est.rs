//! EST over CoAP: `crts`, `att`, `sen`, `sren`, each with and without a label.
//!
//! Source: RFC 9148 §5.

use std::sync::Arc;

use proto::well_known;
use proto_coap::link_format::Link;
use proto_coap::{Code, Request, Response};
use proto_est::CsrAttrs;
use proto_est::coap::{self, Resource, Target};
use server_listen::Peer;

use super::{check_method, link};
use crate::app::enroll::CsrBody;
use crate::app::est::{Unoffered, check_label};
use crate::app::{self, Refusal};
use crate::context::Context;

/// What is offered; keys are made by the devices.
const OFFERED: [Resource; 4] = [Resource::Crts, Resource::Att, Resource::Sen, Resource::Sren];

/// Reads what a path asks for.
pub(super) fn target(request: &Request) -> Result<Target, proto_est::Error> {
    let path: Option<Vec<&str>> = request.path().map(|segment| core::str::from_utf8(segment).ok()).collect();
    match path.as_deref() {
        Some([".well-known", "est", below @ ..]) => Target::from_segments(below),
        Some(_) | None => Err(proto_est::Error::PathUnknown),
    }
}

/// Lists the resources for discovery.
pub(super) fn links() -> Vec<Link> {
    let of = |resource: Resource| {
        let path = format!("{}/{resource}", well_known::EST);
        link(&path, &format!("ace.est.{resource}"), resource.answer_formats())
    };
    OFFERED.into_iter().map(of).collect()
}

/// Answers a request.
pub(super) async fn answer(
    context: &Arc<Context>,
    peer: &Peer,
    request: &Request,
) -> Result<Response, Refusal> {
    let Target { label, resource } = target(request)?;
    check_label(context, label.as_ref())?;
    let owner = app::owner(context)?;
    let (method, granted) = methods(resource);
    check_method(request, method)?;
    resource.check_request_format(request.content_format())?;
    let format = resource.choose_answer(request.accept())?;
    let body = match resource {
        Resource::Crts => coap::ca_certs(format, &owner.ca_path, &[])?,
        Resource::Att => coap::csr_attrs(&CsrAttrs::for_key(owner.asked_key())?)?,
        Resource::Sen | Resource::Sren => {
            let csr = CsrBody::Der(request.body());
            coap::issued(format, &app::enroll::enroll(context, peer, csr).await?)?
        }
        Resource::Skg | Resource::Skc => return Err(Unoffered::ServerKeygen.into()),
    };
    Ok(Response::new(granted).with_body(format, body))
}

/// Says how a resource is asked, and what an answer to that is called (RFC 9148 §5.5).
// RFC9148-5.5-codes
fn methods(resource: Resource) -> (Code, Code) {
    match resource {
        Resource::Crts | Resource::Att => (Code::GET, Code::CONTENT),
        Resource::Sen | Resource::Sren | Resource::Skg | Resource::Skc => (Code::POST, Code::CHANGED),
    }
}
