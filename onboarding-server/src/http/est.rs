//! EST: `cacerts`, `csrattrs`, `simpleenroll`, `simplereenroll`, each with and without a label.
//!
//! Source: RFC 7030 §3.2.2, §4; RFC 8951.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use proto::{Class, Reason, ReasonCode};
use proto_est::{CsrAttrs, Operation, Route, certs, check_accept, check_content_type};
use server_listen::Peer;

use super::status::{field, method_not_allowed};
use crate::app::{self, Refusal};
use crate::context::Context;

/// Builds the routes.
pub fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/.well-known/est/{operation}", any(operate))
        .route("/.well-known/est/{label}/{operation}", any(operate))
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

async fn operate(
    State(context): State<Arc<Context>>,
    Extension(peer): Extension<Arc<Peer>>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Result<Response, Refusal> {
    let route: Route = uri.path().parse()?;
    let wanted = match route.operation.method() {
        proto_est::Method::Get => Method::GET,
        proto_est::Method::Post => Method::POST,
    };
    if method != wanted {
        return Ok(method_not_allowed().await.into_response());
    }
    check_label(&context, &route)?;
    check_content_type(route.operation, field(&headers, header::CONTENT_TYPE))?;
    check_accept(route.operation, field(&headers, header::ACCEPT))?;
    let answer = answer(&context, &peer, route.operation, &body).await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, route.operation.answer_type())], answer).into_response())
}

/// A label names a CA (RFC 7030 §3.2.2); there is one, and its label is the name of the domain.
fn check_label(context: &Context, route: &Route) -> Result<(), Unoffered> {
    let Some(label) = &route.label else { return Ok(()) };
    let owner = context.owner.as_ref().ok_or(Unoffered::Label)?;
    if owner.settings.domain.eq_ignore_ascii_case(label.as_str()) { Ok(()) } else { Err(Unoffered::Label) }
}

async fn answer(
    context: &Context,
    peer: &Peer,
    operation: Operation,
    body: &[u8],
) -> Result<String, Refusal> {
    let owner = context.owner.as_ref().ok_or(app::Error::RoleMissing)?;
    match operation {
        Operation::CaCerts => Ok(certs::ca_certs(&owner.ca_path, &[])?),
        Operation::CsrAttrs => Ok(CsrAttrs::for_key(owner.asked_key())?.write()?),
        Operation::SimpleEnroll | Operation::SimpleReenroll => {
            Ok(certs::issued(&app::enroll::enroll(context, peer, body).await?)?)
        }
        Operation::ServerKeygen => Err(Unoffered::ServerKeygen.into()),
        Operation::FullCmc => Err(Unoffered::FullCmc.into()),
    }
}
