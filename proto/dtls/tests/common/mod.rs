//! What the tests share: a small PKI, and datagrams carried between an endpoint and its clients.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "shared by tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pki::path::{self, Anchors, Expiry, Purpose, Revocation, Rules};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::UnixTime;
use proto_dtls::{Client, Config, Endpoint, Event, Identity, Offer, Verifier};

/// A peer: its address and its port.
pub(crate) type Peer = std::net::SocketAddr;

pub(crate) fn peer(number: u16) -> Peer {
    ([192, 0, 2, (number >> 8) as u8], 1024 + (number & 0xff)).into()
}

/// A time within the validity of everything below.
pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(1_795_000_000 + seconds)
}

fn template(profile: Profile, key: &Signer) -> Template {
    let serial_number = "SN-0001".parse().unwrap();
    let mut subject = match profile {
        Profile::IdevId => Subject::device(&serial_number),
        _ => Subject::new(&format!("{profile:?}")),
    };
    subject.organization = Some("Acme Works".into());
    let validity = ("2026-01-01T00:00:00Z".parse().unwrap(), "2056-01-01T00:00:00Z".parse().unwrap());
    let mut template =
        Template::new(profile, subject, key.public_key().clone(), random_serial().unwrap(), validity);
    match profile {
        Profile::IdevId => template.not_after = UnixTime::NO_END,
        Profile::Registrar => template.dns_names = vec!["registrar.example".into()],
        _ => {}
    }
    template
}

/// A root, an issuing CA below it, and whoever it certifies.
pub(crate) struct House {
    pub(crate) root: Issuer,
    pub(crate) issuing: Issuer,
    pub(crate) identity: Identity,
}

impl House {
    fn new(profiles: [Profile; 3]) -> Self {
        let [root, issuing, leaf] = profiles;
        let algorithm = KeyAlgorithm::EcdsaP256;
        let key = Signer::generate(algorithm).unwrap();
        let root = Issuer::new(self_sign(&template(root, &key), &key).unwrap(), key).unwrap();
        let key = Signer::generate(algorithm).unwrap();
        let issuing = Issuer::new(root.issue(&template(issuing, &key)).unwrap(), key).unwrap();
        let key = Signer::generate(algorithm).unwrap();
        let leaf = issuing.issue(&template(leaf, &key)).unwrap();
        let identity = Identity { chain: vec![leaf, issuing.certificate().clone()], signer: key };
        Self { root, issuing, identity }
    }

    /// One that nobody trusts, whose own certificate is as long as a certificate may be.
    pub(crate) fn long_winded() -> Identity {
        let key = Signer::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let mut template = template(Profile::Registrar, &key);
        template.dns_names = (100..370).map(|number| format!("a-name-among-many-{number}.example")).collect();
        let house = Self::owner();
        Identity { chain: vec![house.issuing.issue(&template).unwrap()], signer: key }
    }

    pub(crate) fn owner() -> Self {
        Self::new([Profile::DomainRoot, Profile::DomainIssuing, Profile::Registrar])
    }

    pub(crate) fn maker() -> Self {
        Self::new([Profile::ManufacturerRoot, Profile::ManufacturerIssuing, Profile::IdevId])
    }
}

/// Owner and maker, a server's configuration that trusts the maker, and a client's that trusts the owner.
pub(crate) struct World {
    pub(crate) owner: House,
    pub(crate) maker: House,
    pub(crate) server: Config,
    pub(crate) client: Config,
    /// How often the server's verifier said yes.
    pub(crate) admitted: Arc<AtomicUsize>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (owner, maker) = (House::owner(), House::maker());
        let admitted = Arc::new(AtomicUsize::new(0));
        let judge = devices_of(&maker);
        let counted = Arc::clone(&admitted);
        let verifier: Arc<Verifier> = Arc::new(move |chain: &[Certificate], now: UnixTime| {
            judge(chain, now)?;
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let server = Config::new(owner.identity.clone(), verifier);
        let client = Config::new(maker.identity.clone(), registrar_of(&owner));
        Self { owner, maker, server, client, admitted }
    }

    pub(crate) fn endpoint(&self) -> Endpoint<Peer> {
        Endpoint::new(self.server.clone(), [7; 32], Instant::now()).unwrap()
    }

    pub(crate) fn connect(&self, offer: Offer, now: UnixTime) -> Client {
        Client::connect(&self.client, offer, now, Instant::now()).unwrap()
    }

    /// The same client with another identity.
    pub(crate) fn connect_as(&self, identity: &Identity, offer: Offer, now: UnixTime) -> Client {
        let config = Config { identity: identity.clone(), ..self.client.clone() };
        Client::connect(&config, offer, now, Instant::now()).unwrap()
    }

    pub(crate) fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }
}

/// The judge of a server: devices of this maker, whose issuing CA is registered.
pub(crate) fn devices_of(maker: &House) -> Arc<Verifier> {
    judge_by(maker, Purpose::IdevId { expiry: Expiry::Ignore })
}

/// The judge of a client.
pub(crate) fn registrar_of(owner: &House) -> Arc<Verifier> {
    judge_by(owner, Purpose::Registrar)
}

fn judge_by(house: &House, purpose: Purpose<'static>) -> Arc<Verifier> {
    let anchors = Anchors::new([house.root.certificate().clone()]);
    let registered = house.issuing.certificate().clone();
    Arc::new(move |chain: &[Certificate], now: UnixTime| {
        let (own, others) = chain.split_first().expect("a verifier is given a chain");
        let pool: Vec<_> = others.iter().cloned().chain([registered.clone()]).collect();
        let rules = Rules { anchors: &anchors, now, purpose, revocation: &|_| Revocation::Good };
        path::verify(own, &pool, &rules).map(drop)
    })
}

/// Carries datagrams to and fro, none lost, until neither side has one.
pub(crate) fn carry(endpoint: &mut Endpoint<Peer>, peer: &Peer, client: &mut Client, now: UnixTime) {
    loop {
        let mut is_quiet = true;
        while let Some(datagram) = client.poll_transmit() {
            is_quiet = false;
            endpoint.on_datagram(now, peer, &datagram);
        }
        while let Some((to, datagram)) = endpoint.poll_transmit() {
            is_quiet = false;
            if to == *peer {
                client.on_datagram(now, &datagram);
            }
        }
        if is_quiet {
            return;
        }
    }
}

pub(crate) fn events(endpoint: &mut Endpoint<Peer>) -> Vec<Event<Peer>> {
    std::iter::from_fn(|| endpoint.recv()).collect()
}
