//! What the crate tests share: a small PKI and a way to ask OpenSSL.
#![allow(dead_code, clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "shared by tests")]

use std::path::Path;
use std::process::Command;

use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, Subject, Template, random_serial, self_sign};
use proto::UnixTime;

/// The middle of the validity of everything below.
pub(crate) fn now() -> UnixTime {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

pub(crate) fn validity() -> (UnixTime, UnixTime) {
    ("2026-01-01T00:00:00Z".parse().unwrap(), "2056-01-01T00:00:00Z".parse().unwrap())
}

pub(crate) fn signer() -> Signer {
    Signer::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

/// A template that fits its profile.
pub(crate) fn template(profile: Profile, key: &Signer) -> Template {
    let serial_number = "SN-0001".parse().unwrap();
    let mut subject = match profile {
        Profile::IdevId | Profile::LdevId => Subject::device(&serial_number),
        _ => Subject::new(&format!("{profile:?}")),
    };
    subject.organization = Some("Acme Works".into());
    match profile {
        Profile::Operator => subject.organizational_unit = Some("viewer".into()),
        Profile::Station => {
            subject.organizational_unit = Some("station".into());
            subject.locality = Some("line-7".into());
        }
        _ => {}
    }
    let mut template =
        Template::new(profile, subject, key.public_key().clone(), random_serial().unwrap(), validity());
    match profile {
        Profile::IdevId => {
            template.not_after = UnixTime::NO_END;
            template.masa_url = Some("masa.acme.example:9443".into());
            template.mud_url = Some("https://mud.acme.example/lamp.json".into());
        }
        Profile::TlsServer | Profile::Registrar => template.dns_names = vec!["registrar.example".into()],
        _ => {}
    }
    template
}

pub(crate) fn root(profile: Profile, algorithm: KeyAlgorithm) -> Issuer {
    let signer = Signer::generate(algorithm).unwrap();
    let certificate = self_sign(&template(profile, &signer), &signer).unwrap();
    Issuer::new(certificate, signer).unwrap()
}

pub(crate) fn below(issuer: &Issuer, profile: Profile, algorithm: KeyAlgorithm) -> Issuer {
    let signer = Signer::generate(algorithm).unwrap();
    let certificate = issuer.issue(&template(profile, &signer)).unwrap();
    Issuer::new(certificate, signer).unwrap()
}

pub(crate) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn pem(certificates: &[&Certificate]) -> String {
    certificates.iter().map(|c| c.to_pem()).collect()
}

/// Runs OpenSSL and returns whether it succeeded and all that it said.
pub(crate) fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed (make deps)");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
