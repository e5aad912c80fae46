//! Certificates and requests for the tests.

use pki::csr::{self, Request};
use pki::{
    Certificate, Csr, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, Unverified, self_sign,
};
use proto::{SerialNumber, UnixTime};
use proto_est::{body, parse_csr};

/// The serial number of the honest device.
pub(crate) const SERIAL_NUMBER: &str = "J-0042";

pub(crate) fn serial_number(text: &str) -> SerialNumber {
    text.parse().expect("a serial number")
}

pub(crate) fn signer() -> Signer {
    Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key")
}

fn template(profile: Profile, subject: Subject, signer: &Signer) -> Template {
    let serial = pki::random_serial().expect("random bytes");
    let validity = (UnixTime::from_seconds(1_700_000_000), UnixTime::from_seconds(1_900_000_000));
    Template::new(profile, subject, signer.public_key().clone(), serial, validity)
}

/// Makes a root and the CA under it.
pub(crate) fn domain() -> (Issuer, Issuer) {
    let (root_key, issuing_key) = (signer(), signer());
    let root = self_sign(&template(Profile::DomainRoot, Subject::new("root"), &root_key), &root_key)
        .expect("a root");
    let root = Issuer::new(root, root_key).expect("an issuer");
    let issuing =
        root.issue(&template(Profile::DomainIssuing, Subject::new("issuing"), &issuing_key)).expect("a CA");
    (root, Issuer::new(issuing, issuing_key).expect("an issuer"))
}

/// Makes a device's certificate, with a name in subjectAltName or with none.
pub(crate) fn device_certificate(
    key: &Signer,
    serial_number: &SerialNumber,
    dns_name: Option<&str>,
) -> Certificate {
    let (_, issuing) = domain();
    let mut template = template(Profile::LdevId, Subject::device(serial_number), key);
    template.dns_names = dns_name.into_iter().map(str::to_owned).collect();
    issuing.issue(&template).expect("a certificate")
}

/// Sends a request through the body in which a client would send it.
pub(crate) fn received(request: &Request, key: &Signer) -> Unverified<Csr> {
    let der = csr::create(request, key).expect("a request");
    parse_csr(body::encode(&der).as_bytes()).expect("a body").0
}
