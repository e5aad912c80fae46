//! The parties whose messages are bent: those of RFC 8995 appendix C, whose keys are public, and strangers.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::cms::SignedData;
use pki::path::{Anchors, Revocation};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Secret, Signer, Subject, Template, self_sign};
use proto::UnixTime;

/// Includes a file of the vectors as text.
macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/rfc8995-anima-bootstrap/examples/", $name))
    };
}

/// Those who exchange the messages of RFC 8995 appendix C.
pub(super) struct World {
    pub(super) idevid: Certificate,
    pub(super) idevid_signer: Signer,
    pub(super) registrar: Certificate,
    pub(super) registrar_signer: Signer,
    pub(super) owner_ca: Certificate,
    pub(super) masa: Certificate,
    pub(super) masa_signer: Signer,
    pub(super) vendor: Certificate,
    pub(super) vendor_anchors: Anchors,
    pub(super) pvr: Vec<u8>,
    pub(super) rvr: Vec<u8>,
    pub(super) voucher: Vec<u8>,
    /// All certificates that the vendor's key signed.
    certified: Vec<Certificate>,
    /// A CA that has nothing to do with any of them.
    pub(super) stranger: Issuer,
    pub(super) stranger_anchors: Anchors,
}

pub(super) static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let (vendor, stranger) = (certificate(vector!("vendor.crt")), stranger());
        let (pvr, voucher) = (vector!("vr_00-D0-E5-F2-00-02.b64"), vector!("voucher_00-D0-E5-F2-00-02.b64"));
        let (pvr, voucher) = (decoded(pvr), decoded(voucher));
        let idevid = certificate(vector!("idevid_00-D0-E5-F2-00-02.crt"));
        let masa = certificate(vector!("masa.crt"));
        let inside = [certificates(&pvr), certificates(&voucher)].concat();
        Self {
            certified: [vec![idevid.clone(), masa.clone(), vendor.clone()], inside].concat(),
            idevid,
            idevid_signer: signer(vector!("idevid_00-D0-E5-F2-00-02.key")),
            registrar: certificate(vector!("jrc_prime256v1.crt")),
            registrar_signer: signer(vector!("jrc_prime256v1.key")),
            owner_ca: certificate(vector!("ownerca_secp384r1.crt")),
            masa,
            masa_signer: signer(vector!("masa.key")),
            vendor_anchors: Anchors::new([vendor.clone()]),
            vendor,
            pvr,
            rvr: decoded(vector!("parboiled_vr_00-D0-E5-F2-00-02.b64")),
            voucher,
            stranger_anchors: Anchors::new([stranger.certificate().clone()]),
            stranger,
        }
    }

    /// Tells whether the vendor's key signed these to-be-signed octets, in a certificate of the vectors.
    pub(super) fn is_certified(&self, signed_der: &[u8]) -> bool {
        self.certified.iter().any(|certificate| certificate.signed_der() == signed_der)
    }
}

/// A moment after the exchange of the example, within the validity of all its certificates.
pub(super) fn that_day() -> UnixTime {
    UnixTime::from_seconds(1_618_358_400)
}

/// A moment seventeen days later, when the certificate that stands by itself in the vectors is valid too.
pub(super) fn later() -> UnixTime {
    that_day().plus(core::time::Duration::from_secs(17 * 24 * 3600))
}

/// Knows nothing against any certificate.
pub(super) fn good(_: &Certificate) -> Revocation {
    Revocation::Good
}

/// Makes a CA of its own.
fn stranger() -> Issuer {
    let signer = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let serial = pki::random_serial().expect("random bytes");
    let validity = (UnixTime::from_seconds(1_600_000_000), UnixTime::from_seconds(2_000_000_000));
    let subject = Subject::new("A stranger");
    let template =
        Template::new(Profile::ManufacturerRoot, subject, signer.public_key().clone(), serial, validity);
    Issuer::new(self_sign(&template, &signer).expect("a root"), signer).expect("an issuer")
}

/// Lists the certificates that came in a message.
fn certificates(message: &[u8]) -> Vec<Certificate> {
    let message = SignedData::parse(message).expect("a message of the vectors");
    message.certificates().expect("certificates of the vectors")
}

fn certificate(pem: &str) -> Certificate {
    Certificate::from_pem(pem).expect("a certificate of the vectors")
}

pub(super) fn signer(pem: &str) -> Signer {
    Signer::from_pkcs8_pem(&Secret::new(pem.to_owned())).expect("a key of the vectors")
}

fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text.split_whitespace().collect::<String>()).expect("a message of the vectors")
}
