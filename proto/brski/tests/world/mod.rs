//! A maker, an owner and a device with fresh keys, for the tests of the exchange.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use core::time::Duration;

use pki::cms::Compat;
use pki::path::{Anchors, Expiry, Revocation};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::{SerialNumber, UnixTime, media_type};
use proto_brski::masa::{self, Terms};
use proto_brski::pledge::{self, AwaitVoucher, PvrContent};
use proto_brski::registrar::{self, AskMasa, MasaReply};
use proto_brski::{Error, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, Verified, VoucherTrust};
use proto_voucher::Nonce;

pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn now() -> UnixTime {
    "2026-11-25T06:00:00Z".parse().unwrap()
}

pub fn good(_: &Certificate) -> Revocation {
    Revocation::Good
}

/// A certificate with its key and the chain to present, itself first.
pub struct Holder {
    pub signer: Signer,
    pub chain: Vec<Certificate>,
}

impl Holder {
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }
}

/// Someone who issues: a maker or an owner.
pub struct Authority {
    pub root: Certificate,
    pub issuing: Issuer,
}

pub fn validity() -> (UnixTime, UnixTime) {
    (now().minus(DAY), now().plus(DAY * 365))
}

pub fn template(profile: Profile, subject: Subject, signer: &Signer) -> Template {
    let serial = random_serial().unwrap();
    Template::new(profile, subject, signer.public_key().clone(), serial, validity())
}

pub fn key() -> Signer {
    Signer::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

impl Authority {
    pub fn new(name: &str, root: Profile, issuing: Profile) -> Self {
        let root_key = key();
        let root =
            self_sign(&template(root, Subject::new(&format!("{name} root")), &root_key), &root_key).unwrap();
        let issuing_key = key();
        let issuing_template = template(issuing, Subject::new(&format!("{name} issuing")), &issuing_key);
        let certificate = Issuer::new(root.clone(), root_key).unwrap().issue(&issuing_template).unwrap();
        Self { root, issuing: Issuer::new(certificate, issuing_key).unwrap() }
    }

    pub fn maker(name: &str) -> Self {
        Self::new(name, Profile::ManufacturerRoot, Profile::ManufacturerIssuing)
    }

    pub fn owner(name: &str) -> Self {
        Self::new(name, Profile::DomainRoot, Profile::DomainIssuing)
    }

    pub fn issue(&self, profile: Profile, subject: Subject) -> Holder {
        let signer = key();
        let mut template = template(profile, subject, &signer);
        if matches!(profile, Profile::Registrar | Profile::TlsServer) {
            template.dns_names = vec!["registrar.example".to_owned()];
        }
        if profile == Profile::IdevId {
            template.not_after = UnixTime::NO_END;
            template.masa_url = Some("masa.example".to_owned());
        }
        let certificate = self.issuing.issue(&template).unwrap();
        Holder { signer, chain: vec![certificate, self.issuing.certificate().clone()] }
    }

    pub fn device(&self, serial: &str) -> Holder {
        let serial_number: SerialNumber = serial.parse().unwrap();
        let subject = Subject { serial_number: Some(serial_number), ..Subject::new(serial) };
        self.issue(Profile::IdevId, subject)
    }

    pub fn anchors(&self) -> Anchors {
        Anchors::new([self.root.clone()])
    }
}

/// All parties of one onboarding.
pub struct World {
    pub maker: Authority,
    pub device: Holder,
    pub masa: Holder,
    pub owner: Authority,
    pub registrar: Holder,
    pub maker_anchors: Anchors,
}

impl World {
    pub fn new() -> Self {
        let maker = Authority::maker("Maker");
        let owner = Authority::owner("Owner");
        Self {
            device: maker.device("GW-0001"),
            masa: maker.issue(Profile::MasaVoucherSigner, Subject::new("Maker MASA")),
            registrar: owner.issue(Profile::Registrar, Subject::new("registrar.example")),
            maker_anchors: maker.anchors(),
            maker,
            owner,
        }
    }

    pub fn content(&self) -> PvrContent {
        let nonce = Nonce::from_random([7; 16]);
        PvrContent::honest(self.device.certificate(), self.registrar.certificate(), nonce, Some(now()))
            .unwrap()
    }

    pub fn ask(&self, content: &PvrContent) -> AwaitVoucher {
        pledge::request(content, &self.device.signer, &self.device.chain).unwrap()
    }

    pub fn check_pvr(&self, der: &[u8]) -> Result<Verified<Pvr>, Error> {
        let check = PvrCheck {
            idevid: self.device.certificate(),
            registrar_certificates: &self.registrar.chain[..1],
            compat: Compat::Strict,
            now: now(),
        };
        Pvr::parse(der)?.verify(&check)
    }

    pub fn ask_masa(&self, pvr: &Verified<Pvr>) -> AskMasa {
        let draft = registrar::prepare(pvr, self.device.certificate(), now()).unwrap();
        draft.sign(&self.registrar.signer, &self.registrar.chain).unwrap()
    }

    pub fn rvr_check(&self) -> RvrCheck<'_> {
        RvrCheck {
            idevid_anchors: &self.maker_anchors,
            idevid_pool: &[],
            idevid_expiry: Expiry::Enforce,
            registrar: RegistrarAuthentication::None,
            revocation: &good,
            compat: Compat::Strict,
            now: now(),
        }
    }

    pub fn check_rvr(&self, der: &[u8]) -> Result<Verified<Rvr>, Error> {
        Rvr::parse(der)?.verify(&self.rvr_check())
    }

    pub fn issue_voucher(&self, rvr: &Verified<Rvr>) -> Vec<u8> {
        let draft = masa::draft(rvr, &Terms::for_request(rvr), now()).unwrap();
        draft.sign(&self.masa.signer, &self.masa.chain).unwrap()
    }

    pub fn trust(&self) -> VoucherTrust<'_> {
        VoucherTrust { anchors: &self.maker_anchors, clock: Some(now()), compat: Compat::Strict }
    }

    /// Plays an honest exchange up to the registrar's request.
    pub fn honest_rvr(&self) -> (AwaitVoucher, AskMasa) {
        let awaiting = self.ask(&self.content());
        let pvr = self.check_pvr(awaiting.request()).unwrap();
        (awaiting, self.ask_masa(&pvr))
    }
}

pub fn reply(body: &[u8]) -> MasaReply<'_> {
    MasaReply { status: 200, media_type: Some(media_type::VOUCHER_CMS_JSON), retry_after_seconds: None, body }
}
