//! When an LDevID past its end may still be renewed, and that it opens nothing else.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use onboarding_server::app::enroll::{CsrBody, enroll};
use onboarding_server::app::report_status::{ReportBody, report_status};
use onboarding_server::clock::Clock;
use onboarding_server::context::{Context, OwnerContext};
use onboarding_server::metrics::Metrics;
use pki::{Certificate, KeyAlgorithm, Profile, Signer, Subject, Template, csr, random_serial};
use proto::{Fingerprint, SerialNumber, UnixTime, Version};
use server_config::Config;
use server_listen::Peer;
use server_store::{
    BeginCertificate, BeginVoucher, Begun, Blob, CertificateDraft, CertificateKey, CompleteCertificate,
    CompleteVoucher, ConfirmEnrollment, ReportKind, Stamp, Taken, Text, VoucherIntake,
};

/// How long the LDevID is valid, in seconds.
const VALIDITY_SECONDS: u64 = 86_400;

struct World {
    _directory: tempfile::TempDir,
    context: Arc<Context>,
    /// Seconds since the start.
    time: Arc<AtomicU64>,
    begun_at: UnixTime,
}

impl World {
    fn new(owner: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = common::first_config().render().replace("[owner]", &format!("[owner]\n{owner}"));
        let config = Config::parse(&text, directory.path()).unwrap();
        common::make_material(&config);
        // A certificate tells its end in whole seconds.
        let begun_at = UnixTime::from_seconds(Clock::system().now().as_seconds());
        let time = Arc::new(AtomicU64::new(0));
        let passed = Arc::clone(&time);
        let clock =
            Clock::from_fn(move || begun_at.plus(Duration::from_secs(passed.load(Ordering::Relaxed))));
        let context = Context::open(Arc::new(config), clock, Metrics::new()).unwrap();
        Self { _directory: directory, context: Arc::new(context), time, begun_at }
    }

    fn owner(&self) -> &OwnerContext {
        self.context.owner.as_ref().unwrap()
    }

    /// Puts a device on record that is aboard, and returns it as it connects.
    fn aboard(&self, serial: &SerialNumber, signer: &Signer) -> Peer {
        let store = self.owner().store.store();
        let stamp = || Stamp::system(self.begun_at);
        let intake = VoucherIntake {
            manufacturer: "test-maker".parse().unwrap(),
            serial: serial.clone(),
            idevid: fingerprint(1),
            idevid_certificate: Blob::new("idevid").unwrap(),
            pvr_digest: fingerprint(2),
            nonce: None,
            facts: Blob::new("facts").unwrap(),
        };
        let awaiting = Blob::new("awaiting").unwrap();
        let begin = BeginVoucher { intake, expected: None, awaiting };
        let Taken::New { device, version, .. } = store.execute(stamp(), begin).unwrap() else { panic!() };
        let complete = CompleteVoucher {
            pvr_digest: fingerprint(2),
            expected: version,
            voucher: Blob::new("voucher").unwrap(),
            assertion: Text::new("proximity").unwrap(),
        };
        let version = store.execute(stamp(), complete).unwrap().version;
        let (ldevid, version) = self.issue((device, version), serial, signer);
        let confirm = ConfirmEnrollment { device, expected: version, certificate: ldevid.fingerprint() };
        store.execute(stamp(), confirm).unwrap();
        let chain = vec![ldevid, self.owner().issuer.certificate().clone()];
        Peer::new(SocketAddr::from(([127, 0, 0, 1], 4711)), None, chain)
    }

    fn issue(
        &self,
        (device, expected): (proto::DeviceId, Version),
        serial: &SerialNumber,
        signer: &Signer,
    ) -> (Certificate, Version) {
        let issuer = &self.owner().issuer;
        let validity = (self.begun_at, self.begun_at.plus(Duration::from_secs(VALIDITY_SECONDS)));
        let key = signer.public_key().clone();
        let number = random_serial().unwrap();
        let template = Template::new(Profile::LdevId, Subject::device(serial), key, number, validity);
        let prepared = issuer.prepare(&template).unwrap();
        let certificate_key = CertificateKey {
            issuer: issuer.certificate().subject_key_id().unwrap().clone(),
            serial: template.serial.clone(),
        };
        let draft = CertificateDraft {
            key: certificate_key.clone(),
            csr_digest: fingerprint(3),
            public_key: template.public_key.fingerprint(),
            tbs_digest: prepared.digest(),
            not_before: template.not_before,
            not_after: template.not_after,
            draft: Blob::new(prepared.der()).unwrap(),
        };
        let store = self.owner().store.store();
        let begin = BeginCertificate { device, expected, draft, repeats_since_at: self.begun_at };
        let begun = store.execute(Stamp::system(self.begun_at), begin).unwrap();
        let Begun::New { version } = begun else { panic!() };
        let certificate = issuer.sign(prepared).unwrap();
        let complete = CompleteCertificate {
            key: certificate_key,
            expected: version,
            certificate: Blob::new(certificate.der()).unwrap(),
            fingerprint: certificate.fingerprint(),
            overlap_until: self.begun_at,
        };
        let changed = store.execute(Stamp::system(self.begun_at), complete).unwrap();
        (certificate, changed.version)
    }

    /// Renews so many seconds after the end and returns the reason when that is refused.
    async fn renew(&self, peer: &Peer, signer: &Signer, seconds_after_end: u64) -> Result<(), String> {
        self.time.store(VALIDITY_SECONDS + seconds_after_end, Ordering::Relaxed);
        let subject_der = Some(peer.certificate().unwrap().subject_der().to_vec());
        let request = csr::Request { subject_der, ..csr::Request::default() };
        let der = csr::create(&request, signer).unwrap();
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        let renewed = enroll(&self.context, peer, CsrBody::Base64(body.as_bytes())).await;
        renewed.map(drop).map_err(|refusal| refusal.code().to_string())
    }
}

fn fingerprint(octet: u8) -> Fingerprint {
    Fingerprint::from_array([octet; 32])
}

fn device() -> (SerialNumber, Signer) {
    ("S-1".parse().unwrap(), Signer::generate(KeyAlgorithm::EcdsaP256).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_grace_the_end_of_an_ldevid_is_the_end() {
    let world = World::new("");
    let (serial, signer) = device();
    let peer = world.aboard(&serial, &signer);
    assert_eq!(world.renew(&peer, &signer, 1).await, Err("policy-certificate-expired".to_owned()));
    assert_eq!(world.renew(&peer, &signer, 0).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_grace_a_device_that_was_switched_off_renews_and_may_do_nothing_else() {
    let world = World::new("renewal_grace_seconds = 60");
    let (serial, signer) = device();
    let peer = world.aboard(&serial, &signer);
    assert_eq!(world.renew(&peer, &signer, 61).await, Err("policy-certificate-expired".to_owned()));
    assert_eq!(world.renew(&peer, &signer, 60).await, Ok(()));
    let report = br#"{"version":1,"status":true}"#;
    let reported =
        report_status(&world.context, &peer, ReportKind::Enrollment, ReportBody::Json(report)).await;
    assert_eq!(reported.unwrap_err().code().as_str(), "peer-certificate-untrusted");
}
