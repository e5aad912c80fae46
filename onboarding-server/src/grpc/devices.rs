//! `DeviceService`: the owner's devices.
//!
//! Source: `proto/api/onboarding/v1/device.proto`.
//! Does not: decide who may call; `authorize` did.
//! Invariants: each method calls one verb of `app::devices`.

mod forms;

use std::sync::Arc;

use proto_api::v1;
use proto_api::v1::device_service_server::DeviceService;
use server_lifecycle::Event;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{operator, page, page_token, records_page};
use super::events;
use super::wire::unread;
use crate::app::devices::{self, DeviceRecord};
use crate::context::Context;

/// How many answers of an import may wait for the caller to read them.
const ANSWERS_AHEAD: usize = 4;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Devices {
    context: Arc<Context>,
}

impl Devices {
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    async fn change_state(
        &self,
        request: Request<Option<v1::DeviceChange>>,
        event: Event,
    ) -> Result<Option<v1::Device>, Status> {
        let operator = operator(&request)?;
        let change = forms::change(request.into_inner(), operator)?;
        Ok(Some(forms::device(&devices::change_state(&self.context, change, event).await?)))
    }
}

#[tonic::async_trait]
impl DeviceService for Devices {
    type ImportDevicesStream = ReceiverStream<Result<v1::ImportDevicesResponse, Status>>;

    async fn refuse_device(
        &self,
        request: Request<v1::RefuseDeviceRequest>,
    ) -> Result<Response<v1::RefuseDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Refused).await?;
        Ok(Response::new(v1::RefuseDeviceResponse { device }))
    }

    async fn reopen_device(
        &self,
        request: Request<v1::ReopenDeviceRequest>,
    ) -> Result<Response<v1::ReopenDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Reopen).await?;
        Ok(Response::new(v1::ReopenDeviceResponse { device }))
    }

    async fn quarantine_device(
        &self,
        request: Request<v1::QuarantineDeviceRequest>,
    ) -> Result<Response<v1::QuarantineDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Quarantine).await?;
        Ok(Response::new(v1::QuarantineDeviceResponse { device }))
    }

    async fn release_device(
        &self,
        request: Request<v1::ReleaseDeviceRequest>,
    ) -> Result<Response<v1::ReleaseDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Release).await?;
        Ok(Response::new(v1::ReleaseDeviceResponse { device }))
    }

    async fn suspend_device(
        &self,
        request: Request<v1::SuspendDeviceRequest>,
    ) -> Result<Response<v1::SuspendDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Suspend).await?;
        Ok(Response::new(v1::SuspendDeviceResponse { device }))
    }

    async fn resume_device(
        &self,
        request: Request<v1::ResumeDeviceRequest>,
    ) -> Result<Response<v1::ResumeDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Resume).await?;
        Ok(Response::new(v1::ResumeDeviceResponse { device }))
    }

    async fn retire_device(
        &self,
        request: Request<v1::RetireDeviceRequest>,
    ) -> Result<Response<v1::RetireDeviceResponse>, Status> {
        let device = self.change_state(request.map(|message| message.change), Event::Retire).await?;
        Ok(Response::new(v1::RetireDeviceResponse { device }))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Result<Response<v1::ListDevicesResponse>, Status> {
        let wanted = request.into_inner();
        let page = page(wanted.page)?;
        let filter = wanted.filter.unwrap_or_default();
        let selected = forms::filter(&filter)?;
        let is_shown = move |record: &DeviceRecord| forms::is_shown(&filter, record);
        let found = devices::list(&self.context, selected, page, is_shown).await?;
        Ok(Response::new(v1::ListDevicesResponse {
            devices: found.rows.iter().map(forms::device).collect(),
            next_page_token: page_token(found.next.as_deref()),
        }))
    }

    async fn get_device(
        &self,
        request: Request<v1::GetDeviceRequest>,
    ) -> Result<Response<v1::GetDeviceResponse>, Status> {
        let reference = forms::reference(request.into_inner().device)?;
        let device = devices::load(&self.context, reference).await?;
        Ok(Response::new(v1::GetDeviceResponse { device: Some(forms::device(&device)) }))
    }

    async fn get_timeline(
        &self,
        request: Request<v1::GetTimelineRequest>,
    ) -> Result<Response<v1::GetTimelineResponse>, Status> {
        let wanted = request.into_inner();
        let reference = forms::reference(wanted.device)?;
        let (from, limit) = records_page(wanted.page)?;
        let from = from.unwrap_or_default();
        let (device, records) = devices::timeline(&self.context, reference, from, limit).await?;
        let next = records.last().filter(|_| records.len() == limit).map(|last| last.seq.next().to_string());
        let name = (device.manufacturer, device.serial);
        Ok(Response::new(v1::GetTimelineResponse {
            events: events::timeline(&records, &name),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn approve_device(
        &self,
        request: Request<v1::ApproveDeviceRequest>,
    ) -> Result<Response<v1::ApproveDeviceResponse>, Status> {
        let operator = operator(&request)?;
        let change = forms::change(request.into_inner().change, operator)?;
        let device = devices::approve(&self.context, change).await?;
        Ok(Response::new(v1::ApproveDeviceResponse { device: Some(forms::device(&device)) }))
    }

    async fn import_devices(
        &self,
        request: Request<Streaming<v1::ImportDevicesRequest>>,
    ) -> Result<Response<Self::ImportDevicesStream>, Status> {
        let operator = operator(&request)?;
        let mut batches = request.into_inner();
        let (answers, receiver) = mpsc::channel(ANSWERS_AHEAD);
        let context = Arc::clone(&self.context);
        tokio::spawn(async move {
            while let Some(batch) = batches.next().await {
                let answer = match batch {
                    Ok(batch) => forms::import(&context, &operator, batch).await.map_err(Status::from),
                    Err(status) => Err(unread(&status).unwrap_or(status)),
                };
                let is_end = answer.is_err();
                // A caller that went away wants no more; what it sent before is on record.
                if answers.send(answer).await.is_err() || is_end {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
