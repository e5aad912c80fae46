//! Whole sessions in memory, nothing lost: every suite, both sides, who is let in and who is not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use common::{House, Peer, World, at, carry, events, peer};
use proto_dtls::{Client, Endpoint, Error, Event, Offer, Version};

fn version(offer: Offer) -> Version {
    if offer == Offer::Dtls13 { Version::Dtls13 } else { Version::Dtls12 }
}

/// Has a client of the maker's and the endpoint say to each other what they have to say at first.
fn shake_hands(world: &World, endpoint: &mut Endpoint<Peer>, offer: Offer, number: u16) -> (Peer, Client) {
    let (peer, mut client) = (peer(number), world.connect(offer, at(0)));
    carry(endpoint, &peer, &mut client, at(0));
    (peer, client)
}

// RFC7252-9.1.3.3-suite RFC6347-4.2.1-stateless RFC9147-5.1-stateless
#[test]
fn every_suite_opens_a_session_that_carries_messages_both_ways() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let (peer, mut client) = shake_hands(&world, &mut endpoint, offer, number);
        assert!(client.is_open(), "{offer:?}: {:?} {:?}", client.end(), endpoint.counters());
        assert_eq!(events(&mut endpoint), [Event::Opened { peer, version: version(offer) }], "{offer:?}");
        client.send(at(1), b"up").unwrap();
        endpoint.send(at(1), &peer, b"down").unwrap();
        carry(&mut endpoint, &peer, &mut client, at(1));
        assert_eq!(events(&mut endpoint), [Event::Received { peer, message: b"up".to_vec() }], "{offer:?}");
        assert_eq!(client.recv().unwrap(), b"down");
        assert_eq!(endpoint.peer_chain(&peer).unwrap()[0], world.maker.identity.chain[0]);
        assert_eq!(client.peer_chain().unwrap()[0], world.owner.identity.chain[0]);
        client.close(at(2));
        carry(&mut endpoint, &peer, &mut client, at(2));
        assert_eq!(events(&mut endpoint), [Event::Ended { peer, error: None }], "{offer:?}");
    }
    assert_eq!((endpoint.usage().open, world.admitted()), (0, 4));
}

#[test]
fn openssl_sends_and_sees_the_whole_chain_and_dimpl_the_leaf() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let (peer, _client) = shake_hands(&world, &mut endpoint, offer, number);
        let sent = if matches!(offer, Offer::Dtls12Ccm8 | Offer::Dtls12Gcm) { 2 } else { 1 };
        assert_eq!(endpoint.peer_chain(&peer).unwrap().len(), sent, "{offer:?}");
    }
}

#[test]
fn a_peer_that_the_verifier_refuses_gets_an_alert_and_nobody_gets_its_bytes() {
    let world = World::new();
    let stranger = House::maker();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let peer = peer(number);
        let mut client = world.connect_as(&stranger.identity, offer, at(0));
        carry(&mut endpoint, &peer, &mut client, at(0));
        // Of DTLS 1.3 the client is done first, and may send before it learns that it is not wanted.
        let _ = client.send(at(0), b"let me in");
        carry(&mut endpoint, &peer, &mut client, at(0));
        let events = events(&mut endpoint);
        assert!(
            matches!(&events[..], [Event::Ended { error: Some(Error::PeerUntrusted(_)), .. }]),
            "{offer:?} {events:?}"
        );
        assert!(client.end().is_some(), "{offer:?}: no alert came");
        assert!(endpoint.peer_chain(&peer).is_none());
        assert_eq!(endpoint.send(at(0), &peer, b"x"), Err(Error::SessionUnknown));
    }
    assert_eq!((endpoint.usage().half_open, endpoint.usage().open, world.admitted()), (0, 0, 0));
    assert_eq!(endpoint.counters().refused, 4);
}

#[test]
fn a_client_refuses_a_server_that_its_verifier_does_not_know() {
    let world = World::new();
    let mut client_config = world.client.clone();
    client_config.verifier = common::registrar_of(&House::owner());
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let mut client = proto_dtls::Client::connect(&client_config, offer, at(0), now_instant()).unwrap();
        carry(&mut endpoint, &peer(number), &mut client, at(0));
        assert!(matches!(client.end(), Some(Some(Error::PeerUntrusted(_)))), "{offer:?} {:?}", client.end());
        assert_eq!((client.send(at(0), b"x"), client.recv()), (Err(Error::SessionUnknown), None));
    }
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now_instant() -> std::time::Instant {
    std::time::Instant::now()
}

// RFC6347-4.2.8-abandon-after-finished RFC9147-5.11-abandon-after-finished
#[test]
fn a_device_that_lost_its_memory_replaces_its_session_only_when_the_new_one_is_complete() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let (peer, mut first) = shake_hands(&world, &mut endpoint, offer, number);
        assert_eq!(events(&mut endpoint).len(), 1);
        // A ClientHello alone, which anyone can forge, changes nothing.
        let mut second = world.connect(offer, at(1));
        let hello = second.poll_transmit().unwrap();
        endpoint.on_datagram(at(1), &peer, &hello);
        first.send(at(1), b"still here").unwrap();
        while let Some(datagram) = first.poll_transmit() {
            endpoint.on_datagram(at(1), &peer, &datagram);
        }
        assert_eq!(events(&mut endpoint).len(), 1, "{offer:?}");
        while let Some((_, datagram)) = endpoint.poll_transmit() {
            second.on_datagram(at(1), &datagram);
        }
        // RFC9147-5.11-either-session: nor does a proven one, as long as its handshake goes on.
        let proven = second.poll_transmit().unwrap();
        endpoint.on_datagram(at(1), &peer, &proven);
        first.send(at(1), b"and here").unwrap();
        endpoint.on_datagram(at(1), &peer, &first.poll_transmit().unwrap());
        assert_eq!(events(&mut endpoint), [Event::Received { peer, message: b"and here".to_vec() }]);
        while let Some((_, datagram)) = endpoint.poll_transmit() {
            second.on_datagram(at(1), &datagram);
        }
        carry(&mut endpoint, &peer, &mut second, at(1));
        let ended = Event::Ended { peer, error: Some(Error::SessionReplaced) };
        assert_eq!(events(&mut endpoint), [ended, Event::Opened { peer, version: version(offer) }]);
    }
    assert_eq!(endpoint.usage().open, 4);
}

#[test]
fn a_message_that_does_not_fit_into_a_datagram_is_not_sent() {
    let world = World::new();
    let mut endpoint = world.endpoint();
    for (offer, number) in Offer::ALL.into_iter().zip(0..) {
        let (peer, mut client) = shake_hands(&world, &mut endpoint, offer, number);
        let most = proto_dtls::DATAGRAM_BYTES_SENT - proto_dtls::SEAL_BYTES;
        assert_eq!(endpoint.send(at(0), &peer, &vec![0; most + 1]), Err(Error::MessageTooLarge));
        endpoint.send(at(0), &peer, &vec![9; most]).unwrap();
        let (_, datagram) = endpoint.poll_transmit().unwrap();
        assert!(datagram.len() <= proto_dtls::DATAGRAM_BYTES_SENT && endpoint.poll_transmit().is_none());
        client.on_datagram(at(0), &datagram);
        assert_eq!(client.recv().unwrap().len(), most, "{offer:?}");
    }
}
