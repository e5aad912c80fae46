//! Devices that speak EST over CoAP and DTLS, and are the same devices over HTTPS.

use std::net::SocketAddr;
use std::sync::Arc;

use device_sim::pledge::{Enrolled, Reenrollment, ldevid_request};
use device_sim::transport::Identity;
use device_sim::unit::Unit;
use onboarding_server::clock::Clock;
use pki::Certificate;
use proto::{ContentFormat, UnixTime};
use proto_api::v1;
use proto_brski::pledge::{self, PvrContent, VoucherPolicy};
use proto_brski::{Format, Telemetry};
use proto_coap::{Code, Request, Response};
use proto_dtls::{Config, Offer};
use proto_est::coap::{read_ca_certs, read_issued};
use proto_voucher::Nonce;
use tests::server::Server;
use tokio::task::spawn_blocking;

use crate::support::{come_aboard, declare, device, make_units, renew};

#[path = "../../onboarding-server/coaps/tests/common/device.rs"]
mod coap_device;

use coap_device::Device;

const RV: &str = "/.well-known/brski/rv";
const VS: &str = "/.well-known/brski/vs";
const ES: &str = "/.well-known/brski/es";
const CRTS: &str = "/.well-known/est/crts";
const SEN: &str = "/.well-known/est/sen";
const SREN: &str = "/.well-known/est/sren";

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

fn posted(path: &str, format: Option<ContentFormat>, body: &[u8]) -> Request {
    let request = Request::new(Code::POST, path);
    match format {
        Some(format) => request.with_body(format, body.to_vec()),
        None => request,
    }
}

fn last_of(octets: &[u8]) -> usize {
    octets.len() - 1
}

fn said(response: &Response) -> (Code, String) {
    let text = String::from_utf8_lossy(response.body());
    (response.code(), text.split(':').next().unwrap_or_default().to_owned())
}

// RFC9148-5.5-codes
#[tokio::test]
async fn a_device_renews_over_coap_what_it_got_over_https_and_back_and_has_one_record() {
    let (server, coaps) = Server::start_with_coaps();
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
        assert!(domain.iter().any(|ca| certificates.contains(ca)));
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

/// Goes the whole way of a constrained pledge (CBRSKI §6): `rv`, `vs`, `sen`, then `es` in a session with the LDevID.
fn come_aboard_over_coap(unit: &Unit, offer: Offer, server: SocketAddr) {
    let idevid = unit.idevid();
    let mut device = Device::connect(&provisional(idevid), offer, server, now());
    let chain = device.client.peer_chain().expect("a session").to_vec();
    let nonce = Nonce::from_random([offer as u8; 16]);
    let content = PvrContent::honest(&idevid.chain[0], &chain[0], nonce, Some(now())).expect("a request");
    let awaiting =
        pledge::request(&content, Format::CoseCbor, &idevid.signer, &idevid.chain[..1]).expect("a request");
    let rv = Request::new(Code::POST, RV).with_body(ContentFormat::VOUCHER_COSE, awaiting.request().to_vec());
    let answer = device.ask(rv.clone());
    assert_eq!(answer.code(), Code::CHANGED, "{offer:?}: {:?}", said(&answer));
    assert_eq!(answer.content_format(), Some(ContentFormat::VOUCHER_COSE));
    assert_eq!(device.ask(rv).body(), answer.body(), "the same request has the same voucher");
    let policy = VoucherPolicy::strict(unit.anchors(), Some(now()));
    let voucher = awaiting.verify(answer.body(), &policy).expect("a voucher of its maker");
    let _ = voucher.check_registrar(&chain).expect("it pins this registrar");
    let report = |path| {
        Request::new(Code::POST, path).with_body(ContentFormat::CBOR, Telemetry::success().write_cbor())
    };
    assert_eq!(device.ask(report(VS)).code(), Code::CHANGED);
    let request = ldevid_request(&idevid.chain[0], None).expect("a request");
    let answer = device.ask(post(SEN, &request.csr));
    assert_eq!(answer.code(), Code::CHANGED, "{offer:?}: {:?}", said(&answer));
    let format = answer.content_format().expect("a format");
    let issued = read_issued(format, answer.body(), request.signer.public_key()).expect("its certificate");
    let ldevid = Identity { chain: vec![issued], signer: request.signer };
    let mut device = Device::connect(&provisional(&ldevid), offer, server, now());
    assert_eq!(device.ask(report(ES)).code(), Code::CHANGED);
}

/// Whoever the server is: the voucher says it (RFC 8995 §5.1).
fn provisional(identity: &Identity) -> Config {
    let own = proto_dtls::Identity { chain: identity.chain.clone(), signer: identity.signer.clone() };
    Config::new(own, Arc::new(|_, _| Ok(())))
}

// CBRSKI-6.2-served-format
#[tokio::test]
async fn a_constrained_pledge_comes_aboard_with_a_voucher_in_cose() {
    let (server, coaps) = Server::start_with_coaps();
    let units = make_units(&server, "C4", 4).await;
    declare(&server, &units).await;
    for (unit, offer) in units.iter().zip(Offer::ALL) {
        let pledge = unit.clone();
        spawn_blocking(move || come_aboard_over_coap(&pledge, offer, coaps)).await.expect("it comes aboard");
        let shown = device(&server, unit).await;
        assert_eq!(
            (shown.state(), shown.assertion()),
            (v1::DeviceState::Operational, v1::Assertion::Proximity)
        );
    }
}

// RFC9148-5.1-discovery
#[tokio::test]
async fn resources_are_discovered_by_their_type() {
    let (server, coaps) = Server::start_with_coaps();
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
    let (server, coaps) = Server::start_with_coaps();
    let units = make_units(&server, "C2", 1).await;
    let idevid = units[0].idevid();
    let csr = ldevid_request(&idevid.chain[0], Some(idevid.signer.clone())).expect("a request").csr;
    let mut flipped = csr.clone();
    flipped[last_of(&csr)] ^= 1;
    // It names another registrar than the one that it is sent to.
    let elsewhere =
        PvrContent::honest(&idevid.chain[0], &idevid.chain[0], Nonce::from_random([9; 16]), Some(now()));
    let elsewhere = elsewhere.expect("a request");
    let signed = pledge::request(&elsewhere, Format::CoseCbor, &idevid.signer, &idevid.chain[..1]);
    let pvr = signed.expect("a request").request().to_vec();
    let mut bent = pvr.clone();
    bent[last_of(&pvr)] ^= 1;
    let (cose, cbor) = (Some(ContentFormat::VOUCHER_COSE), Some(ContentFormat::CBOR));
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
        (get(RV), Code::METHOD_NOT_ALLOWED, "coap-method-unsupported"),
        (posted(RV, None, b"x"), Code::UNSUPPORTED_CONTENT_FORMAT, "voucher-media-type-unsupported"),
        (posted(RV, cbor, b"x"), Code::UNSUPPORTED_CONTENT_FORMAT, "voucher-media-type-unsupported"),
        (posted(RV, cose, b""), Code::BAD_REQUEST, "cose-malformed"),
        (posted(RV, cose, b"no COSE"), Code::BAD_REQUEST, "cose-malformed"),
        (posted(RV, cose, &pvr[..pvr.len() - 1]), Code::BAD_REQUEST, "cose-malformed"),
        (posted(RV, cose, &bent), Code::FORBIDDEN, "pvr-signature-invalid"),
        (posted(RV, cose, &pvr), Code::UNAUTHORIZED, "pvr-proximity-mismatch"),
        (
            posted(RV, cose, &pvr).with_accept(ContentFormat::CBOR),
            Code::NOT_ACCEPTABLE,
            "voucher-accept-unsupported",
        ),
        (posted(VS, None, b"x"), Code::UNSUPPORTED_CONTENT_FORMAT, "telemetry-media-type-unsupported"),
        (posted(VS, cbor, b"no CBOR"), Code::BAD_REQUEST, "telemetry-malformed"),
        (posted(ES, cbor, &Telemetry::success().write()), Code::BAD_REQUEST, "telemetry-malformed"),
        (post("/.well-known/est/skg", &csr), Code::NOT_FOUND, "est-serverkeygen-off"),
        (post("/.well-known/est/skc", &csr), Code::NOT_FOUND, "est-serverkeygen-off"),
    ];
    let domain = server.domain_chain();
    let asked = cases.iter().map(|(request, _, _)| request.clone()).collect();
    let answers = ask(coaps, Offer::Dtls12Ccm8, (idevid, &domain), asked).await;
    let wanted: Vec<_> = cases.iter().map(|(_, code, reason)| (*code, (*reason).to_owned())).collect();
    assert_eq!(answers.iter().map(said).collect::<Vec<_>>(), wanted);
}
