//! The administration and factory API, as a station or an operator uses it.
//! Source: `proto/api/onboarding/v1`.
//!
//! Does not: repeat a call; the connection is made again by itself when the server was away.
//! Invariants: TLS with both sides' certificates; the server must carry the name that is connected to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use pki::path::Anchors;
use proto::SerialNumber;
use proto_api::v1;
use proto_api::v1::authority_service_client::AuthorityServiceClient;
use proto_api::v1::device_reference::By;
use proto_api::v1::device_service_client::DeviceServiceClient;
use proto_api::v1::event_service_client::EventServiceClient;
use proto_api::v1::factory_service_client::FactoryServiceClient;
use proto_api::v1::journal_service_client::JournalServiceClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Uri};

use crate::Error;
use crate::transport::{Endpoint, Identity};

/// How long a call may take.
const CALL_WAIT: Duration = Duration::from_secs(60);

/// A connection to the API under one identity.
#[derive(Clone, Debug)]
pub struct Api {
    channel: Channel,
}

impl Api {
    /// Prepares a connection; it is made with the first call.
    ///
    /// # Errors
    /// [`Error::Pki`] (`Fault`) when anchors or identity are unusable; [`Error::Api`].
    pub fn new(endpoint: &Endpoint, anchors: &Anchors, identity: &Identity) -> Result<Self, Error> {
        let mut config = pki::tls::client_config(anchors, Some((&identity.chain, &identity.signer)))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let to = endpoint.clone();
        let connect = tower::service_fn(move |_: Uri| dial(connector.clone(), to.clone()));
        let uri = format!("http://{}", endpoint.authority());
        let channel = Channel::from_shared(uri).map_err(|_| Error::AddressInvalid)?.timeout(CALL_WAIT);
        Ok(Self { channel: channel.connect_with_connector_lazy(connect) })
    }

    /// Returns the factory's side.
    #[must_use]
    pub fn factory(&self) -> FactoryServiceClient<Channel> {
        FactoryServiceClient::new(self.channel.clone())
    }

    /// Returns the owner's side.
    #[must_use]
    pub fn devices(&self) -> DeviceServiceClient<Channel> {
        DeviceServiceClient::new(self.channel.clone())
    }

    /// Returns a client of the `AuthorityService`.
    #[must_use]
    pub fn authorities(&self) -> AuthorityServiceClient<Channel> {
        AuthorityServiceClient::new(self.channel.clone())
    }

    /// Returns a client of the `EventService`.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone())
    }

    /// Returns a client of the `JournalService`.
    #[must_use]
    pub fn journal(&self) -> JournalServiceClient<Channel> {
        JournalServiceClient::new(self.channel.clone())
    }

    /// Tells the MASA to give no voucher for a unit. Role: operator.
    ///
    /// # Errors
    /// [`Error::ApiRefused`] (`Refused`).
    pub async fn block_unit(&self, serial_number: &SerialNumber, reason: &str) -> Result<(), Error> {
        let request = v1::BlockUnitRequest {
            manufacturer: String::new(),
            serial_number: serial_number.to_string(),
            reason: reason.to_string(),
        };
        self.factory().block_unit(request).await.map(|_| ()).map_err(refused)
    }

    /// Ends the life of a device. Role: operator.
    ///
    /// # Errors
    /// [`Error::ApiRefused`] (`Refused`).
    pub async fn retire_device(&self, serial_number: &SerialNumber, reason: &str) -> Result<(), Error> {
        let change = Some(change(serial_number, reason));
        let request = v1::RetireDeviceRequest { change };
        self.devices().retire_device(request).await.map(|_| ()).map_err(refused)
    }

    /// Tells whether a device's timeline has an event of this kind, or soon will. Role: viewer.
    ///
    /// # Errors
    /// [`Error::ApiRefused`] (`Refused`).
    pub async fn is_reported(&self, serial_number: &SerialNumber, kind: &str) -> Result<bool, Error> {
        let began_at = Instant::now();
        loop {
            let device = change(serial_number, "").device;
            let request = v1::GetTimelineRequest { device, page: None };
            let answer = self.devices().get_timeline(request).await.map_err(refused)?.into_inner();
            if answer.events.iter().any(|event| event.kind == kind) {
                return Ok(true);
            }
            if began_at.elapsed() > EVENT_WAIT {
                return Ok(false);
            }
            tokio::time::sleep(EVENT_PAUSE).await;
        }
    }
}

/// How long an event of a device may take to be on record.
const EVENT_WAIT: Duration = Duration::from_secs(10);
/// How long it is waited between two looks.
const EVENT_PAUSE: Duration = Duration::from_millis(100);

/// A decision about the only device with this serial number.
fn change(serial_number: &SerialNumber, reason: &str) -> v1::DeviceChange {
    let name = v1::DeviceName { manufacturer: String::new(), serial_number: serial_number.to_string() };
    v1::DeviceChange {
        device: Some(v1::DeviceReference { by: Some(By::Name(name)) }),
        expected_version: None,
        reason: reason.to_string(),
    }
}

/// Wraps a status; it is large and errors are rare.
#[must_use]
pub fn refused(status: tonic::Status) -> Error {
    Error::ApiRefused(Box::new(status))
}

async fn dial(
    connector: TlsConnector,
    endpoint: Endpoint,
) -> Result<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>, std::io::Error> {
    let name = endpoint.server_name().map_err(std::io::Error::other)?;
    let socket = TcpStream::connect((endpoint.host(), endpoint.port())).await?;
    socket.set_nodelay(true)?;
    Ok(TokioIo::new(connector.connect(name, socket).await?))
}
