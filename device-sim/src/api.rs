//! The administration and factory API, as a station or an operator uses it.
//! Source: `proto/api/onboarding/v1`.
//!
//! Does not: repeat a call; the connection is made again by itself when the server was away.
//! Invariants: TLS with both sides' certificates; the server must carry the name that is connected to.

use std::sync::Arc;
use std::time::Duration;

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
use proto_api::v1::watch_response::Item;
use tokio::net::TcpStream;
use tokio::time::timeout;
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
        let device = Some(named(serial_number));
        let change = v1::DeviceChange { device, expected_version: None, reason: reason.to_string() };
        let request = v1::RetireDeviceRequest { change: Some(change) };
        self.devices().retire_device(request).await.map(|_| ()).map_err(refused)
    }

    /// Returns the first event of this kind in a device's timeline; `None` when it has not come within `patience`. Role:
    /// viewer.
    ///
    /// # Errors
    /// [`Error::ApiRefused`] (`Refused`); [`Error::ApiAnswer`] (`Malformed`).
    pub async fn wait_for_event(
        &self,
        serial_number: &SerialNumber,
        kind: &str,
        patience: Duration,
    ) -> Result<Option<v1::Event>, Error> {
        timeout(patience, self.first_event(serial_number, kind)).await.ok().transpose()
    }

    async fn first_event(&self, serial_number: &SerialNumber, kind: &str) -> Result<v1::Event, Error> {
        let request = v1::GetDeviceRequest { device: Some(named(serial_number)) };
        let answer = self.devices().get_device(request).await.map_err(refused)?.into_inner();
        let request = v1::WatchRequest {
            after_seq: Some(0),
            device_id: answer.device.ok_or(Error::ApiAnswer)?.id,
            kinds: vec![kind.to_string()],
            ..v1::WatchRequest::default()
        };
        let mut events = self.events().watch(request).await.map_err(refused)?.into_inner();
        while let Some(next) = events.message().await.map_err(refused)? {
            if let Some(Item::Event(event)) = next.item {
                return Ok(event);
            }
        }
        Err(Error::ApiAnswer)
    }
}

/// The only device with this serial number.
fn named(serial_number: &SerialNumber) -> v1::DeviceReference {
    let name = v1::DeviceName { manufacturer: String::new(), serial_number: serial_number.to_string() };
    v1::DeviceReference { by: Some(By::Name(name)) }
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
