//! Devices that speak EST over CoAP and DTLS, and are the same devices over HTTPS.

use std::net::SocketAddr;
use std::sync::Arc;

use device_sim::pledge::{Enrolled, Reenrollment, ldevid_request};
use device_sim::transport::Identity;
use onboarding_server::clock::Clock;
use pki::Certificate;
use proto::{ContentFormat, UnixTime};
use proto_coap::{Code, Request, Response};
use proto_dtls::{Config, Offer};
use proto_est::coap::{read_ca_certs, read_issued};
use tests::server::Server;
use tokio::task::spawn_blocking;

use crate::support::{come_aboard, declare, device, make_units, renew};

#[path = "../../onboarding-server/coaps/tests/common/device.rs"]
mod coap_device;

use coap_device::Device;

const CRTS: &str = "/.well-known/est/crts";
const SEN: &str = "/.well-known/est/sen";
const SREN: &str = "/.well-known/est/sren";

fn with_coaps(config: &str) -> String {
    config.replacen("[owner]\n", "[owner]\ncoaps_listen = \"127.0.0.1:0\"\n", 1)
}

fn now() -> UnixTime {
    Clock::system().now()
}

/// Asks in a session of its own, as this device, of a server that shows a certificate of `domain`.
async fn ask(
    server: SocketAddr,
    offer: Offer,
    (identity, domain): (&Identity, &[Certificate]),
    requests: Vec<Request>,
) -> Vec<Response> {
    let own = proto_dtls::Identity { chain: identity.chain.clone(), signer: identity.signer.clone() };
    let domain = domain.to_vec();
    let is_ours = move |chain: &[Certificate], _: UnixTime| {
        let issuer = chain.first().map(Certificate::issuer_der);
        let is_known = domain.iter().any(|certificate| Some(certificate.subject_der()) == issuer);
        if is_known { Ok(()) } else { Err(pki::Error::PathIssuerUnknown) }
    };
    let config = Config::new(own, Arc::new(is_ours));
    let asking = move || {
        let mut device = Device::connect(&config, offer, server, now());
        requests.into_iter().map(|request| device.ask(request)).collect()
    };
    spawn_blocking(asking).await.expect("the device speaks")
}

fn get(path: &str) -> Request {
    Request::new(Code::GET, path)
}

fn post(path: &str, csr: &[u8]) -> Request {
    Request::new(Code::POST, path).with_body(ContentFormat::PKCS10, csr.to_vec())
}

fn said(response: &Response) -> (Code, String) {
    let text = String::from_utf8_lossy(response.body());
    (response.code(), text.split(':').next().unwrap_or_default().to_owned())
}

// RFC9148-5.5-codes
#[tokio::test]
async fn a_device_renews_over_coap_what_it_got_over_https_and_back_and_has_one_record() {
    let server = Server::start_with(|config| with_coaps(&config));
    let coaps = server.ready().owner_coaps.expect("it listens for CoAP");
    let units = make_units(&server, "C1", 1).await;
    declare(&server, &units).await;
    let enrolled =
        come_aboard(&server, &units[0], Reenrollment::None).await.outcome.expect("it comes aboard");
    let domain = enrolled.anchors.certificates().to_vec();
    let mut ldevid = enrolled.ldevid.clone();
    for offer in Offer::ALL {
        let request = ldevid_request(&ldevid.chain[0], None).expect("a request");
        let asked = vec![get(CRTS), post(SREN, &request.csr), post(SREN, &request.csr)];
        let answers = ask(coaps, offer, (&ldevid, &domain), asked).await;
        assert_eq!(answers[0].code(), Code::CONTENT);
        let format = answers[0].content_format().expect("a format");
        let certificates = read_ca_certs(format, answers[0].body()).expect("certificates");
        assert!(certificates.contains(&domain[0]) || domain.iter().any(|ca| certificates.contains(ca)));
        assert_eq!(answers[1].code(), Code::CHANGED, "{offer:?}: {:?}", said(&answers[1]));
        assert_eq!(answers[1].body(), answers[2].body(), "the same request has the same certificate");
        let format = answers[1].content_format().expect("a format");
        let issued =
            read_issued(format, answers[1].body(), request.signer.public_key()).expect("its certificate");
        assert_eq!(issued.subject_der(), ldevid.chain[0].subject_der());
        ldevid = Identity { chain: vec![issued], signer: request.signer };
    }
    let by_coap = Enrolled { ldevid, anchors: enrolled.anchors };
    let last = renew(&server, &units[0], &by_coap).await.expect("it renews over HTTPS");
    let shown = device(&server, &units[0]).await;
    let fingerprint = shown.ldevid.expect("an LDevID").fingerprint;
    assert_eq!(fingerprint, last.chain[0].fingerprint().as_bytes());
}

// RFC9148-5.1-discovery
#[tokio::test]
async fn resources_are_discovered_by_their_type() {
    let server = Server::start_with(|config| with_coaps(&config));
    let coaps = server.ready().owner_coaps.expect("it listens for CoAP");
    let units = make_units(&server, "C3", 1).await;
    let core = |query| get("/.well-known/core").with_query(query);
    let (asked, domain) = (vec![core("rt=ace.est*"), core("rt=ace.est.crts")], server.domain_chain());
    let answers = ask(coaps, Offer::Dtls13, (units[0].idevid(), &domain), asked).await;
    let links = |answer: &Response| String::from_utf8_lossy(answer.body()).into_owned();
    for resource in ["crts", "att", "sen", "sren"] {
        let link = format!("</.well-known/est/{resource}>;rt=\"ace.est.{resource}\"");
        assert!(links(&answers[0]).contains(&link), "{}", links(&answers[0]));
    }
    let only = "</.well-known/est/crts>;rt=\"ace.est.crts\";ct=\"281 287 62\"";
    assert_eq!(
        (answers[1].content_format(), links(&answers[1])),
        (Some(ContentFormat::LINK_FORMAT), only.to_owned())
    );
}

#[tokio::test]
async fn what_is_not_asked_rightly_is_refused_with_a_code_and_a_reason() {
    let server = Server::start_with(|config| with_coaps(&config));
    let coaps = server.ready().owner_coaps.expect("it listens for CoAP");
    let units = make_units(&server, "C2", 1).await;
    let idevid = units[0].idevid();
    let csr = ldevid_request(&idevid.chain[0], Some(idevid.signer.clone())).expect("a request").csr;
    let mut flipped = csr.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let cases: Vec<(Request, Code, &str)> = vec![
        (post(SEN, &csr), Code::FORBIDDEN, "policy-device-unknown"),
        (post(SEN, &flipped), Code::FORBIDDEN, "csr-self-signature-invalid"),
        (post(SEN, &[]), Code::BAD_REQUEST, "est-body-empty"),
        (post(SEN, b"no DER"), Code::BAD_REQUEST, "csr-malformed"),
        (get(SEN), Code::METHOD_NOT_ALLOWED, "coap-method-unsupported"),
        (post(CRTS, &csr), Code::METHOD_NOT_ALLOWED, "coap-method-unsupported"),
        (
            Request::new(Code::POST, SEN).with_body(ContentFormat::CBOR, csr.clone()),
            Code::UNSUPPORTED_CONTENT_FORMAT,
            "est-media-type-unsupported",
        ),
        (get(CRTS).with_accept(ContentFormat::CBOR), Code::NOT_ACCEPTABLE, "est-accept-unsupported"),
        (get("/.well-known/est/nothing"), Code::NOT_FOUND, "est-path-unknown"),
        (get("/.well-known/est/a/b/crts"), Code::NOT_FOUND, "est-path-unknown"),
        (get("/.well-known/est/elsewhere/crts"), Code::NOT_FOUND, "est-label-unknown"),
        (get("/"), Code::NOT_FOUND, "est-path-unknown"),
        (post("/.well-known/core", &csr), Code::METHOD_NOT_ALLOWED, "coap-method-unsupported"),
        (post("/.well-known/est/skg", &csr), Code::NOT_FOUND, "est-serverkeygen-off"),
        (post("/.well-known/est/skc", &csr), Code::NOT_FOUND, "est-serverkeygen-off"),
    ];
    let domain = server.domain_chain();
    let asked = cases.iter().map(|(request, _, _)| request.clone()).collect();
    let answers = ask(coaps, Offer::Dtls12Ccm8, (idevid, &domain), asked).await;
    let wanted: Vec<_> = cases.iter().map(|(_, code, reason)| (*code, (*reason).to_owned())).collect();
    assert_eq!(answers.iter().map(said).collect::<Vec<_>>(), wanted);
}
