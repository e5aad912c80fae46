//! Handshakes in memory: who is let in, who is asked to prove what, and who is refused.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that cannot go on may panic")]

mod common;

use std::sync::Arc;

use common::{below, root, signer, template};
use pki::path::Anchors;
use pki::tls::{
    ProvisionalVerifier, UnjudgedClients, client_config, peer_chain, provider, provisional_client_config,
    server_config,
};
use pki::{Certificate, Error, Issuer, KeyAlgorithm, Profile, Signer};
use rustls::{ClientConfig, ClientConnection, NamedGroup, ServerConfig, ServerConnection};

struct World {
    root: Issuer,
    server: ServerConfig,
    chain: Vec<Certificate>,
}

/// A server of this key algorithm, named registrar.example.
fn world(algorithm: KeyAlgorithm) -> World {
    let root = root(Profile::DomainRoot, algorithm);
    let issuing = below(&root, Profile::DomainIssuing, algorithm);
    let key = Signer::generate(algorithm).unwrap();
    let leaf = issuing.issue(&template(Profile::Registrar, &key)).unwrap();
    let chain = vec![leaf, issuing.certificate().clone()];
    let server = server_config(&chain, &key, UnjudgedClients::new(&[root.certificate().clone()])).unwrap();
    World { root, server, chain }
}

/// A pledge: its IDevID chain and its key. The maker is a stranger to the server.
fn pledge() -> (Vec<Certificate>, Signer) {
    let maker = root(Profile::ManufacturerRoot, KeyAlgorithm::EcdsaP384);
    let key = signer();
    let issuing = below(&maker, Profile::ManufacturerIssuing, KeyAlgorithm::EcdsaP384);
    let idevid = issuing.issue(&template(Profile::IdevId, &key)).unwrap();
    (vec![idevid, issuing.certificate().clone()], key)
}

type Connected = (ClientConnection, ServerConnection);

/// Carries the bytes to and fro until both sides are done or one refuses.
fn shake(client: ClientConfig, server: ServerConfig, name: &str) -> Result<Connected, rustls::Error> {
    let name = name.to_owned().try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server))
}

/// The same server, but of one version of TLS.
fn only(config: &ServerConfig, version: &'static rustls::SupportedProtocolVersion) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(Arc::new(UnjudgedClients::default()))
        .with_cert_resolver(config.cert_resolver.clone())
}

#[test]
fn a_strangers_idevid_is_proved_and_handed_on_unjudged() {
    for algorithm in KeyAlgorithm::ALL {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let world = world(algorithm);
            let (chain, key) = pledge();
            let anchors = Anchors::new([world.root.certificate().clone()]);
            let client = client_config(&anchors, Some((&chain, &key))).unwrap();
            let (_, server) = shake(client, only(&world.server, version), "registrar.example").unwrap();
            assert_eq!(server.protocol_version(), Some(version.version));
            let presented = server.peer_certificates().unwrap();
            assert_eq!(presented[0].as_ref(), chain[0].der());
            assert_eq!(peer_chain(presented).unwrap(), chain);
        }
    }
}

#[test]
fn a_client_may_come_without_a_certificate() {
    let world = world(KeyAlgorithm::EcdsaP256);
    let anchors = Anchors::new([world.root.certificate().clone()]);
    let client = client_config(&anchors, None).unwrap();
    let (_, server) = shake(client, world.server, "registrar.example").unwrap();
    assert!(server.peer_certificates().is_none());
}

#[test]
fn the_key_agreement_is_post_quantum_by_default() {
    let world = world(KeyAlgorithm::EcdsaP256);
    let anchors = Anchors::new([world.root.certificate().clone()]);
    let client = client_config(&anchors, None).unwrap();
    let (client, _) = shake(client, world.server, "registrar.example").unwrap();
    let group = client.negotiated_key_exchange_group().map(|g| g.name());
    assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
}

#[test]
fn a_strict_client_refuses_another_name_and_another_anchor() {
    let ours = world(KeyAlgorithm::EcdsaP256);
    let anchors = Anchors::new([ours.root.certificate().clone()]);
    let refused = shake(client_config(&anchors, None).unwrap(), ours.server, "masa.example");
    assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
    let theirs = world(KeyAlgorithm::EcdsaP256);
    let refused = shake(client_config(&anchors, None).unwrap(), theirs.server, "registrar.example");
    assert!(matches!(refused, Err(rustls::Error::InvalidCertificate(_))), "{refused:?}");
    assert!(matches!(client_config(&Anchors::new([]), None), Err(Error::TlsConfiguration)));
}

/// A resolver that shows one certificate and signs with another's key: a thief of certificates.
#[derive(Debug)]
struct Thief(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Thief {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn a_client_that_lacks_the_key_of_its_certificate_is_refused() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = world(KeyAlgorithm::EcdsaP256);
        let (chain, _) = pledge();
        let stolen = chain.iter().map(|c| c.into()).collect();
        let key = rustls::sign::CertifiedKey::new(stolen, signer().tls_key());
        let anchors = Anchors::new([world.root.certificate().clone()]);
        let mut client = client_config(&anchors, None).unwrap();
        client.client_auth_cert_resolver = Arc::new(Thief(Arc::new(key)));
        let refused = shake(client, only(&world.server, version), "registrar.example");
        let expected = rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        assert_eq!(refused.err(), Some(expected));
    }
}

// RFC8995-5.1-provisional
#[test]
fn a_provisional_pledge_believes_nobody_and_remembers_whom_it_met() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = world(KeyAlgorithm::EcdsaP384);
        let (chain, key) = pledge();
        let verifier = Arc::new(ProvisionalVerifier::default());
        assert!(verifier.presented_chain().is_empty());
        let client = provisional_client_config(verifier.clone(), Some((&chain, &key))).unwrap();
        let (_, server) = shake(client, only(&world.server, version), "whatever.example").unwrap();
        assert_eq!(verifier.presented_chain(), world.chain);
        assert_eq!(server.server_name(), None);
        assert!(server.peer_certificates().is_some());
    }
}

// RFC8995-5.1-provisional
#[test]
fn even_a_provisional_pledge_demands_proof_of_the_servers_key() {
    #[derive(Debug)]
    struct Impostor(Arc<rustls::sign::CertifiedKey>);
    impl rustls::server::ResolvesServerCert for Impostor {
        fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
    }
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = world(KeyAlgorithm::EcdsaP256);
        let shown = world.chain.iter().map(|c| c.into()).collect();
        let impostor = Impostor(Arc::new(rustls::sign::CertifiedKey::new(shown, signer().tls_key())));
        let mut server = only(&world.server, version);
        server.cert_resolver = Arc::new(impostor);
        let verifier = Arc::new(ProvisionalVerifier::default());
        let client = provisional_client_config(verifier, None).unwrap();
        let refused = shake(client, server, "registrar.example");
        let expected = rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        assert_eq!(refused.err(), Some(expected));
    }
}

#[test]
fn the_server_names_the_anchors_that_it_hopes_for() {
    #[derive(Debug, Default)]
    struct Listening(std::sync::Mutex<Vec<Vec<u8>>>);
    impl rustls::client::ResolvesClientCert for Listening {
        fn resolve(
            &self,
            hints: &[&[u8]],
            _: &[rustls::SignatureScheme],
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            *self.0.lock().unwrap() = hints.iter().map(|h| h.to_vec()).collect();
            None
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let world = world(KeyAlgorithm::EcdsaP256);
    let mut client = provisional_client_config(Arc::default(), None).unwrap();
    let listening = Arc::new(Listening::default());
    client.client_auth_cert_resolver = listening.clone();
    shake(client, world.server, "registrar.example").unwrap();
    assert_eq!(*listening.0.lock().unwrap(), [world.root.certificate().subject_der().to_vec()]);
}

#[test]
fn a_chain_without_its_key_is_no_identity() {
    let world = world(KeyAlgorithm::EcdsaP256);
    let refused = server_config(&world.chain, &signer(), UnjudgedClients::default());
    assert!(matches!(refused, Err(Error::IssuerKeyMismatch)));
    let refused = server_config(&[], &signer(), UnjudgedClients::default());
    assert!(matches!(refused, Err(Error::IssuerKeyMismatch)));
}
