//! EST: `cacerts`, `csrattrs`, `simpleenroll`, `simplereenroll`, each with and without a label.
//!
//! Source: RFC 7030 §3.2.2, §4; RFC 8951.

use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderValue, Method, header};
use proto::{Class, Reason, ReasonCode};
use proto_est::{CsrAttrs, Operation, Route, certs, check_accept, check_content_type};

use super::Routes;
use super::asked::{self, Asked};
use super::status::method_not_allowed;
use crate::app::{self, Refusal};
use crate::context::Context;

/// Lists the resources: one pattern without a label and one with it.
pub(super) fn routes() -> Routes {
    vec![
        ("/.well-known/est/{operation}", any(operate)),
        ("/.well-known/est/{label}/{operation}", any(operate)),
    ]
}

/// The operation exists, but not on this server.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[non_exhaustive]
enum Unoffered {
    /// Server-side key generation is off.
    #[error("server-side key generation is not offered")]
    ServerKeygen,
    /// Full CMC is not spoken.
    #[error("full CMC is not offered")]
    FullCmc,
    /// There is no CA of that label.
    #[error("there is no CA of that label")]
    Label,
}

impl Reason for Unoffered {
    fn class(&self) -> Class {
        Class::Unknown
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::ServerKeygen => ReasonCode::new("est-serverkeygen-off"),
            Self::FullCmc => ReasonCode::new("est-fullcmc-unsupported"),
            Self::Label => ReasonCode::new("est-label-unknown"),
        }
    }
}

async fn operate(asked: Asked) -> Result<Response, Refusal> {
    let route: Route = asked.uri.path().parse()?;
    let operation = route.operation;
    let wanted = method(operation);
    if asked.method != wanted {
        return Ok(wrong_method(&wanted).await);
    }
    check_label(&asked.context, &route)?;
    check_content_type(operation, asked.field(header::CONTENT_TYPE))?;
    check_accept(operation, asked.field(header::ACCEPT))?;
    let answer = answer(&asked, operation).await?;
    Ok(asked::answer(operation.answer_type(), answer))
}

fn method(operation: Operation) -> Method {
    match operation.method() {
        proto_est::Method::Get => Method::GET,
        proto_est::Method::Post => Method::POST,
    }
}

/// Says which method there is (RFC 9110 §15.5.6); the router says it for the other resources.
async fn wrong_method(wanted: &Method) -> Response {
    let mut response = method_not_allowed().await.into_response();
    if let Ok(allowed) = HeaderValue::from_str(wanted.as_str()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// A label names a CA (RFC 7030 §3.2.2); there is one, and its label is the name of the domain.
fn check_label(context: &Context, route: &Route) -> Result<(), Unoffered> {
    let Some(label) = &route.label else { return Ok(()) };
    let owner = context.owner.as_ref().ok_or(Unoffered::Label)?;
    if owner.settings.domain.eq_ignore_ascii_case(label.as_str()) { Ok(()) } else { Err(Unoffered::Label) }
}

async fn answer(asked: &Asked, operation: Operation) -> Result<String, Refusal> {
    let owner = app::owner(&asked.context)?;
    match operation {
        Operation::CaCerts => Ok(certs::ca_certs(&owner.ca_path, &[])?),
        Operation::CsrAttrs => Ok(CsrAttrs::for_key(owner.asked_key())?.write()?),
        Operation::SimpleEnroll | Operation::SimpleReenroll => {
            Ok(certs::issued(&app::enroll::enroll(&asked.context, &asked.peer, &asked.body).await?)?)
        }
        Operation::ServerKeygen => Err(Unoffered::ServerKeygen.into()),
        Operation::FullCmc => Err(Unoffered::FullCmc.into()),
    }
}
