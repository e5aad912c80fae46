//! The seeds made by hand: one well-formed input or more for each target, from the vectors and of our own making.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::cms::{self, SignedData};
use pki::crl::{self, CrlEntry, CrlTemplate, RevocationReason};
use pki::csr::{self, Request};
use pki::{
    Certificate, HardwareModuleName, Issuer, KeyKind, Profile, Secret, Signer, Subject, Template, self_sign,
};
use proto::{CertificateSerial, ContentFormat, UnixTime};
use proto_brski::Format;
use proto_brski::pledge::{self, PvrContent};
use proto_est::CsrAttrs;
use proto_est::coap::multipart::{self, Part};
use proto_voucher::{Assertion, Extension, ExtensionName, Nonce, Opaque, Pins, Voucher, cbor, json};
use tests::repository;

use super::records;

/// One input made by hand.
pub(crate) struct Seed {
    pub(crate) target: &'static str,
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn seed(target: &'static str, name: &'static str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { target, name, bytes: bytes.into() }
}

/// Makes all seeds. Those that hold a signature differ each time, as signatures do.
pub(crate) fn all() -> Vec<Seed> {
    [
        certificates(),
        requests(),
        messages(),
        constrained(),
        coap(),
        dtls(),
        vouchers(),
        texts(),
        records::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn certificates() -> Vec<Seed> {
    let chain = [certificate("jrc_prime256v1.crt").to_pem(), certificate("ownerca_secp384r1.crt").to_pem()];
    vec![
        seed("certificate", "idevid", certificate("idevid_00-D0-E5-F2-00-02.crt").der()),
        seed("certificate", "registrar", certificate("jrc_prime256v1.crt").der()),
        seed("certificate", "masa", certificate("masa.crt").der()),
        seed("certificate", "vendor", certificate("vendor.crt").der()),
        seed("certificate", "everything", everything().der()),
        seed("pem", "one", certificate("vendor.crt").to_pem()),
        seed("pem", "chain", format!("A comment\n{}", chain.concat())),
        seed("pem", "other", "-----BEGIN X-----\nAAAA\n-----END X-----\n"),
        seed("private_key", "sec1", [5]),
        seed("private_key", "pkcs8", [8]),
        seed("private_key", "ed25519", [12]),
        seed("private_key", "damaged", [8, 40, 1, 60, 0x80]),
        seed("private_key", "foreign", [0, 0x30, 3, 2, 1, 0]),
        seed("crl", "vendor", vendor_crl()),
    ]
}

fn requests() -> Vec<Seed> {
    let attributes = |kind: KeyKind| CsrAttrs::for_key(kind).and_then(|a| a.to_der()).expect("attributes");
    let encoded = |path| STANDARD.encode(vector(path));
    vec![
        seed("csr", "rfc7030", vector("rfc7030/a3-enroll-csr.der")),
        seed("csr", "rfc7030-keygen", vector("rfc7030/a4-skg-csr.der")),
        seed("csr", "rfc9148", vector("rfc9148/a2-sen-csr.der")),
        seed("csr", "rfc9148-keygen", vector("rfc9148/a3-skg-csr.der")),
        seed("csr", "wicked", wicked_request()),
        seed("csr_attrs", "rfc7030", vector("rfc7030/a2-csrattrs.der")),
        seed("csr_attrs", "rfc9148", vector("rfc9148/a4-att.csrattrs.der")),
        seed("csr_attrs", "p256", attributes(KeyKind::P256)),
        seed("csr_attrs", "ed25519", attributes(KeyKind::Ed25519)),
        seed("est_body", "request", encoded("rfc9148/a2-sen-csr.der")),
        seed("est_body", "request-der", vector("rfc9148/a2-sen-csr.der")),
        seed("est_body", "issued", encoded("rfc9148/a2-sen-resp.p7.der")),
        seed("est_body", "cacerts", encoded("rfc9148/a1-crts.p7.der")),
        seed("est_body", "attributes", encoded("rfc7030/a2-csrattrs.der")),
        seed("est_body", "lines", "MAMC\r\nAQE=\r\n"),
    ]
}

fn messages() -> Vec<Seed> {
    let (pvr, rvr, voucher) = (message("vr"), message("parboiled_vr"), message("voucher"));
    vec![
        seed("cms", "pvr", pvr.clone()),
        seed("cms", "rvr", rvr.clone()),
        seed("cms", "voucher", voucher.clone()),
        seed("cms", "strict", resigned(&pvr, "idevid_00-D0-E5-F2-00-02")),
        seed("cms", "cacerts", vector("rfc7030/a1-cacerts.p7.der")),
        seed("cms", "issued", vector("rfc9148/a2-sen-resp.p7.der")),
        seed("voucher_request", "strict", resigned(&pvr, "idevid_00-D0-E5-F2-00-02")),
        seed("voucher_request", "pvr", pvr),
        seed("voucher_request", "rvr", rvr),
        seed("voucher", "strict", resigned(&voucher, "masa")),
        seed("voucher", "rfc8995", voucher),
    ]
}

fn constrained() -> Vec<Seed> {
    let message = |path: &str| {
        let text = vector(&format!("cbrski-constrained-voucher/examples/{path}"));
        let digits: Vec<u8> = text.into_iter().filter(u8::is_ascii_hexdigit).collect();
        let octet =
            |pair: &[u8]| core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        digits.chunks(2).map(|pair| octet(pair).expect("hex")).collect::<Vec<u8>>()
    };
    let idevid = certificate("idevid_00-D0-E5-F2-00-02.crt");
    // What stands for the key is none.
    let parts = [
        Part { format: ContentFormat::PKCS8, body: &[0x30, 0] },
        Part { format: ContentFormat::PKIX_CERT, body: idevid.der() },
    ];
    vec![
        seed("cose", "pvr", message("cose-examples/pvr.hex")),
        seed("cose", "rvr", message("cose-examples/rvr.hex")),
        seed("cose", "voucher", message("script-cose-examples/cose-hex/voucher.hex")),
        seed("voucher_cbor", "pvr", message("cose-examples/pvr-nonsigned.hex")),
        seed("voucher_cbor", "rvr", message("cose-examples/rvr-nonsigned.hex")),
        seed("voucher_cbor", "voucher", message("cose-examples/voucher-nonsigned.hex")),
        seed("voucher_cbor", "strict", strict_request_in_cbor()),
        seed("voucher_cbor", "everything", cbor::write_voucher(&full_voucher_in_cbor()).expect("a voucher")),
        seed("voucher_request", "cose", message("cose-examples/rvr.hex")),
        seed("telemetry", "cbor", message("voucher-status.hex")),
        seed("est_coap", "request", vector("rfc9148/a2-sen-csr.der")),
        seed("est_coap", "crts", vector("rfc9148/a1-crts.p7.der")),
        seed("est_coap", "certificate", idevid.der()),
        seed("est_coap", "key", multipart::write(&parts)),
        seed("cbor", "pvr", message("cose-examples/pvr-nonsigned.hex")),
        seed("cbor", "rvr", message("cose-examples/rvr.hex")),
        seed(
            "cbor",
            "kinds",
            [0x9f, 0x20, 0xf6, 0xf5, 0xf9, 0x3c, 0, 0xa1, 0x61, b'a', 0x42, 1, 2, 0xc1, 0x18, 24, 0xff],
        ),
    ]
}

fn coap() -> Vec<Seed> {
    // Peer 0 (even) or 1: 3 << 1 makes a request in order, its shape in the upper four bits; 0 takes octets as they are.
    let get = [0x00, 9, 0x44, 1, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd, 0xb1, b'x'];
    let observe = [0x01, 12, 0x44, 1, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd, 0x60, 0x51, b'x', 0xff];
    let reset = [0x00, 4, 0x70, 0, 0, 1];
    // A first block without proof, then each with it.
    let blocks = [0x56, 0, 0xd6, 8, 0xd6, 17, 0xd6, 26, 0xd6, 35, 0x0a, 200, 0x96, 41, 0xc6, 50, 0xc6, 59];
    let ours = [0x0c, 201, 0x0d, 102, 0x0a, 60, 0x0a, 250, 0x0a, 250, 0x2e, 0, 0x0e, 1, 0x8e, 101];
    let history = |first: u8, steps: &[&[u8]]| [&[first], steps.concat().as_slice()].concat();
    vec![
        seed("coap_engine", "strangers", history(0, &[&get, &get, &observe, &blocks, &reset])),
        seed("coap_engine", "blocks", history(8, &[&blocks, &blocks, &ours])),
        seed("coap_engine", "proven", history(1, &[&observe, &ours, &blocks, &get])),
        seed("coap_values", "none", []),
        seed("coap_values", "block", [0x0e]),
        seed("coap_values", "path", [0x01, 0x92]),
        seed("coap_values", "long", [0, 0, 1, 0x2d]),
        seed("link_format", "plain", "1\n/.well-known/brski\nrt\nbrski brski.rv\nrt=brski*"),
        seed("link_format", "sly", "2\n/a>,</evil\ntitle\nx\";rt=\"evil\\\n/b\nhref\n7\nhref=/b\nobs=*"),
    ]
}

/// The first ClientHello of each client that we have, and the second of DTLS 1.3, which begins nothing without a cookie.
fn dtls() -> Vec<Seed> {
    let signer = Signer::generate(pki::KeyAlgorithm::EcdsaP256).expect("a key");
    let subject = Subject::new("a device");
    let serial = pki::random_serial().expect("a serial number");
    let validity = (UnixTime::from_seconds(1_700_000_000), UnixTime::NO_END);
    let template = Template::new(Profile::DomainRoot, subject, signer.public_key().clone(), serial, validity);
    let own = self_sign(&template, &signer).expect("a certificate");
    let identity = proto_dtls::Identity { chain: vec![own], signer };
    let config = proto_dtls::Config::new(identity, std::sync::Arc::new(|_: &[Certificate], _| Ok(())));
    let hello = |offer| {
        let now = UnixTime::from_seconds(1_795_000_000);
        let client = proto_dtls::Client::connect(&config, offer, now, std::time::Instant::now());
        client.expect("a client").poll_transmit().expect("a ClientHello")
    };
    vec![
        seed("client_hello", "ccm-8", hello(proto_dtls::Offer::Dtls12Ccm8)),
        seed("client_hello", "gcm", hello(proto_dtls::Offer::Dtls12GcmLeaf)),
        seed("client_hello", "dtls-1-3", hello(proto_dtls::Offer::Dtls13)),
    ]
}

fn vouchers() -> Vec<Seed> {
    let content = |der: Vec<u8>| {
        SignedData::parse(der).map(|signed| signed.unverified_content().to_vec()).expect("a signed message")
    };
    vec![
        seed("voucher_json", "pvr", content(message("vr"))),
        seed("voucher_json", "rvr", content(message("parboiled_vr"))),
        seed("voucher_json", "voucher", content(message("voucher"))),
        seed("voucher_json", "strict", content(strict_pvr())),
        seed("voucher_json", "everything", json::write_voucher(&full_voucher()).expect("a voucher")),
        seed("telemetry", "success", r#"{"version":1,"status":true}"#),
        seed(
            "telemetry",
            "failure",
            r#"{"version":1,"status":false,"reason":"no","reason-context":{"a":[1,-0.5,null]},"new":1}"#,
        ),
        seed(
            "audit_log",
            "rfc8995",
            r#"{"version":"1","events":[{"date":"2019-05-15T17:25:55.644-04:00","domainID":"BduJhdHPpfhQLyponf48JzXSGZ8=","nonce":"VOUFT-WwrEv0NuAQEHoV7Q","assertion":"proximity","truncated":"0"}],"truncation":{"nonced duplicates":"0","nonceless duplicates":"1","arbitrary":"2"}}"#,
        ),
        seed(
            "audit_log",
            "plain",
            r#"{"version":1,"events":[{"date":"2026-11-25T00:00:00Z","domainID":"AQ==","nonce":null,"assertion":"logged"}]}"#,
        ),
    ]
}

fn texts() -> Vec<Seed> {
    let example = fs::read(repository::root().join("deploy/config.example.toml")).expect("the example");
    vec![
        seed("config", "example", example),
        seed("config", "small", include_str!("small.toml")),
        seed("masa_url", "authority", "Masa.Example:9443"),
        seed("masa_url", "url", "https://masa.example/a/b/"),
        seed("masa_url", "address", "[::1]:443"),
        seed(
            "import_rows",
            "csv",
            "\0manufacturer,serial,product,labels\n# x\nacme,A-1,lamp,\"a=b;c=\"\"d\"\"\"\n,,\n",
        ),
        seed(
            "import_rows",
            "jsonl",
            "\x01{\"manufacturer\":\"acme\",\"serial\":\"A-1\",\"labels\":{\"a\":\"b\"}}\n{}\n",
        ),
        seed(
            "http_fields",
            "est",
            "Application/PKCS10; a=b\ntext/html;q=0, */*\n120\nhttps://[::1]:8443/\n/.well-known/est/ca-2/cacerts",
        ),
        seed(
            "http_fields",
            "refusal",
            "application/json\napplication/*;q=0.0\nWed, 25 Nov 2026 05:00:00 GMT\nhost:1\nest-csr: no.",
        ),
        seed("identifiers", "serial", "00-D0-E5-F2-00-02"),
        seed("identifiers", "hex", "00112233445566778899aabbccddeeff"),
        seed("identifiers", "time", "2016-12-31T23:59:60.25+01:00"),
        seed("identifiers", "oid", "1.2.840.113549.1.9.16.1.40"),
        seed("identifiers", "oid-der", b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x28".as_slice()),
        seed("identifiers", "method", "/onboarding.v1.DeviceService/ListDevices"),
    ]
}

fn vector(path: &str) -> Vec<u8> {
    fs::read(repository::root().join("tests/vectors").join(path)).expect("a vector")
}

fn example(name: &str) -> String {
    let bytes = vector(&format!("rfc8995-anima-bootstrap/examples/{name}"));
    String::from_utf8(bytes).expect("a text")
}

pub(crate) fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&example(name)).expect("a certificate")
}

pub(crate) fn signer(name: &str) -> Signer {
    Signer::from_pkcs8_pem(&Secret::new(example(name))).expect("a key")
}

fn message(name: &str) -> Vec<u8> {
    let text = example(&format!("{name}_00-D0-E5-F2-00-02.b64"));
    STANDARD.decode(text.split_whitespace().collect::<String>()).expect("base64")
}

fn serial(octet: u8) -> CertificateSerial {
    CertificateSerial::new(&[octet; 16]).expect("a serial number")
}

/// A certificate with everything that an IDevID of ours can have.
fn everything() -> Certificate {
    let key = signer("masa.key");
    let subject = Subject {
        organization: Some("Works".to_owned()),
        locality: Some("Hall 3".to_owned()),
        ..Subject::new("Press")
    };
    let validity = (UnixTime::from_seconds(1_600_000_000), UnixTime::NO_END);
    let root =
        Template::new(Profile::ManufacturerRoot, subject, key.public_key().clone(), serial(1), validity);
    let issuer = Issuer::new(self_sign(&root, &key).expect("a root"), key).expect("an issuer");
    let subject = Subject::device(&"00-D0-E5-F2-00-02".parse().expect("a serial number"));
    let device = signer("idevid_00-D0-E5-F2-00-02.key").public_key().clone();
    let mut template = Template::new(Profile::IdevId, subject, device, serial(2), validity);
    template.dns_names = vec!["lamp.example".to_owned()];
    template.ip_addresses = vec![[10, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    template.uris = vec!["urn:dev:1".to_owned()];
    template.masa_url = Some("masa.example:9443".to_owned());
    template.mud_url = Some("https://mud.example/lamp.json".to_owned());
    template.crl_url = Some("http://crl.example/x.crl".to_owned());
    let hardware_type = "1.3.6.1.4.1.1".parse().expect("an identifier");
    template.hardware_module_name = Some(HardwareModuleName { hardware_type, serial: vec![1, 2, 3] });
    issuer.issue(&template).expect("a certificate")
}

fn vendor_crl() -> Vec<u8> {
    let issuer = Issuer::new(certificate("vendor.crt"), signer("vendor.key")).expect("an issuer");
    let at = |seconds| UnixTime::from_seconds(1_618_000_000 + seconds);
    let entry = |octet, reason| CrlEntry { serial: serial(octet), revoked_at: at(u64::from(octet)), reason };
    let template = CrlTemplate {
        number: 7,
        this_update: at(0),
        next_update: at(10_000_000),
        entries: vec![entry(1, RevocationReason::Unspecified), entry(2, RevocationReason::CertificateHold)],
    };
    crl::issue(&issuer, &template).expect("a list")
}

/// A request of the device of the vectors for all that it must not get.
fn wicked_request() -> Vec<u8> {
    let subject = Subject::device(&"00-D0-E5-F2-00-02".parse().expect("a serial number"));
    let names = [0x30, 5, 0x82, 3, b'a', b'.', b'b'];
    let mut request = Request::new(subject).asking_for_ca().with_subject_alt_name(&names);
    request.challenge_password = Some("secret".to_owned());
    csr::create(&request, &signer("idevid_00-D0-E5-F2-00-02.key")).expect("a request")
}

/// A request of the device of the vectors in the form that the RFCs ask for.
fn strict_pvr() -> Vec<u8> {
    let (idevid, registrar) =
        (certificate("idevid_00-D0-E5-F2-00-02.crt"), certificate("jrc_prime256v1.crt"));
    let at = Some(UnixTime::from_seconds(1_619_800_000));
    let content =
        PvrContent::honest(&idevid, &registrar, Nonce::from_random([7; 16]), at).expect("a request");
    let key = signer("idevid_00-D0-E5-F2-00-02.key");
    pledge::request(&content, Format::CmsJson, &key, &[idevid]).expect("a request").request().to_vec()
}

/// The content of a message of the vectors in the form that the RFCs ask for, signed by whoever signed it there.
fn resigned(message: &[u8], name: &str) -> Vec<u8> {
    let message = SignedData::parse(message).expect("a message");
    let (key, own) = (signer(&format!("{name}.key")), certificate(&format!("{name}.crt")));
    cms::sign(message.unverified_content(), &key, &[own]).expect("a signed message")
}

/// The same request as data in CBOR.
fn strict_request_in_cbor() -> Vec<u8> {
    let signed = SignedData::parse(strict_pvr()).expect("a message");
    let request = json::parse_voucher_request(signed.unverified_content()).expect("a request");
    cbor::write_voucher_request(&request).expect("a request")
}

/// In CBOR, what is only carried is CBOR.
fn full_voucher_in_cbor() -> Voucher {
    let mut voucher = full_voucher();
    voucher
        .extensions
        .iter_mut()
        .for_each(|extension| extension.content = Some(Opaque::Octets(vec![0x81, 1])));
    voucher
}

/// A voucher that says all that one can say.
fn full_voucher() -> Voucher {
    let registrar = certificate("jrc_prime256v1.crt");
    let at = |seconds: u64| Some(UnixTime::from_seconds(1_618_300_000 + seconds));
    let mut voucher = Voucher::new("00-D0-E5-F2-00-02".parse().expect("a serial number"));
    voucher.assertion = Some(Assertion::Verified);
    voucher.created_at = at(0);
    voucher.expires_at = at(10_000_000);
    voucher.last_renewal_at = at(5_000_000);
    voucher.idevid_issuer = Some(vec![4, 3, 2, 1]);
    voucher.pinned_domain = Pins {
        public_key: Some(registrar.public_key().spki_der().to_vec()),
        public_key_sha256: Some(registrar.public_key().fingerprint()),
        ..Pins::from_certificate(registrar.der())
    };
    voucher.domain_cert_revocation_checks = Some(false);
    voucher.est_domain = Some("https://est.example".to_owned());
    voucher.additional_configuration_url = Some("https://more.example/".to_owned());
    voucher.manufacturer_proprietary = Some(Opaque::Octets(vec![0xff, 0, 1]));
    voucher.extensions = vec![Extension {
        name: ExtensionName::Name("example:more".to_owned()),
        content: Some(Opaque::Json(r#"{"a":[1,2.5,"x"]}"#.to_owned())),
    }];
    voucher
}
