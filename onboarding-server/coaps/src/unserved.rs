//! What the listener is made of, by the configuration.

use std::sync::Arc;
use std::time::Duration;

use proto_dtls::Identity;
use server_config::Config;
use server_listen::{Meter, TlsError, load_chain, load_key};

use crate::serve::{Handler, Now, Service};

/// A service without those who answer.
pub struct Unserved {
    dtls: proto_dtls::Config,
    now: Now,
    meter: Meter,
    drain_timeout: Duration,
}

impl Unserved {
    /// Makes it where the configuration names a listener of the owner's.
    ///
    /// # Errors
    /// What is wrong with the registrar's certificate or key.
    pub fn of_owner(config: &Config, now: Now, meter: Meter) -> Result<Option<Self>, TlsError> {
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
        Ok(Some(Self { dtls, now, meter, drain_timeout: config.limits.drain_timeout }))
    }

    /// Has `handler` answer.
    #[must_use]
    pub fn with(self, handler: Handler) -> Service {
        let Self { dtls, now, meter, drain_timeout } = self;
        Service { dtls, coap: proto_coap::Config::default(), handler, meter, now, drain_timeout }
    }
}

impl core::fmt::Debug for Unserved {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Unserved").field("dtls", &self.dtls).finish_non_exhaustive()
    }
}
