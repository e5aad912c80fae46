//! `FactoryService`: production orders, IDevIDs, units.
//!
//! Source: `proto/api/onboarding/v1/factory.proto`.
//! Does not: decide who may call; `authorize` did.
//! Invariants: each method calls one verb of `app::maker`.

mod batch;
mod forms;

use std::sync::Arc;

use proto_api::v1;
use proto_api::v1::factory_service_server::FactoryService;
use server_store::{Actor, Text};
use tonic::{Request, Response, Status, Streaming};

use self::batch::{Batches, issue_batches};
use super::{Caller, convert};
use crate::app::maker::{self, Author, OrderFilter, UnitRequest};
use crate::app::{Error, Refusal};
use crate::context::Context;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Factory {
    context: Arc<Context>,
}

impl Factory {
    /// Makes the service.
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

/// Says in whose name a call is made; the authorization layer put that there.
fn author<T>(request: &Request<T>) -> Result<Author, Refusal> {
    let caller = request.extensions().get::<Caller>().ok_or(Error::CertificateMissing)?;
    let actor = match &caller.line {
        Some(line) => Actor::Station(line.clone()),
        None => Actor::Operator(Text::clipped(&caller.name)),
    };
    Ok(Author { actor, line: caller.line.clone() })
}

#[tonic::async_trait]
impl FactoryService for Factory {
    type IssueIdevIdsStream = Batches;

    async fn open_order(
        &self,
        request: Request<v1::OpenOrderRequest>,
    ) -> Result<Response<v1::OpenOrderResponse>, Status> {
        let author = author(&request)?;
        let order = forms::order_request(request.into_inner())?;
        let order = maker::open_order(&self.context, &author, order).await?;
        Ok(Response::new(v1::OpenOrderResponse { order: Some(forms::order(&order)) }))
    }

    async fn close_order(
        &self,
        request: Request<v1::CloseOrderRequest>,
    ) -> Result<Response<v1::CloseOrderResponse>, Status> {
        let author = author(&request)?;
        let id = convert::id(&request.get_ref().order_id)?;
        let note = convert::note(request.get_ref().reason.clone())?;
        let order = maker::close_order(&self.context, &author, id, note).await?;
        Ok(Response::new(v1::CloseOrderResponse { order: Some(forms::order(&order)) }))
    }

    async fn get_order(
        &self,
        request: Request<v1::GetOrderRequest>,
    ) -> Result<Response<v1::GetOrderResponse>, Status> {
        let author = author(&request)?;
        let id = convert::id(&request.get_ref().order_id)?;
        let order = maker::load_order(&self.context, &author, id).await?;
        Ok(Response::new(v1::GetOrderResponse { order: Some(forms::order(&order)) }))
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        let author = author(&request)?;
        let wanted = request.into_inner();
        let filter = OrderFilter {
            is_open: forms::is_open(convert::known(wanted.state)?),
            manufacturer: convert::optional_id(&wanted.manufacturer)?,
        };
        let (cursor, limit) = convert::page(wanted.page)?;
        let page = maker::list_orders(&self.context, &author, &filter, cursor, limit).await?;
        let orders = page.rows.iter().map(forms::order).collect();
        let next_page_token = convert::page_token(page.next.as_deref());
        Ok(Response::new(v1::ListOrdersResponse { orders, next_page_token }))
    }

    async fn issue_idev_id(
        &self,
        request: Request<v1::IssueIdevIdRequest>,
    ) -> Result<Response<v1::IssueIdevIdResponse>, Status> {
        let author = author(&request)?;
        let wanted = request.into_inner();
        let order = maker::load_order(&self.context, &author, convert::id(&wanted.order_id)?).await?;
        let unit = UnitRequest { serial: convert::id(&wanted.serial_number)?, csr: &wanted.csr };
        let issued = maker::issue_idevid(&self.context, &author, &order, unit).await?;
        Ok(Response::new(v1::IssueIdevIdResponse {
            certificate: issued.certificate,
            issuers: maker::issuers(&self.context)?,
            already_issued: issued.is_repeat,
        }))
    }

    async fn issue_idev_ids(
        &self,
        request: Request<Streaming<v1::IssueIdevIdsRequest>>,
    ) -> Result<Response<Self::IssueIdevIdsStream>, Status> {
        let author = author(&request)?;
        let issuers = maker::issuers(&self.context)?;
        let answers = issue_batches(Arc::clone(&self.context), author, issuers, request.into_inner());
        Ok(Response::new(answers))
    }

    async fn get_unit(
        &self,
        request: Request<v1::GetUnitRequest>,
    ) -> Result<Response<v1::GetUnitResponse>, Status> {
        let author = author(&request)?;
        let wanted = request.get_ref();
        let (manufacturer, serial) = forms::unit_name(&wanted.manufacturer, &wanted.serial_number)?;
        let record = maker::load_unit(&self.context, &author, manufacturer, &serial).await?;
        Ok(Response::new(v1::GetUnitResponse { unit: Some(forms::unit(&record)?) }))
    }

    async fn record_sale(
        &self,
        request: Request<v1::RecordSaleRequest>,
    ) -> Result<Response<v1::RecordSaleResponse>, Status> {
        let author = author(&request)?;
        let sale = request.into_inner();
        let (manufacturer, serial) = forms::unit_name(&sale.manufacturer, &sale.serial_number)?;
        let domain = sale.domain.as_ref().map(forms::domain).transpose()?;
        let customer = Text::new(sale.owner_name).map_err(Refusal::from)?;
        let unit = (manufacturer, &serial);
        let record = maker::record_sale(&self.context, &author, unit, customer, domain).await?;
        Ok(Response::new(v1::RecordSaleResponse { unit: Some(forms::unit(&record)?) }))
    }

    async fn block_unit(
        &self,
        request: Request<v1::BlockUnitRequest>,
    ) -> Result<Response<v1::BlockUnitResponse>, Status> {
        let author = author(&request)?;
        let wanted = request.get_ref();
        let (manufacturer, serial) = forms::unit_name(&wanted.manufacturer, &wanted.serial_number)?;
        let (unit, note) = ((manufacturer, &serial), convert::note(wanted.reason.clone())?);
        let record = maker::block_unit(&self.context, &author, unit, note).await?;
        Ok(Response::new(v1::BlockUnitResponse { unit: Some(forms::unit(&record)?) }))
    }

    async fn unblock_unit(
        &self,
        request: Request<v1::UnblockUnitRequest>,
    ) -> Result<Response<v1::UnblockUnitResponse>, Status> {
        let author = author(&request)?;
        let wanted = request.get_ref();
        let (manufacturer, serial) = forms::unit_name(&wanted.manufacturer, &wanted.serial_number)?;
        let (unit, note) = ((manufacturer, &serial), convert::note(wanted.reason.clone())?);
        let record = maker::unblock_unit(&self.context, &author, unit, note).await?;
        Ok(Response::new(v1::UnblockUnitResponse { unit: Some(forms::unit(&record)?) }))
    }
}
