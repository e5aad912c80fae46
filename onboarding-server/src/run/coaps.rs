//! What the listener for CoAP over DTLS is made of.

use std::sync::Arc;
use std::time::Duration;

use proto_dtls::Identity;
use server_coaps::{Handler, Service};
use server_config::Config;
use server_listen::{Meter, load_chain, load_key};

use super::Error;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// A service without those who answer.
pub(super) struct Unserved {
    dtls: proto_dtls::Config,
    meter: Meter,
    clock: Clock,
    drain_timeout: Duration,
}

/// Makes the service where the configuration names a listener.
pub(super) fn service(config: &Config, clock: &Clock, metrics: &Metrics) -> Result<Option<Unserved>, Error> {
    let Some(owner) = config.owner.as_ref().filter(|owner| owner.coaps_listen.is_some()) else {
        return Ok(None);
    };
    let chain = load_chain(&owner.registrar_certificate)?;
    let identity = Identity { chain, signer: load_key(&owner.registrar_key)? };
    // As on the TLS listeners any chain opens a session, and whoever reads a request judges it.
    let mut dtls = proto_dtls::Config::new(identity, Arc::new(|_, _| Ok(())));
    dtls.limits.sessions_max = config.limits.connections_max;
    dtls.limits.sessions_per_address_max = config.limits.connections_per_address_max;
    dtls.is_extended_master_secret_required = config.limits.is_extended_master_secret_required;
    Ok(Some(Unserved {
        dtls,
        meter: metrics.connections(),
        clock: clock.clone(),
        drain_timeout: config.limits.drain_timeout,
    }))
}

impl Unserved {
    /// Has `handler` answer.
    pub(super) fn with(self, handler: Handler) -> Service {
        let Self { dtls, meter, clock, drain_timeout } = self;
        let coap = proto_coap::Config::default();
        Service { dtls, coap, handler, meter, now: Arc::new(move || clock.now()), drain_timeout }
    }
}
