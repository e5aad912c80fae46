//! EST: `cacerts`, `csrattrs`, `simpleenroll`, `simplereenroll`, each with and without a label.
//!
//! Source: RFC 7030 §3.2.2, §4; RFC 8951.

use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderValue, Method, header};
use proto_est::{CsrAttrs, Operation, Route, certs, check_accept, check_content_type};

use super::Routes;
use super::asked::{self, Asked};
use super::status::method_not_allowed;
use crate::app::enroll::CsrBody;
use crate::app::est::{Unoffered, check_label};
use crate::app::{self, Refusal};

/// Lists the resources: one pattern without a label and one with it.
pub(super) fn routes() -> Routes {
    vec![
        ("/.well-known/est/{operation}", any(operate)),
        ("/.well-known/est/{label}/{operation}", any(operate)),
    ]
}

async fn operate(asked: Asked) -> Result<Response, Refusal> {
    let route: Route = asked.uri.path().parse()?;
    let operation = route.operation;
    let wanted = method(operation);
    if asked.method != wanted {
        return Ok(wrong_method(&wanted).await);
    }
    check_label(&asked.context, route.label.as_ref())?;
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

async fn answer(asked: &Asked, operation: Operation) -> Result<String, Refusal> {
    let owner = app::owner(&asked.context)?;
    match operation {
        Operation::CaCerts => Ok(certs::ca_certs(&owner.ca_path, &[])?),
        Operation::CsrAttrs => Ok(CsrAttrs::for_key(owner.asked_key())?.write()?),
        Operation::SimpleEnroll | Operation::SimpleReenroll => Ok(certs::issued(
            &app::enroll::enroll(&asked.context, &asked.peer, CsrBody::Base64(&asked.body)).await?,
        )?),
        Operation::ServerKeygen => Err(Unoffered::ServerKeygen.into()),
        Operation::FullCmc => Err(Unoffered::FullCmc.into()),
    }
}
