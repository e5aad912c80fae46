//! Who calls, and whether they may: judged before any service sees the request.
//!
//! Does not: trust a header or a message; the certificate that the handshake proved says who it is.
//! Invariants: a method that the table of roles does not have is for nobody; the operators' CA is no other.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use pki::Certificate;
use pki::path::{self, Purpose, Revocation, Rules};
use proto::{Class, LineId, Reason, ReasonCode};
use proto_api::{ROLES, Role, allows, roles_of};
use server_listen::Peer;
use tonic::Status;

use super::refused;
use crate::app::{Error as AppError, Refusal};
use crate::context::Context;

/// The services that are for everybody who has a certificate of the operators' CA.
const COMMON: &[&str] = &["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

/// Who calls; in the extensions of each request that a service sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The common name in the certificate.
    pub name: String,
    /// The role in it.
    pub role: Role,
    /// The factory line in it; a station has one.
    pub line: Option<LineId>,
}

/// Why a caller may not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate names no role, or a station's without a line.
    #[error("the certificate names no role")]
    RoleMissing,
    /// The role may not call this method.
    #[error("the role may not call this method")]
    RoleInsufficient,
    /// There is no such method.
    #[error("there is no such method")]
    MethodUnknown,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::RoleMissing | Self::RoleInsufficient => Class::Untrusted,
            Self::MethodUnknown => Class::Unsupported,
        }
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::RoleMissing => ReasonCode::new("caller-role-missing"),
            Self::RoleInsufficient => ReasonCode::new("caller-role-insufficient"),
            Self::MethodUnknown => ReasonCode::new("method-unknown"),
        }
    }
}

/// Lets through who may, with a [`Caller`] in the request.
pub async fn authorize(State(context): State<Arc<Context>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let judged = identify(&context, peer.as_deref()).and_then(|caller| {
        check(&caller, request.uri().path())?;
        Ok(caller)
    });
    match judged {
        Ok(caller) => {
            let (endpoint, begun) = (endpoint(request.uri().path()), Instant::now());
            request.extensions_mut().insert(caller);
            let response = next.run(request).await;
            context.metrics.request(endpoint, status(&response), begun.elapsed());
            refused::watch(&context.metrics, endpoint, response)
        }
        Err(refusal) => refused::watch(&context.metrics, "grpc", Status::from(refusal).into_http()),
    }
}

/// Names a method in metrics; a path that a stranger made up is never a label.
fn endpoint(path: &str) -> &'static str {
    ROLES.iter().find(|(known, _)| *known == path).map_or("grpc-other", |(known, _)| *known)
}

/// Reads the gRPC status of an answer's head: a refusal has one there, anything else has begun well.
fn status(response: &Response) -> u16 {
    let status = response.headers().get(Status::GRPC_STATUS);
    status.and_then(|status| status.to_str().ok()?.parse().ok()).unwrap_or(0)
}

fn identify(context: &Context, peer: Option<&Peer>) -> Result<Caller, Refusal> {
    let peer = peer.ok_or(AppError::CertificateMissing)?;
    let certificate = peer.certificate().ok_or(AppError::CertificateMissing)?;
    verify(context, certificate, peer.intermediates())?;
    let role = certificate.subject_organizational_unit().and_then(Role::from_name);
    let role = role.ok_or(Error::RoleMissing)?;
    let line: Option<LineId> = certificate.subject_locality().and_then(|line| line.parse().ok());
    if role == Role::Station && line.is_none() {
        return Err(Error::RoleMissing.into());
    }
    // Only a station is bound to its line.
    let line = line.filter(|_| role == Role::Station);
    Ok(Caller { name: certificate.subject_common_name().unwrap_or_default().to_string(), role, line })
}

fn verify(context: &Context, certificate: &Certificate, pool: &[Certificate]) -> Result<(), AppError> {
    let rules = Rules {
        anchors: &context.admin_anchors,
        now: context.clock.now(),
        purpose: Purpose::TlsClient,
        // There is no list of withdrawn operators: one is withdrawn by replacing the operators' CA.
        revocation: &|_| Revocation::Good,
    };
    path::verify(certificate, pool, &rules).map(|_| ()).map_err(AppError::CertificateUntrusted)
}

fn check(caller: &Caller, path: &str) -> Result<(), Error> {
    if COMMON.iter().any(|service| path.starts_with(service)) {
        return Ok(());
    }
    match roles_of(path) {
        None => Err(Error::MethodUnknown),
        Some(_) if allows(caller.role, path) => Ok(()),
        Some(_) => Err(Error::RoleInsufficient),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role) -> Caller {
        Caller { name: "somebody".to_owned(), role, line: None }
    }

    #[test]
    fn every_method_is_for_the_roles_of_the_table_and_for_no_other() {
        for (path, roles) in ROLES {
            for role in Role::ALL {
                assert_eq!(check(&caller(role), path).is_ok(), roles.contains(&role), "{role} {path}");
            }
        }
    }

    #[test]
    fn a_method_that_the_table_does_not_have_is_for_nobody() {
        for path in ["/onboarding.v1.DeviceService/Nothing", "/", "/other.Service/Method"] {
            assert!(matches!(check(&caller(Role::Admin), path), Err(Error::MethodUnknown)), "{path}");
        }
    }
}
