//! The admin and factory API over gRPC: messages to verbs and back; nothing else.
//!
//! Invariants: every service stands behind [`authorize::authorize`], and what is no call at all stays before it; reflection is there only in development.

mod authorities;
pub mod authorize;
mod convert;
mod devices;
mod events;
mod factory;
mod journal;
mod refused;
mod status;
mod wire;

use std::sync::Arc;

use axum::{Router, middleware};
use proto_api::FILE_DESCRIPTOR_SET;
use proto_api::v1::authority_service_server::AuthorityServiceServer;
use proto_api::v1::device_service_server::DeviceServiceServer;
use proto_api::v1::event_service_server::EventServiceServer;
use proto_api::v1::factory_service_server::FactoryServiceServer;
use proto_api::v1::journal_service_server::JournalServiceServer;
use tonic::service::Routes;

use crate::context::Context;
use crate::run::Mode;

pub use authorize::Caller;

/// Builds the API over one context.
pub fn router(context: Arc<Context>, mode: Mode) -> Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    // Serving is all there is to say: a server whose store failed answers with its fault.
    drop(reporter);
    let mut routes = Routes::new(health)
        .add_service(FactoryServiceServer::new(factory::Factory::new(Arc::clone(&context))))
        .add_service(DeviceServiceServer::new(devices::Devices::new(Arc::clone(&context))))
        .add_service(AuthorityServiceServer::new(authorities::Authorities::new(Arc::clone(&context))))
        .add_service(JournalServiceServer::new(journal::Journal::new(Arc::clone(&context))))
        .add_service(EventServiceServer::new(events::Events::new(Arc::clone(&context))));
    if mode == Mode::Development {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .build_v1();
        match reflection {
            Ok(service) => routes = routes.add_service(service),
            Err(error) => tracing::error!(%error, "reflection is not offered"),
        }
    }
    routes
        .into_axum_router()
        .layer(middleware::from_fn(wire::explain))
        .layer(middleware::from_fn_with_state(context, authorize::authorize))
        .layer(middleware::from_fn(wire::guard))
}
