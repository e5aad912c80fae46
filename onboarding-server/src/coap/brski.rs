//! Constrained BRSKI: `rv`, `vs`, `es`.
//!
//! Source: CBRSKI §6 (resources, Content-Formats, codes).

use std::sync::Arc;

use proto::{ContentFormat, well_known};
use proto_brski::Format;
use proto_coap::link_format::Link;
use proto_coap::{Code, Request, Response};
use server_listen::Peer;
use server_store::ReportKind;

use super::{check_method, link};
use crate::app::Refusal;
use crate::app::report_status::{ReportBody, report_status};
use crate::app::request_voucher::request_voucher;
use crate::app::unfit::Unfit;
use crate::context::Context;

/// The forms of a report, the constrained one first.
const REPORT_FORMATS: [ContentFormat; 2] = [ContentFormat::CBOR, ContentFormat::JSON];

/// A resource of BRSKI by its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// `rv`: asks for a voucher.
    Rv,
    /// `vs`: tells what became of it.
    Vs,
    /// `es`: tells what became of an enrolment.
    Es,
}

impl Resource {
    const ALL: [Self; 3] = [Self::Rv, Self::Vs, Self::Es];

    /// Finds what a request is for.
    pub(super) fn of(request: &Request) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| request.path_is(resource.path()))
    }

    /// Names it, as metrics do.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rv => "rv",
            Self::Vs => "vs",
            Self::Es => "es",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Rv => well_known::BRSKI_RV,
            Self::Vs => well_known::BRSKI_VS,
            Self::Es => well_known::BRSKI_ES,
        }
    }
}

/// Lists the resources for discovery.
pub(super) fn links() -> Vec<Link> {
    let of = |resource: Resource| {
        let formats = match resource {
            Resource::Rv => &[ContentFormat::VOUCHER_COSE][..],
            Resource::Vs | Resource::Es => &REPORT_FORMATS[..],
        };
        link(resource.path(), &format!("brski.{}", resource.name()), formats)
    };
    Resource::ALL.into_iter().map(of).collect()
}

/// Answers a request.
pub(super) async fn answer(
    context: &Arc<Context>,
    peer: &Peer,
    (resource, request): (Resource, &Request),
) -> Result<Response, Refusal> {
    check_method(request, Code::POST)?;
    match resource {
        Resource::Rv => voucher(context, peer, request).await,
        Resource::Vs => report(context, peer, ReportKind::Voucher, request).await,
        Resource::Es => report(context, peer, ReportKind::Enrollment, request).await,
    }
}

// CBRSKI-6.2-served-format
async fn voucher(context: &Arc<Context>, peer: &Peer, request: &Request) -> Result<Response, Refusal> {
    let given = request.content_format().ok_or(Unfit::VoucherType)?;
    let format = Format::from_content_format(given).ok_or(Unfit::VoucherType)?;
    if request.accept().is_some_and(|accept| accept != given) {
        return Err(Unfit::VoucherAccept.into());
    }
    let voucher = request_voucher(context, peer, (request.body(), format)).await?;
    Ok(Response::new(Code::CHANGED).with_body(given, voucher))
}

async fn report(
    context: &Arc<Context>,
    peer: &Peer,
    kind: ReportKind,
    request: &Request,
) -> Result<Response, Refusal> {
    let body = match request.content_format() {
        Some(ContentFormat::CBOR) => ReportBody::Cbor(request.body()),
        Some(ContentFormat::JSON) => ReportBody::Json(request.body()),
        Some(_) | None => return Err(Unfit::TelemetryType.into()),
    };
    report_status(context, peer, kind, body).await?;
    Ok(Response::new(Code::CHANGED))
}
