//! Who and what the cases need: a server, units at several points of their way, and requests that would be granted.

use device_sim::clock;
use device_sim::pledge::{Enrolled, Reenrollment};
use device_sim::pledge::{
    Running, Session, Step, Transcript, ldevid_request, request_voucher, signed_request,
};
use device_sim::transport::{Endpoint, Identity, Patience};
use device_sim::unit::Unit;
use pki::cms::Compat;
use pki::{Certificate, KeyAlgorithm, Signer, Subject, csr};
use proto_brski::pledge::PvrContent;
use proto_brski::{Format, Pvr, PvrCheck, registrar};
use proto_est::body;
use proto_voucher::{Assertion, Nonce, Pins, VoucherRequest};
use serde_json::Value;
use tests::server::Server;

use crate::support::{come_aboard, declare, make_units};

/// The container of a voucher-request in JSON.
const CONTAINER: &str = "ietf-voucher-request:voucher";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody without a certificate.
    Nobody,
    /// A pledge that was announced and has asked for nothing.
    Idevid,
    /// A genuine unit that nobody announced to the owner.
    Unannounced,
    /// A pledge that has its voucher.
    Vouched,
    /// A device that is aboard.
    Ldevid,
    /// The registrar itself.
    Registrar,
    /// A station of the factory.
    Station,
    /// A person who decides.
    Operator,
    /// A person who looks.
    Viewer,
}

/// The server and those who ask.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) pledge: Unit,
    pub(crate) unannounced: Unit,
    pub(crate) vouched: Unit,
    /// A unit that must come aboard when all is over.
    pub(crate) honest: Unit,
    /// The genuine request for which [`Self::vouched`] got its voucher.
    pub(crate) granted: Vec<u8>,
    granted_request: PvrContent,
    device: Enrolled,
    registrar: Identity,
    station: Identity,
    operator: Identity,
    viewer: Identity,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let server = Server::start();
        let mut units = make_units(&server, "BI", 5).await.into_iter();
        let mut unit = || units.next().expect("five units");
        let (pledge, unannounced, vouched, honest, aboard) = (unit(), unit(), unit(), unit(), unit());
        let announced = [&pledge, &vouched, &honest, &aboard].map(Clone::clone);
        declare(&server, &announced).await;
        let onboarding = come_aboard(&server, &aboard, Reenrollment::None).await;
        let device = onboarding.outcome.expect("the device comes aboard");
        let registrar = server.registrar_identity();
        let (granted_request, granted) = obtain_voucher(&server, &vouched).await;
        let [station, operator, viewer] = ["station", "operator", "viewer"].map(|who| server.profile(who));
        Self {
            server,
            pledge,
            unannounced,
            vouched,
            honest,
            granted,
            granted_request,
            device,
            registrar,
            station,
            operator,
            viewer,
        }
    }

    pub(crate) fn identity(&self, peer: Peer) -> Option<&Identity> {
        match peer {
            Peer::Nobody => None,
            Peer::Idevid => Some(self.pledge.idevid()),
            Peer::Unannounced => Some(self.unannounced.idevid()),
            Peer::Vouched => Some(self.vouched.idevid()),
            Peer::Ldevid => Some(&self.device.ldevid),
            Peer::Registrar => Some(&self.registrar),
            Peer::Station => Some(&self.station),
            Peer::Operator => Some(&self.operator),
            Peer::Viewer => Some(&self.viewer),
        }
    }

    fn registrar_certificate(&self) -> &Certificate {
        self.registrar.chain.first().expect("the registrar has a certificate")
    }

    /// What the pledge would honestly send.
    pub(crate) fn pvr(&self) -> Vec<u8> {
        self.pvr_with(|_| ())
    }

    /// What the pledge would send after `change` to the members of its request.
    pub(crate) fn pvr_with(&self, change: fn(&mut Value)) -> Vec<u8> {
        let mut request = VoucherRequest::new(self.pledge.serial_number().clone());
        request.assertion = Some(Assertion::Proximity);
        request.created_at = Some(clock::now());
        request.nonce = Some(Nonce::from_random([9; 16]));
        request.proximity_registrar = Pins::from_certificate(self.registrar_certificate().der());
        let text = proto_voucher::json::write_voucher_request(&request).expect("a request");
        let mut json: Value = serde_json::from_slice(&text).expect("JSON");
        change(&mut json[CONTAINER]);
        self.signed(json.to_string().as_bytes())
    }

    /// Any content, signed by the pledge.
    pub(crate) fn signed(&self, content: &[u8]) -> Vec<u8> {
        let idevid = self.pledge.idevid();
        pki::cms::sign(content, &idevid.signer, &idevid.chain[..1]).expect("it is signed")
    }

    /// The request of the vouched pledge again, with the same nonce and another date.
    pub(crate) fn reused_nonce(&self) -> Vec<u8> {
        let mut request = self.granted_request.clone();
        request.created_at = request.created_at.map(|at| at.minus(std::time::Duration::from_secs(1)));
        signed_request(&request, self.vouched.idevid()).expect("it is signed").request().to_vec()
    }

    /// What the registrar would ask the MASA for the pledge.
    pub(crate) fn rvr(&self) -> Vec<u8> {
        let (idevid, own) = (&self.pledge.idevid().chain[0], self.registrar_certificate());
        let check = PvrCheck {
            idevid,
            registrar_certificates: std::slice::from_ref(own),
            compat: Compat::Strict,
            now: clock::now(),
        };
        let pvr = Pvr::parse(&self.pvr(), Format::CmsJson)
            .expect("a request")
            .verify(&check)
            .expect("a genuine request");
        let draft = registrar::prepare(&pvr, &self.pledge.idevid().chain, clock::now()).expect("a draft");
        draft.sign(&self.registrar.signer, &self.registrar.chain).expect("it is signed").rvr
    }

    /// Any content, signed by the registrar.
    pub(crate) fn signed_by_registrar(&self, content: &[u8]) -> Vec<u8> {
        pki::cms::sign(content, &self.registrar.signer, &self.registrar.chain).expect("it is signed")
    }

    /// A certification request that names the pledge (DER).
    pub(crate) fn csr(&self) -> Vec<u8> {
        ldevid_request(&self.pledge.idevid().chain[0], None).expect("a request").csr
    }

    /// A certification request with another subject (DER).
    pub(crate) fn csr_of(&self, serial: &str) -> Vec<u8> {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key");
        let subject = Subject::device(&serial.parse().expect("a serial number"));
        csr::create(&csr::Request::new(subject), &signer).expect("a request")
    }

    pub(crate) fn pledge_serial(&self) -> String {
        self.pledge.serial_number().to_string()
    }
}

/// The form in which EST carries DER.
pub(crate) fn base64(der: &[u8]) -> Vec<u8> {
    body::encode(der).into_bytes()
}

fn running() -> Running {
    Transcript::new().begin(Step::Connect)
}

async fn obtain_voucher(server: &Server, unit: &Unit) -> (PvrContent, Vec<u8>) {
    let endpoint: Endpoint = server.registrar();
    let mut session = Session::open(&endpoint, Some(unit.idevid()), Patience::default(), &mut running())
        .await
        .expect("a session");
    let registrar = session.registrar().expect("a registrar");
    let idevid = &unit.idevid().chain[0];
    let nonce = Nonce::from_random([8; 16]);
    let request = PvrContent::honest(idevid, registrar, nonce, Some(clock::now())).expect("a request");
    let signed = signed_request(&request, unit.idevid()).expect("it is signed").request().to_vec();
    session.send_until_decided(&request_voucher(&signed), &mut running()).await.expect("a voucher");
    (request, signed)
}
