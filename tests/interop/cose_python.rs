//! Python's cbor2 and cryptography as pledge and as MASA of constrained BRSKI: they share no line with our codecs.

use std::env;
use std::io::{self, Write};

use pki::cms::Compat;
use pki::path::{Anchors, Expiry, Revocation};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::UnixTime;
use proto_brski::masa::{self, PledgeKnows, Terms};
use proto_brski::registrar::{self, AskMasa, MasaReply};
use proto_brski::{Format, Pvr, PvrCheck, RegistrarAuthentication, Rvr, RvrCheck, Verified, VoucherTrust};
use serde_json::{Value, json};
use tests::{program, repository};

/// Debian's Python, whose cbor2 and cryptography `make deps` installs.
const PYTHON: &str = "/usr/bin/python3";
const SERIAL: &str = "GW-0001";
const NONCE: &str = "0123456789abcdef";

#[test]
fn a_python_pledge_onboards_by_our_registrar_and_our_masa() {
    for (algorithm, with_names) in [
        (KeyAlgorithm::EcdsaP256, false),
        (KeyAlgorithm::EcdsaP256, true),
        (KeyAlgorithm::EcdsaP384, false),
        (KeyAlgorithm::Ed25519, true),
    ] {
        let Some(world) = World::new(algorithm) else { return };
        let (_, ask) = world.registrar_asks(with_names);
        let rvr = world.our_masa_reads(&ask);
        let terms = Terms { pledge_knows: PledgeKnows::Signer, ..Terms::for_request(&rvr) };
        let draft = masa::draft(&rvr, &terms, now()).expect("a draft");
        let voucher = draft.sign(&world.masa.signer, &world.masa.chain).expect("a voucher");
        let relayed = world.registrar_relays(&ask, &voucher);
        let accepted = world.pledge_accepts(&relayed);
        assert_eq!(accepted["pinned"], hex(world.registrar.chain[1].der()), "{algorithm}");
        assert_eq!((&accepted["assertion"], &accepted["certificates"]), (&json!(2), &json!(0)));
    }
}

#[test]
fn a_python_masa_answers_our_registrar() {
    for algorithm in KeyAlgorithm::ALL {
        let Some(world) = World::new(algorithm) else { return };
        let (pvr, ask) = world.registrar_asks(false);
        let masa_chain: Vec<String> = world.masa.chain.iter().map(|c| hex(c.der())).collect();
        let masa_key = world.masa.pem();
        let saw = run(
            "masa-answers",
            &json!({ "rvr": hex(&ask.rvr), "masa_key": masa_key, "masa_chain": masa_chain }),
        );
        assert_eq!(saw["pvr"], hex(&pvr), "the pledge's request goes on octet for octet");
        assert_eq!(saw["keys"], json!([1, 2, 5, 7, 9, 13]));
        assert_eq!((&saw["assertion"], &saw["certificates"]), (&json!(2), &json!(4)));
        assert_eq!(saw["created_on"], now().to_string());
        assert_eq!(saw["idevid_issuer"].as_str().map(str::len), Some(2 * 26));
        let voucher = unhex(saw["voucher"].as_str().expect("a voucher"));
        let relayed = world.registrar_relays(&ask, &voucher);
        assert_eq!(world.pledge_accepts(&relayed)["certificates"], 0, "{algorithm}");
    }
}

/// A certificate with its key and the chain above, itself first.
struct Holder {
    signer: Signer,
    chain: Vec<Certificate>,
}

impl Holder {
    fn pem(&self) -> String {
        self.signer.to_pkcs8_pem().expect("a key").expose().clone()
    }
}

/// A maker with a device and a MASA, an owner with a registrar.
struct World {
    maker: Anchors,
    device: Holder,
    masa: Holder,
    registrar: Holder,
}

impl World {
    /// Makes all parties; `None` where the strangers are not installed.
    fn new(algorithm: KeyAlgorithm) -> Option<Self> {
        if !has_python() {
            return None;
        }
        let maker = root(Profile::ManufacturerRoot, algorithm);
        let owner = root(Profile::DomainRoot, algorithm);
        let device = Subject::device(&SERIAL.parse().expect("a serial number"));
        Some(Self {
            device: issue(&maker, Profile::IdevId, device, algorithm),
            masa: issue(&maker, Profile::MasaVoucherSigner, Subject::new("MASA"), algorithm),
            registrar: issue(&owner, Profile::Registrar, Subject::new("registrar.example"), algorithm),
            maker: Anchors::new([maker.certificate().clone()]),
        })
    }

    /// Lets Python ask, and our registrar check and ask on.
    fn registrar_asks(&self, with_names: bool) -> (Vec<u8>, AskMasa) {
        let spki = self.registrar.chain[0].public_key().spki_der();
        let asked = run(
            "pledge-asks",
            &json!({
                "key": self.device.pem(), "registrar_spki": hex(spki), "serial": SERIAL, "nonce": NONCE,
                "with_names": with_names,
            }),
        );
        let octets = unhex(asked["pvr"].as_str().expect("a request"));
        let check = PvrCheck {
            idevid: &self.device.chain[0],
            registrar_certificates: &self.registrar.chain[..1],
            compat: Compat::Strict,
            now: now(),
        };
        let pvr = Pvr::parse(&octets, Format::CoseCbor)
            .and_then(|pvr| pvr.verify(&check))
            .expect("an honest request");
        let draft = registrar::prepare(&pvr, &self.device.chain, now()).expect("a draft");
        (octets, draft.sign(&self.registrar.signer, &self.registrar.chain).expect("a request"))
    }

    fn our_masa_reads(&self, ask: &AskMasa) -> Verified<Rvr> {
        let check = RvrCheck {
            idevid_anchors: &self.maker,
            idevid_pool: &[],
            idevid_expiry: Expiry::Enforce,
            registrar: RegistrarAuthentication::None,
            revocation: &|_| Revocation::Good,
            compat: Compat::Strict,
            now: now(),
        };
        Rvr::parse(&ask.rvr, Format::CoseCbor).and_then(|rvr| rvr.verify(&check)).expect("an honest request")
    }

    fn registrar_relays(&self, ask: &AskMasa, voucher: &[u8]) -> Vec<u8> {
        let media_type = Some(Format::CoseCbor.media_type());
        let reply = MasaReply { status: 200, media_type, retry_after_seconds: None, body: voucher };
        let trust = VoucherTrust { anchors: &self.maker, clock: Some(now()), compat: Compat::Strict };
        ask.awaiting.clone().resume(&reply, &trust).expect("an honest voucher").to_relay().to_vec()
    }

    fn pledge_accepts(&self, voucher: &[u8]) -> Value {
        let masa = hex(self.masa.chain[0].der());
        run(
            "pledge-accepts",
            &json!({ "voucher": hex(voucher), "masa": masa, "serial": SERIAL, "nonce": NONCE }),
        )
    }
}

fn now() -> UnixTime {
    "2026-11-25T06:00:00Z".parse().expect("a date")
}

fn template(profile: Profile, subject: Subject, signer: &Signer) -> Template {
    let validity = (UnixTime::from_seconds(1_790_000_000), UnixTime::from_seconds(1_900_000_000));
    let serial = random_serial().expect("random octets");
    let mut template = Template::new(profile, subject, signer.public_key().clone(), serial, validity);
    if profile == Profile::IdevId {
        template.not_after = UnixTime::NO_END;
        template.masa_url = Some("masa.example".to_owned());
    }
    if profile == Profile::Registrar {
        template.dns_names = vec!["registrar.example".to_owned()];
    }
    template
}

fn root(profile: Profile, algorithm: KeyAlgorithm) -> Issuer {
    let signer = Signer::generate(algorithm).expect("a key");
    let certificate = self_sign(&template(profile, Subject::new("root"), &signer), &signer).expect("a root");
    Issuer::new(certificate, signer).expect("an issuer")
}

fn issue(issuer: &Issuer, profile: Profile, subject: Subject, algorithm: KeyAlgorithm) -> Holder {
    let signer = Signer::generate(algorithm).expect("a key");
    let certificate = issuer.issue(&template(profile, subject, &signer)).expect("a certificate");
    Holder { signer, chain: vec![certificate, issuer.certificate().clone()] }
}

/// Tells whether the strangers are there. Elsewhere than in CI a test without them ends here, and says so.
fn has_python() -> bool {
    let is_there = program::run(PYTHON, ["-c", "import cbor2, cryptography"]).is_success;
    assert!(is_there || env::var_os("CI").is_none(), "python3-cbor2 is missing: run `make deps`");
    if !is_there {
        // Nobody but the reader is told; the test passes without having tested.
        let _ = writeln!(io::stderr(), "SKIPPED: python3-cbor2 is missing; `make deps` installs it");
    }
    is_there
}

fn run(role: &str, given: &Value) -> Value {
    let script = repository::root().join("tests/interop/cose_python/party.py").display().to_string();
    let ran = program::run_with_input(PYTHON, [script.as_str(), role], given.to_string().as_bytes()).well();
    serde_json::from_slice(&ran.stdout).expect("the script prints JSON")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).filter_map(|digit| digit.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
