//! A maker, an owner and a device with fresh keys, for the tests of the exchange.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use core::time::Duration;

use pki::cms::Compat;
use pki::cose::Bags;
use pki::path::{Anchors, Expiry, Revocation};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::{SerialNumber, UnixTime};
use proto_brski::masa::{self, Terms};
use proto_brski::pledge::{self, AwaitVoucher, PvrContent};
use proto_brski::registrar::{self, AskMasa, MasaReply};
use proto_brski::{
    Error, Format, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, Unverified, Verified, VoucherTrust,
};
use proto_voucher::{Nonce, VoucherRequest, cbor, json};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn now() -> UnixTime {
    "2026-11-25T06:00:00Z".parse().unwrap()
}

pub(crate) fn good(_: &Certificate) -> Revocation {
    Revocation::Good
}

/// A certificate with its key and the chain to present, itself first.
pub(crate) struct Holder {
    pub(crate) signer: Signer,
    pub(crate) chain: Vec<Certificate>,
}

impl Holder {
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }
}

/// Someone who issues: a maker or an owner.
pub(crate) struct Authority {
    pub(crate) root: Certificate,
    pub(crate) issuing: Issuer,
}

pub(crate) fn validity() -> (UnixTime, UnixTime) {
    (now().minus(DAY), now().plus(DAY * 365))
}

pub(crate) fn template(profile: Profile, subject: Subject, signer: &Signer) -> Template {
    let serial = random_serial().unwrap();
    Template::new(profile, subject, signer.public_key().clone(), serial, validity())
}

pub(crate) fn key() -> Signer {
    Signer::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

impl Authority {
    pub(crate) fn new(name: &str, root: Profile, issuing: Profile) -> Self {
        let root_key = key();
        let root =
            self_sign(&template(root, Subject::new(&format!("{name} root")), &root_key), &root_key).unwrap();
        let issuing_key = key();
        let issuing_template = template(issuing, Subject::new(&format!("{name} issuing")), &issuing_key);
        let certificate = Issuer::new(root.clone(), root_key).unwrap().issue(&issuing_template).unwrap();
        Self { root, issuing: Issuer::new(certificate, issuing_key).unwrap() }
    }

    pub(crate) fn maker(name: &str) -> Self {
        Self::new(name, Profile::ManufacturerRoot, Profile::ManufacturerIssuing)
    }

    pub(crate) fn owner(name: &str) -> Self {
        Self::new(name, Profile::DomainRoot, Profile::DomainIssuing)
    }

    pub(crate) fn issue(&self, profile: Profile, subject: Subject) -> Holder {
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

    pub(crate) fn device(&self, serial: &str) -> Holder {
        let serial_number: SerialNumber = serial.parse().unwrap();
        let subject = Subject { serial_number: Some(serial_number), ..Subject::new(serial) };
        self.issue(Profile::IdevId, subject)
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::new([self.root.clone()])
    }
}

/// All parties of one onboarding, and the form in which they speak.
pub(crate) struct World {
    pub(crate) format: Format,
    pub(crate) maker: Authority,
    pub(crate) device: Holder,
    pub(crate) masa: Holder,
    pub(crate) owner: Authority,
    pub(crate) registrar: Holder,
    pub(crate) maker_anchors: Anchors,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Format::CmsJson)
    }

    /// One of each form: every check is the same in all.
    pub(crate) fn all() -> [Self; 2] {
        Format::ALL.map(Self::of)
    }

    pub(crate) fn of(format: Format) -> Self {
        let maker = Authority::maker("Maker");
        let owner = Authority::owner("Owner");
        Self {
            format,
            device: maker.device("GW-0001"),
            masa: maker.issue(Profile::MasaVoucherSigner, Subject::new("Maker MASA")),
            registrar: owner.issue(Profile::Registrar, Subject::new("registrar.example")),
            maker_anchors: maker.anchors(),
            maker,
            owner,
        }
    }

    pub(crate) fn content(&self) -> PvrContent {
        let nonce = Nonce::from_random([7; 16]);
        PvrContent::honest(self.device.certificate(), self.registrar.certificate(), nonce, Some(now()))
            .unwrap()
    }

    pub(crate) fn ask(&self, content: &PvrContent) -> AwaitVoucher {
        self.ask_as(&self.device, content)
    }

    pub(crate) fn ask_as(&self, device: &Holder, content: &PvrContent) -> AwaitVoucher {
        pledge::request(content, self.format, &device.signer, &device.chain).unwrap()
    }

    pub(crate) fn parse_pvr(&self, octets: &[u8]) -> Result<Unverified<Pvr>, Error> {
        Pvr::parse(octets, self.format)
    }

    pub(crate) fn parse_rvr(&self, octets: &[u8]) -> Result<Unverified<Rvr>, Error> {
        Rvr::parse(octets, self.format)
    }

    /// Signs a registrar's request as no honest one would.
    pub(crate) fn forge_rvr(&self, request: &VoucherRequest, holder: &Holder) -> Vec<u8> {
        match self.format {
            Format::CmsJson => {
                let content = json::write_voucher_request(request).unwrap();
                pki::cms::sign(&content, &holder.signer, &holder.chain).unwrap()
            }
            Format::CoseCbor => {
                let content = cbor::write_voucher_request(request).unwrap();
                let bags = Bags { protected: &[], unprotected: &holder.chain };
                pki::cose::sign_with(&content, &holder.signer, bags).unwrap()
            }
        }
    }

    pub(crate) fn check_pvr(&self, der: &[u8]) -> Result<Verified<Pvr>, Error> {
        let check = PvrCheck {
            idevid: self.device.certificate(),
            registrar_certificates: &self.registrar.chain[..1],
            compat: Compat::Strict,
            now: now(),
        };
        self.parse_pvr(der)?.verify(&check)
    }

    pub(crate) fn ask_masa(&self, pvr: &Verified<Pvr>) -> AskMasa {
        let draft = registrar::prepare(pvr, &self.device.chain, now()).unwrap();
        draft.sign(&self.registrar.signer, &self.registrar.chain).unwrap()
    }

    pub(crate) fn rvr_check(&self) -> RvrCheck<'_> {
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

    pub(crate) fn check_rvr(&self, der: &[u8]) -> Result<Verified<Rvr>, Error> {
        self.parse_rvr(der)?.verify(&self.rvr_check())
    }

    pub(crate) fn issue_voucher(&self, rvr: &Verified<Rvr>) -> Vec<u8> {
        let draft = masa::draft(rvr, &Terms::for_request(rvr), now()).unwrap();
        draft.sign(&self.masa.signer, &self.masa.chain).unwrap()
    }

    pub(crate) fn trust(&self) -> VoucherTrust<'_> {
        VoucherTrust { anchors: &self.maker_anchors, clock: Some(now()), compat: Compat::Strict }
    }

    pub(crate) fn reply<'a>(&self, body: &'a [u8]) -> MasaReply<'a> {
        MasaReply { status: 200, media_type: Some(self.format.media_type()), retry_after_seconds: None, body }
    }

    /// Plays an honest exchange up to the registrar's request.
    pub(crate) fn honest_rvr(&self) -> (AwaitVoucher, AskMasa) {
        let awaiting = self.ask(&self.content());
        let pvr = self.check_pvr(awaiting.request()).unwrap();
        (awaiting, self.ask_masa(&pvr))
    }
}
