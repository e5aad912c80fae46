//! The front door of DTLS: any datagram, as it comes to an endpoint that knows nobody.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use pki::Signer;
use proto::UnixTime;
use proto_dtls::{Config, Endpoint, Identity, Outlook, Usage, outlook};

use super::world::WORLD;

/// How many times its octets an address gets that has proved nothing.
const AMPLIFICATION_MAX: usize = 3;
const STRANGER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5684);

thread_local! {
    static ENDPOINT: RefCell<Endpoint<SocketAddr>> = RefCell::new(endpoint());
}

fn endpoint() -> Endpoint<SocketAddr> {
    let signer: Signer = WORLD.registrar_signer.clone();
    let identity = Identity { chain: vec![WORLD.registrar.clone()], signer };
    let config = Config::new(identity, Arc::new(|_: &[pki::Certificate], _| Ok(())));
    Endpoint::new(config, [1; 32], Instant::now()).expect("an endpoint")
}

/// Shows a datagram to the front door: nothing is kept, the answer is small, and what the ClientHello was before it had
/// a cookie reads as itself.
pub fn client_hello(bytes: &[u8]) {
    if let Outlook::Offers(version, first) = outlook(bytes) {
        assert_eq!(outlook(&first), Outlook::Offers(version, first.clone()));
        assert!(first.len() <= bytes.len());
    }
    ENDPOINT.with_borrow_mut(|endpoint| {
        endpoint.on_datagram(UnixTime::from_seconds(1_795_000_000), &STRANGER, bytes);
        let answer = endpoint.poll_transmit().map_or(0, |(_, answer)| answer.len());
        assert!(answer <= bytes.len() * AMPLIFICATION_MAX);
        assert_eq!((endpoint.usage(), endpoint.next_timeout()), (Usage::default(), None));
    });
}
